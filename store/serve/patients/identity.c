/*
 * patient.rename and patient.merge: recordings whose patient's identity has changed, or was registered twice, or which
 * were filed under the wrong one. A request moves some of them; its client repeats it until none is left.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/log.h"
#include "message_patient.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"
#include "serve/patients/claims.h"
#include "serve/patients/moving.h"
#include "serve/patients/patients.h"
#include "serve/record/binding.h"
#include "serve/removal/holding.h"

/* Everything of one request, wiped as one. The request itself stands for the patient who receives. */
struct change {
	struct sr_request *request;
	struct sr_patient_pair message;
	bool renames, single;
	struct sr_proof source; /* whose recordings go */
	struct sr_patient from, to;
	bool claimed_from, claimed_to;
	struct sr_moving list[SR_MOVING_MOST];
	size_t count;
	uint32_t movable, others; /* rows of the source: those that could move, and those that stay */
	struct sr_found found;
	struct sr_patient_moved reply;
};

/* ---- who, and may it be ---- */

static enum sr_code parse(struct sr_request *request, struct change *change)
{
	struct sr_cursor in = sr_request_fields(request);
	sr_patient_pair_decode(&in, &change->message);
	if (sr_request_decoded(request, &in) != SR_OK)
		return request->error.code;
	change->renames = request->head.type == SR_MSG_PATIENT_RENAME;
	change->single = !sodium_is_zero(change->message.recording, SR_UUID);
	if (change->renames && change->single)
		return SR_FAIL(&request->error, SR_USAGE, "a rename moves all recordings; use merge for one");
	return SR_OK;
}

/* Both grants, the source's first; both stand until the end. */
static enum sr_code prove(struct sr_request *request, struct change *change)
{
	const uint8_t *recording = change->single ? change->message.recording : NULL;
	enum sr_code code = sr_request_grant(request, change->message.from, recording);
	if (code != SR_OK)
		return code;
	sr_proof_exchange(request, &change->source);
	code = sr_request_grant(request, change->message.to, recording);
	if (code != SR_OK)
		return code;
	if (memcmp(request->tag, change->source.tag, SR_TAG) == 0)
		return SR_FAIL(&request->error, SR_USAGE, "an identity cannot be merged into itself");
	return SR_OK;
}

static enum sr_code claim_both(struct sr_request *request, struct change *change)
{
	enum sr_code code = sr_patient_claim(request, change->source.tag);
	change->claimed_from = code == SR_OK;
	if (code == SR_OK)
		code = sr_patient_claim(request, request->tag);
	change->claimed_to = code == SR_OK;
	return code;
}

static enum sr_code find_both(struct sr_request *request, struct change *change)
{
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_patient_find(request, view, &change->to);
	if (code == SR_OK) {
		sr_proof_exchange(request, &change->source);
		code = sr_patient_find(request, view, &change->from);
		sr_proof_exchange(request, &change->source);
	}
	sr_request_view_end(request, view);
	return code;
}

/* ---- what there is to move ---- */

static enum sr_code unfinished(struct sr_request *request, const uint8_t recording[SR_UUID])
{
	char id[SR_UUID_TEXT];
	sr_uuid_format(recording, id);
	return SR_FAIL(&request->error, SR_CONFLICT, "recording %s is not finished; finish it first", id);
}

static void take(struct change *change, const uint8_t recording[SR_UUID])
{
	struct sr_moving *moving = &change->list[change->count++];
	*moving = (struct sr_moving){.moved = false};
	memcpy(moving->move.recording, recording, SR_UUID);
	memcpy(moving->move.from, change->source.tag, SR_TAG);
	memcpy(moving->move.to, change->request->tag, SR_TAG);
}

/* A whole row of the source: is it theirs, so that it can be opened for the other? */
static enum sr_code judge(struct change *change, const uint8_t recording[SR_UUID], struct sr_span value)
{
	struct sr_request *request = change->request;
	struct sr_event event = {.kind = SR_EVENT_MISFILED, .recording = recording};
	enum sr_row_verdict verdict = sr_row_open(request->daemon->keyring, change->from.key, recording, value,
						  &change->found.row, change->found.dek, &request->work);
	sr_found_wipe(&change->found);
	if (verdict == SR_ROW_UNKNOWN_EPOCH || verdict == SR_ROW_UNAVAILABLE)
		return SR_FAIL(&request->error, SR_UNAVAILABLE,
			       "a recording of the first identity cannot be opened now");
	if (verdict == SR_ROW_OPEN) {
		take(change, recording);
		change->movable++;
		return SR_OK;
	}
	change->others++;
	sr_proof_exchange(request, &change->source);
	if (verdict == SR_ROW_NOT_THEIRS)
		sr_request_event(request, &event);
	else
		(void)!sr_request_corrupt(request, recording, "recording row");
	sr_proof_exchange(request, &change->source);
	request->error = (struct sr_error){.code = SR_OK};
	return SR_OK;
}

/* Every row is looked at before anything moves; only those of this request's turn are opened. */
static enum sr_code survey_row(void *context, struct sr_view *view, const uint8_t recording[SR_UUID],
			       struct sr_span value)
{
	struct change *change = context;
	struct sr_recording_row row;
	(void)view;
	enum sr_code code = sr_recording_row_decode(change->request->daemon->keyring, recording, value, &row);
	if (code == SR_OK && row.life == SR_LIFE_TOMBSTONE)
		return SR_OK;
	if (code == SR_OK && row.life == SR_LIFE_LIVE && row.writing != SR_WRITING_FINISHED)
		return unfinished(change->request, recording);
	if (code != SR_OK || row.life != SR_LIFE_LIVE)
		change->others++;
	else if (change->count < SR_MOVING_MOST)
		return judge(change, recording, value);
	else
		change->movable++;
	return SR_OK;
}

static enum sr_code survey(struct sr_request *request, struct change *change)
{
	change->count = 0;
	change->movable = change->others = 0;
	return sr_recordings_walk(request, change->source.tag, survey_row, change);
}

/* One that was named. One that has moved already is done with; it is asked first, so that a repeat is no alarm. */
static enum sr_code survey_single(struct sr_request *request, struct change *change)
{
	const uint8_t *recording = change->message.recording;
	struct sr_index_key key = sr_key_recording(change->source.tag, recording);
	struct sr_span value;
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	if (sr_view_get(view, &key, &value) != SR_OK ||
	    !sr_move_buried(request->daemon->keyring, recording, value, request->tag)) {
		sr_proof_exchange(request, &change->source);
		code = sr_recording_find(request, view, &change->from, recording, SR_EVENT_FOREIGN, &change->found);
		sr_proof_exchange(request, &change->source);
		if (code == SR_OK)
			code = sr_request_frozen(request, recording);
		if (code == SR_OK && change->found.row.writing != SR_WRITING_FINISHED)
			code = unfinished(request, recording);
		if (code == SR_OK)
			take(change, recording);
		change->movable = code == SR_OK;
		sr_found_wipe(&change->found);
	}
	sr_request_view_end(request, view);
	return code;
}

static enum sr_code any_row(void *context, struct sr_view *view, const uint8_t recording[SR_UUID], struct sr_span value)
{
	struct sr_recording_row row;
	(void)view;
	const struct change *change = context;
	bool buried = sr_recording_row_decode(change->request->daemon->keyring, recording, value, &row) == SR_OK &&
		      row.life == SR_LIFE_TOMBSTONE;
	return buried ? SR_OK : SR_CONFLICT;
}

/* A rename goes to an identity that has nothing, or that this very rename has begun to fill. */
static enum sr_code may_rename(struct sr_request *request, struct change *change)
{
	bool begun = change->to.standing == SR_STANDING_HERE && change->to.row.life == SR_LIFE_MOVING &&
		     memcmp(change->to.row.other, change->source.tag, SR_TAG) == 0;
	if (change->to.standing != SR_STANDING_HERE || begun)
		return SR_OK;
	if (change->to.row.life == SR_LIFE_MOVING)
		return SR_FAIL(&request->error, SR_CONFLICT, "another rename to the second identity is not finished");
	enum sr_code code = sr_recordings_walk(request, request->tag, any_row, change);
	if (code == SR_CONFLICT)
		return SR_FAIL(&request->error, code, "the second identity has recordings; use merge");
	return code;
}

/* A hold on a recording is the recording's and goes along. One on the whole patient must be on the other too first. */
static enum sr_code escapes_no_hold(struct sr_request *request, const struct change *change)
{
	struct sr_view *view;
	bool from = false, to = false;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_holds_look(view, change->source.tag, NULL, &from);
	if (code == SR_OK)
		code = sr_holds_look(view, request->tag, NULL, &to);
	sr_request_view_end(request, view);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "reading the index failed");
	if (from && !to)
		return SR_FAIL(&request->error, SR_CONFLICT,
			       "the first identity is on hold; place the hold on the second as well");
	return SR_OK;
}

/* ---- moving ---- */

static enum sr_code run(struct sr_request *request, struct sr_op *op, bool built)
{
	size_t failed;
	if (!built) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	enum sr_code code = sr_index_run(request->daemon->index, op, &failed);
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "others are changing the same rows");
}

/* Put a patient's row as it now is in memory, in the place of the one that was read. */
static enum sr_code put_patient(struct sr_request *request, const uint8_t tag[SR_TAG], struct sr_patient *patient)
{
	uint8_t bytes[SR_ROW_MAX];
	struct sr_index_key key = sr_key_patient(tag);
	size_t size = sr_patient_row_encode(request->daemon->keyring, tag, &patient->row, bytes);
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_check(op, SR_CHECK_SUFFIX, &key, patient->mac, SR_ROW_MAC) &&
		     sr_op_put(op, &key, bytes, size) && sr_account_mark(request, request->tag, op);
	enum sr_code code = run(request, op, built);
	if (code == SR_OK)
		sr_account_applied(request);
	memcpy(patient->mac, bytes + size - SR_ROW_MAC, SR_ROW_MAC);
	return code;
}

/* The receiving patient's row: there, and saying that a rename fills it while one does. */
static enum sr_code prepare_target(struct sr_request *request, struct change *change)
{
	enum sr_code code = sr_patient_ensure(request, &change->to);
	if (code == SR_CONFLICT)
		code = SR_FAIL(&request->error, SR_BUSY, "others are changing the same rows");
	if (code != SR_OK || !change->renames || change->to.row.life == SR_LIFE_MOVING)
		return code;
	change->to.row.life = SR_LIFE_MOVING;
	memcpy(change->to.row.other, change->source.tag, SR_TAG);
	return put_patient(request, request->tag, &change->to);
}

/* The DEK, opened with the key of who has it and wrapped for who gets it. */
static enum sr_code wrap_copy(void *context, struct sr_view *view, const struct sr_move *move,
			      const struct sr_move_rows *rows, struct sr_move_wrap *wrap)
{
	struct change *change = context;
	const struct sr_keyring *keyring = change->request->daemon->keyring;
	struct sr_index_key key = sr_key_recording(move->from, move->recording);
	struct sr_span value;
	(void)rows;
	enum sr_code code = sr_view_get(view, &key, &value);
	if (code != SR_OK)
		return code;
	enum sr_row_verdict verdict = sr_row_open(keyring, change->from.key, move->recording, value, &change->found.row,
						  change->found.dek, &change->request->work);
	code = verdict == SR_ROW_OPEN ? SR_OK : SR_NOT_FOUND;
	sr_epoch_book_hold(change->request->daemon->epochs, &wrap->hold);
	if (code == SR_OK)
		code = sr_dek_wrap(keyring, change->to.key, move->recording, change->found.dek, wrap->hold.current,
				   wrap->wrap);
	wrap->patient_mac = change->to.mac;
	sr_found_wipe(&change->found);
	return code;
}

/* From the first copy on the change is being made: a start after a crash goes on with it. */
static bool mark_copy(void *context, struct sr_op *op)
{
	struct change *change = context;
	return sr_account_mark(change->request, change->request->tag, op);
}

/* The account names both tags and what is to move; what has moved goes into the outcome. */
static enum sr_code intend(struct sr_request *request, const struct change *change)
{
	sr_account_linked(request, change->source.tag);
	/* Who reads the log later must tell it from two identities becoming one. */
	if (change->single)
		sr_account_fact(request, "only", "recording");
	for (size_t at = 0; at < change->count; at++)
		sr_account_met(request, change->list[at].move.recording, NULL);
	return sr_account_intent(request);
}

static enum sr_code move_all(struct sr_request *request, struct change *change)
{
	struct sr_error ignored;
	struct sr_moving_job job = {
		.index = request->daemon->index,
		.keyring = request->daemon->keyring,
		.list = change->list,
		.count = change->count,
		.wrap = wrap_copy,
		.mark = mark_copy,
		.context = change,
		.now_ms = sr_now_ms(),
	};
	enum sr_code code = sr_moving_begin(&job, &request->error);
	if (code == SR_OK) {
		code = sr_moving_advance(&job, &request->error);
	} else {
		job.wrap = NULL;
		(void)!sr_moving_advance(&job, &ignored);
	}
	sr_account_linked(request, change->source.tag);
	/* The intent had them all. */
	sr_account_start_again(request);
	for (size_t at = 0; at < change->count; at++) {
		if (!change->list[at].moved)
			continue;
		change->reply.recordings++;
		sr_account_met(request, change->list[at].move.recording, NULL);
	}
	if (change->reply.recordings > 0)
		sr_account_applied(request);
	return code;
}

/* Nothing more moves: the source is gone if it has nothing left, and the target is as any other patient. */
static enum sr_code conclude(struct sr_request *request, struct change *change)
{
	enum sr_code code = survey(request, change);
	change->reply.left = change->movable + change->others;
	if (code != SR_OK)
		return code;
	if (change->reply.left == 0 && change->from.standing == SR_STANDING_HERE) {
		change->from.row.life = SR_LIFE_TOMBSTONE;
		change->from.row.doomed_ms = sr_now_ms();
		memcpy(change->from.row.other, request->tag, SR_TAG);
		memset(change->from.row.salt, 0, sizeof change->from.row.salt);
		code = put_patient(request, change->source.tag, &change->from);
	}
	bool filled =
		change->to.row.life == SR_LIFE_MOVING && memcmp(change->to.row.other, change->source.tag, SR_TAG) == 0;
	if (code == SR_OK && filled) {
		change->to.row.life = SR_LIFE_LIVE;
		memset(change->to.row.other, 0, SR_TAG);
		code = put_patient(request, request->tag, &change->to);
	}
	return code;
}

/* Everything that can be refused is refused before the first change. */
static enum sr_code carry_out(struct sr_request *request, struct change *change)
{
	enum sr_code code = find_both(request, change);
	if (code != SR_OK)
		return code;
	bool done =
		change->from.standing == SR_STANDING_LEFT && memcmp(change->from.row.other, request->tag, SR_TAG) == 0;
	if (change->from.standing != SR_STANDING_HERE && !done)
		return SR_FAIL(&request->error, SR_NOT_FOUND, "the first identity has nothing in this store");
	change->reply.root_version = change->to.row.root;
	if (change->from.standing != SR_STANDING_HERE && !change->single)
		return SR_OK;
	code = escapes_no_hold(request, change);
	if (code == SR_OK && change->renames)
		code = may_rename(request, change);
	if (code == SR_OK)
		code = change->single ? survey_single(request, change) : survey(request, change);
	if (code == SR_OK)
		code = intend(request, change);
	if (code == SR_OK)
		code = prepare_target(request, change);
	if (code == SR_OK)
		code = move_all(request, change);
	change->reply.root_version = change->to.row.root;
	change->reply.more = !change->single && change->movable > change->reply.recordings;
	if (code == SR_OK && !change->single && !change->reply.more)
		code = conclude(request, change);
	return code;
}

/* ---- the request ---- */

static void log_change(const struct sr_request *request, const struct change *change)
{
	char from[2 * SR_TAG + 1], to[2 * SR_TAG + 1];
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, change->renames ? "patient_renamed" : "patient_merged");
	sr_log_text(&line, "from", sodium_bin2hex(from, sizeof from, change->source.tag, SR_TAG));
	sr_log_text(&line, "to", sodium_bin2hex(to, sizeof to, request->tag, SR_TAG));
	sr_log_number(&line, "recordings", change->reply.recordings);
	sr_log_number(&line, "left", change->reply.left);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

static void run_change(struct sr_request *request)
{
	struct change *change = calloc(1, sizeof *change);
	if (!change) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	change->request = request;
	enum sr_code code = parse(request, change);
	if (code == SR_OK)
		code = prove(request, change);
	if (code == SR_OK)
		code = claim_both(request, change);
	if (code == SR_OK)
		code = carry_out(request, change);
	if (code == SR_OK && sr_request_reply(request, SR_MSG_PATIENT_MOVED, 16)) {
		sr_patient_moved_encode(&request->reply.fields, &change->reply);
		log_change(request, change);
	}
	if (change->claimed_to)
		sr_claim_end(request->daemon->claims, request->tag, SR_CLAIM_CHANGING);
	if (change->claimed_from)
		sr_claim_end(request->daemon->claims, change->source.tag, SR_CLAIM_CHANGING);
	sr_proof_free(&change->source);
	sodium_memzero(change, sizeof *change);
	free(change);
}

void sr_serve_patient_move(struct sr_request *request)
{
	sr_request_start(request, run_change, NULL);
}
