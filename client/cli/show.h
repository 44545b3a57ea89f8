/* How a recording is shown: as JSON with stable names, and to people. */
#ifndef SR_CLI_SHOW_H
#define SR_CLI_SHOW_H

#include <jansson.h>

#include "sealreel.h"

/* The stable names, for --help. */
#define SHOW_RECORDING_FIELDS                                                                                          \
	"\"id\", \"state\" (finished or unfinished), \"opened\", \"finished\", \"retain_until\" (RFC 3339, or null), " \
	"\"label\", \"length\" (bytes of all tracks), \"tracks\": each with \"track\", \"state\", \"start_ms\", "      \
	"\"length\", \"segments\", \"media_type\", \"label\""

/* A new reference, or NULL when memory is used up. */
json_t *show_recording_json(const struct sr_recording_info *info);

/* One line for a recording, and one for each track. */
void show_recording(const struct sr_recording_info *info);

/* Print and release; false if standard output failed. */
bool show_json(json_t *value);

#endif
