/*
 * Noise_IKpsk2_25519_AESGCM_SHA512: the symmetric state, the two messages on each side, and the transport ciphers.
 */
#include "noise.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "hkdf.h"

#define MESSAGE_MAX 65535
#define SEALED_KEY (SR_NOISE_KEY + SR_AEAD_TAG)

static const char protocol_name[] = "Noise_IKpsk2_25519_AESGCM_SHA512";

/* FAILED also stands for a call out of turn: nothing more comes of the handshake. */
enum step { FAILED, INITIATOR_FIRST, INITIATOR_WAITS, RESPONDER_WAITS, RESPONDER_ANSWERS, COMPLETE, ENDED, STEPS };

enum event { WRITE1, READ1, WRITE2, READ2, SPLIT, EVENTS };

/* Where a call leads. Every pair not named is out of turn and leads to FAILED. */
static const enum step next_step[STEPS][EVENTS] = {
	[INITIATOR_FIRST][WRITE1] = INITIATOR_WAITS,
	[INITIATOR_WAITS][READ2] = COMPLETE,
	[RESPONDER_WAITS][READ1] = RESPONDER_ANSWERS,
	[RESPONDER_ANSWERS][WRITE2] = COMPLETE,
	[COMPLETE][SPLIT] = ENDED,
};

struct sr_handshake {
	struct sr_aead *aead;
	enum step step;
	bool initiator;
	uint8_t own_secret[SR_NOISE_KEY];
	uint8_t own_public[SR_NOISE_KEY];
	uint8_t ephemeral_secret[SR_NOISE_KEY];
	uint8_t ephemeral_public[SR_NOISE_KEY];
	uint8_t peer_static[SR_NOISE_KEY];
	uint8_t peer_ephemeral[SR_NOISE_KEY];
	uint8_t psk[SR_NOISE_KEY];
	uint8_t chaining_key[SR_NOISE_HASH];
	uint8_t hash[SR_NOISE_HASH];
	uint8_t key[SR_AEAD_KEY];
};

struct sr_transport {
	struct sr_aead *aead;
	uint64_t count; /* messages so far, and so the next nonce; a rekey does not reset it */
	bool over;
};

static bool turn(struct sr_handshake *handshake, enum event event)
{
	handshake->step = next_step[handshake->step][event];
	return handshake->step != FAILED;
}

static void mix_hash(struct sr_handshake *handshake, const uint8_t *data, size_t size)
{
	crypto_hash_sha512_state state;

	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, handshake->hash, sizeof handshake->hash);
	crypto_hash_sha512_update(&state, data, size);
	crypto_hash_sha512_final(&state, handshake->hash);
}

/* Noise's HKDF: `count` outputs of SR_NOISE_HASH bytes, of which keys take the first half. */
static void noise_hkdf(const uint8_t chaining_key[SR_NOISE_HASH], const uint8_t *ikm, size_t ikm_size, uint8_t *out,
		       size_t count)
{
	uint8_t prk[SR_HKDF_PRK];

	sr_hkdf_extract(chaining_key, SR_NOISE_HASH, ikm, ikm_size, prk);
	sr_hkdf_expand(prk, sizeof prk, NULL, 0, out, count * SR_NOISE_HASH);
	sodium_memzero(prk, sizeof prk);
}

static void mix_key(struct sr_handshake *handshake, const uint8_t ikm[SR_NOISE_KEY])
{
	uint8_t out[2][SR_NOISE_HASH];

	noise_hkdf(handshake->chaining_key, ikm, SR_NOISE_KEY, out[0], 2);
	memcpy(handshake->chaining_key, out[0], SR_NOISE_HASH);
	memcpy(handshake->key, out[1], SR_AEAD_KEY);
	sodium_memzero(out, sizeof out);
}

/* The psk token. */
static void mix_psk(struct sr_handshake *handshake, const uint8_t psk[SR_NOISE_KEY])
{
	uint8_t out[3][SR_NOISE_HASH];

	noise_hkdf(handshake->chaining_key, psk, SR_NOISE_KEY, out[0], 3);
	memcpy(handshake->chaining_key, out[0], SR_NOISE_HASH);
	mix_hash(handshake, out[1], SR_NOISE_HASH);
	memcpy(handshake->key, out[2], SR_AEAD_KEY);
	sodium_memzero(out, sizeof out);
}

/* The e token, which in a psk handshake keys the cipher too (Noise 9.2). */
static void mix_ephemeral(struct sr_handshake *handshake, const uint8_t public_key[SR_NOISE_KEY])
{
	mix_hash(handshake, public_key, SR_NOISE_KEY);
	mix_key(handshake, public_key);
}

static enum sr_code mix_dh(struct sr_handshake *handshake, const uint8_t secret_key[SR_NOISE_KEY],
			   const uint8_t public_key[SR_NOISE_KEY])
{
	uint8_t shared[SR_NOISE_KEY];
	enum sr_code code = SR_UNAUTHENTICATED;

	/* libsodium fails on an all-zero result and on the low-order points that give one. */
	if (crypto_scalarmult(shared, secret_key, public_key) == 0) {
		mix_key(handshake, shared);
		code = SR_OK;
	}
	sodium_memzero(shared, sizeof shared);
	return code;
}

/* In this pattern a new key is mixed in before each use of the cipher, so its nonce is always the first. */
static const uint8_t first_nonce[SR_AEAD_NONCE];

static enum sr_code seal_and_hash(struct sr_handshake *handshake, const uint8_t *plain, size_t size, uint8_t *sealed)
{
	if (!sr_aead_rekey(handshake->aead, handshake->key) ||
	    !sr_aead_seal(handshake->aead, first_nonce, handshake->hash, SR_NOISE_HASH, plain, size, sealed))
		return SR_INTERNAL;
	mix_hash(handshake, sealed, size + SR_AEAD_TAG);
	return SR_OK;
}

static enum sr_code open_and_hash(struct sr_handshake *handshake, struct sr_span sealed, uint8_t *plain)
{
	if (!sr_aead_rekey(handshake->aead, handshake->key))
		return SR_INTERNAL;
	if (!sr_aead_open(handshake->aead, first_nonce, handshake->hash, SR_NOISE_HASH, sealed.data, sealed.size,
			  plain))
		return SR_UNAUTHENTICATED;
	mix_hash(handshake, sealed.data, sealed.size);
	return SR_OK;
}

/* What both sides begin with, up to the responder's static key, which the caller mixes in. */
static struct sr_handshake *begin(enum step step, const uint8_t secret_key[SR_NOISE_KEY], const uint8_t *prologue,
				  size_t prologue_size, const uint8_t *ephemeral)
{
	struct sr_handshake *handshake = calloc(1, sizeof *handshake);

	if (handshake == NULL)
		return NULL;
	handshake->aead = sr_aead_new(handshake->key);
	if (handshake->aead == NULL) {
		sr_handshake_free(handshake);
		return NULL;
	}
	handshake->step = step;
	memcpy(handshake->own_secret, secret_key, SR_NOISE_KEY);
	(void)crypto_scalarmult_base(handshake->own_public, handshake->own_secret);
	if (ephemeral != NULL)
		memcpy(handshake->ephemeral_secret, ephemeral, SR_NOISE_KEY);
	else
		randombytes_buf(handshake->ephemeral_secret, SR_NOISE_KEY);
	(void)crypto_scalarmult_base(handshake->ephemeral_public, handshake->ephemeral_secret);
	/* A name that fits the hash's length stands for itself, padded with zeros. */
	memcpy(handshake->hash, protocol_name, sizeof protocol_name - 1);
	memcpy(handshake->chaining_key, handshake->hash, SR_NOISE_HASH);
	mix_hash(handshake, prologue, prologue_size);
	return handshake;
}

struct sr_handshake *sr_handshake_initiator(const uint8_t secret_key[SR_NOISE_KEY],
					    const uint8_t peer_key[SR_NOISE_KEY], const uint8_t psk[SR_NOISE_KEY],
					    const uint8_t *prologue, size_t prologue_size, const uint8_t *ephemeral)
{
	struct sr_handshake *handshake = begin(INITIATOR_FIRST, secret_key, prologue, prologue_size, ephemeral);

	if (handshake == NULL)
		return NULL;
	handshake->initiator = true;
	memcpy(handshake->peer_static, peer_key, SR_NOISE_KEY);
	memcpy(handshake->psk, psk, SR_NOISE_KEY);
	mix_hash(handshake, handshake->peer_static, SR_NOISE_KEY);
	return handshake;
}

struct sr_handshake *sr_handshake_responder(const uint8_t secret_key[SR_NOISE_KEY], const uint8_t *prologue,
					    size_t prologue_size, const uint8_t *ephemeral)
{
	struct sr_handshake *handshake = begin(RESPONDER_WAITS, secret_key, prologue, prologue_size, ephemeral);

	if (handshake != NULL)
		mix_hash(handshake, handshake->own_public, SR_NOISE_KEY);
	return handshake;
}

void sr_handshake_free(struct sr_handshake *handshake)
{
	if (handshake == NULL)
		return;
	sr_aead_free(handshake->aead);
	sodium_memzero(handshake, sizeof *handshake);
	free(handshake);
}

/* Message 1: e, es, s, ss. */
enum sr_code sr_handshake_write1(struct sr_handshake *handshake, const uint8_t *payload, size_t payload_size,
				 uint8_t *out)
{
	enum sr_code code;

	if (!turn(handshake, WRITE1) || payload_size > MESSAGE_MAX - SR_NOISE_MESSAGE1) {
		handshake->step = FAILED;
		return SR_INTERNAL;
	}
	memcpy(out, handshake->ephemeral_public, SR_NOISE_KEY);
	mix_ephemeral(handshake, handshake->ephemeral_public);
	code = mix_dh(handshake, handshake->ephemeral_secret, handshake->peer_static);
	if (code == SR_OK)
		code = seal_and_hash(handshake, handshake->own_public, SR_NOISE_KEY, out + SR_NOISE_KEY);
	if (code == SR_OK)
		code = mix_dh(handshake, handshake->own_secret, handshake->peer_static);
	if (code == SR_OK)
		code = seal_and_hash(handshake, payload, payload_size, out + SR_NOISE_KEY + SEALED_KEY);
	if (code != SR_OK)
		handshake->step = FAILED;
	return code;
}

enum sr_code sr_handshake_read1(struct sr_handshake *handshake, const uint8_t *in, size_t size,
				uint8_t peer_key[SR_NOISE_KEY], uint8_t *payload)
{
	struct sr_cursor message = sr_cursor_over(in, size);
	struct sr_span sealed_key;
	struct sr_span sealed_payload;
	enum sr_code code = turn(handshake, READ1) ? SR_OK : SR_INTERNAL;

	memset(peer_key, 0, SR_NOISE_KEY);
	sr_take_copy(&message, handshake->peer_ephemeral, SR_NOISE_KEY);
	sealed_key = sr_take_span(&message, SEALED_KEY);
	sealed_payload = sr_take_rest(&message);
	if (code == SR_OK && (!sr_take_done(&message) || size > MESSAGE_MAX))
		code = SR_UNAUTHENTICATED;
	if (code != SR_OK)
		goto out;
	mix_ephemeral(handshake, handshake->peer_ephemeral);
	code = mix_dh(handshake, handshake->own_secret, handshake->peer_ephemeral);
	if (code == SR_OK)
		code = open_and_hash(handshake, sealed_key, handshake->peer_static);
	if (code == SR_OK)
		code = mix_dh(handshake, handshake->own_secret, handshake->peer_static);
	if (code == SR_OK)
		code = open_and_hash(handshake, sealed_payload, payload);
out:
	if (code == SR_OK)
		memcpy(peer_key, handshake->peer_static, SR_NOISE_KEY);
	else
		handshake->step = FAILED;
	return code;
}

/* Message 2: e, ee, se, psk. */
enum sr_code sr_handshake_write2(struct sr_handshake *handshake, const uint8_t psk[SR_NOISE_KEY],
				 const uint8_t *payload, size_t payload_size, uint8_t *out)
{
	enum sr_code code;

	if (!turn(handshake, WRITE2) || payload_size > MESSAGE_MAX - SR_NOISE_MESSAGE2) {
		handshake->step = FAILED;
		return SR_INTERNAL;
	}
	memcpy(out, handshake->ephemeral_public, SR_NOISE_KEY);
	mix_ephemeral(handshake, handshake->ephemeral_public);
	code = mix_dh(handshake, handshake->ephemeral_secret, handshake->peer_ephemeral);
	if (code == SR_OK)
		code = mix_dh(handshake, handshake->ephemeral_secret, handshake->peer_static);
	if (code == SR_OK) {
		mix_psk(handshake, psk);
		code = seal_and_hash(handshake, payload, payload_size, out + SR_NOISE_KEY);
	}
	if (code != SR_OK)
		handshake->step = FAILED;
	return code;
}

enum sr_code sr_handshake_read2(struct sr_handshake *handshake, const uint8_t *in, size_t size, uint8_t *payload)
{
	struct sr_cursor message = sr_cursor_over(in, size);
	struct sr_span sealed_payload;
	enum sr_code code = turn(handshake, READ2) ? SR_OK : SR_INTERNAL;

	sr_take_copy(&message, handshake->peer_ephemeral, SR_NOISE_KEY);
	sealed_payload = sr_take_rest(&message);
	if (code == SR_OK && (!sr_take_done(&message) || size > MESSAGE_MAX))
		code = SR_UNAUTHENTICATED;
	if (code != SR_OK)
		goto out;
	mix_ephemeral(handshake, handshake->peer_ephemeral);
	code = mix_dh(handshake, handshake->ephemeral_secret, handshake->peer_ephemeral);
	if (code == SR_OK)
		code = mix_dh(handshake, handshake->own_secret, handshake->peer_ephemeral);
	if (code == SR_OK) {
		mix_psk(handshake, handshake->psk);
		code = open_and_hash(handshake, sealed_payload, payload);
	}
out:
	if (code != SR_OK)
		handshake->step = FAILED;
	return code;
}

static struct sr_transport *transport_new(const uint8_t key[SR_AEAD_KEY])
{
	struct sr_transport *transport = calloc(1, sizeof *transport);

	if (transport == NULL)
		return NULL;
	transport->aead = sr_aead_new(key);
	if (transport->aead == NULL) {
		free(transport);
		return NULL;
	}
	return transport;
}

enum sr_code sr_handshake_split(struct sr_handshake *handshake, struct sr_transport **send,
				struct sr_transport **receive, uint8_t *hash)
{
	uint8_t keys[2][SR_NOISE_HASH];
	size_t sending = handshake->initiator ? 0 : 1;
	enum sr_code code = SR_INTERNAL;

	*send = NULL;
	*receive = NULL;
	if (!turn(handshake, SPLIT))
		return SR_INTERNAL;
	noise_hkdf(handshake->chaining_key, NULL, 0, keys[0], 2);
	*send = transport_new(keys[sending]);
	*receive = transport_new(keys[1 - sending]);
	if (*send == NULL || *receive == NULL)
		goto out;
	if (hash != NULL)
		memcpy(hash, handshake->hash, SR_NOISE_HASH);
	code = SR_OK;
out:
	if (code != SR_OK) {
		sr_transport_free(*send);
		sr_transport_free(*receive);
		*send = NULL;
		*receive = NULL;
	}
	sodium_memzero(keys, sizeof keys);
	return code;
}

void sr_transport_free(struct sr_transport *transport)
{
	if (transport == NULL)
		return;
	sr_aead_free(transport->aead);
	free(transport);
}

/* AESGCM's nonce (Noise 12.4): four zero bytes and the big-endian count. */
static void transport_nonce(uint64_t count, uint8_t nonce[SR_AEAD_NONCE])
{
	struct sr_builder out = sr_builder_over(nonce, SR_AEAD_NONCE);

	sr_put_u32(&out, 0);
	sr_put_u64(&out, count);
}

/* REKEY (Noise 4.2): the first 32 bytes that the last nonce of all makes of zeros. */
static bool transport_rekey(struct sr_transport *transport)
{
	uint8_t nonce[SR_AEAD_NONCE];
	uint8_t sealed[SR_AEAD_KEY + SR_AEAD_TAG] = {0};
	bool done;

	transport_nonce(UINT64_MAX, nonce);
	done = sr_aead_seal(transport->aead, nonce, NULL, 0, sealed, SR_AEAD_KEY, sealed) &&
	       sr_aead_rekey(transport->aead, sealed);
	sodium_memzero(sealed, sizeof sealed);
	return done;
}

/* Take the next nonce, rekeying where it is due. False if there can be no further message. */
static bool transport_next(struct sr_transport *transport, uint8_t nonce[SR_AEAD_NONCE])
{
	if (transport->over || transport->count == UINT64_MAX)
		return false;
	if (transport->count != 0 && transport->count % SR_NOISE_REKEY_AFTER == 0 && !transport_rekey(transport))
		return false;
	transport_nonce(transport->count++, nonce);
	return true;
}

enum sr_code sr_transport_seal(struct sr_transport *transport, const uint8_t *plain, size_t size, uint8_t *out)
{
	uint8_t nonce[SR_AEAD_NONCE];

	if (size <= MESSAGE_MAX - SR_AEAD_TAG && transport_next(transport, nonce) &&
	    sr_aead_seal(transport->aead, nonce, NULL, 0, plain, size, out))
		return SR_OK;
	transport->over = true;
	return SR_INTERNAL;
}

enum sr_code sr_transport_open(struct sr_transport *transport, const uint8_t *sealed, size_t size, uint8_t *out)
{
	uint8_t nonce[SR_AEAD_NONCE];

	if (size >= SR_AEAD_TAG && size <= MESSAGE_MAX && transport_next(transport, nonce) &&
	    sr_aead_open(transport->aead, nonce, NULL, 0, sealed, size, out))
		return SR_OK;
	transport->over = true;
	if (size > SR_AEAD_TAG)
		sodium_memzero(out, size - SR_AEAD_TAG);
	return SR_UNAUTHENTICATED;
}
