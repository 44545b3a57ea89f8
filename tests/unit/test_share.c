/*
 * What uploads may take beside calls: nothing is held back without need, a late call halves it, and it comes back.
 */
#include <criterion/criterion.h>

#include "serve/record/share.h"

#define MIB ((uint64_t)1 << 20)
#define TICK 25
#define TOLERATED 60

/* A share in use, and its time. */
struct scene {
	struct sr_share share;
	struct sr_share_look look;
};

static struct scene begin(unsigned calls)
{
	return (struct scene){{.rate = SR_SHARE_ALL, .looked = 5000}, {5000, calls, 0, TOLERATED}};
}

/* Let `ms` pass, with calls that are late by so much, and uploads that bring `brought` bytes a second, if they may. */
static void pass(struct scene *scene, uint64_t ms, uint64_t late, uint64_t brought)
{
	scene->look.late = late;
	for (uint64_t over = 0; over < ms; over += TICK) {
		uint64_t may = sr_share_part(&scene->share, scene->look.now + TICK, 1);
		uint64_t want = brought * TICK / 1000;
		scene->share.taken += want < may ? want : may;
		scene->look.now += TICK;
		sr_share_look(&scene->share, &scene->look);
	}
}

Test(share, uploads_take_all_while_nobody_is_late)
{
	struct scene scene = begin(1000);
	pass(&scene, 5000, 0, 300 * MIB);
	pass(&scene, 5000, TOLERATED, 300 * MIB);
	cr_expect_eq(scene.share.rate, SR_SHARE_ALL);
	cr_expect_eq(sr_share_part(&scene.share, scene.look.now + TICK, 3), SR_SHARE_ALL);
}

Test(share, a_late_call_halves_what_was_usual_once_and_again_when_that_has_shown)
{
	struct scene scene = begin(1);
	pass(&scene, 2000, 0, 320 * MIB);
	uint64_t usual = scene.share.usual;
	cr_assert(usual > 310 * MIB && usual <= 320 * MIB, "%llu", (unsigned long long)usual);
	pass(&scene, TICK, TOLERATED + 1, 320 * MIB);
	cr_expect_eq(scene.share.rate, scene.share.usual / 2);
	uint64_t once = scene.share.rate;
	pass(&scene, SR_SHARE_SETTLE_MS - TICK, TOLERATED + 1, 320 * MIB);
	cr_expect_eq(scene.share.rate, once, "not again before it could show");
	pass(&scene, TICK, TOLERATED + 1, 320 * MIB);
	cr_expect_eq(scene.share.rate, once / 2);
}

Test(share, it_shrinks_to_the_least_and_no_further)
{
	struct scene scene = begin(1);
	pass(&scene, 1000, 0, 300 * MIB);
	pass(&scene, 3000, 500, 300 * MIB);
	cr_expect_eq(scene.share.rate, SR_SHARE_LEAST);
	cr_expect_eq(sr_share_part(&scene.share, scene.look.now + 1000, 1), SR_SHARE_LEAST);
	cr_expect_eq(sr_share_part(&scene.share, scene.look.now + 1000, 4), SR_SHARE_LEAST / 4);
	cr_expect_eq(sr_share_part(&scene.share, scene.look.now + 1000, 0), SR_SHARE_LEAST, "none is as one");
	cr_expect_eq(sr_share_part(&scene.share, scene.look.now, 1), 0, "no time, no bytes");
	cr_expect_eq(sr_share_part(&scene.share, 0, 1), 0, "nor when the clock goes back");
	cr_expect_eq(sr_share_part(&scene.share, UINT64_MAX, 1), SR_SHARE_LEAST, "a leap is worth a second");
}

Test(share, it_grows_when_calls_have_been_in_time_for_a_while_until_it_is_no_limit)
{
	struct scene scene = begin(1);
	pass(&scene, 1000, 0, 300 * MIB);
	pass(&scene, 3000, 500, 300 * MIB);
	pass(&scene, SR_SHARE_CALM_MS - TICK, 0, 300 * MIB);
	cr_expect_eq(scene.share.rate, SR_SHARE_LEAST, "not yet");
	pass(&scene, 1000, 0, 300 * MIB);
	cr_expect(scene.share.rate > 8 * MIB && scene.share.rate < 12 * MIB, "%llu",
		  (unsigned long long)scene.share.rate);
	pass(&scene, 30000, 0, 300 * MIB);
	cr_expect_eq(scene.share.rate, SR_SHARE_ALL);
}

Test(share, without_calls_there_is_no_limit)
{
	struct scene scene = begin(1);
	pass(&scene, 1000, 0, 300 * MIB);
	pass(&scene, 1000, 500, 300 * MIB);
	cr_assert_neq(scene.share.rate, SR_SHARE_ALL);
	scene.look.calls = 0;
	pass(&scene, TICK, 500, 300 * MIB);
	cr_expect_eq(scene.share.rate, SR_SHARE_ALL);
	pass(&scene, 1000, 500, 300 * MIB);
	cr_expect_eq(scene.share.rate, SR_SHARE_ALL);
}
