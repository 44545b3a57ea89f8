/*
 * Workers: threads of one kind with one queue, from which they take as many jobs at a time as there are threads.
 */
#include "serve/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>

#include "data/thread.h"

struct sr_workers {
	struct sr_threads threads;
	struct sr_workers_job *first;
	struct sr_workers_job **last;
	struct sr_postbox *box;
	const char *name;
	int nice;
};

/* The next job; NULL when there are to be no more: each that is queued wakes one thread. */
static struct sr_workers_job *take_job(struct sr_workers *workers)
{
	sr_threads_wait(&workers->threads);
	pthread_mutex_lock(&workers->threads.lock);
	struct sr_workers_job *job = workers->first;
	if (job) {
		workers->first = job->next;
		if (!workers->first)
			workers->last = &workers->first;
	}
	pthread_mutex_unlock(&workers->threads.lock);
	return job;
}

static void came_back(struct sr_post *post)
{
	struct sr_workers_job *job = (struct sr_workers_job *)((char *)post - offsetof(struct sr_workers_job, back));
	job->done(job);
}

static void *serve(void *context)
{
	struct sr_workers *workers = context;
	sr_thread_is(workers->name, workers->nice);
	struct sr_workers_job *job;
	while ((job = take_job(workers)) != NULL) {
		job->run(job);
		/* Else one that got a processor while nobody wanted it keeps it until the next tick of the clock. */
		if (workers->nice > 0)
			(void)sched_yield();
		sr_post(workers->box, &job->back);
	}
	return NULL;
}

struct sr_workers *sr_workers_new(const char *name, int nice, unsigned threads, struct sr_postbox *box)
{
	if (threads == 0 || threads > SR_WORKERS_MAX)
		return NULL;
	struct sr_workers *workers = calloc(1, sizeof *workers);
	if (!workers)
		return NULL;
	workers->last = &workers->first;
	workers->box = box;
	workers->name = name;
	workers->nice = nice;
	if (sr_threads_start(&workers->threads, threads, serve, workers))
		return workers;
	free(workers);
	return NULL;
}

void sr_workers_free(struct sr_workers *workers)
{
	if (workers)
		sr_threads_end(&workers->threads);
	free(workers);
}

void sr_workers_run(struct sr_workers *workers, struct sr_workers_job *job)
{
	job->next = NULL;
	job->back.run = came_back;
	pthread_mutex_lock(&workers->threads.lock);
	*workers->last = job;
	workers->last = &job->next;
	pthread_mutex_unlock(&workers->threads.lock);
	sr_threads_wake(&workers->threads);
}
