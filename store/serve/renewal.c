/*
 * The grant a stream holds, and its replacement by a newer one.
 */
#include "serve/renewal.h"

#include <stdlib.h>
#include <string.h>

#include "access/decide.h"
#include "serve/accounting/account_request.h"
#include "serve/freeze/freezing.h"
#include "serve/play/play.h"
#include "serve/record/binding.h"
#include "serve/record/writer.h"

struct renewal {
	uint8_t recording[SR_UUID];
	uint64_t expires;
	bool writes; /* the stream's is a writer */
};

void sr_held_grant_take(struct sr_held_grant *held, struct sr_request *request)
{
	sr_held_grant_drop(held);
	held->grant = request->grant;
	request->grant = NULL;
	held->settings = sr_settings_share(request->settings);
	held->expires = held->grant->expires;
	memcpy(held->tag, request->tag, SR_TAG);
	memcpy(held->actor, request->actor, SR_TAG);
}

struct sr_audit_entry sr_held_words(const struct sr_held_grant *held)
{
	const struct sr_grant *grant = held->grant;
	return (struct sr_audit_entry){
		.issuer = grant->issuer->name,
		.jti = grant->jti,
		.session = *grant->sid ? grant->sid : NULL,
		.purpose = *grant->purpose ? grant->purpose : NULL,
		.role = sr_act_role_name(grant->role),
		.tag = held->tag,
		.actor = held->actor,
	};
}

void sr_held_grant_drop(struct sr_held_grant *held)
{
	sr_grant_free(held->grant);
	if (held->settings)
		sr_settings_release(held->settings);
	memset(held, 0, sizeof *held);
}

struct sr_held_grant *sr_stream_grant(struct sr_stream *stream)
{
	if (stream->writer)
		return sr_writer_grant(stream->writer);
	return stream->player ? sr_player_grant(stream->player) : NULL;
}

static void verify(struct sr_request *request)
{
	struct sr_span token;
	struct sr_cursor in = sr_request_fields(request);
	struct renewal *renewal = request->owner;
	sr_grant_renew_decode(&in, &token);
	if (sr_request_decoded(request, &in) == SR_OK)
		(void)!sr_request_grant(request, token, renewal->recording);
}

/* The grant held by the stream that the renewal is for; NULL if the stream has ended meanwhile. */
static struct sr_held_grant *held_by_stream(const struct sr_request *request)
{
	struct sr_stream *stream = sr_session_stream(request->session, request->head.stream);
	return stream && stream->state != SR_STREAM_ENDED ? sr_stream_grant(stream) : NULL;
}

static bool by_writer(const struct sr_request *request)
{
	const struct sr_stream *stream = sr_session_stream(request->session, request->head.stream);
	return stream && stream->writer;
}

/* The last step: the new grant takes the old one's place, or the refusal is told. */
static void answer(struct sr_request *request)
{
	struct renewal *renewal = request->owner;
	struct sr_held_grant *held = held_by_stream(request);
	uint64_t expires = renewal->expires;
	free(renewal);
	request->owner = NULL;
	if (held)
		held->renewing = false;
	if (!held) {
		sr_request_free(request); /* nobody waits for an answer */
		return;
	}
	if (request->error.code == SR_OK && sr_request_reply(request, SR_MSG_RENEWED, 8)) {
		sr_held_grant_take(held, request);
		sr_renewed_encode(&request->reply.fields, expires);
		sr_request_answer(request, false);
		return;
	}
	sr_session_refuse_renewal(request->session, request->head.stream, request->head.request, &request->error);
	sr_request_free(request);
}

/*
 * Note the new grant in the recording's row, so that it can resume the recording in its grace: read the row, change it,
 * put it back if nobody else did meanwhile.
 */
static enum sr_code put_trace(struct sr_request *request, void *context)
{
	const struct sr_grant_trace *trace = context;
	const uint8_t *recording = ((const struct renewal *)request->owner)->recording;
	struct sr_index_key key = sr_key_recording(request->tag, recording);
	struct sr_view *view;
	struct sr_span value;
	struct sr_recording_row row;
	uint8_t bytes[SR_ROW_MAX], mac[SR_ROW_MAC];
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	if (code == SR_OK)
		code = sr_recording_row_decode(request->daemon->keyring, recording, value, &row);
	if (code == SR_OK)
		memcpy(mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	sr_request_view_end(request, view);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "the recording's row cannot be changed");
	row.renewed_by = *trace;
	row.writer_revision++;
	size_t size = sr_recording_row_encode(request->daemon->keyring, recording, &row, bytes);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_SUFFIX, &key, mac, SR_ROW_MAC) || !sr_op_put(op, &key, bytes, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	return sr_account_run(request, request->tag, op, NULL);
}

/* On the pool. A writer's renewal changes its recording's row; a reader's changes nothing that lasts. */
static void remember(struct sr_request *request)
{
	struct renewal *renewal = request->owner;
	struct sr_grant_trace trace = {.expires = renewal->expires};
	sr_account_met(request, renewal->recording, NULL);
	if (!renewal->writes) {
		sr_account_without_reply(request);
		return;
	}
	sr_account_may_use_reserve(request); /* what is running goes on */
	if (sr_account_intent(request) != SR_OK)
		return;
	sr_grant_hash(request->daemon->keyring, request->grant->issuer->iss, request->grant->jti, trace.hash);
	(void)!sr_request_attempts(request, put_trace, &trace);
}

/* May the new grant stand in for the old one on this stream? */
static enum sr_code compare(struct sr_request *request, const struct sr_held_grant *held, bool writes)
{
	const uint8_t *recording = ((struct renewal *)request->owner)->recording;
	if (!sr_grant_renews(held->grant, request->grant))
		return SR_FAIL(&request->error, SR_DENIED, "a renewal must name the same issuer, patient and actor");
	return sr_grant_allows(request->grant, writes ? SR_SCOPE_RECORD : SR_SCOPE_PLAY, request->caller.key, recording,
			       (int64_t)(sr_now_ms() / 1000), request->settings->config->skew_s, &request->error);
}

/* Nor may it be a grant that is frozen. */
static enum sr_code thawed(struct sr_request *request, bool writes)
{
	if (sr_request_frozen_now(request, writes))
		return SR_FAIL(&request->error, SR_FROZEN, "the grant is frozen");
	return SR_OK;
}

/* The refusal is of this recording. On the pool, whose steps are accounted for. */
static void refused(struct sr_request *request)
{
	const struct renewal *renewal = request->owner;
	sr_account_met(request, renewal->recording, NULL);
}

static void verified(struct sr_request *request)
{
	struct renewal *renewal = request->owner;
	const struct sr_held_grant *held = held_by_stream(request);
	bool writes = by_writer(request);
	if (request->malformed || !held) {
		if (request->malformed)
			sr_session_end(request->session, SR_USAGE, request->error.text);
		free(renewal);
		sr_request_free(request);
		return;
	}
	bool fits = request->error.code == SR_OK && compare(request, held, writes) == SR_OK &&
		    thawed(request, writes) == SR_OK;
	if (fits)
		renewal->expires = (uint64_t)request->grant->expires;
	renewal->writes = writes;
	if (fits)
		sr_request_start(request, remember, answer);
	else if (request->account.is_written)
		answer(request);
	else
		sr_request_start(request, refused, answer);
}

void sr_renew_start(struct sr_session *session, const struct sr_message_head *head, const struct sr_cursor *fields,
		    const uint8_t recording[SR_UUID])
{
	struct sr_held_grant *held = sr_stream_grant(sr_session_stream(session, head->stream));
	struct sr_error err;
	if (held->renewing) {
		(void)SR_FAIL(&err, SR_BUSY, "a renewal of this stream is under way");
		sr_session_refuse_renewal(session, head->stream, head->request, &err);
		return;
	}
	struct sr_request *request = sr_request_new(session, head, fields);
	struct renewal *renewal = request ? sr_request_own(request, sizeof *renewal) : NULL;
	if (!renewal)
		return;
	memcpy(renewal->recording, recording, SR_UUID);
	held->renewing = true;
	sr_request_start(request, verify, verified);
}
