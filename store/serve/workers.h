/*
 * Workers: threads of the daemon's own, beside libuv's pool, for the kinds of job behind which a read must not queue.
 */
#ifndef SR_WORKERS_H
#define SR_WORKERS_H

#include "serve/post.h"

#define SR_WORKERS_MAX 256

/* A job; embedded by its owner, who keeps it until `back` has been run on the loop. */
struct sr_workers_job {
	struct sr_workers_job *next;
	void (*run)(struct sr_workers_job *job); /* on one of the threads */
	struct sr_post back;                     /* posted when `run` has returned */
};

struct sr_workers;

/*
 * Start `threads` (1 to SR_WORKERS_MAX; NULL for another number) that are called `name` (borrowed; at most 15 bytes)
 * and stand back by `nice` (0 to 19), and whose jobs come back through `box` (borrowed). NULL when memory or threads
 * are used up.
 */
struct sr_workers *sr_workers_new(const char *name, int nice, unsigned threads, struct sr_postbox *box) SR_MUST_USE;

/* Stop and release, once every job is back. NULL is allowed. */
void sr_workers_free(struct sr_workers *workers);

/* Have a job run, in the order given as threads become free. Any thread; never fails. */
void sr_workers_run(struct sr_workers *workers, struct sr_workers_job *job);

#endif
