/*
 * What a thread says it is, is what the system knows of it; and threads of one kind are woken as often as told, and
 * end.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/thread.h"

struct said {
	int nice; /* what it is to say */
	int policy, priority;
	char name[16];
};

static void *say(void *context)
{
	struct said *said = context;
	sr_thread_is("worker", said->nice);
	said->policy = sched_getscheduler(0);
	said->priority = getpriority(PRIO_PROCESS, 0);
	(void)pthread_getname_np(pthread_self(), said->name, sizeof said->name);
	return NULL;
}

static struct said started(int nice)
{
	struct said said = {.nice = nice};
	pthread_t thread;
	cr_assert(sr_thread_start(&thread, say, &said));
	pthread_join(thread, NULL);
	return said;
}

static int at_most_19(int nice)
{
	return nice < 19 ? nice : 19;
}

/* A thread's priority is its own on Linux, and that of whoever started it does not change with it. */
Test(thread, stands_back_as_far_as_it_says)
{
	int own = getpriority(PRIO_PROCESS, 0);
	for (int nice = 1; nice <= 19; nice += 3) {
		struct said said = started(nice);
		cr_assert_eq(said.policy, SCHED_BATCH);
		cr_assert_eq(said.priority, at_most_19(own + nice));
		cr_assert_str_eq(said.name, "worker");
		cr_assert_eq(getpriority(PRIO_PROCESS, 0), own);
		cr_assert_eq(sched_getscheduler(0), SCHED_OTHER);
	}
}

/* What prompt threads come to: as far before others as the system lets them. */
static int promptest(int own)
{
	int before = own - SR_THREAD_PROMPT;
	pid_t child = fork();
	int status;
	if (child == 0)
		_exit(setpriority(PRIO_PROCESS, 0, before) != 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status == 0 ? before : own;
}

static void *say_nothing(void *context)
{
	struct said *said = context;
	said->priority = getpriority(PRIO_PROCESS, 0);
	return NULL;
}

Test(thread, prompt_ones_go_before_others)
{
	int own = getpriority(PRIO_PROCESS, 0), prompt = promptest(own);
	sr_thread_prompt();
	cr_assert_eq(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	cr_assert_eq(getpriority(PRIO_PROCESS, 0), prompt);
	struct said said = started(0);
	cr_assert_eq(said.policy & ~SCHED_RESET_ON_FORK, SCHED_OTHER);
	cr_assert_eq(said.priority, prompt, "%d", said.priority);
	said = started(5);
	cr_assert_eq(said.policy, SCHED_BATCH);
	cr_assert_eq(said.priority, at_most_19(own + 5));
}

Test(thread, what_prompt_ones_start_goes_before_nobody)
{
	int own = getpriority(PRIO_PROCESS, 0), prompt = promptest(own);
	struct said said = {.nice = 0};
	pthread_t thread;
	sr_thread_prompt();
	cr_assert(sr_thread_start(&thread, say_nothing, &said));
	pthread_join(thread, NULL);
	cr_assert_eq(said.priority, prompt < 0 && prompt != own ? 0 : prompt);
}

/* ---- threads of one kind ---- */

struct work {
	struct sr_threads threads;
	unsigned left, done; /* under the lock */
};

static void *take(void *context)
{
	struct work *work = context;
	bool stopping = false;
	while (!stopping) {
		sr_threads_wait(&work->threads);
		pthread_mutex_lock(&work->threads.lock);
		if (work->left > 0) {
			work->left--;
			work->done++;
		} else {
			stopping = work->threads.stopping;
		}
		pthread_mutex_unlock(&work->threads.lock);
	}
	return NULL;
}

Test(thread, every_wake_is_somebodys)
{
	for (unsigned count = 0; count <= 4; count++) {
		struct work work = {.left = 0};
		cr_assert(sr_threads_start(&work.threads, count, take, &work));
		for (unsigned at = 0; at < 1000 && count > 0; at++) {
			pthread_mutex_lock(&work.threads.lock);
			work.left++;
			pthread_mutex_unlock(&work.threads.lock);
			sr_threads_wake(&work.threads);
		}
		sr_threads_end(&work.threads);
		cr_assert_eq(work.left, 0, "%u threads left %u", count, work.left);
		cr_assert_eq(work.done, count > 0 ? 1000 : 0);
	}
}

static void *nothing(void *context)
{
	(void)context;
	return NULL;
}

Test(thread, waits_until_then)
{
	struct sr_threads threads;
	cr_assert(sr_threads_start(&threads, 1, nothing, NULL));
	struct timespec past = sr_thread_deadline(0), later = sr_thread_deadline(60000);
	cr_assert_not(sr_threads_wait_until(&threads, &past));
	sr_threads_wake(&threads);
	sr_threads_wake(&threads);
	cr_assert(sr_threads_wait_until(&threads, &later));
	cr_assert(sr_threads_wait_until(&threads, &past));
	cr_assert_not(sr_threads_wait_until(&threads, &past));
	sr_threads_end(&threads);
}
