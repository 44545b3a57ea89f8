/*
 * The state of a report: people and whom they stand for, pairs of recipient and recording, tracks.
 */
#include "state.h"

#include <stdlib.h>
#include <string.h>

enum sr_code sr_report_new(const struct sr_report_request *request, struct sr_report **out, struct sr_error *err)
{
	struct sr_span note = {(const uint8_t *)request->checkpoint, strlen(request->checkpoint)};
	*out = NULL;
	if (request->arguments.from_ms >= request->arguments.to_ms)
		return SR_FAIL(err, SR_USAGE, "a report's time ends before it begins");
	struct sr_report *report = calloc(1, sizeof *report);
	if (!report)
		return SR_FAIL_MEMORY(err);
	if (sr_checkpoint_claims(note, &report->checkpoint, err) != SR_OK) {
		free(report);
		return SR_FAIL(err, SR_USAGE, "that is no checkpoint");
	}
	report->request = *request;
	report->recipients.key_size = SR_WHO;
	report->people.key_size = SR_TAG;
	report->recordings.key_size = SR_UUID;
	report->pair_keys.key_size = 2 * sizeof(uint32_t);
	report->stream_keys.key_size = report->singles.key_size = sizeof(uint64_t);
	for (size_t at = 0; at < request->incident->count; at++)
		report->notes_wanted += request->incident->notes[at].number < report->checkpoint.size;
	*out = report;
	return SR_OK;
}

static void pair_free(struct sr_report_pair *pair)
{
	sr_report_tracks_free(&pair->tracks);
	for (size_t at = 0; at < pair->shown_count; at++) {
		sr_report_spans_free(&pair->shown[at].media);
		free(pair->shown[at].service);
	}
	free(pair->shown);
}

void sr_report_free(struct sr_report *report)
{
	if (!report)
		return;
	for (size_t at = 0; at < report->pair_keys.count; at++)
		pair_free(&report->pairs[at]);
	for (size_t at = 0; at < report->stream_keys.count; at++)
		sr_report_tracks_free(&report->streams[at].tracks);
	for (size_t at = 0; at < report->freeze_count; at++) {
		free(report->freezes[at].scope);
		free(report->freezes[at].by);
	}
	free(report->pairs);
	free(report->streams);
	free(report->freezes);
	free(report->linked_to);
	free(report->owners);
	free(report->recipient_numbers);
	free(report->recording_numbers);
	free(report->person_numbers);
	sr_report_table_free(&report->recipients);
	sr_report_table_free(&report->people);
	sr_report_table_free(&report->recordings);
	sr_report_table_free(&report->pair_keys);
	sr_report_table_free(&report->stream_keys);
	sr_report_table_free(&report->singles);
	free(report);
}

const struct sr_checkpoint *sr_report_checkpoint(const struct sr_report *report)
{
	return &report->checkpoint;
}

/* ---- people ---- */

static uint32_t person(struct sr_report *report, const uint8_t tag[SR_TAG])
{
	uint32_t known = report->people.count;
	uint32_t *linked = sr_report_grown(report->linked_to, &report->linked_room, known, sizeof *linked);
	if (!linked)
		return SR_REPORT_NONE;
	report->linked_to = linked;
	uint32_t number = sr_report_number(&report->people, tag);
	if (number == known)
		linked[number] = number;
	return number;
}

uint32_t sr_report_root(const struct sr_report *report, uint32_t number)
{
	while (report->linked_to[number] != number)
		number = report->linked_to[number];
	return number;
}

bool sr_report_link(struct sr_report *report, const uint8_t one[SR_TAG], const uint8_t other[SR_TAG])
{
	uint32_t a = person(report, one), b = a == SR_REPORT_NONE ? a : person(report, other);
	if (b == SR_REPORT_NONE)
		return false;
	uint32_t root = sr_report_root(report, a);
	report->linked_to[sr_report_root(report, b)] = root;
	/* The next look is short. */
	report->linked_to[a] = report->linked_to[b] = root;
	return true;
}

/* ---- pairs ---- */

static uint32_t recording_of(struct sr_report *report, const uint8_t id[SR_UUID], const uint8_t *owner)
{
	uint32_t known = report->recordings.count;
	uint32_t *owners = sr_report_grown(report->owners, &report->owners_room, known, sizeof *owners);
	if (!owners)
		return SR_REPORT_NONE;
	report->owners = owners;
	uint32_t number = sr_report_number(&report->recordings, id);
	if (number == SR_REPORT_NONE)
		return number;
	if (number == known)
		owners[number] = SR_REPORT_NONE;
	/* A recording that is moved is its later patient's. */
	if (owner && (owners[number] = person(report, owner)) == SR_REPORT_NONE)
		return SR_REPORT_NONE;
	return number;
}

struct sr_report_pair *sr_report_touch(struct sr_report *report, const uint8_t who[SR_WHO],
				       const uint8_t recording[SR_UUID], const uint8_t *owner, uint64_t time_ms)
{
	uint32_t key[2] = {sr_report_number(&report->recipients, who), recording_of(report, recording, owner)};
	uint32_t known = report->pair_keys.count;
	if (key[0] == SR_REPORT_NONE || key[1] == SR_REPORT_NONE)
		return NULL;
	struct sr_report_pair *pairs = sr_report_grown(report->pairs, &report->pairs_room, known, sizeof *pairs);
	if (!pairs)
		return NULL;
	report->pairs = pairs;
	uint32_t number = sr_report_number(&report->pair_keys, key);
	if (number == SR_REPORT_NONE)
		return NULL;
	struct sr_report_pair *pair = &pairs[number];
	if (number == known)
		*pair = (struct sr_report_pair){.recipient = key[0], .recording = key[1], .first_ms = time_ms};
	pair->first_ms = time_ms < pair->first_ms ? time_ms : pair->first_ms;
	pair->last_ms = time_ms > pair->last_ms ? time_ms : pair->last_ms;
	return pair;
}

bool sr_report_state_shown(struct sr_report_pair *pair, const char *service, const struct sr_audit_recording *range)
{
	size_t at = 0;
	if (!range->has_media || !range->has_track)
		return true;
	service = service ? service : "";
	while (at < pair->shown_count &&
	       (pair->shown[at].track != range->track || strcmp(pair->shown[at].service, service) != 0))
		at++;
	if (at == pair->shown_count) {
		struct sr_report_shown *shown = sr_report_grown(pair->shown, &pair->shown_room, at, sizeof *shown);
		if (!shown)
			return false;
		pair->shown = shown;
		shown[at] = (struct sr_report_shown){.service = strdup(service), .track = range->track};
		if (!shown[at].service)
			return false;
		pair->shown_count++;
	}
	return sr_report_spans_add(&pair->shown[at].media, range->media_from, range->media_to);
}

/* ---- tracks ---- */

struct sr_report_track *sr_report_track(struct sr_report_tracks *tracks, uint16_t number)
{
	size_t at = 0;
	while (at < tracks->count && tracks->list[at].number < number)
		at++;
	if (at < tracks->count && tracks->list[at].number == number)
		return &tracks->list[at];
	struct sr_report_track *list = sr_report_grown(tracks->list, &tracks->room, tracks->count, sizeof *list);
	if (!list)
		return NULL;
	tracks->list = list;
	memmove(&list[at + 1], &list[at], (tracks->count - at) * sizeof *list);
	list[at] = (struct sr_report_track){.number = number};
	tracks->count++;
	return &list[at];
}

static bool join(struct sr_report_track *track, const struct sr_report_track *other)
{
	track->has_length |= other->has_length;
	track->length = other->length > track->length ? other->length : track->length;
	for (size_t at = 0; at < other->points.count; at++)
		if (!sr_report_points_add(&track->points, other->points.list[at].byte, other->points.list[at].media_ms))
			return false;
	return sr_report_spans_join(&track->authorised, &other->authorised) &&
	       sr_report_spans_join(&track->sent, &other->sent) &&
	       sr_report_spans_join(&track->confirmed, &other->confirmed) &&
	       sr_report_spans_join(&track->unclosed, &other->unclosed);
}

bool sr_report_tracks_join(struct sr_report_tracks *tracks, const struct sr_report_tracks *other)
{
	for (size_t at = 0; at < other->count; at++) {
		struct sr_report_track *track = sr_report_track(tracks, other->list[at].number);
		if (!track || !join(track, &other->list[at]))
			return false;
	}
	return true;
}

void sr_report_tracks_free(struct sr_report_tracks *tracks)
{
	for (size_t at = 0; at < tracks->count; at++) {
		struct sr_report_track *track = &tracks->list[at];
		sr_report_spans_free(&track->authorised);
		sr_report_spans_free(&track->sent);
		sr_report_spans_free(&track->confirmed);
		sr_report_spans_free(&track->unclosed);
		sr_report_points_free(&track->points);
	}
	free(tracks->list);
	*tracks = (struct sr_report_tracks){.list = NULL};
}

bool sr_report_possibly(const struct sr_report_track *track, struct sr_report_spans *spans)
{
	*spans = (struct sr_report_spans){.list = NULL};
	if (sr_report_spans_join(spans, &track->sent) && sr_report_spans_join(spans, &track->unclosed))
		return true;
	sr_report_spans_free(spans);
	return false;
}
