/*
 * Fuzzes what reads strangers' texts on the way to a grant. The first character chooses: `k` a key set, `t` a token
 * against a fixed policy, `c` a payload as claims (which a token without a key never reaches), `m` the same under
 * mapped names, `i` a token whose header and payload are this text.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access/claims.h"
#include "access/grant.h"
#include "access/jws.h"
#include "access/strict_json.h"

#define AUDIENCE "5ea15ea15ea15ea15ea15ea15ea15ea1"

/* RFC 8037, appendix A.2. */
static const char key_set[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\","
			      "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static char iss[] = "https://id.example";
static char typ[] = "sealreel-grant+jwt";
static struct sr_issuer issuer = {.iss = iss, .typ = typ, .scopes = 31, .roles = 15, .life_max = 3600};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || sr_jwks_parse(key_set, sizeof key_set - 1, &issuer.keys, NULL) != SR_OK)
		abort();
	return 0;
}

static void fuzz_key_set(const char *text, size_t size)
{
	struct sr_jwks *set;
	struct sr_error err;
	enum sr_code code = sr_jwks_parse(text, size, &set, &err);
	if ((code == SR_OK) != (set != NULL) || (set && sr_jwks_count(set) == 0))
		abort();
	sr_jwks_free(set);
}

/* Nobody here has the private key, so a grant may never come out. */
static void fuzz_token(const char *text, size_t size)
{
	const struct sr_grant_policy policy = {
		.issuers = &issuer, .issuer_count = 1, .audience = AUDIENCE, .now = 1000100, .skew = 60};
	struct sr_grant *grant;
	struct sr_error err;
	if (sr_grant_verify(&policy, text, size, &grant, &err) == SR_OK || grant)
		abort();
}

/* Whatever is read must be within its bounds and terminated. */
static void check_grant(const struct sr_grant *grant, int64_t not_before)
{
	if (grant->identity_size < 1 || grant->identity_size > SR_IDENTITY_MAX || grant->actor_size < 1 ||
	    grant->actor_size > SR_ACTOR_MAX || memchr(grant->identity, 0, grant->identity_size) ||
	    !memchr(grant->jti, 0, sizeof grant->jti) || !memchr(grant->sid, 0, sizeof grant->sid) ||
	    !memchr(grant->purpose, 0, sizeof grant->purpose) ||
	    !memchr(grant->consultation, 0, sizeof grant->consultation) || grant->scopes == 0 ||
	    !sr_act_role_name(grant->role) || grant->issued < 0 || grant->expires <= grant->issued ||
	    grant->expires > SR_CLAIM_TIME_MAX || not_before < 0 || not_before > SR_CLAIM_TIME_MAX)
		abort();
}

static void fuzz_claims(const char *text, size_t size, const struct sr_claim_names *names)
{
	const char *why;
	struct sr_error err;
	int64_t not_before;
	json_t *payload = sr_strict_json_object(text, size, &why);
	struct sr_grant *grant = calloc(1, sizeof *grant);
	if (payload && grant && sr_claims_read(payload, names, AUDIENCE, grant, &not_before, &err) == SR_OK)
		check_grant(grant, not_before);
	sr_grant_free(grant);
	json_decref(payload);
}

/* Wrap the text up as both header and payload, to get past base64url. */
static void fuzz_inside(const char *text, size_t size)
{
	char token[SR_JWS_MAX];
	size_t used = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING) - 1;
	if (2 * used + 2 >= sizeof token)
		return;
	for (size_t part = 0; part < 2; part++) {
		char *at = token + part * (used + 1);
		sodium_bin2base64(at, used + 1, (const uint8_t *)text, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		at[used] = '.';
	}
	fuzz_token(token, 2 * used + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char sub[] = "realm.patient";
	static char scope[] = "a.b.c";
	static char actor[] = "https://id\\.example/user";
	static char role[] = "realm.role";
	const struct sr_claim_names ours = {0};
	const struct sr_claim_names mapped = {.sub = sub, .scope = scope, .act_sub = actor, .act_role = role};
	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;
	switch (data[0]) {
	case 'k':
		fuzz_key_set(text, size - 1);
		break;
	case 't':
		fuzz_token(text, size - 1);
		break;
	case 'c':
		fuzz_claims(text, size - 1, &ours);
		break;
	case 'm':
		fuzz_claims(text, size - 1, &mapped);
		break;
	case 'i':
		fuzz_inside(text, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
