/*
 * The daemon's log: key=value lines on standard error, one write each, from any thread.
 */
#ifndef SR_LOG_H
#define SR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* From loudest to quietest; an alarm is always written. */
enum sr_log_level { SR_LOG_ALARM, SR_LOG_ERROR, SR_LOG_WARN, SR_LOG_INFO, SR_LOG_DEBUG };

#define SR_LOG_LINE_MAX 1024

/* The quietest level that is written from now on (default SR_LOG_INFO). Any thread. */
void sr_log_level_set(enum sr_log_level level);

/* Parse "error", "warn", "info" or "debug". False: none of them; *level untouched. */
bool sr_log_level_parse(const char *text, enum sr_log_level *level) SR_MUST_USE;

/* A line being made. Fields that do not fit are left out whole, and the line then ends in cut=1. */
struct sr_log_line {
	char text[SR_LOG_LINE_MAX];
	size_t size;
	bool cut;
	enum sr_log_level level;
};

/* Begin a line: time (UTC, milliseconds), level, event. `event` is a word of ours. */
void sr_log_begin(struct sr_log_line *line, enum sr_log_level level, const char *event);

/*
 * Add name=value. Text is quoted if it has anything but letters, digits and ._:/@+-; quotes, backslashes, control and
 * non-ASCII bytes are escaped, so that one line stays one line. Only facts that may be seen: never an identity, token,
 * label, media type, media byte or key.
 */
void sr_log_text(struct sr_log_line *line, const char *name, const char *value);
void sr_log_number(struct sr_log_line *line, const char *name, uint64_t value);
void sr_log_hex(struct sr_log_line *line, const char *name, const uint8_t *bytes, size_t size);

/* Write it, if its level is wanted. A failing write is ignored: the log must not stop the store. */
void sr_log_end(struct sr_log_line *line);

/* A whole line of event and text; and one for a failure, with its code, text and place. */
void sr_log(enum sr_log_level level, const char *event, const char *text);
void sr_log_error(enum sr_log_level level, const char *event, const struct sr_error *err);

#endif
