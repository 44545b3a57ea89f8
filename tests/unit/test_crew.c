/*
 * Threads that help along: each part of a job is done once, helpers come where there are any, nobody waits for one that
 * does not, and a job is over only when all of its lanes are.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "serve/crew.h"

#define PARTS 200
#define CALLERS 6

struct job {
	atomic_uint next;
	atomic_uint done[PARTS]; /* how often each part was */
	atomic_uint lanes;       /* a bit for each that ran */
	atomic_uint twice;       /* lanes that had the number of one before */
};

static void take_parts(void *context, unsigned lane)
{
	struct job *job = context;
	unsigned at;
	if (atomic_fetch_or(&job->lanes, 1u << lane) & 1u << lane)
		atomic_fetch_add(&job->twice, 1);
	while ((at = atomic_fetch_add(&job->next, 1)) < PARTS)
		atomic_fetch_add(&job->done[at], 1);
}

/* Each part was done once, no two lanes had one number, and the caller's was among them. */
static bool is_whole(const struct job *job)
{
	for (unsigned at = 0; at < PARTS; at++)
		if (atomic_load(&job->done[at]) != 1)
			return false;
	unsigned lanes = atomic_load(&job->lanes);
	return atomic_load(&job->twice) == 0 && lanes & 1u && lanes < 1u << SR_CREW_LANES_MAX;
}

Test(crew, each_part_is_done_once, .timeout = 60)
{
	for (unsigned helpers = 0; helpers <= SR_CREW_LANES_MAX; helpers++) {
		struct sr_crew *crew = sr_crew_new(helpers);
		cr_assert_not_null(crew);
		for (int turn = 0; turn < 100; turn++) {
			struct job job = {.next = 0};
			sr_crew_run(crew, turn % 10 == 0, take_parts, &job);
			cr_assert(is_whole(&job), "%u helpers, turn %d", helpers, turn);
			if (helpers == 0 || turn % 10 == 0)
				cr_assert_eq(atomic_load(&job.lanes), 1);
		}
		sr_crew_free(crew);
	}
	struct job job = {.next = 0};
	sr_crew_run(NULL, false, take_parts, &job);
	cr_assert(is_whole(&job));
	sr_crew_free(NULL);
}

/* Lanes that wait for each other: they end only if they run at the same time. */
struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned expected, here;
	atomic_uint left; /* those that are through */
};

static void meet(void *context, unsigned lane)
{
	struct meeting *meeting = context;
	(void)lane;
	pthread_mutex_lock(&meeting->lock);
	meeting->here++;
	pthread_cond_broadcast(&meeting->changed);
	while (meeting->here < meeting->expected)
		pthread_cond_wait(&meeting->changed, &meeting->lock);
	pthread_mutex_unlock(&meeting->lock);
	atomic_fetch_add(&meeting->left, 1);
}

#define TURNS 200

/* Each turn has a meeting of its own, which stays: a lane that is left behind spoils nothing that tells of it. */
Test(crew, every_helper_comes_and_is_waited_for, .timeout = 60)
{
	static struct meeting meetings[TURNS];
	struct sr_crew *crew = sr_crew_new(SR_CREW_LANES_MAX - 1);
	cr_assert_not_null(crew);
	for (int turn = 0; turn < TURNS; turn++) {
		struct meeting *meeting = &meetings[turn];
		cr_assert_eq(pthread_mutex_init(&meeting->lock, NULL), 0);
		cr_assert_eq(pthread_cond_init(&meeting->changed, NULL), 0);
		meeting->expected = SR_CREW_LANES_MAX;
		sr_crew_run(crew, false, meet, meeting);
		cr_assert_eq(atomic_load(&meeting->left), SR_CREW_LANES_MAX, "turn %d", turn);
	}
	sr_crew_free(crew);
}

static atomic_uint wrong; /* jobs of any caller */

static void *call(void *context)
{
	for (int turn = 0; turn < 200; turn++) {
		struct job job = {.next = 0};
		sr_crew_run(context, false, take_parts, &job);
		if (!is_whole(&job))
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

Test(crew, many_jobs_at_once, .timeout = 60)
{
	pthread_t callers[CALLERS];
	struct sr_crew *crew = sr_crew_new(2);
	cr_assert_not_null(crew);
	for (unsigned at = 0; at < CALLERS; at++)
		cr_assert_eq(pthread_create(&callers[at], NULL, call, crew), 0);
	for (unsigned at = 0; at < CALLERS; at++)
		cr_assert_eq(pthread_join(callers[at], NULL), 0);
	cr_assert_eq(atomic_load(&wrong), 0);
	/* All are free again. */
	struct meeting meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 3, 0, 0};
	sr_crew_run(crew, false, meet, &meeting);
	cr_assert_eq(atomic_load(&meeting.left), 3);
	sr_crew_free(crew);
}
