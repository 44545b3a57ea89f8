/*
 * Poly1305 in pieces, against RFC 8439's example and libsodium's own.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "poly1305.h"

#define LARGE 70000 /* libcrypto takes long stretches another way than short ones */

static uint8_t key[SR_POLY1305_KEY];
static uint8_t bytes[LARGE];

static void set_up(void)
{
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(200 - 3 * i);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(7 * i + i / 251);
}

TestSuite(poly1305, .init = set_up);

static void assert_value(const struct sr_poly1305 *poly, size_t size, const char *what, size_t split)
{
	uint8_t want[SR_POLY1305], found[SR_POLY1305];

	crypto_onetimeauth(want, bytes, size, key);
	cr_assert(sr_poly1305_value(poly, found));
	cr_assert_arr_eq(found, want, sizeof want, "%s, %zu of %zu", what, split, size);
}

/* RFC 8439, 2.5.2. */
Test(poly1305, published_example)
{
	static const uint8_t own[SR_POLY1305_KEY] = {0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33, 0x7f, 0x44, 0x52,
						     0xfe, 0x42, 0xd5, 0x06, 0xa8, 0x01, 0x03, 0x80, 0x8a, 0xfb, 0x0d,
						     0xb2, 0xfd, 0x4a, 0xbf, 0xf6, 0xaf, 0x41, 0x49, 0xf5, 0x1b};
	static const uint8_t want[SR_POLY1305] = {0xa8, 0x06, 0x1d, 0xc1, 0x30, 0x51, 0x36, 0xc6,
						  0xc2, 0x2b, 0x8b, 0xaf, 0x0c, 0x01, 0x27, 0xa9};
	static const char message[] = "Cryptographic Forum Research Group";
	struct sr_poly1305 *poly = sr_poly1305_new();
	uint8_t found[SR_POLY1305];

	cr_assert_not_null(poly);
	cr_assert_not(sr_poly1305_add(poly, own, 1), "it has no key yet");
	cr_assert_not(sr_poly1305_value(poly, found), "it has no key yet");
	cr_assert(sr_poly1305_begin(poly, own));
	cr_assert(sr_poly1305_add(poly, (const uint8_t *)message, sizeof message - 1));
	cr_assert(sr_poly1305_value(poly, found));
	cr_assert_arr_eq(found, want, sizeof want);
	sr_poly1305_free(poly);
	sr_poly1305_free(NULL);
}

Test(poly1305, every_split_and_a_value_at_every_step)
{
	const size_t size = 200;
	struct sr_poly1305 *poly = sr_poly1305_new();

	cr_assert_not_null(poly);
	for (size_t split = 0; split <= size; split++) {
		cr_assert(sr_poly1305_begin(poly, key));
		assert_value(poly, 0, "nothing", split);
		cr_assert(sr_poly1305_add(poly, bytes, split));
		assert_value(poly, split, "the first part", split);
		cr_assert(sr_poly1305_add(poly, bytes + split, size - split));
		assert_value(poly, size, "both parts", split);
		assert_value(poly, size, "asked twice", split);
	}
	sr_poly1305_free(poly);
}

Test(poly1305, long_stretches)
{
	static const size_t splits[] = {0, 1, 15, 16, 17, 255, 256, 1023, 1024, 16400, 65536, LARGE - 1, LARGE};
	struct sr_poly1305 *poly = sr_poly1305_new();

	cr_assert_not_null(poly);
	for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
		cr_assert(sr_poly1305_begin(poly, key));
		cr_assert(sr_poly1305_add(poly, bytes, splits[i]));
		assert_value(poly, splits[i], "the first part", splits[i]);
		cr_assert(sr_poly1305_add(poly, bytes + splits[i], LARGE - splits[i]));
		assert_value(poly, LARGE, "both parts", splits[i]);
	}
	sr_poly1305_free(poly);
}
