/* Recordings as they are shown: decoded from entries, copied, freed. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* A span of the message as terminated text; its encoder bounded it to what fits. */
static void copy_text(char *to, size_t capacity, struct sr_span from)
{
	size_t size = from.size < capacity ? from.size : capacity - 1;
	if (size > 0)
		memcpy(to, from.data, size);
	to[size] = '\0';
}

static void read_track(struct sr_cursor *in, struct sr_track_info *info)
{
	struct sr_entry_track track;
	sr_entry_track_decode(in, &track);
	if (in->failed)
		return;
	info->track = track.track;
	info->finished = track.state == SR_FINISHED;
	info->start_ms = track.start_ms;
	info->length = track.length;
	info->segments = track.segments;
	copy_text(info->media_type, sizeof info->media_type, track.media_type);
	copy_text(info->label, sizeof info->label, track.label);
}

bool sr_entry_read(struct sr_cursor *in, struct sr_recording_info *info)
{
	struct sr_entry entry;
	*info = (struct sr_recording_info){0};
	sr_entry_decode(in, &entry);
	if (in->failed)
		return false;
	memcpy(info->recording, entry.recording, SR_ID);
	info->finished = entry.state == SR_FINISHED;
	info->opened_ms = entry.opened_ms;
	info->finished_ms = entry.finished_ms;
	info->retain_until_ms = entry.retain_until_ms;
	copy_text(info->label, sizeof info->label, entry.label);
	info->tracks = calloc(entry.tracks ? entry.tracks : 1, sizeof *info->tracks);
	if (!info->tracks)
		return false;
	info->track_count = entry.tracks;
	for (size_t i = 0; i < info->track_count; i++)
		read_track(in, &info->tracks[i]);
	if (in->failed)
		sr_recording_info_clear(info);
	return !in->failed;
}

bool sr_recording_info_copy(const struct sr_recording_info *from, struct sr_recording_info *to)
{
	*to = *from;
	to->tracks = calloc(from->track_count ? from->track_count : 1, sizeof *to->tracks);
	if (!to->tracks) {
		to->track_count = 0;
		return false;
	}
	if (from->track_count > 0)
		memcpy(to->tracks, from->tracks, from->track_count * sizeof *to->tracks);
	return true;
}

void sr_recording_info_clear(struct sr_recording_info *info)
{
	free(info->tracks);
	info->tracks = NULL;
	info->track_count = 0;
}

void sr_recording_info_free(struct sr_recording_info *info)
{
	if (info)
		sr_recording_info_clear(info);
	free(info);
}

void sr_listing_free(struct sr_listing_info *listing)
{
	if (!listing)
		return;
	for (size_t i = 0; i < listing->count; i++)
		sr_recording_info_clear(&listing->recordings[i]);
	free(listing->recordings);
	free(listing);
}
