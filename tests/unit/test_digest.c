/*
 * SHA-256 in pieces, against the examples of FIPS 180-4 and libsodium's own.
 */
#include <criterion/criterion.h>
#include <sodium.h>

#include "digest.h"

static void assert_value(const struct sr_digest *digest, const char *hex)
{
	uint8_t value[SR_DIGEST];
	char found[2 * SR_DIGEST + 1];

	cr_assert(sr_digest_value(digest, value));
	sodium_bin2hex(found, sizeof found, value, sizeof value);
	cr_assert_str_eq(found, hex);
}

Test(digest, published_examples)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	struct sr_digest *digest = sr_digest_new();

	cr_assert_not_null(digest);
	assert_value(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	cr_assert(sr_digest_add(digest, (const uint8_t *)"abc", 3));
	assert_value(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cr_assert(sr_digest_restart(digest));
	assert_value(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	cr_assert(sr_digest_add(digest, (const uint8_t *)two_blocks, sizeof two_blocks - 1));
	assert_value(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	sr_digest_free(digest);
	sr_digest_free(NULL);
}

Test(digest, every_split_and_a_value_at_every_step)
{
	uint8_t bytes[200], want[SR_DIGEST], found[SR_DIGEST];
	struct sr_digest *digest = sr_digest_new();

	cr_assert_not_null(digest);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(7 * i + 3);
	for (size_t split = 0; split <= sizeof bytes; split++) {
		cr_assert(sr_digest_restart(digest));
		cr_assert(sr_digest_add(digest, bytes, split));
		crypto_hash_sha256(want, bytes, split);
		cr_assert(sr_digest_value(digest, found));
		cr_assert_arr_eq(found, want, sizeof want, "%zu", split);
		cr_assert(sr_digest_of(bytes, split, found));
		cr_assert_arr_eq(found, want, sizeof want, "%zu at once", split);
		cr_assert(sr_digest_add(digest, bytes + split, sizeof bytes - split));
		crypto_hash_sha256(want, bytes, sizeof bytes);
		cr_assert(sr_digest_value(digest, found));
		cr_assert_arr_eq(found, want, sizeof want, "split at %zu", split);
		cr_assert(sr_digest_value(digest, found));
		cr_assert_arr_eq(found, want, sizeof want, "asked twice");
	}
	sr_digest_free(digest);
}
