/*
 * Issuers' public keys: a JWKS file (RFC 7517) read into verification keys, each of which accepts one algorithm only.
 */
#ifndef SR_JWKS_H
#define SR_JWKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_JWKS_FILE_MAX 65536
#define SR_JWKS_KEYS_MAX 64
#define SR_KID_MAX 255

/* The algorithm belongs to the key (RFC 8725, 3.1): OKP/Ed25519, EC/P-256, RSA of 2,048 to 8,192 bits. */
enum sr_jwk_algorithm { SR_EDDSA, SR_ES256, SR_RS256 };

/* A set of public keys; opaque, immutable, safe to read from several threads. */
struct sr_jwks;

/* One key of a set; lives as long as its set. */
struct sr_jwk;

/*
 * Parse `size` bytes of JSON at `text`. *out (out) is released with sr_jwks_free. A set with a private or symmetric
 * key, a key of another type or curve, a point off its curve or of small order, RSA under 2,048 bits, an `alg` that
 * contradicts the key's type, a `use` other than "sig", `key_ops` without "verify", a missing, over-long or repeated
 * `kid`, a duplicate member, loose base64url, no key for signatures, or more than SR_JWKS_KEYS_MAX, is refused whole
 * with SR_USAGE and a text naming the key's place in the set, counted from 1: a half-understood trust anchor is none.
 * A public key whose `use` is "enc" is left out and not looked at further (RFC 7517, 4.2 and 5): identity providers
 * publish one beside the others.
 * SR_UNAVAILABLE if memory is short. *out is then NULL. libsodium must be initialised.
 */
enum sr_code sr_jwks_parse(const char *text, size_t size, struct sr_jwks **out, struct sr_error *err) SR_MUST_USE;

/* NULL is allowed. */
void sr_jwks_free(struct sr_jwks *set);

/* How many keys the set has, and its key named `kid` (`size` bytes), or NULL. */
size_t sr_jwks_count(const struct sr_jwks *set);
const struct sr_jwk *sr_jwks_find(const struct sr_jwks *set, const char *kid, size_t size);

/* The one algorithm a key accepts, and that algorithm's JWS name ("EdDSA", "ES256", "RS256"; static). */
enum sr_jwk_algorithm sr_jwk_algorithm(const struct sr_jwk *key);
const char *sr_jwk_algorithm_name(enum sr_jwk_algorithm algorithm);

/*
 * True if `signature` (JWS form: 64 bytes for EdDSA and ES256, the modulus' length for RS256) is this key's over
 * `message`. RFC 8037 for EdDSA, RFC 7518 3.3 and 3.4 for the others.
 */
bool sr_jwk_verify(const struct sr_jwk *key, const uint8_t *message, size_t message_size, const uint8_t *signature,
		   size_t signature_size) SR_MUST_USE;

#define SR_JWK_THUMBPRINT 32

/*
 * The RFC 7638 SHA-256 thumbprint of an OKP key (RFC 8037, appendix A.3): of curve `curve` (in, plain ASCII such as
 * "X25519", at most 32 bytes) and public key `key`, to `out` (out).
 */
void sr_okp_thumbprint(const char *curve, const uint8_t key[32], uint8_t out[SR_JWK_THUMBPRINT]);

#endif
