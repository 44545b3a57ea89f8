/*
 * Noise_IKpsk2: everything that must end a handshake, down to forgeries whose tags fit.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ends.h"
#include "noise.h"
#include "vectors.h"

TestSuite(handshake, .init = set_up);

static void must_not_read1(struct ends *ends, const uint8_t *message, size_t size)
{
	uint8_t peer[SR_NOISE_KEY], payload[64];

	memset(peer, 0xee, sizeof peer);
	cr_assert_eq(sr_handshake_read1(ends->responder, message, size, peer, payload), SR_UNAUTHENTICATED);
	cr_assert(sodium_is_zero(peer, sizeof peer), "a key that proved nothing");
}

Test(handshake, no_flipped_bit_of_message_1_is_read)
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

Test(handshake, no_other_length_of_message_1_is_read)
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

Test(handshake, no_flipped_bit_of_message_2_is_read)
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

Test(handshake, no_other_length_of_message_2_is_read)
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

Test(handshake, another_psk_is_refused)
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

Test(handshake, another_prologue_or_responder_is_refused)
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

Test(handshake, ephemeral_keys_are_fresh)
{
	struct ends ends = ends_new();
	uint8_t one[SR_NOISE_MESSAGE1], two[SR_NOISE_MESSAGE1];

	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, one), SR_OK);
	ends_again(&ends);
	cr_assert_eq(sr_handshake_write1(ends.initiator, NULL, 0, two), SR_OK);
	cr_assert_neq(memcmp(one, two, SR_NOISE_KEY), 0);
	ends_free(&ends);
}

Test(handshake, payloads_end_at_65535_bytes)
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
Test(handshake, an_all_zero_result_is_refused_by_the_responder)
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

Test(handshake, an_all_zero_result_is_refused_by_the_initiator)
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

Test(handshake, every_call_out_of_turn_ends_the_handshake)
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
