/*
 * Alarms: what is told to people. Which events make one alarm, when each is told, tried again and given up: pure, with
 * the time as an argument. The latest stay in a ring.
 */
#ifndef SR_ALARM_H
#define SR_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/event.h"
#include "message_alarm.h"

#define SR_ALARMS_KEPT 256
#define SR_ALARM_JSON_MAX 8192

/* One alarm. Texts are terminated, "" where there is nothing to say; tags and recording are then zeros. */
struct sr_alarm {
	uint64_t number; /* from 1, ascending */
	enum sr_alarm_kind kind;
	enum sr_alarm_delivery delivery;
	unsigned tries;
	uint64_t first_ms, last_ms; /* since 1970 */
	uint32_t count;             /* events it stands for */
	uint64_t request;           /* of the first event, as is all that follows */
	char operation[SR_SERVICE_NAME_MAX + 1];
	char service[SR_SERVICE_NAME_MAX + 1];
	char issuer[SR_SERVICE_NAME_MAX + 1];
	char jti[SR_ALARM_JTI_MAX + 1];
	char what[SR_TEXT_MAX + 1];
	uint8_t patient[SR_TAG];
	uint8_t actor[SR_TAG];
	uint8_t recording[SR_UUID];
	bool has_own_tag, own_tag; /* of foreign, as in struct sr_event */
	uint8_t owner[SR_TAG];
	bool has_owner;
	/* The telling; times are of a clock that never goes back. */
	bool telling;
	uint32_t told, telling_count; /* events that the last telling stood for, and the one under way */
	unsigned failures;            /* since the last success */
	uint64_t until;               /* further events of the same count into this one before this */
	uint64_t due;                 /* UINT64_MAX: not */
};

/* The alarm that an event makes by itself, without number and times. False: it is none. */
bool sr_alarm_of(const struct sr_event *event, struct sr_alarm *alarm) SR_MUST_USE;

/* What a configuration says about telling. */
struct sr_alarm_rules {
	bool told;          /* there is a command */
	uint64_t window_ms; /* within which the same kind about the same counts into one */
	unsigned tries_max; /* failures after which one is given up */
};

struct sr_alarms;

/* No alarms yet; NULL when memory is used up. NULL may be freed. */
struct sr_alarms *sr_alarms_new(void) SR_MUST_USE;
void sr_alarms_free(struct sr_alarms *alarms);

/*
 * An event has come: `alarm` (in, copied) is counted into the one of the same kind and subject whose window is open, or
 * becomes a new one that is due at once. The same subject is: the same service, issuer, patient, actor and `what`, and
 * for damage the same recording. A test is always new. The oldest makes room, if it can one that nothing is to be told
 * of. Returns the alarm's number. `wall_ms` since 1970; `now` of the clock that never goes back.
 */
uint64_t sr_alarms_note(struct sr_alarms *alarms, const struct sr_alarm *alarm, const struct sr_alarm_rules *rules,
			uint64_t wall_ms, uint64_t now);

/*
 * One from before the daemon was started, at `wall_ms`: nothing is told of it. It counts into one of the same subject
 * whose first event was less than `window_ms` before, or becomes a new one.
 */
void sr_alarms_recall(struct sr_alarms *alarms, const struct sr_alarm *alarm, uint64_t window_ms, uint64_t wall_ms);

/* An alarm that is to be told now; it is then under way until sr_alarms_told says how that ended. NULL: none is due. */
const struct sr_alarm *sr_alarms_next(struct sr_alarms *alarms, uint64_t now);

/*
 * The telling of alarm `number` has ended. After a failure it is due again: after 200 ms, then twice as long each
 * time, at most a minute; past rules->tries_max failures it is given up, which *given_up (out) tells. After a success
 * it is due again at the end of its window, if more events have been counted into it.
 */
void sr_alarms_told(struct sr_alarms *alarms, uint64_t number, bool done, const struct sr_alarm_rules *rules,
		    uint64_t now, bool *given_up);

/* The first alarm with a number above `after`; NULL: there is none. Valid until the next call of sr_alarms_note. */
const struct sr_alarm *sr_alarms_after(const struct sr_alarms *alarms, uint64_t after);

/* How many alarms are no longer kept, and how many of these had something left to be told. */
uint64_t sr_alarms_lost(const struct sr_alarms *alarms);
uint64_t sr_alarms_lost_untold(const struct sr_alarms *alarms);

/*
 * The alarm as one JSON object and a line's end, in `out` (SR_ALARM_JSON_MAX bytes); its size. `store` (in) is the
 * store's id in hex. Bytes that are not printable ASCII are escaped one by one.
 */
size_t sr_alarm_json(const struct sr_alarm *alarm, const char *store, char out[SR_ALARM_JSON_MAX]);

#endif
