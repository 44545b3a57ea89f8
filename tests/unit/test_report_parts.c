/*
 * What reports are made of: the table, ranges and media times, the tree, arguments, the text.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/spans.h"
#include "report/table.h"
#include "report/tree.h"

Test(report_parts, the_table_numbers_keys_in_the_order_they_come)
{
	struct sr_report_table table = {.key_size = sizeof(uint64_t)};
	cr_assert(sodium_init() >= 0);
	for (uint64_t key = 0; key < 5000; key++) {
		uint64_t spread = key * 0x9e3779b97f4a7c15;
		cr_assert_eq(sr_report_find(&table, &spread), SR_REPORT_NONE);
		cr_assert_eq(sr_report_number(&table, &spread), key);
		cr_assert_eq(sr_report_number(&table, &spread), key);
	}
	for (uint64_t key = 0; key < 5000; key++) {
		uint64_t spread = key * 0x9e3779b97f4a7c15;
		cr_assert_eq(sr_report_find(&table, &spread), key);
		cr_assert_eq(memcmp(sr_report_key(&table, (uint32_t)key), &spread, sizeof spread), 0);
	}
	sr_report_table_free(&table);
	cr_assert_eq(sr_report_find(&table, &(uint64_t){1}), SR_REPORT_NONE);
}

/* Every set of up to three ranges of eight places, against a map of the places. */
Test(report_parts, ranges_merge_as_a_map_of_bytes_does)
{
	unsigned ranges[64][2], count = 0;
	for (unsigned from = 0; from < 8; from++)
		for (unsigned to = from; to < 8; to++, count++)
			ranges[count][0] = from, ranges[count][1] = to;
	for (unsigned pick = 0; pick < count * count * count; pick++) {
		struct sr_report_spans spans = {.count = 0};
		unsigned map = 0, of[3] = {pick % count, pick / count % count, pick / count / count};
		for (unsigned at = 0; at < 3; at++) {
			cr_assert(sr_report_spans_add(&spans, ranges[of[at]][0], ranges[of[at]][1]));
			for (unsigned place = ranges[of[at]][0]; place < ranges[of[at]][1]; place++)
				map |= 1u << place;
		}
		unsigned again = 0;
		for (size_t at = 0; at < spans.count; at++) {
			for (uint64_t place = spans.list[at].from; place < spans.list[at].to; place++)
				again |= 1u << place;
			cr_assert(at == 0 || spans.list[at - 1].to < spans.list[at].from, "they touch");
		}
		cr_assert_eq(map, again);
		cr_assert_eq(sr_report_spans_size(&spans), (uint64_t)__builtin_popcount(map));
		cr_assert_eq(sr_report_spans_whole(&spans, 7), map == 0x7f);
		sr_report_spans_free(&spans);
	}
}

Test(report_parts, media_lies_between_the_points_within_and_those_around)
{
	struct sr_report_points points = {.count = 0};
	struct sr_report_spans spans = {.count = 0};
	uint64_t least, most;
	cr_assert(sr_report_points_add(&points, 200, 2000));
	cr_assert(sr_report_points_add(&points, 0, 0));
	cr_assert(sr_report_points_add(&points, 100, 1000));
	cr_assert(sr_report_points_add(&points, 300, 3000));
	cr_assert(sr_report_points_add(&points, 300, 2500));
	cr_assert(sr_report_media(&points, &spans, &least, &most));
	cr_assert(least == 0 && most == 0);
	cr_assert(sr_report_spans_add(&spans, 100, 200));
	cr_assert(sr_report_media(&points, &spans, &least, &most));
	cr_expect(least == 1000 && most == 1000);
	cr_assert(sr_report_spans_add(&spans, 200, 250));
	cr_assert(sr_report_media(&points, &spans, &least, &most));
	cr_expect(least == 1000 && most == 2000, "%lu %lu", (unsigned long)least, (unsigned long)most);
	cr_assert(sr_report_spans_add(&spans, 250, 301));
	cr_expect_not(sr_report_media(&points, &spans, &least, &most));
	cr_expect_eq(least, 2000);
	sr_report_spans_free(&spans);
	sr_report_points_free(&points);
}

struct leaves {
	uint8_t hashes[70][SR_HASH];
};

static enum sr_code leaf_source(void *context, unsigned height, uint64_t index, uint8_t out[SR_HASH],
				struct sr_error *err)
{
	struct leaves *leaves = context;
	(void)err;
	if (height == 0) {
		memcpy(out, leaves->hashes[index], SR_HASH);
		return SR_OK;
	}
	uint8_t left[SR_HASH], right[SR_HASH];
	(void)!leaf_source(context, height - 1, 2 * index, left, err);
	(void)!leaf_source(context, height - 1, 2 * index + 1, right, err);
	sr_merkle_node(left, right, out);
	return SR_OK;
}

Test(report_parts, the_tree_has_the_log_s_root_at_every_size)
{
	struct leaves leaves;
	struct sr_report_tree tree = {.size = 0};
	uint8_t root[SR_HASH], wanted[SR_HASH];
	cr_assert(sodium_init() >= 0);
	sr_report_tree_root(&tree, root);
	sr_merkle_empty(wanted);
	cr_assert_arr_eq(root, wanted, SR_HASH);
	for (uint8_t at = 0; at < 70; at++) {
		const uint8_t entry[3] = {'e', at, 1};
		sr_merkle_leaf(entry, sizeof entry, leaves.hashes[at]);
		cr_assert(sr_report_tree_add(&tree, (struct sr_span){entry, sizeof entry}));
		struct sr_merkle_tree all = {.source = leaf_source, .context = &leaves, .size = at + 1u};
		cr_assert_eq(sr_merkle_root(&all, wanted, NULL), SR_OK);
		sr_report_tree_root(&tree, root);
		cr_assert_arr_eq(root, wanted, SR_HASH, "size %u", at + 1u);
	}
}

/* Two entries as a log has them, and the checkpoint over them. */
static size_t write_entry(uint64_t number, uint8_t json[SR_AUDIT_ENTRY_MAX])
{
	struct sr_audit_entry entry = {
		.number = number, .time_ms = 1000, .kind = SR_AUDIT_OUTCOME, .operation = "stats"};
	size_t size = 0;
	cr_assert_eq(sr_audit_entry_write(&entry, json, &size, NULL), SR_OK);
	return size;
}

static enum sr_code read_log(unsigned flip, unsigned order)
{
	static uint8_t json[2][SR_AUDIT_ENTRY_MAX];
	static struct sr_audit_room room;
	const uint8_t seed[SR_AUDIT_SEED] = {7};
	struct sr_checkpoint checkpoint = {.origin = "sealreel/test", .size = 2};
	char note[SR_CHECKPOINT_MAX];
	struct sr_report_tree tree = {.size = 0};
	struct sr_incident incident = {.name = "x"};
	struct sr_report *report;
	size_t sizes[2];
	for (unsigned at = 0; at < 2; at++) {
		sizes[at] = write_entry(at, json[at]);
		cr_assert(sr_report_tree_add(&tree, (struct sr_span){json[at], sizes[at]}));
	}
	sr_report_tree_root(&tree, checkpoint.root);
	sr_checkpoint_sign(&checkpoint, seed, note);
	if (flip < sizes[1])
		json[1][flip] ^= 1;
	struct sr_report_request request = {
		.incident = &incident, .arguments = {.from_ms = 0, .to_ms = 9}, .checkpoint = note};
	cr_assert_eq(sr_report_new(&request, &report, NULL), SR_OK);
	struct sr_report_reading *reading = sr_report_reading_new(&report, 1);
	enum sr_code code = SR_OK;
	for (unsigned at = 0; code == SR_OK && at < 2; at++) {
		struct sr_audit_entry entry = {.number = at ^ order, .kind = SR_AUDIT_OUTCOME, .operation = "stats"};
		if (flip >= sizes[1])
			cr_assert_eq(sr_audit_entry_parse(json[at ^ order], sizes[at ^ order], &room, &entry, NULL),
				     SR_OK);
		code = sr_report_reading_take(reading, &entry, (struct sr_span){json[at], sizes[at]}, NULL);
	}
	if (code == SR_OK)
		code = sr_report_count(report, NULL);
	sr_report_reading_free(reading);
	sr_report_free(report);
	return code;
}

Test(report_parts, only_the_entries_that_were_signed_are_reported_on)
{
	cr_assert(sodium_init() >= 0);
	cr_expect_eq(read_log(UINT32_MAX, 0), SR_OK);
	cr_expect_eq(read_log(UINT32_MAX, 1), SR_CORRUPT);
	for (unsigned at = 0; at < 50; at++)
		cr_expect_eq(read_log(at, 0), SR_CORRUPT, "byte %u", at);
}

Test(report_parts, times_are_written_as_utc)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {{0, "1970-01-01T00:00:00.000Z"},
		     {951782399999, "2000-02-28T23:59:59.999Z"},
		     {951782400000, "2000-02-29T00:00:00.000Z"},
		     {1591695000123, "2020-06-09T09:30:00.123Z"},
		     {4107542400000, "2100-03-01T00:00:00.000Z"},
		     {253402300799999, "9999-12-31T23:59:59.999Z"}};
	char text[SR_OUT_TIME];
	for (size_t at = 0; at < sizeof cases / sizeof *cases; at++)
		cr_expect_str_eq(sr_out_time(cases[at].ms, text), cases[at].text);
	(void)sr_out_time(UINT64_MAX, text);
}

Test(report_parts, what_was_stated_ends_no_line)
{
	struct sr_report_out out = {.data = NULL};

	sr_out_stated(&out, "one\n  two\x1b[1m\x7f\\ \xc3\xa9");
	cr_assert_str_eq(out.data, "one\\x0a  two\\x1b[1m\\x7f\\ \xc3\xa9");
	sr_out_free(&out);
}

Test(report_parts, json_escapes_what_it_must)
{
	struct sr_report_out out = {.data = NULL};
	sr_json_begin(&out, NULL, '{');
	sr_json_text(&out, "a", "\"\\\n\xc3\xa9");
	sr_json_begin(&out, "empty", '[');
	sr_json_end(&out, ']');
	sr_json_bool(&out, "b", true);
	sr_json_end(&out, '}');
	cr_expect_str_eq(out.data, "{\n  \"a\": \"\\\"\\\\\\u000a\xc3\xa9\",\n  \"empty\": [],\n  \"b\": true\n}\n");
	sr_out_free(&out);
}

Test(report_parts, arguments_are_read_back_from_their_note)
{
	char tag[2 * SR_TAG + 1];
	(void)snprintf(tag, sizeof tag, "%064d", 7);
	char from[] = "5", to[] = "9", since[] = "2", service[] = "portal";
	struct sr_stated_fact facts[] = {{(char[]){"actor"}, tag},
					 {(char[]){"from"}, from},
					 {(char[]){"service"}, service},
					 {(char[]){"since"}, since},
					 {(char[]){"to"}, to}};
	struct sr_stated note = {.what = SR_INCIDENT_REPORT, .facts = facts, .fact_count = 5};
	struct sr_report_arguments arguments;
	cr_assert(sr_report_arguments_of(&note, &arguments));
	cr_expect(arguments.from_ms == 5 && arguments.to_ms == 9 && arguments.since == 2);
	cr_expect_str_eq(arguments.filter.service, "portal");
	cr_expect(arguments.filter.has_actor && arguments.filter.actor[31] == 7);
	tag[0] = 'x';
	cr_expect_not(sr_report_arguments_of(&note, &arguments));
	tag[0] = '0';
	from[0] = '-';
	cr_expect_not(sr_report_arguments_of(&note, &arguments));
	note.what = SR_INCIDENT_CAUSE;
	cr_expect_not(sr_report_arguments_of(&note, &arguments));
}
