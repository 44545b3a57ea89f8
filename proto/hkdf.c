/*
 * HKDF-SHA-512 (RFC 5869), on libsodium's streaming HMAC.
 */
#include "hkdf.h"

#include <sodium.h>
#include <string.h>

void sr_hkdf_extract(const uint8_t *salt, size_t salt_size, const uint8_t *ikm, size_t ikm_size,
		     uint8_t prk[SR_HKDF_PRK])
{
	static const uint8_t no_salt[SR_HKDF_PRK];
	crypto_auth_hmacsha512_state state;

	if (salt_size != 0)
		crypto_auth_hmacsha512_init(&state, salt, salt_size);
	else
		crypto_auth_hmacsha512_init(&state, no_salt, sizeof no_salt);
	crypto_auth_hmacsha512_update(&state, ikm, ikm_size);
	crypto_auth_hmacsha512_final(&state, prk);
	sodium_memzero(&state, sizeof state);
}

void sr_hkdf_expand_parts(const uint8_t *prk, size_t prk_size, const struct sr_span *info, size_t parts, uint8_t *out,
			  size_t out_size)
{
	crypto_auth_hmacsha512_state keyed;
	crypto_auth_hmacsha512_state state;
	uint8_t block[crypto_auth_hmacsha512_BYTES];
	uint8_t number = 0;

	if (out_size == 0 || out_size > SR_HKDF_OUT_MAX)
		sodium_misuse();
	crypto_auth_hmacsha512_init(&keyed, prk, prk_size);
	for (size_t done = 0; done < out_size;) {
		size_t size = out_size - done < sizeof block ? out_size - done : sizeof block;

		state = keyed;
		if (number != 0)
			crypto_auth_hmacsha512_update(&state, block, sizeof block);
		for (size_t i = 0; i < parts; i++)
			crypto_auth_hmacsha512_update(&state, info[i].data, info[i].size);
		number++;
		crypto_auth_hmacsha512_update(&state, &number, 1);
		crypto_auth_hmacsha512_final(&state, block);
		memcpy(out + done, block, size);
		done += size;
	}
	sodium_memzero(block, sizeof block);
	sodium_memzero(&state, sizeof state);
	sodium_memzero(&keyed, sizeof keyed);
}

void sr_hkdf_expand(const uint8_t *prk, size_t prk_size, const uint8_t *info, size_t info_size, uint8_t *out,
		    size_t out_size)
{
	struct sr_span whole = {.data = info, .size = info_size};

	sr_hkdf_expand_parts(prk, prk_size, &whole, 1, out, out_size);
}
