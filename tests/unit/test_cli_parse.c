/* What people type at the command line: what is read from it, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/parse.h"

Test(cli_parse, durations)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} cases[] = {{"90", 90}, {"90s", 90}, {"5m", 300}, {"1h", 3600},   {"0", 0},    {"", 0},
		     {"m", 0},   {"-5", 0},   {"5 m", 0},  {"5d", 432000}, {"1.5m", 0}, {"9999999999", 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t seconds = -1;
		bool ok = parse_duration(cases[i].text, &seconds);
		cr_expect_eq(ok, cases[i].seconds != 0, "%s", cases[i].text);
		if (ok)
			cr_expect_eq(seconds, cases[i].seconds, "%s", cases[i].text);
	}
}

Test(cli_parse, offsets)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t milliseconds;
	} cases[] = {{"0", true, 0},          {"12", true, 12000},    {"12.5", true, 12500},
		     {"0.001", true, 1},      {"1.2345", true, 1234}, {"999999999.999", true, 999999999999},
		     {"", false, 0},          {".5", false, 0},       {"1.", false, 0},
		     {"-1", false, 0},        {"1s", false, 0},       {"1.5x", false, 0},
		     {"9999999999", false, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t milliseconds = 0;
		bool ok = parse_offset(cases[i].text, &milliseconds);
		cr_expect_eq(ok, cases[i].ok, "%s", cases[i].text);
		if (ok)
			cr_expect_eq(milliseconds, cases[i].milliseconds, "%s", cases[i].text);
	}
}

Test(cli_parse, times)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t milliseconds;
	} cases[] = {{"1970-01-01", true, 0},
		     {"2020-06-09", true, 1591660800000},
		     {"2020-06-09T12:00:00Z", true, 1591704000000},
		     {"2020-06-09T14:00:00+02:00", true, 1591704000000},
		     {"2020-06-09T12:00:00.250Z", true, 1591704000250},
		     {"2020-02-29", true, 1582934400000},
		     {"2019-02-29", false, 0},
		     {"2020-02-31", false, 0},
		     {"2020-13-01", false, 0},
		     {"2020-06-09T12:00:00", false, 0},
		     {"2020-06-09T12:00Z", false, 0},
		     {"2020-06-09T12:00:00+2", false, 0},
		     {"1969-12-31", false, 0},
		     {"yesterday", false, 0},
		     {"", false, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t milliseconds = 0;
		bool ok = parse_time(cases[i].text, &milliseconds);
		cr_expect_eq(ok, cases[i].ok, "%s", cases[i].text);
		if (ok)
			cr_expect_eq(milliseconds, cases[i].milliseconds, "%s", cases[i].text);
	}
}

Test(cli_parse, times_come_back_as_they_went)
{
	char text[TIME_TEXT];
	uint64_t milliseconds;
	format_time(1591704000250, text);
	cr_assert_str_eq(text, "2020-06-09T12:00:00.250Z");
	cr_assert(parse_time(text, &milliseconds));
	cr_assert_eq(milliseconds, 1591704000250);
	format_time(0, text);
	cr_assert_str_eq(text, "");
}

Test(cli_parse, ranges)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t from;
		uint64_t length;
	} cases[] = {{"0-0", true, 0, 1},
		     {"5-9", true, 5, 5},
		     {"7-", true, 7, UINT64_MAX},
		     {"0-9223372036854775807", true, 0, UINT64_C(1) << 63},
		     {"9-5", false, 0, 0},
		     {"-5", false, 0, 0},
		     {"5", false, 0, 0},
		     {"", false, 0, 0},
		     {"a-b", false, 0, 0},
		     {"1-2-3", false, 0, 0},
		     {"99999999999999999999-", false, 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t from = 0;
		uint64_t length = 0;
		bool ok = parse_range(cases[i].text, &from, &length);
		cr_expect_eq(ok, cases[i].ok, "%s", cases[i].text);
		if (ok) {
			cr_expect_eq(from, cases[i].from, "%s", cases[i].text);
			cr_expect_eq(length, cases[i].length, "%s", cases[i].text);
		}
	}
}

Test(cli_parse, numbers_and_keys)
{
	uint64_t value;
	uint8_t key[32];
	char text[66];
	cr_assert(parse_number("65535", UINT16_MAX, &value));
	cr_assert_eq(value, 65535);
	cr_assert_not(parse_number("65536", UINT16_MAX, &value));
	cr_assert_not(parse_number(" 1", UINT16_MAX, &value));
	cr_assert_not(parse_number("+1", UINT16_MAX, &value));
	cr_assert_not(parse_number("1 ", UINT16_MAX, &value));
	cr_assert_not(parse_number("18446744073709551616", UINT64_MAX, &value));
	memset(text, 'a', sizeof text);
	text[64] = '\0';
	cr_assert(parse_key(text, key));
	cr_assert_eq(key[31], 0xaa);
	text[63] = 'g';
	cr_assert_not(parse_key(text, key));
	text[63] = '\0';
	cr_assert_not(parse_key(text, key));
}

Test(cli_parse, media_types)
{
	static const uint8_t webm[] = {0x1a, 0x45, 0xdf, 0xa3};
	static const uint8_t mp4[] = {0, 0, 0, 24, 'f', 't', 'y', 'p'};
	static const uint8_t sound[] = "\x1a\x45\xdf\xa3....A_OPUS";
	static const uint8_t both[] = "\x1a\x45\xdf\xa3....A_OPUS....V_VP8";
	cr_assert_str_eq(guess_media_type(sound, sizeof sound, "call.webm"), "audio/webm");
	cr_assert_str_eq(guess_media_type(sound, sizeof sound, NULL), "audio/webm");
	cr_assert_str_eq(guess_media_type(both, sizeof both, "call.webm"), "video/webm");
	cr_assert_str_eq(guess_media_type(NULL, 0, "call.webm"), "video/webm");
	cr_assert_str_eq(guess_media_type(webm, sizeof webm, NULL), "video/webm");
	cr_assert_str_eq(guess_media_type(webm, sizeof webm, "voice.weba"), "audio/webm");
	cr_assert_str_eq(guess_media_type(webm, 3, "-"), "application/octet-stream");
	cr_assert_str_eq(guess_media_type(mp4, sizeof mp4, "x"), "video/mp4");
	cr_assert_str_eq(guess_media_type((const uint8_t *)"OggS", 4, "x"), "audio/ogg");
	cr_assert_str_eq(guess_media_type(NULL, 0, "a.b/CALL.OPUS"), "audio/ogg");
	cr_assert_str_eq(guess_media_type(NULL, 0, NULL), "application/octet-stream");
}
