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

/* One more than a recording can have: so many are never its set. */
#define ROWS_MAX (SR_TRACKS_MAX + 1)

/* How opening a sealed part ended, as a code. */
static enum sr_code code_of(enum sr_opening opening)
{
	if (opening == SR_OPEN_FAILED)
		return SR_INTERNAL;
	return opening == SR_OPENED ? SR_OK : SR_CORRUPT;
}

static enum sr_code put_words(const struct sr_entry_source *source, const struct sr_track_row *row,
			      const struct sr_head *head, struct sr_builder *out)
{
	struct sr_track_words words;
	enum sr_opening opening = sr_track_words_open_with(source->keys->entry, source->recording, row, &words);
	struct sr_entry_track track = {
		.track = row->track,
		.state = head->state,
		.start_ms = row->start_ms,
		.length = head->length,
		.segments = head->segments,
		.media_type = {words.media_type, words.media_type_size},
		.label = {words.label, words.label_size},
	};
	source->work->opens++;
	if (opening == SR_OPENED)
		sr_entry_track_encode(out, &track);
	sodium_memzero(&words, sizeof words);
	return code_of(opening);
}

static enum sr_code put_track(const struct sr_entry_source *source, const struct sr_entry_row *at,
			      struct sr_builder *out, const char **damaged)
{
	struct sr_track_row row;
	struct sr_head head;
	*damaged = "track row";
	enum sr_code code = sr_track_row_decode(source->keyring, source->recording, at->value, &row);
	if (code == SR_OK && row.track != at->track)
		code = SR_CORRUPT;
	if (code != SR_OK)
		return code;
	*damaged = "track's head";
	source->work->opens++;
	code = code_of(sr_head_open_with(source->keys->head, source->recording, row.track, row.head, &head));
	if (code != SR_OK)
		return code;
	*damaged = "track's entry";
	code = put_words(source, &row, &head, out);
	if (code == SR_OK && source->visit)
		source->visit(source->context, &row, &head);
	return code;
}

static enum sr_code put_front(const struct sr_entry_source *source, struct sr_builder *out, const char **damaged)
{
	const struct sr_recording_row *row = source->row;
	uint8_t label[SR_LABEL_MAX];
	size_t size = 0;
	struct sr_entry entry = {
		.state = row->writing == SR_WRITING_FINISHED ? SR_FINISHED : SR_UNFINISHED,
		.opened_ms = row->opened_ms,
		.finished_ms = row->finished_ms,
		.retain_until_ms = row->retain_until_ms,
		.tracks = row->tracks,
	};
	*damaged = "recording's entry";
	source->work->opens++;
	enum sr_opening opening = sr_label_open_with(source->keys->entry, source->recording, row, label, &size);
	if (opening != SR_OPENED)
		return code_of(opening);
	memcpy(entry.recording, source->recording, SR_UUID);
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

/* Have *input take in `key`. False: memory is used up. */
static bool take_in(struct sr_input **input, const uint8_t key[SR_KEY])
{
	if (*input)
		sr_input_take(*input, key);
	else
		*input = sr_input_new(key);
	return *input != NULL;
}

static bool take_keys(struct sr_entry_keys *keys, const uint8_t dek[SR_KEY])
{
	uint8_t entry[SR_KEY], head[SR_KEY];
	sr_shown_keys(dek, entry, head);
	bool taken = take_in(&keys->entry, entry) && take_in(&keys->head, head);
	sodium_memzero(entry, sizeof entry);
	sodium_memzero(head, sizeof head);
	return taken;
}

enum sr_code sr_entry_put(const struct sr_entry_source *source, struct sr_builder *out, const char **damaged)
{
	struct sr_builder before = *out;
	enum sr_code code = take_keys(source->keys, source->dek) ? SR_OK : SR_INTERNAL;
	if (code == SR_OK)
		code = put_front(source, out, damaged);
	for (size_t at = 0; code == SR_OK && at < source->track_count && !out->failed; at++)
		code = put_track(source, &source->tracks[at], out, damaged);
	if (code == SR_OK && out->failed) {
		code = SR_NO_SPACE;
	} else if (code == SR_OK && source->track_count != source->row->tracks) {
		*damaged = "set of tracks";
		code = SR_CORRUPT;
	}
	if (code != SR_OK)
		*out = before;
	return code;
}

/* ---- for a request ---- */

struct collecting {
	struct sr_entry_row rows[ROWS_MAX];
	size_t count;
};

static bool collect(void *context, struct sr_span key, struct sr_span value)
{
	struct collecting *collecting = context;
	if (collecting->count == ROWS_MAX)
		return false;
	collecting->rows[collecting->count++] = (struct sr_entry_row){sr_key_track_of(key), value};
	return true;
}

static enum sr_code explain(const struct sr_entry_job *job, enum sr_code code, const char *damaged)
{
	struct sr_request *request = job->request;
	if (code == SR_CORRUPT)
		return sr_request_corrupt(request, job->recording, damaged);
	if (code == SR_UNAVAILABLE)
		return sr_request_later_format(request);
	return code == SR_INTERNAL ? SR_FAIL_MEMORY(&request->error) : code;
}

enum sr_code sr_entry_make(const struct sr_entry_job *job, struct sr_builder *out)
{
	struct sr_request *request = job->request;
	struct collecting collecting = {.count = 0};
	struct sr_index_key from = sr_key_track(request->tag, job->recording, 1);
	struct sr_entry_keys keys = {.head = NULL};
	const char *damaged = NULL;
	enum sr_code code = sr_view_walk(job->view, &from, SR_TAG + SR_UUID, collect, &collecting);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "reading the index failed");
	const struct sr_entry_source source = {
		.keyring = request->daemon->keyring,
		.recording = job->recording,
		.row = &job->found->row,
		.dek = job->found->dek,
		.tracks = collecting.rows,
		.track_count = collecting.count,
		.keys = &keys,
		.visit = job->visit,
		.context = job->context,
		.work = &request->work,
	};
	code = sr_entry_put(&source, out, &damaged);
	sr_entry_keys_free(&keys);
	return explain(job, code, damaged);
}
