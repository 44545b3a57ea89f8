/*
 * HMAC-SHA-512 against RFC 4231's examples and libsodium's own: keys and messages of every length around a block, in
 * every pair of parts.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "hmac.h"

#define MOST 300

/* The key is `size` bytes of `fill`, or, with `fill` 0, the numbers from 1 on. */
struct example {
	uint8_t fill;
	size_t size;
	const char *message;
	size_t message_size; /* more than the text has: so many bytes of its first */
	const char *mac;
};

static const struct example examples[] = {
	{0x0b, 20, "Hi There", 8,
	 "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
	 "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
	{0xaa, 20, "\xdd", 50,
	 "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
	 "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
	{0, 25, "\xcd", 50,
	 "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
	 "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
	{0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
	 "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
	 "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
	{0xaa, 131,
	 "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
	 "hashed before being used by the HMAC algorithm.",
	 152,
	 "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
	 "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
};

static void hmac_of(const uint8_t *key, size_t key_size, const struct sr_span *parts, size_t count, uint8_t *mac)
{
	struct sr_hmac_key taken;

	sr_hmac_key(&taken, key, key_size);
	sr_hmac_of(&taken, parts, count, mac);
}

Test(hmac, published_examples)
{
	for (size_t at = 0; at < sizeof examples / sizeof examples[0]; at++) {
		const struct example *example = &examples[at];
		uint8_t key[MOST], message[MOST], mac[SR_HMAC];
		char found[2 * SR_HMAC + 1];

		for (size_t i = 0; i < example->size; i++)
			key[i] = example->fill != 0 ? example->fill : (uint8_t)(i + 1);
		memset(message, example->message[0], sizeof message);
		memcpy(message, example->message, strlen(example->message));
		hmac_of(key, example->size, &(struct sr_span){message, example->message_size}, 1, mac);
		sodium_bin2hex(found, sizeof found, mac, sizeof mac);
		cr_assert_str_eq(found, example->mac, "example %zu", at);
	}
}

static void assert_as_libsodium(const uint8_t *key, size_t key_size, const uint8_t *message, size_t size, size_t cut)
{
	const struct sr_span parts[] = {{message, cut}, {NULL, 0}, {message + cut, size - cut}};
	crypto_auth_hmacsha512_state state;
	uint8_t wanted[SR_HMAC], found[SR_HMAC];

	crypto_auth_hmacsha512_init(&state, key, key_size);
	crypto_auth_hmacsha512_update(&state, message, size);
	crypto_auth_hmacsha512_final(&state, wanted);
	hmac_of(key, key_size, parts, 3, found);
	if (memcmp(found, wanted, SR_HMAC) != 0)
		cr_assert_fail("key of %zu, message of %zu cut at %zu", key_size, size, cut);
}

Test(hmac, every_length_and_cut)
{
	uint8_t key[MOST], message[MOST];

	cr_assert(sodium_init() >= 0);
	randombytes_buf(key, sizeof key);
	randombytes_buf(message, sizeof message);
	for (size_t size = 0; size <= MOST; size++) {
		assert_as_libsodium(key, size, message, 100, 50);
		for (size_t cut = 0; cut <= size; cut++)
			assert_as_libsodium(key, 32, message, size, cut);
	}
}

/* Those that are put together first end somewhere here, and the others begin. */
Test(hmac, every_length_of_a_long_message)
{
	uint8_t key[32], message[1100];

	cr_assert(sodium_init() >= 0);
	randombytes_buf(key, sizeof key);
	randombytes_buf(message, sizeof message);
	for (size_t size = MOST; size <= sizeof message; size++)
		assert_as_libsodium(key, sizeof key, message, size, size / 3);
}

Test(hmac, a_key_serves_again_and_its_copy_as_well)
{
	static const uint8_t text[] = "abc";
	const struct sr_span whole = {text, sizeof text};
	struct sr_hmac_key key, copy;
	uint8_t first[SR_HMAC], again[SR_HMAC];

	sr_hmac_key(&key, text, sizeof text);
	copy = key;
	sr_hmac_of(&key, &whole, 1, first);
	sr_hmac_of(&key, &whole, 1, again);
	cr_assert_arr_eq(first, again, SR_HMAC);
	sr_hmac_of(&copy, &whole, 1, again);
	cr_assert_arr_eq(first, again, SR_HMAC);
}

Test(hmac, a_part_may_be_where_the_result_goes)
{
	uint8_t bytes[SR_HMAC] = {1, 2, 3}, apart[SR_HMAC];
	const struct sr_span whole = {bytes, sizeof bytes};
	struct sr_hmac_key key;

	sr_hmac_key(&key, bytes, 3);
	sr_hmac_of(&key, &whole, 1, apart);
	sr_hmac_of(&key, &whole, 1, bytes);
	cr_assert_arr_eq(bytes, apart, SR_HMAC);
}
