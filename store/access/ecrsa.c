/* ES256 and RS256 verification on libcrypto. */
#include "access/ecrsa.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#define P256_SCALAR 32

struct sr_ecrsa {
	EVP_PKEY *key;
	bool is_rsa;
};

/* Import and check a public key; takes nothing over. */
static struct sr_ecrsa *import(const char *type, OSSL_PARAM *params)
{
	struct sr_ecrsa *made = calloc(1, sizeof *made);
	EVP_PKEY_CTX *from = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY_CTX *check = NULL;
	bool ok = made && from && EVP_PKEY_fromdata_init(from) == 1 &&
		  EVP_PKEY_fromdata(from, &made->key, EVP_PKEY_PUBLIC_KEY, params) == 1;
	if (ok) {
		check = EVP_PKEY_CTX_new_from_pkey(NULL, made->key, NULL);
		ok = check && EVP_PKEY_public_check(check) == 1;
	}
	if (!ok) {
		ERR_clear_error();
		sr_ecrsa_free(made);
		made = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(from);
	return made;
}

struct sr_ecrsa *sr_ecrsa_p256(const uint8_t x[32], const uint8_t y[32])
{
	uint8_t point[1 + 2 * P256_SCALAR] = {POINT_CONVERSION_UNCOMPRESSED};
	memcpy(point + 1, x, P256_SCALAR);
	memcpy(point + 1 + P256_SCALAR, y, P256_SCALAR);
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
		OSSL_PARAM_construct_end(),
	};
	return import("EC", params);
}

struct sr_ecrsa *sr_ecrsa_rsa(const uint8_t *n, size_t n_size, const uint8_t *e, size_t e_size)
{
	BIGNUM *modulus = BN_bin2bn(n, (int)n_size, NULL);
	BIGNUM *exponent = BN_bin2bn(e, (int)e_size, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	struct sr_ecrsa *made = NULL;
	if (modulus && exponent && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	if (params)
		made = import("RSA", params);
	if (made)
		made->is_rsa = true;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(exponent);
	BN_free(modulus);
	return made;
}

void sr_ecrsa_free(struct sr_ecrsa *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

static bool digest_verify(const struct sr_ecrsa *key, const uint8_t *message, size_t message_size,
			  const uint8_t *signature, size_t signature_size)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool good = digest && EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key->key) == 1 &&
		    EVP_DigestVerify(digest, signature, signature_size, message, message_size) == 1;
	if (!good)
		ERR_clear_error();
	EVP_MD_CTX_free(digest);
	return good;
}

/* JWS carries r and s side by side; libcrypto wants them in DER. */
static bool es256_verify(const struct sr_ecrsa *key, const uint8_t *message, size_t message_size,
			 const uint8_t signature[2 * P256_SCALAR])
{
	unsigned char *der = NULL;
	int der_size = 0;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, P256_SCALAR, NULL);
	BIGNUM *s = BN_bin2bn(signature + P256_SCALAR, P256_SCALAR, NULL);
	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = NULL; /* the pair owns both now */
		s = NULL;
		der_size = i2d_ECDSA_SIG(pair, &der);
	}
	bool good = der_size > 0 && digest_verify(key, message, message_size, der, (size_t)der_size);
	OPENSSL_free(der);
	BN_free(s);
	BN_free(r);
	ECDSA_SIG_free(pair);
	return good;
}

bool sr_ecrsa_verify(const struct sr_ecrsa *key, const uint8_t *message, size_t message_size, const uint8_t *signature,
		     size_t signature_size)
{
	size_t want = key->is_rsa ? (size_t)EVP_PKEY_get_size(key->key) : 2 * P256_SCALAR;
	if (signature_size != want)
		return false;
	if (key->is_rsa)
		return digest_verify(key, message, message_size, signature, signature_size);
	return es256_verify(key, message, message_size, signature);
}
