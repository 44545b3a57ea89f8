/*
 * Alarms from before this daemon was started, as its account has them.
 */
#ifndef SR_ALARMS_PAST_H
#define SR_ALARMS_PAST_H

#include "account/alarm.h"
#include "account/audit.h"

/* How many of the log's latest entries are looked at. */
#define SR_ALARMS_PAST_ENTRIES 32768u

/*
 * Put the alarms that the log's latest entries tell of into `alarms` (in and out), the oldest first; those of the same
 * subject within `window_ms` count into one. SR_CORRUPT, SR_IO, SR_INTERNAL: those before the failure are there.
 */
enum sr_code sr_alarms_past(struct sr_audit *audit, uint64_t window_ms, struct sr_alarms *alarms,
			    struct sr_error *err) SR_MUST_USE;

#endif
