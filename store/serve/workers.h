/*
 * Workers: threads of one kind with a queue of jobs, so that no kind of job has to queue behind another. Not libuv's
 * pool: whoever queues there waits for the threads that it wakes.
 */
#ifndef SR_WORKERS_H
#define SR_WORKERS_H

#include "serve/post.h"

#define SR_WORKERS_MAX 256

struct sr_workers_job;
typedef void sr_workers_step(struct sr_workers_job *job);

/* A job; embedded by its owner, who keeps it until `done` is called. */
struct sr_workers_job {
	sr_workers_step *run;  /* on one of the threads */
	sr_workers_step *done; /* on the loop, when `run` has returned */
	void *data;            /* the owner's */
	struct sr_workers_job *next;
	struct sr_post back;
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
