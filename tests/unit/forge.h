/*
 * Making tokens that an identity provider might send, or an attacker: keys of each kind, their JWKs, and signing of any
 * header and payload. For tests only; functions that fail end the test.
 */
#ifndef SR_TEST_FORGE_H
#define SR_TEST_FORGE_H

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORGE_BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define FORGE_TEXT 16384

enum forge_kind { FORGE_ED, FORGE_EC, FORGE_RSA, FORGE_KINDS };

/* A signing key of one kind, and its public JWK without braces: members only. */
struct forge_key {
	enum forge_kind kind;
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	EVP_PKEY *pkey;
	char members[1024];
};

static inline void forge_base64(const void *bytes, size_t size, char *out, size_t capacity)
{
	cr_assert_not_null(sodium_bin2base64(out, capacity, bytes, size, FORGE_BASE64));
}

static inline void forge_number(const EVP_PKEY *key, const char *name, size_t width, char *out, size_t capacity)
{
	BIGNUM *number = NULL;
	uint8_t bytes[512];
	cr_assert_eq(EVP_PKEY_get_bn_param(key, name, &number), 1);
	size_t size = width ? width : (size_t)BN_num_bytes(number);
	cr_assert(size <= sizeof bytes);
	cr_assert(BN_bn2binpad(number, bytes, (int)size) >= 0);
	forge_base64(bytes, size, out, capacity);
	BN_free(number);
}

static inline struct forge_key forge_ed(uint8_t seed_byte)
{
	struct forge_key key = {.kind = FORGE_ED};
	uint8_t seed[crypto_sign_SEEDBYTES];
	char x[64];
	memset(seed, seed_byte, sizeof seed);
	crypto_sign_seed_keypair(key.public_key, key.secret, seed);
	forge_base64(key.public_key, sizeof key.public_key, x, sizeof x);
	snprintf(key.members, sizeof key.members, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"", x);
	return key;
}

static inline struct forge_key forge_ec(const char *group)
{
	struct forge_key key = {.kind = FORGE_EC, .pkey = EVP_EC_gen(group)};
	char x[128];
	char y[128];
	cr_assert_not_null(key.pkey);
	size_t width = ((size_t)EVP_PKEY_get_bits(key.pkey) + 7) / 8;
	forge_number(key.pkey, OSSL_PKEY_PARAM_EC_PUB_X, width, x, sizeof x);
	forge_number(key.pkey, OSSL_PKEY_PARAM_EC_PUB_Y, width, y, sizeof y);
	snprintf(key.members, sizeof key.members, "\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"", group, x,
		 y);
	return key;
}

static inline struct forge_key forge_rsa(unsigned bits)
{
	struct forge_key key = {.kind = FORGE_RSA, .pkey = EVP_RSA_gen(bits)};
	char n[800];
	char e[16];
	cr_assert_not_null(key.pkey);
	forge_number(key.pkey, OSSL_PKEY_PARAM_RSA_N, 0, n, sizeof n);
	forge_number(key.pkey, OSSL_PKEY_PARAM_RSA_E, 0, e, sizeof e);
	snprintf(key.members, sizeof key.members, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", n, e);
	return key;
}

static inline void forge_release(struct forge_key *key)
{
	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
}

/* DER to r and s side by side. */
static inline size_t forge_es256(const uint8_t *der, size_t size, uint8_t out[64])
{
	const unsigned char *at = der;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
	cr_assert_not_null(pair);
	cr_assert_eq(BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32), 32);
	cr_assert_eq(BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32), 32);
	ECDSA_SIG_free(pair);
	return 64;
}

/* The JWS signature of `message` by `key`, in the algorithm of its kind; returns its size. */
static inline size_t forge_sign(const struct forge_key *key, const char *message, size_t size, uint8_t out[1024])
{
	if (key->kind == FORGE_ED) {
		crypto_sign_detached(out, NULL, (const uint8_t *)message, size, key->secret);
		return crypto_sign_BYTES;
	}
	uint8_t signature[1024];
	size_t used = sizeof signature;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	cr_assert_eq(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key->pkey), 1);
	cr_assert_eq(EVP_DigestSign(digest, signature, &used, (const uint8_t *)message, size), 1);
	EVP_MD_CTX_free(digest);
	if (key->kind == FORGE_EC)
		return forge_es256(signature, used, out);
	memcpy(out, signature, used);
	return used;
}

/* Join what is already encoded with its signature; released by the caller with free(). */
static inline char *forge_join(const struct forge_key *key, const char *header, const char *payload)
{
	char *token = malloc(FORGE_TEXT);
	uint8_t signature[1024];
	cr_assert_not_null(token);
	int used = snprintf(token, FORGE_TEXT, "%s.%s", header, payload);
	cr_assert(used > 0 && used < FORGE_TEXT - 2048);
	size_t size = forge_sign(key, token, (size_t)used, signature);
	token[used] = '.';
	forge_base64(signature, size, token + used + 1, (size_t)(FORGE_TEXT - used - 1));
	return token;
}

/* A whole token from JSON texts, signed by `key`; released by the caller with free(). */
static inline char *forge_token(const struct forge_key *key, const char *header, const char *payload)
{
	char encoded_header[FORGE_TEXT / 2];
	char encoded_payload[FORGE_TEXT];
	forge_base64(header, strlen(header), encoded_header, sizeof encoded_header);
	forge_base64(payload, strlen(payload), encoded_payload, sizeof encoded_payload);
	return forge_join(key, encoded_header, encoded_payload);
}

static inline const char *forge_alg(enum forge_kind kind)
{
	static const char *const names[FORGE_KINDS] = {"EdDSA", "ES256", "RS256"};
	return names[kind];
}

#endif
