/*
 * Poly1305 on libcrypto's EVP interface.
 */
#include "poly1305.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

struct sr_poly1305 {
	EVP_MAC_CTX *context;
	bool begun; /* the context has a key */
};

struct sr_poly1305 *sr_poly1305_new(void)
{
	struct sr_poly1305 *poly = calloc(1, sizeof *poly);
	EVP_MAC *mac;

	if (poly == NULL)
		return NULL;
	mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	poly->context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac); /* the context has its own share */
	if (poly->context == NULL) {
		free(poly);
		return NULL;
	}
	return poly;
}

/* libcrypto wipes what a context knows of the key when its value is taken, and only then. */
static bool finish(EVP_MAC_CTX *context, uint8_t value[SR_POLY1305])
{
	size_t size = 0;

	return EVP_MAC_final(context, value, &size, SR_POLY1305) == 1 && size == SR_POLY1305;
}

static void forget(struct sr_poly1305 *poly)
{
	uint8_t value[SR_POLY1305];

	if (poly->begun)
		(void)finish(poly->context, value);
	sodium_memzero(value, sizeof value);
	poly->begun = false;
}

void sr_poly1305_free(struct sr_poly1305 *poly)
{
	if (poly == NULL)
		return;
	forget(poly);
	EVP_MAC_CTX_free(poly->context);
	free(poly);
}

bool sr_poly1305_begin(struct sr_poly1305 *poly, const uint8_t key[SR_POLY1305_KEY])
{
	forget(poly);
	poly->begun = EVP_MAC_init(poly->context, key, SR_POLY1305_KEY, NULL) == 1;
	return poly->begun;
}

bool sr_poly1305_add(struct sr_poly1305 *poly, const uint8_t *data, size_t size)
{
	if (poly->begun && size > 0 && EVP_MAC_update(poly->context, data, size) != 1)
		forget(poly);
	return poly->begun;
}

bool sr_poly1305_value(const struct sr_poly1305 *poly, uint8_t value[SR_POLY1305])
{
	EVP_MAC_CTX *copy = poly->begun ? EVP_MAC_CTX_dup(poly->context) : NULL;
	bool done = copy != NULL && finish(copy, value);

	EVP_MAC_CTX_free(copy);
	return done;
}
