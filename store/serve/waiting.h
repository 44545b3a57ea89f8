/*
 * Threads for jobs that mostly wait, for the index or the disk: reads and sealing, which want a processor, queue for
 * libuv's pool, and none of its threads is taken by one that only waits.
 */
#ifndef SR_WAITING_H
#define SR_WAITING_H

#include "serve/post.h"

#define SR_WAITING_THREADS_MAX 256

/* A job; embedded by its owner, who keeps it until `back` has been run on the loop. */
struct sr_waiting_job {
	struct sr_waiting_job *next;
	void (*run)(struct sr_waiting_job *job); /* on one of the threads */
	struct sr_post back;                     /* posted when `run` has returned */
};

struct sr_waiting;

/*
 * Start `threads` (1 to SR_WAITING_THREADS_MAX; NULL for another number), whose jobs come back through `box`
 * (borrowed). NULL when memory or threads are used up.
 */
struct sr_waiting *sr_waiting_new(unsigned threads, struct sr_postbox *box) SR_MUST_USE;

/* Stop and release, once every job is back. NULL is allowed. */
void sr_waiting_free(struct sr_waiting *waiting);

/* Have a job run, in the order given as threads become free. Any thread; never fails. */
void sr_waiting_run(struct sr_waiting *waiting, struct sr_waiting_job *job);

#endif
