/*
 * Recording ids: what is made, what is recognised, what is read as text.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "uuid.h"

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
}

TestSuite(uuid, .init = set_up);

static const uint8_t known[SR_UUID] = {0x01, 0x8f, 0xa3, 0xc4, 0x5b, 0x6d, 0x7e, 0x8f,
				       0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07};
static const char known_text[] = "018fa3c4-5b6d-7e8f-90a1-b2c3d4e5f607";

Test(uuid, made_ones_carry_time_version_and_variant)
{
	uint8_t first[SR_UUID], second[SR_UUID];

	sr_uuid7(UINT64_C(0xffff018fa3c45b6d), first);
	sr_uuid7(UINT64_C(0x018fa3c45b6d), second);
	cr_assert_arr_eq(first, known, 6, "only 48 bits of the time are used");
	cr_assert_arr_eq(second, known, 6);
	cr_assert(sr_uuid_is_v7(first));
	cr_assert(sr_uuid_is_v7(second));
	cr_assert_arr_neq(first, second, SR_UUID, "the rest is random");
}

Test(uuid, only_version_7_of_the_rfcs_variant_is_v7)
{
	uint8_t id[SR_UUID] = {0};

	for (unsigned version = 0; version < 256; version++) {
		for (unsigned variant = 0; variant < 256; variant++) {
			id[6] = (uint8_t)version;
			id[8] = (uint8_t)variant;
			cr_assert_eq(sr_uuid_is_v7(id), version / 16 == 7 && variant / 64 == 2, "%u %u", version,
				     variant);
		}
	}
}

Test(uuid, text_is_canonical_and_reads_back_in_either_case)
{
	static const char upper[] = "018FA3C4-5B6D-7E8F-90A1-B2C3D4E5F607";
	char text[SR_UUID_TEXT];
	uint8_t id[SR_UUID];

	sr_uuid_format(known, text);
	cr_assert_str_eq(text, known_text);
	cr_assert(sr_uuid_parse(text, strlen(text), id));
	cr_assert_arr_eq(id, known, SR_UUID);
	cr_assert(sr_uuid_parse(upper, strlen(upper), id));
	cr_assert_arr_eq(id, known, SR_UUID);
}

Test(uuid, no_other_length_is_read)
{
	static const uint8_t zeros[SR_UUID];
	char longer[SR_UUID_TEXT + 1];
	uint8_t id[SR_UUID];

	(void)snprintf(longer, sizeof longer, "%s0", known_text);
	for (size_t size = 0; size <= SR_UUID_TEXT; size++) {
		memset(id, 0xff, sizeof id);
		cr_assert_eq(sr_uuid_parse(longer, size, id), size == SR_UUID_TEXT - 1, "%zu", size);
		if (size != SR_UUID_TEXT - 1)
			cr_assert_arr_eq(id, zeros, SR_UUID);
	}
}

Test(uuid, every_character_is_what_its_place_allows)
{
	for (size_t at = 0; at < SR_UUID_TEXT - 1; at++) {
		for (int c = 0; c < 256; c++) {
			bool hyphen = known_text[at] == '-';
			bool valid = hyphen ? c == '-' : c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
			char text[SR_UUID_TEXT];
			uint8_t id[SR_UUID];

			memcpy(text, known_text, sizeof text);
			text[at] = (char)c;
			cr_assert_eq(sr_uuid_parse(text, SR_UUID_TEXT - 1, id), valid, "%d at %zu", c, at);
		}
	}
}
