/*
 * Bounded reading and writing: every boundary, and that a failure latches and touches nothing.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "error.h"

static const uint8_t sixteen[16] = {0x81, 0x02, 0x83, 0x04, 0x85, 0x06, 0x87, 0x08,
				    0x89, 0x0a, 0x8b, 0x0c, 0x8d, 0x0e, 0x8f, 0x10};

/* The first `size` bytes on the heap, so that a read past them is seen by a sanitizer. */
static uint8_t *first(size_t size)
{
	uint8_t *data = malloc(size == 0 ? 1 : size);

	cr_assert_not_null(data);
	memcpy(data, sixteen, size);
	return data;
}

Test(cursor, numbers_are_big_endian)
{
	struct sr_cursor in = sr_cursor_over(sixteen, 15);

	cr_assert_eq(sr_take_u8(&in), 0x81);
	cr_assert_eq(sr_take_u16(&in), 0x0283);
	cr_assert_eq(sr_take_u32(&in), 0x04850687);
	cr_assert_eq(sr_take_u64(&in), UINT64_C(0x08890a8b0c8d0e8f));
	cr_assert(sr_take_done(&in));
}

Test(cursor, numbers_keep_their_top_bit)
{
	struct sr_cursor in = sr_cursor_over(sixteen, sizeof sixteen);

	cr_assert_eq(sr_take_u64(&in), UINT64_C(0x8102830485068708));
	cr_assert_eq(sr_take_u32(&in), 0x890a8b0cu);
	cr_assert_eq(sr_take_u16(&in), 0x8d0e);
	cr_assert_not(sr_take_done(&in), "two bytes are left");
	cr_assert_eq(in.left, 2);
}

Test(cursor, short_input_latches_at_every_length)
{
	for (size_t size = 0; size < 8; size++) {
		uint8_t *data = first(size);
		struct sr_cursor in = sr_cursor_over(data, size);

		cr_assert_eq(sr_take_u64(&in), 0);
		cr_assert(in.failed);
		cr_assert_eq(sr_take_u8(&in), 0, "a byte was there, but the failure came first");
		cr_assert_not(sr_take_done(&in));
		in = sr_cursor_over(data, size);
		(void)sr_take_u32(&in);
		cr_assert_eq(in.failed, size < 4);
		in = sr_cursor_over(data, size);
		(void)sr_take_u16(&in);
		cr_assert_eq(in.failed, size < 2);
		in = sr_cursor_over(data, size);
		(void)sr_take_u8(&in);
		cr_assert_eq(in.failed, size < 1);
		free(data);
	}
}

Test(cursor, copies_and_spans_at_every_length)
{
	for (size_t size = 0; size <= sizeof sixteen; size++) {
		uint8_t *data = first(size);

		for (size_t want = 0; want <= sizeof sixteen; want++) {
			static const uint8_t zeros[sizeof sixteen];
			uint8_t copy[sizeof sixteen];
			struct sr_cursor in = sr_cursor_over(data, size);
			struct sr_span span;

			memset(copy, 0xee, sizeof copy);
			sr_take_copy(&in, copy, want);
			cr_assert_eq(in.failed, want > size);
			cr_assert_arr_eq(copy, want > size ? zeros : sixteen, want);
			cr_assert(want == sizeof copy || copy[want] == 0xee, "one byte too many");
			in = sr_cursor_over(data, size);
			span = sr_take_span(&in, want);
			cr_assert_eq(in.failed, want > size);
			cr_assert_eq(span.size, want > size ? 0 : want);
			cr_assert_eq(span.data, want > size ? NULL : data);
		}
		free(data);
	}
}

Test(cursor, sizes_that_would_wrap_are_refused)
{
	struct sr_cursor in = sr_cursor_over(sixteen, sizeof sixteen);
	uint8_t room[4];
	struct sr_builder out = sr_builder_over(room, sizeof room);

	(void)sr_take_u8(&in);
	cr_assert_eq(sr_take_span(&in, SIZE_MAX).size, 0);
	cr_assert(in.failed);
	sr_put_u8(&out, 1);
	cr_assert_null(sr_put_room(&out, SIZE_MAX));
	cr_assert(out.failed);
	cr_assert_eq(out.used, 1);
}

Test(cursor, fields_hold_to_their_length)
{
	for (size_t length = 0; length <= 8; length++) {
		for (size_t size = 0; size <= 8; size++) {
			uint8_t *data = first(size);
			struct sr_cursor in;
			struct sr_span field;
			bool fits = size >= 2 && length <= size - 2 && length <= 4;

			if (size > 0)
				data[0] = 0;
			if (size > 1)
				data[1] = (uint8_t)length;
			in = sr_cursor_over(data, size);
			field = sr_take_field(&in, 4);
			cr_assert_eq(in.failed, !fits, "length %zu in %zu bytes", length, size);
			cr_assert_eq(field.size, fits ? length : 0);
			cr_assert_eq(field.data, fits ? data + 2 : NULL);
			free(data);
		}
	}
}

Test(cursor, a_field_uses_both_bytes_of_its_length)
{
	uint8_t data[2 + 0x0102] = {0x01, 0x02};
	struct sr_cursor in = sr_cursor_over(data, sizeof data);

	cr_assert_eq(sr_take_field(&in, UINT16_MAX).size, 0x0102);
	cr_assert(sr_take_done(&in));
}

Test(cursor, the_rest_and_a_callers_own_failure)
{
	struct sr_cursor in = sr_cursor_over(sixteen, sizeof sixteen);
	struct sr_span rest;

	(void)sr_take_u32(&in);
	rest = sr_take_rest(&in);
	cr_assert_eq(rest.data, sixteen + 4);
	cr_assert_eq(rest.size, 12);
	cr_assert(sr_take_done(&in));
	cr_assert_eq(sr_take_rest(&in).size, 0);
	cr_assert(sr_take_done(&in), "an empty rest is no failure");
	sr_take_fail(&in);
	cr_assert_not(sr_take_done(&in));
}

Test(cursor, nothing_at_all_is_a_whole_input)
{
	struct sr_cursor in = sr_cursor_over(NULL, 0);

	cr_assert(sr_take_done(&in));
	cr_assert_eq(sr_take_rest(&in).size, 0);
	cr_assert(sr_take_done(&in));
	cr_assert_eq(sr_take_u8(&in), 0);
	cr_assert_not(sr_take_done(&in));
}

static void put_everything(struct sr_builder *out)
{
	sr_put_u8(out, 0x81);
	sr_put_u16(out, 0x0283);
	sr_put_u32(out, 0x04850687);
	sr_put_u64(out, UINT64_C(0x08890a8b0c8d0e8f));
	sr_put_bytes(out, "ab", 2);
	sr_put_field(out, "xyz", 3);
	sr_put_field(out, NULL, 0);
}

static const uint8_t everything[] = {0x81, 0x02, 0x83, 0x04, 0x85, 0x06, 0x87, 0x08, 0x89, 0x0a, 0x8b, 0x0c,
				     0x8d, 0x0e, 0x8f, 'a',  'b',  0,    3,    'x',  'y',  'z',  0,    0};

Test(cursor, a_builder_stops_at_every_capacity)
{
	/* Where each put ends: what does not fit whole must leave nothing of itself. */
	static const size_t ends[] = {0, 1, 3, 7, 15, 17, 22, 24};

	for (size_t capacity = 0; capacity <= sizeof everything; capacity++) {
		uint8_t *data = malloc(capacity == 0 ? 1 : capacity);
		struct sr_builder out = sr_builder_over(data, capacity);
		size_t used = 0;

		cr_assert_not_null(data);
		memset(data, 0xee, capacity);
		for (size_t i = 0; i < sizeof ends / sizeof ends[0] && ends[i] <= capacity; i++)
			used = ends[i];
		put_everything(&out);
		cr_assert_eq(out.failed, capacity < sizeof everything);
		cr_assert_eq(out.used, used);
		cr_assert_arr_eq(data, everything, used);
		for (size_t i = used; i < capacity; i++)
			cr_assert_eq(data[i], 0xee, "byte %zu of %zu was written", i, capacity);
		free(data);
	}
}

Test(cursor, a_field_is_at_most_65535_bytes)
{
	static const uint8_t zeros[65536];
	static uint8_t data[2 + 65536];
	struct sr_builder out = sr_builder_over(data, sizeof data);

	sr_put_field(&out, zeros, 65536);
	cr_assert(out.failed);
	cr_assert_eq(out.used, 0);
	out = sr_builder_over(data, sizeof data);
	sr_put_field(&out, zeros, 65535);
	cr_assert_not(out.failed);
	cr_assert_eq(out.used, 65537);
	cr_assert_eq(data[0], 0xff);
	cr_assert_eq(data[1], 0xff);
}

Test(cursor, room_is_filled_in_place)
{
	uint8_t data[8] = {0};
	struct sr_builder out = sr_builder_over(data, sizeof data);
	uint8_t *room;

	sr_put_u8(&out, 1);
	room = sr_put_room(&out, 7);
	cr_assert_eq(room, data + 1);
	cr_assert_null(sr_put_room(&out, 1));
	cr_assert(out.failed);
	cr_assert_eq(out.used, 8);
}

Test(error, every_code_has_a_name_of_its_own)
{
	for (int code = 0; code < SR_CODES; code++) {
		const char *name = sr_code_name((enum sr_code)code);

		cr_assert_not_null(name, "code %d", code);
		for (int other = 0; other < code; other++)
			cr_assert_str_neq(name, sr_code_name((enum sr_code)other));
	}
	cr_assert_str_eq(sr_code_name(SR_OK), "ok");
	cr_assert_str_eq(sr_code_name(SR_NOT_FOUND), "not_found");
	cr_assert_str_eq(sr_code_name((enum sr_code)SR_CODES), "internal");
	cr_assert_str_eq(sr_code_name((enum sr_code) - 1), "internal");
}

Test(error, a_failure_carries_code_place_and_text)
{
	struct sr_error err;
	int line = __LINE__ + 1;
	enum sr_code code = SR_FAIL(&err, SR_BUSY, "try %d", 7);

	cr_assert_eq(code, SR_BUSY);
	cr_assert_eq(err.code, SR_BUSY);
	cr_assert_eq(err.line, line);
	cr_assert_str_eq(err.file, __FILE__);
	cr_assert_str_eq(err.text, "try 7");
	cr_assert_eq(SR_FAIL(&err, SR_IO, "after: %s", err.text), SR_IO);
	cr_assert_str_eq(err.text, "after: try 7");
	cr_assert_eq(SR_FAIL(NULL, SR_DENIED, "kept nowhere"), SR_DENIED);
}

Test(error, a_long_text_is_cut)
{
	struct sr_error err;

	(void)SR_FAIL(&err, SR_IO, "%0*d", 2 * SR_ERROR_TEXT_MAX, 1);
	cr_assert_eq(strlen(err.text), SR_ERROR_TEXT_MAX - 1);
}
