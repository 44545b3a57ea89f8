/*
 * AES-256-GCM against libsodium's in both directions, and everything that must not open.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "aead.h"

static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 255, 4096, 16383, 16384, 65519};

#define SIZES (sizeof sizes / sizeof sizes[0])
#define MOST (65519 + SR_AEAD_TAG)

static uint8_t key[SR_AEAD_KEY], nonce[SR_AEAD_NONCE], ad[64];

static struct sr_aead *keyed(void)
{
	struct sr_aead *aead;
	uint8_t seed[randombytes_SEEDBYTES] = {1};

	cr_assert_geq(sodium_init(), 0);
	randombytes_buf_deterministic(key, sizeof key, seed);
	seed[0] = 2;
	randombytes_buf_deterministic(nonce, sizeof nonce, seed);
	randombytes_buf_deterministic(ad, sizeof ad, seed);
	aead = sr_aead_new(key);
	cr_assert_not_null(aead);
	return aead;
}

static bool all_zero(const uint8_t *data, size_t size)
{
	return sodium_is_zero(data, size) == 1;
}

Test(aead, equals_libsodium_both_ways)
{
	static uint8_t plain[MOST], ours[MOST], theirs[MOST], back[MOST];
	static const size_t ad_sizes[] = {0, 1, 16, 64};
	struct sr_aead *aead = keyed();

	if (crypto_aead_aes256gcm_is_available() == 0)
		cr_skip_test("libsodium has no AES-256-GCM on this processor");
	randombytes_buf(plain, sizeof plain);
	for (size_t i = 0; i < SIZES * 4; i++) {
		size_t size = sizes[i / 4], ad_size = ad_sizes[i % 4];
		unsigned long long made;

		sodium_increment(nonce, sizeof nonce);
		cr_assert(sr_aead_seal(aead, nonce, ad, ad_size, plain, size, ours));
		cr_assert_eq(crypto_aead_aes256gcm_encrypt(theirs, &made, plain, size, ad, ad_size, NULL, nonce, key),
			     0);
		cr_assert_eq(made, size + SR_AEAD_TAG);
		cr_assert_eq(memcmp(ours, theirs, size + SR_AEAD_TAG), 0, "size %zu, ad %zu", size, ad_size);
		memset(back, 0xee, sizeof back);
		cr_assert(sr_aead_open(aead, nonce, ad, ad_size, theirs, size + SR_AEAD_TAG, back));
		cr_assert_eq(memcmp(back, plain, size), 0);
		cr_assert_eq(back[size], 0xee, "one byte too many");
		cr_assert_eq(crypto_aead_aes256gcm_decrypt(back, &made, NULL, ours, size + SR_AEAD_TAG, ad, ad_size,
							   nonce, key),
			     0);
		cr_assert_eq(memcmp(back, plain, size), 0);
	}
	sr_aead_free(aead);
}

Test(aead, works_in_place)
{
	static uint8_t plain[MOST], apart[MOST], inside[MOST];
	struct sr_aead *aead = keyed();

	randombytes_buf(plain, sizeof plain);
	for (size_t i = 0; i < SIZES; i++) {
		memcpy(inside, plain, sizes[i]);
		cr_assert(sr_aead_seal(aead, nonce, ad, sizeof ad, plain, sizes[i], apart));
		cr_assert(sr_aead_seal(aead, nonce, ad, sizeof ad, inside, sizes[i], inside));
		cr_assert_eq(memcmp(inside, apart, sizes[i] + SR_AEAD_TAG), 0);
		cr_assert(sr_aead_open(aead, nonce, ad, sizeof ad, inside, sizes[i] + SR_AEAD_TAG, inside));
		cr_assert_eq(memcmp(inside, plain, sizes[i]), 0);
	}
	sr_aead_free(aead);
}

/* Opening must fail and leave zeros, apart and in place. */
static void must_not_open(struct sr_aead *aead, const uint8_t *sealed, size_t size, size_t ad_size)
{
	uint8_t *exact = malloc(size == 0 ? 1 : size);
	uint8_t plain[64];

	cr_assert_not_null(exact);
	if (size != 0)
		memcpy(exact, sealed, size);
	memset(plain, 0xee, sizeof plain);
	cr_assert_not(sr_aead_open(aead, nonce, ad, ad_size, exact, size, plain));
	cr_assert_not(sr_aead_open(aead, nonce, ad, ad_size, exact, size, exact));
	if (size >= SR_AEAD_TAG) {
		cr_assert(all_zero(plain, size - SR_AEAD_TAG));
		cr_assert(all_zero(exact, size - SR_AEAD_TAG));
	} else {
		cr_assert_eq(plain[0], 0xee, "there was no plaintext to write");
	}
	free(exact);
}

Test(aead, no_flipped_bit_opens)
{
	static const size_t lengths[] = {0, 1, 16, 40};
	struct sr_aead *aead = keyed();
	uint8_t plain[40], sealed[56], back[40];

	randombytes_buf(plain, sizeof plain);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		size_t size = lengths[i] + SR_AEAD_TAG;

		cr_assert(sr_aead_seal(aead, nonce, ad, 5, plain, lengths[i], sealed));
		for (size_t bit = 0; bit < size * 8; bit++) {
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
			must_not_open(aead, sealed, size, 5);
			sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t bit = 0; bit < sizeof nonce * 8; bit++) {
			nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
			must_not_open(aead, sealed, size, 5);
			nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t bit = 0; bit < 5 * 8; bit++) {
			ad[bit / 8] ^= (uint8_t)(1 << bit % 8);
			must_not_open(aead, sealed, size, 5);
			ad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		must_not_open(aead, sealed, size, 4);
		must_not_open(aead, sealed, size, 0);
		cr_assert(sr_aead_open(aead, nonce, ad, 5, sealed, size, back), "whole, after all that failed");
		cr_assert_arr_eq(back, plain, lengths[i]);
	}
	sr_aead_free(aead);
}

Test(aead, no_truncation_opens)
{
	struct sr_aead *aead = keyed();
	uint8_t plain[40], sealed[56];

	randombytes_buf(plain, sizeof plain);
	cr_assert(sr_aead_seal(aead, nonce, NULL, 0, plain, sizeof plain, sealed));
	for (size_t size = 0; size < sizeof sealed; size++)
		must_not_open(aead, sealed, size, 0);
	sr_aead_free(aead);
}

Test(aead, a_long_damaged_message_leaves_zeros)
{
	static uint8_t sealed[16384 + SR_AEAD_TAG], plain[16384];
	struct sr_aead *aead = keyed();

	randombytes_buf(plain, sizeof plain);
	cr_assert(sr_aead_seal(aead, nonce, NULL, 0, plain, sizeof plain, sealed));
	sealed[sizeof sealed - 1] ^= 1;
	cr_assert_not(sr_aead_open(aead, nonce, NULL, 0, sealed, sizeof sealed, plain));
	cr_assert(all_zero(plain, sizeof plain));
	cr_assert_not(sr_aead_open(aead, nonce, NULL, 0, sealed, sizeof sealed, sealed));
	cr_assert(all_zero(sealed, sizeof plain), "in place");
	sr_aead_free(aead);
}

Test(aead, another_key_does_not_open_until_it_is_the_key)
{
	struct sr_aead *aead = keyed();
	uint8_t other[SR_AEAD_KEY], plain[20], sealed[36], again[36], back[20];

	memcpy(other, key, sizeof other);
	other[31] ^= 1;
	randombytes_buf(plain, sizeof plain);
	cr_assert(sr_aead_seal(aead, nonce, NULL, 0, plain, sizeof plain, sealed));
	cr_assert(sr_aead_rekey(aead, other));
	cr_assert_not(sr_aead_open(aead, nonce, NULL, 0, sealed, sizeof sealed, back));
	cr_assert(sr_aead_seal(aead, nonce, NULL, 0, plain, sizeof plain, again));
	cr_assert_neq(memcmp(sealed, again, sizeof sealed), 0);
	cr_assert(sr_aead_rekey(aead, key));
	cr_assert(sr_aead_open(aead, nonce, NULL, 0, sealed, sizeof sealed, back));
	cr_assert_arr_eq(back, plain, sizeof plain);
	sr_aead_free(aead);
}

Test(aead, sizes_beyond_libcrypto_are_refused)
{
	struct sr_aead *aead = keyed();
	uint8_t byte = 0, sealed[32];

	/* Refused by size alone: nothing of that length is read. */
	cr_assert_not(sr_aead_seal(aead, nonce, NULL, 0, &byte, (size_t)1 << 31, sealed));
	cr_assert_not(sr_aead_seal(aead, nonce, &byte, (size_t)1 << 32, &byte, 1, sealed));
	sr_aead_free(aead);
}
