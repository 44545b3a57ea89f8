/*
 * Threads that help along: one queue of jobs that still want a lane, from which a job is taken back when its own thread
 * is through.
 */
#include "serve/crew.h"

#include <pthread.h>
#include <stdlib.h>

#include "data/thread.h"

/* On the stack of its caller, who leaves when it is in no queue and no lane of it runs. */
struct job {
	struct job *next;
	sr_crew_lane *run;
	void *context;
	unsigned wanted;  /* lanes that helpers may still take */
	unsigned given;   /* lanes that have been taken, the caller's own among them */
	unsigned running; /* on helpers */
	pthread_cond_t over;
};

struct sr_crew {
	struct sr_threads threads;
	struct job *first; /* those that want lanes */
	unsigned lanes;    /* that run, or are wanted */
};

/* Take a job out of the queue. Under the lock. */
static void withdraw(struct sr_crew *crew, const struct job *job)
{
	struct job **at = &crew->first;
	while (*at && *at != job)
		at = &(*at)->next;
	if (*at)
		*at = job->next;
}

/* The lane that a helper is woken for, unless its job is over by now. */
static void run_lane(struct sr_crew *crew, struct job *job)
{
	unsigned lane = job->given++;
	job->running++;
	if (--job->wanted == 0)
		withdraw(crew, job);
	pthread_mutex_unlock(&crew->threads.lock);
	job->run(job->context, lane);
	pthread_mutex_lock(&crew->threads.lock);
	crew->lanes--;
	/* Under the lock: the job is gone once its caller has it. */
	if (--job->running == 0)
		pthread_cond_signal(&job->over);
}

static void *help(void *context)
{
	struct sr_crew *crew = context;
	bool stopping = false;
	sr_thread_is("crew", 0);
	while (!stopping) {
		sr_threads_wait(&crew->threads);
		pthread_mutex_lock(&crew->threads.lock);
		if (crew->first)
			run_lane(crew, crew->first);
		stopping = crew->threads.stopping;
		pthread_mutex_unlock(&crew->threads.lock);
	}
	return NULL;
}

struct sr_crew *sr_crew_new(unsigned helpers)
{
	struct sr_crew *crew = calloc(1, sizeof *crew);
	if (helpers > SR_CREW_LANES_MAX - 1)
		helpers = SR_CREW_LANES_MAX - 1;
	if (crew && sr_threads_start(&crew->threads, helpers, help, crew))
		return crew;
	free(crew);
	return NULL;
}

void sr_crew_free(struct sr_crew *crew)
{
	if (crew)
		sr_threads_end(&crew->threads);
	free(crew);
}

/* As many lanes more as there are threads for: other jobs' lanes take theirs. Under the lock. */
static unsigned free_lanes(const struct sr_crew *crew)
{
	return crew->lanes < crew->threads.count + 1 ? crew->threads.count + 1 - crew->lanes : 0;
}

void sr_crew_run(struct sr_crew *crew, bool alone, sr_crew_lane *run, void *context)
{
	struct job job = {.run = run, .context = context, .given = 1, .over = PTHREAD_COND_INITIALIZER};
	if (!crew || alone) {
		run(context, 0);
		return;
	}
	pthread_mutex_lock(&crew->threads.lock);
	crew->lanes++;
	job.wanted = free_lanes(crew);
	crew->lanes += job.wanted;
	if (job.wanted > 0) {
		job.next = crew->first;
		crew->first = &job;
	}
	unsigned woken = job.wanted;
	pthread_mutex_unlock(&crew->threads.lock);
	for (unsigned lane = 0; lane < woken; lane++)
		sr_threads_wake(&crew->threads);
	run(context, 0);
	pthread_mutex_lock(&crew->threads.lock);
	withdraw(crew, &job);
	crew->lanes -= 1 + job.wanted;
	while (job.running > 0)
		pthread_cond_wait(&job.over, &crew->threads.lock);
	pthread_mutex_unlock(&crew->threads.lock);
	(void)pthread_cond_destroy(&job.over);
}
