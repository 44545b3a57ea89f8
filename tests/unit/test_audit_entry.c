/*
 * Entries of the audit log: written one way, read back the same, and nothing else read.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "audit_entry.h"

static const uint8_t tag[SR_TAG] = {0x01, 0xab, [31] = 0xff};
static const uint8_t actor[SR_TAG] = {0x02, [31] = 0x10};
static const uint8_t linked[SR_TAG] = {0x03};
static const uint8_t manifest[SR_AUDIT_MANIFEST] = {0x04};

static const struct sr_audit_recording recordings[] = {
	{.id = {1, 0x93, 0x6f, 0x6e, 0x8c, 0x3a, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1},
	 .withheld = "foreign",
	 .owner = linked,
	 .has_own_tag = true,
	 .has_track = true,
	 .track = 65535,
	 .has_range = true,
	 .from = 0,
	 .to = UINT64_MAX,
	 .has_length = true,
	 .length = 67108864,
	 .has_media = true,
	 .media_from = 5,
	 .media_to = 5000,
	 .has_generation = true,
	 .generation = UINT32_MAX,
	 .manifest = manifest},
	{.id = {1, [15] = 2}, .has_own_tag = true, .own_tag = true},
	{.id = {1, [15] = 3}},
};
static const struct sr_audit_count counts[] = {{"rows", 0}, {"withheld", 12}};
static const struct sr_audit_fact facts[] = {{"aware_at", "2020-06-09T10:30:00Z"}, {"cause", ""}};

static const struct sr_audit_entry full = {
	.number = 10000000,
	.time_ms = 1591695000123,
	.kind = SR_AUDIT_PRESENTED,
	.operation = "list",
	.request = 0xab,
	.has_of = true,
	.of = 7,
	.service = "player",
	.issuer = "dev",
	.jti = "a \"quoted\" \\ \x01\x1f\n \xc3\xa9 \xf0\x9f\x8e\xa5",
	.session = "s",
	.tag = tag,
	.actor = actor,
	.linked = linked,
	.role = "clinician",
	.purpose = "break-glass",
	.outcome = "ok",
	.text = "",
	.reason = "because",
	.name = "n",
	.manifest = manifest,
	.recordings = recordings,
	.recording_count = 3,
	.counts = counts,
	.count_count = 2,
	.facts = facts,
	.fact_count = 2,
};

static struct sr_audit_room *room;
static uint8_t json[SR_AUDIT_ENTRY_MAX];
static size_t size;

static void setup(void)
{
	room = malloc(sizeof *room);
	cr_assert_not_null(room);
}

static void teardown(void)
{
	free(room);
}

TestSuite(audit_entry, .init = setup, .fini = teardown);

static void write_entry(const struct sr_audit_entry *entry)
{
	cr_assert_eq(sr_audit_entry_write(entry, json, &size, NULL), SR_OK);
}

/* An exact allocation, so that a read past the end is seen. */
static enum sr_code parse_copy(const uint8_t *bytes, size_t count, struct sr_audit_entry *entry)
{
	struct sr_error err;
	uint8_t *copy = malloc(count ? count : 1);
	cr_assert_not_null(copy);
	memcpy(copy, bytes, count);
	enum sr_code code = sr_audit_entry_parse(copy, count, room, entry, &err);
	free(copy);
	return code;
}

Test(audit_entry, is_written_as_documented)
{
	static const char small[] = "{\"number\":0,\"time\":1,\"kind\":\"control\",\"operation\":\"freeze\"}";
	struct sr_audit_entry entry = {.time_ms = 1, .kind = SR_AUDIT_CONTROL, .operation = "freeze"};
	write_entry(&entry);
	cr_assert_eq(size, sizeof small - 1);
	cr_assert_arr_eq(json, small, size);
	write_entry(&full);
	static const char front[] =
		"{\"number\":10000000,\"time\":1591695000123,\"kind\":\"presented\","
		"\"operation\":\"list\",\"request\":\"00000000000000ab\",\"of\":7,"
		"\"service\":\"player\",\"issuer\":\"dev\",\"jti\":\"a \\\"quoted\\\" \\\\ "
		"\\u0001\\u001f\\u000a \xc3\xa9 \xf0\x9f\x8e\xa5\",\"session\":\"s\",\"tag\":\"01ab";
	static const char back[] = "{\"id\":\"01000000-0000-0000-0000-000000000002\",\"own_tag\":true},"
				   "{\"id\":\"01000000-0000-0000-0000-000000000003\"}],"
				   "\"counts\":{\"rows\":0,\"withheld\":12},"
				   "\"facts\":{\"aware_at\":\"2020-06-09T10:30:00Z\",\"cause\":\"\"}}";
	cr_assert_arr_eq(json, front, sizeof front - 1);
	cr_assert_arr_eq(json + size - (sizeof back - 1), back, sizeof back - 1);
}

Test(audit_entry, is_read_back_the_same)
{
	uint8_t again[SR_AUDIT_ENTRY_MAX];
	struct sr_audit_entry entry;
	size_t again_size;
	write_entry(&full);
	cr_assert_eq(parse_copy(json, size, &entry), SR_OK);
	cr_assert_eq(entry.number, full.number);
	cr_assert_eq(entry.kind, full.kind);
	cr_assert_eq(entry.request, full.request);
	cr_assert_str_eq(entry.jti, full.jti);
	cr_assert_arr_eq(entry.actor, actor, SR_TAG);
	cr_assert_eq(entry.recording_count, 3);
	cr_assert_eq(entry.recordings[0].to, UINT64_MAX);
	cr_assert_arr_eq(entry.recordings[0].owner, linked, SR_TAG);
	cr_assert_eq(sr_audit_entry_write(&entry, again, &again_size, NULL), SR_OK);
	cr_assert_eq(again_size, size);
	cr_assert_arr_eq(again, json, size);
}

Test(audit_entry, every_truncation_is_refused)
{
	struct sr_audit_entry entry;
	write_entry(&full);
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_eq(parse_copy(json, cut, &entry), SR_CORRUPT, "cut to %zu", cut);
	json[size] = ' ';
	cr_assert_eq(parse_copy(json, size + 1, &entry), SR_CORRUPT);
}

/* Whatever is read must be canonical: a changed byte is refused, or written again as it stands. */
Test(audit_entry, every_changed_byte_is_refused_or_canonical)
{
	uint8_t again[SR_AUDIT_ENTRY_MAX];
	struct sr_audit_entry entry;
	size_t again_size, read = 0;
	write_entry(&full);
	for (size_t at = 0; at < size; at++) {
		uint8_t right = json[at];
		for (unsigned value = 0; value < 256; value++) {
			json[at] = (uint8_t)value;
			if (sr_audit_entry_parse(json, size, room, &entry, NULL) != SR_OK)
				continue;
			cr_assert_eq(sr_audit_entry_write(&entry, again, &again_size, NULL), SR_OK);
			cr_assert_eq(again_size, size);
			cr_assert_arr_eq(again, json, size, "byte %zu as %u", at, value);
			read++;
		}
		json[at] = right;
	}
	cr_assert_gt(read, size / 2);
}

Test(audit_entry, other_spellings_are_refused)
{
	static const char *const others[] = {
		"",
		"{}",
		"{\"number\":00,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\"}",
		"{\"number\":0,\"time\":01,\"kind\":\"intent\",\"operation\":\"a\"}",
		"{\"number\":0,\"time\":-1,\"kind\":\"intent\",\"operation\":\"a\"}",
		"{\"number\":18446744073709551616,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"Intent\",\"operation\":\"a\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\"}",
		"{\"time\":1,\"number\":0,\"kind\":\"intent\",\"operation\":\"a\"}",
		"{\"number\":0, \"time\":1,\"kind\":\"intent\",\"operation\":\"a\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"\\u0041\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"\\u0000\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"\\n\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"\\/\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"\xff\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"\xc0\x80\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"request\":\"0000000000000000\"}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"recordings\":[]}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"counts\":{}}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"counts\":{\"a\":1,\"a\":1}}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"counts\":{\"b\":1,\"a\":1}}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"facts\":{\"A\":\"\"}}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"unknown\":1}",
		"{\"number\":0,\"time\":1,\"kind\":\"intent\",\"operation\":\"a\",\"operation\":\"a\"}",
	};
	struct sr_audit_entry entry;
	for (size_t at = 0; at < sizeof others / sizeof *others; at++)
		cr_assert_eq(parse_copy((const uint8_t *)others[at], strlen(others[at]), &entry), SR_CORRUPT, "%s",
			     others[at]);
}

Test(audit_entry, what_cannot_be_written_is_refused)
{
	static char long_text[SR_AUDIT_ENTRY_MAX + 1];
	struct sr_audit_entry entry = {.kind = SR_AUDIT_INTENT, .operation = "a"};
	entry.kind = SR_AUDIT_KINDS;
	cr_expect_eq(sr_audit_entry_write(&entry, json, &size, NULL), SR_USAGE);
	entry = (struct sr_audit_entry){.kind = SR_AUDIT_INTENT};
	cr_expect_eq(sr_audit_entry_write(&entry, json, &size, NULL), SR_USAGE);
	entry.operation = "\xff";
	cr_expect_eq(sr_audit_entry_write(&entry, json, &size, NULL), SR_USAGE);
	memset(long_text, 'x', SR_AUDIT_ENTRY_MAX);
	entry.operation = long_text;
	cr_expect_eq(sr_audit_entry_write(&entry, json, &size, NULL), SR_USAGE);
	struct sr_audit_count wrong[] = {{"b", 1}, {"a", 1}};
	entry = (struct sr_audit_entry){.kind = SR_AUDIT_INTENT, .operation = "a", .counts = wrong, .count_count = 2};
	cr_expect_eq(sr_audit_entry_write(&entry, json, &size, NULL), SR_USAGE);
	wrong[0].name = "";
	cr_expect_eq(sr_audit_entry_write(&entry, json, &size, NULL), SR_USAGE);
}

/* Whether an entry fits does not depend on its number and time, which it gets later. */
Test(audit_entry, the_longest_fits_with_every_number)
{
	static char text[SR_AUDIT_ENTRY_MAX];
	struct sr_audit_entry entry = {.kind = SR_AUDIT_INTENT, .operation = "a", .text = text};
	size_t most = 0;
	for (size_t length = SR_AUDIT_ENTRY_MAX - 200; length < SR_AUDIT_ENTRY_MAX; length++) {
		memset(text, 'x', length);
		text[length] = '\0';
		if (sr_audit_entry_write(&entry, json, &size, NULL) == SR_OK)
			most = length;
	}
	memset(text, 0, sizeof text);
	memset(text, 'x', most);
	entry.number = entry.time_ms = UINT64_MAX;
	write_entry(&entry);
	cr_assert_leq(size, SR_AUDIT_ENTRY_MAX);
	cr_assert_geq(size, SR_AUDIT_ENTRY_MAX - 64);
	cr_assert_eq(parse_copy(json, size, &entry), SR_OK);
}

Test(audit_entry, every_kind_has_a_word)
{
	for (int kind = SR_AUDIT_INTENT; kind < SR_AUDIT_KINDS; kind++) {
		const char *word = sr_audit_kind_name((enum sr_audit_kind)kind);
		cr_assert_eq(sr_audit_kind_parse(word, strlen(word)), (enum sr_audit_kind)kind);
	}
	cr_assert_eq(sr_audit_kind_parse("", 0), 0);
	cr_assert_eq(sr_audit_kind_parse("inten", 5), 0);
}
