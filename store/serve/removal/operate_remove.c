/*
 * patient.erase and scrub.discard: what the operator ends for good.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "keys/opening.h"
#include "message_hold.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/patients/claims.h"
#include "serve/patients/patients.h"
#include "serve/play/lookup.h"
#include "serve/play/play.h"
#include "serve/record/writer.h"
#include "serve/removal/erasure_leads.h"
#include "serve/removal/holding.h"
#include "serve/removal/sweeper.h"

#define ROWS_AT_ONCE 900 /* a view ends within 1,000 rows */

/* Whom a request has ended: their streams end too. */
struct ended {
	bool done;
	uint8_t tag[SR_TAG];
	bool one; /* the recording below alone */
	uint8_t recording[SR_UUID];
};

static void end_streams(struct sr_request *request)
{
	struct ended *ended = request->owner;
	struct sr_error err;
	if (ended->done) {
		(void)SR_FAIL(&err, SR_NOT_FOUND, "the recording was deleted");
		sr_players_stop(request->daemon, ended->tag, ended->one ? ended->recording : NULL, &err);
		sr_writers_stop(request->daemon, ended->tag, ended->one ? ended->recording : NULL, &err);
		sr_sweeper_wake(request->daemon->sweeper);
	}
	free(ended);
	sr_request_answer(request, false);
}

static void tell(const struct sr_request *request, const char *event, const char *name, const char *value)
{
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, event);
	sr_log_text(&line, name, value);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

/* ---- patient.erase ---- */

static void put_state(struct sr_request *request, const struct sr_erasure_state *state,
		      const struct sr_erasure_leads *leads)
{
	struct sr_patient_erased reply = {.state = sr_erasure_verdict(state, leads), .returned = state->returned};
	if (state->there) {
		reply.erased_ms = state->erased.erased_ms;
		reply.recordings = state->erased.recordings;
		reply.waiting = state->waiting;
		reply.epoch = state->erased.epoch;
		reply.unretired = leads->unretired;
		reply.kept_until_ms = leads->kept_until_ms;
		reply.backups = leads->backups;
	}
	if (!sr_request_reply(request, SR_MSG_PATIENT_ERASED, 48 + (size_t)reply.backups * (2 + SR_BACKUP_LABEL_MAX)))
		return;
	sr_patient_erased_encode(&request->reply.fields, &reply);
	for (uint16_t at = 0; at < reply.backups; at++) {
		const char *name = leads->names[at];
		sr_lost_backup_encode(&request->reply.fields, (struct sr_span){(const uint8_t *)name, strlen(name)});
	}
}

static void answer_state(struct sr_request *request, const struct sr_erasure_state *state)
{
	struct sr_erasure_leads *leads = calloc(1, sizeof *leads);
	enum sr_code code = SR_OK;
	if (!leads) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	if (state->there)
		code = sr_erasure_leads(request->daemon, &state->erased, leads, &request->error);
	if (code == SR_OK)
		put_state(request, state, leads);
	free(leads);
}

static void note_reason(struct sr_request *request, struct sr_span reason)
{
	char text[SR_TEXT_MAX + 1];
	memcpy(text, reason.data, reason.size);
	text[reason.size] = '\0';
	sr_account_reason(request, text);
}

static bool mark(void *context, struct sr_op *op)
{
	struct sr_request *request = context;
	const struct ended *ended = request->owner;
	return sr_account_mark(request, ended->tag, op);
}

static enum sr_code erase_claimed(struct sr_request *request, struct ended *ended)
{
	struct sr_remover *remover = request->daemon->remover;
	char tag[2 * SR_TAG + 1];
	sr_account_may_use_reserve(request);
	enum sr_code code = sr_account_intent(request);
	if (code == SR_OK)
		code = sr_erasure_begin(remover, ended->tag, sr_now_ms(), mark, request, &request->error);
	if (code == SR_OK)
		code = sr_erasure_strip(remover, ended->tag, sr_keyring_epoch(request->daemon->keyring),
					&request->error);
	ended->done = code == SR_OK;
	if (code != SR_OK)
		return code;
	sr_account_applied(request);
	sr_people_forget(request->daemon->accounting, ended->tag);
	tell(request, "patient_erased", "tag", sodium_bin2hex(tag, sizeof tag, ended->tag, SR_TAG));
	return SR_OK;
}

/* Alone with the patient: a merge into one who is being erased would leave recordings that no key opens. */
static enum sr_code erase(struct sr_request *request, struct ended *ended)
{
	enum sr_code code = sr_patient_claim(request, ended->tag);
	if (code != SR_OK)
		return code;
	code = erase_claimed(request, ended);
	sr_claim_end(request->daemon->claims, ended->tag, SR_CLAIM_CHANGING);
	return code;
}

static void erase_on_pool(struct sr_request *request)
{
	struct ended *ended = request->owner;
	struct sr_erasure_state state;
	struct sr_patient_erase message;
	struct sr_cursor in = sr_request_fields(request);
	sr_patient_erase_decode(&in, &message);
	if (sr_request_decoded(request, &in) != SR_OK || sr_request_text(request, message.reason, "a reason") != SR_OK)
		return;
	sr_patient_tag(request->daemon->keyring, message.identity.data, message.identity.size, ended->tag,
		       &request->work);
	sr_account_linked(request, ended->tag);
	if (message.reason.size > 0)
		note_reason(request, message.reason);
	enum sr_code code = sr_erasure_look(request->daemon->remover, ended->tag, &state, &request->error);
	/* Once more for one who is gone already: how it stands. */
	bool erases = code == SR_OK && !message.look && (state.returned || !state.there);
	if (erases)
		code = erase(request, ended);
	if (erases && code == SR_OK)
		code = sr_erasure_look(request->daemon->remover, ended->tag, &state, &request->error);
	if (code == SR_OK)
		answer_state(request, &state);
	else if (request->error.code == SR_OK)
		(void)SR_FAIL(&request->error, code, "erasing failed");
}

void sr_serve_patient_erase(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct ended), erase_on_pool, end_streams);
}

/* ---- scrub.discard ---- */

/* A recording's row of that id: the one beyond repair, if there is one. */
struct finding {
	struct sr_request *request;
	const uint8_t *recording;
	struct sr_index_key key;
	uint8_t *value;
	size_t size;
	bool whole, buried, found; /* a row that is whole; one that says where the recording went */
	struct sr_index_key next;
	unsigned seen;
	bool more;
};

/* Whether a row can be read, and its wrap opened where it has one. A later version's is left to that version. */
static bool is_whole(struct sr_request *request, const uint8_t recording[SR_UUID], struct sr_span value)
{
	struct sr_recording_row row;
	enum sr_code code = sr_recording_row_decode(request->daemon->keyring, recording, value, &row);
	if (code != SR_OK)
		return code != SR_CORRUPT;
	if (row.epoch == SR_EPOCH_NONE)
		return true;
	enum sr_row_verdict verdict = sr_row_outer(request->daemon->keyring, recording, &row);
	return verdict == SR_ROW_OPEN || verdict == SR_ROW_UNAVAILABLE;
}

static void judge(struct finding *finding, struct sr_span key, struct sr_span value)
{
	if (is_whole(finding->request, finding->recording, value)) {
		bool buried = sr_row_life_told(value) == SR_LIFE_TOMBSTONE;
		finding->buried |= buried;
		finding->whole |= !buried;
		return;
	}
	finding->found = true;
	finding->key = (struct sr_index_key){.table = SR_TABLE_RECORDINGS, .size = key.size};
	memcpy(finding->key.bytes, key.data, key.size);
	memcpy(finding->value, value.data, value.size);
	finding->size = value.size;
}

/* Where the hint leads. */
static enum sr_code look_at_home(struct finding *finding)
{
	struct sr_view *view;
	struct sr_span hint, value;
	struct sr_index_key key = sr_key_hint(finding->recording);
	enum sr_code code = sr_request_view(finding->request, &view);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &hint);
	if (code == SR_OK && hint.size == SR_TAG) {
		key = sr_key_recording(hint.data, finding->recording);
		code = sr_view_get(view, &key, &value);
		if (code == SR_OK)
			judge(finding, (struct sr_span){key.bytes, key.size}, value);
	}
	sr_request_view_end(finding->request, view);
	return code == SR_OK || code == SR_NOT_FOUND
		       ? SR_OK
		       : SR_FAIL(&finding->request->error, code, "reading the index failed");
}

static bool visit(void *context, struct sr_span key, struct sr_span value)
{
	struct finding *finding = context;
	finding->more = finding->seen++ == ROWS_AT_ONCE;
	if (finding->more) {
		finding->next.size = key.size;
		memcpy(finding->next.bytes, key.data, key.size);
		return false;
	}
	if (key.size == SR_TAG + SR_UUID + 2 && key.data[key.size - 1] == 0 && key.data[key.size - 2] == 0 &&
	    memcmp(key.data + SR_TAG, finding->recording, SR_UUID) == 0)
		judge(finding, key, value);
	return !finding->found;
}

/* Under any tag: for a row whose hint is lost, or a copy that was misfiled. */
static enum sr_code look_everywhere(struct finding *finding)
{
	finding->next = (struct sr_index_key){.table = SR_TABLE_RECORDINGS};
	do {
		struct sr_view *view;
		struct sr_index_key from = finding->next;
		enum sr_code code = sr_request_view(finding->request, &view);
		if (code != SR_OK)
			return code;
		finding->more = false;
		finding->seen = 0;
		code = sr_view_walk(view, &from, 0, visit, finding);
		sr_request_view_end(finding->request, view);
		if (code != SR_OK)
			return SR_FAIL(&finding->request->error, code, "reading the index failed");
	} while (finding->more && !finding->found);
	return SR_OK;
}

/* The row goes at once; what says that files and the rest have to go takes its place, in the same operation. */
static enum sr_code discard(struct sr_request *request, struct finding *finding, struct ended *ended)
{
	struct sr_doom doom = {.kind = SR_DOOM_DISCARDED};
	uint8_t bytes[SR_ROW_MAX];
	size_t failed;
	memcpy(doom.tag, finding->key.bytes, SR_TAG);
	memcpy(doom.recording, finding->recording, SR_UUID);
	struct sr_index_key key = sr_key_doom(&doom);
	size_t size = sr_doom_row_seal(request->daemon->keyring, &doom, bytes);
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_check(op, SR_CHECK_EQUALS, &finding->key, finding->value, finding->size) &&
		     sr_op_demand_unheld(op, doom.tag, doom.recording) && sr_op_erase(op, &finding->key) &&
		     sr_op_put(op, &key, bytes, size);
	if (!built) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	enum sr_code code = sr_account_intent(request);
	if (code != SR_OK) {
		sr_op_free(op);
		return code;
	}
	code = sr_account_run(request, doom.tag, op, &failed);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, failed == 0 ? "the row has just changed" : "it is on hold");
	ended->done = ended->one = true;
	memcpy(ended->tag, doom.tag, SR_TAG);
	memcpy(ended->recording, doom.recording, SR_UUID);
	return SR_OK;
}

static void discard_on_pool(struct sr_request *request)
{
	struct sr_reasoned message;
	struct sr_cursor in = sr_request_fields(request);
	char id[SR_UUID_TEXT];
	sr_reasoned_decode(&in, &message);
	if (sr_request_decoded(request, &in) != SR_OK || sr_request_text(request, message.reason, "a reason") != SR_OK)
		return;
	struct finding finding = {.request = request, .recording = message.id, .value = malloc(SR_INDEX_VALUE_MAX)};
	if (!finding.value) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	sr_account_met(request, message.id, NULL);
	note_reason(request, message.reason);
	enum sr_code code = look_at_home(&finding);
	if (code == SR_OK && !finding.found)
		code = look_everywhere(&finding);
	if (code == SR_OK && finding.found)
		code = discard(request, &finding, request->owner);
	else if (code == SR_OK && finding.whole)
		code = SR_FAIL(&request->error, SR_CONFLICT, "its row is whole; delete the recording instead");
	else if (code == SR_OK && finding.buried)
		code = SR_FAIL(&request->error, SR_CONFLICT,
			       "only its tombstone is left, which is whole: there is nothing to discard");
	else if (code == SR_OK)
		code = SR_FAIL(&request->error, SR_NOT_FOUND, "there is no row of such a recording");
	if (code == SR_OK && sr_request_reply(request, SR_MSG_DONE, 0)) {
		sr_uuid_format(message.id, id);
		tell(request, "recording_discarded", "recording", id);
	}
	free(finding.value);
}

void sr_serve_scrub_discard(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct ended), discard_on_pool, end_streams);
}
