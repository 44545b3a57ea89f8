/*
 * patient.rekey: a patient gets a new salt, the newest root version, and with them a new key, under which every
 * recording of theirs is wrapped anew: in one operation, so that at no moment there are two keys. And root.new.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/log.h"
#include "message_patient.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/patients/claims.h"
#include "serve/patients/patients.h"
#include "serve/record/binding.h"

/* The most recordings of one patient that one operation takes: some 16 MiB of it, and as much of LMDB's memory. */
#define REKEY_MOST 20000

/* Everything of one request, wiped as one. */
struct rekeying {
	struct sr_request *request;
	struct sr_patient patient;
	struct sr_patient_row row; /* as it will be */
	uint8_t key[SR_KEY];       /* of that row */
	struct sr_epoch_hold hold;
	struct sr_op *op;
	struct sr_recording_row recording;
	uint8_t dek[SR_KEY];
	struct sr_patient_moved reply;
};

/* One that does not open for its patient keeps the wrap it has. What is damaged may yet be mended, so it must not. */
static enum sr_code not_opened(struct rekeying *rekeying, const uint8_t recording[SR_UUID], enum sr_row_verdict verdict)
{
	struct sr_request *request = rekeying->request;
	struct sr_event event = {.kind = SR_EVENT_MISFILED, .recording = recording};
	if (verdict == SR_ROW_NOT_THEIRS) {
		sr_request_event(request, &event);
		rekeying->reply.left++;
		return SR_OK;
	}
	if (verdict == SR_ROW_CORRUPT)
		return sr_request_corrupt(request, recording, "recording row");
	return SR_FAIL(&request->error, SR_UNAVAILABLE,
		       verdict == SR_ROW_UNKNOWN_EPOCH ? "the keyring lacks the epoch of a recording"
						       : "a recording cannot be opened now");
}

static enum sr_code wrap_anew(struct rekeying *rekeying, const uint8_t recording[SR_UUID], struct sr_span value)
{
	const struct sr_keyring *keyring = rekeying->request->daemon->keyring;
	struct sr_recording_row *row = &rekeying->recording;
	struct sr_index_key key = sr_key_recording(rekeying->request->tag, recording);
	uint8_t bytes[SR_ROW_MAX];
	row->epoch = rekeying->hold.current;
	if (sr_dek_wrap(keyring, rekeying->key, recording, rekeying->dek, row->epoch, row->wrap) != SR_OK)
		return SR_FAIL(&rekeying->request->error, SR_INTERNAL, "wrapping a recording's key failed");
	row->wrap_revision++;
	size_t size = sr_recording_row_encode(keyring, recording, row, bytes);
	if (!sr_op_check(rekeying->op, SR_CHECK_SUFFIX, &key, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC) ||
	    !sr_op_put(rekeying->op, &key, bytes, size))
		return SR_FAIL_MEMORY(&rekeying->request->error);
	rekeying->reply.recordings++;
	return SR_OK;
}

/* Whatever has a wrap of this patient gets a new one: also what is moving here, or deleted and may be undeleted. */
static enum sr_code take(void *context, struct sr_view *view, const uint8_t recording[SR_UUID], struct sr_span value)
{
	struct rekeying *rekeying = context;
	struct sr_request *request = rekeying->request;
	struct sr_recording_row *row = &rekeying->recording;
	(void)view;
	if (sr_recording_row_decode(request->daemon->keyring, recording, value, row) == SR_OK &&
	    sodium_is_zero(row->wrap, SR_WRAP))
		return SR_OK;
	if (rekeying->reply.recordings == REKEY_MOST)
		return SR_FAIL(&request->error, SR_CONFLICT, "the patient has more than %d recordings", REKEY_MOST);
	enum sr_row_verdict verdict = sr_row_open(request->daemon->keyring, rekeying->patient.key, recording, value,
						  row, rekeying->dek, &request->work);
	enum sr_code code = verdict == SR_ROW_OPEN ? wrap_anew(rekeying, recording, value)
						   : not_opened(rekeying, recording, verdict);
	sodium_memzero(rekeying->dek, sizeof rekeying->dek);
	return code;
}

/* The patient's row as it will be, and the key that follows from it. */
static enum sr_code make_key(struct sr_request *request, struct rekeying *rekeying)
{
	const struct sr_grant *grant = request->grant;
	rekeying->row = rekeying->patient.row;
	rekeying->row.root = sr_keyring_root(request->daemon->keyring);
	randombytes_buf(rekeying->row.salt, sizeof rekeying->row.salt);
	enum sr_code code = sr_patient_key(request->daemon->keyring, rekeying->row.root, rekeying->row.salt,
					   grant->identity, grant->identity_size, rekeying->key, &request->work);
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "the new key cannot be derived");
}

/* The whole operation, over rows that stand as they were read, or nothing. SR_CONFLICT without a text: they do not. */
static enum sr_code attempt_once(struct sr_request *request, struct rekeying *rekeying)
{
	struct sr_index_key key = sr_key_patient(request->tag);
	uint8_t bytes[SR_ROW_MAX];
	struct sr_view *view;
	size_t failed;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_patient_find(request, view, &rekeying->patient);
	sr_request_view_end(request, view);
	if (code != SR_OK)
		return code;
	if (rekeying->patient.standing != SR_STANDING_HERE)
		return SR_FAIL(&request->error, SR_NOT_FOUND, "the patient has nothing in this store");
	code = make_key(request, rekeying);
	if (code != SR_OK)
		return code;
	size_t size = sr_patient_row_encode(request->daemon->keyring, request->tag, &rekeying->row, bytes);
	rekeying->reply = (struct sr_patient_moved){.root_version = rekeying->row.root};
	sr_epoch_book_hold(request->daemon->epochs, &rekeying->hold);
	rekeying->op = sr_op_new();
	if (!rekeying->op || !sr_epoch_guard(rekeying->op, &rekeying->hold) ||
	    !sr_op_check(rekeying->op, SR_CHECK_SUFFIX, &key, rekeying->patient.mac, SR_ROW_MAC) ||
	    !sr_op_put(rekeying->op, &key, bytes, size))
		return SR_FAIL_MEMORY(&request->error);
	code = sr_recordings_walk(request, request->tag, take, rekeying);
	if (code != SR_OK)
		return code;
	sr_account_count(request, "recordings", rekeying->reply.recordings);
	sr_account_count(request, "root_version", rekeying->reply.root_version);
	code = sr_account_intent(request);
	if (code != SR_OK)
		return code;
	struct sr_op *op = rekeying->op;
	rekeying->op = NULL;
	return sr_account_run(request, request->tag, op, &failed);
}

static enum sr_code attempt(struct sr_request *request, void *context)
{
	struct rekeying *rekeying = context;
	enum sr_code code = attempt_once(request, rekeying);
	sr_op_free(rekeying->op);
	rekeying->op = NULL;
	return code;
}

static void log_rekeyed(const struct sr_request *request, const struct sr_patient_moved *reply)
{
	char tag[2 * SR_TAG + 1];
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, "patient_rekeyed");
	sr_log_text(&line, "tag", sodium_bin2hex(tag, sizeof tag, request->tag, SR_TAG));
	sr_log_number(&line, "recordings", reply->recordings);
	sr_log_number(&line, "root_version", reply->root_version);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

/* Nobody may add a recording under the old key meanwhile; what is only changed is seen, and begun again. */
static enum sr_code rekey(struct sr_request *request, struct rekeying *rekeying)
{
	enum sr_code code = sr_patient_claim(request, request->tag);
	if (code != SR_OK)
		return code;
	code = sr_request_attempts(request, attempt, rekeying);
	sr_claim_end(request->daemon->claims, request->tag, SR_CLAIM_CHANGING);
	return code;
}

static void run_rekey(struct sr_request *request)
{
	struct rekeying *rekeying = calloc(1, sizeof *rekeying);
	struct sr_span token;
	struct sr_cursor in = sr_request_fields(request);
	if (!rekeying) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	rekeying->request = request;
	sr_patient_rekey_decode(&in, &token);
	enum sr_code code = sr_request_decoded(request, &in);
	if (code == SR_OK)
		code = sr_request_grant(request, token, NULL);
	if (code == SR_OK)
		code = rekey(request, rekeying);
	if (code == SR_OK && sr_request_reply(request, SR_MSG_PATIENT_MOVED, 16)) {
		sr_patient_moved_encode(&request->reply.fields, &rekeying->reply);
		log_rekeyed(request, &rekeying->reply);
	}
	sodium_memzero(rekeying, sizeof *rekeying);
	free(rekeying);
}

/* ---- a new root version ---- */

static void run_root_new(struct sr_request *request)
{
	struct sr_log_line line;
	uint32_t version;
	if (!sr_request_bare(request) || sr_account_intent(request) != SR_OK ||
	    sr_keyring_root_add(request->daemon->keyring, &version, &request->error) != SR_OK)
		return;
	sr_account_applied(request);
	sr_account_count(request, "root_version", version);
	if (!sr_request_reply(request, SR_MSG_ROOT_MADE, 4))
		return;
	sr_root_made_encode(&request->reply.fields, version);
	sr_log_begin(&line, SR_LOG_INFO, "root_made");
	sr_log_number(&line, "root_version", version);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

/* ---- from the loop ---- */

void sr_serve_patient_rekey(struct sr_request *request)
{
	sr_request_start(request, run_rekey, NULL);
}

void sr_serve_root_new(struct sr_request *request)
{
	sr_request_start(request, run_root_new, NULL);
}
