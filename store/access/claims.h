/*
 * The claims of a grant: a payload's JSON into a struct sr_grant. Whether the payload may be believed, and whether its
 * issuer may say what it says, is decided elsewhere.
 */
#ifndef SR_CLAIMS_H
#define SR_CLAIMS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "access/grant.h"

/* Seconds since 1970 that a claim may name: up to the year 9999, so that sums of them cannot overflow. */
#define SR_CLAIM_TIME_MAX INT64_C(253402300799)

/*
 * Fill *grant (out, zeroed by the caller; `issuer` stays untouched) from `payload` (in), whose claims go by `names`,
 * and check that its `aud` has `audience`. *not_before (out) is `nbf`, or 0 if absent. Unknown claims are ignored.
 *
 * Required: identity (`sub`), `aud` (a string, or an array of strings), `exp`, `iat`, `jti`, `scope` (names separated
 * by spaces, each known, none twice), `act.sub`, `act.role`. Optional: `nbf`, `act.purpose`, `act.sid`, `recording` (a
 * UUID in 36 characters), `consultation`, `cnf` (an object with `jkt`, 32 bytes in base64url, and nothing
 * else: a confirmation that is not understood must not be passed over). Texts have 1 byte to their maximum; all but
 * identity, actor and consultation are without ASCII control characters, since they go to logs. Times are integers from
 * 0 to SR_CLAIM_TIME_MAX, `exp` after `iat`.
 *
 * SR_UNAUTHENTICATED with a text naming our name of the claim, and never a value. *grant is then partly filled.
 */
enum sr_code sr_claims_read(const json_t *payload, const struct sr_claim_names *names, const char *audience,
			    struct sr_grant *grant, int64_t *not_before, struct sr_error *err) SR_MUST_USE;

#endif
