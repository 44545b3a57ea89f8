/*
 * AES-256-GCM on libcrypto's EVP interface: one context per key, of which each message replaces only the nonce.
 */
#include "aead.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct sr_aead {
	EVP_CIPHER_CTX *context; /* libcrypto wipes it when it is freed */
};

/* Looked up once, which costs more than a key schedule; NULL if that failed: it is then looked up each time. */
static EVP_CIPHER *gcm;
static CRYPTO_ONCE gcm_once = CRYPTO_ONCE_STATIC_INIT;

static void find_gcm(void)
{
	gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

struct sr_aead *sr_aead_new(const uint8_t key[SR_AEAD_KEY])
{
	struct sr_aead *aead = calloc(1, sizeof *aead);

	if (aead == NULL)
		return NULL;
	aead->context = EVP_CIPHER_CTX_new();
	if (aead->context == NULL || CRYPTO_THREAD_run_once(&gcm_once, find_gcm) != 1 ||
	    EVP_EncryptInit_ex(aead->context, gcm != NULL ? gcm : EVP_aes_256_gcm(), NULL, key, NULL) != 1) {
		sr_aead_free(aead);
		return NULL;
	}
	return aead;
}

void sr_aead_free(struct sr_aead *aead)
{
	if (aead == NULL)
		return;
	EVP_CIPHER_CTX_free(aead->context);
	free(aead);
}

bool sr_aead_rekey(struct sr_aead *aead, const uint8_t key[SR_AEAD_KEY])
{
	return EVP_EncryptInit_ex(aead->context, NULL, NULL, key, NULL) == 1;
}

/* Run `size` bytes through the keyed context; with `out` NULL they are associated data. Both sizes may be 0. */
static bool update(struct sr_aead *aead, uint8_t *out, const uint8_t *in, size_t size)
{
	int moved = 0;

	if (size == 0)
		return true;
	return EVP_CipherUpdate(aead->context, out, &moved, in, (int)size) == 1 && moved == (int)size;
}

static bool sizes_fit(size_t size, size_t ad_size)
{
	return size <= INT_MAX - SR_AEAD_TAG && ad_size <= INT_MAX - SR_AEAD_TAG;
}

bool sr_aead_seal(struct sr_aead *aead, const uint8_t nonce[SR_AEAD_NONCE], const uint8_t *ad, size_t ad_size,
		  const uint8_t *plain, size_t size, uint8_t *sealed)
{
	uint8_t none[SR_AEAD_TAG];
	int moved = 0;

	return sizes_fit(size, ad_size) && EVP_EncryptInit_ex(aead->context, NULL, NULL, NULL, nonce) == 1 &&
	       update(aead, NULL, ad, ad_size) && update(aead, sealed, plain, size) &&
	       EVP_EncryptFinal_ex(aead->context, none, &moved) == 1 &&
	       EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_GET_TAG, SR_AEAD_TAG, sealed + size) == 1;
}

bool sr_aead_open(struct sr_aead *aead, const uint8_t nonce[SR_AEAD_NONCE], const uint8_t *ad, size_t ad_size,
		  const uint8_t *sealed, size_t size, uint8_t *plain)
{
	uint8_t tag[SR_AEAD_TAG];
	uint8_t none[SR_AEAD_TAG];
	int moved = 0;
	size_t plain_size;
	bool opened;

	if (size < SR_AEAD_TAG)
		return false;
	plain_size = size - SR_AEAD_TAG;
	memcpy(tag, sealed + plain_size, sizeof tag);
	opened = sizes_fit(plain_size, ad_size) && EVP_DecryptInit_ex(aead->context, NULL, NULL, NULL, nonce) == 1 &&
		 update(aead, NULL, ad, ad_size) && update(aead, plain, sealed, plain_size) &&
		 EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_SET_TAG, SR_AEAD_TAG, tag) == 1 &&
		 EVP_DecryptFinal_ex(aead->context, none, &moved) == 1;
	if (!opened && plain_size != 0)
		sodium_memzero(plain, plain_size);
	return opened;
}
