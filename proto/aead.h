/*
 * AES-256-GCM. The one place that knows libcrypto's AEAD calls; everything that seals goes through here.
 */
#ifndef SR_AEAD_H
#define SR_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_AEAD_KEY 32
#define SR_AEAD_NONCE 12
#define SR_AEAD_TAG 16

/* An AES key schedule, kept so that many messages under one key pay for it once. Opaque. */
struct sr_aead;

/*
 * Make a schedule for `key`. Returns NULL when memory is used up. Released and wiped with sr_aead_free.
 * Not for use by two threads at once.
 */
struct sr_aead *sr_aead_new(const uint8_t key[SR_AEAD_KEY]) SR_MUST_USE;

/* Release and wipe; NULL is allowed. */
void sr_aead_free(struct sr_aead *aead);

/* Replace the key of a schedule. Returns false when libcrypto fails; the schedule is then unusable until re-keyed. */
bool sr_aead_rekey(struct sr_aead *aead, const uint8_t key[SR_AEAD_KEY]) SR_MUST_USE;

/*
 * Seal `size` bytes at `plain` into `sealed` (out, size + SR_AEAD_TAG bytes; may be the same address as `plain`,
 * not otherwise overlapping). `ad` is authenticated, not sealed, and may be NULL/0. `size` and `ad_size` are below
 * 2^31 - 16. Returns false when libcrypto fails or a size is above that; `sealed` is then undefined. The caller never
 * repeats a nonce under one key.
 */
bool sr_aead_seal(struct sr_aead *aead, const uint8_t nonce[SR_AEAD_NONCE], const uint8_t *ad, size_t ad_size,
		  const uint8_t *plain, size_t size, uint8_t *sealed) SR_MUST_USE;

/*
 * Open `size` bytes at `sealed` (at least SR_AEAD_TAG) into `plain` (out, size - SR_AEAD_TAG bytes; may be the same
 * address as `sealed`). Returns false if the tag does not fit or libcrypto fails; `plain` is then all zeros, so that
 * no unverified byte is ever left behind.
 */
bool sr_aead_open(struct sr_aead *aead, const uint8_t nonce[SR_AEAD_NONCE], const uint8_t *ad, size_t ad_size,
		  const uint8_t *sealed, size_t size, uint8_t *plain) SR_MUST_USE;

#endif
