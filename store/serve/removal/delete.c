/*
 * delete and undelete: a recording becomes doomed, and comes back while its window lasts.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"
#include "serve/play/play.h"
#include "serve/record/binding.h"
#include "serve/record/writer.h"
#include "serve/removal/holding.h"
#include "serve/removal/removal.h"
#include "serve/removal/sweeper.h"

/* A recording on its way from one life to the other. */
struct deletion {
	struct sr_named message;
	struct sr_found found;
	struct sr_track_row rows[SR_TRACKS_MAX]; /* of what is still written: its writers' commits must fail */
	uint8_t macs[SR_TRACKS_MAX][SR_ROW_MAC];
	uint16_t count;
	bool changed; /* the row has just become doomed, or live */
};

/* ---- what is there ---- */

static bool collect(void *context, const struct sr_track_row *row)
{
	struct deletion *deletion = context;
	if (row->writing != SR_WRITING_FINISHED && deletion->count < SR_TRACKS_MAX)
		deletion->rows[deletion->count++] = *row;
	return true;
}

/* SR_OK: it is this patient's, live or doomed. A repeated request finds what the first has done. */
static enum sr_code find(struct sr_request *request, struct sr_view *view, struct deletion *deletion)
{
	struct sr_patient patient;
	enum sr_code code = sr_patient_find(request, view, &patient);
	if (code == SR_OK)
		code = sr_recording_find(request, view, &patient, deletion->message.recording, SR_EVENT_FOREIGN,
					 &deletion->found);
	sr_patient_wipe(&patient);
	if (code != SR_NOT_FOUND || !deletion->found.doomed)
		return code;
	request->error = (struct sr_error){.code = SR_OK};
	return SR_OK;
}

static enum sr_code look(struct sr_request *request, struct deletion *deletion, bool deletes)
{
	const uint8_t *recording = deletion->message.recording;
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	deletion->count = 0;
	sr_account_start_again(request);
	code = find(request, view, deletion);
	/* A doomed one is named as what it is to others; and what is refused has its reason beside its name already. */
	if (code == SR_OK)
		sr_account_start_again(request);
	if (!sr_account_has_met(request))
		sr_account_met(request, recording, NULL);
	if (code == SR_OK)
		code = sr_request_frozen(request, recording);
	if (code == SR_OK && deletes && !deletion->found.doomed) {
		code = sr_holds_refuse(request, view, recording, &deletion->found.row);
		if (code == SR_OK && deletion->found.row.writing != SR_WRITING_FINISHED)
			code = sr_tracks_walk(request, view, recording, collect, deletion);
		for (uint16_t at = 0; code == SR_OK && at < deletion->count; at++)
			code = sr_track_find(request, view, recording, deletion->rows[at].track, &deletion->rows[at],
					     deletion->macs[at]);
	}
	sr_request_view_end(request, view);
	return code;
}

/* ---- what is changed ---- */

static struct sr_doom doom_of(const struct sr_request *request, const struct deletion *deletion)
{
	struct sr_doom doom = {.kind = SR_DOOM_DELETED, .doomed_ms = deletion->found.row.doomed_ms};
	memcpy(doom.tag, request->tag, SR_TAG);
	memcpy(doom.recording, deletion->message.recording, SR_UUID);
	return doom;
}

/* The row as it now is in memory, if it still stands as it was read. */
static bool add_row(struct sr_request *request, struct deletion *deletion, struct sr_op *op)
{
	struct sr_index_key key = sr_key_recording(request->tag, deletion->message.recording);
	uint8_t bytes[SR_ROW_MAX];
	deletion->found.row.life_revision++;
	size_t size = sr_recording_row_encode(request->daemon->keyring, deletion->message.recording,
					      &deletion->found.row, bytes);
	return op && sr_op_check(op, SR_CHECK_SUFFIX, &key, deletion->found.mac, SR_ROW_MAC) &&
	       sr_op_put(op, &key, bytes, size);
}

/* Raise the generation of what is being written, as a resume does. */
static bool add_tracks(struct sr_request *request, struct deletion *deletion, struct sr_op *op)
{
	const uint8_t *recording = deletion->message.recording;
	uint8_t bytes[SR_ROW_MAX];
	bool built = true;
	for (uint16_t at = 0; built && at < deletion->count; at++) {
		struct sr_track_row *row = &deletion->rows[at];
		struct sr_index_key key = sr_key_track(request->tag, recording, row->track);
		row->generation++;
		size_t size = sr_track_row_encode(request->daemon->keyring, recording, row, bytes);
		built = sr_op_check(op, SR_CHECK_SUFFIX, &key, deletion->macs[at], SR_ROW_MAC) &&
			sr_op_put(op, &key, bytes, size);
	}
	return built;
}

static enum sr_code run(struct sr_request *request, struct sr_op *op, bool built)
{
	size_t failed;
	if (built)
		return sr_account_run(request, request->tag, op, &failed);
	sr_op_free(op);
	return SR_FAIL_MEMORY(&request->error);
}

/* SR_CONFLICT without a text: somebody changed a row in between. */
static enum sr_code doom(struct sr_request *request, struct deletion *deletion)
{
	uint8_t bytes[SR_ROW_MAX];
	deletion->found.row.life = SR_LIFE_DOOMED;
	deletion->found.row.doomed_ms = sr_now_ms();
	struct sr_doom doomed = doom_of(request, deletion);
	struct sr_index_key key = sr_key_doom(&doomed);
	struct sr_op *op = sr_op_new();
	size_t size = sr_doom_row_seal(request->daemon->keyring, &doomed, bytes);
	bool built = add_row(request, deletion, op) && add_tracks(request, deletion, op) &&
		     sr_op_put(op, &key, bytes, size) && sr_op_demand_unheld(op, doomed.tag, doomed.recording);
	enum sr_code code = run(request, op, built);
	deletion->changed = code == SR_OK;
	return code;
}

/* Only while what says that it is doomed says that it may come back: the sweeper changes that first. */
static enum sr_code revive(struct sr_request *request, struct deletion *deletion)
{
	uint8_t bytes[SR_ROW_MAX];
	struct sr_doom doomed = doom_of(request, deletion);
	struct sr_index_key key = sr_key_doom(&doomed);
	size_t size = sr_doom_row_seal(request->daemon->keyring, &doomed, bytes);
	if (sr_now_ms() >= doomed.doomed_ms + sr_sweeper_window_ms(request->daemon->sweeper))
		return SR_FAIL(&request->error, SR_CONFLICT, "the time in which it could come back is over");
	deletion->found.row.life = SR_LIFE_LIVE;
	deletion->found.row.doomed_ms = 0;
	struct sr_op *op = sr_op_new();
	bool built = add_row(request, deletion, op) && sr_op_check(op, SR_CHECK_EQUALS, &key, bytes, size) &&
		     sr_op_erase(op, &key);
	enum sr_code code = run(request, op, built);
	deletion->changed = code == SR_OK;
	return code;
}

/* ---- the requests ---- */

static enum sr_code attempt(struct sr_request *request, void *context)
{
	struct deletion *deletion = context;
	bool deletes = request->head.type == SR_MSG_DELETE;
	enum sr_code code = look(request, deletion, deletes);
	if (code != SR_OK || deletion->found.doomed == deletes)
		return code;
	sr_account_may_use_reserve(request);
	code = sr_account_intent(request);
	if (code != SR_OK)
		return code;
	return deletes ? doom(request, deletion) : revive(request, deletion);
}

static void answer(struct sr_request *request, const struct deletion *deletion, bool deletes)
{
	uint64_t until = deletion->found.row.doomed_ms + sr_sweeper_window_ms(request->daemon->sweeper);
	if (!deletes)
		(void)!sr_request_reply(request, SR_MSG_DONE, 0);
	else if (sr_request_reply(request, SR_MSG_DELETED, 8))
		sr_deleted_encode(&request->reply.fields, until);
}

static void on_pool(struct sr_request *request)
{
	struct deletion *deletion = request->owner;
	struct sr_cursor in = sr_request_fields(request);
	sr_named_decode(&in, &deletion->message);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	enum sr_code code = sr_request_grant(request, deletion->message.grant, deletion->message.recording);
	if (code == SR_OK && sr_request_attempts(request, attempt, deletion) == SR_OK)
		answer(request, deletion, request->head.type == SR_MSG_DELETE);
}

static void tell(const struct sr_request *request, const struct deletion *deletion, bool deletes)
{
	struct sr_log_line line;
	char id[SR_UUID_TEXT];
	sr_uuid_format(deletion->message.recording, id);
	sr_log_begin(&line, SR_LOG_INFO, deletes ? "recording_deleted" : "recording_undeleted");
	sr_log_text(&line, "recording", id);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

static void after(struct sr_request *request)
{
	struct deletion *deletion = request->owner;
	bool deletes = request->head.type == SR_MSG_DELETE;
	struct sr_error err;
	if (deletion->changed && deletes) {
		(void)SR_FAIL(&err, SR_NOT_FOUND, "the recording was deleted");
		sr_players_stop(request->daemon, request->tag, deletion->message.recording, &err);
		sr_writers_stop(request->daemon, request->tag, deletion->message.recording, &err);
		sr_sweeper_wake(request->daemon->sweeper);
		sr_count(SR_COUNT_DELETED, 1);
	}
	if (deletion->changed)
		tell(request, deletion, deletes);
	sodium_memzero(deletion, sizeof *deletion);
	free(deletion);
	sr_request_answer(request, false);
}

void sr_serve_delete(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct deletion), on_pool, after);
}
