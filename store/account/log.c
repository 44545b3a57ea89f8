/*
 * The daemon's log: key=value lines on standard error, one write each, from any thread.
 */
#include "account/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CUT_MARK " cut=1\n"
#define ROOM (SR_LOG_LINE_MAX - sizeof CUT_MARK)

static _Atomic int quietest = SR_LOG_INFO;

static const char *const level_names[] = {"alarm", "error", "warn", "info", "debug"};

void sr_log_level_set(enum sr_log_level level)
{
	atomic_store(&quietest, (int)level);
}

bool sr_log_level_parse(const char *text, enum sr_log_level *level)
{
	for (int at = SR_LOG_ERROR; at <= SR_LOG_DEBUG; at++)
		if (strcmp(text, level_names[at]) == 0) {
			*level = (enum sr_log_level)at;
			return true;
		}
	return false;
}

static void put(struct sr_log_line *line, char byte)
{
	if (line->size < ROOM)
		line->text[line->size++] = byte;
	else
		line->cut = true;
}

static void put_text(struct sr_log_line *line, const char *text)
{
	for (; *text; text++)
		put(line, *text);
}

/* Start a field; what follows may still not fit, so the caller can come back to where the line was. */
static size_t put_name(struct sr_log_line *line, const char *name)
{
	size_t before = line->size;
	put(line, ' ');
	put_text(line, name);
	put(line, '=');
	return before;
}

static void put_whole_or_nothing(struct sr_log_line *line, size_t before, bool was_cut)
{
	if (line->cut && !was_cut)
		line->size = before;
}

void sr_log_begin(struct sr_log_line *line, enum sr_log_level level, const char *event)
{
	struct timespec now;
	struct tm utc;
	char stamp[64];
	line->size = 0;
	line->cut = false;
	line->level = level;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t size = strftime(stamp, sizeof stamp, "time=%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(stamp + size, sizeof stamp - size, ".%03ldZ", now.tv_nsec / 1000000);
	put_text(line, stamp);
	put_text(line, " level=");
	put_text(line, level_names[level]);
	put_text(line, " event=");
	put_text(line, event);
}

static bool plain(const char *text)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-";
	return *text && text[strspn(text, fine)] == '\0';
}

static void put_quoted(struct sr_log_line *line, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	put(line, '"');
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte < 0x20 || byte >= 0x7f) {
			put_text(line, "\\x");
			put(line, digits[byte >> 4]);
			put(line, digits[byte & 15]);
			continue;
		}
		if (byte == '"' || byte == '\\')
			put(line, '\\');
		put(line, (char)byte);
	}
	put(line, '"');
}

void sr_log_text(struct sr_log_line *line, const char *name, const char *value)
{
	bool was_cut = line->cut;
	size_t before = put_name(line, name);
	if (plain(value))
		put_text(line, value);
	else
		put_quoted(line, value);
	put_whole_or_nothing(line, before, was_cut);
}

void sr_log_number(struct sr_log_line *line, const char *name, uint64_t value)
{
	char digits[24];
	bool was_cut = line->cut;
	size_t before = put_name(line, name);
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
	put_text(line, digits);
	put_whole_or_nothing(line, before, was_cut);
}

void sr_log_hex(struct sr_log_line *line, const char *name, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	bool was_cut = line->cut;
	size_t before = put_name(line, name);
	for (size_t at = 0; at < size; at++) {
		put(line, digits[bytes[at] >> 4]);
		put(line, digits[bytes[at] & 15]);
	}
	put_whole_or_nothing(line, before, was_cut);
}

void sr_log_end(struct sr_log_line *line)
{
	if ((int)line->level > atomic_load(&quietest))
		return;
	const char *end = line->cut ? CUT_MARK : "\n";
	size_t size = strlen(end);
	memcpy(line->text + line->size, end, size);
	line->size += size;
	ssize_t written = write(STDERR_FILENO, line->text, line->size);
	(void)written;
}

void sr_log(enum sr_log_level level, const char *event, const char *text)
{
	struct sr_log_line line;
	sr_log_begin(&line, level, event);
	sr_log_text(&line, "text", text);
	sr_log_end(&line);
}

void sr_log_error(enum sr_log_level level, const char *event, const struct sr_error *err)
{
	struct sr_log_line line;
	char place[128];
	const char *slash = err->file ? strrchr(err->file, '/') : NULL;
	snprintf(place, sizeof place, "%s:%d", slash ? slash + 1 : (err->file ? err->file : "?"), err->line);
	sr_log_begin(&line, level, event);
	sr_log_text(&line, "code", sr_code_name(err->code));
	sr_log_text(&line, "text", err->text);
	sr_log_text(&line, "at", place);
	sr_log_end(&line);
}
