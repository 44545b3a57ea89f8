/*
 * How findings and the end of a scrub are written, for people and as JSON: the same by the daemon and by its clients.
 */
#ifndef SR_SCRUB_TEXT_H
#define SR_SCRUB_TEXT_H

#include "message_scrub.h"

#define SR_SCRUB_LINE_MAX 1024
#define SR_SCRUB_PLACE_TEXT (2 * SR_SCRUB_PLACE_MAX + 1)

/*
 * One line without its end, NUL-terminated: of a finding, or of how a scrub ended. With `json` an object, whose names
 * are those of SR_SCRUB_JSON_FIELDS. Bytes of a text that are not printable ASCII become '?'.
 */
void sr_finding_line(const struct sr_finding *finding, bool json, char out[SR_SCRUB_LINE_MAX]);
void sr_scrub_end_line(const struct sr_scrub_report *report, bool json, char out[SR_SCRUB_LINE_MAX]);

/* For --help. */
#define SR_SCRUB_JSON_FIELDS                                                                                           \
	"one object on a line. Each finding: \"finding\" (row, wrap, missing_row, extra_row, misfiled, mismatch, "     \
	"missing_file, short_file, checksum, manifest, orphan_file, unreadable, index or unknown), \"recording\" "     \
	"(null: of none), \"track\" (null: of none), \"file\", \"offset\" and \"length\" (bytes of the file; length "  \
	"0: no place in it), \"text\". Then the end: \"state\" (done or stopped), \"rows\", \"bytes\", \"findings\", " \
	"\"resume\" (null: nothing is left)"

/* A place as people pass it on, in hex. False: it is no such text. *size (out). */
void sr_scrub_place_text(struct sr_span place, char out[SR_SCRUB_PLACE_TEXT]);
bool sr_scrub_place_parse(const char *text, uint8_t place[SR_SCRUB_PLACE_MAX], size_t *size) SR_MUST_USE;

#endif
