/* The control rows of deleting, holding and erasing, and the ledger's lines: frozen bytes, and every way to be wrong.
 */
#include "keys/control_rows.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "fixed_keyring.h"

static const struct sr_doom doom = {
	.kind = SR_DOOM_FINAL, .doomed_ms = 0x0123456789abcdef, .tag = {1, 2}, .recording = {3}};
static const struct sr_ledger_line line = {
	.kind = SR_LEDGER_RECORDING, .tag = {1, 2, 3}, .subject = {4, 5, 6}, .erased_ms = 1795224000000};

static struct sr_span text(const char *name)
{
	return (struct sr_span){(const uint8_t *)name, strlen(name)};
}

Test(control_rows, doomed_rows_are_named_in_the_order_of_time)
{
	char name[SR_CONTROL_NAME], later[SR_CONTROL_NAME];
	struct sr_doom other = doom;
	sr_doom_name(&doom, name);
	cr_expect_str_eq(name, "doomed/0123456789abcdef/"
			       "0102000000000000000000000000000000000000000000000000000000000000/"
			       "03000000000000000000000000000000");
	other.doomed_ms++;
	memset(other.tag, 0, sizeof other.tag);
	sr_doom_name(&other, later);
	cr_expect_lt(strcmp(name, later), 0);
}

Test(control_rows, a_doomed_row_holds_for_its_name_alone)
{
	struct sr_keyring *keyring = fixed_keyring();
	char name[SR_CONTROL_NAME];
	uint8_t row[SR_ROW_MAX];
	struct sr_doom found;
	size_t size = sr_doom_row_seal(keyring, &doom, row);
	sr_doom_name(&doom, name);
	cr_assert_eq(sr_doom_row_open(keyring, text(name), (struct sr_span){row, size}, &found), SR_OK);
	cr_expect_eq(found.kind, doom.kind);
	cr_expect_eq(found.doomed_ms, doom.doomed_ms);
	cr_expect_arr_eq(found.tag, doom.tag, SR_TAG);
	cr_expect_arr_eq(found.recording, doom.recording, SR_UUID);
	for (size_t at = 0; name[at]; at++)
		for (int bit = 1; bit < 128; bit <<= 1) {
			name[at] = (char)(name[at] ^ bit);
			cr_expect_neq(sr_doom_row_open(keyring, text(name), (struct sr_span){row, size}, &found), SR_OK,
				      "byte %zu of the name", at);
			name[at] = (char)(name[at] ^ bit);
		}
	for (size_t at = 0; at < size; at++) {
		cr_expect_neq(sr_doom_row_open(keyring, text(name), (struct sr_span){row, at}, &found), SR_OK);
		row[at] ^= 1;
		cr_expect_neq(sr_doom_row_open(keyring, text(name), (struct sr_span){row, size}, &found), SR_OK);
		row[at] ^= 1;
	}
	sr_keyring_free(keyring);
}

Test(control_rows, an_unknown_kind_is_for_a_later_version)
{
	struct sr_keyring *keyring = fixed_keyring();
	char name[SR_CONTROL_NAME];
	uint8_t row[SR_ROW_MAX];
	struct sr_doom found;
	sr_doom_name(&doom, name);
	for (int kind = 0; kind < 256; kind++) {
		uint8_t byte = (uint8_t)kind;
		size_t size = sr_control_row_seal(keyring, name, (struct sr_span){&byte, 1}, row);
		enum sr_code code = sr_doom_row_open(keyring, text(name), (struct sr_span){row, size}, &found);
		cr_expect_eq(code, kind >= 1 && kind <= 4 ? SR_OK : SR_UNAVAILABLE, "kind %d", kind);
	}
	sr_keyring_free(keyring);
}

/* As many and as long as there may be. */
static void most_holds(struct sr_holds *holds)
{
	memset(holds, 0, sizeof *holds);
	holds->count = SR_HOLDS_MAX;
	for (size_t at = 0; at < SR_HOLDS_MAX; at++) {
		struct sr_hold *hold = &holds->list[at];
		hold->id[0] = (uint8_t)at;
		hold->placed_ms = at;
		hold->service_size = sizeof hold->service;
		hold->reason_size = sizeof hold->reason;
		memset(hold->service, 's', sizeof hold->service);
		memset(hold->reason, 'r', sizeof hold->reason);
	}
}

Test(control_rows, holds_come_back_and_damage_shows)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t subject[SR_TAG], row[SR_ROW_MAX], tag[SR_TAG] = {9};
	char name[SR_CONTROL_NAME];
	struct sr_holds holds, found;
	bool patient;
	most_holds(&holds);
	sr_hold_patient_name(tag, name);
	size_t size = sr_holds_row_seal(keyring, name, &holds, row);
	cr_assert_eq(sr_holds_row_open(keyring, name, (struct sr_span){row, size}, &found), SR_OK);
	cr_expect_eq(memcmp(&found, &holds, sizeof holds), 0);
	cr_expect(sr_hold_name_parse(text(name), &patient, subject));
	cr_expect(patient);
	cr_expect_arr_eq(subject, tag, SR_TAG);
	for (size_t at = 0; at < size; at++)
		cr_expect_eq(sr_holds_row_open(keyring, name, (struct sr_span){row, at}, &found), SR_CORRUPT);
	sr_hold_recording_name(tag, name);
	cr_expect_eq(sr_holds_row_open(keyring, name, (struct sr_span){row, size}, &found), SR_CORRUPT);
	cr_expect(sr_hold_name_parse(text(name), &patient, subject));
	cr_expect(!patient);
	name[0] = 'H';
	cr_expect(!sr_hold_name_parse(text(name), &patient, subject));
	cr_expect(!sr_hold_name_parse(text("hold/r/"), &patient, subject));
	cr_expect(!sr_hold_name_parse(text("hold/x/09000000000000000000000000000000"), &patient, subject));
	sr_keyring_free(keyring);
}

Test(control_rows, no_holds_and_too_many_are_no_row)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t row[SR_ROW_MAX], none = 0, many = SR_HOLDS_MAX + 1;
	struct sr_holds found;
	size_t size = sr_control_row_seal(keyring, "hold/r/00", (struct sr_span){&none, 1}, row);
	cr_expect_eq(sr_holds_row_open(keyring, "hold/r/00", (struct sr_span){row, size}, &found), SR_CORRUPT);
	size = sr_control_row_seal(keyring, "hold/r/00", (struct sr_span){&many, 1}, row);
	cr_expect_eq(sr_holds_row_open(keyring, "hold/r/00", (struct sr_span){row, size}, &found), SR_CORRUPT);
	sr_keyring_free(keyring);
}

Test(control_rows, an_erasure_comes_back)
{
	struct sr_keyring *keyring = fixed_keyring();
	struct sr_erased row = {.generation = {7}, .erased_ms = 8, .epoch = 9, .recordings = 10}, found;
	uint8_t bytes[SR_ROW_MAX], tag[SR_TAG] = {1};
	char name[SR_CONTROL_NAME];
	uint64_t number;
	sr_erased_name(tag, name);
	size_t size = sr_erased_row_seal(keyring, name, &row, bytes);
	cr_assert_eq(sr_erased_row_open(keyring, name, (struct sr_span){bytes, size}, &found), SR_OK);
	cr_expect_eq(memcmp(&row, &found, sizeof row), 0);
	for (size_t at = 0; at < size; at++)
		cr_expect_eq(sr_erased_row_open(keyring, name, (struct sr_span){bytes, at}, &found), SR_CORRUPT);
	size = sr_number_row_seal(keyring, SR_LEDGER_NAME, 77, bytes);
	cr_assert_eq(sr_number_row_open(keyring, SR_LEDGER_NAME, (struct sr_span){bytes, size}, &number), SR_OK);
	cr_expect_eq(number, 77u);
	cr_expect_eq(sr_number_row_open(keyring, SR_RESTORED_NAME, (struct sr_span){bytes, size}, &number), SR_CORRUPT);
	cr_expect_eq(number, 0u);
	sr_keyring_free(keyring);
}

Test(control_rows, a_line_of_the_ledger_holds_for_its_place_alone)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t bytes[SR_LEDGER_LINE];
	struct sr_ledger_line found;
	sr_ledger_line_seal(keyring, 5, &line, bytes);
	cr_assert_eq(sr_ledger_line_open(keyring, 5, bytes, &found), SR_OK);
	cr_expect_eq(found.kind, line.kind);
	cr_expect_eq(found.erased_ms, line.erased_ms);
	cr_expect_arr_eq(found.tag, line.tag, SR_TAG);
	cr_expect_arr_eq(found.subject, line.subject, SR_UUID);
	cr_expect_eq(sr_ledger_line_open(keyring, 4, bytes, &found), SR_CORRUPT);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_eq(sr_ledger_line_open(keyring, 5, bytes, &found), SR_CORRUPT, "bit %zu", bit);
		cr_expect(sodium_is_zero((const uint8_t *)&found.tag, sizeof found.tag));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	sr_keyring_free(keyring);
}
