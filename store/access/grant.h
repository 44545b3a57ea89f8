/*
 * Grants: signed, short-lived tokens (JWT: RFC 7519, 8725, 8693) that prove which patient a request is for, who acts,
 * and what it may do. Verification is pure: bytes, keys and a time in; a decision and its reason out.
 */
#ifndef SR_GRANT_H
#define SR_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/issuer.h"
#include "error.h"
#include "message.h"

#define SR_GRANT_MAX SR_TOKEN_MAX
#define SR_IDENTITY_MAX 255 /* bytes of an identity, at least 1 */
#define SR_ACTOR_MAX 255    /* bytes of act.sub, at least 1 */
#define SR_JTI_MAX 255
#define SR_CONSULTATION_MAX 255
#define SR_PURPOSE_MAX 64
#define SR_SID_MAX 255
#define SR_JKT 32 /* SHA-256 thumbprint (RFC 7638) of a service's X25519 key */

/* What a verified grant says. Holds an identity: lives in wiped memory, released with sr_grant_free. */
struct sr_grant {
	const struct sr_issuer *issuer; /* borrowed from the set that verified it */
	uint8_t identity[SR_IDENTITY_MAX];
	size_t identity_size;
	uint8_t actor[SR_ACTOR_MAX];
	size_t actor_size;
	enum sr_act_role role;
	char jti[SR_JTI_MAX + 1];
	char purpose[SR_PURPOSE_MAX + 1]; /* "" when absent */
	char sid[SR_SID_MAX + 1];         /* "" when absent */
	char consultation[SR_CONSULTATION_MAX + 1];
	bool has_consultation;
	bool has_recording;
	uint8_t recording[SR_UUID];
	bool has_jkt;
	uint8_t jkt[SR_JKT];
	unsigned scopes;
	int64_t issued, expires; /* seconds since 1970 */
};

/* What a token is held against. Times in seconds; `audience` is the store id in lower-case hex. */
struct sr_grant_policy {
	const struct sr_issuer *issuers;
	size_t issuer_count;
	const char *audience;
	int64_t now;
	int64_t skew; /* allowance on exp, nbf and iat; 60 by default */
};

/*
 * Verify `size` bytes of compact JWS at `token` (in, at most SR_GRANT_MAX) against `policy` (in; its issuers must
 * outlive the grant). *out (out) is then a grant, owned by the caller, released with sr_grant_free; NULL on failure.
 * libsodium must be initialised. Checks go in this order, so that nobody learns a limit without a key:
 *
 * 1. form: size, three parts, strict base64url, strict JSON (no doubled member, no NUL, at most 8 deep), header
 *    parameters; `crit`, `b64`, `jku`, `jwk`, `x5u`, `x5c` refused, other unknown ones ignored
 * 2. (`iss`, `kid`) known, `alg` the key's own, `typ` the issuer's, the signature
 * 3. each claim (claims.h): there, of its type, understood; a scope or role that is not a known name is refused, not
 *    skipped; `aud` this store; unknown claims ignored
 * 4. time: `nbf` and `iat` no later than now + skew
 * 5. the issuer's limits: identity, scope, role, life, recording
 * 6. time: now before `exp` + skew
 *
 * SR_UNAUTHENTICATED for 1 to 4, SR_DENIED for 5, SR_EXPIRED for 6: everything fits but its time is over;
 * SR_UNAVAILABLE if memory is short. Each refusal has a text of its own, without any of the token's values.
 * RFC 7515, 7519, 8725; act: RFC 8693, 4.1; cnf: RFC 7800 and RFC 9449, 6.1.
 */
enum sr_code sr_grant_verify(const struct sr_grant_policy *policy, const char *token, size_t size,
			     struct sr_grant **out, struct sr_error *err) SR_MUST_USE;

/* Wipe and release; NULL is allowed. */
void sr_grant_free(struct sr_grant *grant);

/*
 * May this grant be used for `scope` by the service with X25519 key `service_key` (in), on `recording` (in, 16 bytes;
 * or NULL for an operation that is not on one recording, which a grant that names a recording does not allow), at
 * `now`, with `skew` seconds of allowance? SR_EXPIRED past `expires` + skew; SR_DENIED with a text of its own for
 * scope, `cnf`, recording. Other than by its time a grant does not change: what it allowed once it allows until it
 * expires.
 */
enum sr_code sr_grant_allows(const struct sr_grant *grant, enum sr_scope scope, const uint8_t service_key[32],
			     const uint8_t *recording, int64_t now, int64_t skew, struct sr_error *err) SR_MUST_USE;

/*
 * True if `next` may replace `grant` on a stream: same `iss`, identity, `act` (actor, role, purpose, sid) and `cnf`.
 * Scope, recording and consultation may differ: ask sr_grant_allows about `next` as well.
 */
bool sr_grant_renews(const struct sr_grant *grant, const struct sr_grant *next) SR_MUST_USE;

/* The RFC 7638 thumbprint of an X25519 public key as an OKP JWK (RFC 8037): what `cnf.jkt` names. */
void sr_service_thumbprint(const uint8_t service_key[32], uint8_t jkt[SR_JKT]);

#endif
