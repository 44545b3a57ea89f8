/*
 * The compact serialisation of a signed token (RFC 7515, 7.1) taken apart. Nothing here is believed yet: the signature
 * is verified by whoever knows the key.
 */
#ifndef SR_JWS_H
#define SR_JWS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "access/jwks.h"
#include "error.h"
#include "message.h"

#define SR_JWS_MAX SR_TOKEN_MAX   /* bytes of a token: as many as a message carries */
#define SR_JWS_SIGNATURE_MAX 1024 /* RS256 with a key of 8,192 bits */

/* A token in parts; released with sr_jws_clear. */
struct sr_jws {
	const uint8_t *input; /* what is signed, inside the caller's token */
	size_t input_size;
	json_t *header;
	json_t *payload;
	const char *alg; /* these three are the header's own strings */
	const char *typ;
	const char *kid;
	size_t kid_size; /* 1 to SR_KID_MAX */
	uint8_t signature[SR_JWS_SIGNATURE_MAX];
	size_t signature_size;
};

/*
 * Take `size` bytes at `token` (in, borrowed for as long as *out is used) apart into *out (out). Header and payload are
 * strict JSON objects (strict_json.h) in strict base64url. `alg`, `typ` and `kid` are required strings. `crit` and
 * whatever would change the payload's meaning or bring a key along (b64, jku, jwk, x5u, x5c) are refused, other header
 * parameters ignored. SR_UNAUTHENTICATED with a text of its own for each; SR_UNAVAILABLE if memory is short. *out is to
 * be cleared in any case.
 */
enum sr_code sr_jws_read(const char *token, size_t size, struct sr_jws *out, struct sr_error *err) SR_MUST_USE;

/* Release and wipe. */
void sr_jws_clear(struct sr_jws *jws);

#endif
