/*
 * Going on after a loss. A client whose options name a time makes a lost connection again, asks again for the streams
 * and requests that outlive it, and gives each of them up when nothing has come of it for that time.
 */
#ifndef SR_RECONNECT_H
#define SR_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct sr_call;
struct sr_client;
struct sr_result;
struct sr_stream;

/* Something that is tried again: a connection, a stream, a request. Zeros: all is well with it. */
struct sr_retry {
	uint64_t at;    /* loop time in ms of the next attempt */
	uint64_t until; /* loop time in ms when it is given up; 0: it has not failed since it last succeeded */
	unsigned tries;
};

/*
 * Plan the next attempt: after 50 ms, twice as long each time up to 2 s, with jitter, and not before `hint_ms`, what
 * the store has asked for. `limit_ms` counts from the first failure. False: that time is over.
 */
bool sr_retry_plan(struct sr_retry *retry, const struct sr_client *client, uint32_t limit_ms,
		   uint32_t hint_ms) SR_MUST_USE;

/* True if `client` has lost its connection and is making it again, or has still to see whether it may. */
bool sr_reconnect_under_way(const struct sr_client *client);

/* The store has refused something with `why`: how long it says that it is busy counts for a goodbye as well. */
void sr_reconnect_heard(struct sr_client *client, const struct sr_result *why);

/* The connection has failed with client->failure: true if it will be made again, which is planned then. */
bool sr_reconnect_takes(struct sr_client *client) SR_MUST_USE;

/* Of such a connection: true if this stream, or this call, outlives it, and is then kept for the next. */
bool sr_reconnect_keeps_stream(struct sr_stream *stream) SR_MUST_USE;
bool sr_reconnect_keeps_call(struct sr_call *call) SR_MUST_USE;

/* Keep a stream that was begun while there is no connection for the next one. */
void sr_reconnect_sets_aside(struct sr_stream *stream);

/* All callbacks of the loss have run: tell the application that it is being made again, once. */
void sr_reconnect_began(struct sr_client *client);

/* The connection stands: what was kept is asked for again. */
void sr_reconnect_ready(struct sr_client *client);

/* The store has refused this stream, or ended it; or refused this call: true if it will be asked for again. */
bool sr_reconnect_retries_stream(struct sr_stream *stream, const struct sr_result *why) SR_MUST_USE;
bool sr_reconnect_retries_call(struct sr_call *call, const struct sr_result *why) SR_MUST_USE;

/* Something has come of this stream (NULL: of the connection alone), so that patience begins anew. */
void sr_reconnect_progress(struct sr_client *client, struct sr_stream *stream);

/* When the next attempt is due, loop time in ms or UINT64_MAX; and make those that are. */
uint64_t sr_reconnect_due(const struct sr_client *client);
void sr_reconnect_run(struct sr_client *client);

#endif
