/*
 * Both ends of a connection in memory, and how bytes go between them. For the tests of conn.h.
 */
#ifndef SR_CONN_ENDS_H
#define SR_CONN_ENDS_H

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "conn.h"

#define HELLO (SR_PREAMBLE + SR_NOISE_MESSAGE1)

static uint8_t server_secret[32], server_public[32], client_secret[32], client_public[32], psk[32];
static const uint8_t store[SR_UUID] = {1, 2, 3, 4};

static inline void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
	crypto_box_keypair(server_public, server_secret);
	crypto_box_keypair(client_public, client_secret);
	randombytes_buf(psk, sizeof psk);
}

static inline struct sr_conn *new_client(uint8_t hello[HELLO])
{
	struct sr_conn_client_keys keys = {
		.secret_key = client_secret, .server_key = server_public, .psk = psk, .store = store};
	struct sr_conn *client = sr_conn_client(&keys, 0, hello);

	cr_assert_not_null(client);
	return client;
}

static inline struct sr_conn *new_server(void)
{
	struct sr_conn *server = sr_conn_server(server_secret, store, SR_FRAME_MAX);

	cr_assert_not_null(server);
	return server;
}

static inline void give(struct sr_conn *conn, const uint8_t *data, size_t size)
{
	uint8_t *room;
	size_t most;

	cr_assert_eq(sr_conn_room(conn, &room, &most), SR_OK);
	cr_assert_geq(most, size);
	if (size != 0)
		memcpy(room, data, size);
	sr_conn_filled(conn, size);
}

/* The next event, which must be of this kind. */
static inline struct sr_conn_event expect(struct sr_conn *conn, enum sr_conn_event_kind kind)
{
	struct sr_conn_event event;

	cr_assert_eq(sr_conn_next(conn, &event, NULL), SR_OK);
	cr_assert_eq(event.kind, kind, "%d, not %d", event.kind, kind);
	return event;
}

/* The connection fails with this code now, for good, and gives out nothing. */
static inline void expect_failure(struct sr_conn *conn, enum sr_code code)
{
	struct sr_conn_event event;
	struct sr_error err = {.code = SR_OK};

	for (int i = 0; i < 2; i++) {
		enum sr_code got = sr_conn_next(conn, &event, &err);

		cr_assert_eq(got, code, "%s, not %s", sr_code_name(got), sr_code_name(code));
		cr_assert_eq(err.code, code);
		cr_assert_neq(err.text[0], '\0');
		cr_assert_eq(event.kind, SR_CONN_NOTHING);
	}
	cr_assert(!sr_conn_ready(conn));
	cr_assert(!sr_conn_at_boundary(conn));
}

/* Both ends after message 2; the server is not yet sure of the client. */
struct ends {
	struct sr_conn *client, *server;
	uint8_t hello[HELLO], reply[SR_NOISE_MESSAGE2];
};

static inline struct ends shake(void)
{
	struct ends ends;

	ends.client = new_client(ends.hello);
	ends.server = new_server();
	give(ends.server, ends.hello, sizeof ends.hello);
	cr_assert_arr_eq(expect(ends.server, SR_CONN_CALLER).peer, client_public, 32);
	cr_assert_eq(sr_conn_admit(ends.server, psk, ends.reply), SR_OK);
	expect(ends.server, SR_CONN_NOTHING);
	cr_assert(!sr_conn_ready(ends.server), "message 1 can be a replay");
	give(ends.client, ends.reply, sizeof ends.reply);
	expect(ends.client, SR_CONN_READY);
	expect(ends.client, SR_CONN_NOTHING);
	cr_assert(sr_conn_ready(ends.client));
	return ends;
}

static inline void end(struct ends *ends)
{
	sr_conn_free(ends->client);
	sr_conn_free(ends->server);
}

/* A frame with this message; the size is that of the whole frame. */
static inline size_t frame_of(struct sr_conn *conn, const struct sr_message_head *head, const void *fields, size_t size,
			      uint8_t frame[SR_FRAME_MAX])
{
	struct sr_builder out = sr_builder_over(frame + SR_FRAME_HEAD, SR_MESSAGE_MAX);

	sr_message_head_encode(&out, head);
	sr_put_bytes(&out, fields, size);
	cr_assert(!out.failed);
	cr_assert_eq(sr_conn_seal(conn, frame, out.used), SR_OK);
	return SR_FRAME_HEAD + out.used + SR_AEAD_TAG;
}

static inline size_t ping(struct sr_conn *conn, uint64_t request, uint8_t frame[SR_FRAME_MAX])
{
	struct sr_message_head head = {.type = SR_MSG_PING, .request = request};

	return frame_of(conn, &head, NULL, 0, frame);
}

/* A frame that announces this many raw bytes. */
static inline size_t body_of(struct sr_conn *server, uint32_t length, uint8_t frame[SR_FRAME_MAX])
{
	struct sr_message_head head = {.type = SR_MSG_BODY, .stream = 5, .request = 9};
	struct sr_body body = {.track = 1, .segment = 2, .chunk = 3, .length = length};
	uint8_t fields[14];
	struct sr_builder out = sr_builder_over(fields, sizeof fields);

	sr_body_encode(&out, &body);
	return frame_of(server, &head, fields, out.used, frame);
}

/* Both ends open: the server has had a first ping. */
static inline struct ends open_ends(void)
{
	struct ends ends = shake();
	uint8_t frame[SR_FRAME_MAX];

	give(ends.server, frame, ping(ends.client, 1, frame));
	expect(ends.server, SR_CONN_READY);
	cr_assert(sr_conn_ready(ends.server));
	cr_assert(!sr_conn_at_boundary(ends.server), "its message is still to come");
	cr_assert_eq(expect(ends.server, SR_CONN_MESSAGE).head.request, 1);
	expect(ends.server, SR_CONN_NOTHING);
	cr_assert(sr_conn_at_boundary(ends.server));
	return ends;
}

#endif
