/*
 * Handing work to the event loop from any other thread.
 */
#ifndef SR_POST_H
#define SR_POST_H

#include <uv.h>

#include "error.h"

/* One thing to be done on the loop; embedded by its owner, who keeps it until `run` is called. */
struct sr_post {
	struct sr_post *next;
	void (*run)(struct sr_post *post);
};

struct sr_postbox;

/* A box on `loop`. NULL when memory or descriptors are used up. */
struct sr_postbox *sr_postbox_new(uv_loop_t *loop) SR_MUST_USE;

/* Have `post->run` called once on the loop, in the order posted. Any thread; never fails. */
void sr_post(struct sr_postbox *box, struct sr_post *post);

/*
 * Close; the box frees itself on the loop. Every post must have been taken already: a thread that is still within
 * sr_post with it is waited for.
 */
void sr_postbox_close(struct sr_postbox *box);

#endif
