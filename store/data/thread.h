/*
 * How threads are started and ended: one by itself, or those of one kind with what they share.
 */
#ifndef SR_THREAD_H
#define SR_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "error.h"

/*
 * Start `run` with `context` on a new thread that takes no signals but its own faults, so that SIGTERM and the like
 * always reach the event loop. *thread (out) is joined by the caller. False, with nothing started, if there is no
 * thread to be had.
 */
bool sr_thread_start(pthread_t *thread, void *(*run)(void *context), void *context) SR_MUST_USE;

/*
 * Threads of one kind, and what they share; embedded by its owner. They wait on `changed` under `lock`, and return once
 * `stopping` is set and nothing is left that they must do.
 */
struct sr_threads {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* goes by CLOCK_MONOTONIC */
	bool stopping;
	unsigned count; /* that were started */
	pthread_t *all;
};

/*
 * Make lock and condition, and start `count` threads (may be 0) as sr_thread_start does. *threads (out) is ended with
 * sr_threads_end. False when memory or threads are used up: those already started have been ended, and nothing is left
 * of them.
 */
bool sr_threads_start(struct sr_threads *threads, unsigned count, void *(*run)(void *context),
		      void *context) SR_MUST_USE;

/* Tell them to stop, wait for the last, and release lock and condition. Any thread but one of them. */
void sr_threads_end(struct sr_threads *threads);

/* When `milliseconds` from now are over, for pthread_cond_timedwait on a condition that goes by CLOCK_MONOTONIC. */
struct timespec sr_thread_deadline(uint64_t milliseconds);

/*
 * The calling thread says what it is: `name` (in; at most 15 bytes) is what `top -H` and a debugger call it, and `nice`
 * (0 to 19) how far it stands back when there is less processor than there is to do; above 0 it does not take the
 * processor from another when it wakes, either. It is no harm if the system grants none of it.
 */
void sr_thread_is(const char *name, int nice);

#endif
