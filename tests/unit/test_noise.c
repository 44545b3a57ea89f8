/*
 * Noise_IKpsk2: the published vector, rekeying, and everything that must end a session.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ends.h"
#include "noise.h"
#include "vectors.h"

TestSuite(noise, .init = set_up);

/* --- the published vector --- */

static struct bytes first_psk(const json_t *vector, const char *field)
{
	const char *hex = json_string_value(json_array_get(json_object_get(vector, field), 0));

	cr_assert_not_null(hex);
	return bytes_of(hex);
}

static void vector_ends(const json_t *vector, struct sr_handshake **initiator, struct sr_handshake **responder)
{
	struct bytes init_prologue = bytes_in(vector, "init_prologue"), init_static = bytes_in(vector, "init_static");
	struct bytes init_ephemeral = bytes_in(vector, "init_ephemeral"), init_psk = first_psk(vector, "init_psks");
	struct bytes remote = bytes_in(vector, "init_remote_static");
	struct bytes resp_prologue = bytes_in(vector, "resp_prologue"), resp_static = bytes_in(vector, "resp_static");
	struct bytes resp_ephemeral = bytes_in(vector, "resp_ephemeral");

	*initiator = sr_handshake_initiator(init_static.data, remote.data, init_psk.data, init_prologue.data,
					    init_prologue.size, init_ephemeral.data);
	*responder =
		sr_handshake_responder(resp_static.data, resp_prologue.data, resp_prologue.size, resp_ephemeral.data);
	cr_assert(*initiator != NULL && *responder != NULL);
	free(init_prologue.data);
	free(init_static.data);
	free(init_ephemeral.data);
	free(init_psk.data);
	free(remote.data);
	free(resp_prologue.data);
	free(resp_static.data);
	free(resp_ephemeral.data);
}

/* Both handshake messages of the vector, written and read. */
static void vector_handshake(const json_t *vector, struct sr_handshake *initiator, struct sr_handshake *responder)
{
	const json_t *messages = json_object_get(vector, "messages");
	struct bytes psk = first_psk(vector, "resp_psks"), init_static = bytes_in(vector, "init_static");
	uint8_t peer[SR_NOISE_KEY], public_key[SR_NOISE_KEY];

	for (size_t i = 0; i < 2; i++) {
		struct bytes payload = bytes_in(json_array_get(messages, i), "payload");
		struct bytes expected = bytes_in(json_array_get(messages, i), "ciphertext");
		uint8_t *made = malloc(expected.size), *back = malloc(payload.size);

		cr_assert(made != NULL && back != NULL);
		cr_assert_eq(expected.size, payload.size + (i == 0 ? SR_NOISE_MESSAGE1 : SR_NOISE_MESSAGE2));
		if (i == 0) {
			cr_assert_eq(sr_handshake_write1(initiator, payload.data, payload.size, made), SR_OK);
			cr_assert_eq(sr_handshake_read1(responder, expected.data, expected.size, peer, back), SR_OK);
		} else {
			cr_assert_eq(sr_handshake_write2(responder, psk.data, payload.data, payload.size, made), SR_OK);
			cr_assert_eq(sr_handshake_read2(initiator, expected.data, expected.size, back), SR_OK);
		}
		cr_assert_arr_eq(made, expected.data, expected.size, "handshake message %zu", i + 1);
		cr_assert_arr_eq(back, payload.data, payload.size);
		free(back);
		free(made);
		free(expected.data);
		free(payload.data);
	}
	crypto_scalarmult_base(public_key, init_static.data);
	cr_assert_arr_eq(peer, public_key, sizeof peer);
	free(init_static.data);
	free(psk.data);
}

/* The session of the vector, with its handshake hash checked. */
static struct session vector_session(const json_t *vector)
{
	struct bytes expected = bytes_in(vector, "handshake_hash");
	struct sr_handshake *initiator, *responder;
	uint8_t hash[2][SR_NOISE_HASH];
	struct session session;

	vector_ends(vector, &initiator, &responder);
	vector_handshake(vector, initiator, responder);
	cr_assert_eq(sr_handshake_split(initiator, &session.there_send, &session.back_receive, hash[0]), SR_OK);
	cr_assert_eq(sr_handshake_split(responder, &session.back_send, &session.there_receive, hash[1]), SR_OK);
	cr_assert_eq(expected.size, SR_NOISE_HASH);
	cr_assert_arr_eq(hash[0], expected.data, SR_NOISE_HASH);
	cr_assert_arr_eq(hash[1], expected.data, SR_NOISE_HASH);
	sr_handshake_free(initiator);
	sr_handshake_free(responder);
	free(expected.data);
	return session;
}

Test(noise, published_vector)
{
	json_t *root = vectors_load("noise.json");
	const json_t *vector = json_array_get(json_object_get(root, "vectors"), 0);
	const json_t *messages = json_object_get(vector, "messages");
	struct session session = vector_session(vector);

	cr_assert_gt(json_array_size(messages), 2);
	for (size_t i = 2; i < json_array_size(messages); i++) {
		struct bytes payload = bytes_in(json_array_get(messages, i), "payload");
		struct bytes expected = bytes_in(json_array_get(messages, i), "ciphertext");
		struct sr_transport *send = i % 2 == 0 ? session.there_send : session.back_send;
		struct sr_transport *receive = i % 2 == 0 ? session.there_receive : session.back_receive;
		uint8_t made[256], back[256];

		cr_assert_eq(sr_transport_seal(send, payload.data, payload.size, made), SR_OK);
		cr_assert_eq(expected.size, payload.size + SR_AEAD_TAG);
		cr_assert_arr_eq(made, expected.data, expected.size, "message %zu", i + 1);
		cr_assert_eq(sr_transport_open(receive, expected.data, expected.size, back), SR_OK);
		cr_assert_arr_eq(back, payload.data, payload.size);
		free(expected.data);
		free(payload.data);
	}
	session_free(&session);
	json_decref(root);
}

/* --- rekeying --- */

/*
 * The transport key of the vector's initiator. It is not published, but proves itself: libsodium opens the vector's
 * messages with it.
 */
static const char vector_key[] = "15a4c0ed8c34ef3a1b63def36cd7e3a0d3d0f2ce3239585469209161955e5e16";

static bool libsodium_opens(const uint8_t key[32], uint64_t count, const uint8_t *sealed, size_t size, uint8_t *plain)
{
	uint8_t nonce[12] = {0};
	unsigned long long opened;

	for (size_t i = 0; i < 8; i++)
		nonce[11 - i] = (uint8_t)(count >> 8 * i);
	return crypto_aead_aes256gcm_decrypt(plain, &opened, NULL, sealed, size, NULL, 0, nonce, key) == 0;
}

/* REKEY, with nothing but libsodium. */
static void libsodium_rekey(uint8_t key[32])
{
	const uint8_t zeros[32] = {0}, nonce[12] = {0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
	uint8_t sealed[48];

	crypto_aead_aes256gcm_encrypt(sealed, NULL, zeros, sizeof zeros, NULL, 0, NULL, nonce, key);
	memcpy(key, sealed, 32);
}

/* Pass messages `from` to `to` of a direction, and count those that do not arrive as they were sent. */
static uint64_t pass(struct sr_transport *send, struct sr_transport *receive, uint64_t from, uint64_t to)
{
	uint64_t wrong = 0;

	for (uint64_t count = from; count < to; count++) {
		uint8_t sealed[8 + SR_AEAD_TAG], back[8];

		wrong += sr_transport_seal(send, (const uint8_t *)&count, sizeof count, sealed) != SR_OK ||
			 sr_transport_open(receive, sealed, sizeof sealed, back) != SR_OK ||
			 memcmp(back, &count, sizeof count) != 0;
	}
	return wrong;
}

Test(noise, a_direction_rekeys_after_2_to_the_20_messages)
{
	json_t *root = vectors_load("noise.json");
	const json_t *vector = json_array_get(json_object_get(root, "vectors"), 0);
	struct session session = vector_session(vector);
	struct bytes published = bytes_in(json_array_get(json_object_get(vector, "messages"), 2), "ciphertext");
	struct bytes key = bytes_of(vector_key);
	uint8_t sealed[4 + SR_AEAD_TAG], plain[64], old_key[32];

	if (crypto_aead_aes256gcm_is_available() == 0)
		cr_skip_test("libsodium has no AES-256-GCM on this processor");
	cr_assert(libsodium_opens(key.data, 0, published.data, published.size, plain), "not the vector's key");

	cr_assert_eq(pass(session.there_send, session.there_receive, 0, SR_NOISE_REKEY_AFTER - 1), 0);
	cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"last", 4, sealed), SR_OK);
	cr_assert(libsodium_opens(key.data, SR_NOISE_REKEY_AFTER - 1, sealed, sizeof sealed, plain), "rekeyed early");
	cr_assert_eq(sr_transport_open(session.there_receive, sealed, sizeof sealed, plain), SR_OK);

	memcpy(old_key, key.data, sizeof old_key);
	libsodium_rekey(key.data);
	cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"next", 4, sealed), SR_OK);
	cr_assert_not(libsodium_opens(old_key, SR_NOISE_REKEY_AFTER, sealed, sizeof sealed, plain), "the old key");
	cr_assert(libsodium_opens(key.data, SR_NOISE_REKEY_AFTER, sealed, sizeof sealed, plain), "not REKEY's key");
	cr_assert_eq(sr_transport_open(session.there_receive, sealed, sizeof sealed, plain), SR_OK);
	cr_assert_arr_eq(plain, "next", 4);
	cr_assert_eq(pass(session.there_send, session.there_receive, 0, 100), 0, "in step after it");
	cr_assert_eq(pass(session.back_send, session.back_receive, 0, 100), 0, "the other direction goes its own way");
	free(key.data);
	free(published.data);
	session_free(&session);
	json_decref(root);
}

/* --- transport --- */

/* What follows a failure is not read either, whether or not the failure used up a nonce: `next` is 1 or 2. */
static void check_replay(size_t next)
{
	struct ends ends = ends_new();
	struct session session = session_of(&ends);
	uint8_t sealed[3][20], back[4];

	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"text", 4, sealed[i]), SR_OK);
	cr_assert_eq(sr_transport_open(session.there_receive, sealed[0], 20, back), SR_OK);
	cr_assert_arr_eq(back, "text", 4);
	cr_assert_eq(sr_transport_open(session.there_receive, sealed[0], 20, back), SR_UNAUTHENTICATED);
	cr_assert(sodium_is_zero(back, sizeof back));
	memcpy(back, "....", 4);
	cr_assert_eq(sr_transport_open(session.there_receive, sealed[next], 20, back), SR_UNAUTHENTICATED);
	cr_assert(sodium_is_zero(back, sizeof back));
	cr_assert_eq(pass(session.back_send, session.back_receive, 0, 3), 0, "the other direction is not over");
	session_free(&session);
	ends_free(&ends);
}

Test(noise, a_replayed_message_ends_the_direction)
{
	check_replay(1);
	check_replay(2);
}

Test(noise, a_skipped_or_reflected_message_is_refused)
{
	struct ends ends = ends_new();
	struct session session = session_of(&ends);
	uint8_t one[20], two[20], back[4];

	cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"one!", 4, one), SR_OK);
	cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"two!", 4, two), SR_OK);
	cr_assert_eq(sr_transport_open(session.there_receive, two, sizeof two, back), SR_UNAUTHENTICATED);
	cr_assert_eq(sr_transport_open(session.back_receive, one, sizeof one, back), SR_UNAUTHENTICATED);
	session_free(&session);
	ends_free(&ends);
}

Test(noise, no_flipped_bit_or_truncation_of_a_transport_message_opens)
{
	struct ends ends = ends_new();
	uint8_t sealed[20], back[20];

	for (size_t damage = 0; damage < sizeof sealed * 9; damage++) {
		struct session session;
		bool flip = damage < sizeof sealed * 8;
		size_t size = flip ? sizeof sealed : damage - sizeof sealed * 8;

		ends_again(&ends);
		session = session_of(&ends);
		cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"text", 4, sealed), SR_OK);
		if (flip)
			sealed[damage / 8] ^= (uint8_t)(1 << damage % 8);
		cr_assert_eq(sr_transport_open(session.there_receive, sealed, size, back), SR_UNAUTHENTICATED);
		session_free(&session);
	}
	ends_free(&ends);
}

Test(noise, transport_sizes)
{
	static uint8_t plain[65520], sealed[65536], back[65520];
	static const size_t sizes[] = {0, 1, 16, 16384, 65519};
	struct ends ends = ends_new();
	struct session session = session_of(&ends);

	randombytes_buf(plain, sizeof plain);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		cr_assert_eq(sr_transport_seal(session.there_send, plain, sizes[i], sealed), SR_OK);
		cr_assert_eq(sr_transport_open(session.there_receive, sealed, sizes[i] + SR_AEAD_TAG, back), SR_OK);
		cr_assert_eq(memcmp(back, plain, sizes[i]), 0);
		memcpy(sealed, plain, sizes[i]);
		cr_assert_eq(sr_transport_seal(session.there_send, sealed, sizes[i], sealed), SR_OK);
		cr_assert_eq(sr_transport_open(session.there_receive, sealed, sizes[i] + SR_AEAD_TAG, sealed), SR_OK);
		cr_assert_eq(memcmp(sealed, plain, sizes[i]), 0, "in place");
	}
	cr_assert_eq(sr_transport_seal(session.there_send, plain, 65520, sealed), SR_INTERNAL);
	cr_assert_eq(sr_transport_open(session.there_receive, sealed, 65536, back), SR_UNAUTHENTICATED);
	cr_assert(sodium_is_zero(back, sizeof back));
	session_free(&session);
	ends_free(&ends);
}
