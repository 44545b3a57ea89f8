/*
 * The flush threads: a queue of blobs to sync, each with everyone who waits for it.
 */
#include "data/flush.h"

#include <pthread.h>
#include <stdlib.h>

#include "data/thread.h"

#define THREADS_MAX 16
#define NICE 5 /* who plays or asks for a list goes first */

struct waiter {
	struct waiter *next;
	sr_flush_done *done;
	void *context;
};

/* One sync that has not begun, and all whom it will answer, in order. */
struct job {
	struct job *next;
	struct sr_blob *blob;
	struct waiter *first;
	struct waiter **last;
};

struct sr_flusher {
	struct sr_threads threads;
	struct job *first;
	struct job **last;
	const struct sr_blob *busy[THREADS_MAX]; /* what each thread syncs and answers now */
	unsigned seats;                          /* how many threads have taken their place in `busy` */
};

static bool is_busy(const struct sr_flusher *flusher, const struct sr_blob *blob)
{
	for (unsigned i = 0; i < THREADS_MAX; i++)
		if (flusher->busy[i] == blob)
			return true;
	return false;
}

/*
 * The first job whose blob no other thread is at, or NULL. Two syncs of one file must not overlap: the kernel reports
 * a lost page once, to one of them, and the other would call the same bytes durable.
 */
static struct job *take_job(struct sr_flusher *flusher)
{
	for (struct job **at = &flusher->first; *at != NULL; at = &(*at)->next) {
		struct job *job = *at;

		if (is_busy(flusher, job->blob))
			continue;
		*at = job->next;
		if (flusher->last == &job->next)
			flusher->last = at;
		return job;
	}
	return NULL;
}

/* Sync, answer everyone in order, release. The blob may be gone once the last is answered. */
static void run_job(struct job *job)
{
	struct sr_error err = {0};
	enum sr_code result = sr_blob_sync(job->blob, &err);
	struct waiter *next;

	for (struct waiter *waiter = job->first; waiter != NULL; waiter = next) {
		next = waiter->next;
		waiter->done(waiter->context, result, &err);
		free(waiter);
	}
	free(job);
}

static void *flush_thread(void *context)
{
	sr_thread_is("flush", NICE);
	struct sr_flusher *flusher = context;
	struct job *job;
	unsigned seat;

	pthread_mutex_lock(&flusher->threads.lock);
	seat = flusher->seats++;
	for (;;) {
		job = take_job(flusher);
		if (job != NULL) {
			flusher->busy[seat] = job->blob;
			pthread_mutex_unlock(&flusher->threads.lock);
			run_job(job);
			pthread_mutex_lock(&flusher->threads.lock);
			/* A job of the same blob that waited for this one is taken next, here or by one awake. */
			flusher->busy[seat] = NULL;
		} else if (flusher->threads.stopping && flusher->first == NULL) {
			break;
		} else {
			pthread_cond_wait(&flusher->threads.changed, &flusher->threads.lock);
		}
	}
	/* Those that stayed for a job whose blob was busy may go as well. */
	pthread_cond_broadcast(&flusher->threads.changed);
	pthread_mutex_unlock(&flusher->threads.lock);
	return NULL;
}

struct sr_flusher *sr_flusher_new(unsigned threads)
{
	struct sr_flusher *flusher;

	if (threads == 0 || threads > THREADS_MAX)
		return NULL;
	flusher = calloc(1, sizeof *flusher);
	if (flusher == NULL)
		return NULL;
	flusher->last = &flusher->first;
	if (sr_threads_start(&flusher->threads, threads, flush_thread, flusher))
		return flusher;
	free(flusher);
	return NULL;
}

void sr_flusher_free(struct sr_flusher *flusher)
{
	if (flusher != NULL)
		sr_threads_end(&flusher->threads);
	free(flusher);
}

/* The job of `blob` that has not begun, made if there is none. NULL when memory is used up. */
static struct job *waiting_job(struct sr_flusher *flusher, struct sr_blob *blob)
{
	struct job *job = flusher->first;

	while (job != NULL && job->blob != blob)
		job = job->next;
	if (job != NULL)
		return job;
	job = calloc(1, sizeof *job);
	if (job == NULL)
		return NULL;
	job->blob = blob;
	job->last = &job->first;
	*flusher->last = job;
	flusher->last = &job->next;
	return job;
}

enum sr_code sr_flush(struct sr_flusher *flusher, struct sr_blob *blob, sr_flush_done *done, void *context)
{
	struct waiter *waiter = calloc(1, sizeof *waiter);
	struct job *job;

	if (waiter == NULL)
		return SR_INTERNAL;
	waiter->done = done;
	waiter->context = context;
	pthread_mutex_lock(&flusher->threads.lock);
	job = waiting_job(flusher, blob);
	if (job != NULL) {
		*job->last = waiter;
		job->last = &waiter->next;
	}
	pthread_mutex_unlock(&flusher->threads.lock);
	if (job == NULL) {
		free(waiter);
		return SR_INTERNAL;
	}
	/* Not under the lock, which whoever wakes takes first. */
	pthread_cond_signal(&flusher->threads.changed);
	return SR_OK;
}

unsigned sr_flusher_waiting(struct sr_flusher *flusher)
{
	unsigned waiting = 0;

	pthread_mutex_lock(&flusher->threads.lock);
	for (const struct job *job = flusher->first; job != NULL; job = job->next)
		waiting++;
	pthread_mutex_unlock(&flusher->threads.lock);
	return waiting;
}
