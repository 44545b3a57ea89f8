/*
 * The messages of the audit log: its entries in order or as they are searched, its checkpoint, its proofs.
 */
#include "message_audit.h"

#include "message_field.h"

#define SUBJECT_MAX 255

void sr_audit_order_encode(struct sr_builder *out, const struct sr_audit_order *message)
{
	sr_put_u64(out, message->from);
	sr_put_u64(out, message->to);
}

void sr_audit_order_decode(struct sr_cursor *in, struct sr_audit_order *message)
{
	message->from = sr_take_u64(in);
	message->to = sr_take_u64(in);
}

static void put_subject(struct sr_builder *out, const struct sr_audit_subject *subject)
{
	sr_put_u8(out, subject->tagged);
	sr_put_span(out, subject->subject);
}

static void take_subject(struct sr_cursor *in, struct sr_audit_subject *subject)
{
	subject->tagged = sr_take_flag(in);
	subject->subject = sr_take_field(in, SUBJECT_MAX);
	if (subject->tagged && subject->subject.size != SR_TAG)
		sr_take_fail(in);
}

void sr_audit_search_encode(struct sr_builder *out, const struct sr_audit_search *message)
{
	sr_put_u64(out, message->first);
	sr_put_u64(out, message->from_ms);
	sr_put_u64(out, message->to_ms);
	sr_put_u16(out, message->kinds);
	put_subject(out, &message->patient);
	put_subject(out, &message->actor);
	sr_put_bytes(out, message->recording, SR_UUID);
	sr_put_span(out, message->service);
}

void sr_audit_search_decode(struct sr_cursor *in, struct sr_audit_search *message)
{
	message->first = sr_take_u64(in);
	message->from_ms = sr_take_u64(in);
	message->to_ms = sr_take_u64(in);
	message->kinds = sr_take_u16(in);
	if ((message->kinds & ~SR_AUDIT_KINDS_ANY) != 0)
		sr_take_fail(in);
	take_subject(in, &message->patient);
	take_subject(in, &message->actor);
	sr_take_copy(in, message->recording, SR_UUID);
	message->service = sr_take_field(in, SR_SERVICE_NAME_MAX);
	if (message->service.size > 0 &&
	    !sr_service_name_valid((const char *)message->service.data, message->service.size))
		sr_take_fail(in);
}

void sr_audit_entries_encode(struct sr_builder *out, const struct sr_audit_entries *message)
{
	sr_put_u64(out, message->size);
	sr_put_u64(out, message->next);
	sr_put_bytes(out, message->patient, SR_TAG);
	sr_put_bytes(out, message->actor, SR_TAG);
	sr_put_u16(out, message->count);
}

void sr_audit_entries_decode(struct sr_cursor *in, struct sr_audit_entries *message)
{
	message->size = sr_take_u64(in);
	message->next = sr_take_u64(in);
	sr_take_copy(in, message->patient, SR_TAG);
	sr_take_copy(in, message->actor, SR_TAG);
	message->count = sr_take_count(in, SR_ENTRIES_PAGE_MAX);
	if (message->next > message->size || message->count > message->size)
		sr_take_fail(in);
}

void sr_audit_item_encode(struct sr_builder *out, const struct sr_audit_item *item)
{
	sr_put_u64(out, item->number);
	sr_put_span(out, item->json);
}

void sr_audit_item_decode(struct sr_cursor *in, struct sr_audit_item *item)
{
	item->number = sr_take_u64(in);
	item->json = sr_take_field(in, SR_AUDIT_ENTRY_MAX);
	if (item->json.size == 0)
		sr_take_fail(in);
}

static struct sr_span take_note(struct sr_cursor *in)
{
	struct sr_span note = sr_take_field(in, SR_AUDIT_NOTE_MAX);

	if (note.size == 0)
		sr_take_fail(in);
	return note;
}

void sr_audit_signed_encode(struct sr_builder *out, const struct sr_audit_signed *message)
{
	sr_put_span(out, message->note);
	sr_put_bytes(out, message->key, sizeof message->key);
}

void sr_audit_signed_decode(struct sr_cursor *in, struct sr_audit_signed *message)
{
	message->note = take_note(in);
	sr_take_copy(in, message->key, sizeof message->key);
}

void sr_audit_sizes_encode(struct sr_builder *out, const struct sr_audit_sizes *message)
{
	sr_put_u64(out, message->old);
	sr_put_u64(out, message->size);
}

void sr_audit_sizes_decode(struct sr_cursor *in, struct sr_audit_sizes *message)
{
	message->old = sr_take_u64(in);
	message->size = sr_take_u64(in);
	if (message->size != 0 && message->old > message->size)
		sr_take_fail(in);
}

void sr_audit_number_encode(struct sr_builder *out, uint64_t number)
{
	sr_put_u64(out, number);
}

void sr_audit_number_decode(struct sr_cursor *in, uint64_t *number)
{
	*number = sr_take_u64(in);
}

void sr_audit_proof_encode(struct sr_builder *out, const struct sr_audit_proof *message)
{
	sr_put_span(out, message->note);
	sr_put_u16(out, (uint16_t)message->proof.count);
	for (size_t at = 0; at < message->proof.count; at++)
		sr_put_bytes(out, message->proof.hashes[at], SR_HASH);
}

void sr_audit_proof_decode(struct sr_cursor *in, struct sr_audit_proof *message)
{
	message->note = take_note(in);
	message->proof.count = sr_take_count(in, SR_PROOF_MAX);
	for (size_t at = 0; at < message->proof.count; at++)
		sr_take_copy(in, message->proof.hashes[at], SR_HASH);
}
