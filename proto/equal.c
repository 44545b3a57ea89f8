/*
 * A comparison in constant time, on libsodium's.
 */
#include "equal.h"

#include <sodium.h>
#include <stdint.h>

#define BLOCK crypto_verify_32_BYTES

bool sr_equal(const void *one, const void *other, size_t size)
{
	const uint8_t *a = one, *b = other;
	int differ = 0;

	for (; size >= BLOCK; size -= BLOCK, a += BLOCK, b += BLOCK)
		differ |= crypto_verify_32(a, b);
	return (differ | sodium_memcmp(a, b, size)) == 0;
}
