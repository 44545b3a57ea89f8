/*
 * Lines of a scrub: findings and ends to the letter, as text and as JSON, whatever bytes a text has; places in hex.
 */
#include "scrub_text.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct sr_finding whole = {
	.kind = SR_FINDING_CHECKSUM,
	.recording = {0x01, 0x8f, 0xa3, 0xc4, 0x5b, 0x6d, 0x7e, 0x8f, 0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07},
	.track = 7,
	.file = 1,
	.offset = 4194304,
	.length = 10,
	.text = {(const uint8_t *)"other bytes", 11},
};

static void expect(const struct sr_finding *finding, bool json, const char *line)
{
	char out[SR_SCRUB_LINE_MAX];

	sr_finding_line(finding, json, out);
	cr_expect_str_eq(out, line);
}

Test(scrub_text, a_finding_with_a_place)
{
	expect(&whole, false,
	       "checksum: recording 018fa3c4-5b6d-7e8f-90a1-b2c3d4e5f607 track 7 file 1 bytes 4194304 to 4194313: "
	       "other "
	       "bytes");
	expect(&whole, true,
	       "{\"finding\":\"checksum\",\"recording\":\"018fa3c4-5b6d-7e8f-90a1-b2c3d4e5f607\",\"track\":7,\"file\":"
	       "1,"
	       "\"offset\":4194304,\"length\":10,\"text\":\"other bytes\"}");
}

Test(scrub_text, a_finding_of_no_recording_whose_text_would_break_the_line)
{
	struct sr_finding finding = {.kind = SR_FINDING_ROW, .text = {(const uint8_t *)"a\"\\\n\x80z", 6}};

	expect(&finding, false, "row: no recording's: a????z");
	expect(&finding, true,
	       "{\"finding\":\"row\",\"recording\":null,\"track\":null,\"file\":0,\"offset\":0,\"length\":0,"
	       "\"text\":\"a????z\"}");
}

Test(scrub_text, the_longest_finding_of_each_kind_fits)
{
	uint8_t text[SR_TEXT_MAX];
	struct sr_finding finding = whole;
	char out[SR_SCRUB_LINE_MAX];

	memset(text, 'x', sizeof text);
	finding.text = (struct sr_span){text, sizeof text};
	finding.track = finding.file = UINT16_MAX;
	finding.offset = UINT64_C(1) << 63;
	finding.length = UINT64_C(1) << 62;
	for (int kind = SR_FINDING_ROW; kind < SR_FINDINGS; kind++) {
		finding.kind = (enum sr_finding_kind)kind;
		cr_assert_not_null(sr_finding_name(finding.kind));
		sr_finding_line(&finding, true, out);
		cr_expect_str_eq(out + strlen(out) - 3, "x\"}");
		sr_finding_line(&finding, false, out);
		cr_expect_eq(out[strlen(out) - 1], 'x');
	}
}

Test(scrub_text, an_end_gives_a_place_only_when_it_was_stopped)
{
	const uint8_t place[] = {2, 0xab};
	struct sr_scrub_report report = {
		.state = SR_SCRUB_STOPPED, .rows = 3, .bytes = 4, .findings = 5, .place = {place, 2}};
	char out[SR_SCRUB_LINE_MAX];

	sr_scrub_end_line(&report, false, out);
	cr_expect_str_eq(out, "stopped: 3 rows and 4 bytes checked, 5 findings; go on with --resume=02ab");
	sr_scrub_end_line(&report, true, out);
	cr_expect_str_eq(out, "{\"state\":\"stopped\",\"rows\":3,\"bytes\":4,\"findings\":5,\"resume\":\"02ab\"}");
	report.state = SR_SCRUB_DONE;
	sr_scrub_end_line(&report, true, out);
	cr_expect_str_eq(out, "{\"state\":\"done\",\"rows\":3,\"bytes\":4,\"findings\":5,\"resume\":null}");
}

Test(scrub_text, places_go_there_and_back)
{
	uint8_t place[SR_SCRUB_PLACE_MAX], again[SR_SCRUB_PLACE_MAX];
	char text[SR_SCRUB_PLACE_TEXT];
	static const char *const bad[] = {"", "0", "0g", "02 ab", "02abz"};
	size_t size;

	for (size_t i = 0; i < sizeof place; i++)
		place[i] = (uint8_t)(i * 7);
	for (size_t most = 1; most <= sizeof place; most++) {
		sr_scrub_place_text((struct sr_span){place, most}, text);
		cr_assert(sr_scrub_place_parse(text, again, &size), "%s", text);
		cr_assert_eq(size, most);
		cr_assert_arr_eq(again, place, most);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect(!sr_scrub_place_parse(bad[i], again, &size), "%s", bad[i]);
}
