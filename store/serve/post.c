/*
 * Handing work to the event loop from any other thread.
 */
#include "serve/post.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * The loop is woken by a descriptor of the box's own. uv_async_send, whose thread the loop interrupts as it wakes,
 * would keep the loop turning until that thread goes on; one that stands back behind all others may be long in doing
 * so.
 */
struct sr_postbox {
	uv_poll_t wake;
	int fd;
	pthread_mutex_t lock;
	struct sr_post *first;
	struct sr_post **last;
	atomic_uint posting; /* threads that are not through with the box yet */
};

static void deliver(uv_poll_t *wake, int status, int events)
{
	struct sr_postbox *box = wake->data;
	uint64_t count;
	(void)status;
	(void)events;
	/* First: whatever is posted from now on is told of again. */
	(void)!read(box->fd, &count, sizeof count);
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
	box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (box->fd < 0 || uv_poll_init(loop, &box->wake, box->fd) != 0) {
		if (box->fd >= 0)
			(void)close(box->fd);
		free(box);
		return NULL;
	}
	/* Neither can fail on Linux: nobody else watches this descriptor. */
	(void)pthread_mutex_init(&box->lock, NULL);
	(void)uv_poll_start(&box->wake, UV_READABLE, deliver);
	return box;
}

/* Cannot fail but by a signal: the count is far from its end. */
static void wake(const struct sr_postbox *box)
{
	static const uint64_t one = 1;
	while (write(box->fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
}

void sr_post(struct sr_postbox *box, struct sr_post *post)
{
	post->next = NULL;
	atomic_fetch_add(&box->posting, 1);
	pthread_mutex_lock(&box->lock);
	*box->last = post;
	box->last = &post->next;
	pthread_mutex_unlock(&box->lock);
	/*
	 * Without the lock, for which the loop, which this wakes, would have to wait; and whether the box was empty or
	 * not: whoever came first may not get to wake the loop for a long time.
	 */
	wake(box);
	atomic_fetch_sub(&box->posting, 1);
}

static void closed(uv_handle_t *handle)
{
	struct sr_postbox *box = handle->data;
	pthread_mutex_destroy(&box->lock);
	(void)close(box->fd);
	free(box);
}

void sr_postbox_close(struct sr_postbox *box)
{
	/* The last post may have been taken before its thread was through. */
	while (atomic_load(&box->posting) > 0)
		(void)sched_yield();
	uv_close((uv_handle_t *)&box->wake, closed);
}
