/* Grants that are good: what they say, what they allow, what may replace them. */
#include "grant_world.h"

TestSuite(grant, .init = world_make, .fini = world_end);

static struct sr_grant *verified(const struct forge_key *key, const char *header, const char *payload)
{
	struct sr_grant *grant = NULL;
	struct sr_error err = {0};
	char *token = forge_token(key, header, payload);
	cr_assert_eq(sr_grant_verify(&world.policy, token, strlen(token), &grant, &err), SR_OK, "%s", err.text);
	cr_assert_not_null(grant);
	free(token);
	return grant;
}

/* A verified grant with `from` replaced by `to`. */
static struct sr_grant *variant(const char *from, const char *to)
{
	char *payload = replaced(PAYLOAD, from, to);
	struct sr_grant *grant = verified(&world.keys[FORGE_ED], HEADER, payload);
	free(payload);
	return grant;
}

static void expect_bytes(const uint8_t *bytes, size_t size, const char *want)
{
	cr_expect_eq(size, strlen(want));
	cr_expect_arr_eq(bytes, want, strlen(want));
}

Test(grant, says_everything_in_each_algorithm)
{
	static const char *const headers[FORGE_KINDS] = {
		HEADER,
		"{\"alg\":\"ES256\"," M_TYP ",\"kid\":\"ec\"}",
		"{\"alg\":\"RS256\"," M_TYP ",\"kid\":\"rsa\"}",
	};
	static const uint8_t recording[16] = {0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b,
					      0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0x57};
	uint8_t jkt[SR_JKT];
	sr_service_thumbprint(world_service, jkt);
	for (size_t i = 0; i < FORGE_KINDS; i++) {
		struct sr_grant *grant = verified(&world.keys[i], headers[i], PAYLOAD);
		cr_expect_eq(grant->issuer, &world.issuers[0]);
		expect_bytes(grant->identity, grant->identity_size, "urn:mrn|4711");
		expect_bytes(grant->actor, grant->actor_size, "dr-1");
		cr_expect_eq(grant->role, SR_ACT_CLINICIAN);
		cr_expect_str_eq(grant->jti, "j-1");
		cr_expect_str_eq(grant->purpose, "treatment");
		cr_expect_str_eq(grant->sid, "s-1");
		cr_expect(grant->has_consultation);
		cr_expect_str_eq(grant->consultation, "c-1");
		cr_expect(grant->has_recording);
		cr_expect_arr_eq(grant->recording, recording, 16);
		cr_expect(grant->has_jkt);
		cr_expect_arr_eq(grant->jkt, jkt, sizeof jkt);
		cr_expect_eq(grant->scopes, (unsigned)(SR_SCOPE_RECORD | SR_SCOPE_LIST | SR_SCOPE_PLAY));
		cr_expect_eq(grant->issued, ISSUED);
		cr_expect_eq(grant->expires, EXPIRES);
		sr_grant_free(grant);
	}
}

Test(grant, says_nothing_optional)
{
	struct sr_grant *grant = verified(&world.keys[FORGE_ED], "{" M_ALG "," M_TYP "," M_KID "}",
					  "{" M_ISS "," M_SUB "," M_AUD "," M_EXP "," M_IAT "," M_JTI "," M_SCOPE
					  ",\"act\":{" M_ACT_SUB "," M_ACT_ROLE "}}");
	cr_expect_str_empty(grant->purpose);
	cr_expect_str_empty(grant->sid);
	cr_expect_not(grant->has_consultation);
	cr_expect_not(grant->has_recording);
	cr_expect_not(grant->has_jkt);
	sr_grant_free(grant);
}

Test(grant, mapped_claims)
{
	struct sr_grant *grant = verified(&world.keys[FORGE_ED], MAPPED_HEADER, MAPPED_PAYLOAD);
	cr_expect_eq(grant->issuer, &world.issuers[2]);
	expect_bytes(grant->identity, grant->identity_size, "p\xc3\xa4t");
	expect_bytes(grant->actor, grant->actor_size, "mum");
	cr_expect_eq(grant->role, SR_ACT_GUARDIAN);
	cr_expect_eq(grant->scopes, (unsigned)SR_SCOPE_PLAY);
	cr_expect_str_eq(grant->consultation, "v-1");
	cr_expect(grant->has_recording);
	cr_expect_str_empty(grant->purpose);
	sr_grant_free(grant);
}

Test(grant, accepted_variants)
{
	static const struct {
		const char *from;
		const char *to;
	} table[] = {
		{M_AUD, "\"aud\":[\"" STORE "\"]"},
		{M_AUD, "\"aud\":[\"elsewhere\",\"" STORE "\"]"},
		{M_SCOPE, "\"scope\":\"play\""},
		{M_SCOPE, "\"scope\":\"play list record\""},
		{M_SUB, "\"sub\":\"urn:mrn|\""},
		{M_SUB, "\"sub\":\"urn:other|\\ud83d\\ude00\""},
		{M_NBF, "\"nbf\":0"},
		{M_JKT, "\"jkt\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""},
		{"\"z\":0", "\"z\":[[[[[[1.5e3]]]]]]"},
		{"\"z\":0", "\"azp\":null,\"groups\":[\"a\",\"a\"],\"SUB\":\"x\""},
		{"\"z\":0", " \r\n\t\"z\" : 0 "},
		{"\"y\":0", "\"act\":{\"sub\":\"an earlier actor\"}"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		expect_payload(table[i].from, table[i].to, SR_OK, "");
	expect_texts("{" M_ALG "," M_TYP "," M_KID ",\"x5t\":\"any\",\"nonce\":7}", PAYLOAD, SR_OK, "");
}

Test(grant, texts_to_their_last_byte)
{
	static const struct {
		const char *member;
		const char *name;
		const char *start;
		size_t most;
		const char *over;
	} table[] = {
		{M_SUB, "sub", "urn:mrn|", SR_IDENTITY_MAX, "grant: claim sub is not of 1 to 255 bytes"},
		{M_JTI, "jti", "", SR_JTI_MAX, "grant: claim jti is not of 1 to 255 bytes"},
		{M_ACT_SUB, "sub", "", SR_ACTOR_MAX, "grant: claim act.sub is not of 1 to 255 bytes"},
		{M_PURPOSE, "purpose", "", SR_PURPOSE_MAX, "grant: claim act.purpose is not of 1 to 64 bytes"},
		{M_SID, "sid", "", SR_SID_MAX, "grant: claim act.sid is not of 1 to 255 bytes"},
		{M_CONSULTATION, "consultation", "", SR_CONSULTATION_MAX,
		 "grant: claim consultation is not of 1 to 255 bytes"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		for (size_t over = 0; over <= 1; over++) {
			char member[512];
			char fill[300];
			memset(fill, 'f', sizeof fill);
			fill[table[i].most + over - strlen(table[i].start)] = '\0';
			snprintf(member, sizeof member, "\"%s\":\"%s%s\"", table[i].name, table[i].start, fill);
			expect_payload(table[i].member, member, over ? SR_UNAUTHENTICATED : SR_OK,
				       over ? table[i].over : "");
		}
	}
}

Test(grant, skew_to_the_second)
{
	static const struct {
		const char *payload;
		int64_t now;
		int64_t skew;
		enum sr_code code;
		const char *text;
	} table[] = {
		{PAYLOAD, EXPIRES - 1, 0, SR_OK, ""},
		{PAYLOAD, EXPIRES, 0, SR_EXPIRED, "grant: expired"},
		{PAYLOAD, EXPIRES + 59, 60, SR_OK, ""},
		{PAYLOAD, EXPIRES + 60, 60, SR_EXPIRED, "grant: expired"},
		{PAYLOAD, ISSUED + 1, 0, SR_OK, ""},
		{PAYLOAD, ISSUED, 0, SR_UNAUTHENTICATED, "grant: not yet valid"},
		{PAYLOAD, ISSUED - 59, 60, SR_OK, ""},
		{PAYLOAD, ISSUED - 60, 60, SR_UNAUTHENTICATED, "grant: not yet valid"},
		{MAPPED_PAYLOAD, ISSUED, 0, SR_OK, ""},
		{MAPPED_PAYLOAD, ISSUED - 1, 0, SR_UNAUTHENTICATED, "grant: issued in the future"},
		{MAPPED_PAYLOAD, ISSUED - 60, 60, SR_OK, ""},
		{MAPPED_PAYLOAD, ISSUED - 61, 60, SR_UNAUTHENTICATED, "grant: issued in the future"},
		{PAYLOAD, INT64_MAX, 60, SR_EXPIRED, "grant: expired"},
		{PAYLOAD, INT64_MAX, INT64_MAX, SR_EXPIRED, "grant: expired"},
		{PAYLOAD, INT64_MIN, 60, SR_UNAUTHENTICATED, "grant: not yet valid"},
		{PAYLOAD, NOW, INT64_MAX, SR_OK, ""},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		world.policy.now = table[i].now;
		world.policy.skew = table[i].skew;
		expect_texts(strcmp(table[i].payload, PAYLOAD) == 0 ? HEADER : MAPPED_HEADER, table[i].payload,
			     table[i].code, table[i].text);
	}
}

Test(grant, thumbprint_of_a_service)
{
	uint8_t jkt[SR_JKT];
	char text[64];
	sr_service_thumbprint(world_service, jkt);
	forge_base64(jkt, sizeof jkt, text, sizeof text);
	cr_expect_str_eq(text, JKT); /* computed elsewhere, from RFC 7638 */
}

Test(grant, allows)
{
	static const uint8_t other_service[32] = {10};
	struct sr_grant *whole = verified(&world.keys[FORGE_ED], HEADER, PAYLOAD);
	struct sr_grant *bare =
		verified(&world.keys[FORGE_ED], HEADER,
			 "{" M_ISS "," M_SUB "," M_AUD "," M_EXP "," M_IAT "," M_JTI ",\"scope\":\"list\"," M_ACT "}");
	uint8_t other[16];
	memcpy(other, whole->recording, sizeof other);
	other[15] ^= 1;
	const struct {
		const struct sr_grant *grant;
		enum sr_scope scope;
		const uint8_t *service;
		const uint8_t *recording;
		int64_t now;
		enum sr_code code;
		const char *text;
	} table[] = {
		{whole, SR_SCOPE_PLAY, world_service, whole->recording, NOW, SR_OK, ""},
		{whole, SR_SCOPE_RECORD, world_service, whole->recording, EXPIRES + 59, SR_OK, ""},
		{whole, SR_SCOPE_PLAY, world_service, whole->recording, EXPIRES + 60, SR_EXPIRED, "grant: expired"},
		{whole, SR_SCOPE_PLAY, world_service, whole->recording, INT64_MAX, SR_EXPIRED, "grant: expired"},
		{whole, SR_SCOPE_DELETE, world_service, whole->recording, NOW, SR_DENIED,
		 "grant: without the scope for this"},
		{whole, SR_SCOPE_MANAGE, world_service, whole->recording, NOW, SR_DENIED,
		 "grant: without the scope for this"},
		{whole, SR_SCOPE_PLAY, other_service, whole->recording, NOW, SR_DENIED,
		 "grant: for another service (cnf)"},
		{whole, SR_SCOPE_PLAY, world_service, other, NOW, SR_DENIED, "grant: for another recording"},
		{whole, SR_SCOPE_LIST, world_service, NULL, NOW, SR_DENIED, "grant: for one recording only"},
		{bare, SR_SCOPE_LIST, other_service, NULL, NOW, SR_OK, ""},
		{bare, SR_SCOPE_LIST, other_service, other, NOW, SR_OK, ""},
		{bare, SR_SCOPE_PLAY, other_service, other, NOW, SR_DENIED, "grant: without the scope for this"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct sr_error err = {0};
		cr_expect_eq(sr_grant_allows(table[i].grant, table[i].scope, table[i].service, table[i].recording,
					     table[i].now, SKEW, &err),
			     table[i].code, "row %zu: %s", i, err.text);
		cr_expect_str_eq(err.text, table[i].text, "row %zu", i);
	}
	sr_grant_free(bare);
	sr_grant_free(whole);
}

Test(grant, renews)
{
	static const struct {
		const char *from;
		const char *to;
		bool renews;
	} table[] = {
		{M_EXP, "\"exp\":1000500", true},
		{M_JTI, "\"jti\":\"j-2\"", true},
		{M_SCOPE, "\"scope\":\"play\"", true},
		{M_RECORDING ",", "", true},
		{M_SUB, "\"sub\":\"urn:mrn|4712\"", false},
		{M_SUB, "\"sub\":\"urn:mrn|47110\"", false},
		{M_ACT_SUB, "\"sub\":\"dr-2\"", false},
		{M_ACT_ROLE, "\"role\":\"guardian\"", false},
		{M_PURPOSE, "\"purpose\":\"break-glass\"", false},
		{M_SID, "\"sid\":\"s-2\"", false},
		{M_CNF ",", "", false},
		{M_JKT, "\"jkt\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", false},
	};
	struct sr_grant *grant = verified(&world.keys[FORGE_ED], HEADER, PAYLOAD);
	cr_expect(sr_grant_renews(grant, grant));
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct sr_grant *next = variant(table[i].from, table[i].to);
		cr_expect_eq(sr_grant_renews(grant, next), table[i].renews, "%s", table[i].to);
		cr_expect_eq(sr_grant_renews(next, grant), table[i].renews, "%s", table[i].to);
		sr_grant_free(next);
	}
	char *payload = replaced(PAYLOAD, M_ISS, "\"iss\":\"https://bound.example\"");
	struct sr_grant *other = verified(&world.keys[FORGE_ED], HEADER, payload);
	cr_expect_not(sr_grant_renews(grant, other));
	free(payload);
	sr_grant_free(other);
	sr_grant_free(grant);
	sr_grant_free(NULL);
}

Test(grant, issuers_that_share_a_name)
{
	/* A second issuer with the first's `iss`: whoever has the key is meant, with its own limits. */
	struct forge_key key = forge_ed(3);
	char jwks[512];
	snprintf(jwks, sizeof jwks, "{\"keys\":[{%.200s,\"kid\":\"own\"}]}", key.members);
	sr_issuer_clear(&world.issuers[1]);
	world_issuer(&world.issuers[1], "twin", "https://id.example", jwks);
	struct sr_grant *grant = verified(&key, "{" M_ALG "," M_TYP ",\"kid\":\"own\"}", PAYLOAD);
	cr_expect_eq(grant->issuer, &world.issuers[1]);
	sr_grant_free(grant);
}

Test(grant, names_of_scopes_and_roles)
{
	static const char *const scopes[] = {"record", "list", "play", "delete", "manage"};
	static const char *const roles[SR_ACT_ROLES] = {"patient", "clinician", "guardian", "system"};
	static const char *const bad[] = {"", " ", ",", "Play", "plays", "pla", "play play", "play,play", "play;list"};
	unsigned bits = 77;
	enum sr_act_role role;
	for (unsigned i = 0; i < 5; i++) {
		cr_expect(sr_scopes_parse(scopes[i], strlen(scopes[i]), &bits));
		cr_expect_eq(bits, 1U << i);
		cr_expect_str_eq(sr_scope_name((enum sr_scope)(1U << i)), scopes[i]);
	}
	for (unsigned i = 0; i < SR_ACT_ROLES; i++) {
		cr_expect(sr_act_roles_parse(roles[i], strlen(roles[i]), &bits));
		cr_expect_eq(bits, 1U << i);
		cr_expect(sr_act_role_parse(roles[i], strlen(roles[i]), &role));
		cr_expect_eq((unsigned)role, i);
		cr_expect_str_eq(sr_act_role_name((enum sr_act_role)i), roles[i]);
	}
	cr_expect(sr_scopes_parse(" play, list ", 12, &bits));
	cr_expect_eq(bits, (unsigned)(SR_SCOPE_PLAY | SR_SCOPE_LIST));
	bits = 77;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_not(sr_scopes_parse(bad[i], strlen(bad[i]), &bits), "%s", bad[i]);
	cr_expect_not(sr_act_roles_parse("patient nurse", 13, &bits));
	cr_expect_eq(bits, 77U);
	cr_expect_not(sr_act_role_parse("patient system", 14, &role));
	cr_expect_null(sr_scope_name((enum sr_scope)3));
	cr_expect_null(sr_act_role_name(SR_ACT_ROLES));
}
