/*
 * Poly1305 on libcrypto's EVP interface.
 */
#include "poly1305.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct sr_poly1305 {
	EVP_MAC_CTX *context;
	uint8_t key[SR_POLY1305_KEY];
};

struct sr_poly1305 *sr_poly1305_new(const uint8_t key[SR_POLY1305_KEY])
{
	struct sr_poly1305 *poly = calloc(1, sizeof *poly);
	EVP_MAC *mac;

	if (poly == NULL)
		return NULL;
	memcpy(poly->key, key, sizeof poly->key);
	mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	poly->context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac); /* the context has its own share */
	if (poly->context == NULL || !sr_poly1305_restart(poly)) {
		sr_poly1305_free(poly);
		return NULL;
	}
	return poly;
}

/* Take the value of a context and free it. libcrypto wipes what a context knows of the key then, and only then. */
static bool end(EVP_MAC_CTX *context, uint8_t value[SR_POLY1305])
{
	size_t size = 0;
	bool done = EVP_MAC_final(context, value, &size, SR_POLY1305) == 1 && size == SR_POLY1305;

	EVP_MAC_CTX_free(context);
	return done;
}

void sr_poly1305_free(struct sr_poly1305 *poly)
{
	uint8_t value[SR_POLY1305];

	if (poly == NULL)
		return;
	if (poly->context != NULL)
		(void)end(poly->context, value);
	sodium_memzero(value, sizeof value);
	sodium_memzero(poly->key, sizeof poly->key);
	free(poly);
}

bool sr_poly1305_restart(struct sr_poly1305 *poly)
{
	return EVP_MAC_init(poly->context, poly->key, sizeof poly->key, NULL) == 1;
}

bool sr_poly1305_add(struct sr_poly1305 *poly, const uint8_t *data, size_t size)
{
	return size == 0 || EVP_MAC_update(poly->context, data, size) == 1;
}

bool sr_poly1305_value(const struct sr_poly1305 *poly, uint8_t value[SR_POLY1305])
{
	EVP_MAC_CTX *copy = EVP_MAC_CTX_dup(poly->context);

	return copy != NULL && end(copy, value);
}
