/*
 * What a session receives: bytes to events, events to streams, messages to their rooms.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/accounting/accounting.h"
#include "serve/admission.h"
#include "serve/budget.h"
#include "serve/dispatch.h"
#include "serve/session_internal.h"

static void on_caller(struct sr_session *session, const uint8_t key[32])
{
	struct sr_daemon *daemon = session->daemon;
	const struct sr_service *service = sr_services_by_key(&daemon->services, key);
	uint8_t psk[32];
	uint8_t *reply = malloc(SR_NOISE_MESSAGE2);
	bool known = sr_keyring_service(daemon->keyring, key, psk) && service && reply;
	if (known && sr_conn_admit(session->conn, psk, reply) == SR_OK) {
		memcpy(session->caller.name, service->name, sizeof session->caller.name);
		memcpy(session->caller.key, service->key, sizeof session->caller.key);
		session->caller.roles = service->roles;
		session->phase = CONFIRMING;
		if (!sr_output_frame(&session->output, reply, SR_NOISE_MESSAGE2))
			sr_session_drop(session, "memory is used up");
	} else {
		struct sr_log_line line;
		struct sr_error why = {.code = SR_UNAUTHENTICATED, .text = "unknown service"};
		free(reply);
		sr_account_refusal(daemon->accounting, NULL, "connect", &why);
		sr_count(SR_COUNT_HANDSHAKES_REFUSED, 1);
		sr_log_begin(&line, SR_LOG_WARN, "unknown_service");
		sr_log_text(&line, "peer", session->address);
		sr_log_end(&line);
		sr_session_drop(session, "unknown service");
	}
	sodium_memzero(psk, sizeof psk);
}

static void on_ready(struct sr_session *session)
{
	sr_session_leave_half_open(session);
	session->phase = OPEN;
	session->deadline = 0;
	sr_count(SR_COUNT_SESSIONS, 1);
	session->unwelcome = !sr_admit_service(session);
}

static struct sr_stream *free_slot(struct sr_session *session)
{
	for (unsigned at = 0; at < SR_STREAMS_MAX; at++) {
		struct sr_stream *stream = &session->streams[at];
		bool over = stream->state == SR_STREAM_ENDED && !stream->writer && !stream->player;
		if (stream->state == SR_STREAM_FREE || over)
			return stream;
	}
	return NULL;
}

/* A slot for a stream number never seen before; NULL when it is refused, which its client is then being told. */
static struct sr_stream *claim_stream(struct sr_session *session, const struct sr_message_head *head)
{
	struct sr_error err;
	struct sr_stream *stream = free_slot(session);
	enum sr_code code = sr_admit_request(session->daemon, head->type, &err);
	session->last_stream = head->stream;
	if (code == SR_OK && !stream) {
		sr_count(SR_COUNT_REFUSED_STREAMS, 1);
		code = SR_FAIL(&err, SR_BUSY, "more than %d streams are open", SR_STREAMS_MAX);
	}
	if (code != SR_OK) {
		sr_session_refuse_stream(session, head, &err, RETRY_MS);
		return NULL;
	}
	memset(stream, 0, sizeof *stream);
	stream->number = head->stream;
	return stream;
}

/* True if a client may send this in `state`; *next (out) is the state that follows. */
static bool may_come(enum sr_stream_state state, uint8_t type, enum sr_stream_state *next)
{
	return sr_stream_step(state, type, true, false, next);
}

static bool opens_stream(uint8_t type)
{
	enum sr_stream_state next;
	return may_come(SR_STREAM_FREE, type, &next);
}

/* A stream that ended, and whose slot serves another by now: what its client sent before it saw the end is swallowed.
 */
static bool long_ended(const struct sr_session *session, uint32_t number, uint8_t type)
{
	enum sr_stream_state next;
	return number <= session->last_stream && may_come(SR_STREAM_ENDED, type, &next);
}

static void on_unary(struct sr_session *session, const struct sr_conn_event *event)
{
	enum sr_stream_state next;
	uint8_t type = event->head.type;
	if (!may_come(SR_STREAM_UNARY, type, &next)) {
		sr_session_end(session, SR_USAGE, "this message may not come on stream 0");
		return;
	}
	if (sr_speaks_of_connection(type)) {
		sr_dispatch(session, NULL, &event->head, &event->fields);
		return;
	}
	struct sr_error err;
	session->unary++;
	if (session->unary > SR_UNARY_MAX) {
		sr_count(SR_COUNT_REFUSED_REQUESTS, 1);
		(void)SR_FAIL(&err, SR_BUSY, "more than %d requests are under way", SR_UNARY_MAX);
		sr_session_send_error(session, 0, event->head.request, &err, false, 100);
	} else if (sr_admit_request(session->daemon, type, &err) != SR_OK) {
		sr_session_send_error(session, 0, event->head.request, &err, false, RETRY_MS);
	} else {
		sr_dispatch(session, NULL, &event->head, &event->fields);
	}
}

static void on_stream(struct sr_session *session, const struct sr_conn_event *event)
{
	enum sr_stream_state next;
	uint32_t number = event->head.stream;
	struct sr_stream *stream = sr_session_stream(session, number);
	if (!stream && long_ended(session, number, event->head.type))
		return;
	if (!stream && number > session->last_stream && opens_stream(event->head.type)) {
		stream = claim_stream(session, &event->head);
		if (!stream)
			return;
	}
	if (!stream) {
		sr_session_end(session, SR_USAGE, "a stream that was not opened, or a stream number used again");
		return;
	}
	if (!may_come(stream->state, event->head.type, &next)) {
		sr_session_end(session, SR_USAGE, "this message may not come now on its stream");
		return;
	}
	bool ended = stream->state == SR_STREAM_ENDED;
	stream->state = next;
	if (!ended)
		sr_dispatch(session, stream, &event->head, &event->fields);
}

/* Its service has as many connections as it may: whatever it asks first is busy, and so is the connection. */
static void turn_away(struct sr_session *session, const struct sr_message_head *head)
{
	enum sr_stream_state next;
	struct sr_error err = {.code = SR_BUSY, .text = "the service has as many connections as it may"};
	bool request = !sr_speaks_of_connection(head->type);
	if (head->stream > 0 && opens_stream(head->type)) {
		sr_session_refuse_stream(session, head, &err, RETRY_MS);
	} else if (head->stream == 0 && request && may_come(SR_STREAM_UNARY, head->type, &next)) {
		session->unary++;
		sr_session_send_error(session, 0, head->request, &err, false, RETRY_MS);
	}
	sr_session_end(session, SR_BUSY, err.text);
}

static void on_event(struct sr_session *session, const struct sr_conn_event *event)
{
	switch (event->kind) {
	case SR_CONN_CALLER:
		on_caller(session, event->peer);
		break;
	case SR_CONN_READY:
		on_ready(session);
		break;
	case SR_CONN_MESSAGE:
		if (session->unwelcome)
			turn_away(session, &event->head);
		else if (event->head.stream == 0)
			on_unary(session, event);
		else
			on_stream(session, event);
		break;
	case SR_CONN_RAW:
	case SR_CONN_NOTHING:
		break;
	}
}

bool sr_session_is_held(const struct sr_session *session)
{
	return session->pauses > 0 || !sr_session_wants_replies(session);
}

static bool has_writer(const struct sr_session *session)
{
	for (unsigned at = 0; at < SR_STREAMS_MAX; at++)
		if (session->streams[at].writer)
			return true;
	return false;
}

/* Live writers go on the longest: what they bring cannot be brought again. */
bool sr_session_may_read(const struct sr_session *session)
{
	if (sr_session_is_held(session))
		return false;
	enum sr_room room = sr_budget_room(session->daemon);
	return room <= SR_ROOM_SCARCE || (room == SR_ROOM_SPARSE && has_writer(session));
}

/* Handle every whole event received. While paused, what has been received waits in the connection's buffer. */
static void handle_events(struct sr_session *session)
{
	struct sr_conn_event event;
	struct sr_error err;
	while (sr_session_stands(session) && sr_session_may_read(session)) {
		enum sr_code code = sr_conn_next(session->conn, &event, &err);
		if (code == SR_USAGE && session->phase == OPEN) {
			sr_session_end(session, SR_USAGE, err.text);
			return;
		}
		if (code != SR_OK) {
			if (sr_session_half_open(session))
				sr_count(SR_COUNT_HANDSHAKES_REFUSED, 1);
			sr_session_drop(session, err.text);
			return;
		}
		if (event.kind == SR_CONN_NOTHING)
			return;
		session->last_active = sr_monotonic_ms();
		on_event(session, &event);
	}
}

/* One read of the socket. False when there is nothing more to read now. */
static bool read_some(struct sr_session *session)
{
	uint8_t *room;
	size_t size;
	if (sr_conn_room(session->conn, &room, &size) != SR_OK) {
		sr_session_drop(session, "memory is used up");
		return false;
	}
	ssize_t got = recv(session->fd, room, size, 0);
	if (got < 0 && errno == EINTR)
		return true;
	bool empty = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
	if (got <= 0 && !empty) {
		sr_session_drop(session, got == 0 ? "end of file" : "receiving failed");
		return false;
	}
	if (got > 0 && sr_conn_at_boundary(session->conn))
		session->frame_since = sr_monotonic_ms();
	sr_conn_filled(session->conn, got > 0 ? (size_t)got : 0);
	if (got > 0)
		sr_count(SR_COUNT_BYTES_RECEIVED, got);
	handle_events(session);
	return !empty && (size_t)got == size;
}

static void read_share(struct sr_session *session)
{
	for (int reads = READS_AT_ONCE; reads > 0; reads--)
		if (!sr_session_stands(session) || !sr_session_may_read(session) || !read_some(session))
			break;
}

/* What is recorded waits in line, so that whoever asks for something is heard in each turn of the loop. */
static void stand_in_line(struct sr_session *session)
{
	struct sr_daemon *daemon = session->daemon;
	if (session->in_line)
		return;
	session->in_line = true;
	session->next_read = NULL;
	*daemon->line_last = session;
	daemon->line_last = &session->next_read;
}

void sr_session_leave_line(struct sr_session *session)
{
	struct sr_daemon *daemon = session->daemon;
	struct sr_session **at = &daemon->line;
	if (!session->in_line)
		return;
	while (*at != session)
		at = &(*at)->next_read;
	*at = session->next_read;
	if (daemon->line_last == &session->next_read)
		daemon->line_last = at;
	session->in_line = false;
}

void sr_sessions_read_line(struct sr_daemon *daemon)
{
	uint64_t end = uv_hrtime() + RECORDING_NS;
	while (daemon->line) {
		struct sr_session *session = sr_session_hold(daemon->line);
		sr_session_leave_line(session);
		sr_session_cork(session);
		read_share(session);
		sr_session_uncork(session);
		sr_session_release(session);
		if (uv_hrtime() > end)
			return; /* the others have something to read still, for which the loop will turn at once */
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct sr_session *session = sr_session_hold(poll->data);
	if (status < 0) {
		sr_session_drop(session, "polling failed");
		sr_session_release(session);
		return;
	}
	sr_session_cork(session);
	if ((events & UV_READABLE) && has_writer(session))
		stand_in_line(session);
	else if (events & UV_READABLE)
		read_share(session);
	sr_session_uncork(session);
	sr_session_release(session);
}

void sr_session_update_poll(struct sr_session *session)
{
	if (session->phase == CLOSED)
		return;
	sr_session_account(session);
	if (session->corked > 0)
		return;
	int wanted = 0;
	if (sr_session_may_read(session) && session->phase != ENDING)
		wanted |= UV_READABLE;
	if (session->output.queued > 0)
		wanted |= UV_WRITABLE;
	if (wanted == session->polling)
		return;
	session->polling = wanted;
	if (wanted)
		uv_poll_start(&session->poll, wanted, on_poll);
	else
		uv_poll_stop(&session->poll);
}

void sr_session_pause(struct sr_session *session)
{
	session->pauses++;
	sr_session_update_poll(session);
}

/* Whole messages may be waiting in the buffer already: they are handled from the loop, not from within the caller. */
static void go_on(struct sr_post *post)
{
	struct sr_session *session = (struct sr_session *)((char *)post - offsetof(struct sr_session, resume));
	session->resuming = false;
	session->daemon->jobs--;
	session->frame_since = sr_monotonic_ms();
	handle_events(session);
	sr_session_update_poll(session);
	sr_session_release(session);
}

void sr_session_resume_reading(struct sr_session *session)
{
	if (!sr_session_may_read(session) || session->resuming || !sr_session_stands(session))
		return;
	session->resuming = true;
	session->daemon->jobs++;
	session->resume.run = go_on;
	sr_session_hold(session);
	sr_post(session->daemon->postbox, &session->resume);
}

void sr_session_unpause(struct sr_session *session)
{
	session->pauses--;
	sr_session_resume_reading(session);
}
