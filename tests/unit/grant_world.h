/*
 * The world that the tests of grants live in: one store, three issuers, a key of each kind, and a grant that says
 * everything a grant can say. A test changes one thing of it.
 */
#ifndef SR_TEST_GRANT_WORLD_H
#define SR_TEST_GRANT_WORLD_H

#include "access/grant.h"
#include "forge.h"

#define STORE "5ea15ea15ea15ea15ea15ea15ea15ea1"
#define JKT "mtr3IeKcdvsDY_Jfv9EL0n01w9Nw7T36mUSLv_VMdv4" /* of the X25519 key 9, 0, 0, … */
#define RECORDING "01890a5d-ac96-774b-bcce-b302099a8057"

#define NOW 1000100
#define ISSUED 1000000
#define EXPIRES 1000300
#define SKEW 60

/* Members by themselves, so that a test can name the one it takes out or replaces. */
#define M_ALG "\"alg\":\"EdDSA\""
#define M_TYP "\"typ\":\"sealreel-grant+jwt\""
#define M_KID "\"kid\":\"ed\""
#define HEADER "{" M_ALG "," M_TYP "," M_KID ",\"z\":0}"

#define M_ISS "\"iss\":\"https://id.example\""
#define M_SUB "\"sub\":\"urn:mrn|4711\""
#define M_AUD "\"aud\":\"" STORE "\""
#define M_EXP "\"exp\":1000300"
#define M_IAT "\"iat\":1000000"
#define M_NBF "\"nbf\":1000001"
#define M_JTI "\"jti\":\"j-1\""
#define M_SCOPE "\"scope\":\"record list play\""
#define M_ACT_SUB "\"sub\":\"dr-1\""
#define M_ACT_ROLE "\"role\":\"clinician\""
#define M_PURPOSE "\"purpose\":\"treatment\""
#define M_SID "\"sid\":\"s-1\""
#define M_ACT "\"act\":{" M_ACT_SUB "," M_ACT_ROLE "," M_PURPOSE "," M_SID ",\"y\":0}"
#define M_RECORDING "\"recording\":\"" RECORDING "\""
#define M_CONSULTATION "\"consultation\":\"c-1\""
#define M_JKT "\"jkt\":\"" JKT "\""
#define M_CNF "\"cnf\":{" M_JKT "}"
#define PAYLOAD                                                                                                        \
	"{" M_ISS "," M_SUB "," M_AUD "," M_EXP "," M_IAT "," M_NBF "," M_JTI "," M_SCOPE "," M_ACT "," M_RECORDING    \
	"," M_CONSULTATION "," M_CNF ",\"z\":0}"

/* An issuer that signs what it always signed, under its own names. */
#define MAPPED_HEADER "{" M_ALG ",\"typ\":\"JWT\"," M_KID "}"
#define MAPPED_PAYLOAD                                                                                                 \
	"{\"iss\":\"https://mapped.example\",\"sub\":\"login-7\"," M_AUD "," M_EXP "," M_IAT "," M_JTI                 \
	",\"permissions\":\"play\",\"realm\":{\"patient\":\"p\\u00e4t\",\"role\":\"guardian\"},"                       \
	"\"https://id.example/user\":\"mum\",\"visit\":{\"id\":\"v-1\",\"recording\":\"" RECORDING "\"}}"

static const uint8_t world_service[32] = {9};

struct world {
	struct forge_key keys[FORGE_KINDS];
	struct sr_issuer issuers[3];
	struct sr_grant_policy policy;
};

static struct world world;

static inline void world_issuer(struct sr_issuer *issuer, const char *name, const char *iss, const char *jwks)
{
	struct sr_error err = {0};
	issuer->name = strdup(name);
	issuer->iss = strdup(iss);
	issuer->typ = strdup("sealreel-grant+jwt");
	issuer->scopes = SR_SCOPE_RECORD | SR_SCOPE_LIST | SR_SCOPE_PLAY;
	issuer->roles = 1U << SR_ACT_CLINICIAN | 1U << SR_ACT_GUARDIAN;
	issuer->life_max = 600;
	cr_assert_eq(sr_jwks_parse(jwks, strlen(jwks), &issuer->keys, &err), SR_OK, "%s", err.text);
}

/* Keys "ed", "ec" and "rsa" belong to every issuer; the first may name two kinds of identity only. */
static inline void world_make(void)
{
	static const char *const kids[FORGE_KINDS] = {"ed", "ec", "rsa"};
	char jwks[4096] = "{\"keys\":[";
	cr_assert(sodium_init() >= 0);
	world.keys[FORGE_ED] = forge_ed(1);
	world.keys[FORGE_EC] = forge_ec("P-256");
	world.keys[FORGE_RSA] = forge_rsa(2048);
	for (size_t i = 0; i < FORGE_KINDS; i++) {
		size_t used = strlen(jwks);
		snprintf(jwks + used, sizeof jwks - used, "%s{%s,\"kid\":\"%s\"}", i ? "," : "", world.keys[i].members,
			 kids[i]);
	}
	strcat(jwks, "]}");
	world_issuer(&world.issuers[0], "clinic", "https://id.example", jwks);
	world.issuers[0].prefixes[0] = strdup("urn:other|");
	world.issuers[0].prefixes[1] = strdup("urn:mrn|");
	world.issuers[0].prefix_count = 2;
	world_issuer(&world.issuers[1], "bound", "https://bound.example", jwks);
	world.issuers[1].recording_required = true;
	world_issuer(&world.issuers[2], "mapped", "https://mapped.example", jwks);
	free(world.issuers[2].typ);
	world.issuers[2].typ = strdup("JWT");
	world.issuers[2].claims = (struct sr_claim_names){
		.sub = strdup("realm.patient"),
		.scope = strdup("permissions"),
		.act_sub = strdup("https://id\\.example/user"),
		.act_role = strdup("realm.role"),
		.consultation = strdup("visit.id"),
		.recording = strdup("visit.recording"),
	};
	world.policy = (struct sr_grant_policy){
		.issuers = world.issuers, .issuer_count = 3, .audience = STORE, .now = NOW, .skew = SKEW};
}

static inline void world_end(void)
{
	for (size_t i = 0; i < 3; i++)
		sr_issuer_clear(&world.issuers[i]);
	for (size_t i = 0; i < FORGE_KINDS; i++)
		forge_release(&world.keys[i]);
}

/* `text` with its one occurrence of `from` replaced by `to`; released by the caller with free(). */
static inline char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	cr_assert_not_null(at, "nothing to replace: %s", from);
	cr_assert_null(strstr(at + 1, from), "not the only one: %s", from);
	size_t before = (size_t)(at - text);
	size_t size = strlen(text) - strlen(from) + strlen(to) + 1;
	char *out = malloc(size);
	cr_assert_not_null(out);
	snprintf(out, size, "%.*s%s%s", (int)before, text, to, at + strlen(from));
	return out;
}

/* The outcome of a token must be this; a refusal gives no grant and says no value of the token. */
static inline void expect_outcome(const char *token, size_t size, enum sr_code code, const char *text)
{
	struct sr_grant *grant = (struct sr_grant *)&grant;
	struct sr_error err = {0};
	cr_expect_eq(sr_grant_verify(&world.policy, token, size, &grant, &err), code, "%s (wanted: %s)", err.text,
		     text);
	cr_expect_str_eq(err.text, text);
	cr_expect_eq(grant != NULL, code == SR_OK);
	static const char *const values[] = {"4711", "dr-1", "j-1", "s-1", "c-1", "id.example", STORE};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		cr_expect_null(strstr(err.text, values[i]), "%s", err.text);
	if (code == SR_OK)
		sr_grant_free(grant);
}

/* The outcome of these texts, signed with the Ed25519 key, must be this. */
static inline void expect_texts(const char *header, const char *payload, enum sr_code code, const char *text)
{
	char *token = forge_token(&world.keys[FORGE_ED], header, payload);
	expect_outcome(token, strlen(token), code, text);
	free(token);
}

/* The same for the whole grant with `from` replaced by `to` in its payload. */
static inline void expect_payload(const char *from, const char *to, enum sr_code code, const char *text)
{
	char *payload = replaced(PAYLOAD, from, to);
	expect_texts(HEADER, payload, code, text);
	free(payload);
}

#endif
