/*
 * Starting a thread that leaves the process's signals to others.
 */
#include "data/thread.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
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
