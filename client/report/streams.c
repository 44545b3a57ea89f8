/*
 * Following players' streams: what was authorised, sent and confirmed under each play.open, until it is closed.
 */
#include <stdlib.h>
#include <string.h>

#include "state.h"

void sr_report_who(const struct sr_audit_entry *entry, uint8_t who[SR_WHO])
{
	who[0] = 'a';
	memcpy(who + 1, entry->actor, SR_TAG);
}

/* Streams that have ended leave the table once they are most of it: memory goes by those that are open. */
static bool forget_ended(struct sr_report *report)
{
	struct sr_report_table fresh = {.key_size = report->stream_keys.key_size};
	if (report->streams_ended < 1024 || report->streams_ended < report->stream_keys.count / 2)
		return true;
	uint32_t kept = 0;
	for (uint32_t at = 0; at < report->stream_keys.count; at++) {
		if (report->streams[at].ended)
			continue;
		if (sr_report_number(&fresh, sr_report_key(&report->stream_keys, at)) == SR_REPORT_NONE) {
			sr_report_table_free(&fresh);
			return false;
		}
		report->streams[kept++] = report->streams[at];
	}
	memset(&report->streams[kept], 0, (report->stream_keys.count - kept) * sizeof *report->streams);
	sr_report_table_free(&report->stream_keys);
	report->stream_keys = fresh;
	report->streams_ended = 0;
	return true;
}

struct sr_report_stream *sr_report_follow(struct sr_report *report, const struct sr_audit_entry *entry,
					  const struct sr_audit_recording *recording, bool inside)
{
	if (!forget_ended(report))
		return NULL;
	struct sr_report_stream *streams =
		sr_report_grown(report->streams, &report->streams_room, report->stream_keys.count, sizeof *streams);
	if (!streams)
		return NULL;
	report->streams = streams;
	uint32_t number = sr_report_number(&report->stream_keys, &entry->number);
	if (number == SR_REPORT_NONE)
		return NULL;
	struct sr_report_stream *stream = &streams[number];
	*stream = (struct sr_report_stream){.inside = inside, .opened_ms = entry->time_ms, .last_ms = entry->time_ms};
	sr_report_who(entry, stream->who);
	memcpy(stream->recording, recording->id, SR_UUID);
	memcpy(stream->owner, entry->tag, SR_TAG);
	return stream;
}

static struct sr_report_pair *pair_of(struct sr_report *report, const struct sr_report_stream *stream, uint64_t time_ms)
{
	return sr_report_touch(report, stream->who, stream->recording, stream->owner, time_ms);
}

static bool close_stream(struct sr_report *report, struct sr_report_stream *stream, bool in_order)
{
	bool done = true;
	struct sr_report_pair *pair = stream->inside ? pair_of(report, stream, stream->last_ms) : NULL;
	if (stream->inside && !pair)
		return false;
	for (size_t at = 0; done && !in_order && at < stream->tracks.count; at++)
		done = sr_report_spans_join(&stream->tracks.list[at].unclosed, &stream->tracks.list[at].authorised);
	if (done && pair) {
		pair->unclosed += !in_order;
		done = sr_report_tracks_join(&pair->tracks, &stream->tracks);
	}
	sr_report_tracks_free(&stream->tracks);
	stream->ended = true;
	report->streams_ended++;
	return done;
}

static bool take_range(struct sr_report_stream *stream, const struct sr_audit_entry *entry,
		       const struct sr_audit_recording *range)
{
	if (!range->has_track || !range->has_range)
		return true;
	struct sr_report_track *track = sr_report_track(&stream->tracks, range->track);
	if (!track)
		return false;
	if (range->has_length) {
		track->has_length = true;
		track->length = range->length > track->length ? range->length : track->length;
	}
	if (range->has_media && (!sr_report_points_add(&track->points, range->from, range->media_from) ||
				 !sr_report_points_add(&track->points, range->to, range->media_to)))
		return false;
	return sr_report_spans_add(entry->kind == SR_AUDIT_SENT        ? &track->sent
				   : entry->kind == SR_AUDIT_CONFIRMED ? &track->confirmed
								       : &track->authorised,
				   range->from, range->to);
}

/* A stream that was open before the report's time, and still is in it, counts as a whole. */
static bool enter(struct sr_report *report, struct sr_report_stream *stream)
{
	struct sr_report_pair *pair = pair_of(report, stream, stream->opened_ms);
	if (!pair)
		return false;
	pair->presented++;
	pair->opened++;
	stream->inside = true;
	return true;
}

bool sr_report_stream_take(struct sr_report *report, const struct sr_audit_entry *entry)
{
	uint32_t number = entry->has_of ? sr_report_find(&report->stream_keys, &entry->of) : SR_REPORT_NONE;
	if (number == SR_REPORT_NONE || report->streams[number].ended)
		return true;
	struct sr_report_stream *stream = &report->streams[number];
	if (!stream->inside && entry->time_ms >= report->request.arguments.from_ms && !enter(report, stream))
		return false;
	/* What a start says of a stream that a crash ended is later than whatever happened. */
	if (entry->kind != SR_AUDIT_RECOVERED)
		stream->last_ms = entry->time_ms;
	for (size_t at = 0; at < entry->recording_count; at++)
		if (!take_range(stream, entry, &entry->recordings[at]))
			return false;
	if (entry->kind == SR_AUDIT_RECOVERED)
		return close_stream(report, stream, false);
	return entry->kind != SR_AUDIT_SENT || !entry->outcome || close_stream(report, stream, true);
}

bool sr_report_streams_end(struct sr_report *report)
{
	for (uint32_t at = 0; at < report->stream_keys.count; at++) {
		struct sr_report_stream *stream = &report->streams[at];
		if (!stream->ended && stream->tracks.count == 0)
			stream->ended = true; /* it never asked for a byte */
		if (!stream->ended && !close_stream(report, stream, false))
			return false;
	}
	return true;
}
