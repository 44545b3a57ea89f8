/* The log: one line per event whatever it says, whole fields only, and no more than is wanted. */
#include "account/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int said[2]; /* what goes to standard error comes out here */

static void setup(void)
{
	cr_assert_eq(pipe(said), 0);
	cr_assert_neq(fcntl(said[0], F_SETFL, O_NONBLOCK), -1);
	cr_assert_neq(dup2(said[1], STDERR_FILENO), -1);
}

TestSuite(log, .init = setup);

/* What was written since the last call; "" if nothing. */
static const char *heard(void)
{
	static char text[65536];
	ssize_t size = read(said[0], text, sizeof text - 1);
	text[size > 0 ? size : 0] = '\0';
	return text;
}

/* The fields behind the event's name. */
static const char *fields(void)
{
	const char *line = heard();
	const char *event = strstr(line, " event=test");
	cr_assert_not_null(event, "%s", line);
	return event + strlen(" event=test");
}

static void say(const char *value)
{
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, "test");
	sr_log_text(&line, "v", value);
	sr_log_end(&line);
}

Test(log, a_line_begins_with_time_level_and_event)
{
	regex_t form;
	sr_log(SR_LOG_WARN, "test", "words");
	const char *line = heard();
	cr_assert_eq(regcomp(&form,
			     "^time=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z level=warn "
			     "event=test text=words\n$",
			     REG_EXTENDED | REG_NOSUB),
		     0);
	cr_expect_eq(regexec(&form, line, 0, NULL, 0), 0, "%s", line);
	regfree(&form);
}

Test(log, every_byte_is_plain_quoted_or_escaped)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-";
	for (int byte = 1; byte < 256; byte++) {
		char value[] = {(char)byte, '\0'};
		char want[16];
		if (strchr(fine, byte))
			snprintf(want, sizeof want, " v=%c\n", byte);
		else if (byte < 0x20 || byte >= 0x7f)
			snprintf(want, sizeof want, " v=\"\\x%02x\"\n", (unsigned)byte);
		else if (byte == '"' || byte == '\\')
			snprintf(want, sizeof want, " v=\"\\%c\"\n", byte);
		else
			snprintf(want, sizeof want, " v=\"%c\"\n", byte);
		say(value);
		cr_expect_str_eq(fields(), want);
	}
	say("");
	cr_expect_str_eq(fields(), " v=\"\"\n");
	say("two words");
	cr_expect_str_eq(fields(), " v=\"two words\"\n");
	say("a\nlevel=alarm event=forged");
	cr_expect_str_eq(fields(), " v=\"a\\x0alevel=alarm event=forged\"\n");
}

Test(log, numbers_and_hex)
{
	static const uint8_t bytes[] = {0x00, 0x0f, 0xa5, 0xff};
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, "test");
	sr_log_number(&line, "n", UINT64_MAX);
	sr_log_number(&line, "z", 0);
	sr_log_hex(&line, "h", bytes, sizeof bytes);
	sr_log_hex(&line, "e", bytes, 0);
	sr_log_end(&line);
	cr_expect_str_eq(fields(), " n=18446744073709551615 z=0 h=000fa5ff e=\n");
}

Test(log, a_field_of_every_length_is_whole_or_left_out)
{
	static char value[SR_LOG_LINE_MAX + 64];
	bool was_cut = false;
	for (size_t size = 1; size < sizeof value - 1; size++) {
		struct sr_log_line line;
		memset(value, 'a', size);
		value[size] = '\0';
		sr_log_begin(&line, SR_LOG_INFO, "test");
		sr_log_text(&line, "v", value);
		sr_log_number(&line, "n", 7);
		sr_log_end(&line);
		const char *got = fields();
		bool cut = strcmp(got, " n=7 cut=1\n") == 0;
		/* A field that just fits may leave no room for the next. */
		bool last_cut = strncmp(got, " v=a", 4) == 0 && strcmp(got + 3 + size, " cut=1\n") == 0;
		bool whole = strncmp(got, " v=a", 4) == 0 && strcmp(got + 3 + size, " n=7\n") == 0;
		cr_assert(cut || last_cut || whole, "%zu bytes: %s", size, got);
		cr_assert(!was_cut || cut || last_cut, "%zu bytes fit, and fewer did not", size);
		cr_assert(line.size <= SR_LOG_LINE_MAX);
		was_cut = cut || last_cut;
	}
	cr_expect(was_cut);
}

Test(log, hex_and_numbers_are_cut_whole_too)
{
	static uint8_t bytes[SR_LOG_LINE_MAX];
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, "test");
	sr_log_hex(&line, "h", bytes, sizeof bytes);
	sr_log_end(&line);
	cr_expect_str_eq(fields(), " cut=1\n");
}

Test(log, levels_that_are_wanted)
{
	static const char *const names[] = {"alarm", "error", "warn", "info", "debug"};
	for (int quietest = SR_LOG_ERROR; quietest <= SR_LOG_DEBUG; quietest++) {
		enum sr_log_level parsed = SR_LOG_ALARM;
		cr_assert(sr_log_level_parse(names[quietest], &parsed));
		cr_expect_eq((int)parsed, quietest);
		sr_log_level_set(parsed);
		for (int level = SR_LOG_ALARM; level <= SR_LOG_DEBUG; level++) {
			char want[32];
			sr_log((enum sr_log_level)level, "test", "words");
			const char *line = heard();
			snprintf(want, sizeof want, " level=%s ", names[level]);
			cr_expect_eq(strstr(line, want) != NULL, level <= quietest, "%d at %d", level, quietest);
			cr_expect_eq(*line != '\0', level <= quietest);
		}
	}
}

Test(log, levels_that_are_none)
{
	static const char *const bad[] = {"", "alarm", "Info", "info ", "inf", "5"};
	for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
		enum sr_log_level level = SR_LOG_WARN;
		cr_expect_not(sr_log_level_parse(bad[at], &level), "%s", bad[at]);
		cr_expect_eq(level, SR_LOG_WARN);
	}
}

Test(log, an_error_has_its_code_text_and_place)
{
	struct sr_error err = {.code = SR_NO_SPACE, .file = "/build/store/data/blob.c", .line = 12, .text = "full"};
	sr_log_error(SR_LOG_ERROR, "test", &err);
	cr_expect_str_eq(fields(), " code=no_space text=full at=blob.c:12\n");
	err.file = NULL;
	err.line = 0;
	sr_log_error(SR_LOG_ERROR, "test", &err);
	cr_expect_str_eq(fields(), " code=no_space text=full at=\"?:0\"\n");
}

Test(log, a_closed_standard_error_is_no_failure)
{
	close(STDERR_FILENO);
	sr_log(SR_LOG_ALARM, "test", "words");
	cr_expect_str_eq(heard(), "");
}
