/*
 * The flush threads: a queue of blobs to sync.
 */
#include "data/flush.h"

#include <pthread.h>
#include <stdlib.h>

#include "data/thread.h"

#define THREADS_MAX 16
#define NICE 5 /* who plays or asks for a list goes first */

/* One sync that has not begun, and whom it answers. */
struct job {
	struct job *next;
	struct sr_blob *blob;
	sr_flush_done *done;
	void *context;
};

struct sr_flusher {
	struct sr_threads threads;
	struct job *first;
	struct job **last;
	unsigned waiting;                        /* how many there are */
	const struct sr_blob *busy[THREADS_MAX]; /* what each thread syncs and answers now */
	unsigned seats;                          /* how many threads have taken their place in `busy` */
	unsigned passed_over;                    /* wakes that found only jobs whose blob was busy */
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
static struct job *take_job(struct sr_flusher *flusher, unsigned seat)
{
	for (struct job **at = &flusher->first; *at != NULL; at = &(*at)->next) {
		struct job *job = *at;

		if (is_busy(flusher, job->blob))
			continue;
		*at = job->next;
		if (flusher->last == &job->next)
			flusher->last = at;
		flusher->waiting--;
		flusher->busy[seat] = job->blob;
		return job;
	}
	return NULL;
}

/* Sync, answer, release. The blob may be gone once that is answered. */
static void run_job(struct job *job)
{
	struct sr_error err = {0};
	enum sr_code result = sr_blob_sync(job->blob, &err);

	job->done(job->context, result, &err);
	free(job);
}

/* What a thread is woken for: its job, or NULL. *over (out): there is nothing more to do, ever. */
static struct job *begin_job(struct sr_flusher *flusher, unsigned seat, bool *over)
{
	pthread_mutex_lock(&flusher->threads.lock);
	struct job *job = take_job(flusher, seat);
	*over = flusher->first == NULL && job == NULL && flusher->threads.stopping;
	if (flusher->first != NULL && job == NULL)
		flusher->passed_over++;
	pthread_mutex_unlock(&flusher->threads.lock);
	return job;
}

/* The blob is free: those that passed a job over look again. */
static void end_job(struct sr_flusher *flusher, unsigned seat)
{
	pthread_mutex_lock(&flusher->threads.lock);
	flusher->busy[seat] = NULL;
	unsigned wakes = flusher->passed_over;
	flusher->passed_over = 0;
	pthread_mutex_unlock(&flusher->threads.lock);
	for (; wakes > 0; wakes--)
		sr_threads_wake(&flusher->threads);
}

static void *flush_thread(void *context)
{
	sr_thread_is("flush", NICE);
	struct sr_flusher *flusher = context;
	bool over = false;

	pthread_mutex_lock(&flusher->threads.lock);
	unsigned seat = flusher->seats++;
	pthread_mutex_unlock(&flusher->threads.lock);
	while (!over) {
		sr_threads_wait(&flusher->threads);
		struct job *job = begin_job(flusher, seat, &over);
		if (job == NULL)
			continue;
		run_job(job);
		end_job(flusher, seat);
	}
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

enum sr_code sr_flush(struct sr_flusher *flusher, struct sr_blob *blob, sr_flush_done *done, void *context)
{
	struct job *job = calloc(1, sizeof *job);

	if (job == NULL)
		return SR_INTERNAL;
	job->blob = blob;
	job->done = done;
	job->context = context;
	pthread_mutex_lock(&flusher->threads.lock);
	*flusher->last = job;
	flusher->last = &job->next;
	flusher->waiting++;
	pthread_mutex_unlock(&flusher->threads.lock);
	sr_threads_wake(&flusher->threads);
	return SR_OK;
}

unsigned sr_flusher_waiting(struct sr_flusher *flusher)
{
	pthread_mutex_lock(&flusher->threads.lock);
	unsigned waiting = flusher->waiting;
	pthread_mutex_unlock(&flusher->threads.lock);
	return waiting;
}
