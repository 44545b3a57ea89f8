/*
 * Labels, media types and identities as they are sealed into rows: there and back at every length, and to nobody else.
 */
#include <criterion/criterion.h>

#include "keys/opening.h"
#include "row_forge.h"

static const uint8_t dek[SR_KEY] = {5, 5, 5};
static const uint8_t other_dek[SR_KEY] = {6};

Test(sealed_text, labels_of_every_length_come_back)
{
	uint8_t text[SR_LABEL_MAX + 1];
	uint8_t back[SR_LABEL_MAX];
	struct sr_recording_row row;
	size_t size;

	cr_assert(sodium_init() >= 0);
	fill_run(text, 9, sizeof text);
	for (size_t length = 0; length <= SR_LABEL_MAX; length++) {
		struct sr_span label = {.data = text, .size = length};

		cr_assert_eq(sr_label_seal(dek, forge_recording, label, &row), SR_OK);
		cr_assert_eq(row.label_size, length + SR_SEALED_SMALL);
		cr_assert_eq(sr_label_open(dek, forge_recording, &row, back, &size), SR_OPENED);
		cr_assert_eq(size, length);
		cr_assert_arr_eq(back, text, length);
	}
	cr_assert_eq(sr_label_seal(dek, forge_recording, (struct sr_span){.data = text, .size = sizeof text}, &row),
		     SR_USAGE);
	cr_assert_eq(row.label_size, 0);
}

Test(sealed_text, a_label_opens_for_its_dek_and_recording_alone)
{
	uint8_t back[SR_LABEL_MAX];
	uint8_t recording[SR_UUID];
	struct sr_recording_row row;
	size_t size = 1;

	cr_assert(sodium_init() >= 0);
	memcpy(recording, forge_recording, SR_UUID);
	recording[0] ^= 1;
	cr_assert_eq(sr_label_seal(dek, forge_recording, (struct sr_span){.data = dek, .size = 3}, &row), SR_OK);
	cr_assert_eq(sr_label_open(other_dek, forge_recording, &row, back, &size), SR_OTHER_KEY);
	cr_assert_eq(size, 0);
	cr_assert_eq(sr_label_open(dek, recording, &row, back, &size), SR_OTHER_KEY);
	for (size_t bit = 0; bit < row.label_size * 8u; bit++) {
		row.label[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(sr_label_open(dek, forge_recording, &row, back, &size),
			     bit / 8 < SR_SEALED_FRONT ? SR_OTHER_KEY : SR_DAMAGED);
		cr_assert_eq(size, 0);
		row.label[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (uint16_t cut = 0; cut < SR_SEALED_SMALL; cut++) {
		row.label_size = cut;
		cr_assert_eq(sr_label_open(dek, forge_recording, &row, back, &size), SR_DAMAGED);
	}
}

Test(sealed_text, track_words_come_back)
{
	static const size_t lengths[] = {0, 1, 20, 126, 127};
	static const size_t labels[] = {0, 1, 254, 255};
	struct sr_track_words words;
	struct sr_track_words back;
	struct sr_track_row row;

	cr_assert(sodium_init() >= 0);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		for (size_t j = 0; j < sizeof labels / sizeof labels[0]; j++) {
			memset(&words, 0, sizeof words);
			memset(&row, 0, sizeof row);
			row.track = 3;
			words.media_type_size = lengths[i];
			words.label_size = labels[j];
			fill_run(words.media_type, 5, lengths[i]);
			fill_run(words.label, 6, labels[j]);
			cr_assert_eq(sr_track_words_seal(dek, forge_recording, &words, &row), SR_OK);
			cr_assert_eq(row.entry_size, 4 + lengths[i] + labels[j] + SR_SEALED_SMALL);
			cr_assert_eq(sr_track_words_open(dek, forge_recording, &row, &back), SR_OPENED);
			cr_assert_arr_eq(&back, &words, sizeof words);
		}
	}
	words.media_type_size = SR_MEDIA_TYPE_MAX + 1;
	cr_assert_eq(sr_track_words_seal(dek, forge_recording, &words, &row), SR_USAGE);
}

Test(sealed_text, track_words_open_for_their_dek_recording_and_track_alone)
{
	struct sr_track_words words = {.media_type = "audio/webm", .media_type_size = 10};
	struct sr_track_words back;
	struct sr_track_row row;
	uint8_t recording[SR_UUID];

	cr_assert(sodium_init() >= 0);
	memset(&row, 0, sizeof row);
	row.track = 3;
	memcpy(recording, forge_recording, SR_UUID);
	recording[15] ^= 1;
	cr_assert_eq(sr_track_words_seal(dek, forge_recording, &words, &row), SR_OK);
	cr_assert_eq(sr_track_words_open(other_dek, forge_recording, &row, &back), SR_OTHER_KEY);
	cr_assert_eq(sr_track_words_open(dek, recording, &row, &back), SR_OTHER_KEY);
	row.track = 4;
	cr_assert_eq(sr_track_words_open(dek, forge_recording, &row, &back), SR_OTHER_KEY);
	cr_assert_eq(back.media_type_size + back.label_size, 0);
	row.track = 3;
	row.entry[row.entry_size - 1] ^= 1;
	cr_assert_eq(sr_track_words_open(dek, forge_recording, &row, &back), SR_DAMAGED);
}

/* Sealed under the right key, but not in the form of two texts: damage, not a crash. */
Test(sealed_text, track_words_of_another_form_are_damaged)
{
	static const struct {
		uint8_t bytes[8];
		size_t size;
	} forms[] = {
		{{0}, 0},
		{{0, 0, 0}, 3},
		{{0, 1, 'a', 0, 2, 'b'}, 6},
		{{0, 128, 'a', 0, 0}, 5},
		{{0, 0, 0, 0, 'x'}, 5},
		{{0xff, 0xff, 0, 0}, 4},
	};
	uint8_t fields[SR_UUID + 2] = {0};
	struct row_context context;
	struct sr_track_words back;
	struct sr_track_row row;
	uint8_t key[SR_KEY];

	cr_assert(sodium_init() >= 0);
	memset(&row, 0, sizeof row);
	row.track = 3;
	memcpy(fields, forge_recording, SR_UUID);
	fields[SR_UUID + 1] = 3;
	context = row_context("sealreel v1 track entry", fields, sizeof fields);
	sr_entry_key(dek, key);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		row.entry_size = (uint16_t)(forms[i].size + SR_SEALED_SMALL);
		cr_assert_eq(sr_seal(key, context.bytes, context.size, forms[i].bytes, forms[i].size, row.entry),
			     SR_OK);
		cr_assert_eq(sr_track_words_open(dek, forge_recording, &row, &back), SR_DAMAGED, "form %zu", i);
		cr_assert_eq(back.media_type_size + back.label_size, 0);
	}
}

/* Only the auditor's secret key, which the store does not have, reads an identity back. */
Test(sealed_text, a_person_opens_for_epoch_key_and_auditor_together)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t identity[255];
	uint8_t row[SR_PERSON_MAX];
	uint8_t box[255 + crypto_box_SEALBYTES];
	uint8_t back[255];
	uint8_t fields[SR_TAG + 4] = {0};
	struct row_context context;
	uint8_t epoch_key[SR_KEY];
	uint8_t auditor[32];
	uint8_t secret[32];
	size_t size;

	fixed_auditor(auditor, secret);
	fill_run(identity, 3, sizeof identity);
	memcpy(fields, forge_tag, SR_TAG);
	fields[SR_TAG + 3] = 2;
	context = row_context("sealreel v1 person", fields, sizeof fields);
	cr_assert(sr_keyring_epoch_key(keyring, 2, epoch_key));
	for (size_t length = 1; length <= sizeof identity; length += length < 3 ? 1 : 36) {
		cr_assert_eq(sr_person_seal(keyring, 2, forge_tag, (struct sr_span){identity, length}, row, &size),
			     SR_OK);
		cr_assert_eq(size, 125 + length);
		cr_assert_arr_eq(row, ((uint8_t[]){1, 0, 0, 0, 2}), 5);
		cr_assert_eq(sr_open(epoch_key, context.bytes, context.size, row + 5, size - 5, box), SR_OPENED);
		cr_assert_eq(crypto_box_seal_open(back, box, length + crypto_box_SEALBYTES, auditor, secret), 0);
		cr_assert_arr_eq(back, identity, length);
	}
	sr_keyring_free(keyring);
}

/* A scrub, which has no auditor's key, tells a person's row from any other bytes; later formats it cannot judge. */
Test(sealed_text, a_persons_row_is_checked_without_the_auditor)
{
	struct sr_keyring *keyring = fixed_keyring();
	static const uint8_t other[SR_TAG] = {0xee};
	uint8_t row[SR_PERSON_MAX];
	size_t size;

	cr_assert_eq(sr_person_seal(keyring, 2, forge_tag, (struct sr_span){(const uint8_t *)"x|1", 3}, row, &size),
		     SR_OK);
	cr_assert_eq(sr_person_check(keyring, forge_tag, (struct sr_span){row, size}), SR_OK);
	cr_expect_eq(sr_person_check(keyring, other, (struct sr_span){row, size}), SR_CORRUPT);
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_eq(sr_person_check(keyring, forge_tag, (struct sr_span){row, cut}), SR_CORRUPT, "%zu", cut);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		enum sr_code code;

		row[bit / 8] ^= (uint8_t)(1 << bit % 8);
		code = sr_person_check(keyring, forge_tag, (struct sr_span){row, size});
		row[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* Format and epoch stand in front, and may be of a later time. */
		cr_assert(code == SR_CORRUPT || (bit / 8 < 5 && code == SR_UNAVAILABLE), "bit %zu", bit);
	}
	sr_keyring_free(keyring);
}
