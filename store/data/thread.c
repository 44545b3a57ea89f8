/*
 * Starting threads that leave the process's signals to others, and ending them.
 */
#include "data/thread.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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
	pthread_condattr_t monotonic;

	*threads = (struct sr_threads){.all = calloc(count, sizeof *threads->all)};
	if (threads->all == NULL && count > 0)
		return false;
	/* With these attributes none of it can fail on Linux. */
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&threads->lock, NULL);
	(void)pthread_cond_init(&threads->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
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
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
	for (unsigned i = 0; i < threads->count; i++)
		(void)pthread_join(threads->all[i], NULL);
	free(threads->all);
	(void)pthread_cond_destroy(&threads->changed);
	(void)pthread_mutex_destroy(&threads->lock);
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

void sr_thread_is(const char *name, int nice)
{
	static const struct sched_param none;
	(void)pthread_setname_np(pthread_self(), name);
	if (nice == 0)
		return;
	/* On Linux both are of this thread alone. */
	(void)sched_setscheduler(0, SCHED_BATCH, &none);
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), nice);
}
