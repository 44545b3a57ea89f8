/*
 * record.track and record.resume: a track is added, or gone on with, and its writer begins. `prepare` puts the track's
 * row (pool), `reserve` waits until nobody else writes it (loop), `begin` opens its file (pool), `go_live` answers
 * (loop).
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"
#include "serve/play/lookup.h"
#include "serve/record/binding.h"
#include "serve/record/tail.h"
#include "serve/record/writer.h"
#include "text.h"

/* What is learnt on the way, wiped as one. */
struct beginning {
	uint8_t recording[SR_UUID];
	uint16_t track;
	bool adds;                     /* RECORD_TRACK */
	bool is_new;                   /* and no row of it has been put */
	struct sr_record_track wanted; /* spans point into the request's fields */
	struct sr_span token;
	struct sr_found found;
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];
	struct sr_writer *writer;
	struct sr_blob *made; /* a new track's file, until its sealing has it: opened again it would be synced again */
	struct sr_sealing *sealing;
	struct sr_post retry;
	struct sr_request *request;
};

/* ---- the row, with its generation raised ---- */

/* Finds the track that a repeat of the same `record.track` made, and a number for a new one. */
struct search {
	const struct beginning *beginning;
	uint16_t same, next;
};

static bool search_track(void *context, const struct sr_track_row *row)
{
	struct search *search = context;
	if (sodium_memcmp(row->nonce, search->beginning->wanted.nonce, SR_NONCE) == 0)
		search->same = row->track;
	if (row->track == search->next) /* the walk is in order: this finds the lowest number that is free */
		search->next++;
	return true;
}

static enum sr_code may_write(struct sr_request *request, const struct beginning *beginning)
{
	const struct sr_recording_row *row = &beginning->found.row;
	enum sr_code code = sr_request_grace(request, row);
	if (code != SR_OK)
		return code;
	if (row->writing != SR_WRITING_OPEN)
		return SR_FAIL(&request->error, SR_CONFLICT, "the recording is finished");
	return SR_OK;
}

/* Which number the track gets; or has, if an earlier attempt has made it. */
static enum sr_code choose(struct sr_request *request, struct sr_view *view, struct beginning *beginning)
{
	struct search search = {beginning, 0, 1};
	enum sr_code code = sr_tracks_walk(request, view, beginning->recording, search_track, &search);
	if (code != SR_OK)
		return code;
	uint16_t wanted = beginning->wanted.track;
	beginning->is_new = search.same == 0;
	beginning->track = search.same ? search.same : wanted ? wanted : search.next;
	if (search.same && wanted && wanted != search.same)
		return SR_FAIL(&request->error, SR_CONFLICT, "this nonce made track %u", search.same);
	if (!search.same && beginning->found.row.tracks >= SR_TRACKS_MAX)
		return SR_FAIL(&request->error, SR_CONFLICT, "a recording has at most %d tracks", SR_TRACKS_MAX);
	return SR_OK;
}

static enum sr_code seal_new_track(struct sr_request *request, struct beginning *beginning)
{
	const struct sr_record_track *wanted = &beginning->wanted;
	struct sr_track_row *row = &beginning->row;
	struct sr_head head = {.revision = 1, .state = SR_UNFINISHED};
	struct sr_track_words words = {.media_type_size = wanted->media_type.size, .label_size = wanted->label.size};
	uint8_t head_key[SR_KEY];
	memset(row, 0, sizeof *row);
	row->track = beginning->track;
	row->generation = 1;
	row->writing = SR_WRITING_OPEN;
	memcpy(row->nonce, wanted->nonce, SR_NONCE);
	row->opened_ms = sr_now_ms();
	row->start_ms = wanted->start_ms;
	row->file_count = 1;
	memcpy(words.media_type, wanted->media_type.data, words.media_type_size);
	if (words.label_size)
		memcpy(words.label, wanted->label.data, words.label_size);
	sr_chain_start(beginning->recording, row->track, head.chain);
	sr_head_key(beginning->found.dek, head_key);
	enum sr_code code = sr_head_seal(head_key, beginning->recording, row->track, &head, row->head);
	if (code == SR_OK)
		code = sr_track_words_seal(beginning->found.dek, beginning->recording, &words, row);
	sodium_memzero(head_key, sizeof head_key);
	sodium_memzero(&words, sizeof words);
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, SR_INTERNAL, "sealing the new track failed");
}

/* Put the track's row; a new one counts in the recording's row too. */
static enum sr_code put_row(struct sr_request *request, struct beginning *beginning)
{
	const struct sr_keyring *keyring = request->daemon->keyring;
	struct sr_index_key track = sr_key_track(request->tag, beginning->recording, beginning->track);
	struct sr_index_key whole = sr_key_recording(request->tag, beginning->recording);
	uint8_t bytes[SR_ROW_MAX], changed[SR_ROW_MAX];
	size_t failed, size = sr_track_row_encode(keyring, beginning->recording, &beginning->row, bytes);
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_put(op, &track, bytes, size) &&
		     sr_op_check(op, SR_CHECK_SUFFIX, &whole, beginning->found.mac, SR_ROW_MAC);
	if (built && beginning->is_new) {
		struct sr_recording_row *row = &beginning->found.row;
		row->tracks++;
		row->writer_revision++;
		size_t changed_size = sr_recording_row_encode(keyring, beginning->recording, row, changed);
		built = sr_op_check(op, SR_CHECK_ABSENT, &track, NULL, 0) &&
			sr_op_put(op, &whole, changed, changed_size);
	} else if (built) {
		built = sr_op_check(op, SR_CHECK_SUFFIX, &track, beginning->mac, SR_ROW_MAC);
	}
	if (!built) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	enum sr_code code = sr_account_run(request, request->tag, op, &failed);
	if (code == SR_OK) {
		memcpy(beginning->mac, bytes + size - SR_ROW_MAC, SR_ROW_MAC);
		beginning->is_new = false;
	}
	return code;
}

/* What is running goes on, so that it may use the account's reserve. */
static enum sr_code intend(struct sr_request *request, const struct beginning *beginning)
{
	struct sr_audit_recording which = {
		.has_track = true,
		.track = beginning->track,
		.has_generation = true,
		.generation = beginning->row.generation,
		.has_length = true,
		.length = beginning->row.length,
	};
	memcpy(which.id, beginning->recording, SR_UUID);
	sr_account_may_use_reserve(request);
	sr_account_start_again(request);
	sr_account_recording(request, &which);
	return sr_account_intent(request);
}

static void drop_made(struct beginning *beginning)
{
	sr_blob_close(beginning->made);
	beginning->made = NULL;
}

static enum sr_code create_file(struct sr_request *request, struct beginning *beginning)
{
	struct sr_blob_name name = sr_track_file_name(beginning->recording, &beginning->row);
	struct sr_view *view;
	struct sr_error err;
	enum sr_code code = sr_blob_create(request->daemon->blobs, &name, &beginning->made, &err);
	if (code != SR_OK && code != SR_CONFLICT) /* an earlier attempt got this far */
		return sr_request_storage(request, &err);
	/* If the recording was deleted since its row was put, its files may be gone already: then this one goes too. */
	code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_recording_stands(request, view, beginning->recording);
	sr_request_view_end(request, view);
	if (code != SR_OK)
		drop_made(beginning);
	if (code == SR_NOT_FOUND && sr_blob_remove(request->daemon->blobs, &name, &err) != SR_OK)
		return sr_request_storage(request, &err);
	return code;
}

/* The row of a track that is there; or that there is none under the number that a new one is to have. */
static enum sr_code find_row(struct sr_request *request, struct sr_view *view, struct beginning *beginning)
{
	if (beginning->is_new && !beginning->wanted.track)
		return SR_OK; /* the number was chosen because it is free */
	enum sr_code code =
		sr_track_find(request, view, beginning->recording, beginning->track, &beginning->row, beginning->mac);
	if (!beginning->is_new)
		return code;
	if (code == SR_OK)
		return SR_FAIL(&request->error, SR_CONFLICT, "track %u is another writer's", beginning->track);
	if (code != SR_NOT_FOUND)
		return code;
	request->error = (struct sr_error){.code = SR_OK};
	return SR_OK;
}

static enum sr_code look(struct sr_request *request, struct beginning *beginning)
{
	struct sr_view *view;
	enum sr_code code = sr_lookup(request, beginning->recording, &beginning->found, &view);
	if (code != SR_OK)
		return code;
	code = may_write(request, beginning);
	if (code == SR_OK && beginning->adds)
		code = choose(request, view, beginning);
	if (code == SR_OK)
		code = find_row(request, view, beginning);
	sr_request_view_end(request, view);
	return code;
}

static enum sr_code attempt(struct sr_request *request, void *context)
{
	struct beginning *beginning = context;
	enum sr_code code = look(request, beginning);
	if (code == SR_OK)
		code = sr_bind_consultation(request, beginning->recording);
	if (code != SR_OK)
		return code;
	if (beginning->is_new)
		code = seal_new_track(request, beginning);
	else
		beginning->row.generation++;
	if (code == SR_OK)
		code = intend(request, beginning);
	if (code == SR_OK)
		code = put_row(request, beginning);
	if (code == SR_OK && beginning->row.length == 0 && beginning->row.file_count == 1)
		code = create_file(request, beginning);
	return code;
}

static enum sr_code parse(struct sr_request *request, struct beginning *beginning)
{
	struct sr_cursor in = sr_request_fields(request);
	beginning->adds = request->head.type == SR_MSG_RECORD_TRACK;
	if (beginning->adds) {
		sr_record_track_decode(&in, &beginning->wanted);
		memcpy(beginning->recording, beginning->wanted.recording, SR_UUID);
		beginning->token = beginning->wanted.grant;
	} else {
		struct sr_record_resume resume;
		sr_record_resume_decode(&in, &resume);
		memcpy(beginning->recording, resume.recording, SR_UUID);
		beginning->token = resume.grant;
		beginning->track = resume.track;
	}
	if (sr_request_decoded(request, &in) != SR_OK)
		return request->error.code;
	if (beginning->adds && !sr_text_is_printable(beginning->wanted.media_type))
		return SR_FAIL(&request->error, SR_USAGE, "a media type is printable ASCII");
	return beginning->adds ? sr_request_text(request, beginning->wanted.label, "a label") : SR_OK;
}

static void prepare(struct sr_request *request)
{
	struct beginning *beginning = request->owner;
	enum sr_code code = parse(request, beginning);
	if (code == SR_OK)
		code = sr_request_grant(request, beginning->token, beginning->recording);
	if (code == SR_OK)
		(void)!sr_request_attempts(request, attempt, beginning);
}

/* ---- the file, once nobody else has it ---- */

/*
 * The file may be a new one, if a sync of the last has failed: then the row that names it comes first. One just made
 * is still empty: whoever writes to it has raised the generation.
 */
static enum sr_code open_blob(struct sr_request *request, struct beginning *beginning, struct sr_blob **blob)
{
	bool changed;
	if (beginning->made) {
		*blob = beginning->made;
		beginning->made = NULL;
		return SR_OK;
	}
	enum sr_code code = sr_track_file_open(request->daemon->blobs, request->daemon->spoiled, beginning->recording,
					       &beginning->row, blob, &changed, &request->error);
	if (code != SR_OK || !changed)
		return code;
	code = put_row(request, beginning);
	if (code == SR_CONFLICT)
		code = SR_FAIL(&request->error, SR_CONFLICT, "the track was resumed or finished elsewhere");
	if (code != SR_OK)
		sr_blob_close(*blob);
	return code;
}

static enum sr_code begin_sealing(struct sr_request *request, struct beginning *beginning)
{
	struct sr_blob *blob = NULL;
	enum sr_code code = sr_tail_check(request, beginning->recording, &beginning->row);
	if (code != SR_OK)
		return code;
	code = open_blob(request, beginning, &blob);
	if (code == SR_CORRUPT)
		return sr_request_corrupt(request, beginning->recording, "track's blob");
	if (code != SR_OK)
		return code;
	struct sr_sealing_options options = {
		.parts = {request->daemon->keyring, request->daemon->index, request->daemon->blobs},
		.witnesses = request->daemon->witnesses,
		.blob = blob,
		.dek = beginning->found.dek,
		.row = &beginning->row,
		.mac = beginning->mac,
	};
	memcpy(options.tag, request->tag, SR_TAG);
	memcpy(options.recording, beginning->recording, SR_UUID);
	code = sr_sealing_new(&options, &beginning->sealing, &request->error);
	if (code != SR_OK)
		sr_blob_close(blob);
	return code == SR_CORRUPT ? sr_request_corrupt(request, beginning->recording, "track's head or its file's end")
				  : code;
}

static void begin(struct sr_request *request)
{
	struct beginning *beginning = request->owner;
	uint32_t generation = beginning->row.generation;
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return;
	code = sr_track_find(request, view, beginning->recording, beginning->track, &beginning->row, beginning->mac);
	sr_request_view_end(request, view);
	if (code != SR_OK)
		return;
	if (beginning->row.generation != generation || beginning->row.writing != SR_WRITING_OPEN)
		(void)SR_FAIL(&request->error, SR_CONFLICT, "the track was resumed or finished elsewhere");
	else
		(void)begin_sealing(request, beginning);
}

/* ---- on the loop ---- */

static void release(struct sr_request *request)
{
	struct beginning *beginning = request->owner;
	if (beginning->writer)
		sr_writer_abandon(beginning->writer);
	sr_sealing_free(beginning->sealing);
	sr_blob_close(beginning->made);
	sodium_memzero(beginning, sizeof *beginning);
	free(beginning);
	request->owner = NULL;
}

static void fail(struct sr_request *request)
{
	release(request);
	sr_request_answer(request, true);
}

static void go_live(struct sr_request *request)
{
	struct beginning *beginning = request->owner;
	struct sr_stream *stream = sr_session_stream(request->session, request->head.stream);
	bool wanted = stream && sr_session_stands(request->session) && stream->state == SR_STREAM_WRITER_OPENING;
	if (sr_request_overtaken(request) || request->error.code != SR_OK || !wanted ||
	    !sr_request_reply(request, SR_MSG_TRACK_READY, 2 + 4 + 8 + 4)) {
		fail(request);
		return;
	}
	struct sr_track_ready ready = {
		.track = beginning->track,
		.generation = beginning->row.generation,
		.durable = beginning->row.length,
		.window = request->settings->config->window_kib * 1024,
	};
	sr_track_ready_encode(&request->reply.fields, &ready);
	struct sr_writer_start start = {
		.session = request->session,
		.stream = stream,
		.request = request,
		.sealing = beginning->sealing,
		.durable = beginning->row.length,
	};
	sr_writer_live(beginning->writer, &start);
	beginning->writer = NULL;
	beginning->sealing = NULL;
	release(request);
	sr_request_answer(request, true);
}

static void reserve(struct sr_request *request);

static void reserve_again(struct sr_post *post)
{
	struct beginning *beginning = (struct beginning *)((char *)post - offsetof(struct beginning, retry));
	beginning->request->daemon->jobs--;
	reserve(beginning->request);
}

static void reserve(struct sr_request *request)
{
	struct beginning *beginning = request->owner;
	if (request->error.code != SR_OK) {
		fail(request);
		return;
	}
	beginning->request = request;
	beginning->retry.run = reserve_again;
	struct sr_writer_claim claim = {beginning->recording, beginning->track, beginning->row.generation};
	enum sr_code code = sr_writer_reserve(request->daemon, &claim, &beginning->retry, &beginning->writer);
	if (code == SR_CONFLICT)
		(void)SR_FAIL(&request->error, code, "another writer has resumed this track");
	else if (code != SR_OK)
		(void)SR_FAIL_MEMORY(&request->error);
	if (code != SR_OK)
		fail(request);
	else if (beginning->writer)
		sr_request_start(request, begin, go_live);
}

void sr_serve_track(struct sr_request *request)
{
	if (sr_blobs_space(request->daemon->blobs, &request->error) == SR_OK)
		sr_request_begin(request, sizeof(struct beginning), prepare, reserve);
	else
		sr_request_turn_away(request, 1000);
}
