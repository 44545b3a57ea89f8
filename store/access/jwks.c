/* JWKS files: JSON into verification keys, and what those keys verify. */
#include "access/jwks.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/base64url.h"
#include "access/ecrsa.h"
#include "access/strict_json.h"

#define ED25519_KEY 32
#define P256_COORDINATE 32
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_MAX 8

struct sr_jwk {
	char kid[SR_KID_MAX];
	size_t kid_size;
	enum sr_jwk_algorithm algorithm;
	uint8_t ed25519[ED25519_KEY];
	struct sr_ecrsa *ecrsa; /* of ES256 and RS256 */
};

struct sr_jwks {
	size_t count;
	struct sr_jwk keys[];
};

/* Members of private and symmetric keys (RFC 7518, 6.2.2, 6.3.2, 6.4.1; RFC 8037, 2). */
static const char *const secret_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

static const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name)); /* NULL if absent or no string */
}

/* Read a member that holds exactly `want` bytes of base64url. */
static bool exact_member(const json_t *object, const char *name, uint8_t *out, size_t want)
{
	const char *text = text_member(object, name);
	return text && sr_base64url_exact(text, strlen(text), out, want);
}

/* Read a positive number in its shortest form (RFC 7518, 2: Base64urlUInt). */
static bool number_member(const json_t *object, const char *name, uint8_t *out, size_t most, size_t *used)
{
	const char *text = text_member(object, name);
	return text && sr_base64url_decode(text, strlen(text), out, most, used) && *used > 0 && out[0] != 0;
}

static size_t bits_of(const uint8_t *number, size_t size)
{
	size_t bits = size * 8;
	for (unsigned top = number[0]; top < 0x80; top <<= 1)
		bits--;
	return bits;
}

static bool is_text(const json_t *object, const char *name, const char *want)
{
	const char *text = text_member(object, name);
	return text && strcmp(text, want) == 0;
}

/* Each reader returns NULL, or the end of a sentence about what is wrong. */
static const char *read_okp(const json_t *object, struct sr_jwk *key)
{
	key->algorithm = SR_EDDSA;
	if (!is_text(object, "crv", "Ed25519"))
		return "is of a curve other than Ed25519";
	if (!exact_member(object, "x", key->ed25519, sizeof key->ed25519))
		return "has an x that is not 32 bytes of base64url";
	if (!crypto_core_ed25519_is_valid_point(key->ed25519))
		return "is not a point of its curve";
	return NULL;
}

static const char *read_ec(const json_t *object, struct sr_jwk *key)
{
	uint8_t x[P256_COORDINATE];
	uint8_t y[P256_COORDINATE];
	key->algorithm = SR_ES256;
	if (!is_text(object, "crv", "P-256"))
		return "is of a curve other than P-256";
	if (!exact_member(object, "x", x, sizeof x))
		return "has an x that is not 32 bytes of base64url";
	if (!exact_member(object, "y", y, sizeof y))
		return "has a y that is not 32 bytes of base64url";
	key->ecrsa = sr_ecrsa_p256(x, y);
	return key->ecrsa ? NULL : "is not a point of its curve";
}

static const char *read_rsa(const json_t *object, struct sr_jwk *key)
{
	uint8_t n[RSA_BITS_MAX / 8];
	uint8_t e[RSA_EXPONENT_MAX];
	size_t n_size;
	size_t e_size;
	key->algorithm = SR_RS256;
	if (!number_member(object, "n", n, sizeof n, &n_size))
		return "has an n that is not a number of at most 8192 bits";
	if (bits_of(n, n_size) < RSA_BITS_MIN)
		return "is an RSA key under 2048 bits";
	if (!number_member(object, "e", e, sizeof e, &e_size))
		return "has an e that is not a number of at most 64 bits";
	key->ecrsa = sr_ecrsa_rsa(n, n_size, e, e_size);
	return key->ecrsa ? NULL : "is not a sound RSA key";
}

static const char *read_kid(const json_t *object, struct sr_jwk *key)
{
	const json_t *kid = json_object_get(object, "kid");
	size_t size = json_string_length(kid); /* 0 if absent or no string */
	if (size == 0)
		return "has no kid";
	if (size > sizeof key->kid)
		return "has a kid that is too long";
	memcpy(key->kid, json_string_value(kid), size);
	key->kid_size = size;
	return NULL;
}

static bool may_verify(const json_t *operations)
{
	size_t i;
	const json_t *operation;
	json_array_foreach(operations, i, operation)
	{
		const char *text = json_string_value(operation);
		if (text && strcmp(text, "verify") == 0)
			return true;
	}
	return false;
}

/* What a key says about its own use must agree with ours. */
static const char *check_use(const json_t *object, const struct sr_jwk *key)
{
	if (json_object_get(object, "use") && !is_text(object, "use", "sig"))
		return "has a use other than sig";
	const json_t *operations = json_object_get(object, "key_ops");
	if (operations && !may_verify(operations))
		return "has key_ops without verify";
	if (json_object_get(object, "alg") && !is_text(object, "alg", sr_jwk_algorithm_name(key->algorithm)))
		return "has an alg that is not its type's";
	return NULL;
}

/* No set that is published may have these, whatever they are for. */
static const char *check_public(const json_t *object)
{
	if (!json_is_object(object))
		return "is not an object";
	if (is_text(object, "kty", "oct"))
		return "is symmetric";
	for (size_t i = 0; i < sizeof secret_members / sizeof secret_members[0]; i++)
		if (json_object_get(object, secret_members[i]))
			return "holds a secret";
	return NULL;
}

static const char *read_type(const json_t *object, struct sr_jwk *key)
{
	if (is_text(object, "kty", "OKP"))
		return read_okp(object, key);
	if (is_text(object, "kty", "EC"))
		return read_ec(object, key);
	if (is_text(object, "kty", "RSA"))
		return read_rsa(object, key);
	return "has no kty of OKP, EC or RSA";
}

static const char *read_key(const json_t *object, struct sr_jwks *set)
{
	const char *wrong = check_public(object);
	/* Not for signatures, as its issuer says itself (RFC 7517, 4.2), and of whatever type: none of ours. */
	if (wrong || is_text(object, "use", "enc"))
		return wrong;
	struct sr_jwk *key = &set->keys[set->count++]; /* counted first, so that what it has made is released */
	wrong = read_type(object, key);
	if (!wrong)
		wrong = check_use(object, key);
	if (!wrong)
		wrong = read_kid(object, key);
	if (!wrong && sr_jwks_find(set, key->kid, key->kid_size) != key)
		wrong = "has the kid of an earlier one";
	return wrong;
}

static enum sr_code read_keys(const json_t *keys, struct sr_jwks **out, struct sr_error *err)
{
	size_t count = json_array_size(keys); /* 0 if absent or no array */
	if (count == 0)
		return SR_FAIL(err, SR_USAGE, "the key set has no keys");
	if (count > SR_JWKS_KEYS_MAX)
		return SR_FAIL(err, SR_USAGE, "the key set has more than %d keys", SR_JWKS_KEYS_MAX);
	struct sr_jwks *set = calloc(1, sizeof *set + count * sizeof set->keys[0]);
	if (!set)
		return SR_FAIL(err, SR_UNAVAILABLE, "out of memory for a key set");
	for (size_t i = 0; i < count; i++) {
		const char *wrong = read_key(json_array_get(keys, i), set);
		if (wrong) {
			sr_jwks_free(set);
			return SR_FAIL(err, SR_USAGE, "key %zu of the key set %s", i + 1, wrong);
		}
	}
	if (set->count == 0) {
		sr_jwks_free(set);
		return SR_FAIL(err, SR_USAGE, "the key set has no keys for signatures");
	}
	*out = set;
	return SR_OK;
}

enum sr_code sr_jwks_parse(const char *text, size_t size, struct sr_jwks **out, struct sr_error *err)
{
	*out = NULL;
	if (size > SR_JWKS_FILE_MAX)
		return SR_FAIL(err, SR_USAGE, "the key set is over %d bytes", SR_JWKS_FILE_MAX);
	const char *why;
	json_t *root = sr_strict_json_object(text, size, &why);
	if (!root)
		return SR_FAIL(err, SR_USAGE, "the key set %s", why);
	enum sr_code code = read_keys(json_object_get(root, "keys"), out, err);
	json_decref(root);
	return code;
}

void sr_jwks_free(struct sr_jwks *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		sr_ecrsa_free(set->keys[i].ecrsa);
	free(set);
}

size_t sr_jwks_count(const struct sr_jwks *set)
{
	return set->count;
}

const struct sr_jwk *sr_jwks_find(const struct sr_jwks *set, const char *kid, size_t size)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->keys[i].kid_size == size && memcmp(set->keys[i].kid, kid, size) == 0)
			return &set->keys[i];
	return NULL;
}

enum sr_jwk_algorithm sr_jwk_algorithm(const struct sr_jwk *key)
{
	return key->algorithm;
}

const char *sr_jwk_algorithm_name(enum sr_jwk_algorithm algorithm)
{
	static const char *const names[] = {[SR_EDDSA] = "EdDSA", [SR_ES256] = "ES256", [SR_RS256] = "RS256"};
	return names[algorithm];
}

bool sr_jwk_verify(const struct sr_jwk *key, const uint8_t *message, size_t message_size, const uint8_t *signature,
		   size_t signature_size)
{
	if (key->algorithm != SR_EDDSA)
		return sr_ecrsa_verify(key->ecrsa, message, message_size, signature, signature_size);
	return signature_size == crypto_sign_BYTES &&
	       crypto_sign_verify_detached(signature, message, message_size, key->ed25519) == 0;
}

void sr_okp_thumbprint(const char *curve, const uint8_t key[32], uint8_t out[SR_JWK_THUMBPRINT])
{
	char x[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	char text[128];
	sodium_bin2base64(x, sizeof x, key, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	/* The members that make the key, in order of their names, without white space (RFC 7638, 3). */
	(void)snprintf(text, sizeof text, "{\"crv\":\"%.32s\",\"kty\":\"OKP\",\"x\":\"%s\"}", curve, x);
	crypto_hash_sha256(out, (const uint8_t *)text, strlen(text));
}
