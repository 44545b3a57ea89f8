/* Key sets: what is accepted, what refuses a whole set and why; RFC 8037's published key, signature and thumbprint. */
#include "access/jwks.h"

#include "forge.h"

/* RFC 8037, appendix A. */
#define A_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define A_D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define A_THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define A_INPUT "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
#define A_SIGNATURE "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" A_X "\""
#define ONE(members) "{\"keys\":[{" members "}]}"

static void setup(void)
{
	cr_assert(sodium_init() >= 0);
}

TestSuite(jwks, .init = setup);

static struct sr_jwks *parsed(const char *text)
{
	struct sr_jwks *set = NULL;
	struct sr_error err = {0};
	cr_assert_eq(sr_jwks_parse(text, strlen(text), &set, &err), SR_OK, "%s", err.text);
	cr_assert_not_null(set);
	return set;
}

static void refused(const char *text, size_t size, const char *why)
{
	struct sr_jwks *set = (struct sr_jwks *)&set;
	struct sr_error err = {0};
	cr_expect_eq(sr_jwks_parse(text, size, &set, &err), SR_USAGE, "accepted: %.60s", text);
	cr_expect_null(set);
	cr_expect_str_eq(err.text, why);
}

static void decode(const char *text, uint8_t *out, size_t want)
{
	size_t used = 0;
	cr_assert_eq(sodium_base642bin(out, want, text, strlen(text), NULL, &used, NULL, FORGE_BASE64), 0);
	cr_assert_eq(used, want);
}

Test(jwks, rfc8037_a4_a5_signature)
{
	uint8_t signature[64];
	uint8_t made[64];
	uint8_t seed[32];
	uint8_t public_key[32];
	uint8_t secret[64];
	decode(A_SIGNATURE, signature, sizeof signature);
	decode(A_D, seed, sizeof seed);
	crypto_sign_seed_keypair(public_key, secret, seed);
	crypto_sign_detached(made, NULL, (const uint8_t *)A_INPUT, strlen(A_INPUT), secret);
	cr_assert_arr_eq(made, signature, sizeof made);

	struct sr_jwks *set = parsed(ONE(OKP ",\"kid\":\"a\""));
	const struct sr_jwk *key = sr_jwks_find(set, "a", 1);
	cr_assert_not_null(key);
	cr_assert_eq(sr_jwk_algorithm(key), SR_EDDSA);
	cr_expect(sr_jwk_verify(key, (const uint8_t *)A_INPUT, strlen(A_INPUT), signature, 64));
	cr_expect_not(sr_jwk_verify(key, (const uint8_t *)A_INPUT, strlen(A_INPUT) - 1, signature, 64));
	cr_expect_not(sr_jwk_verify(key, (const uint8_t *)A_INPUT, strlen(A_INPUT), signature, 63));
	sr_jwks_free(set);
}

Test(jwks, rfc8037_a3_thumbprint)
{
	uint8_t x[32];
	uint8_t want[32];
	uint8_t got[32];
	decode(A_X, x, sizeof x);
	decode(A_THUMBPRINT, want, sizeof want);
	sr_okp_thumbprint("Ed25519", x, got);
	cr_expect_arr_eq(got, want, sizeof got);
	sr_okp_thumbprint("X25519", x, got);
	cr_expect_arr_neq(got, want, sizeof got);
}

Test(jwks, every_kind_in_one_set)
{
	struct forge_key keys[] = {forge_ed(1), forge_ec("P-256"), forge_rsa(2048)};
	static const enum sr_jwk_algorithm algorithms[] = {SR_EDDSA, SR_ES256, SR_RS256};
	char text[8192];
	uint8_t signatures[3][1024];
	size_t sizes[3];
	snprintf(text, sizeof text,
		 "{\"keys\":[{%s,\"kid\":\"0\",\"use\":\"sig\"},{%s,\"kid\":\"1\",\"alg\":\"ES256\"},"
		 "{%s,\"kid\":\"2\",\"key_ops\":[\"verify\"],\"x5t\":\"ignored\"}]}",
		 keys[0].members, keys[1].members, keys[2].members);
	struct sr_jwks *set = parsed(text);
	cr_expect_eq(sr_jwks_count(set), 3);
	cr_expect_null(sr_jwks_find(set, "3", 1));
	cr_expect_null(sr_jwks_find(set, "00", 2));
	for (size_t i = 0; i < 3; i++)
		sizes[i] = forge_sign(&keys[i], "message", 7, signatures[i]);
	for (size_t i = 0; i < 3; i++) {
		const struct sr_jwk *key = sr_jwks_find(set, &"012"[i], 1);
		cr_assert_not_null(key);
		cr_expect_eq(sr_jwk_algorithm(key), algorithms[i]);
		cr_expect_str_eq(sr_jwk_algorithm_name(algorithms[i]), forge_alg(keys[i].kind));
		for (size_t j = 0; j < 3; j++)
			cr_expect_eq(sr_jwk_verify(key, (const uint8_t *)"message", 7, signatures[j], sizes[j]), i == j,
				     "key %zu, signature %zu", i, j);
		cr_expect_not(sr_jwk_verify(key, (const uint8_t *)"massage", 7, signatures[i], sizes[i]));
		for (size_t size = 0; size < sizes[i]; size++)
			cr_expect_not(sr_jwk_verify(key, (const uint8_t *)"message", 7, signatures[i], size));
		for (size_t bit = 0; bit < sizes[i] * 8; bit += 7) {
			signatures[i][bit / 8] ^= (uint8_t)(1U << bit % 8);
			cr_expect_not(sr_jwk_verify(key, (const uint8_t *)"message", 7, signatures[i], sizes[i]));
			signatures[i][bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		forge_release(&keys[i]);
	}
	sr_jwks_free(set);
}

Test(jwks, es256_zero_and_order_are_refused)
{
	struct forge_key made = forge_ec("P-256");
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
					  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
	uint8_t signature[64] = {0};
	char text[2048];
	snprintf(text, sizeof text, "{\"keys\":[{%s,\"kid\":\"a\"}]}", made.members);
	struct sr_jwks *set = parsed(text);
	const struct sr_jwk *key = sr_jwks_find(set, "a", 1);
	cr_assert_not_null(key);
	cr_expect_not(sr_jwk_verify(key, (const uint8_t *)"m", 1, signature, 64));
	memcpy(signature, order, 32);
	memcpy(signature + 32, order, 32);
	cr_expect_not(sr_jwk_verify(key, (const uint8_t *)"m", 1, signature, 64));
	sr_jwks_free(set);
	forge_release(&made);
}

Test(jwks, refusals)
{
	static const struct {
		const char *text;
		const char *why;
	} table[] = {
		{"", "the key set is not JSON"},
		{"[]", "the key set is not a JSON object"},
		{"{\"keys\":[]} x", "the key set is not JSON"},
		{"{}", "the key set has no keys"},
		{"{\"keys\":{}}", "the key set has no keys"},
		{"{\"keys\":[]}", "the key set has no keys"},
		{"{\"keys\":[[[[[[[[]]]]]]]]}", "the key set is nested too deep"},
		{"{\"keys\":[],\"keys\":[{" OKP ",\"kid\":\"a\"}]}", "the key set has a member twice"},
		{"{\"keys\":[{" OKP ",\"kid\":\"a\\u0000b\"}]}", "the key set has a NUL in a string"},
		{"{\"keys\":[{" OKP ",\"kid\":\"\xff\"}]}", "the key set is not UTF-8"},
		{"{\"keys\":[{" OKP ",\"kid\":\"a\"},7]}", "key 2 of the key set is not an object"},
		{ONE(OKP), "key 1 of the key set has no kid"},
		{ONE(OKP ",\"kid\":7"), "key 1 of the key set has no kid"},
		{ONE(OKP ",\"kid\":\"\""), "key 1 of the key set has no kid"},
		{ONE(OKP ",\"kid\":\"a\",\"kid\":\"b\""), "the key set has a member twice"},
		{"{\"keys\":[{" OKP ",\"kid\":\"a\"},{" OKP ",\"kid\":\"a\"}]}",
		 "key 2 of the key set has the kid of an earlier one"},
		{ONE(OKP ",\"kid\":\"a\",\"alg\":\"ES256\""), "key 1 of the key set has an alg that is not its type's"},
		{ONE(OKP ",\"kid\":\"a\",\"alg\":null"), "key 1 of the key set has an alg that is not its type's"},
		{ONE(OKP ",\"kid\":\"a\",\"use\":\"enc\""), "the key set has no keys for signatures"},
		{ONE(OKP ",\"kid\":\"a\",\"use\":\"other\""), "key 1 of the key set has a use other than sig"},
		{ONE(OKP ",\"kid\":\"a\",\"use\":7"), "key 1 of the key set has a use other than sig"},
		{"{\"keys\":[{" OKP ",\"kid\":\"a\"},{\"kty\":\"RSA\",\"use\":\"enc\",\"d\":\"AQAB\"}]}",
		 "key 2 of the key set holds a secret"},
		{"{\"keys\":[{" OKP ",\"kid\":\"a\"},{\"kty\":\"oct\",\"use\":\"enc\",\"k\":\"c2Vj\"}]}",
		 "key 2 of the key set is symmetric"},
		{"{\"keys\":[{\"use\":\"enc\"},{" OKP ",\"kid\":\"a\",\"alg\":\"ES256\"}]}",
		 "key 2 of the key set has an alg that is not its type's"},
		{ONE(OKP ",\"kid\":\"a\",\"key_ops\":[\"sign\"]"), "key 1 of the key set has key_ops without verify"},
		{ONE(OKP ",\"kid\":\"a\",\"d\":\"" A_D "\""), "key 1 of the key set holds a secret"},
		{ONE("\"kty\":\"oct\",\"k\":\"c2VjcmV0\",\"kid\":\"a\""), "key 1 of the key set is symmetric"},
		{ONE("\"kty\":\"AKP\",\"kid\":\"a\""), "key 1 of the key set has no kty of OKP, EC or RSA"},
		{ONE("\"kid\":\"a\""), "key 1 of the key set has no kty of OKP, EC or RSA"},
		{ONE("\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" A_X "\",\"kid\":\"a\""),
		 "key 1 of the key set is of a curve other than Ed25519"},
		{ONE("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" A_X "=\",\"kid\":\"a\""),
		 "key 1 of the key set has an x that is not 32 bytes of base64url"},
		{ONE("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp\","
		     "\"kid\":\"a\""), /* loose trailing bits */
		 "key 1 of the key set has an x that is not 32 bytes of base64url"},
		{ONE("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\",\"kid\":\"a\""),
		 "key 1 of the key set has an x that is not 32 bytes of base64url"},
		{ONE("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
		     "\"kid\":\"a\""), /* the neutral element: of small order */
		 "key 1 of the key set is not a point of its curve"},
		{ONE("\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"a\""),
		 "key 1 of the key set is of a curve other than P-256"},
		{ONE("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A_X "\",\"kid\":\"a\""),
		 "key 1 of the key set has a y that is not 32 bytes of base64url"},
		{ONE("\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" A_X "\",\"kid\":\"a\""),
		 "key 1 of the key set has an x that is not 32 bytes of base64url"},
		{ONE("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" A_X "\",\"y\":\"" A_X "\",\"kid\":\"a\""),
		 "key 1 of the key set is not a point of its curve"},
		{ONE("\"kty\":\"RSA\",\"e\":\"AQAB\",\"kid\":\"a\""),
		 "key 1 of the key set has an n that is not a number of at most 8192 bits"},
		{ONE("\"kty\":\"RSA\",\"n\":\"AAAB\",\"e\":\"AQAB\",\"kid\":\"a\""), /* leading zero bytes */
		 "key 1 of the key set has an n that is not a number of at most 8192 bits"},
		{ONE("\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"kid\":\"a\""),
		 "key 1 of the key set is an RSA key under 2048 bits"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		refused(table[i].text, strlen(table[i].text), table[i].why);
}

/* As identity providers publish them: one to sign with, one to encrypt to. */
Test(jwks, an_encryption_key_beside_is_left_out)
{
	static const char *const beside[] = {
		"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"use\":\"enc\",\"kid\":\"a\",\"alg\":\"RSA-OAEP\"}",
		"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" A_X "\",\"use\":\"enc\",\"kid\":\"b\"}",
		"{" OKP ",\"kid\":\"c\",\"use\":\"enc\"}",
	};
	for (size_t at = 0; at < sizeof beside / sizeof beside[0]; at++) {
		for (int first = 0; first < 2; first++) {
			char text[512];
			(void)snprintf(text, sizeof text, "{\"keys\":[%s,%s]}",
				       first ? beside[at] : "{" OKP ",\"kid\":\"a\",\"use\":\"sig\"}",
				       first ? "{" OKP ",\"kid\":\"a\",\"use\":\"sig\"}" : beside[at]);
			struct sr_jwks *set = parsed(text);
			cr_expect_eq(sr_jwks_count(set), 1);
			cr_expect_not_null(sr_jwks_find(set, "a", 1));
			cr_expect_null(sr_jwks_find(set, "b", 1));
			cr_expect_null(sr_jwks_find(set, "c", 1));
			sr_jwks_free(set);
		}
	}
}

Test(jwks, rsa_sizes)
{
	struct forge_key small = forge_rsa(2047);
	struct forge_key good = forge_rsa(2048);
	char text[4096 + 64];
	snprintf(text, sizeof text, "{\"keys\":[{%s,\"kid\":\"a\"}]}", small.members);
	refused(text, strlen(text), "key 1 of the key set is an RSA key under 2048 bits");
	snprintf(text, sizeof text, "{\"keys\":[{%s,\"kid\":\"a\"}]}", good.members);
	sr_jwks_free(parsed(text));

	/* The same modulus with exponents that are none. */
	static const struct {
		const char *e;
		const char *why;
	} exponents[] = {
		{"AQ", "key 1 of the key set is not a sound RSA key"},
		{"BA", "key 1 of the key set is not a sound RSA key"},
		{"", "key 1 of the key set has an e that is not a number of at most 64 bits"},
		{"AAAB", "key 1 of the key set has an e that is not a number of at most 64 bits"},
		{"AQAAAAAAAAAB", "key 1 of the key set has an e that is not a number of at most 64 bits"},
	};
	char *e = strstr(text, "\"e\":\"");
	cr_assert_not_null(e);
	for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
		snprintf(e, sizeof text - (size_t)(e - text), "\"e\":\"%s\",\"kid\":\"a\"}]}", exponents[i].e);
		refused(text, strlen(text), exponents[i].why);
	}
	forge_release(&small);
	forge_release(&good);
}

Test(jwks, rsa_modulus_bounds)
{
	/* 8,192 bits and one more; odd numbers of no known factors will do, since size is judged first. */
	char n[1400];
	char text[2048];
	uint8_t number[1025];
	memset(number, 0xff, sizeof number);
	number[0] = 1;
	forge_base64(number, sizeof number, n, sizeof n);
	snprintf(text, sizeof text, ONE("\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\",\"kid\":\"a\""), n);
	refused(text, strlen(text), "key 1 of the key set has an n that is not a number of at most 8192 bits");

	/* Even: divisible by a small number. */
	memset(number, 0xff, 256);
	number[255] = 0xfe;
	forge_base64(number, 256, n, sizeof n);
	snprintf(text, sizeof text, ONE("\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\",\"kid\":\"a\""), n);
	refused(text, strlen(text), "key 1 of the key set is not a sound RSA key");
}

Test(jwks, counts_and_sizes)
{
	static char text[SR_JWKS_FILE_MAX + 2];
	for (size_t count = SR_JWKS_KEYS_MAX; count <= SR_JWKS_KEYS_MAX + 1; count++) {
		size_t used = (size_t)snprintf(text, sizeof text, "{\"keys\":[");
		for (size_t i = 0; i < count; i++)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s{" OKP ",\"kid\":\"%zu\"}",
						 i ? "," : "", i);
		used += (size_t)snprintf(text + used, sizeof text - used, "]}");
		if (count > SR_JWKS_KEYS_MAX) {
			refused(text, used, "the key set has more than 64 keys");
			continue;
		}
		struct sr_jwks *set = parsed(text);
		cr_expect_eq(sr_jwks_count(set), SR_JWKS_KEYS_MAX);
		cr_expect_not_null(sr_jwks_find(set, "63", 2));
		sr_jwks_free(set);
	}
	memset(text, ' ', sizeof text);
	refused(text, SR_JWKS_FILE_MAX + 1, "the key set is over 65536 bytes");
}

Test(jwks, kid_length)
{
	char text[1024];
	char kid[SR_KID_MAX + 2];
	memset(kid, 'k', sizeof kid);
	kid[SR_KID_MAX] = '\0';
	snprintf(text, sizeof text, ONE(OKP ",\"kid\":\"%s\""), kid);
	struct sr_jwks *set = parsed(text);
	cr_expect_not_null(sr_jwks_find(set, kid, SR_KID_MAX));
	cr_expect_null(sr_jwks_find(set, kid, SR_KID_MAX - 1));
	sr_jwks_free(set);
	kid[SR_KID_MAX] = 'k';
	kid[SR_KID_MAX + 1] = '\0';
	snprintf(text, sizeof text, ONE(OKP ",\"kid\":\"%s\""), kid);
	refused(text, strlen(text), "key 1 of the key set has a kid that is too long");
}

Test(jwks, every_truncation_is_refused)
{
	const char *text = "{\"keys\":[{" OKP ",\"kid\":\"a\",\"use\":\"sig\"}]}";
	for (size_t size = 0; size < strlen(text); size++) {
		struct sr_jwks *set = NULL;
		char *cut = malloc(size + 1); /* exactly as long, so that reading on is seen */
		cr_assert_not_null(cut);
		char *end = memcpy(cut, text, size);
		cr_expect_eq(sr_jwks_parse(end, size, &set, NULL), SR_USAGE, "cut at %zu", size);
		cr_expect_null(set);
		free(cut);
	}
}
