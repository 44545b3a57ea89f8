/*
 * A text that grows, and JSON written into it: members in the order in which they are said, one to a line.
 */
#ifndef SR_REPORT_TEXT_OUT_H
#define SR_REPORT_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeros: nothing yet. Once `failed` (memory is used up) nothing more is written. */
struct sr_report_out {
	char *data; /* terminated, once there is anything */
	size_t size, room;
	unsigned depth; /* of the JSON that is open */
	bool some;      /* something stands in the innermost already */
	bool failed;
};

/* Append printf-style; the formats are ours and know no locale. */
void sr_out_text(struct sr_report_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append a text of others' making: what of it is a control character, so also a line's end, as \\x and two digits. */
void sr_out_stated(struct sr_report_out *out, const char *text);

/* A time as RFC 3339 in UTC with milliseconds; and a duration as seconds with milliseconds. */
#define SR_OUT_TIME 72
const char *sr_out_time(uint64_t ms, char text[SR_OUT_TIME]);

/*
 * JSON. `name`: the member's, NULL in an array or for the outermost value. A NULL text is null; bytes that are not
 * UTF-8 do not occur in the log.
 */
void sr_json_begin(struct sr_report_out *out, const char *name, char bracket);
void sr_json_end(struct sr_report_out *out, char bracket);
void sr_json_text(struct sr_report_out *out, const char *name, const char *text);
void sr_json_number(struct sr_report_out *out, const char *name, uint64_t number);
void sr_json_bool(struct sr_report_out *out, const char *name, bool value);
void sr_json_time(struct sr_report_out *out, const char *name, uint64_t ms);
void sr_json_null(struct sr_report_out *out, const char *name);

void sr_out_free(struct sr_report_out *out);

#endif
