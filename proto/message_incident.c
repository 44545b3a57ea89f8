/*
 * The messages of incidents: notes, tags, the auditor's public key.
 */
#include "message_incident.h"

#include <string.h>

#include "audit_entry_form.h"
#include "message_field.h"
#include "text.h"

static const char *const whats[SR_INCIDENT_WHATS] = {
	[SR_INCIDENT_OPENED] = "opened",
	[SR_INCIDENT_AWARE] = "aware_at",
	[SR_INCIDENT_NOTICED] = "noticed_by",
	[SR_INCIDENT_CAUSE] = "cause",
	[SR_INCIDENT_CONTAINED] = "contained_at",
	[SR_INCIDENT_AUTHORITY] = "authority_notified",
	[SR_INCIDENT_PEOPLE] = "people_contacted",
	[SR_INCIDENT_NOT_REPORTED] = "not_reported",
	[SR_INCIDENT_CONTACT] = "contact",
	[SR_INCIDENT_CONSEQUENCES] = "consequences",
	[SR_INCIDENT_MEASURES] = "measures",
	[SR_INCIDENT_REMARK] = "remark",
	[SR_INCIDENT_WRONG] = "wrong",
	[SR_INCIDENT_REPORT] = "report",
};

const char *sr_incident_what_name(enum sr_incident_what what)
{
	return (unsigned)what < SR_INCIDENT_WHATS ? whats[what] : NULL;
}

enum sr_incident_what sr_incident_what_parse(const char *word)
{
	for (unsigned what = 1; what < SR_INCIDENT_WHATS; what++)
		if (strcmp(whats[what], word) == 0)
			return (enum sr_incident_what)what;
	return 0;
}

const char *sr_incident_fact_word(struct sr_span name)
{
	static const char *const words[] = {"actor",  "checkpoint", "except_patient", "from",      "grant",   "issuer",
					    "number", "patient",    "recording",      "regulator", "service", "since",
					    "to"};
	for (size_t at = 0; at < sizeof words / sizeof *words; at++)
		if (strlen(words[at]) == name.size && memcmp(words[at], name.data, name.size) == 0)
			return words[at];
	return NULL;
}

static bool is_word(struct sr_span name, const char *word)
{
	return strlen(word) == name.size && memcmp(word, name.data, name.size) == 0;
}

static bool is_tag(struct sr_span value)
{
	bool hex = value.size == 2 * SR_TAG;
	for (size_t at = 0; at < value.size && hex; at++)
		hex = (value.data[at] >= '0' && value.data[at] <= '9') ||
		      (value.data[at] >= 'a' && value.data[at] <= 'f');
	return hex;
}

bool sr_incident_condition_valid(const struct sr_incident_fact *fact)
{
	uint8_t id[SR_UUID];
	if (is_word(fact->name, "service") || is_word(fact->name, "issuer") || is_word(fact->name, "grant"))
		return fact->value.size > 0;
	if (is_word(fact->name, "actor") || is_word(fact->name, "patient") || is_word(fact->name, "except_patient"))
		return is_tag(fact->value);
	return is_word(fact->name, "recording") && sr_uuid_parse((const char *)fact->value.data, fact->value.size, id);
}

bool sr_incident_name_valid(struct sr_span name)
{
	if (name.size == 0 || name.size > SR_INCIDENT_NAME_MAX)
		return false;
	for (size_t at = 0; at < name.size; at++) {
		uint8_t byte = name.data[at];
		bool fits = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' ||
			    byte == '_' || byte == '-';
		if (!fits)
			return false;
	}
	return true;
}

/* ---- notes ---- */

void sr_incident_note_encode(struct sr_builder *out, const struct sr_incident_note *message)
{
	sr_put_span(out, message->name);
	sr_put_u8(out, (uint8_t)message->what);
	sr_put_u64(out, message->at_ms);
	sr_put_span(out, message->text);
	sr_put_u8(out, message->count);
	for (size_t at = 0; at < message->count; at++) {
		sr_put_span(out, message->facts[at].name);
		sr_put_span(out, message->facts[at].value);
	}
}

static bool is_before(struct sr_span one, struct sr_span other)
{
	size_t both = one.size < other.size ? one.size : other.size;
	int order = memcmp(one.data, other.data, both);
	return order < 0 || (order == 0 && one.size < other.size);
}

static struct sr_span take_utf8(struct sr_cursor *in, size_t most)
{
	struct sr_span text = sr_take_field(in, most);
	if (text.size > 0 && !sr_text_is_utf8(text))
		sr_take_fail(in);
	return text;
}

static void take_fact(struct sr_cursor *in, struct sr_incident_fact *fact)
{
	fact->name = sr_take_field(in, SR_AUDIT_NAME_MAX);
	fact->value = take_utf8(in, SR_INCIDENT_VALUE_MAX);
	if (!sr_incident_fact_word(fact->name))
		sr_take_fail(in);
}

void sr_incident_note_decode(struct sr_cursor *in, struct sr_incident_note *message)
{
	memset(message, 0, sizeof *message);
	message->name = sr_take_field(in, SR_INCIDENT_NAME_MAX);
	uint8_t what = sr_take_u8(in);
	message->at_ms = sr_take_u64(in);
	message->text = take_utf8(in, SR_INCIDENT_TEXT_MAX);
	uint8_t count = sr_take_u8(in);
	if (in->failed || !sr_incident_name_valid(message->name) || what == 0 || what >= SR_INCIDENT_WHATS ||
	    count > SR_INCIDENT_FACTS_MAX) {
		sr_take_fail(in);
		return;
	}
	message->what = (enum sr_incident_what)what;
	for (; message->count < count && !in->failed; message->count++) {
		struct sr_incident_fact *fact = &message->facts[message->count];
		take_fact(in, fact);
		if (!in->failed && message->count > 0 && !is_before(fact[-1].name, fact->name))
			sr_take_fail(in);
	}
}

/* ---- tags and the auditor's key ---- */

void sr_audit_tag_encode(struct sr_builder *out, const struct sr_audit_tag *message)
{
	sr_put_u8(out, message->actor);
	sr_put_span(out, message->identity);
}

void sr_audit_tag_decode(struct sr_cursor *in, struct sr_audit_tag *message)
{
	message->actor = sr_take_flag(in);
	message->identity = sr_take_field(in, SR_VIEWER_MAX);
	if (message->identity.size == 0)
		sr_take_fail(in);
}

void sr_audit_tagged_encode(struct sr_builder *out, const uint8_t tag[SR_TAG])
{
	sr_put_bytes(out, tag, SR_TAG);
}

void sr_audit_tagged_decode(struct sr_cursor *in, uint8_t tag[SR_TAG])
{
	sr_take_copy(in, tag, SR_TAG);
}

void sr_auditor_key_encode(struct sr_builder *out, const uint8_t key[SR_AUDITOR_KEY])
{
	sr_put_bytes(out, key, SR_AUDITOR_KEY);
}

void sr_auditor_key_decode(struct sr_cursor *in, uint8_t key[SR_AUDITOR_KEY])
{
	sr_take_copy(in, key, SR_AUDITOR_KEY);
}
