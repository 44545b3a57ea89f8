/* Minted grants, as the store sees them; fresh issuers; and what minting refuses. */
#include "cli/mint.h"

#include "access/grant.h"
#include "forge.h"

#define STORE "5ea15ea15ea15ea15ea15ea15ea15ea1"
#define NOW 1000000

/* RFC 8037's key (appendix A.1), as an issuer. */
#define X "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define D "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\""
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\""
#define NAMES "\"kid\":\"k\",\"iss\":\"https://dev.example\""
#define JWK "{" OKP "," X "," D "," NAMES "}"

static const uint8_t recording[16] = {1, 2, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t jkt[32] = {31, 32, 33};

static struct sr_mint whole;

static void setup(void)
{
	cr_assert(sodium_init() >= 0);
	whole = (struct sr_mint){
		.identity = (const uint8_t *)"urn:mrn|47\"11\xc3\xa4 and more",
		.identity_size = 15,
		.audience = STORE,
		.scope = "record list",
		.role = "clinician",
		.actor = "dr-1",
		.purpose = "treatment",
		.recording = recording,
		.consultation = "c-1",
		.jkt = jkt,
		.now = NOW,
		.ttl = 300,
	};
}

TestSuite(mint, .init = setup);

/* The store's answer to a token, from an issuer with this key set. */
static enum sr_code verify(const char *jwks, const char *iss, const char *token, struct sr_grant *out)
{
	struct sr_issuer issuer = {.iss = strdup(iss),
				   .typ = strdup("sealreel-grant+jwt"),
				   .scopes = SR_SCOPE_RECORD | SR_SCOPE_LIST,
				   .roles = 1U << SR_ACT_CLINICIAN,
				   .life_max = 3600};
	struct sr_grant_policy policy = {.issuers = &issuer, .issuer_count = 1, .audience = STORE, .now = NOW};
	struct sr_grant *grant = NULL;
	struct sr_error err = {0};
	cr_assert_eq(sr_jwks_parse(jwks, strlen(jwks), &issuer.keys, &err), SR_OK, "%s", err.text);
	enum sr_code code = sr_grant_verify(&policy, token, strlen(token), &grant, &err);
	if (grant) {
		*out = *grant;
		out->issuer = NULL;
	}
	sr_grant_free(grant);
	sr_issuer_clear(&issuer);
	return code;
}

static char *minted(const char *jwk)
{
	char *token = NULL;
	struct sr_error err = {0};
	cr_assert_eq(sr_mint_grant(jwk, strlen(jwk), &whole, &token, &err), SR_OK, "%s", err.text);
	cr_assert_not_null(token);
	return token;
}

Test(mint, a_fresh_issuer_is_believed)
{
	char *jwk;
	char *jwks;
	struct sr_error err = {0};
	struct sr_grant grant = {0};
	cr_assert_eq(sr_mint_issuer("https://dev.example", &jwk, &jwks, &err), SR_OK, "%s", err.text);
	cr_expect_null(strstr(jwks, "\"d\""));
	cr_expect_not_null(strstr(jwk, "\"d\""));
	char *token = minted(jwk);
	cr_assert_eq(verify(jwks, "https://dev.example", token, &grant), SR_OK);
	cr_expect_eq(grant.identity_size, whole.identity_size);
	cr_expect_arr_eq(grant.identity, whole.identity, whole.identity_size);
	cr_expect_eq(grant.actor_size, 4);
	cr_expect_arr_eq(grant.actor, "dr-1", 4);
	cr_expect_eq(grant.role, SR_ACT_CLINICIAN);
	cr_expect_eq(grant.scopes, (unsigned)(SR_SCOPE_RECORD | SR_SCOPE_LIST));
	cr_expect_str_eq(grant.purpose, "treatment");
	cr_expect(grant.has_recording);
	cr_expect_arr_eq(grant.recording, recording, 16);
	cr_expect_str_eq(grant.consultation, "c-1");
	cr_expect(grant.has_jkt);
	cr_expect_arr_eq(grant.jkt, jkt, 32);
	cr_expect_eq(grant.issued, NOW);
	cr_expect_eq(grant.expires, NOW + 300);

	/* Another fresh issuer's grants are not. */
	char *other_jwk;
	char *other_jwks;
	cr_assert_eq(sr_mint_issuer("https://dev.example", &other_jwk, &other_jwks, &err), SR_OK);
	cr_expect_str_neq(jwk, other_jwk);
	cr_expect_eq(verify(other_jwks, "https://dev.example", token, &grant), SR_UNAUTHENTICATED);
	sr_mint_free(other_jwks);
	sr_mint_free(other_jwk);
	sr_mint_free(token);
	sr_mint_free(jwks);
	sr_mint_free(jwk);
}

Test(mint, each_grant_has_its_own_jti)
{
	struct sr_grant first = {0};
	struct sr_grant second = {0};
	const char *jwks = "{\"keys\":[{" OKP "," X ",\"kid\":\"k\"}]}";
	whole.purpose = NULL;
	whole.recording = NULL;
	whole.consultation = NULL;
	whole.jkt = NULL;
	char *one = minted(JWK);
	char *two = minted(JWK);
	cr_assert_eq(verify(jwks, "https://dev.example", one, &first), SR_OK);
	cr_assert_eq(verify(jwks, "https://dev.example", two, &second), SR_OK);
	cr_expect_str_neq(first.jti, second.jti);
	cr_expect_not(first.has_recording || first.has_consultation || first.has_jkt);
	cr_expect_str_empty(first.purpose);
	sr_mint_free(two);
	sr_mint_free(one);
}

static void refused(const char *jwk, const char *text)
{
	char *token = (char *)&token;
	struct sr_error err = {0};
	cr_expect_eq(sr_mint_grant(jwk, strlen(jwk), &whole, &token, &err), SR_USAGE, "%s", jwk);
	cr_expect_str_eq(err.text, text);
	cr_expect_null(token);
}

Test(mint, keys_that_are_none)
{
	static const char none[] = "the issuer key is not a private Ed25519 key in JSON (RFC 8037)";
	static const char unnamed[] = "the issuer key has no iss or no kid";
	refused("", none);
	refused("[]", none);
	refused("{" OKP "," X "," NAMES "}", none);
	refused("{" OKP "," D "," NAMES "}", none);
	refused("{" OKP "," X ",\"d\":\"AAAA\"," NAMES "}", none);
	refused("{" OKP "," X "," D "," D "," NAMES "}", none);
	refused("{\"kty\":\"OKP\",\"crv\":\"X25519\"," X "," D "," NAMES "}", none);
	refused("{\"kty\":\"EC\",\"crv\":\"Ed25519\"," X "," D "," NAMES "}", none);
	refused("{" OKP "," X "," D ",\"kid\":\"k\"}", unnamed);
	refused("{" OKP "," X "," D ",\"iss\":\"i\"}", unnamed);
	refused("{" OKP ",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"," D "," NAMES "}",
		"the issuer key's x and d do not belong together");
}

Test(mint, grants_that_are_none)
{
	static const char size[] = "an identity has 1 to 255 bytes, none of them NUL";
	static const char life[] = "a grant lives 1 to 3600 seconds";
	static const char when[] = "the time is out of range";
	static const char text[] = "a text of the grant is not UTF-8";
	static const uint8_t long_identity[256] = "0";
	const struct sr_mint good = whole;
	whole.identity_size = 0;
	refused(JWK, size);
	whole.identity = long_identity;
	whole.identity_size = 256;
	refused(JWK, size);
	whole.identity_size = 2;
	refused(JWK, size);
	whole = good;
	whole.identity_size = 14; /* in the middle of a character */
	refused(JWK, text);
	whole = good;
	whole.consultation = "\xff";
	refused(JWK, text);
	whole = good;
	whole.purpose = "\xff";
	refused(JWK, text);
	whole = good;
	whole.actor = "\xff";
	refused(JWK, text);
	whole = good;
	whole.ttl = 0;
	refused(JWK, life);
	whole.ttl = 3601;
	refused(JWK, life);
	whole.ttl = INT64_MAX;
	refused(JWK, life);
	whole = good;
	whole.now = -1;
	refused(JWK, when);
	whole.now = INT64_MAX;
	refused(JWK, when);
}

Test(mint, issuers_that_are_none)
{
	static const char *const names[] = {"", "\xff"};
	for (size_t i = 0; i < 2; i++) {
		char *jwk = (char *)&jwk;
		char *jwks = jwk;
		struct sr_error err = {0};
		cr_expect_eq(sr_mint_issuer(names[i], &jwk, &jwks, &err), SR_USAGE);
		cr_expect_str_eq(err.text, "an issuer's name is UTF-8 and not empty");
		cr_expect_null(jwk);
		cr_expect_null(jwks);
	}
	sr_mint_free(NULL);
}
