/*
 * rotate.deep: a patient's finished recordings get data keys that nobody has had, one recording a request. What was
 * sealed under the old one stays until the operation that names the new files is durable, and goes then.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "access/freeze.h"
#include "account/log.h"
#include "keys/control_rows.h"
#include "message_patient.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/epochs/reseal.h"
#include "serve/patients/claims.h"
#include "serve/patients/patients.h"
#include "serve/play/play.h"
#include "serve/record/binding.h"
#include "serve/removal/removal.h"
#include "serve/removal/sweeper.h"

struct deep_track {
	struct sr_track_row old, row;
	uint8_t mac[SR_ROW_MAC];
	struct sr_extents extents;
};

/* Everything of one request, wiped as one. */
struct deepening {
	struct sr_rotate_deep message;
	struct sr_patient patient;
	bool claimed, holding, replaced;
	bool met;                   /* false: none is left */
	uint8_t recording[SR_UUID]; /* the one whose turn it is */
	uint8_t value[SR_ROW_MAX];
	size_t size; /* 0 also for one that is too long to be a row */
	struct sr_found found;
	uint8_t dek[SR_KEY]; /* the new one */
	struct deep_track *tracks;
	uint16_t count, room;
	struct sr_rotate_deepened reply;
};

/* ---- whose turn it is ---- */

static bool take_next(void *context, struct sr_span key, struct sr_span value)
{
	struct deepening *deepening = context;
	bool whole = key.size == SR_TAG + SR_UUID + 2 && key.data[key.size - 1] == 0 && key.data[key.size - 2] == 0;
	if (!whole || memcmp(key.data + SR_TAG, deepening->message.after, SR_UUID) <= 0)
		return true;
	deepening->met = true;
	memcpy(deepening->recording, key.data + SR_TAG, SR_UUID);
	deepening->size = value.size <= sizeof deepening->value ? value.size : 0;
	if (deepening->size > 0)
		memcpy(deepening->value, value.data, deepening->size);
	return false;
}

static enum sr_code find_next(struct sr_request *request, struct deepening *deepening)
{
	struct sr_index_key from = sr_key_recording(request->tag, deepening->message.after);
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_patient_find(request, view, &deepening->patient);
	if (code == SR_OK && deepening->patient.standing != SR_STANDING_HERE)
		code = SR_FAIL(&request->error, SR_NOT_FOUND, "the patient has nothing in this store");
	if (code == SR_OK) {
		code = sr_view_walk(view, &from, SR_TAG, take_next, deepening);
		if (code != SR_OK)
			(void)SR_FAIL(&request->error, code, "reading the index failed");
	}
	sr_request_view_end(request, view);
	return code;
}

/* A freeze of this one: of those that stop the whole request none is in force. */
static bool is_frozen(const struct sr_request *request, const struct deepening *deepening)
{
	struct sr_freeze_facts facts = {.recording = deepening->recording};
	return sr_freezes_stop(request->freezes, &facts, false);
}

/*
 * Whether it is to be sealed anew: finished, live, not frozen and theirs. A tombstone has nothing; all else is left,
 * and counted.
 */
static enum sr_code judge(struct sr_request *request, struct deepening *deepening, bool *wanted)
{
	struct sr_span value = {deepening->value, deepening->size};
	struct sr_event event = {.kind = SR_EVENT_MISFILED, .recording = deepening->recording};
	struct sr_found *found = &deepening->found;
	enum sr_life life = sr_row_life_told(value);
	*wanted = false;
	if (life == SR_LIFE_TOMBSTONE &&
	    sr_recording_row_decode(request->daemon->keyring, deepening->recording, value, &found->row) == SR_OK)
		return SR_OK;
	deepening->reply.left = 1;
	enum sr_row_verdict verdict = sr_row_open(request->daemon->keyring, deepening->patient.key,
						  deepening->recording, value, &found->row, found->dek, &request->work);
	if (verdict == SR_ROW_UNKNOWN_EPOCH || verdict == SR_ROW_UNAVAILABLE)
		return SR_FAIL(&request->error, SR_UNAVAILABLE, "a recording cannot be opened now");
	if (verdict == SR_ROW_NOT_THEIRS)
		sr_request_event(request, &event);
	if (verdict == SR_ROW_CORRUPT) {
		(void)!sr_request_corrupt(request, deepening->recording, "recording row");
		request->error = (struct sr_error){.code = SR_OK};
	}
	*wanted = verdict == SR_ROW_OPEN && found->row.life == SR_LIFE_LIVE &&
		  found->row.writing == SR_WRITING_FINISHED && !is_frozen(request, deepening);
	if (*wanted)
		memcpy(found->mac, deepening->value + deepening->size - SR_ROW_MAC, SR_ROW_MAC);
	return SR_OK;
}

/* ---- its tracks ---- */

static bool collect(void *context, const struct sr_track_row *row)
{
	struct deepening *deepening = context;
	if (deepening->count < deepening->room)
		deepening->tracks[deepening->count++].old = *row;
	return true;
}

static enum sr_code read_tracks(struct sr_request *request, struct deepening *deepening)
{
	struct sr_view *view;
	deepening->room = (uint16_t)(deepening->found.row.tracks + 1u);
	deepening->tracks = calloc(deepening->room, sizeof *deepening->tracks);
	if (!deepening->tracks)
		return SR_FAIL_MEMORY(&request->error);
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_tracks_walk(request, view, deepening->recording, collect, deepening);
	for (uint16_t at = 0; code == SR_OK && at < deepening->count; at++) {
		struct deep_track *track = &deepening->tracks[at];
		code = sr_track_find(request, view, deepening->recording, track->old.track, &track->row, track->mac);
		track->old = track->row;
	}
	sr_request_view_end(request, view);
	if (code == SR_OK && deepening->count != deepening->found.row.tracks)
		return sr_request_corrupt(request, deepening->recording, "set of tracks");
	return code;
}

static enum sr_code seal_tracks(struct sr_request *request, struct deepening *deepening)
{
	enum sr_code code = SR_OK;
	for (uint16_t at = 0; code == SR_OK && at < deepening->count; at++) {
		struct sr_reseal_job job = {
			.request = request,
			.recording = deepening->recording,
			.from = deepening->found.dek,
			.to = deepening->dek,
			.row = &deepening->tracks[at].row,
			.extents = &deepening->tracks[at].extents,
		};
		code = sr_track_reseal(&job);
		deepening->reply.bytes += job.bytes;
	}
	return code;
}

/* ---- the recording ---- */

static struct sr_doom doom_of(const struct sr_request *request, const struct deepening *deepening)
{
	struct sr_doom doom = {.kind = SR_DOOM_REPLACED};
	memcpy(doom.tag, request->tag, SR_TAG);
	memcpy(doom.recording, deepening->recording, SR_UUID);
	return doom;
}

/*
 * From here on whatever file of it no row names goes, be it the new ones after a crash, or the old ones when all went
 * well; but not while this request is at it.
 */
static enum sr_code begin_journal(struct sr_request *request, struct deepening *deepening)
{
	struct sr_doom doom = doom_of(request, deepening);
	struct sr_index_key key = sr_key_doom(&doom);
	uint8_t bytes[SR_ROW_MAX];
	size_t failed, size = sr_doom_row_seal(request->daemon->keyring, &doom, bytes);
	struct sr_op *op = sr_op_new();
	sr_sweeper_hold(request->daemon->sweeper);
	deepening->holding = true;
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT_OR_EQUALS, &key, bytes, size) ||
	    !sr_op_put(op, &key, bytes, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	enum sr_code code = sr_index_run(request->daemon->index, op, &failed);
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "the recording is being removed");
}

/* The new key's wrap, and the label under it. */
static enum sr_code make_key(struct sr_request *request, struct deepening *deepening, struct sr_epoch_hold *hold)
{
	struct sr_recording_row *row = &deepening->found.row;
	uint8_t label[SR_LABEL_MAX];
	size_t size = 0;
	sr_epoch_book_hold(request->daemon->epochs, hold);
	enum sr_opening opening = row->label_size
					  ? sr_label_open(deepening->found.dek, deepening->recording, row, label, &size)
					  : SR_OPENED;
	if (opening != SR_OPENED)
		return sr_request_unopened(request, deepening->recording, opening, "recording's entry");
	enum sr_code code = sr_dek_make(request->daemon->keyring, deepening->patient.key, deepening->recording,
					hold->current, row->wrap, deepening->dek);
	row->epoch = hold->current;
	row->wrap_revision++;
	if (code == SR_OK && row->label_size)
		code = sr_label_seal(deepening->dek, deepening->recording, (struct sr_span){label, size}, row);
	sodium_memzero(label, sizeof label);
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "a new data key could not be made");
}

static bool erase_extents(const struct deepening *deepening, const struct sr_track_row *old, struct sr_op *op)
{
	bool built = true;
	for (uint16_t file = 0; built && file < old->file_count; file++) {
		uint64_t extents = (old->files[file].committed + SR_EXTENT - 1) / SR_EXTENT;
		for (uint32_t at = 0; built && at < extents; at++) {
			struct sr_index_key key =
				sr_key_extent(deepening->recording, old->track, old->files[file].number, at);
			built = sr_op_erase(op, &key);
		}
	}
	return built;
}

static bool add_track(const struct sr_request *request, struct deepening *deepening, struct deep_track *track,
		      struct sr_op *op)
{
	const struct sr_keyring *keyring = request->daemon->keyring;
	struct sr_index_key key = sr_key_track(request->tag, deepening->recording, track->row.track);
	uint8_t bytes[SR_ROW_MAX];
	size_t size = sr_track_row_encode(keyring, deepening->recording, &track->row, bytes);
	return sr_op_check(op, SR_CHECK_SUFFIX, &key, track->mac, SR_ROW_MAC) && sr_op_put(op, &key, bytes, size) &&
	       erase_extents(deepening, &track->old, op) && sr_extents_put(&track->extents, op);
}

/* Everything of it in one operation, over rows that stand as they were read. */
static enum sr_code commit(struct sr_request *request, struct deepening *deepening, const struct sr_epoch_hold *hold)
{
	struct sr_index_key key = sr_key_recording(request->tag, deepening->recording);
	struct sr_index_key patient = sr_key_patient(request->tag);
	uint8_t bytes[SR_ROW_MAX];
	size_t failed, size = sr_recording_row_encode(request->daemon->keyring, deepening->recording,
						      &deepening->found.row, bytes);
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_check(op, SR_CHECK_SUFFIX, &key, deepening->found.mac, SR_ROW_MAC) &&
		     sr_op_check(op, SR_CHECK_SUFFIX, &patient, deepening->patient.mac, SR_ROW_MAC) &&
		     sr_epoch_guard(op, hold) && sr_op_put(op, &key, bytes, size);
	for (uint16_t at = 0; built && at < deepening->count; at++)
		built = add_track(request, deepening, &deepening->tracks[at], op);
	if (!built) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	enum sr_code code = sr_account_run(request, request->tag, op, &failed);
	if (code == SR_CONFLICT) {
		request->retry_ms = 200;
		return SR_FAIL(&request->error, SR_BUSY, "others have changed the same rows");
	}
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "the index cannot be written");
}

/* The outcome has the new manifests, as that of finish had the old ones. */
static void name_tracks(struct sr_request *request, const struct deepening *deepening)
{
	sr_account_start_again(request);
	for (uint16_t at = 0; at < deepening->count; at++)
		sr_account_track(request, deepening->recording, &deepening->tracks[at].row);
}

static enum sr_code replace(struct sr_request *request, struct deepening *deepening)
{
	struct sr_epoch_hold hold;
	sr_account_met(request, deepening->recording, NULL);
	enum sr_code code = sr_blobs_space(request->daemon->blobs, &request->error);
	if (code == SR_OK)
		code = read_tracks(request, deepening);
	if (code == SR_OK)
		code = sr_account_intent(request);
	if (code == SR_OK)
		code = begin_journal(request, deepening);
	if (code == SR_OK)
		code = make_key(request, deepening, &hold);
	if (code == SR_OK)
		code = seal_tracks(request, deepening);
	if (code == SR_OK)
		code = commit(request, deepening, &hold);
	if (code != SR_OK)
		return code;
	name_tracks(request, deepening);
	deepening->replaced = true;
	deepening->reply.recordings = 1;
	deepening->reply.left = 0;
	return SR_OK;
}

/* ---- the request ---- */

/* Alone with the patient, so that nobody moves or rekeys what is sealed anew. */
static enum sr_code carry_out(struct sr_request *request, struct deepening *deepening)
{
	bool wanted = false;
	enum sr_code code = sr_patient_claim(request, request->tag);
	deepening->claimed = code == SR_OK;
	if (code == SR_OK)
		code = find_next(request, deepening);
	if (code != SR_OK || !deepening->met)
		return code;
	deepening->reply.more = true;
	memcpy(deepening->reply.place, deepening->recording, SR_UUID);
	code = judge(request, deepening, &wanted);
	if (code == SR_OK && wanted)
		code = replace(request, deepening);
	/* What is damaged has its event; the others go on. */
	if (code == SR_CORRUPT) {
		request->error = (struct sr_error){.code = SR_OK};
		deepening->reply.bytes = 0;
		code = SR_OK;
	}
	return code;
}

static void run(struct sr_request *request)
{
	struct deepening *deepening = request->owner;
	struct sr_cursor in = sr_request_fields(request);
	sr_rotate_deep_decode(&in, &deepening->message);
	enum sr_code code = sr_request_decoded(request, &in);
	if (code == SR_OK)
		code = sr_request_grant(request, deepening->message.grant, NULL);
	if (code == SR_OK)
		code = carry_out(request, deepening);
	if (deepening->claimed)
		sr_claim_end(request->daemon->claims, request->tag, SR_CLAIM_CHANGING);
	if (code == SR_OK && sr_request_reply(request, SR_MSG_ROTATE_DEEPENED, 40))
		sr_rotate_deepened_encode(&request->reply.fields, &deepening->reply);
}

static void tell(const struct sr_request *request, const struct deepening *deepening)
{
	char id[SR_UUID_TEXT];
	struct sr_log_line line;
	sr_uuid_format(deepening->recording, id);
	sr_log_begin(&line, SR_LOG_INFO, "recording_sealed_anew");
	sr_log_text(&line, "recording", id);
	sr_log_number(&line, "bytes", deepening->reply.bytes);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

/* Players of what was there have keys of the old data key alone; the old files go when they are told. */
static void after(struct sr_request *request)
{
	struct deepening *deepening = request->owner;
	struct sr_error err;
	if (deepening->replaced) {
		(void)SR_FAIL(&err, SR_UNAVAILABLE, "the recording has just been sealed anew; open it again");
		sr_players_stop(request->daemon, request->tag, deepening->recording, &err);
		tell(request, deepening);
	}
	if (deepening->holding)
		sr_sweeper_release(request->daemon->sweeper);
	for (uint16_t at = 0; at < deepening->count; at++)
		sr_extents_clear(&deepening->tracks[at].extents);
	free(deepening->tracks);
	sodium_memzero(deepening, sizeof *deepening);
	free(deepening);
	sr_request_answer(request, false);
}

void sr_serve_rotate_deep(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct deepening), run, after);
}
