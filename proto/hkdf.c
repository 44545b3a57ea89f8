/*
 * HKDF-SHA-512 (RFC 5869).
 */
#include "hkdf.h"

#include <sodium.h>
#include <string.h>

void sr_hkdf_extract(const uint8_t *salt, size_t salt_size, const uint8_t *ikm, size_t ikm_size,
		     uint8_t prk[SR_HKDF_PRK])
{
	const struct sr_span whole = {.data = ikm, .size = ikm_size};
	struct sr_hmac_key key;

	/* No salt means zeros, and so does what HMAC fills a shorter key with. */
	sr_hmac_key(&key, salt, salt_size);
	sr_hmac_of(&key, &whole, 1, prk);
	sodium_memzero(&key, sizeof key);
}

void sr_hkdf_expand_keyed(const struct sr_hmac_key *prk, const struct sr_span *info, size_t parts, uint8_t *out,
			  size_t out_size)
{
	struct sr_span message[SR_HKDF_PARTS + 2];
	uint8_t block[SR_HMAC];
	uint8_t number = 1;

	if (out_size == 0 || out_size > SR_HKDF_OUT_MAX || parts > SR_HKDF_PARTS)
		sodium_misuse();
	message[0] = (struct sr_span){.data = block, .size = 0};
	if (parts > 0)
		memcpy(message + 1, info, parts * sizeof *info);
	message[parts + 1] = (struct sr_span){.data = &number, .size = 1};
	for (size_t done = 0; done < out_size; number++) {
		size_t size = out_size - done < sizeof block ? out_size - done : sizeof block;

		sr_hmac_of(prk, message, parts + 2, block);
		message[0].size = sizeof block;
		memcpy(out + done, block, size);
		done += size;
	}
	sodium_memzero(block, sizeof block);
}

void sr_hkdf_expand_parts(const uint8_t *prk, size_t prk_size, const struct sr_span *info, size_t parts, uint8_t *out,
			  size_t out_size)
{
	struct sr_hmac_key key;

	sr_hmac_key(&key, prk, prk_size);
	sr_hkdf_expand_keyed(&key, info, parts, out, out_size);
	sodium_memzero(&key, sizeof key);
}

void sr_hkdf_expand(const uint8_t *prk, size_t prk_size, const uint8_t *info, size_t info_size, uint8_t *out,
		    size_t out_size)
{
	struct sr_span whole = {.data = info, .size = info_size};

	sr_hkdf_expand_parts(prk, prk_size, &whole, 1, out, out_size);
}
