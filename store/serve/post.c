/*
 * Handing work to the event loop from any other thread.
 */
#include "serve/post.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct sr_postbox {
	uv_async_t wake;
	pthread_mutex_t lock;
	struct sr_post *first;
	struct sr_post **last;
	atomic_uint posting; /* threads that are not through with the box yet */
};

static void deliver(uv_async_t *wake)
{
	struct sr_postbox *box = wake->data;
	pthread_mutex_lock(&box->lock);
	struct sr_post *post = box->first;
	box->first = NULL;
	box->last = &box->first;
	pthread_mutex_unlock(&box->lock);
	while (post) {
		struct sr_post *next = post->next; /* `run` may free the post */
		post->run(post);
		post = next;
	}
}

struct sr_postbox *sr_postbox_new(uv_loop_t *loop)
{
	struct sr_postbox *box = calloc(1, sizeof *box);
	if (!box)
		return NULL;
	box->last = &box->first;
	box->wake.data = box;
	if (pthread_mutex_init(&box->lock, NULL) != 0) {
		free(box);
		return NULL;
	}
	if (uv_async_init(loop, &box->wake, deliver) != 0) {
		pthread_mutex_destroy(&box->lock);
		free(box);
		return NULL;
	}
	return box;
}

void sr_post(struct sr_postbox *box, struct sr_post *post)
{
	post->next = NULL;
	atomic_fetch_add(&box->posting, 1);
	pthread_mutex_lock(&box->lock);
	*box->last = post;
	box->last = &post->next;
	pthread_mutex_unlock(&box->lock);
	/* Without the lock: the loop, which this wakes, would wait for a thread that stands back behind all others. */
	uv_async_send(&box->wake);
	atomic_fetch_sub(&box->posting, 1);
}

static void closed(uv_handle_t *handle)
{
	struct sr_postbox *box = handle->data;
	pthread_mutex_destroy(&box->lock);
	free(box);
}

void sr_postbox_close(struct sr_postbox *box)
{
	/* The last post may have been taken before its thread was through. */
	while (atomic_load(&box->posting) > 0)
		(void)sched_yield();
	uv_close((uv_handle_t *)&box->wake, closed);
}
