/*
 * What a session sends: replies sealed in place and queued, raw bodies behind them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/accounting/accounting.h"
#include "serve/play/play.h"
#include "serve/session_internal.h"

/* Called before something is queued: what waits, waits from now on. */
static void about_to_queue(struct sr_session *session)
{
	if (session->output.queued == 0)
		session->last_sent = sr_monotonic_ms();
}

/* The queue is about to send bytes that the file no longer has. */
static void blob_too_short(struct sr_session *session)
{
	struct sr_event event = {.kind = SR_EVENT_CORRUPT,
				 .operation = "play.read",
				 .service = session->caller.name,
				 .what = "blob shorter than its segments"};
	struct sr_audit_entry entry = {.kind = SR_AUDIT_ALARM,
				       .operation = event.operation,
				       .service = event.service,
				       .name = sr_event_name(event.kind),
				       .text = event.what};
	sr_event(&event);
	sr_account_say(session->daemon->accounting, &entry, SR_AUDIT_CLOSING);
}

/* What the socket takes of the queue, up to `most` bytes; how many went. The session may be gone afterwards. */
static size_t send_queued(struct sr_session *session, size_t most)
{
	size_t sent;
	enum sr_code code = sr_output_send(&session->output, session->fd, most, &sent);
	if (sent > 0) {
		session->last_sent = sr_monotonic_ms();
		session->sent += sent;
		sr_count(SR_COUNT_BYTES_SENT, (int64_t)sent);
	}
	if (code == SR_CORRUPT)
		blob_too_short(session);
	if (code != SR_OK)
		sr_session_drop(session, "the peer is gone");
	else if (session->phase == ENDING && session->output.queued == 0)
		sr_session_drop(session, NULL);
	return sent;
}

void sr_session_flush(struct sr_session *session)
{
	size_t sent = 0;
	bool all_gone = true;
	if (session->phase == CLOSED || session->output.queued == 0)
		return;
	bool was_full = !sr_session_wants_replies(session);
	/* As long as the socket takes all there is, players go on at once: asking the loop each time is dear. */
	while (all_gone && session->output.queued > 0 && sent < SEND_AT_ONCE) {
		sent += send_queued(session, SEND_AT_ONCE - sent);
		all_gone = session->output.queued == 0;
		if (sr_session_stands(session))
			sr_players_feed(session);
	}
	if (session->phase == CLOSED)
		return;
	if (was_full)
		sr_session_resume_reading(session);
	sr_session_update_poll(session);
}

void sr_session_cork(struct sr_session *session)
{
	session->corked++;
}

void sr_session_uncork(struct sr_session *session)
{
	if (session->corked == 1)
		sr_session_flush(session);
	session->corked--;
	sr_session_update_poll(session);
}

bool sr_reply_begin(struct sr_reply *reply, uint8_t type, size_t room)
{
	reply->capacity = SR_FRAME_HEAD + SR_MESSAGE_HEAD + room + SR_AEAD_TAG;
	reply->frame = malloc(reply->capacity);
	if (!reply->frame)
		return false;
	reply->type = type;
	reply->slotless = false;
	reply->steps_as = 0;
	reply->fields = sr_builder_over(reply->frame + SR_FRAME_HEAD + SR_MESSAGE_HEAD, room);
	return true;
}

void sr_reply_free(struct sr_reply *reply)
{
	if (reply->frame)
		sodium_memzero(reply->frame, reply->capacity);
	free(reply->frame);
	memset(reply, 0, sizeof *reply);
}

/* Step the stream's state for a message of ours; a message that may not pass is our own fault. */
static bool step_sent(struct sr_session *session, uint32_t number, uint8_t type, bool ended)
{
	enum sr_stream_state next;
	if (number == 0)
		return sr_stream_step(SR_STREAM_UNARY, type, false, ended, &next);
	struct sr_stream *stream = sr_session_stream(session, number);
	if (!stream || !sr_stream_step(stream->state, type, false, ended, &next))
		return false;
	stream->state = next;
	return true;
}

/* Replies on stream 0 make room for another request there. */
static bool ends_unary(uint32_t stream, uint8_t type)
{
	return stream == 0 && !sr_speaks_of_connection(type);
}

/* The answer to a renewal takes its time: by then its stream may have ended, and nobody waits for it. */
static bool comes_late(struct sr_session *session, uint32_t number, const struct sr_reply *reply)
{
	if (number == 0 || (reply->type != SR_MSG_RENEWED && reply->steps_as != SR_MSG_RENEWED))
		return false;
	const struct sr_stream *stream = sr_session_stream(session, number);
	return !stream || stream->state == SR_STREAM_ENDED;
}

void sr_session_send(struct sr_session *session, uint32_t stream, uint64_t request, struct sr_reply *reply, bool ended)
{
	if (!sr_session_stands(session)) {
		sr_reply_free(reply);
		return;
	}
	if (comes_late(session, stream, reply)) {
		sr_reply_free(reply);
		return;
	}
	uint8_t step = reply->steps_as ? reply->steps_as : reply->type;
	if (reply->fields.failed || (!reply->slotless && !step_sent(session, stream, step, ended))) {
		struct sr_error err;
		(void)SR_FAIL(&err, SR_INTERNAL, "a %s may not be sent now", sr_message_name(reply->type));
		sr_log_error(SR_LOG_ERROR, "out_of_state", &err);
		sr_reply_free(reply);
		sr_session_drop(session, "internal");
		return;
	}
	if (ends_unary(stream, reply->type) && session->unary > 0)
		session->unary--;
	struct sr_message_head head = {reply->type, stream, request};
	struct sr_builder out = sr_builder_over(reply->frame + SR_FRAME_HEAD, SR_MESSAGE_HEAD);
	sr_message_head_encode(&out, &head);
	size_t size = SR_MESSAGE_HEAD + reply->fields.used;
	enum sr_code code = sr_conn_seal(session->conn, reply->frame, size);
	if (code != SR_OK) {
		sr_reply_free(reply);
		sr_session_drop(session, "sealing failed");
		return;
	}
	/* What was sealed in place is ciphertext now; behind it plaintext may stand that was taken back. */
	size_t whole = SR_FRAME_HEAD + size + SR_AEAD_TAG;
	sodium_memzero(reply->frame + whole, reply->capacity - whole);
	/* It may wait for long, and had room for the longest answer. */
	uint8_t *shorter = realloc(reply->frame, whole);
	uint8_t *frame = shorter ? shorter : reply->frame;
	reply->frame = NULL;
	about_to_queue(session);
	if (!sr_output_frame(&session->output, frame, whole)) {
		sr_session_drop(session, "memory is used up");
		return;
	}
	sr_session_update_poll(session);
}

/* An ERROR; false, with the session dropped, when memory is used up. */
static bool begin_error(struct sr_session *session, struct sr_reply *reply, const struct sr_error *err, bool ended,
			uint32_t retry_ms)
{
	struct sr_error_reply message = {
		err->code, ended, retry_ms, {(const uint8_t *)err->text, strnlen(err->text, 255)}};
	if (!sr_reply_begin(reply, SR_MSG_ERROR, 8 + 255)) {
		sr_session_drop(session, "memory is used up");
		return false;
	}
	sr_error_reply_encode(&reply->fields, &message);
	return true;
}

void sr_session_send_error(struct sr_session *session, uint32_t stream, uint64_t request, const struct sr_error *err,
			   bool ended, uint32_t retry_ms)
{
	struct sr_reply reply = {0};
	if (sr_session_stands(session) && begin_error(session, &reply, err, ended, retry_ms))
		sr_session_send(session, stream, request, &reply, ended);
}

void sr_session_refuse_stream(struct sr_session *session, const struct sr_message_head *head,
			      const struct sr_error *err, uint32_t retry_ms)
{
	struct sr_reply reply = {0};
	if (!sr_session_stands(session) || !begin_error(session, &reply, err, true, retry_ms))
		return;
	reply.slotless = true;
	sr_session_send(session, head->stream, head->request, &reply, true);
}

void sr_session_refuse_renewal(struct sr_session *session, uint32_t stream, uint64_t request,
			       const struct sr_error *err)
{
	struct sr_reply reply = {0};
	if (!sr_session_stands(session) || !begin_error(session, &reply, err, false, 0))
		return;
	reply.steps_as = SR_MSG_RENEWED;
	sr_session_send(session, stream, request, &reply, false);
}

bool sr_session_send_raw(struct sr_session *session, int fd, uint64_t position, uint32_t size)
{
	if (!sr_session_stands(session))
		return true;
	about_to_queue(session);
	if (!sr_output_file(&session->output, fd, position, size)) {
		sr_session_drop(session, "memory or descriptors are used up");
		return false;
	}
	sr_session_update_poll(session);
	return true;
}

/* ---- after a freeze ---- */

/* How much has left this machine, or on a Unix socket has been read: no less than this, as a count of all ever sent. */
static uint64_t taken(const struct sr_session *session)
{
	int waiting = 0;
	if (ioctl(session->fd, SIOCOUTQ, &waiting) != 0 || waiting < 0)
		return 0;
	return (uint64_t)waiting < session->sent ? session->sent - (uint64_t)waiting : 0;
}

static void drain_to(struct sr_session *session, uint64_t mark)
{
	if (session->phase == CLOSED || taken(session) >= mark)
		return;
	if (mark > session->drain_to)
		session->drain_to = mark;
	if (!session->drain_by)
		session->drain_by = sr_monotonic_ms() + DRAIN_MS;
}

void sr_session_drain(struct sr_session *session)
{
	drain_to(session, session->sent + session->output.queued);
}

void sr_session_note_data(struct sr_session *session)
{
	session->left_to = session->sent + session->output.queued;
}

void sr_sessions_freeze(struct sr_daemon *daemon)
{
	for (struct sr_session *session = daemon->sessions; session; session = session->next)
		if (session->left_to > 0)
			drain_to(session, session->left_to);
}

bool sr_session_drain_tick(struct sr_session *session, uint64_t now)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	if (!session->drain_by)
		return true;
	if (taken(session) >= session->drain_to) {
		session->drain_by = session->drain_to = 0;
		return true;
	}
	if (now < session->drain_by)
		return true;
	sr_count(SR_COUNT_RESET_FROZEN, 1);
	(void)setsockopt(session->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	sr_session_drop(session, "it did not take in time what a freeze left unsent");
	return false;
}
