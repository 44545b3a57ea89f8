/*
 * The connection's states as a table, its receive buffer, and one function per thing that can come next.
 */
#include "conn.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "sealreel"
#define MAGIC_SIZE 8
#define HELLO (SR_PREAMBLE + SR_NOISE_MESSAGE1)
#define PROLOGUE (SR_PREAMBLE + SR_UUID)
#define SEALED_MIN (SR_MESSAGE_HEAD + SR_AEAD_TAG)

enum state {
	SERVER_HEARS,   /* for the client's hello */
	SERVER_DECIDES, /* who calls is known; to be admitted or dropped */
	SERVER_PROVES,  /* message 2 is out; only the caller itself can seal a frame now */
	SERVER_PROVED,  /* the first frame opened; its message is still to be given out */
	SERVER_OPEN,
	CLIENT_WAITS, /* for message 2 */
	CLIENT_OPEN,
	CLIENT_BODY, /* raw bytes of a body are still to come */
	OVER,
	STATES
};

enum event { HELLO_OPENED, ADMITTED, REPLY_OPENED, FRAME_OPENED, BODY_BEGINS, BODY_ENDS, FIRST_GIVEN, EVENTS };

/* What each event leads to where; every other place is OVER. A BODY_BEGINS follows the FRAME_OPENED that carries it. */
static const enum state table[STATES][EVENTS] = {
	[SERVER_HEARS] = {SERVER_DECIDES, OVER, OVER, OVER, OVER, OVER, OVER},
	[SERVER_DECIDES] = {OVER, SERVER_PROVES, OVER, OVER, OVER, OVER, OVER},
	[SERVER_PROVES] = {OVER, OVER, OVER, SERVER_PROVED, OVER, OVER, OVER},
	[SERVER_PROVED] = {OVER, OVER, OVER, OVER, OVER, OVER, SERVER_OPEN},
	[SERVER_OPEN] = {OVER, OVER, OVER, SERVER_OPEN, OVER, OVER, OVER},
	[CLIENT_WAITS] = {OVER, OVER, CLIENT_OPEN, OVER, OVER, OVER, OVER},
	[CLIENT_OPEN] = {OVER, OVER, OVER, CLIENT_OPEN, CLIENT_BODY, OVER, OVER},
	[CLIENT_BODY] = {OVER, OVER, OVER, OVER, OVER, CLIENT_OPEN, OVER},
	[OVER] = {OVER, OVER, OVER, OVER, OVER, OVER, OVER},
};

struct sr_conn {
	enum state state;
	enum sr_code failure; /* why it is OVER */
	struct sr_handshake *handshake;
	struct sr_transport *send, *receive;
	uint8_t *buffer; /* NULL while nothing is received */
	size_t capacity;
	size_t start, end; /* what is received and not given out lies between */
	uint8_t *opened;   /* the message given out last, in the buffer; NULL if it is wiped */
	size_t opened_size;
	size_t body_left; /* raw bytes of the body that are not given out */
};

/* What has come in the present state becomes an event, nothing yet, or a failure. */
typedef enum sr_code advance(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err);

/* --- Beginning and ending ----------------------------------------------------------------------------------------- */

static void preamble(uint8_t out[SR_PREAMBLE])
{
	struct sr_builder bytes = sr_builder_over(out, SR_PREAMBLE);

	sr_put_bytes(&bytes, MAGIC, MAGIC_SIZE);
	sr_put_u16(&bytes, SR_PROTOCOL_VERSION);
}

static void prologue(const uint8_t store[SR_UUID], uint8_t out[PROLOGUE])
{
	preamble(out);
	memcpy(out + SR_PREAMBLE, store, SR_UUID);
}

static struct sr_conn *conn_new(enum state state, size_t buffer_size)
{
	struct sr_conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL)
		return NULL;
	conn->state = state;
	conn->capacity = buffer_size < SR_FRAME_MAX ? SR_FRAME_MAX : buffer_size;
	return conn;
}

struct sr_conn *sr_conn_client(const struct sr_conn_client_keys *keys, size_t buffer_size, uint8_t hello[HELLO])
{
	struct sr_conn *conn = conn_new(CLIENT_WAITS, buffer_size);
	uint8_t shared[PROLOGUE];

	if (conn == NULL)
		return NULL;
	preamble(hello);
	prologue(keys->store, shared);
	conn->handshake =
		sr_handshake_initiator(keys->secret_key, keys->server_key, keys->psk, shared, sizeof shared, NULL);
	if (conn->handshake == NULL || sr_handshake_write1(conn->handshake, NULL, 0, hello + SR_PREAMBLE) != SR_OK) {
		sr_conn_free(conn);
		return NULL;
	}
	return conn;
}

struct sr_conn *sr_conn_server(const uint8_t secret_key[SR_NOISE_KEY], const uint8_t store[SR_UUID], size_t buffer_size)
{
	struct sr_conn *conn = conn_new(SERVER_HEARS, buffer_size);
	uint8_t shared[PROLOGUE];

	if (conn == NULL)
		return NULL;
	prologue(store, shared);
	conn->handshake = sr_handshake_responder(secret_key, shared, sizeof shared, NULL);
	if (conn->handshake == NULL) {
		sr_conn_free(conn);
		return NULL;
	}
	return conn;
}

/* Messages may hold tokens and keys: a plaintext is wiped as soon as it has been dealt with. */
static void wipe_opened(struct sr_conn *conn)
{
	if (conn->opened != NULL)
		sodium_memzero(conn->opened, conn->opened_size);
	conn->opened = NULL;
	conn->opened_size = 0;
}

static void drop_buffer(struct sr_conn *conn)
{
	wipe_opened(conn);
	free(conn->buffer);
	conn->buffer = NULL;
	conn->start = conn->end = 0;
}

/* Nothing more can be received; what is sealed still may be, so that the peer can be told why. */
static void drop_receiving_keys(struct sr_conn *conn)
{
	sr_transport_free(conn->receive);
	sr_handshake_free(conn->handshake);
	conn->receive = NULL;
	conn->handshake = NULL;
}

void sr_conn_free(struct sr_conn *conn)
{
	if (conn == NULL)
		return;
	drop_buffer(conn);
	drop_receiving_keys(conn);
	sr_transport_free(conn->send);
	free(conn);
}

static void fail(struct sr_conn *conn, enum sr_code code)
{
	conn->state = OVER;
	conn->failure = code;
}

/* Follow the table; false if the event may not happen in this state, which is then OVER. */
static bool follow(struct sr_conn *conn, enum event event)
{
	conn->state = table[conn->state][event];
	if (conn->state != OVER)
		return true;
	fail(conn, SR_USAGE);
	return false;
}

/* --- Received bytes ----------------------------------------------------------------------------------------------- */

static size_t unread(const struct sr_conn *conn)
{
	return conn->end - conn->start;
}

enum sr_code sr_conn_room(struct sr_conn *conn, uint8_t **data, size_t *size)
{
	*data = NULL;
	*size = 0;
	if (conn->state == OVER)
		return SR_OK;
	/* A message that opened with the connection itself is still to be given out: it may not be wiped here. */
	if (conn->state != SERVER_PROVED) {
		wipe_opened(conn);
		if (conn->start > 0) {
			memmove(conn->buffer, conn->buffer + conn->start, unread(conn));
			conn->end -= conn->start;
			conn->start = 0;
		}
	}
	if (conn->buffer == NULL)
		conn->buffer = malloc(conn->capacity);
	if (conn->buffer == NULL)
		return SR_INTERNAL;
	/* Only a peer that sends on where it must wait for an answer fills the buffer. */
	if (conn->end == conn->capacity) {
		fail(conn, SR_USAGE);
		return SR_OK;
	}
	*data = conn->buffer + conn->end;
	*size = conn->capacity - conn->end;
	return SR_OK;
}

void sr_conn_filled(struct sr_conn *conn, size_t size)
{
	if (conn->state != OVER)
		conn->end += size;
}

/* --- What comes next in each state -------------------------------------------------------------------------------- */

static enum sr_code hear(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	const uint8_t *at = conn->buffer + conn->start;
	uint8_t ours[SR_PREAMBLE];
	size_t known;

	if (unread(conn) == 0)
		return SR_OK;
	preamble(ours);
	known = unread(conn) < SR_PREAMBLE ? unread(conn) : SR_PREAMBLE;
	if (memcmp(at, ours, known) != 0)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "the caller does not speak this version of the protocol");
	if (unread(conn) < HELLO)
		return SR_OK;
	if (sr_handshake_read1(conn->handshake, at + SR_PREAMBLE, SR_NOISE_MESSAGE1, event->peer, NULL) != SR_OK)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "the caller's first message does not open");
	conn->start += HELLO;
	(void)follow(conn, HELLO_OPENED);
	event->kind = SR_CONN_CALLER;
	return SR_OK;
}

static enum sr_code wait_for_admission(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	(void)conn;
	(void)event;
	(void)err;
	return SR_OK;
}

/* The handshake is complete: its keys become the two directions. */
static enum sr_code split(struct sr_conn *conn)
{
	enum sr_code code = sr_handshake_split(conn->handshake, &conn->send, &conn->receive, NULL);

	sr_handshake_free(conn->handshake);
	conn->handshake = NULL;
	return code;
}

static enum sr_code await_reply(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	if (unread(conn) < SR_NOISE_MESSAGE2)
		return SR_OK;
	if (sr_handshake_read2(conn->handshake, conn->buffer + conn->start, SR_NOISE_MESSAGE2, NULL) != SR_OK)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "the daemon's answer does not open");
	if (split(conn) != SR_OK)
		return SR_FAIL(err, SR_INTERNAL, "the session's keys could not be made");
	conn->start += SR_NOISE_MESSAGE2;
	(void)follow(conn, REPLY_OPENED);
	event->kind = SR_CONN_READY;
	return SR_OK;
}

/* Open the next frame in place if it is whole: *found (out) says so, and conn->opened is then its message. */
static enum sr_code open_frame(struct sr_conn *conn, bool *found, struct sr_error *err)
{
	struct sr_cursor bytes;
	uint8_t *sealed;
	size_t size;

	*found = false;
	/* With nothing unread there may be no buffer either. */
	if (unread(conn) < SR_FRAME_HEAD)
		return SR_OK;
	bytes = sr_cursor_over(conn->buffer + conn->start, unread(conn));
	sealed = conn->buffer + conn->start + SR_FRAME_HEAD;
	size = sr_take_u16(&bytes);
	if (size < SEALED_MIN)
		return SR_FAIL(err, SR_USAGE, "a frame of %zu bytes is too short for a message", size);
	if (bytes.left < size)
		return SR_OK;
	if (sr_transport_open(conn->receive, sealed, size, sealed) != SR_OK)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "a frame does not open");
	conn->start += SR_FRAME_HEAD + size;
	conn->opened = sealed;
	conn->opened_size = size - SR_AEAD_TAG;
	*found = true;
	return SR_OK;
}

/* Give out conn->opened; a body's raw bytes are then expected behind it. */
static enum sr_code give_message(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	struct sr_cursor fields = sr_cursor_over(conn->opened, conn->opened_size);
	struct sr_body body;

	sr_message_head_decode(&fields, &event->head);
	if (fields.failed)
		return SR_FAIL(err, SR_USAGE, "a message of the unknown type %u", event->head.type);
	event->fields = fields;
	if (event->head.type == SR_MSG_BODY) {
		sr_body_decode(&fields, &body);
		if (!sr_take_done(&fields) || !follow(conn, BODY_BEGINS))
			return SR_FAIL(err, SR_USAGE, "a malformed body, or one where none may be");
		conn->body_left = body.length;
	}
	event->kind = SR_CONN_MESSAGE;
	return SR_OK;
}

static enum sr_code prove(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	bool found;
	enum sr_code code = open_frame(conn, &found, err);

	if (code != SR_OK || !found)
		return code;
	(void)follow(conn, FRAME_OPENED);
	event->kind = SR_CONN_READY;
	return SR_OK;
}

static enum sr_code give_first(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	(void)follow(conn, FIRST_GIVEN);
	return give_message(conn, event, err);
}

static enum sr_code take_frame(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	bool found;
	enum sr_code code = open_frame(conn, &found, err);

	if (code != SR_OK || !found)
		return code;
	(void)follow(conn, FRAME_OPENED);
	return give_message(conn, event, err);
}

static enum sr_code take_body(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	size_t size = unread(conn);

	(void)err;
	/* Whole chunks only: all that came, rounded down, but for the last, which is as long as the body says. */
	if (size >= conn->body_left)
		size = conn->body_left;
	else
		size -= size % SR_CHUNK_SEALED;
	if (size == 0)
		return SR_OK;
	event->kind = SR_CONN_RAW;
	event->raw = (struct sr_span){conn->buffer + conn->start, size};
	conn->start += size;
	conn->body_left -= size;
	if (conn->body_left == 0)
		(void)follow(conn, BODY_ENDS);
	return SR_OK;
}

static advance *const advances[STATES] = {
	[SERVER_HEARS] = hear,      [SERVER_DECIDES] = wait_for_admission,
	[SERVER_PROVES] = prove,    [SERVER_PROVED] = give_first,
	[SERVER_OPEN] = take_frame, [CLIENT_WAITS] = await_reply,
	[CLIENT_OPEN] = take_frame, [CLIENT_BODY] = take_body,
};

enum sr_code sr_conn_next(struct sr_conn *conn, struct sr_conn_event *event, struct sr_error *err)
{
	enum sr_code code;

	*event = (struct sr_conn_event){.kind = SR_CONN_NOTHING};
	if (conn->state == OVER)
		return SR_FAIL(err, conn->failure, "the connection is over");
	if (conn->state != SERVER_PROVED)
		wipe_opened(conn);
	code = advances[conn->state](conn, event, err);
	if (code != SR_OK) {
		*event = (struct sr_conn_event){.kind = SR_CONN_NOTHING};
		fail(conn, code);
		drop_buffer(conn);
		drop_receiving_keys(conn);
	} else if (event->kind == SR_CONN_NOTHING && unread(conn) == 0) {
		drop_buffer(conn);
	}
	return code;
}

/* --- Sending ------------------------------------------------------------------------------------------------------ */

enum sr_code sr_conn_admit(struct sr_conn *conn, const uint8_t psk[SR_NOISE_KEY], uint8_t reply[SR_NOISE_MESSAGE2])
{
	enum sr_code code;

	if (!follow(conn, ADMITTED))
		return SR_USAGE;
	code = sr_handshake_write2(conn->handshake, psk, NULL, 0, reply);
	if (code == SR_OK)
		code = split(conn);
	if (code != SR_OK)
		fail(conn, code);
	return code;
}

enum sr_code sr_conn_seal(struct sr_conn *conn, uint8_t *frame, size_t size)
{
	struct sr_builder head = sr_builder_over(frame, SR_FRAME_HEAD);
	uint8_t *message = frame + SR_FRAME_HEAD;
	enum sr_code code;

	if (conn->send == NULL || size < SR_MESSAGE_HEAD || size > SR_MESSAGE_MAX)
		return SR_INTERNAL;
	sr_put_u16(&head, (uint16_t)(size + SR_AEAD_TAG));
	code = sr_transport_seal(conn->send, message, size, message);
	if (code != SR_OK)
		fail(conn, code);
	return code;
}

bool sr_conn_ready(const struct sr_conn *conn)
{
	return conn->state == SERVER_PROVED || conn->state == SERVER_OPEN || conn->state == CLIENT_OPEN ||
	       conn->state == CLIENT_BODY;
}

bool sr_conn_holds_buffer(const struct sr_conn *conn)
{
	return conn->buffer != NULL;
}

bool sr_conn_at_boundary(const struct sr_conn *conn)
{
	return unread(conn) == 0 && conn->state != SERVER_PROVED && conn->state != CLIENT_BODY && conn->state != OVER;
}
