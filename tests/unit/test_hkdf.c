/*
 * HKDF-SHA-512 against libcrypto's. RFC 5869 publishes vectors for SHA-1 and SHA-256 only, so an independent
 * implementation stands in for them.
 */
#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>

#include "hkdf.h"

struct input {
	const uint8_t *salt, *ikm, *info;
	size_t salt_size, ikm_size, info_size;
};

/* One call to libcrypto; `mode` is "EXTRACT_ONLY", "EXPAND_ONLY" (of ikm) or "EXTRACT_AND_EXPAND". */
static void libcrypto_hkdf(const char *mode, const struct input *in, uint8_t *out, size_t out_size)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[6];
	size_t count = 0;

	params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char *)mode, 0);
	params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA512", 0);
	params[count++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)in->ikm, in->ikm_size);
	if (in->salt_size != 0)
		params[count++] =
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)in->salt, in->salt_size);
	if (in->info_size != 0)
		params[count++] =
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)in->info, in->info_size);
	params[count] = OSSL_PARAM_construct_end();
	cr_assert_eq(EVP_KDF_derive(context, out, out_size, params), 1, "libcrypto refused %s", mode);
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
}

/* Bytes that look random and are the same in every run. */
static void fill(uint8_t *data, size_t size, uint8_t seed)
{
	uint8_t key[randombytes_SEEDBYTES] = {seed};

	randombytes_buf_deterministic(data, size, key);
}

/* Around nothing, SHA-512's block of 128 bytes, its padding and HMAC's key hashing. */
static const size_t sizes[] = {1, 2, 31, 32, 33, 63, 64, 65, 111, 112, 127, 128, 129, 200, 300};

#define SIZES (sizeof sizes / sizeof sizes[0])

Test(hkdf, extract_equals_libcrypto)
{
	uint8_t salt[300], ikm[300];

	fill(salt, sizeof salt, 1);
	fill(ikm, sizeof ikm, 2);
	for (size_t i = 0; i <= SIZES; i++) {
		for (size_t j = 0; j < SIZES; j++) {
			/* The first round has no salt. */
			struct input in = {.salt = salt, .salt_size = i == 0 ? 0 : sizes[i - 1], .ikm = ikm};
			uint8_t ours[SR_HKDF_PRK], theirs[SR_HKDF_PRK];

			in.ikm_size = sizes[j];
			sr_hkdf_extract(i == 0 ? NULL : salt, in.salt_size, ikm, in.ikm_size, ours);
			libcrypto_hkdf("EXTRACT_ONLY", &in, theirs, sizeof theirs);
			cr_assert_arr_eq(ours, theirs, sizeof ours, "salt %zu, ikm %zu", in.salt_size, in.ikm_size);
		}
	}
}

Test(hkdf, expand_equals_libcrypto_at_every_length_to_two_hundred)
{
	uint8_t prk[128], info[300];

	fill(prk, sizeof prk, 3);
	fill(info, sizeof info, 4);
	for (size_t out_size = 1; out_size <= 200; out_size++) {
		struct input in = {.ikm = prk, .ikm_size = out_size % 2 ? 32 : 64, .info = info};
		uint8_t ours[201], theirs[200];

		in.info_size = sizes[out_size % SIZES];
		ours[out_size] = 0xee;
		sr_hkdf_expand(prk, in.ikm_size, info, in.info_size, ours, out_size);
		libcrypto_hkdf("EXPAND_ONLY", &in, theirs, out_size);
		cr_assert_arr_eq(ours, theirs, out_size, "out %zu", out_size);
		cr_assert_eq(ours[out_size], 0xee, "one byte too many");
	}
}

Test(hkdf, expand_equals_libcrypto_for_every_info_and_key)
{
	uint8_t prk[300], info[300];

	fill(prk, sizeof prk, 5);
	fill(info, sizeof info, 6);
	for (size_t i = 0; i < SIZES; i++) {
		for (size_t j = 0; j <= SIZES; j++) {
			struct input in = {.ikm = prk, .ikm_size = sizes[i] < 32 ? 32 : sizes[i], .info = info};
			uint8_t ours[76], theirs[76];

			in.info_size = j == 0 ? 0 : sizes[j - 1];
			sr_hkdf_expand(prk, in.ikm_size, j == 0 ? NULL : info, in.info_size, ours, sizeof ours);
			libcrypto_hkdf("EXPAND_ONLY", &in, theirs, sizeof theirs);
			cr_assert_arr_eq(ours, theirs, sizeof ours, "key %zu, info %zu", in.ikm_size, in.info_size);
		}
	}
}

Test(hkdf, the_longest_output_equals_libcrypto)
{
	static uint8_t ours[SR_HKDF_OUT_MAX], theirs[SR_HKDF_OUT_MAX];
	static const size_t lengths[] = {SR_HKDF_OUT_MAX - 64, SR_HKDF_OUT_MAX - 1, SR_HKDF_OUT_MAX};
	uint8_t prk[64];
	struct input in = {.ikm = prk, .ikm_size = sizeof prk, .info = (const uint8_t *)"i", .info_size = 1};

	fill(prk, sizeof prk, 7);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		sr_hkdf_expand(prk, sizeof prk, in.info, 1, ours, lengths[i]);
		libcrypto_hkdf("EXPAND_ONLY", &in, theirs, lengths[i]);
		cr_assert_eq(memcmp(ours, theirs, lengths[i]), 0, "out %zu", lengths[i]);
	}
}

Test(hkdf, both_steps_together_equal_libcrypto)
{
	struct input in = {
		.salt = (const uint8_t *)"salt", .salt_size = 4, .ikm = (const uint8_t *)"input", .ikm_size = 5};
	uint8_t prk[SR_HKDF_PRK], ours[100], theirs[100];

	in.info = (const uint8_t *)"info";
	in.info_size = 4;
	sr_hkdf_extract(in.salt, in.salt_size, in.ikm, in.ikm_size, prk);
	sr_hkdf_expand(prk, sizeof prk, in.info, in.info_size, ours, sizeof ours);
	libcrypto_hkdf("EXTRACT_AND_EXPAND", &in, theirs, sizeof theirs);
	cr_assert_arr_eq(ours, theirs, sizeof ours);
}

Test(hkdf, pieces_of_info_are_taken_as_one)
{
	uint8_t prk[32], info[40], whole[76], pieces[76];

	fill(prk, sizeof prk, 8);
	fill(info, sizeof info, 9);
	sr_hkdf_expand(prk, sizeof prk, info, sizeof info, whole, sizeof whole);
	for (size_t a = 0; a <= sizeof info; a++) {
		for (size_t b = a; b <= sizeof info; b++) {
			const struct sr_span parts[] = {
				{.data = info, .size = a},
				{.data = info + a, .size = b - a},
				{.data = info + b, .size = sizeof info - b},
			};

			sr_hkdf_expand_parts(prk, sizeof prk, parts, 3, pieces, sizeof pieces);
			cr_assert_arr_eq(pieces, whole, sizeof whole, "cut at %zu and %zu", a, b);
		}
	}
}

Test(hkdf, no_output_is_a_fault, .signal = SIGABRT)
{
	uint8_t key[32] = {0};

	sr_hkdf_expand(key, sizeof key, NULL, 0, key, 0);
}

Test(hkdf, too_much_output_is_a_fault, .signal = SIGABRT)
{
	static uint8_t out[SR_HKDF_OUT_MAX + 1];
	uint8_t key[32] = {0};

	sr_hkdf_expand(key, sizeof key, NULL, 0, out, sizeof out);
}
