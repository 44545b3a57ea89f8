/* How many different ones there were lately: held against a plain list, at and past every bound. */
#include "access/crowd.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sr_crowd *crowd;
static const struct sr_rate three = {.most = 3, .minutes = 1};

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
	crowd = sr_crowd_new();
	cr_assert_not_null(crowd);
}

static void tear_down(void)
{
	sr_crowd_free(crowd);
}

TestSuite(crowd, .init = set_up, .fini = tear_down);

static bool see(const char *key, unsigned member, const struct sr_rate *rate, uint64_t now)
{
	uint8_t bytes[SR_CROWD_MEMBER] = {0};

	memcpy(bytes, &member, sizeof member);
	return sr_crowd_see(crowd, key, strlen(key), bytes, rate, now);
}

Test(crowd, only_different_ones_count_and_only_past_the_rate)
{
	for (unsigned round = 0; round < 3; round++)
		for (unsigned member = 1; member <= 3; member++)
			cr_expect_not(see("a", member, &three, round));
	cr_expect(see("a", 4, &three, 3), "the fourth");
	cr_expect_not(see("a", 4, &three, 3), "it is no new one");
	cr_expect(see("a", 5, &three, 3), "each further one is heard");
	cr_expect_not(see("b", 5, &three, 3), "another key has its own");
}

Test(crowd, what_is_older_than_the_window_no_longer_counts)
{
	for (unsigned member = 1; member <= 3; member++)
		(void)see("a", member, &three, member);
	cr_expect_not(see("a", 4, &three, 60002), "the first is over");
	cr_expect(see("a", 5, &three, 60002));
	cr_expect_not(see("a", 1, &three, 180000), "all are over, and who was seen once is new again");
}

Test(crowd, a_rate_of_none_watches_nothing)
{
	const struct sr_rate none = {0, 0};

	for (unsigned member = 0; member < 2000; member++)
		cr_expect_not(see("a", member, &none, 0));
}

/* The greatest rate, exactly; then random sights against a plain list of times. */
Test(crowd, agrees_with_a_plain_list)
{
	const struct sr_rate most = {.most = SR_CROWD_LIMIT_MAX, .minutes = 1440};
	static uint64_t seen[64]; /* when, and 1 more; 0: never */
	uint64_t now = 0;

	for (unsigned member = 0; member < SR_CROWD_LIMIT_MAX; member++)
		cr_assert_not(see("most", member, &most, 0));
	cr_assert(see("most", SR_CROWD_LIMIT_MAX, &most, 0));
	srand(7);
	for (unsigned turn = 0; turn < 20000; turn++) {
		unsigned member = (unsigned)rand() % 64, different = 0;
		bool fresh;

		now += (unsigned)rand() % 10000;
		uint64_t since = now > 60000 ? now - 60000 : 0;
		fresh = seen[member] == 0 || seen[member] - 1 < since;
		seen[member] = now + 1;
		for (unsigned at = 0; at < 64; at++)
			different += seen[at] != 0 && seen[at] - 1 >= since;
		cr_assert_eq(see("list", member, &three, now), fresh && different > 3, "turn %u", turn);
	}
}

/* More keys than there are places, each with as many members as may be: bounded, and it goes on. */
Test(crowd, more_than_it_can_hold_makes_it_forget)
{
	const struct sr_rate rate = {.most = 100, .minutes = 1440};
	char key[16];

	for (unsigned at = 0; at < 3 * SR_CROWD_KEYS; at++) {
		snprintf(key, sizeof key, "%u", at);
		for (unsigned member = 0; member < 40; member++)
			cr_assert_not(see(key, member, &rate, at));
	}
	for (unsigned member = 0; member < 100; member++)
		cr_assert_not(see("late", member, &rate, 20000));
	cr_expect(see("late", 100, &rate, 20000));
}
