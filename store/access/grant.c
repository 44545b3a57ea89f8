/* Grants: the order in which a token is doubted, and what a verified one allows. */
#include "access/grant.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access/claims.h"
#include "access/jws.h"

/* Sums of a claim's time, or of now, and an allowance: at the ends of the range they stay there. */
static int64_t later(int64_t time, int64_t by)
{
	int64_t sum;
	if (__builtin_add_overflow(time, by, &sum))
		return by > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

static bool is_over(const struct sr_grant *grant, int64_t now, int64_t skew)
{
	return later(grant->expires, skew) <= now;
}

/* The key that (`iss`, `kid`) names. Several issuers may share an `iss`: the first with the key is meant. */
static enum sr_code find_key(const struct sr_grant_policy *policy, const struct sr_jws *jws,
			     const struct sr_issuer **issuer, const struct sr_jwk **key, struct sr_error *err)
{
	const json_t *claim = json_object_get(jws->payload, "iss");
	if (!claim)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim iss is missing");
	const char *iss = json_string_value(claim);
	if (!iss)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: claim iss is not a string");
	bool known = false;
	for (size_t i = 0; i < policy->issuer_count; i++) {
		*issuer = &policy->issuers[i];
		if (strcmp((*issuer)->iss, iss) != 0)
			continue;
		known = true;
		*key = sr_jwks_find((*issuer)->keys, jws->kid, jws->kid_size);
		if (*key)
			return SR_OK;
	}
	if (!known)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the issuer is not known");
	return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the issuer has no key of this kid");
}

static enum sr_code check_signature(const struct sr_jws *jws, const struct sr_issuer *issuer, const struct sr_jwk *key,
				    struct sr_error *err)
{
	if (strcmp(jws->alg, sr_jwk_algorithm_name(sr_jwk_algorithm(key))) != 0)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the alg is not the key's own");
	if (strcmp(jws->typ, issuer->typ) != 0)
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the typ is not the issuer's");
	if (!sr_jwk_verify(key, jws->input, jws->input_size, jws->signature, jws->signature_size))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: the signature does not verify");
	return SR_OK;
}

static bool may_name(const struct sr_issuer *issuer, const struct sr_grant *grant)
{
	for (size_t i = 0; i < issuer->prefix_count; i++) {
		size_t size = strlen(issuer->prefixes[i]);
		if (size <= grant->identity_size && memcmp(issuer->prefixes[i], grant->identity, size) == 0)
			return true;
	}
	return issuer->prefix_count == 0;
}

static enum sr_code check_limits(const struct sr_issuer *issuer, const struct sr_grant *grant, struct sr_error *err)
{
	int64_t life_max = issuer->life_max < SR_GRANT_LIFE_MAX ? issuer->life_max : SR_GRANT_LIFE_MAX;
	if (!may_name(issuer, grant))
		return SR_FAIL(err, SR_DENIED, "grant: the issuer may not name this identity");
	if ((grant->scopes & ~issuer->scopes) != 0)
		return SR_FAIL(err, SR_DENIED, "grant: the issuer may not give this scope");
	if ((1U << grant->role & issuer->roles) == 0)
		return SR_FAIL(err, SR_DENIED, "grant: the issuer may not name this role");
	if (grant->expires - grant->issued > life_max)
		return SR_FAIL(err, SR_DENIED, "grant: its life is longer than the issuer may give");
	if (issuer->recording_required && !grant->has_recording)
		return SR_FAIL(err, SR_DENIED, "grant: the issuer must name a recording");
	return SR_OK;
}

static enum sr_code judge(const struct sr_grant_policy *policy, const struct sr_jws *jws, struct sr_grant *grant,
			  struct sr_error *err)
{
	const struct sr_issuer *issuer = NULL;
	const struct sr_jwk *key = NULL;
	int64_t not_before = 0;
	enum sr_code code = find_key(policy, jws, &issuer, &key, err);
	if (code == SR_OK)
		code = check_signature(jws, issuer, key, err);
	if (code == SR_OK)
		code = sr_claims_read(jws->payload, &issuer->claims, policy->audience, grant, &not_before, err);
	if (code != SR_OK)
		return code;
	grant->issuer = issuer;
	if (not_before > later(policy->now, policy->skew))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: not yet valid");
	if (grant->issued > later(policy->now, policy->skew))
		return SR_FAIL(err, SR_UNAUTHENTICATED, "grant: issued in the future");
	code = check_limits(issuer, grant, err);
	if (code == SR_OK && is_over(grant, policy->now, policy->skew))
		code = SR_FAIL(err, SR_EXPIRED, "grant: expired");
	return code;
}

enum sr_code sr_grant_verify(const struct sr_grant_policy *policy, const char *token, size_t size,
			     struct sr_grant **out, struct sr_error *err)
{
	struct sr_jws jws;
	*out = NULL;
	struct sr_grant *grant = calloc(1, sizeof *grant);
	if (!grant)
		return SR_FAIL(err, SR_UNAVAILABLE, "out of memory for a grant");
	enum sr_code code = sr_jws_read(token, size, &jws, err);
	if (code == SR_OK)
		code = judge(policy, &jws, grant, err);
	sr_jws_clear(&jws);
	if (code == SR_OK)
		*out = grant;
	else
		sr_grant_free(grant);
	return code;
}

void sr_grant_free(struct sr_grant *grant)
{
	if (!grant)
		return;
	sodium_memzero(grant, sizeof *grant);
	free(grant);
}

static enum sr_code check_confirmation(const struct sr_grant *grant, const uint8_t service_key[32],
				       struct sr_error *err)
{
	uint8_t jkt[SR_JKT];
	if (!grant->has_jkt)
		return SR_OK;
	sr_service_thumbprint(service_key, jkt);
	if (sodium_memcmp(jkt, grant->jkt, sizeof jkt) == 0)
		return SR_OK;
	return SR_FAIL(err, SR_DENIED, "grant: for another service (cnf)");
}

static enum sr_code check_recording(const struct sr_grant *grant, const uint8_t *recording, struct sr_error *err)
{
	if (!grant->has_recording)
		return SR_OK;
	if (!recording)
		return SR_FAIL(err, SR_DENIED, "grant: for one recording only");
	if (sodium_memcmp(grant->recording, recording, sizeof grant->recording) != 0)
		return SR_FAIL(err, SR_DENIED, "grant: for another recording");
	return SR_OK;
}

enum sr_code sr_grant_allows(const struct sr_grant *grant, enum sr_scope scope, const uint8_t service_key[32],
			     const uint8_t *recording, int64_t now, int64_t skew, struct sr_error *err)
{
	if (is_over(grant, now, skew))
		return SR_FAIL(err, SR_EXPIRED, "grant: expired");
	if ((grant->scopes & (unsigned)scope) == 0)
		return SR_FAIL(err, SR_DENIED, "grant: without the scope for this");
	enum sr_code code = check_confirmation(grant, service_key, err);
	if (code == SR_OK)
		code = check_recording(grant, recording, err);
	return code;
}

static bool same_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	return a_size == b_size && sodium_memcmp(a, b, a_size) == 0;
}

bool sr_grant_renews(const struct sr_grant *grant, const struct sr_grant *next)
{
	return strcmp(grant->issuer->iss, next->issuer->iss) == 0 &&
	       same_bytes(grant->identity, grant->identity_size, next->identity, next->identity_size) &&
	       same_bytes(grant->actor, grant->actor_size, next->actor, next->actor_size) &&
	       grant->role == next->role && strcmp(grant->purpose, next->purpose) == 0 &&
	       strcmp(grant->sid, next->sid) == 0 && grant->has_jkt == next->has_jkt &&
	       sodium_memcmp(grant->jkt, next->jkt, sizeof grant->jkt) == 0;
}

void sr_service_thumbprint(const uint8_t service_key[32], uint8_t jkt[SR_JKT])
{
	sr_okp_thumbprint("X25519", service_key, jkt);
}
