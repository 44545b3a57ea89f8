/*
 * A connection as a state machine over bytes, the same for both sides: preamble, handshake, frames, raw bodies.
 * No socket, no clock: the owner moves bytes and keeps time.
 *
 * On the wire: the client's preamble (8 bytes "sealreel", version u16) and Noise message 1; the daemon's message 2;
 * then frames: length u16 of a sealed message, the sealed message. Behind a BODY message its raw bytes follow.
 * The Noise prologue is the preamble and the 16-byte store id.
 */
#ifndef SR_CONN_H
#define SR_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "error.h"
#include "message.h"
#include "noise.h"

#define SR_PREAMBLE 10
#define SR_PROTOCOL_VERSION 1
#define SR_FRAME_HEAD 2
#define SR_FRAME_MAX (SR_FRAME_HEAD + SR_MESSAGE_MAX + SR_AEAD_TAG)

/* A connection's state; opaque. Holds keys: wiped when freed. One owner, one thread at a time. */
struct sr_conn;

/* What sr_conn_next found in the bytes so far. */
enum sr_conn_event_kind {
	SR_CONN_NOTHING, /* more bytes are needed */
	SR_CONN_CALLER,  /* daemon: message 1 opened; `peer` calls: answer with sr_conn_admit, or drop it in silence */
	SR_CONN_READY,   /* client: message 2 opened. Daemon: the first frame opened, the caller is authenticated */
	SR_CONN_MESSAGE, /* one whole message: `head`, `fields` */
	SR_CONN_RAW      /* client: whole stored chunks of the body announced last: `raw` */
};

struct sr_conn_event {
	enum sr_conn_event_kind kind;
	uint8_t peer[SR_NOISE_KEY];  /* CALLER */
	struct sr_message_head head; /* MESSAGE */
	struct sr_cursor fields;     /* MESSAGE: not yet decoded; valid until the next sr_conn_next, _room or _free */
	struct sr_span raw;          /* RAW: valid likewise */
};

/* What a client must know to call. Borrowed during the call only. */
struct sr_conn_client_keys {
	const uint8_t *secret_key; /* 32: the service's */
	const uint8_t *server_key; /* 32 */
	const uint8_t *psk;        /* 32 */
	const uint8_t *store;      /* 16: store id */
};

/*
 * Begin as client: the preamble and message 1 go to `hello` (out, SR_PREAMBLE + SR_NOISE_MESSAGE1 bytes) to be sent.
 * `buffer_size` is how many received bytes the connection can hold: SR_FRAME_MAX if less is said; more lets RAW events
 * cover more chunks. NULL when memory is used up or a key is no point of the curve. Released with sr_conn_free (NULL
 * allowed).
 */
struct sr_conn *sr_conn_client(const struct sr_conn_client_keys *keys, size_t buffer_size,
			       uint8_t hello[SR_PREAMBLE + SR_NOISE_MESSAGE1]) SR_MUST_USE;

/* Begin as daemon, with its static key and store id. Otherwise as above. */
struct sr_conn *sr_conn_server(const uint8_t secret_key[SR_NOISE_KEY], const uint8_t store[SR_UUID],
			       size_t buffer_size) SR_MUST_USE;

void sr_conn_free(struct sr_conn *conn);

/*
 * Where received bytes go: *data (out) has room for *size (out) bytes. Call sr_conn_next until it finds nothing before
 * asking for room. *size is 0 only on a connection that is over, or that ends here because the peer filled the whole
 * buffer before it was admitted. The buffer is allocated on need and given back by sr_conn_next when empty, so an idle
 * connection holds none. SR_INTERNAL when memory is used up: nothing is lost then.
 */
enum sr_code sr_conn_room(struct sr_conn *conn, uint8_t **data, size_t *size) SR_MUST_USE;

/* `size` bytes, at most the room given, were put there. */
void sr_conn_filled(struct sr_conn *conn, size_t size);

/*
 * The next event (out) in the bytes received so far; call until SR_CONN_NOTHING. What an event's spans point to is
 * wiped by the call after. SR_UNAUTHENTICATED: a handshake or a frame does not open, or the preamble is not ours;
 * SR_USAGE: a frame too short for a message, an unknown type, a BODY that is malformed or sent to a daemon;
 * SR_INTERNAL: memory or libcrypto failed. After a failure nothing more is received: the receiving keys are wiped and
 * every later call fails with the same code; a GOODBYE can still be sealed. `err` may be NULL.
 */
enum sr_code sr_conn_next(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err) SR_MUST_USE;

/*
 * Daemon, once, after SR_CONN_CALLER: admit the caller under `psk`; message 2 goes to `reply` (out) to be sent.
 * SR_USAGE at any other time; SR_UNAUTHENTICATED or SR_INTERNAL as sr_handshake_write2. The connection is then over.
 */
enum sr_code sr_conn_admit(struct sr_conn *conn, const uint8_t psk[SR_NOISE_KEY],
			   uint8_t reply[SR_NOISE_MESSAGE2]) SR_MUST_USE;

/*
 * Seal one message in place into a frame. `frame` holds SR_FRAME_HEAD free bytes, then `size` plaintext bytes (head
 * and fields, at most SR_MESSAGE_MAX), then SR_AEAD_TAG free bytes; afterwards it is the frame to send, of
 * SR_FRAME_HEAD + size + SR_AEAD_TAG bytes. SR_INTERNAL when libcrypto fails (the connection is then
 * over), for any other size, and before the handshake is complete: nothing is then sealed.
 * Frames must be sent in the order they are sealed; raw bytes of a BODY directly behind its frame.
 */
enum sr_code sr_conn_seal(struct sr_conn *conn, uint8_t *frame, size_t size) SR_MUST_USE;

/* True once the peer is authenticated: from SR_CONN_READY on. */
bool sr_conn_ready(const struct sr_conn *conn);

/* True while received bytes, or the message given out last, are held: for owners that count their memory. */
bool sr_conn_holds_buffer(const struct sr_conn *conn);

/* True if the connection may end here: no frame or body is half received. */
bool sr_conn_at_boundary(const struct sr_conn *conn);

#endif
