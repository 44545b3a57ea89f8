/*
 * Freezes at work: made durable and put in force one after the other, and asked about by every request.
 */
#ifndef SR_FREEZING_H
#define SR_FREEZING_H

#include "access/freeze.h"
#include "serve/request.h"

/* Read the freezes from the index, before anything is served. SR_CORRUPT, SR_UNAVAILABLE, SR_IO, SR_INTERNAL. */
enum sr_code sr_freezing_load(struct sr_daemon *daemon, struct sr_error *err) SR_MUST_USE;

/*
 * SR_OK unless a freeze stops this request, whose grant is proven: SR_FROZEN in request->error, an event. `recording`
 * (in) is one that was found to be the grant's patient's, NULL where none is named: a named recording that is another's
 * answers `not_found` before this is asked. Judged by the freezes as the request began. Pool or loop.
 */
enum sr_code sr_request_frozen(struct sr_request *request, const uint8_t *recording) SR_MUST_USE;

/*
 * True, with SR_FROZEN or SR_BUSY in request->error, if the answer of a request that passed may not leave any more,
 * because of freezes that were made since. Loop.
 */
bool sr_request_overtaken(struct sr_request *request) SR_MUST_USE;

/* True if what a stream's grant and service do with its recording is stopped now. Loop. */
struct sr_held_grant;
bool sr_stream_frozen(const struct sr_daemon *daemon, const struct sr_held_grant *held, const uint8_t *recording,
		      const char *service, bool ingests) SR_MUST_USE;

/* The same of what a request has proved, for a stream that is to hold it from now on. Loop. */
bool sr_request_frozen_now(const struct sr_request *request, bool ingests) SR_MUST_USE;

/* A freeze that the store makes by its configuration, unless the same is frozen already. `entry` is copied. Loop. */
void sr_freeze_by_store(struct sr_daemon *daemon, const struct sr_freeze_entry *entry);

#endif
