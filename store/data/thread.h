/*
 * How the threads of this room are started. Nothing else.
 */
#ifndef SR_THREAD_H
#define SR_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "error.h"

/*
 * Start `run` with `context` on a new thread that takes no signals but its own faults, so that SIGTERM and the like
 * always reach the event loop. *thread (out) is joined by the caller. False, with nothing started, if there is no
 * thread to be had.
 */
bool sr_thread_start(pthread_t *thread, void *(*run)(void *context), void *context) SR_MUST_USE;

#endif
