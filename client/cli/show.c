/* Recordings, printed. */
#include "cli/show.h"

#include <stdio.h>

#include "cli/parse.h"

static const char *state_name(bool finished)
{
	return finished ? "finished" : "unfinished";
}

static json_t *time_json(uint64_t milliseconds)
{
	char text[TIME_TEXT];
	format_time(milliseconds, text);
	return text[0] ? json_string(text) : json_null();
}

static uint64_t total_length(const struct sr_recording_info *info)
{
	uint64_t length = 0;
	for (size_t i = 0; i < info->track_count; i++)
		length += info->tracks[i].length;
	return length;
}

/* A text of the recording's; one that is not UTF-8 cannot be said in JSON. */
static json_t *text_json(const char *text)
{
	json_t *value = json_string(text);
	return value ? value : json_null();
}

json_t *show_recording_json(const struct sr_recording_info *info)
{
	char id[SR_ID_TEXT];
	json_t *tracks = json_array();
	for (size_t i = 0; i < info->track_count; i++) {
		const struct sr_track_info *track = &info->tracks[i];
		(void)json_array_append_new(tracks,
					    json_pack("{s:i, s:s, s:I, s:I, s:I, s:o, s:o}", "track", (int)track->track,
						      "state", state_name(track->finished), "start_ms",
						      (json_int_t)track->start_ms, "length", (json_int_t)track->length,
						      "segments", (json_int_t)track->segments, "media_type",
						      text_json(track->media_type), "label", text_json(track->label)));
	}
	sr_id_format(info->recording, id);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:o}", "id", id, "state", state_name(info->finished),
			 "opened", time_json(info->opened_ms), "finished", time_json(info->finished_ms), "retain_until",
			 time_json(info->retain_until_ms), "label", text_json(info->label), "length",
			 (json_int_t)total_length(info), "tracks", tracks);
}

/* Labels are others' bytes: what could move a terminal's cursor is not passed on. */
static void print_text(const char *text)
{
	for (; *text; text++)
		(void)putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

void show_recording(const struct sr_recording_info *info)
{
	char id[SR_ID_TEXT];
	char opened[TIME_TEXT];
	sr_id_format(info->recording, id);
	format_time(info->opened_ms, opened);
	printf("%s  %s  %-10s  %zu track%s, %llu bytes  ", id, opened, state_name(info->finished), info->track_count,
	       info->track_count == 1 ? "" : "s", (unsigned long long)total_length(info));
	print_text(info->label);
	(void)putchar('\n');
	for (size_t i = 0; i < info->track_count; i++) {
		const struct sr_track_info *track = &info->tracks[i];
		printf("  track %u  %s  ", (unsigned)track->track, state_name(track->finished));
		print_text(track->media_type);
		printf("  from %llu.%03llu s, %llu bytes  ", (unsigned long long)track->start_ms / 1000,
		       (unsigned long long)track->start_ms % 1000, (unsigned long long)track->length);
		print_text(track->label);
		(void)putchar('\n');
	}
}

bool show_json(json_t *value)
{
	bool ok = value && json_dumpf(value, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;
	json_decref(value);
	return ok && fflush(stdout) == 0;
}
