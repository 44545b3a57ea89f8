/*
 * record.finish: every segment is checked, the manifests are sealed, and the recording never opens again.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/play/lookup.h"
#include "serve/play/play.h"
#include "serve/record/binding.h"
#include "serve/record/manifest.h"
#include "serve/record/writer.h"

#define REMOVE_AT_ONCE 1000 /* segment records a batch */

struct finishing_track {
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];
	struct sr_extents extents;
};

struct finishing {
	struct sr_named message;
	struct sr_found found;
	struct finishing_track *tracks;
	uint16_t count, room;
	struct sr_writer *reservation; /* of the whole recording, so that nobody else writes or finishes it */
};

static void answer(struct sr_request *request, const struct sr_recording_row *row)
{
	struct sr_record_finished finished = {row->finished_ms, row->tracks};
	if (sr_request_reply(request, SR_MSG_RECORD_FINISHED, 16))
		sr_record_finished_encode(&request->reply.fields, &finished);
}

static bool collect(void *context, const struct sr_track_row *row)
{
	struct finishing *finishing = context;
	if (finishing->count < finishing->room)
		finishing->tracks[finishing->count++].row = *row;
	return true;
}

static void free_tracks(struct finishing *finishing)
{
	for (uint16_t at = 0; at < finishing->room; at++)
		sr_extents_clear(&finishing->tracks[at].extents);
	free(finishing->tracks);
	finishing->tracks = NULL;
	finishing->count = finishing->room = 0;
}

/* Room for as many tracks as the recording's row says: a row is large, and many calls end together. */
static enum sr_code make_room(struct sr_request *request, struct finishing *finishing)
{
	uint16_t tracks = finishing->found.row.tracks;
	free_tracks(finishing);
	/* One more, so that one too many shows. */
	uint16_t room = (uint16_t)((tracks < SR_TRACKS_MAX ? tracks : SR_TRACKS_MAX) + 1);
	finishing->tracks = calloc(room, sizeof *finishing->tracks);
	if (!finishing->tracks)
		return SR_FAIL_MEMORY(&request->error);
	finishing->room = room;
	return SR_OK;
}

/* Read the recording and its tracks, with the HMAC that names each row as it stands. */
static enum sr_code look(struct sr_request *request, struct finishing *finishing)
{
	struct sr_view *view;
	const uint8_t *recording = finishing->message.recording;
	enum sr_code code = sr_lookup(request, recording, &finishing->found, &view);
	if (code != SR_OK)
		return code;
	code = make_room(request, finishing);
	if (code == SR_OK)
		code = sr_request_grace(request, &finishing->found.row);
	if (code == SR_OK)
		code = sr_tracks_walk(request, view, recording, collect, finishing);
	for (uint16_t at = 0; code == SR_OK && at < finishing->count; at++)
		code = sr_track_find(request, view, recording, finishing->tracks[at].row.track,
				     &finishing->tracks[at].row, finishing->tracks[at].mac);
	sr_request_view_end(request, view);
	if (code == SR_OK && finishing->count != finishing->found.row.tracks)
		return sr_request_corrupt(request, recording, "set of tracks");
	return code;
}

/* Put one row, if it still stands as it was read; `mac` (in and out) names it. */
static bool put_row(struct sr_op *op, const struct sr_index_key *key, const uint8_t *bytes, size_t size,
		    uint8_t mac[SR_ROW_MAC])
{
	bool built = sr_op_check(op, SR_CHECK_SUFFIX, key, mac, SR_ROW_MAC) && sr_op_put(op, key, bytes, size);
	memcpy(mac, bytes + size - SR_ROW_MAC, SR_ROW_MAC);
	return built;
}

/* An operation that puts the recording's row and every track's as they now are in memory. NULL: memory is used up. */
static struct sr_op *put_rows(const struct sr_request *request, struct finishing *finishing)
{
	const struct sr_keyring *keyring = request->daemon->keyring;
	const uint8_t *recording = finishing->message.recording;
	struct sr_index_key whole = sr_key_recording(request->tag, recording);
	uint8_t bytes[SR_ROW_MAX];
	size_t size = sr_recording_row_encode(keyring, recording, &finishing->found.row, bytes);
	struct sr_op *op = sr_op_new();
	bool built = op && put_row(op, &whole, bytes, size, finishing->found.mac);
	for (uint16_t at = 0; built && at < finishing->count; at++) {
		struct finishing_track *track = &finishing->tracks[at];
		struct sr_index_key key = sr_key_track(request->tag, recording, track->row.track);
		size = sr_track_row_encode(keyring, recording, &track->row, bytes);
		built = put_row(op, &key, bytes, size, track->mac);
	}
	if (built)
		return op;
	sr_op_free(op);
	return NULL;
}

/* The checksums that the manifests' bytes have changed. */
static bool put_extents(struct finishing *finishing, struct sr_op *op)
{
	bool built = true;
	for (uint16_t at = 0; built && at < finishing->count; at++) {
		built = sr_extents_put(&finishing->tracks[at].extents, op);
	}
	return built;
}

/* From here on no writer's commit can pass: every track's row has changed under it. */
static enum sr_code close_writing(struct sr_request *request, struct finishing *finishing)
{
	if (finishing->found.row.writing == SR_WRITING_CLOSING)
		return SR_OK; /* an earlier attempt got this far */
	finishing->found.row.writing = SR_WRITING_CLOSING;
	finishing->found.row.writer_revision++;
	for (uint16_t at = 0; at < finishing->count; at++) {
		finishing->tracks[at].row.writing = SR_WRITING_CLOSING;
		finishing->tracks[at].row.generation++;
	}
	struct sr_op *op = put_rows(request, finishing);
	if (!op)
		return SR_FAIL_MEMORY(&request->error);
	return sr_index_run(request->daemon->index, op, NULL);
}

static enum sr_code seal_manifests(struct sr_request *request, struct finishing *finishing)
{
	enum sr_code code = SR_OK;
	for (uint16_t at = 0; code == SR_OK && at < finishing->count; at++) {
		struct sr_manifest_job job = {
			.request = request,
			.recording = finishing->message.recording,
			.dek = finishing->found.dek,
			.row = &finishing->tracks[at].row,
			.extents = &finishing->tracks[at].extents,
		};
		code = sr_manifest_make(&job);
	}
	return code;
}

/* With this operation the recording is finished. */
static enum sr_code bless(struct sr_request *request, struct finishing *finishing)
{
	finishing->found.row.writing = SR_WRITING_FINISHED;
	finishing->found.row.writer_revision++;
	finishing->found.row.finished_ms = sr_now_ms();
	for (uint16_t at = 0; at < finishing->count; at++)
		finishing->tracks[at].row.writing = SR_WRITING_FINISHED;
	struct sr_op *op = put_rows(request, finishing);
	if (op && put_extents(finishing, op))
		return sr_account_run(request, request->tag, op, NULL);
	sr_op_free(op);
	return SR_FAIL_MEMORY(&request->error);
}

/* The records are in the manifests now. What a crash leaves of them is removed by the next finish of the recording. */
static void remove_records(struct sr_request *request, const struct finishing *finishing)
{
	for (uint16_t at = 0; at < finishing->count; at++) {
		const struct sr_track_row *row = &finishing->tracks[at].row;
		for (uint32_t from = 0; from < row->segments; from += REMOVE_AT_ONCE) {
			struct sr_op *op = sr_op_new();
			bool built = op != NULL;
			size_t failed;
			for (uint32_t number = from; built && number < row->segments && number < from + REMOVE_AT_ONCE;
			     number++) {
				struct sr_index_key key =
					sr_key_segment(request->tag, finishing->message.recording, row->track, number);
				built = sr_op_erase(op, &key);
			}
			if (!built) {
				sr_op_free(op);
				return;
			}
			(void)!sr_index_run(request->daemon->index, op, &failed);
		}
	}
}

static bool records_remain(struct sr_request *request, const struct finishing *finishing)
{
	struct sr_view *view;
	struct sr_span value;
	bool remain = false;
	if (sr_request_view(request, &view) != SR_OK)
		return false;
	for (uint16_t at = 0; at < finishing->count && !remain; at++) {
		const struct sr_track_row *row = &finishing->tracks[at].row;
		struct sr_index_key key =
			sr_key_segment(request->tag, finishing->message.recording, row->track, row->segments - 1);
		remain = row->segments > 0 && sr_view_get(view, &key, &value) == SR_OK;
	}
	sr_request_view_end(request, view);
	return remain;
}

/* The outcome names what was finished. */
static void name_tracks(struct sr_request *request, const struct finishing *finishing)
{
	sr_account_start_again(request);
	for (uint16_t at = 0; at < finishing->count; at++)
		sr_account_track(request, finishing->message.recording, &finishing->tracks[at].row);
	if (finishing->count == 0)
		sr_account_met(request, finishing->message.recording, NULL);
}

static enum sr_code attempt(struct sr_request *request, void *context)
{
	struct finishing *finishing = context;
	enum sr_code code = look(request, finishing);
	if (code != SR_OK)
		return code;
	if (finishing->found.row.writing != SR_WRITING_FINISHED) {
		code = sr_account_intent(request);
		if (code == SR_OK)
			code = close_writing(request, finishing);
		if (code == SR_OK)
			code = seal_manifests(request, finishing);
		if (code == SR_OK)
			code = bless(request, finishing);
		if (code != SR_OK)
			return code;
		name_tracks(request, finishing);
	}
	if (records_remain(request, finishing))
		remove_records(request, finishing);
	answer(request, &finishing->found.row);
	return SR_OK;
}

static void run(struct sr_request *request)
{
	(void)!sr_request_attempts(request, attempt, request->owner);
}

/* Whose recording it is comes first: nobody else is told that somebody writes it. */
static void prove(struct sr_request *request)
{
	struct finishing *finishing = request->owner;
	struct sr_view *view;
	struct sr_cursor in = sr_request_fields(request);
	sr_named_decode(&in, &finishing->message);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	if (sr_request_grant(request, finishing->message.grant, finishing->message.recording) != SR_OK ||
	    sr_lookup(request, finishing->message.recording, &finishing->found, &view) != SR_OK)
		return;
	sr_request_view_end(request, view);
	sr_account_may_use_reserve(request);
	sr_account_met(request, finishing->message.recording, NULL);
}

static void after(struct sr_request *request)
{
	struct finishing *finishing = request->owner;
	for (uint16_t at = 0; at < finishing->count; at++)
		sr_players_wake(request->daemon, finishing->message.recording, finishing->tracks[at].row.track);
	free_tracks(finishing);
	if (finishing->reservation)
		sr_writer_abandon(finishing->reservation);
	sodium_memzero(finishing, sizeof *finishing);
	free(finishing);
	sr_request_answer(request, false);
}

static enum sr_code reserve(struct sr_request *request, struct finishing *finishing)
{
	struct sr_writer_claim claim = {.recording = finishing->message.recording, .track = SR_WHOLE_RECORDING};
	enum sr_code code = sr_writer_reserve(request->daemon, &claim, NULL, &finishing->reservation);
	if (code == SR_BUSY) {
		request->retry_ms = 200;
		return SR_FAIL(&request->error, SR_BUSY, "a track of it is still being written; close it first");
	}
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "memory is used up");
}

static void proved(struct sr_request *request)
{
	struct finishing *finishing = request->owner;
	if (request->error.code == SR_OK && reserve(request, finishing) == SR_OK)
		sr_request_start(request, run, after);
	else
		after(request);
}

void sr_serve_record_finish(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct finishing), prove, proved);
}
