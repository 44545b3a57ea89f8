/*
 * Least and greatest of the messages of incidents: a part of message_codecs.h, which includes it.
 */
#ifndef SR_TEST_MESSAGE_CODECS_INCIDENT_H
#define SR_TEST_MESSAGE_CODECS_INCIDENT_H

static void fill_incident_note(struct sr_incident_note *m, bool greatest)
{
	static const char *const words[] = {"actor",  "checkpoint", "except_patient", "from",      "grant",   "issuer",
					    "number", "patient",    "recording",      "regulator", "service", "since"};
	memset(m, 0, sizeof *m);
	m->name = span(greatest ? SR_INCIDENT_NAME_MAX : 1);
	m->what = greatest ? SR_INCIDENT_REPORT : SR_INCIDENT_OPENED;
	m->at_ms = greatest ? UINT64_MAX : 0;
	m->text = span(greatest ? SR_INCIDENT_TEXT_MAX : 0);
	m->count = greatest ? SR_INCIDENT_FACTS_MAX : 0;
	for (uint8_t at = 0; at < m->count; at++) {
		m->facts[at].name = (struct sr_span){(const uint8_t *)words[at], strlen(words[at])};
		m->facts[at].value = span(at == 0 ? SR_INCIDENT_VALUE_MAX : at);
	}
}
PAIR(incident_note, sr_incident_note_decode)

static void fill_audit_tag(struct sr_audit_tag *m, bool greatest)
{
	m->actor = greatest;
	m->identity = span(greatest ? 255 : 1);
}
PAIR(audit_tag, sr_audit_tag_decode)

static void make_audit_tagged(struct sr_builder *out, bool greatest)
{
	uint8_t tag[SR_TAG];

	fill(tag, sizeof tag, greatest ? 0xff : 0x77);
	sr_audit_tagged_encode(out, tag);
}

static void again_audit_tagged(struct sr_cursor *in, struct sr_builder *out)
{
	uint8_t tag[SR_TAG];

	sr_audit_tagged_decode(in, tag);
	sr_audit_tagged_encode(out, tag);
}

static void make_auditor_key(struct sr_builder *out, bool greatest)
{
	uint8_t key[SR_AUDITOR_KEY];

	fill(key, sizeof key, greatest ? 0xff : 0x77);
	sr_auditor_key_encode(out, key);
}

static void again_auditor_key(struct sr_cursor *in, struct sr_builder *out)
{
	uint8_t key[SR_AUDITOR_KEY];

	sr_auditor_key_decode(in, key);
	sr_auditor_key_encode(out, key);
}

#endif
