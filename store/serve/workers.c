/*
 * Workers: threads of one kind with one queue, from which they take as many jobs at a time as there are threads.
 */
#include "serve/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "data/thread.h"

struct sr_workers {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sr_workers_job *first;
	struct sr_workers_job **last;
	struct sr_postbox *box;
	const char *name;
	int nice;
	bool stopping;
	unsigned started;
	pthread_t threads[SR_WORKERS_MAX];
};

/* The next job; NULL when there are to be no more. */
static struct sr_workers_job *take_job(struct sr_workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	while (!workers->first && !workers->stopping)
		pthread_cond_wait(&workers->changed, &workers->lock);
	struct sr_workers_job *job = workers->first;
	if (job) {
		workers->first = job->next;
		if (!workers->first)
			workers->last = &workers->first;
	}
	pthread_mutex_unlock(&workers->lock);
	return job;
}

static void *serve(void *context)
{
	struct sr_workers *workers = context;
	sr_thread_is(workers->name, workers->nice);
	struct sr_workers_job *job;
	while ((job = take_job(workers)) != NULL) {
		job->run(job);
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
	/* With default attributes these cannot fail on Linux. */
	(void)pthread_mutex_init(&workers->lock, NULL);
	(void)pthread_cond_init(&workers->changed, NULL);
	workers->last = &workers->first;
	workers->box = box;
	workers->name = name;
	workers->nice = nice;
	while (workers->started < threads && sr_thread_start(&workers->threads[workers->started], serve, workers))
		workers->started++;
	if (workers->started < threads) {
		sr_workers_free(workers);
		return NULL;
	}
	return workers;
}

void sr_workers_free(struct sr_workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->changed);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned at = 0; at < workers->started; at++)
		(void)pthread_join(workers->threads[at], NULL);
	(void)pthread_cond_destroy(&workers->changed);
	(void)pthread_mutex_destroy(&workers->lock);
	free(workers);
}

void sr_workers_run(struct sr_workers *workers, struct sr_workers_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&workers->lock);
	*workers->last = job;
	workers->last = &job->next;
	pthread_cond_signal(&workers->changed);
	pthread_mutex_unlock(&workers->lock);
}
