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

/*
 * The calling thread says what it is: `name` (in; at most 15 bytes) is what `top -H` and a debugger call it, and `nice`
 * (0 to 19) how far it stands back when there is less processor than there is to do; above 0 it does not take the
 * processor from another when it wakes, either. It is no harm if the system grants none of it.
 */
void sr_thread_is(const char *name, int nice);

#endif
