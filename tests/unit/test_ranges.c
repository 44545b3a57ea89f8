/* Ranges of tracks merged where they touch: held to a plain picture of bytes. */
#include "serve/play/ranges.h"

#include <criterion/criterion.h>
#include <string.h>

#define BYTES 24
#define TRACKS 2

static bool add(struct sr_ranges *ranges, uint16_t track, uint64_t from, uint64_t to)
{
	struct sr_range range = {.track = track, .from = from, .to = to};
	return sr_ranges_add(ranges, &range);
}

/* The picture that the ranges give; true if no two of them touch. */
static bool draw(const struct sr_ranges *ranges, bool picture[TRACKS][BYTES])
{
	bool apart = true;
	memset(picture, 0, sizeof(bool[TRACKS][BYTES]));
	for (unsigned at = 0; at < ranges->count; at++) {
		const struct sr_range *range = &ranges->list[at];
		apart = apart && range->from < range->to;
		for (uint64_t byte = range->from; byte < range->to; byte++) {
			apart = apart && !picture[range->track][byte];
			picture[range->track][byte] = true;
		}
		for (unsigned other = 0; other < ranges->count; other++)
			apart = apart && (other == at || ranges->list[other].track != range->track ||
					  ranges->list[other].to != range->from);
	}
	return apart;
}

/* Every pair of ranges, added to every third one, on one track and on two. */
Test(ranges, any_three_are_the_bytes_they_are)
{
	enum { SMALL = 5 };
	uint64_t ends[SMALL * SMALL][2];
	size_t count = 0;
	for (uint64_t from = 0; from < SMALL; from++)
		for (uint64_t to = from; to < SMALL; to++, count++)
			ends[count][0] = from, ends[count][1] = to;
	for (size_t pick = 0; pick < count * count * count * TRACKS; pick++) {
		size_t which[] = {pick % count, pick / count % count, pick / count / count % count};
		struct sr_ranges ranges = {.count = 0};
		bool wanted[TRACKS][BYTES] = {{false}}, found[TRACKS][BYTES];
		for (size_t at = 0; at < 3; at++) {
			uint16_t track = at == 1 && pick >= count * count * count;
			cr_assert(add(&ranges, track, ends[which[at]][0], ends[which[at]][1]));
			for (uint64_t byte = ends[which[at]][0]; byte < ends[which[at]][1]; byte++)
				wanted[track][byte] = true;
		}
		cr_assert(draw(&ranges, found), "pick %zu: two of them touch", pick);
		cr_assert_arr_eq(found, wanted, sizeof wanted, "pick %zu", pick);
	}
}

Test(ranges, bytes_of_all_of_them_are_counted_once)
{
	struct sr_ranges ranges = {.count = 0};
	cr_assert(add(&ranges, 1, 0, 10) && add(&ranges, 1, 5, 20) && add(&ranges, 2, 0, 3));
	cr_expect_eq(sr_ranges_bytes(&ranges), 23);
}

Test(ranges, a_full_list_takes_what_it_can_merge_and_nothing_else)
{
	struct sr_ranges ranges = {.count = 0};
	for (uint64_t at = 0; at < SR_RANGES_MAX; at++)
		cr_assert(add(&ranges, 1, 4 * at, 4 * at + 2));
	struct sr_ranges before = ranges;
	cr_expect_not(add(&ranges, 1, 4 * SR_RANGES_MAX, 4 * SR_RANGES_MAX + 1));
	cr_expect_not(add(&ranges, 2, 0, 2));
	cr_expect_arr_eq(&ranges, &before, sizeof before, "a refusal changes nothing");
	cr_expect(add(&ranges, 1, 7, 7), "nothing always fits");
	cr_expect(add(&ranges, 1, 2, 4), "what joins two makes room");
	cr_expect_eq(ranges.count, SR_RANGES_MAX - 1);
	cr_expect(add(&ranges, 2, 0, 2));
}

Test(ranges, times_are_those_of_the_outermost_ends)
{
	const struct sr_range early = {1, 0, 10, true, 100, 200}, late = {1, 10, 20, true, 200, 300};
	const struct sr_range inner = {1, 5, 8, true, 150, 170}, untimed = {1, 20, 30, false, 0, 0};
	struct sr_ranges ranges = {.count = 0};
	cr_assert(sr_ranges_add(&ranges, &late) && sr_ranges_add(&ranges, &early) && sr_ranges_add(&ranges, &inner));
	cr_assert_eq(ranges.count, 1);
	cr_expect(ranges.list[0].timed);
	cr_expect_eq(ranges.list[0].media_from, 100);
	cr_expect_eq(ranges.list[0].media_to, 300);
	cr_assert(sr_ranges_add(&ranges, &untimed));
	cr_expect_not(ranges.list[0].timed, "when the end is not known");
}
