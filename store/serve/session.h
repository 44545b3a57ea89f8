/*
 * A session: one connection, its caller, its streams, and what waits to be sent. The loop's alone.
 */
#ifndef SR_SESSION_H
#define SR_SESSION_H

#include "conn.h"
#include "serve/daemon.h"
#include "serve/request.h"
#include "stream.h"

#define SR_STREAMS_MAX 64 /* open at once on one session */
#define SR_UNARY_MAX 32   /* requests outstanding on stream 0 */

/* One stream that is not stream 0. */
struct sr_stream {
	uint32_t number;
	enum sr_stream_state state;
	struct sr_writer *writer; /* at most one of the two */
	struct sr_player *player;
};

struct sr_session;

/* Take a connected, non-blocking socket; `address` names the peer for limits. Closes it when there is no room. */
void sr_session_accept(struct sr_daemon *daemon, int fd, const char *address);

/* Hold and let go: a session is freed when it is closed and nobody holds it. */
struct sr_session *sr_session_hold(struct sr_session *session);
void sr_session_release(struct sr_session *session);

/* The next of the daemon's sessions, for walking daemon->sessions. */
struct sr_session *sr_session_next(const struct sr_session *session);

/* True until it is closed. */
bool sr_session_stands(const struct sr_session *session);
struct sr_daemon *sr_session_daemon(const struct sr_session *session);
const struct sr_caller *sr_session_caller(const struct sr_session *session);

/* What it asked of the audit log last, which an entry there says: for audit_read.c alone. Zeros: nothing yet. */
#define SR_SESSION_ASKED 32
struct sr_session_asked {
	uint8_t hash[SR_SESSION_ASKED]; /* of the question */
	uint64_t from;                  /* the first number that an entry says was read from */
};
struct sr_session_asked *sr_session_asked(struct sr_session *session);

/* The stream with this number, NULL if it never was or its slot is used again. */
struct sr_stream *sr_session_stream(struct sr_session *session, uint32_t number);

/*
 * Send a reply for (`stream`, `request`): sealed in place, queued, its memory taken over. A message that its stream's
 * state does not allow is a fault of ours and ends the session. `ended` as ERROR's flag.
 */
void sr_session_send(struct sr_session *session, uint32_t stream, uint64_t request, struct sr_reply *reply, bool ended);

/* Send an ERROR. */
void sr_session_send_error(struct sr_session *session, uint32_t stream, uint64_t request, const struct sr_error *err,
			   bool ended, uint32_t retry_ms);

/* Refuse to open the stream `number`, which takes no slot: an ERROR that ends it; what follows on it is swallowed. */
void sr_session_refuse_stream(struct sr_session *session, const struct sr_message_head *head,
			      const struct sr_error *err, uint32_t retry_ms);

/* Refuse a renewal: an ERROR that leaves the stream, and what else is under way on it, as it was (PROTOCOL.md, 6). */
void sr_session_refuse_renewal(struct sr_session *session, uint32_t stream, uint64_t request,
			       const struct sr_error *err);

/* Queue `size` raw bytes of `fd` (duplicated) at `position`, behind the BODY just sent. False: memory is used up. */
bool sr_session_send_raw(struct sr_session *session, int fd, uint64_t position, uint32_t size) SR_MUST_USE;

/* Send what the socket takes now, rather than when the loop comes by again; players that read go on. */
void sr_session_flush(struct sr_session *session);

/*
 * What is queued between the two is sent at the second, in as few segments as it fits, without asking the loop whether
 * there is room. The session is held by the caller meanwhile. They nest.
 */
void sr_session_cork(struct sr_session *session);
void sr_session_uncork(struct sr_session *session);

/*
 * What is queued now, and what the socket still has of it, must be gone within three quarters of a second, or the
 * connection is reset: a freeze has ended a stream of it.
 */
void sr_session_drain(struct sr_session *session);

/* What is queued now was read out of the store, and no player stands for it: the next freeze has it drained. */
void sr_session_note_data(struct sr_session *session);

/* A freeze is in force: have all that was noted drained. */
void sr_sessions_freeze(struct sr_daemon *daemon);

/* True if so little of what is in memory waits for the socket that a long answer may go on. */
bool sr_session_wants_replies(const struct sr_session *session);

/* True if so little waits for the socket that another batch of a player may be queued. */
bool sr_session_wants_more(const struct sr_session *session);

/* Begin a reply in memory of its own: as sr_request_reply, for what is sent without a request. */
bool sr_reply_begin(struct sr_reply *reply, uint8_t type, size_t room) SR_MUST_USE;
void sr_reply_free(struct sr_reply *reply);

/* Say goodbye with this code and text, send what is queued, and close. Or close at once. */
void sr_session_end(struct sr_session *session, enum sr_code code, const char *text);
void sr_session_drop(struct sr_session *session, const char *why);

/* Stop and go on reading from the socket: a writer whose buffer is full. Counted, so calls pair. */
void sr_session_pause(struct sr_session *session);
void sr_session_unpause(struct sr_session *session);

/* Time has passed: deadlines. And end every session of a service. */
void sr_sessions_tick(struct sr_daemon *daemon, uint64_t now);

/*
 * After each turn of the loop: read what is recorded from those who stand in line, for a short while. Whoever is left
 * over goes first the next time.
 */
void sr_sessions_read_line(struct sr_daemon *daemon);
void sr_sessions_drop_service(struct sr_daemon *daemon, const uint8_t key[32]);

#endif
