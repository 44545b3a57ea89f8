/*
 * The one place through which everything passes that must be accounted for: refusals with a meaning, alarms, and the
 * counters that `stats` shows.
 */
#ifndef SR_EVENT_H
#define SR_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "context.h"
#include "error.h"
#include "uuid.h"

/* What happened. The first five and the last two are alarms: the words of the design. */
enum sr_event_kind {
	SR_EVENT_MISFILED,              /* a list found a row that is not this patient's */
	SR_EVENT_FOREIGN,               /* a request named somebody else's recording */
	SR_EVENT_CONSULTATION_CONFLICT, /* a consultation, or a recording id, bound to another patient */
	SR_EVENT_CORRUPT,               /* stored bytes do not verify */
	SR_EVENT_BREAK_GLASS,           /* a grant used with the purpose `break-glass` */
	SR_EVENT_FOREIGN_CHECK,         /* `check` met a foreign id: asked in good faith, so no alarm */
	SR_EVENT_REFUSED,               /* a grant or a role did not allow it */
	SR_EVENT_UNUSUAL,               /* an alarm: unusually many patients through one actor or service */
	SR_EVENT_TEST,                  /* an alarm that somebody asked for */
	SR_EVENT_KINDS
};

/* One event. Pointers are borrowed during the call; what is not known is NULL, and left out of the line. */
struct sr_event {
	enum sr_event_kind kind;
	const char *operation; /* the design's name: "list", "play.open", … */
	uint64_t request;
	const char *service;
	const char *issuer; /* the configuration's name */
	const char *jti;
	const uint8_t *tag;       /* SR_TAG: the patient the request was for */
	const uint8_t *actor;     /* SR_TAG */
	const uint8_t *recording; /* SR_UUID */
	bool has_own_tag;
	bool own_tag;         /* foreign: did it stand under the requester's tag? */
	const uint8_t *owner; /* SR_TAG, foreign: whose it is, as the hint says; not logged */
	const char *what;     /* corrupt: which part; unusual: through what */
	enum sr_code code;    /* refused: why */
	const char *text;     /* refused: the reason */
};

/* Log it (alarms at the highest severity) and count it. Any thread. */
void sr_event(const struct sr_event *event);

/*
 * Have `heard` called with every event from now on, after it was logged, on whatever thread it came from; NULL: nobody.
 * Not while events may come from other threads.
 */
typedef void sr_event_heard(void *context, const struct sr_event *event);
void sr_event_listen(sr_event_heard *heard, void *context);
/* Its word, static; and whether it is an alarm. */
const char *sr_event_name(enum sr_event_kind kind);
bool sr_event_is_alarm(enum sr_event_kind kind);

/* Everything that is counted. */
enum sr_counter {
	SR_COUNT_MISFILED,
	SR_COUNT_FOREIGN,
	SR_COUNT_CONSULTATION_CONFLICT,
	SR_COUNT_CORRUPT,
	SR_COUNT_BREAK_GLASS,
	SR_COUNT_FOREIGN_CHECK,
	SR_COUNT_REFUSED,
	SR_COUNT_SESSIONS,
	SR_COUNT_SESSIONS_NOW,
	SR_COUNT_HALF_OPEN_NOW,
	SR_COUNT_HANDSHAKES_REFUSED,
	SR_COUNT_REFUSED_SESSIONS,  /* each limit has its own: connections in all, */
	SR_COUNT_REFUSED_HALF_OPEN, /* of unproved callers, in all or from one address, */
	SR_COUNT_REFUSED_ADDRESS,   /* from one address, */
	SR_COUNT_REFUSED_SERVICE,   /* of one service, */
	SR_COUNT_REFUSED_STREAMS,   /* streams and */
	SR_COUNT_REFUSED_REQUESTS,  /* requests of one connection, */
	SR_COUNT_REFUSED_MEMORY,    /* and whatever is new while memory is scarce */
	SR_COUNT_TIMED_OUT,         /* connections ended because their peer took too long */
	SR_COUNT_MEMORY_NOW,        /* bytes in the account of serve/budget */
	SR_COUNT_REQUESTS,
	SR_COUNT_WITHHELD,
	SR_COUNT_INDEX_READS,
	SR_COUNT_DERIVATIONS,
	SR_COUNT_OPENS,
	SR_COUNT_WRITERS_NOW,
	SR_COUNT_PLAYERS_NOW,
	SR_COUNT_BYTES_RECEIVED,
	SR_COUNT_BYTES_DURABLE,
	SR_COUNT_BYTES_SENT,
	SR_COUNT_SEGMENTS,
	SR_COUNT_FLUSHES,
	SR_COUNT_ROTATED, /* rows that a rotation has moved to another epoch */
	SR_COUNT_SCRUB_ROWS,
	SR_COUNT_SCRUB_BYTES,
	SR_COUNT_SCRUB_FINDINGS,
	SR_COUNT_UNUSUAL,
	SR_COUNT_ALARM_TESTS,
	SR_COUNT_ALARMS_TOLD,   /* commands that ended well, */
	SR_COUNT_ALARMS_FAILED, /* and that did not; */
	SR_COUNT_ALARMS_MISSED, /* alarms that came too many at once to be told */
	SR_COUNT_FREEZES_NOW,
	SR_COUNT_REFUSED_FROZEN, /* requests and streams that a freeze stopped */
	SR_COUNT_RESET_FROZEN,   /* connections ended because they did not take in time what a freeze left unsent */
	SR_COUNT_DELETED,        /* recordings that became doomed, */
	SR_COUNT_REMOVED,        /* and those whose files and rows are gone */
	SR_COUNT_ACCOUNT_FAILED, /* entries that could not be written */
	SR_COUNTERS
};

/* Add (or with a negative number take away); read; and the stable name that `stats` uses. Any thread. */
void sr_count(enum sr_counter counter, int64_t by);
uint64_t sr_counted(enum sr_counter counter);
const char *sr_counter_name(enum sr_counter counter);

#endif
