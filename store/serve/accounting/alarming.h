/*
 * Alarms at work: taken from whatever thread they come, answered with freezes where the configuration says so, told to
 * its command.
 */
#ifndef SR_ALARMING_H
#define SR_ALARMING_H

#include "serve/request.h"

struct sr_alarming;

/* Take every alarm from now on. NULL when memory is used up. */
struct sr_alarming *sr_alarming_new(struct sr_daemon *daemon) SR_MUST_USE;

/*
 * Tell nobody any more, and kill commands that run. The handles close on the loop; when it has been left and no other
 * thread raises events, sr_alarming_free releases the rest. NULL is allowed in both.
 */
void sr_alarming_close(struct sr_alarming *alarming);
void sr_alarming_free(struct sr_alarming *alarming);

/* Time has passed: what came is taken in, what is due told, commands that take too long killed. Loop. */
void sr_alarming_tick(struct sr_alarming *alarming, uint64_t now);

/* A request that reads passed: count its patient for its actor and its service, and alarm if they have become many.
 * Pool. */
void sr_alarming_watch(struct sr_request *request);

#endif
