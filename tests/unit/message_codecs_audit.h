/*
 * Least and greatest of the messages of the audit log: a part of message_codecs.h, which includes it.
 */
#ifndef SR_TEST_MESSAGE_CODECS_AUDIT_H
#define SR_TEST_MESSAGE_CODECS_AUDIT_H

static void fill_audit_order(struct sr_audit_order *m, bool greatest)
{
	m->from = greatest ? UINT64_MAX : 0;
	m->to = greatest ? UINT64_MAX - 1 : 0;
}
PAIR(audit_order, sr_audit_order_decode)

static void fill_audit_search(struct sr_audit_search *m, bool greatest)
{
	m->first = greatest ? UINT64_MAX : 0;
	m->from_ms = greatest ? UINT64_MAX - 1 : 0;
	m->to_ms = greatest ? UINT64_MAX - 2 : 0;
	m->kinds = greatest ? SR_AUDIT_KINDS_ANY : 0;
	m->patient.tagged = greatest;
	m->patient.subject = span(greatest ? SR_TAG : 0);
	m->actor.subject = span(greatest ? 255 : 0);
	fill(m->recording, SR_UUID, greatest ? 0xff : 0);
	m->service = span(greatest ? SR_SERVICE_NAME_MAX : 0);
}
PAIR(audit_search, sr_audit_search_decode)

static void fill_audit_entries(struct sr_audit_entries *m, bool greatest)
{
	m->size = greatest ? UINT64_MAX : 0;
	m->next = greatest ? UINT64_MAX : 0;
	fill(m->patient, SR_TAG, 0x77);
	fill(m->actor, SR_TAG, 0x77);
	m->count = greatest ? SR_ENTRIES_PAGE_MAX : 0;
}
PAIR(audit_entries, sr_audit_entries_decode)

static void fill_audit_item(struct sr_audit_item *m, bool greatest)
{
	m->number = greatest ? UINT64_MAX : 0;
	m->json = span(greatest ? SR_AUDIT_ENTRY_MAX : 1);
}
PAIR(audit_item, sr_audit_item_decode)

static void fill_audit_signed(struct sr_audit_signed *m, bool greatest)
{
	m->note = span(greatest ? SR_AUDIT_NOTE_MAX : 1);
	fill(m->key, SR_AUDIT_KEY, 0x77);
}
PAIR(audit_signed, sr_audit_signed_decode)

static void make_audit_number(struct sr_builder *out, bool greatest)
{
	sr_audit_number_encode(out, greatest ? UINT64_MAX : 0);
}

static void again_audit_number(struct sr_cursor *in, struct sr_builder *out)
{
	uint64_t number;

	sr_audit_number_decode(in, &number);
	sr_audit_number_encode(out, number);
}

static void fill_audit_sizes(struct sr_audit_sizes *m, bool greatest)
{
	m->old = greatest ? UINT64_MAX - 1 : 0;
	m->size = greatest ? UINT64_MAX : 0;
}
PAIR(audit_sizes, sr_audit_sizes_decode)

static void fill_audit_proof(struct sr_audit_proof *m, bool greatest)
{
	m->note = span(greatest ? SR_AUDIT_NOTE_MAX : 1);
	m->proof.count = greatest ? SR_PROOF_MAX : 0;
	for (size_t at = 0; at < m->proof.count; at++)
		fill(m->proof.hashes[at], SR_HASH, (uint8_t)at);
}
PAIR(audit_proof, sr_audit_proof_decode)

#endif
