/*
 * A session's life: accepted, authenticated, timed, ended. The loop's alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/admission.h"
#include "serve/budget.h"
#include "serve/play/play.h"
#include "serve/record/writer.h"
#include "serve/session_internal.h"

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
	sr_budget_set(session->daemon, &session->memory, 0);
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

struct sr_session_asked *sr_session_asked(struct sr_session *session)
{
	return &session->asked;
}

bool sr_speaks_of_connection(uint8_t type)
{
	return type == SR_MSG_GOODBYE || type == SR_MSG_PING || type == SR_MSG_PONG;
}

bool sr_session_wants_replies(const struct sr_session *session)
{
	return session->output.in_memory <= UNREAD_MAX;
}

bool sr_session_wants_more(const struct sr_session *session)
{
	return session->output.queued <= LOW_WATER && session->output.files <= LOW_FILES;
}

void sr_session_account(struct sr_session *session)
{
	size_t held = session->output.held + SESSION_COST;
	if (sr_conn_holds_buffer(session->conn))
		held += RECEIVE_BUFFER;
	sr_budget_set(session->daemon, &session->memory, held);
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

bool sr_session_half_open(const struct sr_session *session)
{
	return session->phase == SHAKING || session->phase == CONFIRMING;
}

void sr_session_leave_half_open(struct sr_session *session)
{
	session->daemon->half_open_count--;
	sr_count(SR_COUNT_HALF_OPEN_NOW, -1);
}

void sr_session_drop(struct sr_session *session, const char *why)
{
	if (session->phase == CLOSED)
		return;
	if (sr_session_half_open(session))
		sr_session_leave_half_open(session);
	if (why) {
		struct sr_log_line line;
		sr_log_begin(&line, SR_LOG_DEBUG, "session_end");
		sr_log_text(&line, "service", session->caller.name);
		sr_log_text(&line, "text", why);
		sr_log_end(&line);
	}
	session->phase = CLOSED;
	sr_session_leave_line(session);
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
	sr_session_account(session);
}

void sr_session_end(struct sr_session *session, enum sr_code code, const char *text)
{
	struct sr_reply reply = {0};
	if (!sr_session_stands(session))
		return;
	if (session->phase != OPEN || !sr_reply_begin(&reply, SR_MSG_GOODBYE, 1 + 2 + 255)) {
		sr_session_drop(session, text);
		return;
	}
	struct sr_goodbye goodbye = {code, {(const uint8_t *)text, strnlen(text, 255)}};
	sr_goodbye_encode(&reply.fields, &goodbye);
	sr_session_send(session, 0, 0, &reply, false);
	if (session->phase == CLOSED)
		return;
	if (sr_session_half_open(session))
		sr_session_leave_half_open(session);
	session->phase = ENDING;
	session->deadline = sr_monotonic_ms() + 5000;
	sr_session_update_poll(session);
}

/* ---- beginning and time ---- */

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
	struct sr_session *session = sr_admit_connection(daemon, address) ? session_new(daemon, fd) : NULL;
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
	sr_session_account(session);
	sr_session_update_poll(session);
}

static bool has_streams(const struct sr_session *session)
{
	for (unsigned at = 0; at < SR_STREAMS_MAX; at++)
		if (session->streams[at].writer || session->streams[at].player)
			return true;
	return false;
}

static void time_out(struct sr_session *session, const char *why)
{
	sr_count(SR_COUNT_TIMED_OUT, 1);
	sr_session_drop(session, why);
}

/* True if more than so many seconds have passed. `since` may be after `now`, when this very tick has sent something. */
static bool longer(uint64_t now, uint64_t since, uint32_t seconds)
{
	return now > since && now - since > 1000ull * seconds;
}

/* Bytes that are not read, because the daemon does not, are no fault of the peer's: but for those of a frame begun. */
static bool frame_takes_long(const struct sr_session *session, uint64_t now)
{
	uint64_t since = session->last_active > session->frame_since ? session->last_active : session->frame_since;
	bool unread = session->in_line || sr_session_is_held(session);
	return session->phase == OPEN && !unread && !sr_conn_at_boundary(session->conn) &&
	       longer(now, since, session->daemon->settings->config->frame_s);
}

/* Said nothing for too long, with nothing of its own under way that it could be waiting for. */
static bool is_silent(const struct sr_session *session, uint64_t now)
{
	const struct sr_config *config = session->daemon->settings->config;
	uint32_t most = has_streams(session) ? config->silent_s : config->idle_s;
	return session->phase == OPEN && session->unary == 0 && !session->in_line &&
	       longer(now, session->last_active, most);
}

static void tick(struct sr_session *session, uint64_t now)
{
	const struct sr_config *config = session->daemon->settings->config;
	if (!sr_session_drain_tick(session, now))
		return;
	if (session->deadline && now >= session->deadline) {
		time_out(session, "time is up");
	} else if (session->output.queued > 0 && longer(now, session->last_sent, config->stall_s)) {
		time_out(session, "the peer takes nothing");
	} else if (frame_takes_long(session, now)) {
		sr_count(SR_COUNT_TIMED_OUT, 1);
		sr_session_end(session, SR_USAGE, "a frame took too long");
	} else if (is_silent(session, now)) {
		sr_session_end(session, SR_OK, "idle");
	} else if (!(session->polling & UV_READABLE)) {
		sr_session_resume_reading(session); /* there may be memory again */
	}
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
		if (memcmp(session->caller.key, key, 32) == 0)
			sr_session_drop(session, "its service was removed");
	}
}
