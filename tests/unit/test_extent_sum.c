/*
 * The checksum of an extent, as FORMAT.md has it, computed here by libsodium and by hand from K_row; and that nothing
 * but the same bytes of the same place passes for them.
 */
#include <sodium.h>

#include "backup_file.h"
#include "keys/extent_sum.h"
#include "row_forge.h"

#define TRACK 0x0102
#define FILE_NUMBER 0x0304
#define EXTENT 0x05060708

static const size_t sizes[] = {0, 1, 15, 16, 17, 16400, 65536, 100001};
#define SIZES (sizeof sizes / sizeof sizes[0])

static struct sr_keyring *keyring;
static uint8_t bytes[100001];

static void set_up(void)
{
	keyring = fixed_keyring();
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(11 * i + i / 253);
}

static void tear_down(void)
{
	sr_keyring_free(keyring);
}

TestSuite(extent_sum, .init = set_up, .fini = tear_down);

/* HMAC-SHA-512 under the fixed keyring's K_row. */
static void row_hmac(const uint8_t *message, size_t size, uint8_t mac[64])
{
	uint8_t key[32];
	unsigned length = 64;

	fill_run(key, 0x20, sizeof key);
	cr_assert_not_null(HMAC(EVP_sha512(), key, sizeof key, message, size, mac, &length));
}

/* Both halves of format 2 over the first `size` of the bytes. */
static void by_hand(size_t size, uint8_t sum[SR_EXTENT_SUM])
{
	static const char label[] = "sealreel v1 extent key";
	uint8_t place[SR_UUID + 8], key[64], message[200], mac[64];
	struct row_context context;

	crypto_onetimeauth(sum, bytes, size, (const uint8_t *)"sealreel v1 extent sum, open key");
	memcpy(place, forge_recording, SR_UUID);
	fill_run(place + SR_UUID, 1, 8);
	context = row_context("sealreel v1 extent sum", place, sizeof place);
	memcpy(message, context.bytes, context.size);
	for (unsigned i = 0; i < 4; i++)
		message[context.size + i] = (uint8_t)(size >> (24 - 8 * i));
	memcpy(message + 100, label, sizeof label);
	memcpy(message + 100 + sizeof label, place, sizeof place);
	row_hmac(message + 100, sizeof label + sizeof place, key);
	crypto_onetimeauth(message + context.size + 4, bytes, size, key);
	row_hmac(message, context.size + 4 + 16, mac);
	memcpy(sum + 16, mac, 16);
}

static struct sr_extent_row row_over(enum sr_extent_format format, size_t size)
{
	struct sr_extent_sum *sum = sr_extent_sum_new(keyring);
	struct sr_extent_row row;

	cr_assert_not_null(sum);
	cr_assert(sr_extent_sum_begin(sum, forge_recording, TRACK, FILE_NUMBER, EXTENT, format));
	for (size_t at = 0; at < size; at += 977)
		cr_assert(sr_extent_sum_add(sum, bytes + at, size - at < 977 ? size - at : 977));
	cr_assert_eq(sr_extent_sum_covers(sum), size);
	cr_assert(sr_extent_sum_row(sum, &row));
	sr_extent_sum_free(sum);
	return row;
}

static enum sr_code judge(const struct sr_extent_row *row, const uint8_t *data, size_t size)
{
	return sr_extent_judge(keyring, forge_recording, TRACK, FILE_NUMBER, EXTENT, row, data, size);
}

Test(extent_sum, is_what_the_format_says)
{
	for (size_t i = 0; i < SIZES; i++) {
		struct sr_extent_row written = row_over(SR_EXTENT_POLY1305, sizes[i]);
		struct sr_extent_row older = row_over(SR_EXTENT_SHA256, sizes[i]);
		uint8_t want[SR_EXTENT_SUM];

		by_hand(sizes[i], want);
		cr_assert_eq(written.format, SR_EXTENT_POLY1305);
		cr_assert_eq(written.covered, sizes[i]);
		cr_assert_arr_eq(written.sum, want, sizeof want, "%zu bytes", sizes[i]);
		crypto_hash_sha256(want, bytes, sizes[i]);
		cr_assert_eq(older.format, SR_EXTENT_SHA256);
		cr_assert_arr_eq(older.sum, want, sizeof want, "SHA-256 of %zu bytes", sizes[i]);
		cr_assert_eq(judge(&written, bytes, sizes[i]), SR_OK);
		cr_assert_eq(judge(&older, bytes, sizes[i]), SR_OK);
	}
}

Test(extent_sum, frozen)
{
	struct sr_extent_row row = row_over(SR_EXTENT_POLY1305, 1000);
	char hex[2 * SR_EXTENT_SUM + 1];

	sodium_bin2hex(hex, sizeof hex, row.sum, sizeof row.sum);
	cr_expect_str_eq(hex, "98c145f02fdb8c64a2325355a26e3e170cabc04b23daa697d312d99459fb4f41");
}

static void assert_only_these(enum sr_extent_format format)
{
	const size_t size = 70;
	struct sr_extent_row row = row_over(format, size);

	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(judge(&row, bytes, size), SR_CORRUPT, "bit %zu of the bytes", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof row.sum; bit++) {
		row.sum[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(judge(&row, bytes, size), SR_CORRUPT, "bit %zu of the sum", bit);
		row.sum[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_eq(judge(&row, bytes, size - 1), SR_CORRUPT);
	cr_assert_eq(judge(&row, bytes, size + 1), SR_CORRUPT);
	row.covered++;
	cr_assert_eq(judge(&row, bytes, size), SR_CORRUPT, "a row that covers more");
	row.covered--;
	cr_assert_eq(judge(&row, bytes, size), SR_OK);
}

Test(extent_sum, only_the_same_bytes_pass)
{
	assert_only_these(SR_EXTENT_POLY1305);
	assert_only_these(SR_EXTENT_SHA256);
}

/* The sum's own place: whoever moves bytes together with a row that they made fit is not helped by the open half. */
Test(extent_sum, belongs_to_its_place_and_its_store)
{
	const size_t size = 70;
	struct sr_extent_row row = row_over(SR_EXTENT_POLY1305, size);
	uint8_t other[SR_UUID], auditor[32] = {9};
	struct sr_keyring *another = sr_keyring_new(forge_recording, auditor);

	cr_assert_not_null(another);
	memcpy(other, forge_recording, SR_UUID);
	other[3] ^= 1;
	cr_expect_eq(sr_extent_judge(keyring, other, TRACK, FILE_NUMBER, EXTENT, &row, bytes, size), SR_CORRUPT);
	cr_expect_eq(sr_extent_judge(keyring, forge_recording, 1, FILE_NUMBER, EXTENT, &row, bytes, size), SR_CORRUPT);
	cr_expect_eq(sr_extent_judge(keyring, forge_recording, TRACK, 1, EXTENT, &row, bytes, size), SR_CORRUPT);
	cr_expect_eq(sr_extent_judge(keyring, forge_recording, TRACK, FILE_NUMBER, 1, &row, bytes, size), SR_CORRUPT);
	cr_expect_eq(sr_extent_judge(another, forge_recording, TRACK, FILE_NUMBER, EXTENT, &row, bytes, size),
		     SR_CORRUPT);
	sr_keyring_free(another);
}

/* A row as a backup has it. */
static struct sr_backup_item item_of(const struct sr_extent_row *row, uint8_t key[24], uint8_t value[SR_EXTENT_ROW])
{
	memcpy(key, forge_recording, SR_UUID);
	fill_run(key + SR_UUID, 1, 8);
	cr_assert_eq(sr_extent_row_encode(keyring, forge_recording, TRACK, FILE_NUMBER, EXTENT, row, value),
		     SR_EXTENT_ROW);
	return (struct sr_backup_item){
		.table = SR_BACKUP_EXTENTS_TABLE, .key = {key, 24}, .value = {value, SR_EXTENT_ROW}};
}

Test(extent_sum, is_checked_in_a_backup_without_the_keyring)
{
	static const enum sr_extent_format formats[] = {SR_EXTENT_SHA256, SR_EXTENT_POLY1305};
	const size_t size = 70;

	for (size_t i = 0; i < 2; i++) {
		struct sr_extent_row row = row_over(formats[i], size);
		uint8_t key[24], value[SR_EXTENT_ROW];
		struct sr_backup_item item = item_of(&row, key, value);
		struct sr_backup_extent extent;

		cr_assert(sr_backup_extent_of(&item, &extent));
		cr_assert_eq(extent.format, formats[i]);
		cr_assert_eq(extent.size, size);
		cr_assert_eq(sr_backup_extent_judge(&extent, bytes), SR_OK);
		for (size_t bit = 0; bit < 8 * size; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_assert_eq(sr_backup_extent_judge(&extent, bytes), SR_CORRUPT, "bit %zu", bit);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		value[0] = 0;
		cr_assert_not(sr_backup_extent_of(&item, &extent));
		value[0] = 3;
		cr_assert_not(sr_backup_extent_of(&item, &extent));
	}
}

/* A backup of the first release is restored by this one, and a later one's is not taken for what it is not. */
Test(extent_sum, the_formats_of_backups_that_are_read)
{
	for (uint8_t format = 0; format <= SR_BACKUP_FORMAT + 1; format++) {
		struct sr_backup_front front = {.taken_ms = 7}, back;
		uint8_t encoded[SR_BACKUP_FRONT];
		struct sr_builder out = sr_builder_over(encoded, sizeof encoded);
		struct sr_cursor in = sr_cursor_over(encoded, sizeof encoded);

		sr_backup_front_encode(&out, &front);
		cr_assert_eq(encoded[19], SR_BACKUP_FORMAT);
		encoded[19] = format;
		sr_backup_front_decode(&in, &back);
		cr_expect_eq(sr_take_done(&in), format == 1 || format == 2, "format %u", (unsigned)format);
	}
}
