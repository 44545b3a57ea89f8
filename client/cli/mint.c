/* Minting grants, and the issuers that development and tests mint them with. */
#include "cli/mint.h"

#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "uuid.h"

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define BASE64URL_SIZE(bytes) sodium_base64_ENCODED_LEN(bytes, BASE64URL) /* with a NUL */
#define JTI_BYTES 16
#define KID_BYTES 12
#define IDENTITY_MAX 255
#define NOW_MAX INT64_C(253402300799) /* the end of the year 9999 */

/* An issuer's private key; `iss` and `kid` stand in the JSON they were read from. */
struct signer {
	const char *iss;
	const char *kid;
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
};

/* Compact JSON text with `end` behind it, terminated; NULL if `value` is NULL or memory is short. */
static char *dump(const json_t *value, const char *end)
{
	if (!value)
		return NULL;
	size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT);
	size_t end_size = strlen(end);
	char *text = size > 0 ? malloc(size + end_size + 1) : NULL;
	if (!text)
		return NULL;
	(void)json_dumpb(value, text, size, JSON_COMPACT);
	memcpy(text + size, end, end_size + 1);
	return text;
}

/* JSON text in base64url; NULL if `value` is NULL or memory is short. */
static char *encode(const json_t *value)
{
	char *text = dump(value, "");
	char *encoded = NULL;
	if (text) {
		size_t size = strlen(text);
		encoded = malloc(BASE64URL_SIZE(size));
		if (encoded)
			sodium_bin2base64(encoded, BASE64URL_SIZE(size), (const uint8_t *)text, size, BASE64URL);
	}
	sr_mint_free(text);
	return encoded;
}

static json_t *encoded_bytes(const uint8_t *bytes, size_t size)
{
	char text[BASE64URL_SIZE(64)];
	sodium_bin2base64(text, sizeof text, bytes, size, BASE64URL);
	json_t *value = json_string(text);
	sodium_memzero(text, sizeof text);
	return value;
}

static bool member_is(const json_t *object, const char *name, const char *want)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text && strcmp(text, want) == 0;
}

static bool read_bytes(const json_t *object, const char *name, uint8_t out[32])
{
	const char *text = json_string_value(json_object_get(object, name));
	size_t size = 0;
	return text && sodium_base642bin(out, 32, text, strlen(text), NULL, &size, NULL, BASE64URL) == 0 && size == 32;
}

static enum sr_code read_signer(const json_t *jwk, struct signer *out, struct sr_error *err)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	uint8_t named[crypto_sign_PUBLICKEYBYTES];
	uint8_t made[crypto_sign_PUBLICKEYBYTES];
	enum sr_code code = SR_OK;
	out->iss = json_string_value(json_object_get(jwk, "iss"));
	out->kid = json_string_value(json_object_get(jwk, "kid"));
	if (!member_is(jwk, "kty", "OKP") || !member_is(jwk, "crv", "Ed25519") || !read_bytes(jwk, "x", named) ||
	    !read_bytes(jwk, "d", seed)) {
		code = SR_FAIL(err, SR_USAGE, "the issuer key is not a private Ed25519 key in JSON (RFC 8037)");
	} else if (!out->iss || !out->kid) {
		code = SR_FAIL(err, SR_USAGE, "the issuer key has no iss or no kid");
	} else {
		crypto_sign_seed_keypair(made, out->secret, seed);
		if (sodium_memcmp(made, named, sizeof made) != 0)
			code = SR_FAIL(err, SR_USAGE, "the issuer key's x and d do not belong together");
	}
	sodium_memzero(seed, sizeof seed);
	return code;
}

static enum sr_code check(const struct sr_mint *grant, struct sr_error *err)
{
	if (grant->identity_size < 1 || grant->identity_size > IDENTITY_MAX ||
	    memchr(grant->identity, 0, grant->identity_size))
		return SR_FAIL(err, SR_USAGE, "an identity has 1 to %d bytes, none of them NUL", IDENTITY_MAX);
	if (grant->ttl < 1 || grant->ttl > SR_MINT_TTL_MAX)
		return SR_FAIL(err, SR_USAGE, "a grant lives 1 to %d seconds", SR_MINT_TTL_MAX);
	if (grant->now < 0 || grant->now > NOW_MAX - SR_MINT_TTL_MAX)
		return SR_FAIL(err, SR_USAGE, "the time is out of range");
	return SR_OK;
}

/* Add what is optional. False if a text is not UTF-8 or memory is short. */
static bool add_optional(json_t *claims, const struct sr_mint *grant)
{
	bool ok = true;
	if (grant->purpose)
		ok = json_object_set_new(json_object_get(claims, "act"), "purpose", json_string(grant->purpose)) == 0;
	if (ok && grant->recording) {
		char text[SR_UUID_TEXT];
		sr_uuid_format(grant->recording, text);
		ok = json_object_set_new(claims, "recording", json_string(text)) == 0;
	}
	if (ok && grant->consultation)
		ok = json_object_set_new(claims, "consultation", json_string(grant->consultation)) == 0;
	if (ok && grant->jkt)
		ok = json_object_set_new(claims, "cnf", json_pack("{s:o}", "jkt", encoded_bytes(grant->jkt, 32))) == 0;
	return ok;
}

static json_t *make_claims(const struct sr_mint *grant, const char *iss)
{
	uint8_t jti[JTI_BYTES];
	randombytes_buf(jti, sizeof jti);
	json_t *claims = json_pack("{s:s, s:s%, s:s, s:I, s:I, s:o, s:s, s:{s:s, s:s}}", "iss", iss, "sub",
				   (const char *)grant->identity, grant->identity_size, "aud", grant->audience, "iat",
				   (json_int_t)grant->now, "exp", (json_int_t)(grant->now + grant->ttl), "jti",
				   encoded_bytes(jti, sizeof jti), "scope", grant->scope, "act", "sub", grant->actor,
				   "role", grant->role);
	if (claims && !add_optional(claims, grant)) {
		json_decref(claims);
		claims = NULL;
	}
	return claims;
}

/* Join two encoded parts and their signature; NULL if memory is short. */
static char *sign(const char *header, const char *payload, const struct signer *signer)
{
	uint8_t signature[crypto_sign_BYTES];
	size_t header_size = strlen(header);
	size_t payload_size = strlen(payload);
	size_t input_size = header_size + 1 + payload_size;
	char *token = malloc(input_size + 1 + BASE64URL_SIZE(sizeof signature));
	if (!token)
		return NULL;
	memcpy(token, header, header_size);
	token[header_size] = '.';
	memcpy(token + header_size + 1, payload, payload_size);
	crypto_sign_detached(signature, NULL, (const uint8_t *)token, input_size, signer->secret);
	token[input_size] = '.';
	sodium_bin2base64(token + input_size + 1, BASE64URL_SIZE(sizeof signature), signature, sizeof signature,
			  BASE64URL);
	return token;
}

static enum sr_code mint(const struct signer *signer, const struct sr_mint *grant, char **token, struct sr_error *err)
{
	enum sr_code code = SR_OK;
	char *payload = NULL;
	json_t *claims = make_claims(grant, signer->iss);
	json_t *params = json_pack("{s:s, s:s, s:s}", "alg", "EdDSA", "typ", "sealreel-grant+jwt", "kid", signer->kid);
	char *header = encode(params);
	if (!claims) {
		code = SR_FAIL(err, SR_USAGE, "a text of the grant is not UTF-8");
	} else {
		payload = encode(claims);
		if (header && payload)
			*token = sign(header, payload, signer);
		if (!*token)
			code = SR_FAIL(err, SR_INTERNAL, "out of memory for a grant");
	}
	sr_mint_free(header);
	sr_mint_free(payload);
	json_decref(params);
	json_decref(claims);
	return code;
}

enum sr_code sr_mint_grant(const char *jwk, size_t jwk_size, const struct sr_mint *grant, char **token,
			   struct sr_error *err)
{
	struct signer signer = {0};
	*token = NULL;
	json_t *key = json_loadb(jwk, jwk_size, JSON_REJECT_DUPLICATES, NULL);
	enum sr_code code = read_signer(key, &signer, err);
	if (code == SR_OK)
		code = check(grant, err);
	if (code == SR_OK)
		code = mint(&signer, grant, token, err);
	json_decref(key);
	sodium_memzero(&signer, sizeof signer);
	return code;
}

/* A fresh key: the public half as a JWK of its own, the private half as what it has more. */
static bool make_key(json_t **open, json_t **closed)
{
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret[crypto_sign_SECRETKEYBYTES]; /* the seed first: that is RFC 8037's d */
	uint8_t kid[KID_BYTES];
	crypto_sign_keypair(public_key, secret);
	randombytes_buf(kid, sizeof kid);
	*open = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "kty", "OKP", "crv", "Ed25519", "alg", "EdDSA", "use",
			  "sig", "x", encoded_bytes(public_key, sizeof public_key), "kid",
			  encoded_bytes(kid, sizeof kid));
	*closed = json_copy(*open);
	bool ok = json_object_set_new(*closed, "d", encoded_bytes(secret, crypto_sign_SEEDBYTES)) == 0;
	sodium_memzero(secret, sizeof secret);
	return ok;
}

enum sr_code sr_mint_issuer(const char *iss, char **jwk, char **jwks, struct sr_error *err)
{
	json_t *open = NULL;
	json_t *closed = NULL;
	json_t *set = NULL;
	enum sr_code code = SR_OK;
	*jwk = NULL;
	*jwks = NULL;
	json_t *name = json_string(iss);
	if (json_string_length(name) == 0) {
		code = SR_FAIL(err, SR_USAGE, "an issuer's name is UTF-8 and not empty");
	} else if (make_key(&open, &closed) && json_object_set(closed, "iss", name) == 0) {
		set = json_pack("{s:[O]}", "keys", open);
		*jwk = dump(closed, "\n");
		*jwks = dump(set, "\n");
	}
	if (code == SR_OK && (!*jwk || !*jwks)) {
		sr_mint_free(*jwk);
		sr_mint_free(*jwks);
		*jwk = NULL;
		*jwks = NULL;
		code = SR_FAIL(err, SR_INTERNAL, "out of memory for an issuer key");
	}
	json_decref(set);
	json_decref(closed);
	json_decref(open);
	json_decref(name);
	return code;
}

void sr_mint_free(char *text)
{
	if (!text)
		return;
	sodium_memzero(text, strlen(text));
	free(text);
}
