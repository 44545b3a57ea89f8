/*
 * Starting a thread that leaves the process's signals to others.
 */
#include "data/thread.h"

#include <signal.h>
#include <stddef.h>

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
