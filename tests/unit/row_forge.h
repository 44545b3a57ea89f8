/*
 * Rows made by hand under the fixed keyring's K_row: the HMAC is computed here from FORMAT.md, on libcrypto.
 */
#ifndef SR_ROW_FORGE_H
#define SR_ROW_FORGE_H

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "fixed_keyring.h"
#include "keys/rows.h"

static const uint8_t forge_recording[SR_UUID] = {0x01, 0x8f, 2, 3, 4, 5, 0x70, 7, 0x80, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t forge_tag[SR_TAG] = {0xab, 1, 2, 3};

/* What a row's HMAC begins with: a label, a zero byte, fields. */
struct row_context {
	uint8_t bytes[400];
	size_t size;
};

static inline struct row_context row_context(const char *label, const void *fields, size_t size)
{
	struct row_context context;

	memcpy(context.bytes, label, strlen(label) + 1);
	memcpy(context.bytes + strlen(label) + 1, fields, size);
	context.size = strlen(label) + 1 + size;
	return context;
}

/* Put the right HMAC over the last 32 bytes of a row. */
static inline void remac(const struct row_context *context, uint8_t *row, size_t size)
{
	static uint8_t message[400 + SR_ROW_MAX];
	uint8_t key[32];
	uint8_t mac[64];
	unsigned length = sizeof mac;

	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(0x20 + i);
	cr_assert(size >= SR_ROW_MAC && size <= SR_ROW_MAX);
	memcpy(message, context->bytes, context->size);
	memcpy(message + context->size, row, size - SR_ROW_MAC);
	cr_assert_not_null(
		HMAC(EVP_sha512(), key, sizeof key, message, context->size + size - SR_ROW_MAC, mac, &length));
	memcpy(row + size - SR_ROW_MAC, mac, SR_ROW_MAC);
}

static inline void fill_run(uint8_t *out, uint8_t first, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(first + i);
}

#endif
