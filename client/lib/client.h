/*
 * What the rooms of libsealreel share: the client, its calls, its streams. Nothing here is exported.
 *
 * Callbacks of the application run from the loop only: a failure found inside a start call is noted and settled on the
 * next turn. An application may close the client, a writer or a player inside any callback; memory is therefore freed
 * only when no code of ours can be under way above it.
 */
#ifndef SR_CLIENT_H
#define SR_CLIENT_H

#include <sys/queue.h>

#include "conn.h"
#include "credential.h"
#include "cursor.h"
#include "error.h"
#include "message.h"
#include "reconnect.h"
#include "sealreel/operate.h"
#include "stream.h"

#define SR_RECEIVE_BUFFER (512u * 1024u)
#define SR_CONNECT_MS 10000u /* connecting and both handshake messages */

struct sr_socket;
struct sr_stream;

/* The callback of one call: which member is meant is known to the call's `deliver`. */
union sr_callback {
	sr_done *done;
	sr_writer_ready *writer_ready;
	sr_player_ready *player_ready;
	sr_listed *listed;
	sr_informed *informed;
	sr_checked *checked;
	sr_deleted *deleted;
	sr_play_done *play_done;
	sr_services_listed *services_listed;
	sr_patient_changed *patient_changed;
	sr_deep_told *deep_told;
	sr_root_made *root_made;
	sr_freeze_made *freeze_made;
	sr_person_told *person_told;
	sr_stats_told *stats_told;
	sr_health_told *health_told;
};

/*
 * Decode a reply's fields and run the callback; or with a failed `result` (`fields` is then NULL) only the latter. Not
 * run for a cancelled call unless it must see the reply (`sees_all`); then it runs no callback itself.
 */
typedef void sr_deliver(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields);

/* One request under way. `own` is whatever its deliver needs; released with `release` (NULL: nothing to release). */
struct sr_call {
	LIST_ENTRY(sr_call) link;
	struct sr_client *client;
	struct sr_stream *stream; /* NULL: stands alone */
	uint64_t request;         /* 0: answered by no message of its own */
	uint8_t reply;            /* type that answers it */
	bool cancelled;
	bool sees_all;
	/* Send its request, on this connection or a later one; NULL: only once. */
	enum sr_code (*again)(struct sr_call *call);
	bool unsent; /* to be sent by that when `retry` says, or when a connection stands */
	struct sr_retry retry;
	sr_deliver *deliver;
	union sr_callback callback;
	void *context;
	void *own;
	void (*release)(void *own);
};
LIST_HEAD(sr_calls, sr_call);

/* What a writer and a player do differently. */
struct sr_stream_kind {
	/* A message of the daemon that answers no call, in a state where it may come. */
	void (*message)(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields);
	/* The stream is over, by itself: not asked for by the application. */
	void (*ended)(struct sr_stream *stream, const struct sr_result *result);
	/* The loop's turn after `due` was set; NULL if it never is. */
	void (*due)(struct sr_stream *stream);
	/*
	 * For streams that outlive a connection, else both NULL. The daemon's side of it is gone, without an end: what
	 * was under way is no longer. And: ask for it on the present connection, under the stream's new number and
	 * request.
	 */
	void (*lost)(struct sr_stream *stream);
	enum sr_code (*again)(struct sr_stream *stream);
	/* Free all of it, wiped. */
	void (*release)(struct sr_stream *stream);
};

/* A stream as both kinds have it: their first member. */
struct sr_stream {
	LIST_ENTRY(sr_stream) link;
	struct sr_client *client;
	const struct sr_stream_kind *kind;
	uint32_t id;
	enum sr_stream_state state;
	uint64_t request;       /* that opened it */
	bool over;              /* no longer known to the daemon */
	bool dropped;           /* the application has let go of it: freed when over */
	bool due;               /* wants to be called on the loop's next turn */
	bool waiting;           /* has no number now: to be asked for again */
	bool unanswered;        /* asked for on a connection that was lost before the answer, and not settled since */
	struct sr_retry retry;  /* what `waiting` waits for */
	bool settling;          /* its last callbacks are running: whoever runs them frees it */
	uint64_t renew_at;      /* loop time in ms; 0: never */
	uint64_t renew_request; /* 0: none under way */
};
LIST_HEAD(sr_streams, sr_stream);

enum sr_phase {
	SR_PHASE_IDLE,
	SR_PHASE_CONNECTING,
	SR_PHASE_HANDSHAKE,
	SR_PHASE_OPEN,
	SR_PHASE_FAILED,  /* to be settled on the loop's next turn */
	SR_PHASE_WAITING, /* lost: it is made again when client->retry says */
	SR_PHASE_CLOSED
};

struct sr_client {
	uv_loop_t *loop;
	uv_timer_t tick;
	unsigned holds; /* handles and resolver requests whose last callback has not run */
	enum sr_phase phase;
	bool established; /* a connection has been reported as made, and its loss not yet */
	struct sr_result failure;
	uint64_t connect_by;
	struct sr_credential *credential; /* guarded memory */
	char address[SR_ADDRESS_MAX + 1];
	struct sr_socket *socket;
	struct sr_conn *conn;
	bool dispatching;
	unsigned pauses;
	bool wake; /* the tick has run callbacks */
	bool pump; /* bytes may wait undispatched after a pause */
	struct sr_calls calls;
	struct sr_calls failing; /* being settled */
	struct sr_streams streams;
	struct sr_streams ending; /* being settled */
	struct sr_streams held;   /* over, and not yet let go of */
	struct sr_streams waiting;
	uint32_t reconnect_ms; /* 0: a lost connection is not made again */
	struct sr_retry retry; /* of the connection */
	uint32_t busy_ms;      /* on this one the store was busy, and said for how long; 0: it has not */
	uint64_t lost_at;      /* loop time of the last loss; 0: none yet */
	bool trying;           /* the application has been told so */
	sr_done *on_trying;
	void *trying_context;
	struct sr_call *connect_call;
	struct sr_player *body_of; /* whose raw bytes follow */
	uint32_t next_stream;
	char *grant; /* guarded memory, terminated; NULL: none fixed */
	sr_grant_callback *grant_callback;
	void *grant_context;
	char *token; /* guarded memory: SR_TOKEN_MAX bytes to be filled by the callback */
	sr_done *lost;
	void *lost_context;
	void (*closed)(void *context);
	void *closed_context;
};

/* ---- result.c ---- */

/* Fill *result; `text` NULL: the code's own words. */
void sr_result_set(struct sr_result *result, enum sr_code code, uint64_t request, const char *text);

/* ---- client.c ---- */

/* Note that the connection is over, for what reason; it is settled on the loop's next turn. Only the first counts. */
void sr_client_fail(struct sr_client *client, enum sr_code code, const char *text);

/* The daemon broke the protocol or sent what does not verify: sr_client_fail with SR_CORRUPT. */
void sr_client_broken(struct sr_client *client, const char *text);

/* Make the lost connection again. */
void sr_client_try(struct sr_client *client);

/* Have the tick run when it next has something to do. */
void sr_client_arm(struct sr_client *client);

/* One of the holds has ended; the last one frees a closed client. */
void sr_client_release(struct sr_client *client);

/* ---- socket.c ---- */

/* True for "unix:PATH" and "tcp:HOST:PORT" that can be connected to. */
bool sr_address_valid(const char *address);

/* Start connecting to client->address; ends in sr_client_fail or in the conn's READY. SR_IO, SR_UNAVAILABLE at once. */
enum sr_code sr_socket_open(struct sr_client *client);

/* Close, after what was written so far if the kernel takes it. */
void sr_socket_close(struct sr_client *client);

/* Stop and go on reading, for a paused player. */
void sr_socket_pause(struct sr_client *client, bool paused);

/* ---- call.c ---- */

/* A frame being made: encode into `fields`, then send or drop it. */
struct sr_outgoing {
	uv_write_t write;
	struct sr_builder fields;
	uint8_t frame[];
};

/* Start a message with room for `room` bytes of fields; NULL when memory is used up. */
struct sr_outgoing *sr_outgoing_new(uint8_t type, uint32_t stream, uint64_t request, size_t room) SR_MUST_USE;
void sr_outgoing_drop(struct sr_outgoing *out);

/*
 * Seal and send; `out` is used up whatever happens. `stream` NULL: stands alone; else its state steps. SR_USAGE: the
 * fields did not fit; SR_UNAVAILABLE: not connected; SR_BUSY: the stream's state does not allow it now.
 */
enum sr_code sr_outgoing_send(struct sr_client *client, struct sr_stream *stream, struct sr_outgoing *out) SR_MUST_USE;

/* A fresh random request id, never 0. */
uint64_t sr_request_new(void);

/*
 * A call that will be answered by `reply`; NULL when memory is used up. It is not in the client's table before
 * sr_call_start, which returns `sent` and frees the call if that is not SR_OK; *handle (out, may be NULL) is set then.
 */
struct sr_call *sr_call_new(struct sr_client *client, uint8_t reply, sr_deliver *deliver, void *context) SR_MUST_USE;

/* The same with a copy of the `size` bytes at `own` for its deliver, in call->own. */
struct sr_call *sr_call_own(struct sr_client *client, uint8_t reply, sr_deliver *deliver, void *context,
			    const void *own, size_t size) SR_MUST_USE;

/*
 * The message of `type` that makes a call that stands alone, with room for `room` bytes of fields. NULL when memory is
 * used up: the call is freed. `call` may be NULL, from a call that could not be had.
 */
struct sr_outgoing *sr_call_outgoing(struct sr_call *call, uint8_t type, size_t room) SR_MUST_USE;

/* Send that message, whose fields are complete; then as sr_call_start. */
enum sr_code sr_call_send(struct sr_call *call, struct sr_outgoing *out, struct sr_call **handle) SR_MUST_USE;
enum sr_code sr_call_start(struct sr_call *call, enum sr_code sent, struct sr_call **handle) SR_MUST_USE;

/*
 * The same for a call that has `again`, which makes its first request, too: now, or when the lost connection stands
 * again.
 */
enum sr_code sr_call_start_again(struct sr_call *call, struct sr_call **handle) SR_MUST_USE;

/* Take a call out of the table, run it, free it. */
void sr_call_finish(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields);
void sr_call_free(struct sr_call *call);

/* Deliver for calls whose reply says nothing but that it was done, and for those whose reply is a `durable`. */
void sr_deliver_done(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields);

/*
 * True if `fields` were all decoded. Else the connection is broken and *result is set to say so, for the callback.
 */
bool sr_decoded(struct sr_call *call, struct sr_cursor *fields, struct sr_result *result) SR_MUST_USE;

/* ---- dispatch.c ---- */

/* Act on every event in the bytes received so far, as far as no player is paused. */
void sr_dispatch(struct sr_client *client);

/* ---- streams.c ---- */

/* Make a stream known to the client under a new number. */
void sr_stream_begin(struct sr_client *client, struct sr_stream *stream, const struct sr_stream_kind *kind);

/* The stream is over: out of the table; its calls fail with `result`; its kind is told; freed if dropped. */
void sr_stream_over(struct sr_stream *stream, const struct sr_result *result);

/* The application lets go: a CLOSE is sent if the stream is open; freed when over. Calls are forgotten. */
void sr_stream_drop(struct sr_stream *stream);

/*
 * The stream ends on this side, for a reason of ours: the daemon is told, its calls fail with `result`, its kind is
 * told.
 */
void sr_stream_quit(struct sr_stream *stream, const struct sr_result *result);

/* Send CLOSE; what comes of it is the caller's concern. */
void sr_stream_say_close(struct sr_stream *stream);

/* A message of the daemon on a stream. */
void sr_stream_message(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields);

/* Call every stream that is due. */
void sr_streams_run_due(struct sr_client *client);
bool sr_streams_due(struct sr_client *client);

/* ---- grants.c ---- */

/*
 * A grant to send, borrowed until the next call of this function; sr_grant_done wipes it. SR_UNAUTHENTICATED: there is
 * none.
 */
enum sr_code sr_grant_take(struct sr_client *client, bool renewal, struct sr_span *grant) SR_MUST_USE;
void sr_grant_done(struct sr_client *client);

/* Note when `stream` wants its grant renewed: when half of what is left until `expires` (seconds, 1970) is over. */
void sr_grant_plan(struct sr_stream *stream, uint64_t expires);

/* The same for a grant just sent, from its own `exp`; nothing if grants do not come from a callback. */
void sr_grant_plan_from(struct sr_stream *stream, struct sr_span grant);

/* Ask for renewals that are due. The loop time of the next, or UINT64_MAX. */
uint64_t sr_grant_renew_due(struct sr_client *client);

/* The answer to a renewal. */
void sr_grant_renewed(struct sr_stream *stream, struct sr_cursor *fields);
void sr_grant_not_renewed(struct sr_stream *stream);

/* ---- entries.c ---- */

/* Decode one entry with its tracks into *info (out, its `tracks` to be freed). False: malformed, or no memory. */
bool sr_entry_read(struct sr_cursor *in, struct sr_recording_info *info) SR_MUST_USE;

/* A copy of one, to be freed with sr_recording_info_free; and what that frees, for one that lies in an array. */
bool sr_recording_info_copy(const struct sr_recording_info *from, struct sr_recording_info *to) SR_MUST_USE;
void sr_recording_info_clear(struct sr_recording_info *info);

/* ---- list.c, for record.c ---- */

/* Send a message of a grant and a recording. SR_UNAUTHENTICATED: there is no grant; else as sr_outgoing_send. */
enum sr_code sr_send_named(struct sr_client *client, uint8_t type, uint64_t request,
			   const uint8_t recording[SR_ID]) SR_MUST_USE;

/* ---- writer.c, for blocking.c ---- */

/* Why a writer's stream ended by itself, into *result (out); untouched if it did not. */
void sr_writer_why(const struct sr_writer *writer, struct sr_result *result);

/* ---- play.c, for dispatch.c ---- */

/* Raw bytes of the body that `player` announced: whole chunks. */
void sr_player_raw(struct sr_player *player, struct sr_span raw);

#endif
