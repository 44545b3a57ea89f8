/*
 * record.open: a recording is claimed for a patient, for good.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"
#include "serve/patients/claims.h"
#include "serve/play/lookup.h"
#include "serve/record/binding.h"

/* Everything that goes into a new row, wiped as one. */
struct opening {
	struct sr_record_open message;
	struct sr_patient patient;
	struct sr_found found;
	uint8_t dek[SR_KEY];
	uint8_t bytes[SR_ROW_MAX];
	struct sr_recording_row row;
	struct sr_new_row sealed; /* the row, in `bytes` */
	bool looked_again;
};

static void answer(struct sr_request *request, const struct sr_recording_row *row)
{
	struct sr_record_opened opened = {
		.state = row->writing == SR_WRITING_FINISHED ? SR_FINISHED : SR_UNFINISHED,
		.opened_ms = row->opened_ms,
		.tracks = row->tracks,
	};
	if (sr_request_reply(request, SR_MSG_RECORD_OPENED, 16))
		sr_record_opened_encode(&request->reply.fields, &opened);
}

/* The id has a row already: the same writer gets the same answer. */
static enum sr_code repeat(struct sr_request *request, struct opening *opening)
{
	const struct sr_recording_row *row = &opening->found.row;
	if (sodium_memcmp(row->nonce, opening->message.nonce, SR_NONCE) != 0)
		return SR_FAIL(&request->error, SR_CONFLICT, "another writer opened a recording with this id");
	answer(request, row);
	return SR_OK;
}

/* The later of what the recorder says and what the issuer's section demands. */
static uint64_t kept_until(const struct sr_record_open *message, const struct sr_grant *grant)
{
	uint64_t rule = grant->issuer->retain_days ? sr_now_ms() + (uint64_t)grant->issuer->retain_days * 86400000 : 0;
	return message->retain_until_ms > rule ? message->retain_until_ms : rule;
}

static enum sr_code make_row(struct sr_request *request, struct opening *opening)
{
	const struct sr_record_open *message = &opening->message;
	const struct sr_grant *grant = request->grant;
	struct sr_recording_row *row = &opening->row;
	row->life = SR_LIFE_LIVE;
	row->writing = SR_WRITING_OPEN;
	row->wrap_revision = row->writer_revision = row->life_revision = 1;
	row->opened_ms = message->started_ms ? message->started_ms : sr_now_ms();
	row->retain_until_ms = kept_until(message, grant);
	memcpy(row->nonce, message->nonce, SR_NONCE);
	if (grant->has_consultation)
		sr_consultation_hash(request->daemon->keyring, grant->issuer->iss, grant->consultation,
				     row->consultation);
	sr_grant_hash(request->daemon->keyring, grant->issuer->iss, grant->jti, row->opened_by.hash);
	row->opened_by.expires = (uint64_t)grant->expires;
	sr_epoch_book_hold(request->daemon->epochs, &opening->sealed.hold);
	row->epoch = opening->sealed.hold.current;
	if (sr_dek_make(request->daemon->keyring, opening->patient.key, message->recording, row->epoch, row->wrap,
			opening->dek) != SR_OK ||
	    sr_label_seal(opening->dek, message->recording, message->label, row) != SR_OK)
		return SR_FAIL(&request->error, SR_INTERNAL, "sealing the new recording failed");
	opening->sealed.recording = message->recording;
	opening->sealed.bytes = opening->bytes;
	opening->sealed.size =
		sr_recording_row_encode(request->daemon->keyring, message->recording, row, opening->bytes);
	return SR_OK;
}

/*
 * One look, and one attempt. The bindings are operations of their own, before the row, and the row demands them.
 */
static enum sr_code attempt_once(struct sr_request *request, struct opening *opening)
{
	const uint8_t *recording = opening->message.recording;
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_patient_find(request, view, &opening->patient);
	if (code == SR_OK)
		code = sr_recording_find(request, view, &opening->patient, recording, SR_NO_EVENT,
					 &opening->found); /* the claim raises the alarm */
	sr_request_view_end(request, view);
	if (code == SR_OK)
		return repeat(request, opening);
	if (code != SR_NOT_FOUND)
		return code;
	if (opening->found.doomed)
		return SR_FAIL(&request->error, SR_CONFLICT, "the recording with this id was deleted");
	request->error = (struct sr_error){.code = SR_OK};
	code = sr_account_intent(request);
	if (code != SR_OK)
		return code;
	code = sr_patient_ensure(request, &opening->patient);
	if (code != SR_OK)
		return code;
	code = make_row(request, opening);
	if (code == SR_OK)
		code = sr_bind_recording(request, &opening->patient, &opening->sealed);
	if (code == SR_OK)
		answer(request, &opening->row);
	return code;
}

/* Its epoch may have ended since the view began: that is looked at once more. */
static enum sr_code attempt(struct sr_request *request, void *context)
{
	struct opening *opening = context;
	enum sr_code code = attempt_once(request, opening);
	if (code != SR_UNAVAILABLE || opening->looked_again)
		return code;
	opening->looked_again = true;
	request->error = (struct sr_error){.code = SR_OK};
	return SR_CONFLICT;
}

static void run(struct sr_request *request)
{
	struct opening *opening = calloc(1, sizeof *opening);
	if (!opening) {
		(void)SR_FAIL_MEMORY(&request->error);
		return;
	}
	struct sr_cursor in = sr_request_fields(request);
	sr_record_open_decode(&in, &opening->message);
	enum sr_code code = sr_request_decoded(request, &in);
	if (code == SR_OK && !sr_uuid_is_v7(opening->message.recording))
		code = SR_FAIL(&request->error, SR_USAGE, "a recording's id is a UUIDv7");
	if (code == SR_OK)
		code = sr_request_text(request, opening->message.label, "a label");
	if (code == SR_OK)
		code = sr_request_grant(request, opening->message.grant, opening->message.recording);
	if (code == SR_OK)
		code = sr_request_frozen(request, opening->message.recording);
	if (code == SR_OK)
		sr_account_met(request, opening->message.recording, NULL);
	/* A patient's key may be about to change: a row that is added meanwhile would be left behind. */
	if (code == SR_OK && sr_claim(request->daemon->claims, request->tag, SR_CLAIM_ADDING) != SR_OK) {
		request->retry_ms = 100;
		(void)SR_FAIL(&request->error, SR_BUSY, "the patient's recordings are being moved or given a new key");
	} else if (code == SR_OK) {
		(void)!sr_request_attempts(request, attempt, opening);
		sr_claim_end(request->daemon->claims, request->tag, SR_CLAIM_ADDING);
	}
	sodium_memzero(opening, sizeof *opening);
	free(opening);
}

void sr_serve_record_open(struct sr_request *request)
{
	if (sr_blobs_space(request->daemon->blobs, &request->error) == SR_OK)
		sr_request_start(request, run, NULL);
	else
		sr_request_turn_away(request, 1000);
}
