/* What a writer keeps: every run of it equals a plain copy, whatever is added, dropped and asked for. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/retain.c"

#define MOST 300000u

/* The same as sr_retained, in the plainest way. */
static uint8_t bytes[MOST];
static uint64_t times[MOST];
static uint64_t length;

static void add(struct sr_retained *kept, size_t size, uint64_t media_ms)
{
	randombytes_buf(bytes + length, size);
	cr_assert(sr_retained_add(kept, bytes + length, size, media_ms));
	for (size_t i = 0; i < size; i++)
		times[length + i] = UINT64_MAX;
	if (size > 0)
		times[length] = media_ms;
	length += size;
}

/* Read all of it by runs of at most `most`. */
static void compare(const struct sr_retained *kept, uint64_t from, size_t most)
{
	const uint8_t *data;
	uint64_t media_ms;
	size_t size;
	for (uint64_t at = from; (size = sr_retained_run(kept, at, most, &data, &media_ms)) > 0; at += size) {
		cr_assert_leq(size, most);
		cr_assert_eq(media_ms, times[at]);
		cr_assert_eq(memcmp(data, bytes + at, size), 0);
		for (size_t i = 1; i < size; i++)
			cr_assert_eq(times[at + i], UINT64_MAX, "a time in the middle of a run");
		from = at + size;
	}
	cr_assert_eq(from, length);
}

Test(retain, any_mixture_of_adding_and_dropping_keeps_the_rest)
{
	struct sr_retained kept = {0};
	cr_assert_geq(sodium_init(), 0);
	length = 1000;
	sr_retained_start(&kept, 1000);
	while (length < MOST - 5000) {
		size_t size = randombytes_uniform(5000);
		add(&kept, size, randombytes_uniform(3) ? randombytes_uniform(1000) : UINT64_MAX);
		if (randombytes_uniform(3) == 0)
			sr_retained_drop(&kept, kept.from + randombytes_uniform((uint32_t)kept.size + 1));
		cr_assert_eq(kept.from + kept.size, length);
		compare(&kept, kept.from, 1 + randombytes_uniform(70000));
	}
	sr_retained_drop(&kept, length);
	compare(&kept, length, 1);
	cr_assert_leq(kept.capacity, 2 * MOST);
	sr_retained_clear(&kept);
	cr_assert_null(kept.ring);
}

Test(retain, more_times_than_are_kept_cost_their_times_alone)
{
	struct sr_retained kept = {0};
	const uint8_t *data;
	uint64_t media_ms;
	for (unsigned i = 0; i < SR_RETAINED_TIMES + 100; i++)
		cr_assert(sr_retained_add(&kept, (const uint8_t *)"x", 1, i));
	cr_assert_eq(kept.time_count, SR_RETAINED_TIMES);
	cr_assert_eq(sr_retained_run(&kept, SR_RETAINED_TIMES - 1, 1000, &data, &media_ms), 101);
	cr_assert_eq(media_ms, SR_RETAINED_TIMES - 1);
	cr_assert_eq(sr_retained_run(&kept, SR_RETAINED_TIMES + 100, 1, &data, &media_ms), 0);
	sr_retained_drop(&kept, SR_RETAINED_TIMES - 1);
	cr_assert_eq(kept.time_count, 1);
	sr_retained_clear(&kept);
}
