/* The corpus of bad grants: each is refused with its own code and text. */
#include "grant_world.h"

#include <openssl/hmac.h>

TestSuite(grant_refusals, .init = world_make, .fini = world_end);

#define U SR_UNAUTHENTICATED

struct change {
	const char *from;
	const char *to;
	enum sr_code code;
	const char *text;
};

Test(grant_refusals, headers)
{
	static const struct change table[] = {
		{M_ALG, "\"alg\":\"none\"", U, "grant: the alg is not the key's own"},
		{M_ALG, "\"alg\":\"None\"", U, "grant: the alg is not the key's own"},
		{M_ALG, "\"alg\":\"eddsa\"", U, "grant: the alg is not the key's own"},
		{M_ALG, "\"alg\":\"\"", U, "grant: the alg is not the key's own"},
		{M_ALG, "\"alg\":\"HS256\"", U, "grant: the alg is not the key's own"},
		{M_ALG, "\"alg\":7", U, "grant: header alg is not a string"},
		{M_ALG, "\"alg\":null", U, "grant: header alg is not a string"},
		{M_ALG, "\"alg\":[\"EdDSA\"]", U, "grant: header alg is not a string"},
		{M_ALG ",", "", U, "grant: header alg is missing"},
		{M_TYP, "\"typ\":\"JWT\"", U, "grant: the typ is not the issuer's"},
		{M_TYP, "\"typ\":\"\"", U, "grant: the typ is not the issuer's"},
		{M_TYP, "\"typ\":\"Sealreel-grant+jwt\"", U, "grant: the typ is not the issuer's"},
		{M_TYP, "\"typ\":{}", U, "grant: header typ is not a string"},
		{M_TYP ",", "", U, "grant: header typ is missing"},
		{M_KID, "\"kid\":\"nobody\"", U, "grant: the issuer has no key of this kid"},
		{M_KID, "\"kid\":\"ED\"", U, "grant: the issuer has no key of this kid"},
		{M_KID, "\"kid\":\"\"", U, "grant: header kid is empty or too long"},
		{M_KID, "\"kid\":0", U, "grant: header kid is not a string"},
		{M_KID ",", "", U, "grant: header kid is missing"},
		{M_KID, M_KID "," M_KID, U, "grant: the header has a member twice"},
		{M_KID, M_KID ",\"\\u006bid\":\"ed\"", U, "grant: the header has a member twice"},
		{M_KID, "\"kid\":\"ed\\u0000\"", U, "grant: the header has a NUL in a string"},
		{M_KID, M_KID ",\"crit\":[\"exp\"]", U, "grant: header crit is not accepted"},
		{M_KID, M_KID ",\"crit\":[]", U, "grant: header crit is not accepted"},
		{M_KID, M_KID ",\"crit\":null", U, "grant: header crit is not accepted"},
		{M_KID, M_KID ",\"b64\":true", U, "grant: header b64 is not accepted"},
		{M_KID, M_KID ",\"jku\":\"https://evil.example\"", U, "grant: header jku is not accepted"},
		{M_KID, M_KID ",\"jwk\":{}", U, "grant: header jwk is not accepted"},
		{M_KID, M_KID ",\"x5u\":\"\"", U, "grant: header x5u is not accepted"},
		{M_KID, M_KID ",\"x5c\":[]", U, "grant: header x5c is not accepted"},
		{HEADER, "[]", U, "grant: the header is not a JSON object"},
		{HEADER, "null", U, "grant: the header is not JSON"},
		{HEADER, "{", U, "grant: the header is not JSON"},
		{HEADER, HEADER "{}", U, "grant: the header is not JSON"},
		{HEADER, "\xef\xbb\xbf" HEADER, U, "grant: the header is not JSON"},
		{"\"z\":0", "\"z\":[[[[[[[[0]]]]]]]]", U, "grant: the header is nested too deep"},
		{"\"z\":0", "\"z\":\"\xc0\xaf\"", U, "grant: the header is not UTF-8"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char *header = replaced(HEADER, table[i].from, table[i].to);
		expect_texts(header, PAYLOAD, table[i].code, table[i].text);
		free(header);
	}
	char kid[SR_KID_MAX + 16];
	memset(kid, 'k', sizeof kid);
	memcpy(kid, "\"kid\":\"", 7);
	memcpy(kid + 7 + SR_KID_MAX + 1, "\"", 2);
	char *header = replaced(HEADER, M_KID, kid);
	expect_texts(header, PAYLOAD, U, "grant: header kid is empty or too long");
	free(header);
}

Test(grant_refusals, claims)
{
	static const struct change table[] = {
		{M_ISS, "\"iss\":\"https://other.example\"", U, "grant: the issuer is not known"},
		{M_ISS, "\"iss\":\"https://id.example/\"", U, "grant: the issuer is not known"},
		{M_ISS, "\"iss\":\"\"", U, "grant: the issuer is not known"},
		{M_ISS, "\"iss\":\"https://mapped.example\"", U, "grant: the typ is not the issuer's"},
		{M_AUD, "\"aud\":\"elsewhere\"", U, "grant: not for this store"},
		{M_AUD, "\"aud\":\"\"", U, "grant: not for this store"},
		{M_AUD, "\"aud\":\"5EA15ea15ea15ea15ea15ea15ea15ea1\"", U, "grant: not for this store"},
		{M_AUD, "\"aud\":\"5ea15ea15ea15ea15ea15ea15ea15ea\"", U, "grant: not for this store"},
		{M_AUD, "\"aud\":[]", U, "grant: not for this store"},
		{M_AUD, "\"aud\":[\"elsewhere\"]", U, "grant: not for this store"},
		{M_AUD, "\"aud\":[\"" STORE "\",7]", U, "grant: claim aud is not a string or an array of strings"},
		{M_AUD, "\"aud\":[[\"" STORE "\"]]", U, "grant: claim aud is not a string or an array of strings"},
		{M_SUB, "\"sub\":\"\"", U, "grant: claim sub is not of 1 to 255 bytes"},
		{M_SUB, "\"sub\":\"urn:mrn|\\u00004711\"", U, "grant: the payload has a NUL in a string"},
		{M_SUB, "\"sub\":\"urn:mrn|\xed\xa0\x80\"", U, "grant: the payload is not UTF-8"},
		{M_SUB, "\"sub\":\"urn:mrn|\xc3\"", U, "grant: the payload is not UTF-8"},
		{M_SUB, "\"sub\":\"urn:mrn|\xf4\x90\x80\x80\"", U, "grant: the payload is not UTF-8"},
		{M_SUB, "\"sub\":\"urn:mrn|\\ud800\"", U, "grant: the payload is not JSON"},
		{M_JTI, "\"jti\":\"\"", U, "grant: claim jti is not of 1 to 255 bytes"},
		{M_JTI, "\"jti\":\"j\\n1\"", U, "grant: claim jti has control characters"},
		{M_PURPOSE, "\"purpose\":\"\\u007f\"", U, "grant: claim act.purpose has control characters"},
		{M_SID, "\"sid\":\"\\u001b\"", U, "grant: claim act.sid has control characters"},
		{M_SCOPE, "\"scope\":\"\"", U, "grant: the scope is not understood"},
		{M_SCOPE, "\"scope\":\"play openid\"", U, "grant: the scope is not understood"},
		{M_SCOPE, "\"scope\":\"play,list\"", U, "grant: the scope is not understood"},
		{M_SCOPE, "\"scope\":\"play play\"", U, "grant: the scope is not understood"},
		{M_SCOPE, "\"scope\":\"play\\tlist\"", U, "grant: the scope is not understood"},
		{M_ACT_ROLE, "\"role\":\"nurse\"", U, "grant: the role is not understood"},
		{M_ACT_ROLE, "\"role\":\"clinician patient\"", U, "grant: the role is not understood"},
		{M_ACT_ROLE, "\"role\":\"\"", U, "grant: the role is not understood"},
		{M_RECORDING, "\"recording\":\"\"", U, "grant: claim recording is not a UUID"},
		{M_RECORDING, "\"recording\":\"01890a5dac96774bbcceb302099a8057\"", U,
		 "grant: claim recording is not a UUID"},
		{M_RECORDING, "\"recording\":\"{" RECORDING "}\"", U, "grant: claim recording is not a UUID"},
		{M_RECORDING, "\"recording\":\"01890a5d-ac96-774b-bcce-b302099a805g\"", U,
		 "grant: claim recording is not a UUID"},
		{M_JKT, "", U, "grant: claim cnf.jkt is missing"},
		{M_JKT, "\"x5t#S256\":\"\"", U, "grant: claim cnf.jkt is missing"},
		{M_JKT, M_JKT ",\"kid\":\"k\"", U, "grant: claim cnf has more than jkt"},
		{M_JKT, "\"jkt\":\"" JKT "=\"", U, "grant: claim cnf.jkt is not 32 bytes of base64url"},
		{M_JKT, "\"jkt\":\"" JKT "AA\"", U, "grant: claim cnf.jkt is not 32 bytes of base64url"},
		{M_JKT, "\"jkt\":\"\"", U, "grant: claim cnf.jkt is not 32 bytes of base64url"},
		{M_JTI, M_JTI "," M_JTI, U, "grant: the payload has a member twice"},
		{M_SID, M_SID ",\"sid\":\"s-2\"", U, "grant: the payload has a member twice"},
		{"\"z\":0", "\"z\":{\"a\":{\"b\":1,\"b\":1}}", U, "grant: the payload has a member twice"},
		{"\"z\":0", "\"a\\u0000b\":0", U, "grant: the payload has a NUL in a string"},
		{"\"z\":0", "\"z\":[[[[[[[[0]]]]]]]]", U, "grant: the payload is nested too deep"},
		{"\"z\":0", "\"z\":1e999", U, "grant: the payload has a number out of range"},
		{"\"z\":0", "\"z\":0x10", U, "grant: the payload is not JSON"},
		{"\"z\":0", "\"z\":0,", U, "grant: the payload is not JSON"},
		{"\"z\":0", "\"z\":NaN", U, "grant: the payload is not JSON"},
		{PAYLOAD, "[" PAYLOAD "]", U, "grant: the payload is not a JSON object"},
		{PAYLOAD, PAYLOAD " 1", U, "grant: the payload is not JSON"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		expect_payload(table[i].from, table[i].to, table[i].code, table[i].text);
}

Test(grant_refusals, times)
{
	static const struct change table[] = {
		{M_EXP, "\"exp\":1000300.0", U, "grant: claim exp is not an integer"},
		{M_EXP, "\"exp\":1e6", U, "grant: claim exp is not an integer"},
		{M_EXP, "\"exp\":\"1000300\"", U, "grant: claim exp is not an integer"},
		{M_EXP, "\"exp\":-1", U, "grant: claim exp is out of range"},
		{M_EXP, "\"exp\":253402300800", U, "grant: claim exp is out of range"},
		{M_EXP, "\"exp\":253402300799", SR_DENIED, "grant: its life is longer than the issuer may give"},
		{M_EXP, "\"exp\":9223372036854775807", U, "grant: claim exp is out of range"},
		{M_EXP, "\"exp\":-9223372036854775808", U, "grant: claim exp is out of range"},
		{M_EXP, "\"exp\":9223372036854775808", U, "grant: the payload has a number out of range"},
		{M_EXP, "\"exp\":1000000", U, "grant: claim exp is not after iat"},
		{M_EXP, "\"exp\":999999", U, "grant: claim exp is not after iat"},
		{M_EXP, "\"exp\":1000600", SR_OK, ""},
		{M_EXP, "\"exp\":1000601", SR_DENIED, "grant: its life is longer than the issuer may give"},
		{M_EXP, "\"exp\":1000040", SR_EXPIRED, "grant: expired"},
		{M_EXP, "\"exp\":1000041", SR_OK, ""},
		{M_IAT, "\"iat\":1000000.5", U, "grant: claim iat is not an integer"},
		{M_IAT, "\"iat\":-9223372036854775808", U, "grant: claim iat is out of range"},
		{M_IAT, "\"iat\":9223372036854775807", U, "grant: claim iat is out of range"},
		{M_IAT, "\"iat\":0", SR_DENIED, "grant: its life is longer than the issuer may give"},
		{M_IAT, "\"iat\":1000161", U, "grant: issued in the future"},
		{M_NBF, "\"nbf\":1000160", SR_OK, ""},
		{M_NBF, "\"nbf\":1000161", U, "grant: not yet valid"},
		{M_NBF, "\"nbf\":253402300799", U, "grant: not yet valid"},
		{M_NBF, "\"nbf\":9223372036854775807", U, "grant: claim nbf is out of range"},
		{M_NBF, "\"nbf\":1000000.0", U, "grant: claim nbf is not an integer"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		expect_payload(table[i].from, table[i].to, table[i].code, table[i].text);

	/* An hour is the end of it, whatever an issuer's configuration says. */
	world.issuers[0].life_max = 86400;
	expect_payload(M_EXP, "\"exp\":1003600", SR_OK, "");
	expect_payload(M_EXP, "\"exp\":1003601", SR_DENIED, "grant: its life is longer than the issuer may give");
}

/* Each claim, gone and in each wrong type. */
Test(grant_refusals, missing_and_mistyped)
{
	enum type { TEXT = 1, NUMBER = 2, ARRAY = 4, OBJECT = 8 };
	static const struct {
		const char *member;
		const char *key;
		const char *name;
		const char *is;
		unsigned right;
		bool required;
	} table[] = {
		{M_ISS, "iss", "iss", "a string", TEXT, true},
		{M_SUB, "sub", "sub", "a string", TEXT, true},
		{M_AUD, "aud", "aud", "a string or an array of strings", TEXT | ARRAY, true},
		{M_EXP, "exp", "exp", "an integer", NUMBER, true},
		{M_IAT, "iat", "iat", "an integer", NUMBER, true},
		{M_NBF, "nbf", "nbf", "an integer", NUMBER, false},
		{M_JTI, "jti", "jti", "a string", TEXT, true},
		{M_SCOPE, "scope", "scope", "a string", TEXT, true},
		{M_ACT, "act", "act", "an object", OBJECT, true},
		{M_ACT_SUB, "sub", "act.sub", "a string", TEXT, true},
		{M_ACT_ROLE, "role", "act.role", "a string", TEXT, true},
		{M_PURPOSE, "purpose", "act.purpose", "a string", TEXT, false},
		{M_SID, "sid", "act.sid", "a string", TEXT, false},
		{M_RECORDING, "recording", "recording", "a string", TEXT, false},
		{M_CONSULTATION, "consultation", "consultation", "a string", TEXT, false},
		{M_CNF, "cnf", "cnf", "an object", OBJECT, false},
		{M_JKT, "jkt", "cnf.jkt", "a string", TEXT, true},
	};
	static const struct {
		const char *json;
		unsigned type;
	} values[] = {{"null", 0},     {"true", 0},   {"false", 0},       {"7", NUMBER},  {"7.5", 0},
		      {"\"t\"", TEXT}, {"[]", ARRAY}, {"[\"t\"]", ARRAY}, {"{}", OBJECT}, {"{\"t\":1}", OBJECT}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char text[160];
		char member[64];
		for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
			if ((values[j].type & table[i].right) != 0)
				continue;
			snprintf(member, sizeof member, "\"%s\":%s", table[i].key, values[j].json);
			snprintf(text, sizeof text, "grant: claim %s is not %s", table[i].name, table[i].is);
			expect_payload(table[i].member, member, U, text);
		}
		snprintf(text, sizeof text, "grant: claim %s is missing", table[i].name);
		if (table[i].required)
			expect_payload(table[i].member, "\"unknown\":0", U, text);
		else
			expect_payload(table[i].member, "\"unknown\":0", SR_OK, "");
	}
}

Test(grant_refusals, mapped)
{
	static const struct change table[] = {
		{"\"patient\":", "\"sub\":", U, "grant: claim sub is missing"},
		{"\"permissions\":", "\"scope\":", U, "grant: claim scope is missing"},
		{"\"realm\":{", "\"realm\":[0],\"kingdom\":{", U, "grant: claim sub is missing"},
		{"\"role\":\"guardian\"", "\"role\":\"king\"", U, "grant: the role is not understood"},
		{"\"role\":\"guardian\"", "\"rule\":\"guardian\"", U, "grant: claim act.role is missing"},
		{"https://id.example/user", "https://id", U, "grant: claim act.sub is missing"},
		{"\"permissions\":", "\"act\":\"none\",\"permissions\":", U, "grant: claim act is not an object"},
		{"\"id\":\"v-1\"", "\"id\":7", U, "grant: claim consultation is not a string"},
		{"\"recording\":\"" RECORDING "\"", "\"recording\":7", U, "grant: claim recording is not a string"},
		{"\"permissions\":\"play\"", "\"permissions\":\"play delete\"", SR_DENIED,
		 "grant: the issuer may not give this scope"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char *payload = replaced(MAPPED_PAYLOAD, table[i].from, table[i].to);
		expect_texts(MAPPED_HEADER, payload, table[i].code, table[i].text);
		free(payload);
	}
}

Test(grant_refusals, issuer_limits)
{
	static const struct change table[] = {
		{M_SUB, "\"sub\":\"urn:mr|4711\"", SR_DENIED, "grant: the issuer may not name this identity"},
		{M_SUB, "\"sub\":\"urn:mrn\"", SR_DENIED, "grant: the issuer may not name this identity"},
		{M_SUB, "\"sub\":\"URN:MRN|1\"", SR_DENIED, "grant: the issuer may not name this identity"},
		{M_SUB, "\"sub\":\" urn:mrn|1\"", SR_DENIED, "grant: the issuer may not name this identity"},
		{M_SCOPE, "\"scope\":\"delete\"", SR_DENIED, "grant: the issuer may not give this scope"},
		{M_SCOPE, "\"scope\":\"play manage\"", SR_DENIED, "grant: the issuer may not give this scope"},
		{M_ACT_ROLE, "\"role\":\"patient\"", SR_DENIED, "grant: the issuer may not name this role"},
		{M_ACT_ROLE, "\"role\":\"system\"", SR_DENIED, "grant: the issuer may not name this role"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		expect_payload(table[i].from, table[i].to, table[i].code, table[i].text);

	char *bound = replaced(PAYLOAD, M_ISS, "\"iss\":\"https://bound.example\"");
	char *loose = replaced(bound, M_RECORDING ",", "");
	expect_texts(HEADER, bound, SR_OK, "");
	expect_texts(HEADER, loose, SR_DENIED, "grant: the issuer must name a recording");
	free(loose);
	free(bound);

	/* A limit is not told to those without a key, nor before the time is right. */
	struct forge_key stranger = forge_ed(2);
	char *denied = replaced(PAYLOAD, M_SCOPE, "\"scope\":\"manage\"");
	char *token = forge_token(&stranger, HEADER, denied);
	expect_outcome(token, strlen(token), U, "grant: the signature does not verify");
	free(token);
	world.policy.now = ISSUED - 100;
	expect_texts(HEADER, denied, U, "grant: not yet valid");
	free(denied);
}

Test(grant_refusals, algorithms_crossed)
{
	static const char *const kids[FORGE_KINDS] = {"ed", "ec", "rsa"};
	for (size_t key = 0; key < FORGE_KINDS; key++) {
		for (size_t signer = 0; signer < FORGE_KINDS; signer++) {
			char header[160];
			/* An honest token of one type against a key of another. */
			snprintf(header, sizeof header, "{\"alg\":\"%s\"," M_TYP ",\"kid\":\"%s\"}",
				 forge_alg((enum forge_kind)signer), kids[key]);
			char *token = forge_token(&world.keys[signer], header, PAYLOAD);
			expect_outcome(token, strlen(token), key == signer ? SR_OK : U,
				       key == signer ? "" : "grant: the alg is not the key's own");
			free(token);
			if (key == signer)
				continue;
			/* One that names the key's algorithm and carries another's signature. */
			snprintf(header, sizeof header, "{\"alg\":\"%s\"," M_TYP ",\"kid\":\"%s\"}",
				 forge_alg((enum forge_kind)key), kids[key]);
			token = forge_token(&world.keys[signer], header, PAYLOAD);
			expect_outcome(token, strlen(token), U, "grant: the signature does not verify");
			free(token);
		}
	}
}

Test(grant_refusals, public_key_as_a_secret)
{
	/* HS256 keyed with what everybody knows: the raw key, and the text of its JWK. */
	const struct forge_key *ed = &world.keys[FORGE_ED];
	const struct {
		const void *bytes;
		size_t size;
	} secrets[] = {{ed->public_key, sizeof ed->public_key}, {ed->members, strlen(ed->members)}};
	for (size_t i = 0; i < 2; i++) {
		for (size_t honest = 0; honest <= 1; honest++) {
			char *token =
				forge_token(ed, honest ? "{\"alg\":\"HS256\"," M_TYP "," M_KID "}" : HEADER, PAYLOAD);
			char *end = strrchr(token, '.');
			uint8_t mac[32];
			unsigned size = sizeof mac;
			cr_assert_not_null(HMAC(EVP_sha256(), secrets[i].bytes, (int)secrets[i].size,
						(const uint8_t *)token, (size_t)(end - token), mac, &size));
			forge_base64(mac, size, end + 1, 64);
			expect_outcome(token, strlen(token), U,
				       honest ? "grant: the alg is not the key's own"
					      : "grant: the signature does not verify");
			free(token);
		}
	}
}

Test(grant_refusals, signatures)
{
	struct forge_key stranger = forge_ed(2);
	char *token = forge_token(&stranger, HEADER, PAYLOAD);
	expect_outcome(token, strlen(token), U, "grant: the signature does not verify");
	free(token);

	/* alg none, with no signature and with a good one. */
	token = forge_token(&world.keys[FORGE_ED], "{\"alg\":\"none\"," M_TYP "," M_KID "}", PAYLOAD);
	expect_outcome(token, strlen(token), U, "grant: the alg is not the key's own");
	size_t bare = (size_t)(strrchr(token, '.') - token) + 1;
	expect_outcome(token, bare, U, "grant: the alg is not the key's own");
	free(token);

	/* The right alg with no signature; and another grant's. */
	token = forge_token(&world.keys[FORGE_ED], HEADER, PAYLOAD);
	bare = (size_t)(strrchr(token, '.') - token) + 1;
	expect_outcome(token, bare, U, "grant: the signature does not verify");
	char *payload = replaced(PAYLOAD, M_SUB, "\"sub\":\"urn:mrn|1\"");
	char *other = forge_token(&world.keys[FORGE_ED], HEADER, payload);
	char mixed[FORGE_TEXT];
	snprintf(mixed, sizeof mixed, "%.*s%s", (int)bare, token, strrchr(other, '.') + 1);
	expect_outcome(mixed, strlen(mixed), U, "grant: the signature does not verify");
	free(other);
	free(payload);
	free(token);
}

/* Loose base64url in each part, signed as it stands, so that nothing but its form is wrong. */
Test(grant_refusals, loose_base64url)
{
	static const char *const names[] = {"header", "payload", "signature"};
	/* What may stand behind a text of 4n + 2 characters to spoil it. */
	static const char *const ends[] = {"=", "==", "\n", " ", "+", "/", "%", "*", "AAA", "\x01", "\xc3\xa4"};
	const char *header = HEADER "   ";
	const char *payload = PAYLOAD "   ";
	for (size_t part = 0; part < 3; part++) {
		char text[80];
		snprintf(text, sizeof text, "grant: the %s is not strict base64url", names[part]);
		for (size_t i = 0; i < sizeof ends / sizeof ends[0] + 2; i++) {
			char parts[2][FORGE_TEXT / 2];
			/* As many blanks less as make one byte over a multiple of three. */
			forge_base64(header, strlen(header) - (strlen(header) + 2) % 3, parts[0], sizeof parts[0]);
			forge_base64(payload, strlen(payload) - (strlen(payload) + 2) % 3, parts[1], sizeof parts[1]);
			char *token = NULL;
			if (part == 2)
				token = forge_join(&world.keys[FORGE_ED], parts[0], parts[1]);
			char *target = part == 2 ? strrchr(token, '.') + 1 : parts[part];
			size_t size = strlen(target);
			cr_assert_eq(size % 4, 2);
			if (i < sizeof ends / sizeof ends[0])
				strcat(target, ends[i]);
			else if (i == sizeof ends / sizeof ends[0])
				target[size - 1]++; /* loose trailing bits: "A" to "B" and so on */
			else
				target[0] = ' ';
			if (!token)
				token = forge_join(&world.keys[FORGE_ED], parts[0], parts[1]);
			expect_outcome(token, strlen(token), U, text);
			free(token);
		}
	}
}

Test(grant_refusals, form)
{
	static const struct {
		const char *token;
		const char *text;
	} table[] = {
		{"", "grant: not a token of three parts"},
		{".", "grant: not a token of three parts"},
		{"..", "grant: not a token of three parts"},
		{"a..", "grant: not a token of three parts"},
		{".e30.", "grant: not a token of three parts"},
		{"e30.e30", "grant: not a token of three parts"},
		{"e30.e30.e30.e30", "grant: not a token of three parts"},
		{"e30.e30.e30.e30.e30", "grant: not a token of three parts"},
		{"{}.{}.", "grant: the header is not strict base64url"},
		{"e30.e30.", "grant: header alg is missing"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		expect_outcome(table[i].token, strlen(table[i].token), U, table[i].text);
	expect_outcome(NULL, 0, U, "grant: not a token of three parts");
}

Test(grant_refusals, size)
{
	/* A payload padded with blanks until the token has exactly the limit, and past it. */
	static char payload[FORGE_TEXT];
	char *token = forge_token(&world.keys[FORGE_ED], HEADER, PAYLOAD);
	size_t spare = (SR_GRANT_MAX - strlen(token)) / 4 * 3;
	free(token);
	snprintf(payload, sizeof payload, "%s%*s", PAYLOAD, (int)spare, "");
	token = forge_token(&world.keys[FORGE_ED], HEADER, payload);
	cr_assert(strlen(token) <= SR_GRANT_MAX && strlen(token) > SR_GRANT_MAX - 4);
	expect_outcome(token, strlen(token), SR_OK, "");
	free(token);
	strcat(payload, "   ");
	token = forge_token(&world.keys[FORGE_ED], HEADER, payload);
	cr_assert_gt(strlen(token), SR_GRANT_MAX);
	expect_outcome(token, strlen(token), U, "grant: over 8192 bytes");
	free(token);
}

/* On the heap and exactly as long, so that the sanitizer sees any reading on. */
static bool accepted(const char *token, size_t size)
{
	struct sr_grant *grant = NULL;
	char *copy = malloc(size + 1);
	cr_assert_not_null(copy);
	char *end = copy + 1; /* nothing in front belongs to it either */
	memcpy(end, token, size);
	enum sr_code code = sr_grant_verify(&world.policy, end, size, &grant, NULL);
	cr_expect_eq(grant != NULL, code == SR_OK);
	sr_grant_free(grant);
	free(copy);
	return code == SR_OK;
}

Test(grant_refusals, every_truncation)
{
	char *token = forge_token(&world.keys[FORGE_ED], HEADER, PAYLOAD);
	size_t size = strlen(token);
	for (size_t cut = 0; cut < size; cut++)
		cr_expect_not(accepted(token, cut), "cut at %zu", cut);
	cr_expect(accepted(token, size));
	free(token);
}

Test(grant_refusals, every_flipped_bit)
{
	char *token = forge_token(&world.keys[FORGE_ED], HEADER, PAYLOAD);
	size_t size = strlen(token);
	for (size_t bit = 0; bit < size * 8; bit++) {
		token[bit / 8] = (char)(token[bit / 8] ^ (1 << bit % 8));
		cr_expect_not(accepted(token, size), "bit %zu", bit);
		token[bit / 8] = (char)(token[bit / 8] ^ (1 << bit % 8));
	}
	cr_expect(accepted(token, size));
	free(token);
}

Test(grant_refusals, no_issuer_at_all)
{
	world.policy.issuer_count = 0;
	expect_texts(HEADER, PAYLOAD, U, "grant: the issuer is not known");
}
