/*
 * Rows moved from one epoch to another: all but the wrap stays, what is under it is the same, and damage is never
 * moved.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "fixed_keyring.h"
#include "keys/rewrap.h"
#include "row_forge.h"

static struct sr_keyring *keyring;
static uint8_t patient_key[SR_KEY], dek[SR_KEY];
static uint8_t whole[SR_ROW_MAX], person[SR_PERSON_MAX];
static size_t whole_size, person_size;
static struct sr_recording_row row;

/* A row and a person under epoch 2; 1 and 5 have keys as well, 4 is retired. */
static void set_up(void)
{
	keyring = fixed_keyring();
	memset(patient_key, 3, sizeof patient_key);
	row = (struct sr_recording_row){.life = SR_LIFE_LIVE,
					.writing = SR_WRITING_OPEN,
					.wrap_revision = 4,
					.writer_revision = 5,
					.life_revision = 6,
					.epoch = 2,
					.opened_ms = 77,
					.tracks = 3};
	cr_assert_eq(sr_dek_make(keyring, patient_key, forge_recording, row.epoch, row.wrap, dek), SR_OK);
	whole_size = sr_recording_row_encode(keyring, forge_recording, &row, whole);
	cr_assert_eq(sr_person_seal(keyring, 2, forge_tag, (struct sr_span){(const uint8_t *)"x|1", 3}, person,
				    &person_size),
		     SR_OK);
}

static void tear_down(void)
{
	sr_keyring_free(keyring);
}

/* One row by a way of its own. */
static enum sr_code recording_rewrap(struct sr_span value, uint32_t to, uint8_t *out, size_t *size)
{
	struct sr_rewrapper rewrapper = {.keyring = keyring, .to = to};
	enum sr_code code = sr_recording_rewrap(&rewrapper, forge_recording, value, out, size);

	sr_rewrapper_wipe(&rewrapper);
	return code;
}

static enum sr_code person_rewrap(struct sr_span value, uint32_t to, uint8_t *out, size_t *size)
{
	struct sr_rewrapper rewrapper = {.keyring = keyring, .to = to};
	enum sr_code code = sr_person_rewrap(&rewrapper, forge_tag, value, out, size);

	sr_rewrapper_wipe(&rewrapper);
	return code;
}

TestSuite(rewrap, .init = set_up, .fini = tear_down);

/* The linker leads the sealing of every new wrap through here (CMakeLists.txt): memory may fail a store as well. */
static size_t flipped; /* bit of the sealed message, from 1; 0: none */
enum sr_code __real_sr_input_seal(struct sr_input *input, struct sr_span context, struct sr_span plain,
				  uint8_t *sealed);
enum sr_code __wrap_sr_input_seal(struct sr_input *input, struct sr_span context, struct sr_span plain,
				  uint8_t *sealed);
enum sr_code __wrap_sr_input_seal(struct sr_input *input, struct sr_span context, struct sr_span plain, uint8_t *sealed)
{
	enum sr_code code = __real_sr_input_seal(input, context, plain, sealed);

	if (flipped > 0)
		sealed[(flipped - 1) / 8] ^= (uint8_t)(1u << (flipped - 1) % 8);
	return code;
}

Test(rewrap, a_wrap_that_was_sealed_wrongly_is_not_given_out)
{
	uint8_t out[SR_ROW_MAX];
	size_t size;

	for (flipped = 1; flipped <= (size_t)8 * SR_WRAP; flipped++) {
		cr_assert_eq(recording_rewrap((struct sr_span){whole, whole_size}, 1, out, &size), SR_INTERNAL);
		cr_assert_eq(size, 0);
	}
	for (flipped = 1; flipped <= 8 * (person_size - 5); flipped++) {
		cr_assert_eq(person_rewrap((struct sr_span){person, person_size}, 1, out, &size), SR_INTERNAL);
		cr_assert_eq(size, 0);
	}
	flipped = 0;
	cr_assert_eq(recording_rewrap((struct sr_span){whole, whole_size}, 1, out, &size), SR_OK);
}

Test(rewrap, a_recording_opens_under_the_other_epoch_and_is_else_the_same)
{
	uint8_t out[SR_ROW_MAX], again[SR_ROW_MAX], opened[SR_KEY];
	struct sr_recording_row moved;
	size_t size;
	uint32_t epoch;

	cr_assert_eq(recording_rewrap((struct sr_span){whole, whole_size}, 1, out, &size), SR_OK);
	cr_assert_eq(size, whole_size);
	cr_assert(sr_recording_epoch((struct sr_span){out, size}, &epoch) && epoch == 1);
	cr_assert_eq(
		sr_row_open(keyring, patient_key, forge_recording, (struct sr_span){out, size}, &moved, opened, NULL),
		SR_ROW_OPEN);
	cr_assert_arr_eq(opened, dek, SR_KEY);
	cr_assert_eq(moved.wrap_revision, 5);
	moved.epoch = row.epoch;
	moved.wrap_revision = row.wrap_revision;
	memcpy(moved.wrap, row.wrap, SR_WRAP);
	cr_assert_eq(sr_recording_row_encode(keyring, forge_recording, &moved, again), whole_size);
	cr_assert_arr_eq(again, whole, whole_size);
	cr_assert_eq(recording_rewrap((struct sr_span){whole, whole_size}, 1, again, &size), SR_OK);
	cr_assert_arr_neq(again + 31, out + 31, SR_SALT, "each seal has its own salt");
}

Test(rewrap, a_person_opens_under_the_other_epoch)
{
	uint8_t out[SR_PERSON_MAX];
	size_t size;
	uint32_t epoch;

	cr_assert_eq(person_rewrap((struct sr_span){person, person_size}, 5, out, &size), SR_OK);
	cr_assert_eq(size, person_size);
	cr_assert(sr_person_epoch((struct sr_span){out, size}, &epoch) && epoch == 5);
	cr_assert_eq(sr_person_check(keyring, forge_tag, (struct sr_span){out, size}), SR_OK);
}

/* Damage is refused, wherever it is, and nothing is handed out. */
Test(rewrap, no_flipped_bit_is_moved)
{
	uint8_t out[SR_ROW_MAX];
	size_t size;

	for (size_t bit = 0; bit < 8 * whole_size; bit++) {
		whole[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(recording_rewrap((struct sr_span){whole, whole_size}, 1, out, &size), SR_CORRUPT, "%zu",
			     bit);
		cr_assert_eq(size, 0);
		whole[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 8 * 5; bit < 8 * person_size; bit++) {
		person[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(person_rewrap((struct sr_span){person, person_size}, 1, out, &size), SR_CORRUPT, "%zu",
			     bit);
		person[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < person_size; cut++)
		cr_assert_neq(person_rewrap((struct sr_span){person, cut}, 1, out, &size), SR_OK);
}

/* A row whose HMAC fits but whose wrap is another recording's, or damaged before the HMAC was made. */
Test(rewrap, a_wrap_that_does_not_open_is_not_moved)
{
	uint8_t out[SR_ROW_MAX];
	size_t size;

	for (size_t at = 0; at < SR_WRAP; at += 25) {
		row.wrap[at] ^= 1;
		whole_size = sr_recording_row_encode(keyring, forge_recording, &row, whole);
		cr_assert_eq(recording_rewrap((struct sr_span){whole, whole_size}, 1, out, &size), SR_CORRUPT, "%zu",
			     at);
		row.wrap[at] ^= 1;
	}
}

Test(rewrap, epochs_without_a_key_are_unavailable)
{
	uint8_t out[SR_ROW_MAX];
	struct sr_span value = {whole, whole_size};
	size_t size;

	cr_assert_eq(recording_rewrap(value, 4, out, &size), SR_UNAVAILABLE, "retired");
	cr_assert_eq(recording_rewrap(value, 9, out, &size), SR_UNAVAILABLE, "never made");
	cr_assert_eq(recording_rewrap(value, 0, out, &size), SR_UNAVAILABLE, "none");
	row.epoch = 4;
	whole_size = sr_recording_row_encode(keyring, forge_recording, &row, whole);
	cr_assert_eq(recording_rewrap((struct sr_span){whole, whole_size}, 2, out, &size), SR_UNAVAILABLE);
	cr_assert_eq(person_rewrap((struct sr_span){person, person_size}, 4, out, &size), SR_UNAVAILABLE);
}

/* Rows of several epochs by one way, damaged ones among them: each as if it were alone. */
Test(rewrap, one_way_serves_rows_of_several_epochs)
{
	struct sr_rewrapper rewrapper = {.keyring = keyring, .to = 5};
	static const uint32_t from[] = {2, 1, 1, 4, 2, 9, 5, 1};
	uint8_t out[SR_ROW_MAX], opened[SR_KEY];
	struct sr_recording_row moved;
	size_t size;

	for (size_t at = 0; at < sizeof from / sizeof from[0]; at++) {
		bool has_key = from[at] != 4 && from[at] != 9;

		row.epoch = from[at];
		if (has_key)
			cr_assert_eq(sr_dek_wrap(keyring, patient_key, forge_recording, dek, row.epoch, row.wrap),
				     SR_OK);
		whole_size = sr_recording_row_encode(keyring, forge_recording, &row, whole);
		cr_assert_eq(sr_recording_rewrap(&rewrapper, forge_recording, (struct sr_span){whole, whole_size}, out,
						 &size),
			     has_key ? SR_OK : SR_UNAVAILABLE, "%zu", at);
		if (!has_key)
			continue;
		cr_assert_eq(sr_row_open(keyring, patient_key, forge_recording, (struct sr_span){out, size}, &moved,
					 opened, NULL),
			     SR_ROW_OPEN, "%zu", at);
		cr_assert_eq(moved.epoch, 5);
		cr_assert_arr_eq(opened, dek, SR_KEY);
		whole[40] ^= 1;
		cr_assert_eq(sr_recording_rewrap(&rewrapper, forge_recording, (struct sr_span){whole, whole_size}, out,
						 &size),
			     SR_CORRUPT, "%zu", at);
		cr_assert_eq(sr_person_rewrap(&rewrapper, forge_tag, (struct sr_span){person, person_size}, out, &size),
			     SR_OK);
	}
	sr_rewrapper_wipe(&rewrapper);
}
