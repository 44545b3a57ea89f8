/*
 * What a writer has not sealed yet: all of it, in order, in blocks that are full but for the last.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>

#include "serve/record/writer_internal.h"

#define MOST (5 * SR_CHUNK)

static uint8_t bytes[MOST];

static void set_up(void)
{
	randombytes_buf(bytes, sizeof bytes);
}

TestSuite(writer_buffer, .init = set_up);

static void add(struct sr_write_buffer *buffer, size_t from, size_t to, uint64_t media_time)
{
	cr_assert(sr_write_buffer_add(buffer, (struct sr_span){bytes + from, to - from}, media_time));
}

/* It holds exactly bytes `from` to `to`. */
static void assert_holds(const struct sr_write_buffer *buffer, size_t from, size_t to)
{
	size_t blocks = 0, at = from;

	for (const struct sr_write_block *block = buffer->first; block != NULL; block = block->next, blocks++) {
		cr_assert_leq(block->used, to - at);
		cr_assert_arr_eq(block->bytes, bytes + at, block->used);
		cr_assert(block->next == NULL || block->used == SR_CHUNK, "a gap in the middle");
		cr_assert(block->next != NULL || block == buffer->last);
		at += block->used;
	}
	cr_assert_eq(at, to);
	cr_assert_eq(buffer->used, to - from);
	cr_assert_eq(buffer->blocks, blocks);
	cr_assert(from != to || (buffer->first == NULL && buffer->last == NULL));
}

Test(writer_buffer, holds_what_came_however_it_came)
{
	static const size_t at_once[] = {1000, SR_CHUNK - 1, SR_CHUNK, SR_CHUNK + 1, 3 * SR_CHUNK, MOST};

	for (size_t i = 0; i < sizeof at_once / sizeof at_once[0]; i++) {
		struct sr_write_buffer buffer = {0};

		for (size_t at = 0; at < MOST;) {
			size_t next = MOST - at < at_once[i] ? MOST : at + at_once[i];

			add(&buffer, at, next, at);
			at = next;
			assert_holds(&buffer, 0, at);
			cr_assert_eq(buffer.media_time, 0u, "the first byte's");
		}
		sr_write_buffer_clear(&buffer);
		assert_holds(&buffer, 0, 0);
	}
}

Test(writer_buffer, a_job_that_closes_takes_all)
{
	struct sr_write_buffer buffer = {0}, taken;

	add(&buffer, 0, SR_CHUNK + 1, 5);
	sr_write_buffer_take(&buffer, false, &taken);
	assert_holds(&taken, 0, SR_CHUNK + 1);
	cr_expect_eq(taken.media_time, 5u);
	assert_holds(&buffer, 0, 0);
	add(&buffer, 7, 9, 6);
	assert_holds(&buffer, 7, 9);
	cr_expect_eq(buffer.media_time, 6u);
	sr_write_buffer_clear(&taken);
	sr_write_buffer_take(&buffer, false, &taken);
	sr_write_buffer_clear(&taken);
	/* Of nothing, nothing. */
	sr_write_buffer_take(&buffer, false, &taken);
	assert_holds(&taken, 0, 0);
}

Test(writer_buffer, another_takes_whole_blocks_and_leaves_the_rest_in_order)
{
	for (size_t rest = 0; rest < 3; rest++) {
		struct sr_write_buffer buffer = {0}, taken;

		add(&buffer, 0, 2 * SR_CHUNK + rest, 5);
		sr_write_buffer_take(&buffer, true, &taken);
		assert_holds(&taken, 0, 2 * SR_CHUNK);
		cr_expect_eq(taken.media_time, 5u);
		assert_holds(&buffer, 2 * SR_CHUNK, 2 * SR_CHUNK + rest);
		/* Whose time that of what is left is, nobody knows; that of what comes into an empty one, everybody. */
		add(&buffer, 2 * SR_CHUNK + rest, MOST, 6);
		cr_expect_eq(buffer.media_time, rest == 0 ? 6u : SR_NO_MEDIA_TIME);
		assert_holds(&buffer, 2 * SR_CHUNK, MOST);
		sr_write_buffer_clear(&buffer);
		sr_write_buffer_clear(&taken);
	}
}

Test(writer_buffer, what_a_job_has_wiped_is_freed_and_counts_no_more)
{
	struct sr_write_buffer buffer = {0};

	add(&buffer, 0, 2 * SR_CHUNK + 1, 5);
	for (struct sr_write_block *block = buffer.first; block != NULL; block = block->next)
		block->used = 0;
	sr_write_buffer_clear(&buffer);
	assert_holds(&buffer, 0, 0);
	add(&buffer, 7, 9, 6);
	assert_holds(&buffer, 7, 9);
	sr_write_buffer_clear(&buffer);
}
