/*
 * A recording as its patient is shown it: the opened row and tracks, encoded as one entry.
 */
#include "serve/play/entry.h"

#include <string.h>

#include <sodium.h>

#define ENTRY_FRONT (SR_UUID + 1 + 8 + 8 + 8 + 2 + SR_LABEL_MAX + 2)
#define ENTRY_TRACK (2 + 1 + 8 + 8 + 4 + 2 + SR_MEDIA_TYPE_MAX + 2 + SR_LABEL_MAX)

size_t sr_entry_room(uint16_t tracks)
{
	return ENTRY_FRONT + (size_t)tracks * ENTRY_TRACK;
}

struct walking {
	const struct sr_entry_job *job;
	struct sr_builder *out;
	struct sr_entry_keys *keys;
	uint16_t count;
	enum sr_opening opening;
	const char *unopened; /* of what, unless it is SR_OPENED */
};

static bool put_track(void *context, const struct sr_track_row *row)
{
	struct walking *walking = context;
	const struct sr_entry_job *job = walking->job;
	struct sr_track_words words;
	struct sr_head head;
	walking->unopened = "track's head";
	walking->opening = sr_head_open_with(walking->keys->head, job->recording, row->track, row->head, &head);
	if (walking->opening == SR_OPENED) {
		walking->unopened = "track's entry";
		walking->opening = sr_track_words_open_with(walking->keys->entry, job->recording, row, &words);
	}
	job->request->work.opens += 2;
	if (walking->opening != SR_OPENED)
		return false;
	struct sr_entry_track track = {
		.track = row->track,
		.state = head.state,
		.start_ms = row->start_ms,
		.length = head.length,
		.segments = head.segments,
		.media_type = {words.media_type, words.media_type_size},
		.label = {words.label, words.label_size},
	};
	sr_entry_track_encode(walking->out, &track);
	sodium_memzero(&words, sizeof words);
	walking->count++;
	if (job->visit)
		job->visit(job->context, row, &head);
	return !walking->out->failed;
}

static enum sr_code put_front(const struct sr_entry_job *job, struct sr_input *key, struct sr_builder *out)
{
	const struct sr_recording_row *row = &job->found->row;
	uint8_t label[SR_LABEL_MAX];
	size_t size = 0;
	struct sr_entry entry = {
		.state = row->writing == SR_WRITING_FINISHED ? SR_FINISHED : SR_UNFINISHED,
		.opened_ms = row->opened_ms,
		.finished_ms = row->finished_ms,
		.retain_until_ms = row->retain_until_ms,
		.tracks = row->tracks,
	};
	job->request->work.opens++;
	enum sr_opening opening = sr_label_open_with(key, job->recording, row, label, &size);
	if (opening != SR_OPENED)
		return sr_request_unopened(job->request, job->recording, opening, "recording's entry");
	memcpy(entry.recording, job->recording, SR_UUID);
	entry.label = (struct sr_span){label, size};
	sr_entry_encode(out, &entry);
	sodium_memzero(label, sizeof label);
	return SR_OK;
}

void sr_entry_keys_free(struct sr_entry_keys *keys)
{
	sr_input_free(keys->head);
	sr_input_free(keys->entry);
	*keys = (struct sr_entry_keys){.head = NULL};
}

/* Have *input take in `key`, which is wiped. False: memory is used up. */
static bool take_in(struct sr_input **input, uint8_t key[SR_KEY])
{
	if (*input)
		sr_input_take(*input, key);
	else
		*input = sr_input_new(key);
	sodium_memzero(key, SR_KEY);
	return *input != NULL;
}

static bool take_keys(struct sr_entry_keys *keys, const uint8_t dek[SR_KEY])
{
	uint8_t key[SR_KEY];
	sr_entry_key(dek, key);
	if (!take_in(&keys->entry, key))
		return false;
	sr_head_key(dek, key);
	return take_in(&keys->head, key);
}

enum sr_code sr_entry_make(const struct sr_entry_job *job, struct sr_builder *out)
{
	struct sr_entry_keys own = {.head = NULL};
	struct walking walking = {.job = job, .out = out, .keys = job->keys ? job->keys : &own, .opening = SR_OPENED};
	struct sr_builder before = *out;
	enum sr_code code = SR_OK;
	if (!take_keys(walking.keys, job->found->dek))
		code = SR_FAIL_MEMORY(&job->request->error);
	if (code == SR_OK)
		code = put_front(job, walking.keys->entry, out);
	if (code == SR_OK)
		code = sr_tracks_walk(job->request, job->view, job->recording, put_track, &walking);
	sr_entry_keys_free(&own);
	if (code == SR_OK && out->failed)
		code = SR_NO_SPACE;
	else if (code == SR_OK && walking.opening != SR_OPENED)
		code = sr_request_unopened(job->request, job->recording, walking.opening, walking.unopened);
	else if (code == SR_OK && walking.count != job->found->row.tracks)
		code = sr_request_corrupt(job->request, job->recording, "set of tracks");
	if (code != SR_OK)
		*out = before;
	return code;
}
