/*
 * What the daemon knows of rotating and retiring: who rotates, whether it must wait, what an ending leaves for the next
 * start.
 */
#ifndef SR_ROTATION_H
#define SR_ROTATION_H

#include "serve/epochs/rotate_batch.h"
#include "serve/request.h"
#include "serve/session.h"

struct sr_rotation;

/* NULL when memory is used up. Freed when nobody rotates or retires any more. */
struct sr_rotation *sr_rotation_new(struct sr_daemon *daemon) SR_MUST_USE;
void sr_rotation_free(struct sr_rotation *rotation);

/* True once the daemon is ending: a proof under way gives up. Any thread. */
bool sr_rotation_stopping(struct sr_rotation *rotation);

/* The daemon is ending. Loop. */
void sr_rotation_stop(struct sr_rotation *rotation);

/*
 * Take up what a crash or an ending has left: an epoch that is closing is proved unused and retired, or opened again.
 * Loop, once.
 */
void sr_rotation_resume(struct sr_rotation *rotation);

/* Time has passed: steps that wait, leases that ran out, kept keys whose time is over. Loop. */
void sr_rotation_tick(struct sr_rotation *rotation, uint64_t now);

/*
 * May this session take a step of a rotation now? SR_BUSY if another's rotation, or another step, is under way;
 * SR_UNAVAILABLE: the daemon is ending. On SR_OK the session has the lease, and a step is under way until
 * sr_rotation_stepped. *begins (out): the lease is new. Loop.
 */
enum sr_code sr_rotation_take(struct sr_rotation *rotation, struct sr_session *session, bool *begins,
			      struct sr_error *err) SR_MUST_USE;
void sr_rotation_stepped(struct sr_rotation *rotation);

/*
 * Call `go` on the loop with `request` when recording and playback leave the disk and the pool to it; at once if they
 * do, and after about 100 ms in any case. One at a time.
 */
void sr_rotation_wait(struct sr_rotation *rotation, struct sr_request *request, sr_request_step *go);

/* How many lanes of the pool a batch may use: never so many that reads find no thread. */
unsigned sr_rotation_lanes(const struct sr_daemon *daemon);

/* A job of rotating has begun (1) or ended (-1): the daemon waits for it, but it is no sign that others wait. Loop. */
void sr_rotation_job(struct sr_rotation *rotation, int change);

/*
 * Read and seal, while a step is under way, what the holder's next one is thought to ask for: `order` from `place` on.
 * Nothing happens when others wait, memory is scarce, or the daemon is ending. It goes when the lease does. Loop.
 */
void sr_rotation_read_ahead(struct sr_rotation *rotation, const struct sr_rotate_step *order,
			    const struct sr_epoch_place *place);

/*
 * The batch that was read ahead, if it is what a step of `order` from `place` would do; it is the caller's then. NULL
 * otherwise, and the batch is dropped. Loop.
 */
struct sr_rotate_batch *sr_rotation_ahead(struct sr_rotation *rotation, const struct sr_rotate_step *order,
					  const struct sr_epoch_place *place);

/* Begin to retire: SR_BUSY if an epoch is being retired. Pairs with sr_rotation_retired. Loop. */
enum sr_code sr_rotation_retire(struct sr_rotation *rotation, struct sr_error *err) SR_MUST_USE;
void sr_rotation_retired(struct sr_rotation *rotation);

/* Log how a retirement went: its proof, or why not. `by` is the service that asked. */
struct sr_retiring;
void sr_retiring_log(const struct sr_retiring *retiring, const char *by);

#endif
