/*
 * Threads for jobs that mostly wait: one queue, and as many jobs at a time as there are threads.
 */
#include "serve/waiting.h"

#include <pthread.h>
#include <stdlib.h>

#include "data/thread.h"

struct sr_waiting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sr_waiting_job *first;
	struct sr_waiting_job **last;
	struct sr_postbox *box;
	bool stopping;
	unsigned started;
	pthread_t threads[SR_WAITING_THREADS_MAX];
};

/* The next job; NULL when there are to be no more. */
static struct sr_waiting_job *take_job(struct sr_waiting *waiting)
{
	pthread_mutex_lock(&waiting->lock);
	while (!waiting->first && !waiting->stopping)
		pthread_cond_wait(&waiting->changed, &waiting->lock);
	struct sr_waiting_job *job = waiting->first;
	if (job) {
		waiting->first = job->next;
		if (!waiting->first)
			waiting->last = &waiting->first;
	}
	pthread_mutex_unlock(&waiting->lock);
	return job;
}

static void *serve(void *context)
{
	struct sr_waiting *waiting = context;
	struct sr_waiting_job *job;
	while ((job = take_job(waiting)) != NULL) {
		job->run(job);
		sr_post(waiting->box, &job->back);
	}
	return NULL;
}

struct sr_waiting *sr_waiting_new(unsigned threads, struct sr_postbox *box)
{
	if (threads == 0 || threads > SR_WAITING_THREADS_MAX)
		return NULL;
	struct sr_waiting *waiting = calloc(1, sizeof *waiting);
	if (!waiting)
		return NULL;
	/* With default attributes these cannot fail on Linux. */
	(void)pthread_mutex_init(&waiting->lock, NULL);
	(void)pthread_cond_init(&waiting->changed, NULL);
	waiting->last = &waiting->first;
	waiting->box = box;
	while (waiting->started < threads && sr_thread_start(&waiting->threads[waiting->started], serve, waiting))
		waiting->started++;
	if (waiting->started < threads) {
		sr_waiting_free(waiting);
		return NULL;
	}
	return waiting;
}

void sr_waiting_free(struct sr_waiting *waiting)
{
	if (!waiting)
		return;
	pthread_mutex_lock(&waiting->lock);
	waiting->stopping = true;
	pthread_cond_broadcast(&waiting->changed);
	pthread_mutex_unlock(&waiting->lock);
	for (unsigned at = 0; at < waiting->started; at++)
		(void)pthread_join(waiting->threads[at], NULL);
	(void)pthread_cond_destroy(&waiting->changed);
	(void)pthread_mutex_destroy(&waiting->lock);
	free(waiting);
}

void sr_waiting_run(struct sr_waiting *waiting, struct sr_waiting_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&waiting->lock);
	*waiting->last = job;
	waiting->last = &job->next;
	pthread_cond_signal(&waiting->changed);
	pthread_mutex_unlock(&waiting->lock);
}
