/*
 * SHA-256 on libcrypto's EVP interface.
 */
#include "digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sr_digest {
	EVP_MD_CTX *context;
	EVP_MD_CTX *copy; /* finished in its place whenever a value is asked for */
};

struct sr_digest *sr_digest_new(void)
{
	struct sr_digest *digest = calloc(1, sizeof *digest);

	if (digest == NULL)
		return NULL;
	digest->context = EVP_MD_CTX_new();
	digest->copy = EVP_MD_CTX_new();
	if (digest->context == NULL || digest->copy == NULL || !sr_digest_restart(digest)) {
		sr_digest_free(digest);
		return NULL;
	}
	return digest;
}

void sr_digest_free(struct sr_digest *digest)
{
	if (digest == NULL)
		return;
	EVP_MD_CTX_free(digest->context);
	EVP_MD_CTX_free(digest->copy);
	free(digest);
}

bool sr_digest_restart(struct sr_digest *digest)
{
	return EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) == 1;
}

bool sr_digest_add(struct sr_digest *digest, const uint8_t *data, size_t size)
{
	return EVP_DigestUpdate(digest->context, data, size) == 1;
}

bool sr_digest_value(const struct sr_digest *digest, uint8_t value[SR_DIGEST])
{
	return EVP_MD_CTX_copy_ex(digest->copy, digest->context) == 1 &&
	       EVP_DigestFinal_ex(digest->copy, value, NULL) == 1;
}

bool sr_digest_of(const uint8_t *data, size_t size, uint8_t value[SR_DIGEST])
{
	return EVP_Digest(data, size, value, NULL, EVP_sha256(), NULL) == 1;
}
