/*
 * A keyring whose every byte is known, for tests that must give the same bytes each time.
 */
#ifndef SR_FIXED_KEYRING_H
#define SR_FIXED_KEYRING_H

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cursor.h"
#include "keys/keyring.h"

#define FIXED_FRONT 67
#define FIXED_BODY_MAX 4096

/* `size` bytes counting up from `first`. */
static inline void put_run(struct sr_builder *out, uint8_t first, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sr_put_u8(out, (uint8_t)(first + i));
}

/* The clear front of a keyring with a key file, as FORMAT.md gives it. The store id counts up from 0xa0. */
static inline void put_fixed_front(struct sr_builder *out)
{
	sr_put_bytes(out, "sealreel keyring", 16);
	sr_put_u16(out, 1);
	sr_put_u8(out, 3);
	sr_put_u64(out, 0);
	sr_put_u64(out, 0);
	for (int i = 0; i < 16; i++)
		sr_put_u8(out, 0);
	put_run(out, 0xa0, 16);
}

/* An X25519 key pair of the auditor made from a fixed seed. */
static inline void fixed_auditor(uint8_t public_key[32], uint8_t secret[32])
{
	static const uint8_t seed[32] = {7};

	crypto_box_seed_keypair(public_key, secret, seed);
}

/*
 * A body: K_tag from 0x10, K_row from 0x20, server secret from 0x30, audit seed from 0x40; roots 1 (from 0x50) and
 * 3 (from 0x60); epochs 1 closing (from 0x70), 2 open (from 0x80), 4 retired, 5 closing (from 0x90); two services.
 */
static inline size_t fixed_body(uint8_t body[FIXED_BODY_MAX])
{
	struct sr_builder out = sr_builder_over(body, FIXED_BODY_MAX);
	uint8_t auditor[32];
	uint8_t secret[32];

	fixed_auditor(auditor, secret);
	put_fixed_front(&out);
	sr_put_u64(&out, 9);
	for (uint8_t first = 0x10; first <= 0x40; first = (uint8_t)(first + 0x10))
		put_run(&out, first, 32);
	for (int i = 0; i < 32; i++)
		sr_put_u8(&out, 0);
	sr_put_bytes(&out, auditor, 32);
	sr_put_u16(&out, 2);
	sr_put_u32(&out, 1);
	put_run(&out, 0x50, 32);
	sr_put_u32(&out, 3);
	put_run(&out, 0x60, 32);
	sr_put_u16(&out, 4);
	for (uint8_t i = 0; i < 4; i++) {
		static const uint8_t numbers[] = {1, 2, 4, 5};
		static const uint8_t states[] = {2, 1, 3, 2};
		static const uint8_t firsts[] = {0x70, 0x80, 0, 0x90};

		sr_put_u32(&out, numbers[i]);
		sr_put_u8(&out, states[i]);
		if (states[i] == 3)
			memset(sr_put_room(&out, 32), 0, 32);
		else
			put_run(&out, firsts[i], 32);
	}
	sr_put_u16(&out, 2);
	put_run(&out, 0xb0, 32);
	put_run(&out, 0xc0, 32);
	put_run(&out, 0xd0, 32);
	put_run(&out, 0xe0, 32);
	cr_assert(!out.failed);
	return out.used;
}

/* The keyring of that body; released with sr_keyring_free. */
static inline struct sr_keyring *fixed_keyring(void)
{
	uint8_t body[FIXED_BODY_MAX];
	struct sr_keyring *keyring;
	struct sr_error err = {.code = SR_OK};

	cr_assert(sodium_init() >= 0);
	cr_assert_eq(sr_keyring_parse(body, fixed_body(body), &keyring, &err), SR_OK, "%s", err.text);
	return keyring;
}

/* Assert that bytes are what hexadecimal text says. */
static inline void assert_hex(const uint8_t *bytes, size_t size, const char *hex, const char *what)
{
	char text[2 * 4096 + 1];

	cr_assert(size <= 4096);
	sodium_bin2hex(text, sizeof text, bytes, size);
	cr_assert_str_eq(text, hex, "%s is\n%s", what, text);
}

#endif
