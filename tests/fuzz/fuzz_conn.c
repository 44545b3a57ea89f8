/*
 * Connections: the first byte says which end is fed. A daemon before its handshake gets the bytes as they are. After a
 * real handshake the bytes become steps: frames sealed by the true peer, so that what is inside them is reached, and
 * raw bytes.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"

#define HELLO (SR_PREAMBLE + SR_NOISE_MESSAGE1)

static uint8_t server_secret[32] = {1}, server_public[32], client_secret[32] = {2};
static const uint8_t psk[32] = {3}, store[SR_UUID] = {4};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* What is known of the end that is fed. */
struct fed {
	struct sr_conn *conn;
	uint64_t body_left;
	enum sr_code over;
};

/* Take all events; what a body announced must come out as whole chunks and no more. */
static void take_events(struct fed *fed)
{
	struct sr_conn_event event;
	struct sr_body body;

	do {
		enum sr_code code = sr_conn_next(fed->conn, &event, NULL);

		must(fed->over == SR_OK || code == fed->over);
		fed->over = code;
		must(code == SR_OK || event.kind == SR_CONN_NOTHING);
		if (event.kind == SR_CONN_RAW) {
			must(event.raw.size > 0 && event.raw.size <= fed->body_left);
			fed->body_left -= event.raw.size;
			must(event.raw.size % SR_CHUNK_SEALED == 0 || fed->body_left == 0);
		} else if (event.kind == SR_CONN_MESSAGE) {
			must(fed->body_left == 0 && sr_message_name(event.head.type) != NULL);
			if (event.head.type == SR_MSG_BODY) {
				sr_body_decode(&event.fields, &body);
				must(sr_take_done(&event.fields));
				fed->body_left = body.length;
			}
		} else if (event.kind == SR_CONN_CALLER) {
			uint8_t reply[SR_NOISE_MESSAGE2];

			must(sr_conn_admit(fed->conn, psk, reply) == SR_OK);
		}
	} while (event.kind != SR_CONN_NOTHING);
}

static void feed(struct fed *fed, const uint8_t *data, size_t size, size_t piece)
{
	while (size > 0) {
		uint8_t *room;
		size_t part;

		must(sr_conn_room(fed->conn, &room, &part) == SR_OK);
		if (part == 0)
			break;
		if (part > piece)
			part = piece;
		if (part > size)
			part = size;
		memcpy(room, data, part);
		sr_conn_filled(fed->conn, part);
		take_events(fed);
		data += part;
		size -= part;
	}
}

/* One step: a byte whose low bit chooses frame or raw, a piece size, a length, and so many bytes. */
static bool step(struct fed *fed, struct sr_conn *peer, struct sr_cursor *in)
{
	static const uint8_t zeros[SR_CHUNK_SEALED];
	static uint8_t frame[SR_FRAME_MAX];
	uint8_t kind = sr_take_u8(in);
	size_t piece = (size_t)sr_take_u8(in) + 1, size = sr_take_u16(in);
	struct sr_span bytes;

	if (in->failed)
		return false;
	bytes = sr_take_span(in, size < in->left ? size : in->left);
	if (kind & 2)
		piece = SR_FRAME_MAX;
	if (kind & 1) {
		feed(fed, bytes.data, bytes.size, piece);
		/* A long run of raw bytes need not stand in the input. */
		for (unsigned i = 0; (kind & 4) != 0 && i < 5; i++)
			feed(fed, zeros, sizeof zeros, piece);
		return true;
	}
	if (bytes.size < SR_MESSAGE_HEAD || bytes.size > SR_MESSAGE_MAX)
		return true;
	memcpy(frame + SR_FRAME_HEAD, bytes.data, bytes.size);
	must(sr_conn_seal(peer, frame, bytes.size) == SR_OK);
	feed(fed, frame, SR_FRAME_HEAD + bytes.size + SR_AEAD_TAG, piece);
	return true;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(sodium_init() >= 0);
	must(crypto_scalarmult_base(server_public, server_secret) == 0);
	return 0;
}

static void handshake(struct sr_conn *client, struct sr_conn *server, const uint8_t hello[HELLO])
{
	struct sr_conn_event event;
	uint8_t reply[SR_NOISE_MESSAGE2], *room;
	size_t size;

	must(sr_conn_room(server, &room, &size) == SR_OK);
	memcpy(room, hello, HELLO);
	sr_conn_filled(server, HELLO);
	must(sr_conn_next(server, &event, NULL) == SR_OK && event.kind == SR_CONN_CALLER);
	must(sr_conn_admit(server, psk, reply) == SR_OK);
	must(sr_conn_room(client, &room, &size) == SR_OK);
	memcpy(room, reply, sizeof reply);
	sr_conn_filled(client, sizeof reply);
	must(sr_conn_next(client, &event, NULL) == SR_OK && event.kind == SR_CONN_READY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sr_conn_client_keys keys = {client_secret, server_public, psk, store};
	struct sr_cursor in = sr_cursor_over(data, size);
	uint8_t mode = sr_take_u8(&in), hello[HELLO];
	struct sr_conn *server = sr_conn_server(server_secret, store, 0);
	struct sr_conn *client = sr_conn_client(&keys, (mode & 4) ? 4 * SR_FRAME_MAX : 0, hello);
	struct fed fed = {.conn = mode & 1 ? client : server};

	must(server != NULL && client != NULL);
	if ((mode & 3) == 0) {
		feed(&fed, in.at, in.left, (size_t)mode + 1);
	} else {
		handshake(client, server, hello);
		while (step(&fed, mode & 1 ? server : client, &in))
			continue;
	}
	sr_conn_free(client);
	sr_conn_free(server);
	return 0;
}
