/*
 * ES256 and RS256 verification: the one file of this room that knows libcrypto. Signing is not here, and never will be
 * needed here: the store vouches for nobody.
 */
#ifndef SR_ECRSA_H
#define SR_ECRSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* A public key of either kind; immutable, safe to read from several threads. */
struct sr_ecrsa;

/*
 * Make a P-256 key from the affine coordinates `x` and `y` (in, big-endian). NULL if they are no point of the curve or
 * memory is short. Released with sr_ecrsa_free.
 */
struct sr_ecrsa *sr_ecrsa_p256(const uint8_t x[32], const uint8_t y[32]) SR_MUST_USE;

/*
 * Make an RSA key from modulus `n` and exponent `e` (in, big-endian, sizes in bytes). The caller bounds the sizes. NULL
 * if libcrypto's public check (SP 800-56B) refuses the key or memory is short. Released with sr_ecrsa_free.
 */
struct sr_ecrsa *sr_ecrsa_rsa(const uint8_t *n, size_t n_size, const uint8_t *e, size_t e_size) SR_MUST_USE;

/* NULL is allowed. */
void sr_ecrsa_free(struct sr_ecrsa *key);

/*
 * True if `signature` is this key's over `message`, with SHA-256. P-256: 64 bytes, r then s (RFC 7518, 3.4). RSA:
 * PKCS #1 v1.5, exactly as long as the modulus (RFC 7518, 3.3).
 */
bool sr_ecrsa_verify(const struct sr_ecrsa *key, const uint8_t *message, size_t message_size, const uint8_t *signature,
		     size_t signature_size) SR_MUST_USE;

#endif
