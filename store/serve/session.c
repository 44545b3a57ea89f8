/*
 * A session: one connection, its caller, its streams, and what waits to be sent. The loop's alone.
 */
#include "serve/session.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/dispatch.h"
#include "serve/output.h"
#include "serve/play.h"
#include "serve/writer.h"

#define ADDRESS_MAX 64
#define RECEIVE_BUFFER (SR_FRAME_MAX + 4096)
#define SEND_AT_ONCE (1u << 20)
#define READS_AT_ONCE 8

enum phase { SHAKING, CONFIRMING, OPEN, ENDING, CLOSED };

struct sr_session {
	struct sr_daemon *daemon;
	struct sr_session *next, *previous;
	unsigned holds;
	enum phase phase;
	int fd;
	uv_poll_t poll;
	int polling; /* the events asked for */
	struct sr_conn *conn;
	struct sr_output output;
	struct sr_caller caller;
	struct sr_stream streams[SR_STREAMS_MAX];
	unsigned stream_count;
	uint32_t last_stream; /* numbers only grow */
	unsigned unary;       /* requests outstanding on stream 0 */
	unsigned pauses;
	bool resuming; /* `resume` is posted */
	struct sr_post resume;
	uint64_t deadline; /* monotonic ms of the phase; 0: none */
	uint64_t last_active;
	uint64_t last_sent; /* or since when something waits to be sent */
	char address[ADDRESS_MAX];
};

static void update_poll(struct sr_session *session);

struct sr_session *sr_session_hold(struct sr_session *session)
{
	session->holds++;
	return session;
}

void sr_session_release(struct sr_session *session)
{
	if (--session->holds > 0)
		return;
	sr_conn_free(session->conn);
	sr_output_clear(&session->output);
	sodium_memzero(session, sizeof *session);
	free(session);
}

bool sr_session_stands(const struct sr_session *session)
{
	return session->phase != CLOSED && session->phase != ENDING;
}

struct sr_session *sr_session_next(const struct sr_session *session)
{
	return session->next;
}

struct sr_daemon *sr_session_daemon(const struct sr_session *session)
{
	return session->daemon;
}

const struct sr_caller *sr_session_caller(const struct sr_session *session)
{
	return &session->caller;
}

size_t sr_session_queued(const struct sr_session *session)
{
	return session->output.queued;
}

struct sr_stream *sr_session_stream(struct sr_session *session, uint32_t number)
{
	for (unsigned at = 0; at < SR_STREAMS_MAX; at++)
		if (session->streams[at].number == number && session->streams[at].state != SR_STREAM_FREE)
			return &session->streams[at];
	return NULL;
}

/* ---- ending ---- */

/*
 * The socket's handle has closed: streams are told only now, never from within a send or a drop, so that whoever sends
 * can rely on its writer or player still being there afterwards.
 */
static void poll_closed(uv_handle_t *handle)
{
	struct sr_session *session = handle->data;
	struct sr_daemon *daemon = session->daemon;
	for (unsigned at = 0; at < SR_STREAMS_MAX; at++) {
		struct sr_stream *stream = &session->streams[at];
		if (stream->writer)
			sr_writer_orphan(stream->writer);
		if (stream->player)
			sr_player_end(stream->player);
		memset(stream, 0, sizeof *stream);
	}
	sr_session_release(session);
	sr_daemon_drained(daemon);
}

static bool half_open(const struct sr_session *session)
{
	return session->phase == SHAKING || session->phase == CONFIRMING;
}

static void leave_half_open(struct sr_session *session)
{
	session->daemon->half_open_count--;
	sr_count(SR_COUNT_HALF_OPEN_NOW, -1);
}

void sr_session_drop(struct sr_session *session, const char *why)
{
	if (session->phase == CLOSED)
		return;
	if (half_open(session))
		leave_half_open(session);
	if (why) {
		struct sr_log_line line;
		sr_log_begin(&line, SR_LOG_DEBUG, "session_end");
		sr_log_text(&line, "service", session->caller.name);
		sr_log_text(&line, "text", why);
		sr_log_end(&line);
	}
	session->phase = CLOSED;
	struct sr_daemon *daemon = session->daemon;
	if (session->previous)
		session->previous->next = session->next;
	else
		daemon->sessions = session->next;
	if (session->next)
		session->next->previous = session->previous;
	daemon->session_count--;
	sr_count(SR_COUNT_SESSIONS_NOW, -1);
	sr_output_clear(&session->output);
	uv_poll_stop(&session->poll);
	uv_close((uv_handle_t *)&session->poll, poll_closed);
	close(session->fd);
	session->fd = -1;
}

void sr_session_end(struct sr_session *session, enum sr_code code, const char *text)
{
	struct sr_reply reply = {0};
	if (!sr_session_stands(session))
		return;
	if (!sr_conn_ready(session->conn) || !sr_reply_begin(&reply, SR_MSG_GOODBYE, 1 + 2 + 255)) {
		sr_session_drop(session, text);
		return;
	}
	struct sr_goodbye goodbye = {code, {(const uint8_t *)text, strnlen(text, 255)}};
	sr_goodbye_encode(&reply.fields, &goodbye);
	sr_session_send(session, 0, 0, &reply, false);
	if (session->phase == CLOSED)
		return;
	if (half_open(session))
		leave_half_open(session);
	session->phase = ENDING;
	session->deadline = sr_monotonic_ms() + 5000;
	update_poll(session);
}

/* ---- sending ---- */

/* Called before something is queued: what waits, waits from now on. */
static void about_to_queue(struct sr_session *session)
{
	if (session->output.queued == 0)
		session->last_sent = sr_monotonic_ms();
}

static void flush_output(struct sr_session *session)
{
	size_t sent;
	if (session->phase == CLOSED)
		return;
	enum sr_code code = sr_output_send(&session->output, session->fd, SEND_AT_ONCE, &sent);
	if (sent > 0) {
		session->last_sent = sr_monotonic_ms();
		sr_count(SR_COUNT_BYTES_SENT, (int64_t)sent);
	}
	if (code == SR_CORRUPT) {
		struct sr_event event = {.kind = SR_EVENT_CORRUPT,
					 .operation = "play.read",
					 .service = session->caller.name,
					 .what = "blob shorter than its segments"};
		sr_event(&event);
	}
	if (code != SR_OK) {
		sr_session_drop(session, "the peer is gone");
		return;
	}
	if (session->phase == ENDING && session->output.queued == 0) {
		sr_session_drop(session, NULL);
		return;
	}
	update_poll(session);
}

bool sr_reply_begin(struct sr_reply *reply, uint8_t type, size_t room)
{
	reply->capacity = SR_FRAME_HEAD + SR_MESSAGE_HEAD + room + SR_AEAD_TAG;
	reply->frame = malloc(reply->capacity);
	if (!reply->frame)
		return false;
	reply->type = type;
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
	return stream == 0 && type != SR_MSG_GOODBYE && type != SR_MSG_PING && type != SR_MSG_PONG;
}

void sr_session_send(struct sr_session *session, uint32_t stream, uint64_t request, struct sr_reply *reply, bool ended)
{
	if (!sr_session_stands(session)) {
		sr_reply_free(reply);
		return;
	}
	uint8_t step = reply->steps_as ? reply->steps_as : reply->type;
	if (reply->fields.failed || !step_sent(session, stream, step, ended)) {
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
	uint8_t *frame = reply->frame;
	reply->frame = NULL;
	/* Sealing in place has turned the plaintext into ciphertext: nothing is left to wipe. */
	if (code != SR_OK) {
		free(frame);
		sr_session_drop(session, "sealing failed");
		return;
	}
	about_to_queue(session);
	if (!sr_output_frame(&session->output, frame, SR_FRAME_HEAD + size + SR_AEAD_TAG)) {
		sr_session_drop(session, "memory is used up");
		return;
	}
	update_poll(session);
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
	update_poll(session);
	return true;
}

/* ---- receiving ---- */

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
		free(reply);
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
	leave_half_open(session);
	session->phase = OPEN;
	session->deadline = 0;
	sr_count(SR_COUNT_SESSIONS, 1);
}

/* A slot for a stream number never seen before; NULL when too many are open. */
static struct sr_stream *claim_stream(struct sr_session *session, uint32_t number)
{
	for (unsigned at = 0; at < SR_STREAMS_MAX; at++) {
		struct sr_stream *stream = &session->streams[at];
		bool over = stream->state == SR_STREAM_ENDED && !stream->writer && !stream->player;
		if (stream->state == SR_STREAM_FREE || over) {
			memset(stream, 0, sizeof *stream);
			stream->number = number;
			session->last_stream = number;
			return stream;
		}
	}
	return NULL;
}

static bool opens_stream(uint8_t type)
{
	return type == SR_MSG_RECORD_TRACK || type == SR_MSG_RECORD_RESUME || type == SR_MSG_PLAY_OPEN;
}

/* The number of a stream that ended and whose slot serves another by now: what still comes for it is swallowed. */
static bool long_ended(const struct sr_session *session, uint32_t number, uint8_t type)
{
	return number <= session->last_stream && !opens_stream(type);
}

static void on_unary(struct sr_session *session, const struct sr_conn_event *event)
{
	enum sr_stream_state next;
	uint8_t type = event->head.type;
	if (!sr_stream_step(SR_STREAM_UNARY, type, true, false, &next)) {
		sr_session_end(session, SR_USAGE, "this message may not come on stream 0");
		return;
	}
	if (type == SR_MSG_GOODBYE || type == SR_MSG_PING || type == SR_MSG_PONG) {
		sr_dispatch(session, NULL, &event->head, &event->fields);
		return;
	}
	session->unary++;
	if (session->unary > SR_UNARY_MAX) {
		struct sr_error err;
		(void)SR_FAIL(&err, SR_BUSY, "more than %d requests are under way", SR_UNARY_MAX);
		sr_session_send_error(session, 0, event->head.request, &err, false, 100);
		return;
	}
	sr_dispatch(session, NULL, &event->head, &event->fields);
}

static void on_stream(struct sr_session *session, const struct sr_conn_event *event)
{
	enum sr_stream_state next;
	uint32_t number = event->head.stream;
	struct sr_stream *stream = sr_session_stream(session, number);
	if (!stream && long_ended(session, number, event->head.type))
		return;
	if (!stream && number > session->last_stream && opens_stream(event->head.type))
		stream = claim_stream(session, number);
	if (!stream) {
		sr_session_end(session, SR_USAGE, "too many streams, or a stream number used again");
		return;
	}
	if (!sr_stream_step(stream->state, event->head.type, true, false, &next)) {
		sr_session_end(session, SR_USAGE, "this message may not come now on its stream");
		return;
	}
	bool ended = stream->state == SR_STREAM_ENDED;
	stream->state = next;
	if (!ended)
		sr_dispatch(session, stream, &event->head, &event->fields);
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
		if (event->head.stream == 0)
			on_unary(session, event);
		else
			on_stream(session, event);
		break;
	case SR_CONN_RAW:
	case SR_CONN_NOTHING:
		break;
	}
}

/* Handle every whole event received. While paused, what has been received waits in the connection's buffer. */
static void handle_events(struct sr_session *session)
{
	struct sr_conn_event event;
	struct sr_error err;
	while (sr_session_stands(session) && session->pauses == 0) {
		enum sr_code code = sr_conn_next(session->conn, &event, &err);
		if (code == SR_USAGE && sr_conn_ready(session->conn)) {
			sr_session_end(session, SR_USAGE, err.text);
			return;
		}
		if (code != SR_OK) {
			if (half_open(session))
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
	sr_conn_filled(session->conn, got > 0 ? (size_t)got : 0);
	if (got > 0)
		sr_count(SR_COUNT_BYTES_RECEIVED, got);
	handle_events(session);
	return !empty && (size_t)got == size;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct sr_session *session = sr_session_hold(poll->data);
	if (status < 0) {
		sr_session_drop(session, "polling failed");
		sr_session_release(session);
		return;
	}
	if (events & UV_READABLE)
		for (int reads = 0; reads < READS_AT_ONCE; reads++)
			if (!sr_session_stands(session) || session->pauses || !read_some(session))
				break;
	flush_output(session);
	if (sr_session_stands(session))
		sr_players_feed(session);
	sr_session_release(session);
}

static void update_poll(struct sr_session *session)
{
	if (session->phase == CLOSED)
		return;
	int wanted = 0;
	if (session->pauses == 0 && session->phase != ENDING)
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
	update_poll(session);
}

/* Whole messages may be waiting in the buffer already: they are handled from the loop, not from within the caller. */
static void go_on(struct sr_post *post)
{
	struct sr_session *session = (struct sr_session *)((char *)post - offsetof(struct sr_session, resume));
	session->resuming = false;
	handle_events(session);
	update_poll(session);
	sr_session_release(session);
}

void sr_session_unpause(struct sr_session *session)
{
	session->pauses--;
	if (session->pauses > 0 || session->resuming || !sr_session_stands(session))
		return;
	session->resuming = true;
	session->resume.run = go_on;
	sr_session_hold(session);
	sr_post(session->daemon->postbox, &session->resume);
}

/* ---- beginning and time ---- */

static unsigned half_open_from(const struct sr_daemon *daemon, const char *address)
{
	unsigned count = 0;
	for (const struct sr_session *at = daemon->sessions; at; at = at->next)
		if (half_open(at) && strcmp(at->address, address) == 0)
			count++;
	return count;
}

static bool has_room(const struct sr_daemon *daemon, const char *address)
{
	const struct sr_config *config = daemon->settings->config;
	return daemon->session_count < config->sessions_max && daemon->half_open_count < config->half_open_max &&
	       half_open_from(daemon, address) < config->half_open_per_address;
}

static struct sr_session *session_new(struct sr_daemon *daemon, int fd)
{
	struct sr_session *session = calloc(1, sizeof *session);
	if (!session)
		return NULL;
	session->daemon = daemon;
	session->fd = fd;
	session->conn = sr_conn_server(sr_keyring_server_secret(daemon->keyring), sr_keyring_store(daemon->keyring),
				       RECEIVE_BUFFER);
	if (!session->conn || uv_poll_init(daemon->loop, &session->poll, fd) != 0) {
		sr_conn_free(session->conn);
		free(session);
		return NULL;
	}
	session->poll.data = session;
	return session;
}

void sr_session_accept(struct sr_daemon *daemon, int fd, const char *address)
{
	struct sr_session *session = has_room(daemon, address) ? session_new(daemon, fd) : NULL;
	if (!session) {
		sr_count(SR_COUNT_HANDSHAKES_REFUSED, 1);
		close(fd);
		return;
	}
	session->holds = 1; /* the poll handle's, given back when it has closed */
	snprintf(session->address, sizeof session->address, "%s", address);
	session->last_active = session->last_sent = sr_monotonic_ms();
	session->deadline = session->last_active + 1000ull * daemon->settings->config->half_open_s;
	session->next = daemon->sessions;
	if (session->next)
		session->next->previous = session;
	daemon->sessions = session;
	daemon->session_count++;
	daemon->half_open_count++;
	sr_count(SR_COUNT_SESSIONS_NOW, 1);
	sr_count(SR_COUNT_HALF_OPEN_NOW, 1);
	update_poll(session);
}

static bool has_streams(const struct sr_session *session)
{
	for (unsigned at = 0; at < SR_STREAMS_MAX; at++)
		if (session->streams[at].writer || session->streams[at].player)
			return true;
	return false;
}

static void tick(struct sr_session *session, uint64_t now)
{
	const struct sr_config *config = session->daemon->settings->config;
	if (session->deadline && now >= session->deadline)
		sr_session_drop(session, "time is up");
	else if (session->output.queued > 0 && now - session->last_sent > 1000ull * config->stall_s)
		sr_session_drop(session, "the peer takes nothing");
	else if (session->phase == OPEN && !has_streams(session) && session->unary == 0 &&
		 now - session->last_active > 1000ull * config->idle_s)
		sr_session_end(session, SR_OK, "idle");
}

void sr_sessions_tick(struct sr_daemon *daemon, uint64_t now)
{
	struct sr_session *next;
	for (struct sr_session *session = daemon->sessions; session; session = next) {
		next = session->next;
		tick(session, now);
	}
}

void sr_sessions_drop_service(struct sr_daemon *daemon, const uint8_t key[32])
{
	struct sr_session *next;
	for (struct sr_session *session = daemon->sessions; session; session = next) {
		next = session->next;
		if (!half_open(session) && memcmp(session->caller.key, key, 32) == 0)
			sr_session_drop(session, "its service was removed");
	}
}
