/*
 * Segment records, the chain, heads and manifest places: bytes, limits, and heads that open only where they belong.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "track.h"

static const uint8_t recording[SR_UUID] = {0x01, 0x8f, 0xa3, 0xc4, 0x5b, 0x6d, 0x7e, 0x8f,
					   0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07};
static const uint8_t head_key[SR_KEY] = {1, 2, 3};

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
}

TestSuite(track, .init = set_up);

static struct sr_segment_record some_record(void)
{
	struct sr_segment_record record = {.number = 0x01020304,
					   .offset = 0x05060708090a0b0c,
					   .length = 0x000d0e0f,
					   .media_time = 0x1011121314151617};

	memset(record.salt, 0xaa, sizeof record.salt);
	memset(record.commitment, 0xbb, sizeof record.commitment);
	return record;
}

static struct sr_head some_head(void)
{
	struct sr_head head = {.revision = 7, .state = SR_FINISHED, .segments = 9, .length = 12345};

	memset(head.chain, 0xcc, sizeof head.chain);
	return head;
}

static void assert_same_record(const struct sr_segment_record *a, const struct sr_segment_record *b)
{
	cr_assert_eq(a->number, b->number);
	cr_assert_eq(a->offset, b->offset);
	cr_assert_eq(a->length, b->length);
	cr_assert_eq(a->media_time, b->media_time);
	cr_assert_arr_eq(a->salt, b->salt, SR_SALT);
	cr_assert_arr_eq(a->commitment, b->commitment, SR_COMMITMENT);
}

static void assert_same_head(const struct sr_head *a, const struct sr_head *b)
{
	cr_assert_eq(a->revision, b->revision);
	cr_assert_eq(a->state, b->state);
	cr_assert_eq(a->segments, b->segments);
	cr_assert_eq(a->length, b->length);
	cr_assert_arr_eq(a->chain, b->chain, SR_CHAIN);
}

Test(track, a_record_is_80_frozen_bytes)
{
	struct sr_segment_record record = some_record(), back;
	uint8_t bytes[SR_SEGMENT_RECORD];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	struct sr_cursor in = sr_cursor_over(bytes, sizeof bytes);
	char hex[2 * SR_SEGMENT_RECORD + 1];

	sr_segment_record_encode(&out, &record);
	cr_assert(!out.failed && out.used == SR_SEGMENT_RECORD);
	sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
	cr_assert_str_eq(hex, "01020304"
			      "05060708090a0b0c"
			      "000d0e0f"
			      "1011121314151617"
			      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	sr_segment_record_decode(&in, &back);
	cr_assert(sr_take_done(&in));
	assert_same_record(&record, &back);
}

Test(track, a_record_keeps_to_its_limits)
{
	static const struct {
		uint64_t offset;
		uint32_t length;
		bool valid;
	} cases[] = {
		{0, 0, false},
		{0, 1, true},
		{0, SR_SEGMENT_MAX, true},
		{0, SR_SEGMENT_MAX + 1, false},
		{0, UINT32_MAX, false},
		{(UINT64_C(1) << 63) - 1, 1, true},
		{(UINT64_C(1) << 63) - 1, 2, false},
		{UINT64_C(1) << 63, 1, false},
		{UINT64_MAX, 1, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sr_segment_record record = some_record(), back;
		uint8_t bytes[SR_SEGMENT_RECORD];
		struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
		struct sr_cursor in = sr_cursor_over(bytes, sizeof bytes);

		record.offset = cases[i].offset;
		record.length = cases[i].length;
		sr_segment_record_encode(&out, &record);
		sr_segment_record_decode(&in, &back);
		cr_assert_eq(sr_take_done(&in), cases[i].valid, "case %zu", i);
	}
}

Test(track, the_chain_is_sha_512_over_what_came_before_and_the_record)
{
	struct sr_segment_record record = some_record();
	uint8_t chain[SR_CHAIN], expected[SR_CHAIN], link[SR_CHAIN + SR_SEGMENT_RECORD];
	struct sr_builder out = sr_builder_over(link, sizeof link);
	uint8_t start[] = "sealreel v1 chain\0"
			  "................"
			  "\x01\x02";

	memcpy(start + 18, recording, SR_UUID);
	sr_chain_start(recording, 0x0102, chain);
	crypto_hash_sha512(expected, start, sizeof start - 1);
	cr_assert_arr_eq(chain, expected, SR_CHAIN);

	sr_put_bytes(&out, chain, SR_CHAIN);
	sr_segment_record_encode(&out, &record);
	crypto_hash_sha512(expected, link, sizeof link);
	sr_chain_extend(chain, &record);
	cr_assert_arr_eq(chain, expected, SR_CHAIN);
}

Test(track, each_field_of_a_record_and_the_order_reach_the_chain)
{
	struct sr_segment_record first = some_record(), second = first;
	uint8_t one[SR_CHAIN], other[SR_CHAIN];

	second.number++;
	sr_chain_start(recording, 1, one);
	sr_chain_start(recording, 1, other);
	sr_chain_extend(one, &first);
	sr_chain_extend(one, &second);
	sr_chain_extend(other, &second);
	sr_chain_extend(other, &first);
	cr_assert_arr_neq(one, other, SR_CHAIN);
	sr_chain_start(recording, 2, other);
	sr_chain_extend(other, &first);
	sr_chain_extend(other, &second);
	cr_assert_arr_neq(one, other, SR_CHAIN);
}

Test(track, a_head_is_85_frozen_bytes)
{
	struct sr_head head = some_head(), back;
	uint8_t bytes[SR_HEAD];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	struct sr_cursor in = sr_cursor_over(bytes, sizeof bytes);
	char hex[2 * 21 + 1];

	sr_head_encode(&out, &head);
	cr_assert(!out.failed && out.used == SR_HEAD);
	sodium_bin2hex(hex, sizeof hex, bytes, 21);
	cr_assert_str_eq(hex, "0000000000000007"
			      "02"
			      "00000009"
			      "0000000000003039");
	cr_assert_arr_eq(bytes + 21, head.chain, SR_CHAIN);
	sr_head_decode(&in, &back);
	cr_assert(sr_take_done(&in));
	assert_same_head(&head, &back);
}

Test(track, a_head_has_one_of_two_states_and_a_length_that_cannot_wrap)
{
	uint8_t bytes[SR_HEAD] = {0};
	struct sr_head head;

	for (unsigned state = 0; state < 256; state++) {
		struct sr_cursor in = sr_cursor_over(bytes, sizeof bytes);

		bytes[8] = (uint8_t)state;
		sr_head_decode(&in, &head);
		cr_assert_eq(sr_take_done(&in), state == SR_UNFINISHED || state == SR_FINISHED, "%u", state);
	}
	bytes[8] = SR_FINISHED;
	for (unsigned top = 0; top < 256; top++) {
		struct sr_cursor in = sr_cursor_over(bytes, sizeof bytes);

		bytes[13] = (uint8_t)top;
		sr_head_decode(&in, &head);
		cr_assert_eq(sr_take_done(&in), top <= 0x80, "%u", top);
	}
}

Test(track, a_sealed_head_opens_where_it_was_sealed_and_nowhere_else)
{
	struct sr_head head = some_head(), back;
	uint8_t sealed[SR_HEAD_SEALED], other_key[SR_KEY] = {1, 2, 4}, other_recording[SR_UUID];

	memcpy(other_recording, recording, SR_UUID);
	other_recording[15] ^= 1;
	cr_assert_eq(sr_head_seal(head_key, recording, 3, &head, sealed), SR_OK);
	cr_assert_eq(sr_head_open(head_key, recording, 3, sealed, &back), SR_OPENED);
	assert_same_head(&head, &back);
	cr_assert_eq(sr_head_open(other_key, recording, 3, sealed, &back), SR_OTHER_KEY);
	cr_assert_eq(sr_head_open(head_key, other_recording, 3, sealed, &back), SR_OTHER_KEY);
	cr_assert_eq(sr_head_open(head_key, recording, 4, sealed, &back), SR_OTHER_KEY);
}

Test(track, a_head_key_that_is_taken_in_opens_the_same)
{
	struct sr_head head = some_head(), back;
	struct sr_input *input = sr_input_new(head_key);
	uint8_t sealed[SR_HEAD_SEALED];

	cr_assert_not_null(input);
	cr_assert_eq(sr_head_seal(head_key, recording, 3, &head, sealed), SR_OK);
	cr_assert_eq(sr_head_open_with(input, recording, 4, sealed, &back), SR_OTHER_KEY);
	cr_assert_eq(sr_head_open_with(input, recording, 3, sealed, &back), SR_OPENED);
	assert_same_head(&head, &back);
	sealed[SR_HEAD_SEALED - 1] ^= 1;
	cr_assert_eq(sr_head_open_with(input, recording, 3, sealed, &back), SR_DAMAGED);
	cr_assert_eq(back.length, 0);
	sr_input_free(input);
}

Test(track, a_sealed_head_opens_with_no_bit_flipped)
{
	struct sr_head head = some_head(), back;
	uint8_t sealed[SR_HEAD_SEALED];

	cr_assert_eq(sr_head_seal(head_key, recording, 3, &head, sealed), SR_OK);
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_neq(sr_head_open(head_key, recording, 3, sealed, &back), SR_OPENED, "bit %zu", bit);
		cr_assert_eq(back.length, 0);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_eq(sr_head_open(head_key, recording, 3, sealed, &back), SR_OPENED);
}

Test(track, a_sealed_head_that_makes_no_sense_is_damaged)
{
	struct sr_head head = some_head(), back;
	uint8_t sealed[SR_HEAD_SEALED];

	head.length = UINT64_MAX;
	cr_assert_eq(sr_head_seal(head_key, recording, 3, &head, sealed), SR_OK);
	cr_assert_eq(sr_head_open(head_key, recording, 3, sealed, &back), SR_DAMAGED);
}

Test(track, a_manifest_place_is_90_bytes_and_whole)
{
	struct sr_segment_place place = {.record = some_record(), .file = 0x0102, .position = 0x030405060708090a}, back;
	uint8_t bytes[SR_MANIFEST_RECORD];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	char hex[21];

	sr_segment_place_encode(&out, &place);
	cr_assert(!out.failed && out.used == SR_MANIFEST_RECORD);
	sodium_bin2hex(hex, sizeof hex, bytes + SR_SEGMENT_RECORD, 10);
	cr_assert_str_eq(hex, "0102030405060708090a");
	for (size_t size = 0; size <= sizeof bytes; size++) {
		struct sr_cursor in = sr_cursor_over(bytes, size);

		sr_segment_place_decode(&in, &back);
		cr_assert_eq(sr_take_done(&in), size == sizeof bytes, "%zu", size);
	}
	assert_same_record(&place.record, &back.record);
	cr_assert_eq(back.file, place.file);
	cr_assert_eq(back.position, place.position);
}
