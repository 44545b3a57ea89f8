/*
 * Connections: every bit of them flipped, replayed, under wrong keys, and everything else that must end one.
 */
#include "conn_ends.h"

TestSuite(conn, .init = set_up);

/* --- Flipped bits, replays, wrong keys ---------------------------------------------------------------------------- */

Test(conn, no_bit_of_a_hello_may_flip)
{
	uint8_t hello[HELLO];
	struct sr_conn *client = new_client(hello);

	for (size_t bit = 0; bit < 8 * HELLO; bit++) {
		struct sr_conn *server = new_server();
		struct sr_conn_event event;
		uint8_t reply[SR_NOISE_MESSAGE2];

		hello[bit / 8] ^= (uint8_t)(1 << bit % 8);
		give(server, hello, HELLO);
		hello[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* X25519 ignores the top bit of a public key, so that the flip shows in the hash alone. */
		cr_assert_eq(sr_conn_next(server, &event, NULL), SR_UNAUTHENTICATED, "bit %zu", bit);
		cr_assert_eq(sr_conn_admit(server, psk, reply), SR_USAGE);
		sr_conn_free(server);
	}
	sr_conn_free(client);
}

Test(conn, no_bit_of_a_reply_may_flip)
{
	for (size_t bit = 0; bit < 8 * SR_NOISE_MESSAGE2; bit++) {
		uint8_t hello[HELLO], reply[SR_NOISE_MESSAGE2];
		struct sr_conn *client = new_client(hello), *server = new_server();

		give(server, hello, HELLO);
		expect(server, SR_CONN_CALLER);
		cr_assert_eq(sr_conn_admit(server, psk, reply), SR_OK);
		reply[bit / 8] ^= (uint8_t)(1 << bit % 8);
		give(client, reply, sizeof reply);
		expect_failure(client, SR_UNAUTHENTICATED);
		sr_conn_free(client);
		sr_conn_free(server);
	}
}

Test(conn, no_bit_of_a_frame_may_flip)
{
	uint8_t frame[SR_FRAME_MAX];
	size_t size = SR_FRAME_HEAD + SR_MESSAGE_HEAD + SR_AEAD_TAG;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		for (int first = 0; first < 2; first++) {
			struct ends ends = first == 0 ? shake() : open_ends();
			struct sr_conn_event event;
			enum sr_code code;

			cr_assert_eq(ping(ends.client, 1, frame), size);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			give(ends.server, frame, size);
			code = sr_conn_next(ends.server, &event, NULL);
			cr_assert_eq(event.kind, SR_CONN_NOTHING);
			/* A length that grew waits for bytes that never come. */
			if (bit < 16 && code == SR_OK)
				cr_assert(!sr_conn_at_boundary(ends.server));
			else
				cr_assert(code == SR_UNAUTHENTICATED || (bit < 16 && code == SR_USAGE), "bit %zu", bit);
			end(&ends);
		}
	}
}

Test(conn, a_replayed_session_is_never_ready)
{
	uint8_t frame[SR_FRAME_MAX], reply[SR_NOISE_MESSAGE2];
	struct ends ends = shake();
	size_t size = ping(ends.client, 1, frame);
	struct sr_conn *replayed = new_server();

	give(replayed, ends.hello, sizeof ends.hello);
	cr_assert_arr_eq(expect(replayed, SR_CONN_CALLER).peer, client_public, 32);
	cr_assert_eq(sr_conn_admit(replayed, psk, reply), SR_OK);
	give(replayed, frame, size);
	expect_failure(replayed, SR_UNAUTHENTICATED);
	sr_conn_free(replayed);
	end(&ends);
}

Test(conn, frames_replayed_or_out_of_order_do_not_open)
{
	uint8_t first[SR_FRAME_MAX], second[SR_FRAME_MAX];
	struct ends ends = open_ends();
	size_t size = ping(ends.client, 1, first);

	give(ends.server, first, size);
	expect(ends.server, SR_CONN_MESSAGE);
	expect(ends.server, SR_CONN_NOTHING);
	give(ends.server, first, size);
	expect_failure(ends.server, SR_UNAUTHENTICATED);
	end(&ends);

	ends = open_ends();
	(void)ping(ends.client, 1, first);
	size = ping(ends.client, 2, second);
	give(ends.server, second, size);
	expect_failure(ends.server, SR_UNAUTHENTICATED);
	end(&ends);
}

Test(conn, a_frame_sent_back_to_its_sender_does_not_open)
{
	uint8_t frame[SR_FRAME_MAX];
	struct ends ends = open_ends();

	give(ends.client, frame, ping(ends.client, 1, frame));
	expect_failure(ends.client, SR_UNAUTHENTICATED);
	end(&ends);
}

Test(conn, a_wrong_psk_shows_at_the_client)
{
	uint8_t hello[HELLO], reply[SR_NOISE_MESSAGE2], other[32] = {9};
	struct sr_conn *client = new_client(hello), *server = new_server();

	give(server, hello, HELLO);
	expect(server, SR_CONN_CALLER);
	cr_assert_eq(sr_conn_admit(server, other, reply), SR_OK);
	give(client, reply, sizeof reply);
	expect_failure(client, SR_UNAUTHENTICATED);
	sr_conn_free(client);
	sr_conn_free(server);
}

Test(conn, another_store_or_another_daemon_does_not_open_the_hello)
{
	uint8_t hello[HELLO], other_store[SR_UUID] = {1, 2, 3, 5}, other_secret[32] = {7};
	struct sr_conn *client = new_client(hello);
	struct sr_conn *server = sr_conn_server(server_secret, other_store, SR_FRAME_MAX);

	cr_assert_not_null(server);
	give(server, hello, HELLO);
	expect_failure(server, SR_UNAUTHENTICATED);
	sr_conn_free(server);
	server = sr_conn_server(other_secret, store, SR_FRAME_MAX);
	cr_assert_not_null(server);
	give(server, hello, HELLO);
	expect_failure(server, SR_UNAUTHENTICATED);
	sr_conn_free(server);
	sr_conn_free(client);
}

Test(conn, a_preamble_that_is_not_ours_ends_it_at_its_first_wrong_byte)
{
	uint8_t hello[HELLO];
	struct sr_conn *client = new_client(hello);

	cr_assert_arr_eq(hello, "sealreel\0\1", SR_PREAMBLE);
	for (size_t at = 0; at < SR_PREAMBLE; at++) {
		struct sr_conn *server = new_server();

		give(server, hello, at);
		expect(server, SR_CONN_NOTHING);
		give(server, (const uint8_t[]){(uint8_t)(hello[at] + 1)}, 1);
		expect_failure(server, SR_UNAUTHENTICATED);
		sr_conn_free(server);
	}
	sr_conn_free(client);
}

/* --- Framing ------------------------------------------------------------------------------------------------------ */

Test(conn, a_frame_too_short_for_a_message_ends_it)
{
	for (unsigned size = 0; size < SR_MESSAGE_HEAD + SR_AEAD_TAG; size++) {
		struct ends ends = open_ends();

		give(ends.server, (const uint8_t[]){0, (uint8_t)size}, 2);
		expect_failure(ends.server, SR_USAGE);
		end(&ends);
	}
}

Test(conn, an_unknown_type_ends_it)
{
	uint8_t frame[SR_FRAME_MAX];

	for (unsigned type = 0; type < 256; type++) {
		struct sr_message_head head = {.type = (uint8_t)type};
		struct ends ends = open_ends();

		give(ends.server, frame, frame_of(ends.client, &head, NULL, 0, frame));
		if (sr_message_name((uint8_t)type) == NULL || type == SR_MSG_BODY)
			expect_failure(ends.server, SR_USAGE);
		else
			cr_assert_eq(expect(ends.server, SR_CONN_MESSAGE).head.type, type);
		end(&ends);
	}
}

Test(conn, a_message_of_the_wrong_size_is_not_sealed)
{
	static uint8_t frame[SR_FRAME_MAX];
	struct ends ends = open_ends();
	uint8_t hello[HELLO];
	struct sr_conn *fresh = new_client(hello);

	cr_assert_eq(sr_conn_seal(ends.client, frame, SR_MESSAGE_HEAD - 1), SR_INTERNAL);
	cr_assert_eq(sr_conn_seal(ends.client, frame, SR_MESSAGE_MAX + 1), SR_INTERNAL);
	cr_assert_eq(sr_conn_seal(fresh, frame, SR_MESSAGE_HEAD), SR_INTERNAL, "no handshake yet");
	give(ends.server, frame, ping(ends.client, 3, frame));
	cr_assert_eq(expect(ends.server, SR_CONN_MESSAGE).head.request, 3, "the refused ones used up no nonce");
	sr_conn_free(fresh);
	end(&ends);
}

Test(conn, after_a_failure_a_goodbye_can_still_be_sealed)
{
	struct ends ends = open_ends();
	struct sr_message_head head = {.type = SR_MSG_GOODBYE};
	uint8_t frame[SR_FRAME_MAX];

	give(ends.server, (const uint8_t[]){0, 0}, 2);
	expect_failure(ends.server, SR_USAGE);
	give(ends.client, frame, frame_of(ends.server, &head, "\1\0\0", 3, frame));
	cr_assert_eq(expect(ends.client, SR_CONN_MESSAGE).head.type, SR_MSG_GOODBYE);
	end(&ends);
}

Test(conn, a_caller_is_admitted_once_and_only_when_heard)
{
	uint8_t hello[HELLO], reply[SR_NOISE_MESSAGE2];
	struct sr_conn *client = new_client(hello), *server = new_server();

	cr_assert_eq(sr_conn_admit(server, psk, reply), SR_USAGE);
	expect_failure(server, SR_USAGE);
	sr_conn_free(server);
	server = new_server();
	give(server, hello, HELLO);
	expect(server, SR_CONN_CALLER);
	cr_assert_eq(sr_conn_admit(server, psk, reply), SR_OK);
	cr_assert_eq(sr_conn_admit(server, psk, reply), SR_USAGE);
	expect_failure(server, SR_USAGE);
	cr_assert_eq(sr_conn_admit(client, psk, reply), SR_USAGE, "a client admits nobody");
	sr_conn_free(client);
	sr_conn_free(server);
}

Test(conn, a_caller_that_sends_on_unadmitted_is_bounded)
{
	uint8_t hello[HELLO];
	struct sr_conn *client = new_client(hello), *server = new_server();
	uint8_t *room;
	size_t size, total = 0;

	give(server, hello, HELLO);
	expect(server, SR_CONN_CALLER);
	do {
		expect(server, SR_CONN_NOTHING);
		cr_assert_eq(sr_conn_room(server, &room, &size), SR_OK);
		if (size != 0)
			memset(room, 0, size);
		sr_conn_filled(server, size);
		total += size;
	} while (size != 0);
	cr_assert_leq(total, SR_FRAME_MAX);
	expect_failure(server, SR_USAGE);
	sr_conn_free(client);
	sr_conn_free(server);
}

Test(conn, a_body_sent_to_a_daemon_ends_it)
{
	struct ends ends = open_ends();
	uint8_t frame[SR_FRAME_MAX];

	give(ends.server, frame, body_of(ends.client, SR_CHUNK_SEALED, frame));
	expect_failure(ends.server, SR_USAGE);
	end(&ends);

	ends = shake();
	give(ends.server, frame, body_of(ends.client, SR_CHUNK_SEALED, frame));
	expect(ends.server, SR_CONN_READY);
	expect_failure(ends.server, SR_USAGE);
	end(&ends);
}

Test(conn, a_malformed_body_ends_a_client)
{
	static const uint32_t lengths[] = {0, 16, SR_CHUNK_SEALED + 1, SR_BODY_MAX + 1, UINT32_MAX};
	uint8_t frame[SR_FRAME_MAX];

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct ends ends = open_ends();

		give(ends.client, frame, body_of(ends.server, lengths[i], frame));
		expect_failure(ends.client, SR_USAGE);
		end(&ends);
	}
}
