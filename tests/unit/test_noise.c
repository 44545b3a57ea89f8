/*
 * Noise_IKpsk2: the published vector, everything that must end a handshake or a session, and rekeying.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "noise.h"
#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t prologue[] = "prologue";

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
}

TestSuite(noise, .init = set_up);

/* The two ends of a connection; keys differ in each run, as no outcome may hang on them. */
struct ends {
	uint8_t initiator_secret[SR_NOISE_KEY], initiator_public[SR_NOISE_KEY];
	uint8_t responder_secret[SR_NOISE_KEY], responder_public[SR_NOISE_KEY];
	uint8_t psk[SR_NOISE_KEY];
	struct sr_handshake *initiator, *responder;
};

static void ends_begin(struct ends *ends)
{
	ends->initiator = sr_handshake_initiator(ends->initiator_secret, ends->responder_public, ends->psk, prologue,
						 sizeof prologue, NULL);
	ends->responder = sr_handshake_responder(ends->responder_secret, prologue, sizeof prologue, NULL);
	cr_assert(ends->initiator != NULL && ends->responder != NULL);
}

static struct ends ends_new(void)
{
	struct ends ends;

	crypto_box_keypair(ends.initiator_public, ends.initiator_secret);
	crypto_box_keypair(ends.responder_public, ends.responder_secret);
	randombytes_buf(ends.psk, sizeof ends.psk);
	ends_begin(&ends);
	return ends;
}

static void ends_free(struct ends *ends)
{
	sr_handshake_free(ends->initiator);
	sr_handshake_free(ends->responder);
}

static void ends_again(struct ends *ends)
{
	ends_free(ends);
	ends_begin(ends);
}

/* An established session: both directions at both ends. */
struct session {
	struct sr_transport *there_send, *there_receive, *back_send, *back_receive;
};

static struct session session_of(struct ends *ends)
{
	uint8_t message1[SR_NOISE_MESSAGE1], message2[SR_NOISE_MESSAGE2], peer[SR_NOISE_KEY];
	uint8_t hash[2][SR_NOISE_HASH];
	struct session session;

	cr_assert_eq(sr_handshake_write1(ends->initiator, NULL, 0, message1), SR_OK);
	cr_assert_eq(sr_handshake_read1(ends->responder, message1, sizeof message1, peer, NULL), SR_OK);
	cr_assert_arr_eq(peer, ends->initiator_public, sizeof peer);
	cr_assert_eq(sr_handshake_write2(ends->responder, ends->psk, NULL, 0, message2), SR_OK);
	cr_assert_eq(sr_handshake_read2(ends->initiator, message2, sizeof message2, NULL), SR_OK);
	cr_assert_eq(sr_handshake_split(ends->initiator, &session.there_send, &session.back_receive, hash[0]), SR_OK);
	cr_assert_eq(sr_handshake_split(ends->responder, &session.back_send, &session.there_receive, hash[1]), SR_OK);
	cr_assert_arr_eq(hash[0], hash[1], SR_NOISE_HASH);
	return session;
}

static void session_free(struct session *session)
{
	sr_transport_free(session->there_send);
	sr_transport_free(session->there_receive);
	sr_transport_free(session->back_send);
	sr_transport_free(session->back_receive);
}

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

/* --- handshakes that must end --- */

static void must_not_read1(struct ends *ends, const uint8_t *message, size_t size)
{
	uint8_t peer[SR_NOISE_KEY], payload[64];

	memset(peer, 0xee, sizeof peer);
	cr_assert_eq(sr_handshake_read1(ends->responder, message, size, peer, payload), SR_UNAUTHENTICATED);
	cr_assert(sodium_is_zero(peer, sizeof peer), "a key that proved nothing");
}

Test(noise, no_flipped_bit_of_message_1_is_read)
{
	struct ends ends = ends_new();
	uint8_t message[SR_NOISE_MESSAGE1];

	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, message), SR_OK);
	for (size_t bit = 0; bit < sizeof message * 8; bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		must_not_read1(&ends, message, sizeof message);
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		sr_handshake_free(ends.responder);
		ends.responder = sr_handshake_responder(ends.responder_secret, prologue, sizeof prologue, NULL);
	}
	ends_free(&ends);
}

Test(noise, no_other_length_of_message_1_is_read)
{
	struct ends ends = ends_new();
	uint8_t message[SR_NOISE_MESSAGE1 + 20] = {0};

	for (size_t size = 0; size <= sizeof message; size++) {
		if (size == SR_NOISE_MESSAGE1)
			continue;
		cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, message), SR_OK);
		must_not_read1(&ends, message, size);
		ends_again(&ends);
	}
	ends_free(&ends);
}

/* Message 2 of a fresh handshake. */
static void reach_message2(struct ends *ends, uint8_t message2[SR_NOISE_MESSAGE2])
{
	uint8_t message1[SR_NOISE_MESSAGE1], peer[SR_NOISE_KEY];

	ends_again(ends);
	cr_assert_eq(sr_handshake_write1(ends->initiator, NULL, 0, message1), SR_OK);
	cr_assert_eq(sr_handshake_read1(ends->responder, message1, sizeof message1, peer, NULL), SR_OK);
	cr_assert_eq(sr_handshake_write2(ends->responder, ends->psk, NULL, 0, message2), SR_OK);
}

Test(noise, no_flipped_bit_of_message_2_is_read)
{
	struct ends ends = ends_new();
	uint8_t message[SR_NOISE_MESSAGE2];

	for (size_t bit = 0; bit < sizeof message * 8; bit++) {
		struct sr_transport *send, *receive;

		reach_message2(&ends, message);
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(sr_handshake_read2(ends.initiator, message, sizeof message, NULL), SR_UNAUTHENTICATED);
		cr_assert_eq(sr_handshake_split(ends.initiator, &send, &receive, NULL), SR_INTERNAL);
		cr_assert(send == NULL && receive == NULL);
	}
	ends_free(&ends);
}

Test(noise, no_other_length_of_message_2_is_read)
{
	struct ends ends = ends_new();
	uint8_t message[SR_NOISE_MESSAGE2 + 20] = {0}, payload[20];

	for (size_t size = 0; size <= sizeof message; size++) {
		enum sr_code expected = size == SR_NOISE_MESSAGE2 ? SR_OK : SR_UNAUTHENTICATED;

		reach_message2(&ends, message);
		cr_assert_eq(sr_handshake_read2(ends.initiator, message, size, payload), expected);
	}
	ends_free(&ends);
}

Test(noise, another_psk_is_refused)
{
	struct ends ends = ends_new();
	uint8_t message1[SR_NOISE_MESSAGE1], message2[SR_NOISE_MESSAGE2], peer[SR_NOISE_KEY];

	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, message1), SR_OK);
	cr_assert_eq(sr_handshake_read1(ends.responder, message1, sizeof message1, peer, NULL), SR_OK);
	ends.psk[31] ^= 1;
	cr_assert_eq(sr_handshake_write2(ends.responder, ends.psk, NULL, 0, message2), SR_OK);
	cr_assert_eq(sr_handshake_read2(ends.initiator, message2, sizeof message2, NULL), SR_UNAUTHENTICATED);
	ends_free(&ends);
}

Test(noise, another_prologue_or_responder_is_refused)
{
	struct ends ends = ends_new();
	uint8_t message[SR_NOISE_MESSAGE1];

	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, message), SR_OK);
	sr_handshake_free(ends.responder);
	ends.responder = sr_handshake_responder(ends.responder_secret, prologue, sizeof prologue - 1, NULL);
	must_not_read1(&ends, message, sizeof message);
	sr_handshake_free(ends.responder);
	ends.responder = sr_handshake_responder(ends.initiator_secret, prologue, sizeof prologue, NULL);
	must_not_read1(&ends, message, sizeof message);
	ends_free(&ends);
}

Test(noise, ephemeral_keys_are_fresh)
{
	struct ends ends = ends_new();
	uint8_t one[SR_NOISE_MESSAGE1], two[SR_NOISE_MESSAGE1];

	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, one), SR_OK);
	ends_again(&ends);
	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, two), SR_OK);
	cr_assert_neq(memcmp(one, two, SR_NOISE_KEY), 0);
	ends_free(&ends);
}

Test(noise, payloads_end_at_65535_bytes)
{
	static uint8_t payload[65535], message[65535], back[65535];
	struct ends ends = ends_new();
	uint8_t peer[SR_NOISE_KEY];
	size_t most1 = 65535 - SR_NOISE_MESSAGE1, most2 = 65535 - SR_NOISE_MESSAGE2;

	cr_assert_eq(sr_handshake_write1(ends.initiator, payload, most1 + 1, message), SR_INTERNAL);
	ends_again(&ends);
	cr_assert_eq(sr_handshake_write1(ends.initiator, payload, most1, message), SR_OK);
	cr_assert_eq(sr_handshake_read1(ends.responder, message, sizeof message, peer, back), SR_OK);
	cr_assert_eq(sr_handshake_write2(ends.responder, ends.psk, payload, most2, message), SR_OK);
	cr_assert_eq(sr_handshake_read2(ends.initiator, message, sizeof message, back), SR_OK);
	ends_again(&ends);
	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, message), SR_OK);
	cr_assert_eq(sr_handshake_read1(ends.responder, message, SR_NOISE_MESSAGE1, peer, NULL), SR_OK);
	cr_assert_eq(sr_handshake_write2(ends.responder, ends.psk, payload, most2 + 1, message), SR_INTERNAL);
	ends_free(&ends);
}

/* --- low-order points --- */

/* The points whose product with any secret key is zero, in every encoding that curve25519 knows. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

/* The other side of a handshake, on libsodium alone, that may claim any shared secret it likes. */
struct forger {
	uint8_t chaining_key[64], hash[64], key[64];
};

static void forger_hash(struct forger *forger, const uint8_t *data, size_t size)
{
	crypto_hash_sha512_state state;

	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, forger->hash, sizeof forger->hash);
	crypto_hash_sha512_update(&state, data, size);
	crypto_hash_sha512_final(&state, forger->hash);
}

static void forger_hmac(const uint8_t key[64], const uint8_t *data, size_t size, uint8_t number, uint8_t out[64])
{
	crypto_auth_hmacsha512_state state;

	crypto_auth_hmacsha512_init(&state, key, 64);
	crypto_auth_hmacsha512_update(&state, data, size);
	if (number != 0)
		crypto_auth_hmacsha512_update(&state, &number, 1);
	crypto_auth_hmacsha512_final(&state, out);
}

static void forger_key(struct forger *forger, const uint8_t ikm[32])
{
	uint8_t prk[64];

	forger_hmac(forger->chaining_key, ikm, 32, 0, prk);
	forger_hmac(prk, NULL, 0, 1, forger->chaining_key);
	forger_hmac(prk, forger->chaining_key, 64, 2, forger->key);
}

static void forger_seal(struct forger *forger, const uint8_t *plain, size_t size, uint8_t *sealed)
{
	const uint8_t nonce[12] = {0};

	crypto_aead_aes256gcm_encrypt(sealed, NULL, plain, size, forger->hash, 64, NULL, nonce, forger->key);
	forger_hash(forger, sealed, size + 16);
}

/* Message 1 with the given e and static key, and the es and ss that are claimed for them. */
struct claim {
	uint8_t e[32], s[32], es[32], ss[32];
};

static void forge_message1(const struct ends *ends, const struct claim *claim, uint8_t message[SR_NOISE_MESSAGE1])
{
	struct forger forger = {.hash = "Noise_IKpsk2_25519_AESGCM_SHA512"};

	memcpy(forger.chaining_key, forger.hash, 64);
	forger_hash(&forger, prologue, sizeof prologue);
	forger_hash(&forger, ends->responder_public, 32);
	memcpy(message, claim->e, 32);
	forger_hash(&forger, claim->e, 32);
	forger_key(&forger, claim->e);
	forger_key(&forger, claim->es);
	forger_seal(&forger, claim->s, 32, message + 32);
	forger_key(&forger, claim->ss);
	forger_seal(&forger, NULL, 0, message + 80);
}

static struct claim honest_claim(const struct ends *ends)
{
	struct claim claim;
	uint8_t ephemeral[32];

	randombytes_buf(ephemeral, sizeof ephemeral);
	crypto_scalarmult_base(claim.e, ephemeral);
	memcpy(claim.s, ends->initiator_public, 32);
	cr_assert_eq(crypto_scalarmult(claim.es, ephemeral, ends->responder_public), 0);
	cr_assert_eq(crypto_scalarmult(claim.ss, ends->initiator_secret, ends->responder_public), 0);
	return claim;
}

/* Each forgery would be read, its tags fit, if an all-zero result were taken for a shared secret. */
Test(noise, an_all_zero_result_is_refused_by_the_responder)
{
	struct ends ends = ends_new();
	struct claim honest = honest_claim(&ends);
	uint8_t message[SR_NOISE_MESSAGE1], peer[SR_NOISE_KEY];

	if (crypto_aead_aes256gcm_is_available() == 0)
		cr_skip_test("libsodium has no AES-256-GCM on this processor");
	forge_message1(&ends, &honest, message);
	cr_assert_eq(sr_handshake_read1(ends.responder, message, sizeof message, peer, NULL), SR_OK,
		     "the forger itself is wrong");
	for (size_t i = 0; i < COUNT(low_order); i++) {
		struct bytes point = bytes_of(low_order[i]);
		struct claim claim = honest;

		memcpy(claim.e, point.data, 32);
		memset(claim.es, 0, 32);
		forge_message1(&ends, &claim, message);
		ends_again(&ends);
		must_not_read1(&ends, message, sizeof message);
		claim = honest;
		memcpy(claim.s, point.data, 32);
		memset(claim.ss, 0, 32);
		forge_message1(&ends, &claim, message);
		ends_again(&ends);
		must_not_read1(&ends, message, sizeof message);
		free(point.data);
	}
	ends_free(&ends);
}

Test(noise, an_all_zero_result_is_refused_by_the_initiator)
{
	struct ends ends = ends_new();

	for (size_t i = 0; i < COUNT(low_order); i++) {
		struct bytes point = bytes_of(low_order[i]);
		uint8_t message[SR_NOISE_MESSAGE1];

		memcpy(ends.responder_public, point.data, SR_NOISE_KEY);
		ends_again(&ends);
		cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, message), SR_UNAUTHENTICATED, "%s",
			     low_order[i]);
		free(point.data);
	}
	ends_free(&ends);
}

/* --- order of calls --- */

enum call { WRITE1, READ1, WRITE2, READ2, SPLIT, CALLS };

/* A handshake brought to a place, at both ends: which end is looked at, and how many calls it has had. */
struct place {
	bool initiator;
	int calls;
};

static const enum call order[2][3] = {{READ1, WRITE2, SPLIT}, {WRITE1, READ2, SPLIT}};

static enum sr_code make_call(struct ends *ends, bool initiator, enum call call, uint8_t *wire)
{
	struct sr_handshake *handshake = initiator ? ends->initiator : ends->responder;
	struct sr_transport *send = NULL, *receive = NULL;
	uint8_t peer[SR_NOISE_KEY];
	enum sr_code code = SR_INTERNAL;

	switch (call) {
	case WRITE1:
		return sr_handshake_write1(handshake, NULL, 0, wire);
	case READ1:
		return sr_handshake_read1(handshake, wire, SR_NOISE_MESSAGE1, peer, NULL);
	case WRITE2:
		return sr_handshake_write2(handshake, ends->psk, NULL, 0, wire);
	case READ2:
		return sr_handshake_read2(handshake, wire, SR_NOISE_MESSAGE2, NULL);
	default:
		code = sr_handshake_split(handshake, &send, &receive, NULL);
		sr_transport_free(send);
		sr_transport_free(receive);
		return code;
	}
}

/* Run the handshake until the end at `place` has had its calls; `wire` is the last message. */
static void reach(struct ends *ends, struct place place, uint8_t *wire)
{
	static const struct {
		bool initiator;
		enum call call;
	} script[] = {{true, WRITE1}, {false, READ1}, {false, WRITE2}, {true, READ2}};
	int had = 0;

	ends_again(ends);
	for (size_t i = 0; i < COUNT(script) && had < place.calls; i++) {
		cr_assert_eq(make_call(ends, script[i].initiator, script[i].call, wire), SR_OK);
		had += script[i].initiator == place.initiator;
	}
	for (; had < place.calls; had++)
		cr_assert_eq(make_call(ends, place.initiator, SPLIT, wire), SR_OK);
}

Test(noise, every_call_out_of_turn_ends_the_handshake)
{
	struct ends ends = ends_new();
	uint8_t wire[SR_NOISE_MESSAGE1] = {0};

	for (int side = 0; side < 2; side++) {
		for (int calls = 0; calls <= 3; calls++) {
			for (enum call call = WRITE1; call < CALLS; call++) {
				struct place place = {.initiator = side == 1, .calls = calls};

				if (calls < 3 && call == order[side][calls])
					continue;
				reach(&ends, place, wire);
				cr_assert_eq(make_call(&ends, place.initiator, call, wire), SR_INTERNAL,
					     "side %d after %d calls: call %d", side, calls, (int)call);
				for (enum call then = WRITE1; then < CALLS; then++)
					cr_assert_eq(make_call(&ends, place.initiator, then, wire), SR_INTERNAL);
			}
		}
	}
	ends_free(&ends);
}

/* --- transport --- */

Test(noise, a_replayed_message_ends_the_direction)
{
	struct ends ends = ends_new();
	struct session session = session_of(&ends);
	uint8_t one[20], two[20], back[4] = "....";

	cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"one!", 4, one), SR_OK);
	cr_assert_eq(sr_transport_seal(session.there_send, (const uint8_t *)"two!", 4, two), SR_OK);
	cr_assert_eq(sr_transport_open(session.there_receive, one, sizeof one, back), SR_OK);
	cr_assert_arr_eq(back, "one!", 4);
	cr_assert_eq(sr_transport_open(session.there_receive, one, sizeof one, back), SR_UNAUTHENTICATED);
	cr_assert(sodium_is_zero(back, sizeof back));
	memcpy(back, "....", 4);
	cr_assert_eq(sr_transport_open(session.there_receive, two, sizeof two, back), SR_UNAUTHENTICATED, "it is over");
	cr_assert(sodium_is_zero(back, sizeof back));
	cr_assert_eq(pass(session.back_send, session.back_receive, 0, 3), 0, "the other direction is not");
	session_free(&session);
	ends_free(&ends);
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
