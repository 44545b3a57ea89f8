/*
 * A keyring's body: what a well-formed one says, and every form that is refused.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "fixed_keyring.h"
#include "keys/keyring.h"

#define REVISION_AT 67
#define ROOTS_AT (REVISION_AT + 8 + 6 * 32)
#define ROOT 36
#define EPOCHS_AT (ROOTS_AT + 2 + 2 * ROOT)
#define EPOCH 37
#define SERVICES_AT (EPOCHS_AT + 2 + 4 * EPOCH)
#define SERVICE 64

/* Parse bytes on the heap, of exactly this size. */
static enum sr_code parse(const uint8_t *body, size_t size)
{
	uint8_t *exact = malloc(size == 0 ? 1 : size);
	struct sr_keyring *keyring = (struct sr_keyring *)1;
	enum sr_code code;

	memcpy(exact, body, size);
	code = sr_keyring_parse(exact, size, &keyring, NULL);
	free(exact);
	if (code == SR_OK)
		sr_keyring_free(keyring);
	else
		cr_assert_null(keyring);
	return code;
}

/* The key was taken in that has these bytes. */
static void assert_taken_in(const struct sr_hmac_key *key, uint8_t first)
{
	struct sr_hmac_key wanted;
	uint8_t bytes[32];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(first + i);
	sr_hmac_key(&wanted, bytes, sizeof bytes);
	cr_assert_arr_eq(key, &wanted, sizeof wanted);
}

static void assert_key(const uint8_t key[32], uint8_t first)
{
	for (size_t i = 0; i < 32; i++)
		cr_assert_eq(key[i], (uint8_t)(first + i));
}

Test(keyring_body, says_what_it_holds)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t key[32];
	uint8_t public_key[32];

	for (size_t i = 0; i < SR_UUID; i++)
		cr_assert_eq(sr_keyring_store(keyring)[i], 0xa0 + i);
	cr_assert_eq(sr_keyring_revision(keyring), 9);
	assert_key(sr_keyring_server_secret(keyring), 0x30);
	assert_taken_in(sr_keyring_tag_key(keyring), 0x10);
	assert_taken_in(sr_keyring_row_key(keyring), 0x20);
	fixed_auditor(public_key, key);
	cr_assert_arr_eq(sr_keyring_auditor(keyring), public_key, 32);
	cr_assert_eq(sr_keyring_root(keyring), 3);
	cr_assert(sr_keyring_root_key(keyring, 1, key));
	assert_key(key, 0x50);
	cr_assert(sr_keyring_root_key(keyring, 3, key));
	assert_key(key, 0x60);
	cr_assert(!sr_keyring_root_key(keyring, 2, key));
	cr_assert(!sr_keyring_root_key(keyring, 0, key));
	sr_keyring_free(keyring);
}

Test(keyring_body, the_current_epoch_is_the_highest_open_one)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t key[32];

	cr_assert_eq(sr_keyring_epoch(keyring), 2);
	cr_assert(sr_keyring_epoch_key(keyring, 1, key));
	assert_key(key, 0x70);
	cr_assert(sr_keyring_epoch_key(keyring, 2, key));
	assert_key(key, 0x80);
	cr_assert(sr_keyring_epoch_key(keyring, 5, key));
	assert_key(key, 0x90);
	cr_assert(!sr_keyring_epoch_key(keyring, 4, key), "retired");
	cr_assert(!sr_keyring_epoch_key(keyring, 3, key), "never made");
	cr_assert(!sr_keyring_epoch_key(keyring, 0, key));
	sr_keyring_free(keyring);
}

Test(keyring_body, services_are_found_by_their_whole_key)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t key[32];
	uint8_t psk[32];

	for (uint8_t first = 0xb0; first <= 0xd0; first = (uint8_t)(first + 0x20)) {
		for (size_t i = 0; i < 32; i++)
			key[i] = (uint8_t)(first + i);
		cr_assert(sr_keyring_service(keyring, key, psk));
		assert_key(psk, (uint8_t)(first + 0x10));
		for (size_t bit = 0; bit < 256; bit++) {
			key[bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_assert(!sr_keyring_service(keyring, key, psk), "bit %zu", bit);
			cr_assert_eq(sodium_is_zero(psk, sizeof psk), 1);
			key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	sr_keyring_free(keyring);
}

Test(keyring_body, every_cut_is_corrupt)
{
	uint8_t body[FIXED_BODY_MAX] = {0};
	size_t size = fixed_body(body);

	cr_assert_eq(size, SERVICES_AT + 2 + 2 * SERVICE);
	cr_assert_eq(parse(body, size), SR_OK);
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_eq(parse(body, cut), SR_CORRUPT, "cut at %zu", cut);
	cr_assert_eq(parse(body, size + 1), SR_CORRUPT);
}

/* Every value of every byte that is a number or a state; keys are free. */
Test(keyring_body, every_number_is_held_to_its_range)
{
	static const struct {
		const char *what;
		size_t at;
		unsigned first; /* allowed, to and with `last` */
		unsigned last;
	} cases[] = {
		{"format, high", 16, 0, 0},
		{"format", 17, 1, 1},
		{"kind", 18, 2, 3},
		{"limit of operations", 26, 0, 0},
		{"limit of memory", 27, 0, 0},
		{"salt", 50, 0, 0},
		{"count of roots, high", ROOTS_AT, 0, 0},
		{"count of roots", ROOTS_AT + 1, 2, 2},
		{"first root", ROOTS_AT + 2 + 3, 1, 2},
		{"second root", ROOTS_AT + 2 + ROOT + 3, 2, 255},
		{"count of epochs, high", EPOCHS_AT, 0, 0},
		{"count of epochs", EPOCHS_AT + 1, 4, 4},
		{"first epoch", EPOCHS_AT + 2 + 3, 1, 1},
		{"first epoch's state", EPOCHS_AT + 2 + 4, 1, 2},
		{"second epoch", EPOCHS_AT + 2 + EPOCH + 3, 2, 3},
		{"the only open epoch's state", EPOCHS_AT + 2 + EPOCH + 4, 1, 1},
		{"third epoch", EPOCHS_AT + 2 + 2 * EPOCH + 3, 3, 4},
		{"retired epoch's state", EPOCHS_AT + 2 + 2 * EPOCH + 4, 3, 3},
		{"retired epoch's key", EPOCHS_AT + 2 + 2 * EPOCH + 36, 0, 0},
		{"last epoch", EPOCHS_AT + 2 + 3 * EPOCH + 3, 5, 255},
		{"count of services, high", SERVICES_AT, 0, 0},
		{"count of services", SERVICES_AT + 1, 2, 2},
		{"first service's order", SERVICES_AT + 2, 0, 0xd0},
		{"second service's order", SERVICES_AT + 2 + SERVICE, 0xb0, 255},
	};
	uint8_t body[FIXED_BODY_MAX];
	size_t size = fixed_body(body);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t kept = body[cases[i].at];

		for (unsigned value = 0; value <= 255; value++) {
			bool fits = value >= cases[i].first && value <= cases[i].last;

			body[cases[i].at] = (uint8_t)value;
			cr_assert_eq(parse(body, size), fits ? SR_OK : SR_CORRUPT, "%s is %u", cases[i].what, value);
		}
		body[cases[i].at] = kept;
	}
}

Test(keyring_body, a_service_twice_is_corrupt)
{
	uint8_t body[FIXED_BODY_MAX];
	size_t size = fixed_body(body);

	memcpy(body + SERVICES_AT + 2 + SERVICE, body + SERVICES_AT + 2, 32);
	cr_assert_eq(parse(body, size), SR_CORRUPT);
}

Test(keyring_body, an_epoch_without_a_key_is_corrupt)
{
	uint8_t body[FIXED_BODY_MAX];
	size_t size = fixed_body(body);

	memset(body + EPOCHS_AT + 2 + 5, 0, 32);
	cr_assert_eq(parse(body, size), SR_CORRUPT);
}
