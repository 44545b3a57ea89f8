/*
 * How threads are started and ended: one by itself, or those of one kind with what they share.
 */
#ifndef SR_THREAD_H
#define SR_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
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
 * Threads of one kind, and what they share; embedded by its owner. What they do is found under `lock`. They return once
 * `stopping` is set and nothing is left that they must do.
 */
struct sr_threads {
	pthread_mutex_t lock;
	sem_t work;
	bool stopping;
	unsigned count; /* that were started */
	pthread_t *all;
};

/*
 * Make what they share, and start `count` threads (may be 0) as sr_thread_start does. *threads (out) is ended with
 * sr_threads_end. False when memory or threads are used up: those already started have been ended, and nothing is left
 * of them.
 */
bool sr_threads_start(struct sr_threads *threads, unsigned count, void *(*run)(void *context),
		      void *context) SR_MUST_USE;

/* Tell them to stop, wait for the last, and release what they share. Any thread but one of them. */
void sr_threads_end(struct sr_threads *threads);

/*
 * There is one thing more to do, or to look at: one of those that wait goes on, or the next that would. Never waits for
 * any of them, which pthread_cond_signal does until those that it woke before have got a processor. Any thread, with
 * the lock or without.
 */
void sr_threads_wake(struct sr_threads *threads);

/* Wait until woken, perhaps for nothing: somebody may have been quicker. One of the threads, without the lock. */
void sr_threads_wait(struct sr_threads *threads);

/* The same until `until` at the latest; false if that was it. */
bool sr_threads_wait_until(struct sr_threads *threads, const struct timespec *until);

/* When `milliseconds` from now are over, by CLOCK_MONOTONIC. */
struct timespec sr_thread_deadline(uint64_t milliseconds);

#define SR_THREAD_PROMPT 5 /* how far prompt threads go before others of the machine, as `nice` has it */

/*
 * The calling thread is for what somebody waits for: short pieces of work, which are to begin at once when they come
 * (sched_setattr(2): the shortest slice; and before other programs, if RLIMIT_NICE or CAP_SYS_NICE allows it). What it
 * starts from now on, an alarm's command, goes before no other program. It is no harm if the system grants none of it.
 */
void sr_thread_prompt(void);

/*
 * The calling thread says what it is: `name` (in; at most 15 bytes) is what `top -H` and a debugger call it, and `nice`
 * (0 to 19) how far it stands back when there is less processor than there is to do; above 0 it does not take the
 * processor from another when it wakes, either; 0 is prompt, as above. It is no harm if the system grants none of it.
 */
void sr_thread_is(const char *name, int nice);

/*
 * The calling thread has done `work` bytes more of something long that stands back. After each 16 KiB of it others that
 * wait for this processor are let go first (sched_yield(2)): else a thread that stands back keeps it until the clock's
 * next tick, some milliseconds. *done (in, out) is 0 at first.
 */
void sr_thread_share(size_t *done, size_t work);

#endif
