/*
 * How findings and the end of a scrub are written, for people and as JSON.
 */
#include "scrub_text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void clean(struct sr_span text, char out[SR_TEXT_MAX + 1])
{
	size_t size = text.size < SR_TEXT_MAX ? text.size : SR_TEXT_MAX;

	for (size_t at = 0; at < size; at++) {
		uint8_t byte = text.data[at];

		out[at] = byte < ' ' || byte > '~' || byte == '"' || byte == '\\' ? '?' : (char)byte;
	}
	out[size] = '\0';
}

static bool has_recording(const struct sr_finding *finding)
{
	return !sodium_is_zero(finding->recording, sizeof finding->recording);
}

static void put_json(const struct sr_finding *finding, const char *id, const char *text, char out[SR_SCRUB_LINE_MAX])
{
	const char *quote = has_recording(finding) ? "\"" : "";
	char track[8] = "null";

	if (finding->track != 0)
		(void)snprintf(track, sizeof track, "%u", finding->track);
	(void)snprintf(out, SR_SCRUB_LINE_MAX,
		       "{\"finding\":\"%s\",\"recording\":%s%s%s,\"track\":%s,\"file\":%u,\"offset\":%llu,"
		       "\"length\":%llu,\"text\":\"%s\"}",
		       sr_finding_name(finding->kind), quote, has_recording(finding) ? id : "null", quote, track,
		       finding->file, (unsigned long long)finding->offset, (unsigned long long)finding->length, text);
}

void sr_finding_line(const struct sr_finding *finding, bool json, char out[SR_SCRUB_LINE_MAX])
{
	char id[SR_UUID_TEXT], text[SR_TEXT_MAX + 1], place[96] = "";
	int used = 0;

	sr_uuid_format(finding->recording, id);
	clean(finding->text, text);
	if (json) {
		put_json(finding, id, text, out);
		return;
	}
	if (finding->track != 0)
		used = snprintf(place, sizeof place, " track %u", finding->track);
	if (finding->length != 0)
		(void)snprintf(place + used, sizeof place - (size_t)used, " file %u bytes %llu to %llu", finding->file,
			       (unsigned long long)finding->offset,
			       (unsigned long long)(finding->offset + finding->length - 1));
	(void)snprintf(out, SR_SCRUB_LINE_MAX, "%s:%s%s%s: %s", sr_finding_name(finding->kind),
		       has_recording(finding) ? " recording " : " no recording's", has_recording(finding) ? id : "",
		       place, text);
}

void sr_scrub_end_line(const struct sr_scrub_report *report, bool json, char out[SR_SCRUB_LINE_MAX])
{
	char place[SR_SCRUB_PLACE_TEXT];
	bool stopped = report->state == SR_SCRUB_STOPPED;

	sr_scrub_place_text(report->place, place);
	if (json)
		(void)snprintf(out, SR_SCRUB_LINE_MAX,
			       "{\"state\":\"%s\",\"rows\":%llu,\"bytes\":%llu,\"findings\":%u,\"resume\":%s%s%s}",
			       sr_scrub_state_name(report->state), (unsigned long long)report->rows,
			       (unsigned long long)report->bytes, report->findings, stopped ? "\"" : "",
			       stopped ? place : "null", stopped ? "\"" : "");
	else
		(void)snprintf(out, SR_SCRUB_LINE_MAX, "%s: %llu rows and %llu bytes checked, %u findings%s%s",
			       sr_scrub_state_name(report->state), (unsigned long long)report->rows,
			       (unsigned long long)report->bytes, report->findings,
			       stopped ? "; go on with --resume=" : "", stopped ? place : "");
}

void sr_scrub_place_text(struct sr_span place, char out[SR_SCRUB_PLACE_TEXT])
{
	size_t size = place.size < SR_SCRUB_PLACE_MAX ? place.size : SR_SCRUB_PLACE_MAX;

	(void)sodium_bin2hex(out, SR_SCRUB_PLACE_TEXT, place.data, size);
}

bool sr_scrub_place_parse(const char *text, uint8_t place[SR_SCRUB_PLACE_MAX], size_t *size)
{
	const char *end;

	return sodium_hex2bin(place, SR_SCRUB_PLACE_MAX, text, strlen(text), NULL, size, &end) == 0 && *end == '\0' &&
	       *size > 0;
}
