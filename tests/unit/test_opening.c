/*
 * Opening a recording's row: THE ORDER that tells damage from misrouting, equal work for equal refusals, and what is
 * sealed under a DEK.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "keys/opening.h"
#include "row_forge.h"

#define INNER (SR_KEY + SR_SEALED_SMALL)
#define WRAP_AT 31 /* of the wrap in a recording's row: FORMAT.md */
#define EPOCH_AT 27

static struct sr_keyring *keyring;
static uint8_t patient_key[SR_KEY];
static uint8_t other_key[SR_KEY];
static uint8_t dek[SR_KEY];
static uint8_t whole[SR_ROW_MAX];
static size_t whole_size;

static struct row_context recording_context(const uint8_t recording[SR_UUID])
{
	return row_context("sealreel v1 recording row", recording, SR_UUID);
}

/* A recording's row of the patient with `key`. */
static size_t make_row(const uint8_t key[SR_KEY], const uint8_t recording[SR_UUID], uint8_t *out, uint8_t made[SR_KEY])
{
	struct sr_recording_row row;
	static const uint8_t label[] = "follow-up";

	memset(&row, 0, sizeof row);
	row.life = SR_LIFE_LIVE;
	row.writing = SR_WRITING_FINISHED;
	row.opened_ms = 77;
	row.epoch = 2;
	cr_assert_eq(sr_dek_make(keyring, key, recording, row.epoch, row.wrap, made), SR_OK);
	cr_assert_eq(sr_label_seal(made, recording, (struct sr_span){.data = label, .size = 9}, &row), SR_OK);
	return sr_recording_row_encode(keyring, recording, &row, out);
}

static void set_up(void)
{
	keyring = fixed_keyring();
	fill_run(patient_key, 1, sizeof patient_key);
	fill_run(other_key, 2, sizeof other_key);
	whole_size = make_row(patient_key, forge_recording, whole, dek);
}

static void tear_down(void)
{
	sr_keyring_free(keyring);
}

/* Open a row on the heap, of exactly its size; the outs must be what the verdict promises. */
static enum sr_row_verdict open_row(const uint8_t key[SR_KEY], const uint8_t *bytes, size_t size, struct sr_work *work)
{
	uint8_t *exact = malloc(size == 0 ? 1 : size);
	struct sr_recording_row row;
	uint8_t out[SR_KEY];
	enum sr_row_verdict verdict;

	memset(&row, 0xff, sizeof row);
	memset(out, 0xff, sizeof out);
	memcpy(exact, bytes, size);
	verdict = sr_row_open(keyring, key, forge_recording, (struct sr_span){.data = exact, .size = size}, &row, out,
			      work);
	free(exact);
	if (verdict == SR_ROW_OPEN)
		cr_assert_arr_eq(out, dek, SR_KEY);
	else
		cr_assert_eq(sodium_is_zero(out, sizeof out), 1, "a DEK is out with %s", sr_row_verdict_name(verdict));
	if (verdict == SR_ROW_CORRUPT || verdict == SR_ROW_UNAVAILABLE)
		cr_assert_eq(sodium_is_zero((uint8_t *)&row, sizeof row), 1);
	else
		cr_assert_eq(row.life, SR_LIFE_LIVE);
	return verdict;
}

/* Seal an inner wrap again under an epoch's key, so that the outer seal vouches for whatever it holds. */
static void put_outer(uint8_t *row, const uint8_t inner[INNER], const uint8_t recording[SR_UUID], uint32_t epoch)
{
	uint8_t fields[SR_UUID + 4] = {0};
	struct row_context context;
	uint8_t key[SR_KEY];

	memcpy(fields, recording, SR_UUID);
	fields[SR_UUID + 3] = (uint8_t)epoch;
	context = row_context("sealreel v1 outer wrap", fields, sizeof fields);
	cr_assert(sr_keyring_epoch_key(keyring, epoch, key));
	cr_assert_eq(sr_seal(key, context.bytes, context.size, inner, INNER, row + WRAP_AT), SR_OK);
}

/* The inner wrap of the whole row. */
static void take_inner(uint8_t inner[INNER])
{
	uint8_t fields[SR_UUID + 4] = {0};
	struct row_context context;
	uint8_t key[SR_KEY];

	memcpy(fields, forge_recording, SR_UUID);
	fields[SR_UUID + 3] = 2;
	context = row_context("sealreel v1 outer wrap", fields, sizeof fields);
	cr_assert(sr_keyring_epoch_key(keyring, 2, key));
	cr_assert_eq(sr_open(key, context.bytes, context.size, whole + WRAP_AT, SR_WRAP, inner), SR_OPENED);
}

/* What is wrong with a row, each of them done to a copy of the whole one. */

static void nothing(uint8_t *row)
{
	(void)row;
}

static void flip_mac(uint8_t *row)
{
	row[whole_size - 1] ^= 1;
}

static void unknown_epoch(uint8_t *row)
{
	row[EPOCH_AT + 3] = 9;
}

static void retired_epoch(uint8_t *row)
{
	row[EPOCH_AT + 3] = 4;
}

/* An epoch that is there, but not the one this wrap is sealed under. */
static void wrong_epoch(uint8_t *row)
{
	row[EPOCH_AT + 3] = 1;
}

static void unknown_epoch_and_wrap(uint8_t *row)
{
	unknown_epoch(row);
	row[WRAP_AT] ^= 1;
}

static void outer_salt(uint8_t *row)
{
	row[WRAP_AT] ^= 1;
}

static void outer_commitment(uint8_t *row)
{
	row[WRAP_AT + SR_SALT] ^= 1;
}

static void outer_text(uint8_t *row)
{
	row[WRAP_AT + SR_SEALED_FRONT] ^= 1;
}

static void outer_tag(uint8_t *row)
{
	row[WRAP_AT + SR_WRAP - 1] ^= 1;
}

static void flip_inner(uint8_t *row, size_t at)
{
	uint8_t inner[INNER];

	take_inner(inner);
	inner[at] ^= 1;
	put_outer(row, inner, forge_recording, 2);
}

static void inner_salt(uint8_t *row)
{
	flip_inner(row, 0);
}

static void inner_commitment(uint8_t *row)
{
	flip_inner(row, SR_SALT);
}

static void inner_text(uint8_t *row)
{
	flip_inner(row, SR_SEALED_FRONT);
}

static void inner_tag(uint8_t *row)
{
	flip_inner(row, INNER - 1);
}

/* The outer wrap of another recording's row, in this one. */
static void outer_of_another_recording(uint8_t *row)
{
	uint8_t inner[INNER];
	uint8_t recording[SR_UUID];

	memcpy(recording, forge_recording, SR_UUID);
	recording[0] ^= 1;
	take_inner(inner);
	put_outer(row, inner, recording, 2);
}

static void closing_epoch(uint8_t *row)
{
	uint8_t inner[INNER];

	take_inner(inner);
	put_outer(row, inner, forge_recording, 5);
	row[EPOCH_AT + 3] = 5;
}

static void later_format(uint8_t *row)
{
	row[0] = 2;
}

static void unknown_life(uint8_t *row)
{
	row[1] = 6;
}

static void unknown_life_and_wrap(uint8_t *row)
{
	row[1] = 6;
	row[WRAP_AT] ^= 1;
}

/*
 * Step by step. `remade`: the HMAC is made right again, as by a fault that writes through sealreel's own code.
 * Behind `theirs` stands what the patient's own key gives, behind `others` another patient's.
 */
static const struct {
	const char *what;
	void (*harm)(uint8_t *row);
	bool remade;
	enum sr_row_verdict theirs;
	enum sr_row_verdict others;
	unsigned derivations; /* with the patient's own key */
	unsigned opens;
} cases[] = {
	{"whole", nothing, false, SR_ROW_OPEN, SR_ROW_NOT_THEIRS, 2, 2},
	{"HMAC damaged", flip_mac, false, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 0, 0},
	{"epoch changed under the old HMAC", unknown_epoch, false, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 0, 0},
	{"later format under the old HMAC", later_format, false, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 0, 0},
	{"wrap changed under the old HMAC", outer_tag, false, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 0, 0},
	{"inner tag damaged under the old HMAC", inner_tag, false, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 0, 0},
	{"later format", later_format, true, SR_ROW_UNAVAILABLE, SR_ROW_UNAVAILABLE, 0, 0},
	{"unknown life", unknown_life, true, SR_ROW_UNAVAILABLE, SR_ROW_UNAVAILABLE, 0, 0},
	{"unknown life over a bad wrap", unknown_life_and_wrap, true, SR_ROW_UNAVAILABLE, SR_ROW_UNAVAILABLE, 0, 0},
	{"epoch unknown", unknown_epoch, true, SR_ROW_UNKNOWN_EPOCH, SR_ROW_UNKNOWN_EPOCH, 0, 0},
	{"epoch retired", retired_epoch, true, SR_ROW_UNKNOWN_EPOCH, SR_ROW_UNKNOWN_EPOCH, 0, 0},
	{"epoch unknown over a bad wrap", unknown_epoch_and_wrap, true, SR_ROW_UNKNOWN_EPOCH, SR_ROW_UNKNOWN_EPOCH, 0,
	 0},
	{"epoch not the wrap's", wrong_epoch, true, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 1, 1},
	{"outer salt damaged", outer_salt, true, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 1, 1},
	{"outer commitment damaged", outer_commitment, true, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 1, 1},
	{"outer text damaged", outer_text, true, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 1, 1},
	{"outer tag damaged", outer_tag, true, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 1, 1},
	{"outer wrap of another recording", outer_of_another_recording, true, SR_ROW_CORRUPT, SR_ROW_CORRUPT, 1, 1},
	{"inner salt another", inner_salt, true, SR_ROW_NOT_THEIRS, SR_ROW_NOT_THEIRS, 2, 1},
	{"inner commitment another", inner_commitment, true, SR_ROW_NOT_THEIRS, SR_ROW_NOT_THEIRS, 2, 1},
	{"inner text damaged", inner_text, true, SR_ROW_CORRUPT, SR_ROW_NOT_THEIRS, 2, 2},
	{"inner tag damaged", inner_tag, true, SR_ROW_CORRUPT, SR_ROW_NOT_THEIRS, 2, 2},
	{"under a closing epoch", closing_epoch, true, SR_ROW_OPEN, SR_ROW_NOT_THEIRS, 2, 2},
};

Test(opening, the_order, .init = set_up, .fini = tear_down)
{
	struct row_context context = recording_context(forge_recording);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sr_work work = {.derivations = 0};
		uint8_t row[SR_ROW_MAX];
		enum sr_row_verdict verdict;

		memcpy(row, whole, whole_size);
		cases[i].harm(row);
		if (cases[i].remade)
			remac(&context, row, whole_size);
		verdict = open_row(patient_key, row, whole_size, &work);
		cr_expect_eq(verdict, cases[i].theirs, "%s: %s", cases[i].what, sr_row_verdict_name(verdict));
		cr_expect_eq(work.derivations, cases[i].derivations, "%s", cases[i].what);
		cr_expect_eq(work.opens, cases[i].opens, "%s", cases[i].what);
		verdict = open_row(other_key, row, whole_size, NULL);
		cr_expect_eq(verdict, cases[i].others, "%s, another's key: %s", cases[i].what,
			     sr_row_verdict_name(verdict));
	}
}

/* One opener for all of them, one after the other: none changes what the next one gives, be it of another epoch. */
Test(opening, one_opener_for_many_rows, .init = set_up, .fini = tear_down)
{
	const size_t count = sizeof cases / sizeof cases[0];
	struct row_context context = recording_context(forge_recording);
	struct sr_row_opener openers[2];

	sr_row_opener_begin(&openers[0], keyring, patient_key);
	sr_row_opener_begin(&openers[1], keyring, other_key);
	for (size_t i = 0; i < 2 * count; i++) {
		for (int other = 0; other < 2; other++) {
			enum sr_row_verdict expected = other ? cases[i % count].others : cases[i % count].theirs;
			struct sr_work work = {.derivations = 0};
			struct sr_recording_row found;
			uint8_t row[SR_ROW_MAX];
			uint8_t out[SR_KEY];

			memcpy(row, whole, whole_size);
			cases[i % count].harm(row);
			if (cases[i % count].remade)
				remac(&context, row, whole_size);
			cr_expect_eq(sr_row_open_with(&openers[other], forge_recording,
						      (struct sr_span){row, whole_size}, &found, out, &work),
				     expected, "%s", cases[i % count].what);
			if (expected == SR_ROW_OPEN)
				cr_expect_arr_eq(out, dek, SR_KEY);
			else
				cr_expect_eq(sodium_is_zero(out, sizeof out), 1, "%s", cases[i % count].what);
			if (!other)
				cr_expect_eq(work.opens, cases[i % count].opens, "%s", cases[i % count].what);
		}
	}
	sr_row_opener_wipe(&openers[0]);
	sr_row_opener_wipe(&openers[1]);
	cr_assert_eq(sodium_is_zero((uint8_t *)openers, sizeof openers), 1);
}

Test(opening, every_flipped_bit_and_cut_is_corrupt_for_everybody, .init = set_up, .fini = tear_down)
{
	uint8_t row[SR_ROW_MAX];

	memcpy(row, whole, whole_size);
	for (size_t bit = 0; bit < whole_size * 8; bit++) {
		row[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(open_row(patient_key, row, whole_size, NULL), SR_ROW_CORRUPT, "bit %zu", bit);
		cr_assert_eq(open_row(other_key, row, whole_size, NULL), SR_ROW_CORRUPT, "bit %zu", bit);
		row[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t size = 0; size < whole_size; size++)
		cr_assert_eq(open_row(patient_key, row, size, NULL), SR_ROW_CORRUPT, "cut at %zu", size);
}

/* Behind a right HMAC and a right outer seal: front bits mean another's, the rest damage; never the DEK. */
Test(opening, every_flipped_bit_of_the_inner_wrap, .init = set_up, .fini = tear_down)
{
	struct row_context context = recording_context(forge_recording);
	uint8_t row[SR_ROW_MAX];
	uint8_t inner[INNER];

	take_inner(inner);
	memcpy(row, whole, whole_size);
	for (size_t bit = 0; bit < INNER * 8; bit++) {
		enum sr_row_verdict expected = bit / 8 < SR_SEALED_FRONT ? SR_ROW_NOT_THEIRS : SR_ROW_CORRUPT;

		inner[bit / 8] ^= (uint8_t)(1 << bit % 8);
		put_outer(row, inner, forge_recording, 2);
		remac(&context, row, whole_size);
		cr_assert_eq(open_row(patient_key, row, whole_size, NULL), expected, "bit %zu", bit);
		cr_assert_eq(open_row(other_key, row, whole_size, NULL), SR_ROW_NOT_THEIRS, "bit %zu", bit);
		inner[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* A row that stands under another id, whole as it is, is damage: its HMAC names its own. */
Test(opening, under_another_id_a_row_is_corrupt, .init = set_up, .fini = tear_down)
{
	struct sr_span value = {.data = whole, .size = whole_size};
	struct sr_recording_row row;
	uint8_t out[SR_KEY];
	uint8_t recording[SR_UUID];

	memcpy(recording, forge_recording, SR_UUID);
	recording[15] ^= 1;
	cr_assert_eq(sr_row_open(keyring, patient_key, recording, value, &row, out, NULL), SR_ROW_CORRUPT);
	cr_assert_eq(sodium_is_zero(out, sizeof out), 1);
}

Test(opening, a_decoy_is_nobodys_and_costs_what_a_foreign_row_costs, .init = set_up, .fini = tear_down)
{
	struct sr_work foreign = {.derivations = 0};
	struct sr_work absent = {.derivations = 0};
	uint8_t decoy[SR_ROW_MAX];
	uint8_t second[SR_ROW_MAX];
	size_t size = sr_row_decoy(keyring, forge_recording, decoy);

	cr_assert_eq(open_row(other_key, whole, whole_size, &foreign), SR_ROW_NOT_THEIRS);
	cr_assert_eq(open_row(other_key, decoy, size, &absent), SR_ROW_NOT_THEIRS);
	cr_assert_eq(foreign.derivations, absent.derivations);
	cr_assert_eq(foreign.opens, absent.opens);
	cr_assert_eq(foreign.index_reads, absent.index_reads);
	cr_assert_eq(foreign.derivations, 2);
	cr_assert_eq(foreign.opens, 1);
	cr_assert_eq(open_row(patient_key, decoy, size, NULL), SR_ROW_NOT_THEIRS);
	cr_assert_eq(sr_row_decoy(keyring, forge_recording, second), size);
	cr_assert_arr_neq(second + WRAP_AT, decoy + WRAP_AT, SR_WRAP, "each decoy is made anew");
}

Test(opening, a_decoys_outer_wrap_is_real, .init = set_up, .fini = tear_down)
{
	struct row_context context = recording_context(forge_recording);
	uint8_t decoy[SR_ROW_MAX];
	size_t size = sr_row_decoy(keyring, forge_recording, decoy);

	cr_assert_eq(decoy[EPOCH_AT + 3], 0, "under no epoch that could be retired");
	cr_assert_eq(open_row(other_key, decoy, size, NULL), SR_ROW_NOT_THEIRS, "both its wraps are tried");
	decoy[WRAP_AT + SR_WRAP - 1] ^= 1;
	cr_assert_eq(open_row(other_key, decoy, size, NULL), SR_ROW_CORRUPT, "its HMAC is checked");
	remac(&context, decoy, size);
	cr_assert_eq(open_row(other_key, decoy, size, NULL), SR_ROW_CORRUPT, "its outer wrap is opened");
}

Test(opening, a_new_dek_is_wrapped_under_the_epoch_asked_for, .init = set_up, .fini = tear_down)
{
	uint8_t wrap[SR_WRAP];
	uint8_t again[SR_WRAP];
	uint8_t made[SR_KEY];
	uint8_t second[SR_KEY];

	cr_assert_eq(sr_dek_make(keyring, patient_key, forge_recording, 2, wrap, made), SR_OK);
	cr_assert_eq(sr_dek_make(keyring, patient_key, forge_recording, 2, again, second), SR_OK);
	cr_assert_arr_neq(made, second, SR_KEY);
	cr_assert_arr_neq(wrap, again, SR_SALT, "each seal has its own salt");
	cr_assert_eq(sr_dek_make(keyring, patient_key, forge_recording, 4, again, second), SR_UNAVAILABLE, "retired");
	cr_assert(sodium_is_zero(again, SR_WRAP) == 1 && sodium_is_zero(second, SR_KEY) == 1);
}

Test(opening, verdicts_have_their_names)
{
	cr_assert_str_eq(sr_row_verdict_name(SR_ROW_OPEN), "open");
	cr_assert_str_eq(sr_row_verdict_name(SR_ROW_CORRUPT), "corrupt");
	cr_assert_str_eq(sr_row_verdict_name(SR_ROW_UNKNOWN_EPOCH), "unknown_epoch");
	cr_assert_str_eq(sr_row_verdict_name(SR_ROW_NOT_THEIRS), "not_theirs");
	cr_assert_str_eq(sr_row_verdict_name(SR_ROW_UNAVAILABLE), "unavailable");
}
