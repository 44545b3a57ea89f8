/*
 * What a player accounts for: each range authorised before its first key leaves, ahead of a reader who goes on and on;
 * what was sent, merged, at the close; what the client's next request confirmed.
 */
#ifndef SR_PLAY_ACCOUNT_H
#define SR_PLAY_ACCOUNT_H

#include "message.h"
#include "serve/accounting/account_request.h"
#include "serve/play/ranges.h"
#include "serve/play/table.h"

#define SR_AUTHORISE_MAX SR_READ_MAX         /* bytes of one entry */
#define SR_AUTHORISE_AHEAD (SR_READ_MAX / 2) /* when so much is left, the next entry is written */

/* One request for authorisation: decided on the loop, made on the pool, answered by the log. */
struct sr_ask {
	bool wanted;       /* the next pool job submits it */
	bool runs;         /* submitted, not told of */
	bool nothing;      /* the track ends before it */
	bool ahead;        /* nobody waits for it yet */
	uint64_t from, to; /* what is wanted; `to` becomes what was written */
	uint64_t least;    /* up to here it must go, so far as there is anything */
	uint64_t covers;   /* what may leave once it is durable: all, if it reaches the end of a finished track */
	enum sr_code result;
	struct sr_post post;
};

/* A player's; the opening job's alone, then the loop's, but for `ask` while a job runs. */
struct sr_play_account {
	struct sr_daemon *daemon;
	uint8_t recording[SR_UUID];
	uint64_t opened; /* the entry of its opening */
	struct sr_account_open *open;
	/* The window: bytes of `track` from `from`; up to `durable` they may leave, up to `asked` they have been asked
	 * for. */
	uint16_t track;
	uint64_t from, durable, asked;
	bool at_end;   /* nothing of the track is left to ask for ahead */
	uint64_t next; /* where a reader who reads on will read */
	bool ahead;    /* the present one does, or asks for the most there is */
	struct sr_ask ask;
	struct sr_range last; /* what of the present range was sent */
	struct sr_ranges sent, confirmed;
	void (*asked_back)(struct sr_play_account *account); /* on the loop, when an ask has come back */
};

/* Begin, zeroed before, for a player of `recording` that is being opened. Pool. */
void sr_play_account_begin(struct sr_play_account *account, struct sr_daemon *daemon, const uint8_t recording[SR_UUID]);

/*
 * A range that is opened with its recording: have the entry that authorises it behind the opening's, in the same sync,
 * so that the first bytes need not wait for one of their own. It is kept in `entry` (out; as long as the request's step
 * runs) and borrows from the request. `found` as for sr_play_account_ask, after sr_play_account_read. Nothing is asked
 * for where the track ends before the range. Failures are in the request's error. Pool.
 */
struct sr_start_entry {
	struct sr_audit_entry entry;
	struct sr_audit_recording range;
};
enum sr_code sr_play_account_start(struct sr_play_account *account, const struct sr_play_range *range,
				   const struct sr_table_look *found, struct sr_start_entry *entry) SR_MUST_USE;

/* The opening's entry is durable, and is this one; and so is what sr_play_account_start put behind it. Loop. */
void sr_play_account_opened(struct sr_play_account *account, uint64_t number);

/*
 * A range is asked for (before it is opened: pool); any request confirms what was sent before it
 * (sr_play_account_confirm). Loop.
 */
void sr_play_account_read(struct sr_play_account *account, const struct sr_play_range *range);
void sr_play_account_confirm(struct sr_play_account *account);

/*
 * Bytes from `at` of the range are to be sent next: decide what must be asked for. False: not now, an ask for something
 * else is on its way; `asked_back` says when. Loop.
 */
bool sr_play_account_plan(struct sr_play_account *account, const struct sr_play_range *range, uint64_t at) SR_MUST_USE;

/*
 * Submit what was planned, clipped to the track. `found` (in): what has been read of it, where the range begins.
 * Failures are in its request's error. Pool.
 */
enum sr_code sr_play_account_ask(struct sr_play_account *account, const struct sr_table_look *found) SR_MUST_USE;

/*
 * After the job: say what was confirmed meanwhile (`words`: who, for whom). True if bytes up to `to` may leave; false:
 * `asked_back` will be called. Loop.
 */
bool sr_play_account_may_send(struct sr_play_account *account, const struct sr_audit_entry *words,
			      uint64_t to) SR_MUST_USE;

/* They have been handed to the connection. Loop. */
void sr_play_account_sent(struct sr_play_account *account, const struct sr_audit_entry *words,
			  const struct sr_range *range);

/* The player ends, for `reason`, a code's name, "closed" or "gone": everything sent and confirmed is said. Loop. */
void sr_play_account_end(struct sr_play_account *account, const struct sr_audit_entry *words, const char *reason);

#endif
