/*
 * Jobs of workers: each runs once and comes back on the loop, as many at a time as there are threads, in the order
 * given.
 */
#include <criterion/criterion.h>
#include <pthread.h>

#include "serve/workers.h"

#define THREADS 3
#define JOBS 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned begun, let_go; /* jobs that have begun; that may end */

struct job {
	struct sr_workers_job member;
	unsigned place;   /* in which it began, from 1 */
	unsigned times;   /* it ran */
	unsigned *back;   /* how many came back */
	pthread_t thread; /* where it ran */
	pthread_t home;   /* where it came back */
};

static void run(struct sr_workers_job *member)
{
	struct job *job = (struct job *)member;
	pthread_mutex_lock(&lock);
	job->place = ++begun;
	job->times++;
	job->thread = pthread_self();
	pthread_cond_broadcast(&changed);
	while (let_go < job->place)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void come_back(struct sr_workers_job *member)
{
	struct job *job = (struct job *)member;
	job->home = pthread_self();
	++*job->back;
}

static void let(unsigned count)
{
	pthread_mutex_lock(&lock);
	let_go = count;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static unsigned wait_begun(unsigned count)
{
	pthread_mutex_lock(&lock);
	while (begun < count)
		pthread_cond_wait(&changed, &lock);
	unsigned now = begun;
	pthread_mutex_unlock(&lock);
	return now;
}

struct stage {
	uv_loop_t loop;
	struct sr_postbox *box;
	struct sr_workers *workers;
	struct job jobs[JOBS];
	unsigned back;
};

static struct stage *begin(unsigned threads)
{
	static struct stage stage;
	cr_assert_eq(uv_loop_init(&stage.loop), 0);
	stage.box = sr_postbox_new(&stage.loop);
	cr_assert_not_null(stage.box);
	stage.workers = sr_workers_new("test", 0, threads, stage.box);
	cr_assert_not_null(stage.workers);
	return &stage;
}

static void give_all(struct stage *stage)
{
	for (unsigned at = 0; at < JOBS; at++) {
		struct job *job = &stage->jobs[at];
		*job = (struct job){.member = {.run = run, .done = come_back}, .back = &stage->back};
		sr_workers_run(stage->workers, &job->member);
	}
}

static void end(struct stage *stage)
{
	while (stage->back < JOBS)
		(void)uv_run(&stage->loop, UV_RUN_ONCE);
	sr_workers_free(stage->workers);
	sr_postbox_close(stage->box);
	(void)uv_run(&stage->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&stage->loop), 0);
}

Test(workers, each_runs_once_and_comes_back_on_the_loop)
{
	struct stage *stage = begin(THREADS);
	let(JOBS);
	give_all(stage);
	end(stage);
	for (unsigned at = 0; at < JOBS; at++) {
		cr_expect_eq(stage->jobs[at].times, 1);
		cr_expect(pthread_equal(stage->jobs[at].home, pthread_self()));
		cr_expect(!pthread_equal(stage->jobs[at].thread, pthread_self()));
	}
}

Test(workers, as_many_at_a_time_as_there_are_threads)
{
	struct stage *stage = begin(THREADS);
	give_all(stage);
	for (unsigned ended = 0; ended + THREADS <= JOBS; ended++) {
		/* None has ended that was not let go, so that no more than these can have begun. */
		cr_expect_eq(wait_begun(ended + THREADS), ended + THREADS);
		let(ended + 1);
	}
	let(JOBS);
	end(stage);
}

Test(workers, one_thread_keeps_the_order)
{
	struct stage *stage = begin(1);
	let(JOBS);
	give_all(stage);
	end(stage);
	for (unsigned at = 0; at < JOBS; at++)
		cr_expect_eq(stage->jobs[at].place, at + 1);
}

Test(workers, numbers_of_threads_that_there_are_not)
{
	uv_loop_t loop;
	cr_assert_eq(uv_loop_init(&loop), 0);
	struct sr_postbox *box = sr_postbox_new(&loop);
	cr_expect_null(sr_workers_new("test", 0, 0, box));
	cr_expect_null(sr_workers_new("test", 0, SR_WORKERS_MAX + 1, box));
	sr_workers_free(NULL);
	sr_postbox_close(box);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}
