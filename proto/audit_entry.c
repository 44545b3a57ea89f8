/*
 * An entry's canonical JSON being written, and the words of its kinds. audit_entry_parse.c reads the same members in
 * the same order.
 */
#include "audit_entry.h"

#include <string.h>

#include "audit_entry_form.h"
#include "text.h"

static const char *const kind_names[SR_AUDIT_KINDS] = {
	[SR_AUDIT_INTENT] = "intent",         [SR_AUDIT_OUTCOME] = "outcome",     [SR_AUDIT_PRESENTED] = "presented",
	[SR_AUDIT_AUTHORISED] = "authorised", [SR_AUDIT_SENT] = "sent",           [SR_AUDIT_CONFIRMED] = "confirmed",
	[SR_AUDIT_SHOWN] = "shown",           [SR_AUDIT_REFUSED] = "refused",     [SR_AUDIT_ALARM] = "alarm",
	[SR_AUDIT_CONTROL] = "control",       [SR_AUDIT_RECOVERED] = "recovered", [SR_AUDIT_RESTARTED] = "restarted",
};

const char *sr_audit_kind_name(enum sr_audit_kind kind)
{
	return kind > 0 && kind < SR_AUDIT_KINDS ? kind_names[kind] : "";
}

enum sr_audit_kind sr_audit_kind_parse(const char *word, size_t size)
{
	for (int kind = SR_AUDIT_INTENT; kind < SR_AUDIT_KINDS; kind++)
		if (strlen(kind_names[kind]) == size && memcmp(kind_names[kind], word, size) == 0)
			return (enum sr_audit_kind)kind;
	return 0;
}

bool sr_audit_name_fits(const char *name, size_t size)
{
	for (size_t at = 0; at < size; at++)
		if (name[at] != '_' && (name[at] < 'a' || name[at] > 'z'))
			return false;
	return size > 0 && size <= SR_AUDIT_NAME_MAX;
}

static void put(struct sr_builder *out, const char *text)
{
	sr_put_bytes(out, text, strlen(text));
}

static void put_number(struct sr_builder *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	sr_put_bytes(out, digits + at, sizeof digits - at);
}

static void put_hex(struct sr_builder *out, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t at = 0; at < size; at++) {
		sr_put_u8(out, (uint8_t)digits[bytes[at] >> 4]);
		sr_put_u8(out, (uint8_t)digits[bytes[at] & 15]);
	}
}

static void put_string(struct sr_builder *out, const char *text)
{
	if (!sr_text_is_utf8((struct sr_span){(const uint8_t *)text, strlen(text)}))
		out->failed = true;
	sr_put_u8(out, '"');
	for (; *text && !out->failed; text++) {
		uint8_t byte = (uint8_t)*text;
		if (byte < 0x20) {
			put(out, "\\u00");
			put_hex(out, &byte, 1);
			continue;
		}
		if (byte == '"' || byte == '\\')
			sr_put_u8(out, '\\');
		sr_put_u8(out, byte);
	}
	sr_put_u8(out, '"');
}

/* Members; `name` comes with its comma and colon. */

static void put_text_member(struct sr_builder *out, const char *name, const char *text)
{
	if (!text)
		return;
	put(out, name);
	put_string(out, text);
}

static void put_number_member(struct sr_builder *out, const char *name, bool has, uint64_t value)
{
	if (!has)
		return;
	put(out, name);
	put_number(out, value);
}

static void put_hash_member(struct sr_builder *out, const char *name, const uint8_t *hash)
{
	if (!hash)
		return;
	put(out, name);
	sr_put_u8(out, '"');
	put_hex(out, hash, SR_TAG);
	sr_put_u8(out, '"');
}

static void put_recording(struct sr_builder *out, const struct sr_audit_recording *recording)
{
	char id[SR_UUID_TEXT];
	sr_uuid_format(recording->id, id);
	put(out, "{\"id\":\"");
	put(out, id);
	sr_put_u8(out, '"');
	put_text_member(out, SR_MEMBER_WITHHELD, recording->withheld);
	put_hash_member(out, SR_MEMBER_OWNER, recording->owner);
	if (recording->has_own_tag)
		put(out, recording->own_tag ? SR_MEMBER_OWN_TAG "true" : SR_MEMBER_OWN_TAG "false");
	put_number_member(out, SR_MEMBER_TRACK, recording->has_track, recording->track);
	put_number_member(out, SR_MEMBER_FROM, recording->has_range, recording->from);
	put_number_member(out, SR_MEMBER_TO, recording->has_range, recording->to);
	put_number_member(out, SR_MEMBER_LENGTH, recording->has_length, recording->length);
	put_number_member(out, SR_MEMBER_MEDIA_FROM, recording->has_media, recording->media_from);
	put_number_member(out, SR_MEMBER_MEDIA_TO, recording->has_media, recording->media_to);
	put_number_member(out, SR_MEMBER_GENERATION, recording->has_generation, recording->generation);
	put_hash_member(out, SR_MEMBER_MANIFEST, recording->manifest);
	sr_put_u8(out, '}');
}

static void put_recordings(struct sr_builder *out, const struct sr_audit_entry *entry)
{
	if (entry->recording_count > SR_AUDIT_RECORDINGS_MAX)
		out->failed = true;
	if (entry->recording_count == 0)
		return;
	put(out, SR_MEMBER_RECORDINGS);
	for (size_t at = 0; at < entry->recording_count && !out->failed; at++) {
		sr_put_u8(out, at == 0 ? '[' : ',');
		put_recording(out, &entry->recordings[at]);
	}
	sr_put_u8(out, ']');
}

/* The name of a pair, behind `before` (NULL for the first), in quotes, with its colon. */
static void put_pair_name(struct sr_builder *out, const char *name, const char *before)
{
	if (!sr_audit_name_fits(name, strlen(name)) || (before && strcmp(before, name) >= 0))
		out->failed = true;
	put(out, before ? ",\"" : "{\"");
	put(out, name);
	put(out, "\":");
}

static void put_counts(struct sr_builder *out, const struct sr_audit_entry *entry)
{
	const char *before = NULL;
	if (entry->count_count > SR_AUDIT_PAIRS_MAX)
		out->failed = true;
	if (entry->count_count == 0)
		return;
	put(out, SR_MEMBER_COUNTS);
	for (size_t at = 0; at < entry->count_count && !out->failed; at++) {
		put_pair_name(out, entry->counts[at].name, before);
		put_number(out, entry->counts[at].value);
		before = entry->counts[at].name;
	}
	sr_put_u8(out, '}');
}

static void put_facts(struct sr_builder *out, const struct sr_audit_entry *entry)
{
	const char *before = NULL;
	if (entry->fact_count > SR_AUDIT_PAIRS_MAX)
		out->failed = true;
	if (entry->fact_count == 0)
		return;
	put(out, SR_MEMBER_FACTS);
	for (size_t at = 0; at < entry->fact_count && !out->failed; at++) {
		put_pair_name(out, entry->facts[at].name, before);
		put_string(out, entry->facts[at].value);
		before = entry->facts[at].name;
	}
	sr_put_u8(out, '}');
}

static void put_request(struct sr_builder *out, uint64_t request)
{
	uint8_t bytes[8];
	struct sr_builder number = sr_builder_over(bytes, sizeof bytes);
	if (request == 0)
		return;
	sr_put_u64(&number, request);
	put(out, SR_MEMBER_REQUEST "\"");
	put_hex(out, bytes, sizeof bytes);
	sr_put_u8(out, '"');
}

void sr_audit_entry_head(struct sr_builder *out, uint64_t number, uint64_t time_ms)
{
	put(out, SR_MEMBER_NUMBER);
	put_number(out, number);
	put(out, SR_MEMBER_TIME);
	put_number(out, time_ms);
}

void sr_audit_entry_of(struct sr_builder *out, uint64_t of)
{
	put_number_member(out, SR_MEMBER_OF, true, of);
}

enum sr_code sr_audit_entry_tail(const struct sr_audit_entry *entry, struct sr_builder *out, size_t *of_at,
				 struct sr_error *err)
{
	const char *kind = sr_audit_kind_name(entry->kind);
	size_t before = out->used;
	if (!*kind || !entry->operation)
		return SR_FAIL(err, SR_USAGE, "an entry needs a kind and an operation");
	put_text_member(out, SR_MEMBER_KIND, kind);
	put_text_member(out, SR_MEMBER_OPERATION, entry->operation);
	put_request(out, entry->request);
	*of_at = out->used - before;
	if (entry->has_of)
		sr_audit_entry_of(out, entry->of);
	put_text_member(out, SR_MEMBER_SERVICE, entry->service);
	put_text_member(out, SR_MEMBER_ISSUER, entry->issuer);
	put_text_member(out, SR_MEMBER_JTI, entry->jti);
	put_text_member(out, SR_MEMBER_SESSION, entry->session);
	put_hash_member(out, SR_MEMBER_TAG, entry->tag);
	put_hash_member(out, SR_MEMBER_ACTOR, entry->actor);
	put_hash_member(out, SR_MEMBER_LINKED, entry->linked);
	put_text_member(out, SR_MEMBER_ROLE, entry->role);
	put_text_member(out, SR_MEMBER_PURPOSE, entry->purpose);
	put_text_member(out, SR_MEMBER_OUTCOME, entry->outcome);
	put_text_member(out, SR_MEMBER_TEXT, entry->text);
	put_text_member(out, SR_MEMBER_REASON, entry->reason);
	put_text_member(out, SR_MEMBER_NAME, entry->name);
	put_hash_member(out, SR_MEMBER_MANIFEST, entry->manifest);
	put_recordings(out, entry);
	put_counts(out, entry);
	put_facts(out, entry);
	sr_put_u8(out, '}');
	if (out->failed)
		return SR_FAIL(
			err, SR_USAGE,
			"an entry of the audit log is too long, or has a text or a name that may not stand in it");
	return SR_OK;
}

enum sr_code sr_audit_entry_write(const struct sr_audit_entry *entry, uint8_t json[SR_AUDIT_ENTRY_MAX], size_t *size,
				  struct sr_error *err)
{
	uint8_t head[SR_AUDIT_HEAD_MAX];
	struct sr_builder front = sr_builder_over(head, sizeof head);
	sr_audit_entry_head(&front, entry->number, entry->time_ms);
	memcpy(json, head, front.used);
	/* Whether an entry fits does not depend on its number. */
	struct sr_builder out = sr_builder_over(json + front.used, SR_AUDIT_TAIL_MAX);
	size_t of_at;
	enum sr_code code = sr_audit_entry_tail(entry, &out, &of_at, err);
	*size = front.used + out.used;
	return code;
}
