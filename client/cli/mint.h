/*
 * Minting grants from an issuer's private key, for development and tests: an identity provider does it in earnest.
 * Pure functions: the caller brings the key's text and the time.
 */
#ifndef SR_MINT_H
#define SR_MINT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_MINT_TTL_MAX 3600 /* seconds: no store accepts a longer life */

/* What a grant is to say. All is borrowed; texts are terminated UTF-8. */
struct sr_mint {
	const uint8_t *identity; /* 1 to 255 bytes of UTF-8 without NUL */
	size_t identity_size;
	const char *audience;     /* the store id in lower-case hex */
	const char *scope;        /* names separated by single spaces */
	const char *role;         /* who acts: patient, clinician, guardian, system */
	const char *actor;        /* and their name */
	const char *purpose;      /* or NULL */
	const uint8_t *recording; /* 16 bytes, or NULL */
	const char *consultation; /* or NULL */
	const uint8_t *jkt;       /* 32 bytes: the thumbprint of the one service's key; or NULL */
	int64_t now;              /* seconds since 1970, not negative */
	int64_t ttl;              /* seconds, 1 to SR_MINT_TTL_MAX */
};

/*
 * Sign a grant. `jwk` (in, `jwk_size` bytes) is a private key in JSON: RFC 8037's kty, crv, x, d; kid; and a member of
 * our own, `iss`, which becomes the grant's issuer. *token (out) is then a compact JWS, terminated, to be released with
 * sr_mint_free; NULL on failure. SR_USAGE with a text without any value of key or grant: the key is no such JSON, `x`
 * is not `d`'s, the identity's size, or a text that is not UTF-8, `now` or `ttl` out of range. SR_UNAVAILABLE if memory
 * is short. What the store checks beyond that (names of scopes and roles, sizes) is left to the store. The caller has
 * set jansson's allocators to wiping ones and initialised libsodium. RFC 7515, 7519; claims as in the store's grants.
 */
enum sr_code sr_mint_grant(const char *jwk, size_t jwk_size, const struct sr_mint *grant, char **token,
			   struct sr_error *err) SR_MUST_USE;

/*
 * Make a fresh Ed25519 key for the issuer called `iss` (in, UTF-8, not empty). *jwk (out) is the private key as above,
 * *jwks (out) the public key set (RFC 7517) that the store is to have; both terminated JSON with a line end, released
 * with sr_mint_free, both NULL on failure. SR_USAGE if `iss` is empty or not UTF-8, SR_UNAVAILABLE if memory is short.
 */
enum sr_code sr_mint_issuer(const char *iss, char **jwk, char **jwks, struct sr_error *err) SR_MUST_USE;

/* Wipe and release; NULL is allowed. */
void sr_mint_free(char *text);

#endif
