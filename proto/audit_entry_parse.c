/*
 * An entry's JSON being read: exactly the form that entry.c writes, member by member, in one pass.
 */
#include <string.h>

#include "audit_entry.h"
#include "audit_entry_form.h"
#include "text.h"

#define UUID_SIZE (SR_UUID_TEXT - 1)

/* An entry being read. Texts and hashes are copied to the room as they come. */
struct scan {
	struct sr_cursor in;
	struct sr_audit_room *room;
	size_t text_used;
	size_t hash_used;
};

#define BEGINS(scan, literal) begins((scan), (literal), sizeof(literal) - 1)

/* Take `literal` if it comes next. */
static bool begins(struct scan *scan, const char *literal, size_t size)
{
	if (scan->in.failed || scan->in.left < size || memcmp(scan->in.at, literal, size) != 0)
		return false;
	(void)sr_take_span(&scan->in, size);
	return true;
}

static void expect(struct scan *scan, bool met)
{
	if (!met)
		sr_take_fail(&scan->in);
}

static uint64_t take_number(struct scan *scan)
{
	uint64_t value = 0;
	size_t digits = 0;
	bool zero = scan->in.left > 0 && scan->in.at[0] == '0';
	while (scan->in.left > 0 && scan->in.at[0] >= '0' && scan->in.at[0] <= '9' && !scan->in.failed) {
		unsigned digit = sr_take_u8(&scan->in) - (unsigned)'0';
		if (value > (UINT64_MAX - digit) / 10)
			sr_take_fail(&scan->in);
		value = value * 10 + digit;
		digits++;
	}
	expect(scan, digits > 0 && (!zero || digits == 1));
	return value;
}

static uint64_t take_small(struct scan *scan, uint64_t most)
{
	uint64_t value = take_number(scan);
	expect(scan, value <= most);
	return value;
}

/* The value of a lower-case hex digit; 16 if it is none. */
static unsigned nibble(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - (unsigned)'0';
	return byte >= 'a' && byte <= 'f' ? byte - (unsigned)'a' + 10 : 16;
}

/* `size` bytes of hex, without quotes. */
static void take_digits(struct scan *scan, uint8_t *bytes, size_t size)
{
	struct sr_span digits = sr_take_span(&scan->in, 2 * size);
	for (size_t at = 0; at < digits.size / 2; at++) {
		unsigned high = nibble(digits.data[2 * at]);
		unsigned low = nibble(digits.data[2 * at + 1]);
		expect(scan, high < 16 && low < 16);
		bytes[at] = (uint8_t)(high << 4 | low);
	}
}

static void take_hex(struct scan *scan, uint8_t *bytes, size_t size)
{
	expect(scan, BEGINS(scan, "\""));
	take_digits(scan, bytes, size);
	expect(scan, BEGINS(scan, "\""));
}

static const uint8_t *take_hash(struct scan *scan)
{
	uint8_t *hash = scan->room->hashes[scan->hash_used];
	if (scan->hash_used == sizeof scan->room->hashes / sizeof scan->room->hashes[0]) {
		sr_take_fail(&scan->in);
		return NULL;
	}
	scan->hash_used++;
	take_hex(scan, hash, SR_TAG);
	return hash;
}

static char take_escaped(struct scan *scan)
{
	uint8_t byte = sr_take_u8(&scan->in);
	if (byte == '"' || byte == '\\')
		return (char)byte;
	expect(scan, byte == 'u' && BEGINS(scan, "00"));
	byte = 0;
	take_digits(scan, &byte, 1);
	expect(scan, byte > 0 && byte < 0x20);
	return (char)byte;
}

/* The bytes that stand for themselves, up to the next quote or escape. */
static struct sr_span take_run(struct scan *scan, bool *plain)
{
	size_t size = 0;
	while (size < scan->in.left && scan->in.at[size] >= 0x20 && scan->in.at[size] != '"' &&
	       scan->in.at[size] != '\\')
		*plain = scan->in.at[size++] < 0x80 && *plain;
	return sr_take_span(&scan->in, size);
}

/* A text is never longer than its JSON, so that the room always suffices. */
static const char *take_text(struct scan *scan)
{
	char *text = scan->room->text + scan->text_used;
	size_t size = 0;
	bool plain = true;
	expect(scan, BEGINS(scan, "\""));
	while (!scan->in.failed) {
		struct sr_span run = take_run(scan, &plain);
		if (run.size > 0)
			memcpy(text + size, run.data, run.size);
		size += run.size;
		uint8_t byte = sr_take_u8(&scan->in);
		if (byte == '"' || scan->in.failed)
			break;
		expect(scan, byte == '\\');
		text[size++] = take_escaped(scan);
	}
	text[size] = '\0';
	scan->text_used += size + 1;
	expect(scan, plain || sr_text_is_utf8((struct sr_span){(const uint8_t *)text, size}));
	return text;
}

static void take_id(struct scan *scan, uint8_t id[SR_UUID])
{
	char again[SR_UUID_TEXT];
	expect(scan, BEGINS(scan, "\""));
	struct sr_span text = sr_take_span(&scan->in, UUID_SIZE);
	bool fits = !scan->in.failed && sr_uuid_parse((const char *)text.data, text.size, id);
	if (fits)
		sr_uuid_format(id, again);
	expect(scan, fits && memcmp(again, text.data, UUID_SIZE) == 0 && BEGINS(scan, "\""));
}

static bool take_flag(struct scan *scan)
{
	bool yes = BEGINS(scan, "true");
	expect(scan, yes || BEGINS(scan, "false"));
	return yes;
}

static void take_recording(struct scan *scan, struct sr_audit_recording *out)
{
	memset(out, 0, sizeof *out);
	expect(scan, BEGINS(scan, SR_MEMBER_ID));
	take_id(scan, out->id);
	if (BEGINS(scan, SR_MEMBER_WITHHELD))
		out->withheld = take_text(scan);
	if (BEGINS(scan, SR_MEMBER_OWNER))
		out->owner = take_hash(scan);
	if ((out->has_own_tag = BEGINS(scan, SR_MEMBER_OWN_TAG)))
		out->own_tag = take_flag(scan);
	if ((out->has_track = BEGINS(scan, SR_MEMBER_TRACK)))
		out->track = (uint16_t)take_small(scan, UINT16_MAX);
	if ((out->has_range = BEGINS(scan, SR_MEMBER_FROM))) {
		out->from = take_number(scan);
		expect(scan, BEGINS(scan, SR_MEMBER_TO));
		out->to = take_number(scan);
	}
	if ((out->has_length = BEGINS(scan, SR_MEMBER_LENGTH)))
		out->length = take_number(scan);
	if ((out->has_media = BEGINS(scan, SR_MEMBER_MEDIA_FROM))) {
		out->media_from = take_number(scan);
		expect(scan, BEGINS(scan, SR_MEMBER_MEDIA_TO));
		out->media_to = take_number(scan);
	}
	if ((out->has_generation = BEGINS(scan, SR_MEMBER_GENERATION)))
		out->generation = (uint32_t)take_small(scan, UINT32_MAX);
	if (BEGINS(scan, SR_MEMBER_MANIFEST))
		out->manifest = take_hash(scan);
	expect(scan, BEGINS(scan, "}"));
}

static void take_recordings(struct scan *scan, struct sr_audit_entry *entry)
{
	if (!BEGINS(scan, SR_MEMBER_RECORDINGS))
		return;
	expect(scan, BEGINS(scan, "["));
	do {
		if (entry->recording_count == SR_AUDIT_RECORDINGS_MAX) {
			sr_take_fail(&scan->in);
			return;
		}
		take_recording(scan, &scan->room->recordings[entry->recording_count++]);
	} while (BEGINS(scan, ","));
	expect(scan, BEGINS(scan, "]"));
	entry->recordings = scan->room->recordings;
}

/* The name of the pair `at`, which must come after the one before it. */
static const char *take_pair_name(struct scan *scan, size_t at, const char *before)
{
	expect(scan, at < SR_AUDIT_PAIRS_MAX && (at == 0 ? BEGINS(scan, "{") : BEGINS(scan, ",")));
	const char *name = take_text(scan);
	expect(scan, sr_audit_name_fits(name, strlen(name)) && (!before || strcmp(before, name) < 0));
	expect(scan, BEGINS(scan, ":"));
	return name;
}

static void take_counts(struct scan *scan, struct sr_audit_entry *entry)
{
	const char *before = NULL;
	if (!BEGINS(scan, SR_MEMBER_COUNTS))
		return;
	do {
		before = take_pair_name(scan, entry->count_count, before);
		uint64_t value = take_number(scan);
		if (!scan->in.failed)
			scan->room->counts[entry->count_count++] = (struct sr_audit_count){before, value};
	} while (!scan->in.failed && !BEGINS(scan, "}"));
	entry->counts = scan->room->counts;
}

static void take_facts(struct scan *scan, struct sr_audit_entry *entry)
{
	const char *before = NULL;
	if (!BEGINS(scan, SR_MEMBER_FACTS))
		return;
	do {
		before = take_pair_name(scan, entry->fact_count, before);
		const char *value = take_text(scan);
		if (!scan->in.failed)
			scan->room->facts[entry->fact_count++] = (struct sr_audit_fact){before, value};
	} while (!scan->in.failed && !BEGINS(scan, "}"));
	entry->facts = scan->room->facts;
}

static enum sr_audit_kind take_kind(struct scan *scan)
{
	expect(scan, BEGINS(scan, SR_MEMBER_KIND));
	const char *word = take_text(scan);
	enum sr_audit_kind kind = sr_audit_kind_parse(word, strlen(word));
	expect(scan, kind != 0);
	return kind;
}

static uint64_t take_request(struct scan *scan)
{
	uint8_t bytes[8] = {0};
	take_hex(scan, bytes, sizeof bytes);
	struct sr_cursor number = sr_cursor_over(bytes, sizeof bytes);
	uint64_t request = sr_take_u64(&number);
	expect(scan, request != 0);
	return request;
}

static const char *take_text_member(struct scan *scan, const char *name, size_t size)
{
	return begins(scan, name, size) ? take_text(scan) : NULL;
}

static const uint8_t *take_hash_member(struct scan *scan, const char *name, size_t size)
{
	return begins(scan, name, size) ? take_hash(scan) : NULL;
}

#define TEXT(name) take_text_member(scan, (name), sizeof(name) - 1)
#define HASH(name) take_hash_member(scan, (name), sizeof(name) - 1)

static void take_entry(struct scan *scan, struct sr_audit_entry *entry)
{
	expect(scan, BEGINS(scan, SR_MEMBER_NUMBER));
	entry->number = take_number(scan);
	expect(scan, BEGINS(scan, SR_MEMBER_TIME));
	entry->time_ms = take_number(scan);
	entry->kind = take_kind(scan);
	expect(scan, BEGINS(scan, SR_MEMBER_OPERATION));
	entry->operation = take_text(scan);
	if (BEGINS(scan, SR_MEMBER_REQUEST))
		entry->request = take_request(scan);
	if ((entry->has_of = BEGINS(scan, SR_MEMBER_OF)))
		entry->of = take_number(scan);
	entry->service = TEXT(SR_MEMBER_SERVICE);
	entry->issuer = TEXT(SR_MEMBER_ISSUER);
	entry->jti = TEXT(SR_MEMBER_JTI);
	entry->session = TEXT(SR_MEMBER_SESSION);
	entry->tag = HASH(SR_MEMBER_TAG);
	entry->actor = HASH(SR_MEMBER_ACTOR);
	entry->linked = HASH(SR_MEMBER_LINKED);
	entry->role = TEXT(SR_MEMBER_ROLE);
	entry->purpose = TEXT(SR_MEMBER_PURPOSE);
	entry->outcome = TEXT(SR_MEMBER_OUTCOME);
	entry->text = TEXT(SR_MEMBER_TEXT);
	entry->reason = TEXT(SR_MEMBER_REASON);
	entry->name = TEXT(SR_MEMBER_NAME);
	entry->manifest = HASH(SR_MEMBER_MANIFEST);
	take_recordings(scan, entry);
	take_counts(scan, entry);
	take_facts(scan, entry);
	expect(scan, BEGINS(scan, "}"));
}

enum sr_code sr_audit_entry_parse(const uint8_t *json, size_t size, struct sr_audit_room *room,
				  struct sr_audit_entry *entry, struct sr_error *err)
{
	struct scan scan = {.in = sr_cursor_over(json, size), .room = room};
	memset(entry, 0, sizeof *entry);
	if (size > SR_AUDIT_ENTRY_MAX)
		return SR_FAIL(err, SR_CORRUPT, "an entry of the audit log is longer than any can be");
	take_entry(&scan, entry);
	if (!sr_take_done(&scan.in))
		return SR_FAIL(err, SR_CORRUPT, "an entry of the audit log is not of its form, at or before byte %zu",
			       size - scan.in.left);
	return SR_OK;
}
