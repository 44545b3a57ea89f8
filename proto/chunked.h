/*
 * C2SP chunked-encryption, instantiation Cobblestone-256 (c2sp.org/chunked-encryption): how everything at rest is
 * sealed. A sealed message is salt, commitment, then chunks of 16 KiB, the last always short.
 */
#ifndef SR_CHUNKED_H
#define SR_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aead.h"
#include "cursor.h"
#include "error.h"

#define SR_KEY 32
#define SR_SALT 24
#define SR_COMMITMENT 32
#define SR_CHUNK 16384
#define SR_CHUNK_SEALED (SR_CHUNK + SR_AEAD_TAG)
#define SR_SEALED_FRONT (SR_SALT + SR_COMMITMENT)

/* The least a sealed message adds to a plaintext shorter than one chunk. */
#define SR_SEALED_SMALL (SR_SEALED_FRONT + SR_AEAD_TAG)

/* What opens one sealed message and no other: released to a player for a segment. Secret. */
struct sr_message_key {
	uint8_t key[SR_AEAD_KEY];
	uint8_t base_nonce[SR_AEAD_NONCE];
	uint8_t commitment[SR_COMMITMENT];
};

/* How an attempt to open ended. Only SR_OPENED hands out plaintext. */
enum sr_opening {
	SR_OPENED = 0,
	SR_OTHER_KEY,  /* the commitment is another key's, or another context's */
	SR_DAMAGED,    /* the commitment fits, or there is none: the bytes are not whole */
	SR_OPEN_FAILED /* memory or libcrypto failed: says nothing about the bytes */
};

/* Length in bytes of the sealed form of `plain` bytes: front, every chunk, every tag. `plain` is below 2^52. */
uint64_t sr_sealed_size(uint64_t plain);

/* The plaintext length of a sealed message of `sealed` bytes; false if no message has that length. */
bool sr_plain_size(uint64_t sealed, uint64_t *plain) SR_MUST_USE;

/* Offset in the sealed message of chunk number `chunk`. */
uint64_t sr_chunk_offset(uint64_t chunk);

/*
 * Derive the message key of (`input_key`, `salt`, `context`). `context` may be NULL/0. `out` is secret; the caller
 * wipes it. Source: chunked-encryption, "Key derivation".
 */
void sr_message_key_derive(const uint8_t input_key[SR_KEY], const uint8_t salt[SR_SALT], const uint8_t *context,
			   size_t context_size, struct sr_message_key *out);

/*
 * Seal or open one chunk by number, for random access and for streams: `size` is the plaintext length, SR_CHUNK for
 * all but the last. Buffers as sr_aead_seal and sr_aead_open. `chunk` is below 2^38 and `size` at most SR_CHUNK; more
 * is refused. False as there; after a failed open `plain` is zeros. `aead` must be keyed with the message key's `key`.
 */
bool sr_chunk_seal(struct sr_aead *aead, const uint8_t base_nonce[SR_AEAD_NONCE], uint64_t chunk, const uint8_t *plain,
		   size_t size, uint8_t *sealed) SR_MUST_USE;
bool sr_chunk_open(struct sr_aead *aead, const uint8_t base_nonce[SR_AEAD_NONCE], uint64_t chunk, const uint8_t *sealed,
		   size_t sealed_size, uint8_t *plain) SR_MUST_USE;

/*
 * Seal a whole message under a fresh random salt. `sealed` (out) takes sr_sealed_size(size) bytes and may not overlap
 * `plain`. Returns SR_OK, or SR_INTERNAL when memory or libcrypto fails (`sealed` is then undefined).
 */
enum sr_code sr_seal(const uint8_t input_key[SR_KEY], const uint8_t *context, size_t context_size, const uint8_t *plain,
		     size_t size, uint8_t *sealed) SR_MUST_USE;

/* The same under a salt the caller names: for test vectors and frozen files only, as a salt must never repeat. */
enum sr_code sr_seal_with_salt(const uint8_t input_key[SR_KEY], const uint8_t salt[SR_SALT], const uint8_t *context,
			       size_t context_size, const uint8_t *plain, size_t size, uint8_t *sealed) SR_MUST_USE;

/*
 * Open a whole message of `sealed_size` bytes. `plain` (out) takes sealed_size - overhead bytes (sr_plain_size), may
 * not overlap, and is zeroed unless the result is SR_OPENED. The commitment is compared in constant time before any
 * chunk is opened. A length that no message has is SR_DAMAGED, and `plain` is untouched, as it has no length then.
 */
enum sr_opening sr_open(const uint8_t input_key[SR_KEY], const uint8_t *context, size_t context_size,
			const uint8_t *sealed, size_t sealed_size, uint8_t *plain) SR_MUST_USE;

/*
 * An input key that many short messages come under: it is taken in once, and one AES context serves them all. Secret;
 * not for use by two threads at once. NULL when memory is used up. Released and wiped with sr_input_free (NULL
 * allowed).
 */
struct sr_input;
struct sr_input *sr_input_new(const uint8_t key[SR_KEY]) SR_MUST_USE;
void sr_input_free(struct sr_input *input);

/* Take in another key in the place of the one before. */
void sr_input_take(struct sr_input *input, const uint8_t key[SR_KEY]);

/* sr_seal and sr_open under such a key: a fresh salt, buffers and results as there. */
enum sr_code sr_input_seal(struct sr_input *input, struct sr_span context, struct sr_span plain,
			   uint8_t *sealed) SR_MUST_USE;
enum sr_opening sr_input_open(struct sr_input *input, struct sr_span context, struct sr_span sealed,
			      uint8_t *plain) SR_MUST_USE;

/* A message being sealed as its bytes arrive; holds less than one chunk of plaintext. Opaque. */
struct sr_sealer;

/*
 * Start a message under a fresh random salt. `front` (out) receives the SR_SEALED_FRONT bytes that come first.
 * NULL when memory is used up. Released, and its plaintext wiped, with sr_sealer_free (NULL allowed).
 */
struct sr_sealer *sr_sealer_new(const uint8_t input_key[SR_KEY], const uint8_t *context, size_t context_size,
				uint8_t front[SR_SEALED_FRONT]) SR_MUST_USE;
void sr_sealer_free(struct sr_sealer *sealer);

/* Most bytes that feeding `size` bytes can put out. */
size_t sr_sealer_room(const struct sr_sealer *sealer, size_t size);

/*
 * Feed `size` bytes; every chunk that fills goes to `out` (at least sr_sealer_room bytes), *out_size says how many
 * bytes. `plain` and `out` may not overlap. SR_OK, or SR_INTERNAL when libcrypto fails, the message is closed or has
 * 2^38 chunks: it is then lost and only sr_sealer_free may follow.
 */
enum sr_code sr_sealer_feed(struct sr_sealer *sealer, const uint8_t *plain, size_t size, uint8_t *out,
			    size_t *out_size) SR_MUST_USE;

/* Put out the last, short chunk (up to SR_CHUNK_SEALED - 1 bytes). Errors as sr_sealer_feed. Once only. */
enum sr_code sr_sealer_close(struct sr_sealer *sealer, uint8_t out[SR_CHUNK_SEALED], size_t *out_size) SR_MUST_USE;

/* A message being opened as its bytes arrive in any pieces; holds less than one sealed chunk. Opaque. */
struct sr_opener;

/* Start opening under (`input_key`, `context`). NULL when memory is used up. Released with sr_opener_free. */
struct sr_opener *sr_opener_new(const uint8_t input_key[SR_KEY], const uint8_t *context,
				size_t context_size) SR_MUST_USE;
void sr_opener_free(struct sr_opener *opener);

/*
 * Feed `size` sealed bytes; plaintext of every full chunk that verifies goes to `out` (at least `size` + SR_CHUNK
 * bytes). A result other than SR_OPENED is final, *out_size is then 0 and nothing more is put out.
 */
enum sr_opening sr_opener_feed(struct sr_opener *opener, const uint8_t *sealed, size_t size, uint8_t *out,
			       size_t *out_size) SR_MUST_USE;

/*
 * The sealed bytes have ended: open the last chunk. SR_DAMAGED if they end where no message can, or on anything that
 * follows the end. *out_size is 0 unless the result is SR_OPENED.
 */
enum sr_opening sr_opener_close(struct sr_opener *opener, uint8_t out[SR_CHUNK], size_t *out_size) SR_MUST_USE;

#endif
