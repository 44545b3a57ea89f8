/*
 * Starting threads that leave the process's signals to others, and ending them.
 */
#include "data/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE (16u << 10)
#define PROMPT_NS 100000u /* the shortest that is granted */

#ifndef SCHED_FLAG_RESET_ON_FORK
#define SCHED_FLAG_RESET_ON_FORK 1 /* of sched_setattr(2); in no header that can be included beside <sched.h> */
#endif

bool sr_thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
	/* Raised by the thread's own instructions: blocked, they would end the process past any handler. */
	static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
	sigset_t blocked, before;
	bool started;

	(void)sigfillset(&blocked);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		(void)sigdelset(&blocked, faults[i]);
	/* A thread inherits its maker's mask from its first instruction on. */
	if (pthread_sigmask(SIG_SETMASK, &blocked, &before) != 0)
		return false;
	started = pthread_create(thread, NULL, run, context) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

bool sr_threads_start(struct sr_threads *threads, unsigned count, void *(*run)(void *context), void *context)
{
	*threads = (struct sr_threads){.all = calloc(count, sizeof *threads->all)};
	if (threads->all == NULL && count > 0)
		return false;
	/* Neither can fail on Linux so. */
	(void)pthread_mutex_init(&threads->lock, NULL);
	(void)sem_init(&threads->work, 0, 0);
	while (threads->count < count && sr_thread_start(&threads->all[threads->count], run, context))
		threads->count++;
	if (threads->count == count)
		return true;
	sr_threads_end(threads);
	return false;
}

void sr_threads_end(struct sr_threads *threads)
{
	pthread_mutex_lock(&threads->lock);
	threads->stopping = true;
	pthread_mutex_unlock(&threads->lock);
	for (unsigned i = 0; i < threads->count; i++)
		sr_threads_wake(threads);
	for (unsigned i = 0; i < threads->count; i++)
		(void)pthread_join(threads->all[i], NULL);
	free(threads->all);
	(void)sem_destroy(&threads->work);
	(void)pthread_mutex_destroy(&threads->lock);
}

void sr_threads_wake(struct sr_threads *threads)
{
	(void)sem_post(&threads->work);
}

void sr_threads_wait(struct sr_threads *threads)
{
	while (sem_wait(&threads->work) != 0)
		continue; /* a signal's handler has run */
}

bool sr_threads_wait_until(struct sr_threads *threads, const struct timespec *until)
{
	while (sem_clockwait(&threads->work, CLOCK_MONOTONIC, until) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

struct timespec sr_thread_deadline(uint64_t milliseconds)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(milliseconds / 1000);
	until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

/* What sched_setattr(2) takes in its first version; the header that has it cannot be included beside <sched.h>. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t slice_ns; /* 0: the system's own */
	uint64_t unused[2];
};

/* Before any of its threads said anything: what the process was told. */
static int process_nice;

static void keep_process_nice(void)
{
	process_nice = getpriority(PRIO_PROCESS, (id_t)gettid());
}

/* False: it is not granted. */
static bool ask(uint32_t policy, int nice, uint64_t slice_ns, uint64_t flags)
{
	static pthread_once_t kept = PTHREAD_ONCE_INIT;
	struct attributes asked = {.size = sizeof asked, .policy = policy, .slice_ns = slice_ns, .flags = flags};

	(void)pthread_once(&kept, keep_process_nice);
	asked.nice = process_nice + nice;
	return syscall(SYS_sched_setattr, 0, &asked, 0) == 0;
}

/*
 * Whoever wakes waits for some milliseconds until another has had its slice, unless its own is the shorter; systems
 * before 6.12 know no slices of one's own, and pass over it.
 */
void sr_thread_prompt(void)
{
	if (!ask(SCHED_OTHER, -SR_THREAD_PROMPT, PROMPT_NS, SCHED_FLAG_RESET_ON_FORK))
		(void)ask(SCHED_OTHER, 0, PROMPT_NS, 0);
}

void sr_thread_is(const char *name, int nice)
{
	(void)pthread_setname_np(pthread_self(), name);
	if (nice > 0)
		(void)ask(SCHED_BATCH, nice, 0, 0);
	else
		sr_thread_prompt();
}

void sr_thread_share(size_t *done, size_t work)
{
	*done += work;
	if (*done < PIECE)
		return;
	*done = 0;
	(void)sched_yield();
}
