/*
 * SHA-256 over bytes that come in pieces: the checksum of what lies on disk. It is libcrypto's, which uses the
 * processor's own instructions for it where libsodium's portable code would cost more than the sealing.
 */
#ifndef SR_DIGEST_H
#define SR_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_DIGEST 32

struct sr_digest;

/* A digest of no bytes yet; released with sr_digest_free. NULL when memory is used up. */
struct sr_digest *sr_digest_new(void) SR_MUST_USE;

/* NULL is allowed. */
void sr_digest_free(struct sr_digest *digest);

/* Forget what came: a digest of no bytes. False when memory is used up; it can then only be freed. */
bool sr_digest_restart(struct sr_digest *digest) SR_MUST_USE;

/* Take in `size` bytes, 0 or more. False if libcrypto fails; it can then only be freed. */
bool sr_digest_add(struct sr_digest *digest, const uint8_t *data, size_t size) SR_MUST_USE;

/*
 * SHA-256 (FIPS 180-4) of all that came since it was new or restarted, to `value` (out); more may be added afterwards.
 * False when memory is used up: `value` is undefined, the digest as it was.
 */
bool sr_digest_value(const struct sr_digest *digest, uint8_t value[SR_DIGEST]) SR_MUST_USE;

/* SHA-256 of `size` bytes to `value` (out). False when memory is used up: `value` is undefined. */
bool sr_digest_of(const uint8_t *data, size_t size, uint8_t value[SR_DIGEST]) SR_MUST_USE;

#endif
