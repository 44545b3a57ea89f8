/*
 * What the daemon says to the account: intents, marks and outcomes of changes, entries that must be durable before an
 * answer, and what is remembered of them until they are closed.
 */
#ifndef SR_ACCOUNTING_H
#define SR_ACCOUNTING_H

#include "account/audit.h"
#include "data/index.h"
#include "keys/keyring.h"

/*
 * Requests account for themselves through account_request.h; this is what it stands on, and what code without a request
 * uses. All of it is for any thread, unless said otherwise.
 */
struct sr_accounting;

/* What a requester is told when the account cannot be written. */
#define SR_ACCOUNT_FAILED "the account cannot be written, so that nothing is served; tell the operator"

/* Borrowed; they outlive it. */
struct sr_epoch_book;
struct sr_accounting_parts {
	struct sr_audit *audit;
	struct sr_index *index;
	const struct sr_keyring *keyring;
	struct sr_epoch_book *epochs; /* under whose current one people are sealed */
};

/*
 * Take up the account: closes first what a predecessor left open (recovery.c), which takes as long as there are entries
 * behind the oldest open one. SR_INTERNAL; SR_CORRUPT, SR_IO, SR_NO_SPACE from log or index. *out (out) is NULL on
 * failure. Not on the loop.
 */
enum sr_code sr_accounting_new(const struct sr_accounting_parts *parts, struct sr_accounting **out,
			       struct sr_error *err) SR_MUST_USE;

/* Wait for what was submitted, remove its marks, note that nothing is open, release. NULL is allowed. Not on the loop.
 */
void sr_accounting_free(struct sr_accounting *accounting);

/* Time has passed (monotonic ms): marks of closed intents go, merged refusals are written, the low mark moves. */
void sr_accounting_tick(struct sr_accounting *accounting, uint64_t now);

/* ---- entries ---- */

/* May an ordinary entry be written? As sr_audit_ready, with a text for the requester in *err. */
enum sr_code sr_accounting_ready(const struct sr_accounting *accounting, struct sr_error *err) SR_MUST_USE;

/*
 * Submit an entry that nobody waits for: the outcome of something, an alarm. A failure is counted and logged, once for
 * a run of failures; nothing else can be done about it. `accounting` NULL, as where there is no daemon: nothing.
 */
void sr_account_say(struct sr_accounting *accounting, const struct sr_audit_entry *entry, enum sr_audit_class class);

/* Submit an entry that somebody waits for: as sr_audit_submit. */
enum sr_code sr_account_submit(struct sr_accounting *accounting, const struct sr_audit_entry *entry,
			       enum sr_audit_class class, sr_audit_done *done, void *context,
			       struct sr_error *err) SR_MUST_USE;

/* The same where the disk may be waited for: as sr_audit_submit_here. Pool. */
enum sr_code sr_account_submit_here(struct sr_accounting *accounting, const struct sr_audit_entry *entry,
				    enum sr_audit_class class, sr_audit_done *done, void *context,
				    struct sr_error *err) SR_MUST_USE;

/* ---- what is open ---- */

/*
 * A place in the list of entries that a later one must close. It is taken before its entry is submitted, so that the
 * low mark never passes an entry that is on its way. NULL when memory is used up; releasing NULL is allowed.
 */
struct sr_account_open;
struct sr_account_open *sr_account_open(struct sr_accounting *accounting) SR_MUST_USE;
void sr_account_release(struct sr_accounting *accounting, struct sr_account_open *open);

/* Submit, nobody waits, an entry that closes `open` (handed over; NULL: none), which is released once it is durable. */
void sr_account_close(struct sr_accounting *accounting, const struct sr_audit_entry *entry,
		      struct sr_account_open *open);

/* ---- changes ---- */

/* A change whose intent is durable. Zeros: none. Ends with sr_outcome, always. */
struct sr_intent {
	struct sr_account_open *open;
	uint64_t number;
	bool made;
	bool marked; /* `tag` is under whom */
	uint8_t tag[SR_TAG];
};

/* Under whom a change's mark lies that is of no patient: control state. */
extern const uint8_t sr_no_patient[SR_TAG];

/*
 * Make the intent of a change durable, before the change: `entry` (in) of any kind is written as an INTENT. Fills
 * *intent (out). SR_NO_SPACE, SR_IO, SR_INTERNAL: the change must not be made. Waits: pool only.
 */
enum sr_code sr_intent(struct sr_accounting *accounting, const struct sr_audit_entry *entry, enum sr_audit_class class,
		       struct sr_intent *intent, struct sr_error *err) SR_MUST_USE;

/*
 * Add the intent's mark to `op`: the one operation that makes the change, under `tag` of its patient or sr_no_patient.
 * Without an intent nothing is added. False when memory is used up.
 */
bool sr_intent_mark(struct sr_intent *intent, const uint8_t tag[SR_TAG], struct sr_op *op) SR_MUST_USE;

/*
 * Say what became of it, after the reply: `entry` (in) is written as the intent's OUTCOME, with its `outcome` applied
 * or not_applied; the mark goes once that is durable. *intent is zeros afterwards; zeros are allowed. Never waits.
 */
void sr_outcome(struct sr_accounting *accounting, struct sr_intent *intent, const struct sr_audit_entry *entry,
		bool applied);

/* ---- people ---- */

/*
 * Have the `people` row of a tag before the first entry that names it: the identity (1 to 255 bytes, in) sealed to the
 * auditor. A patient who was erased and is not there again gets none, unless `comes`: what is asked for may make them a
 * patient again. Tags seen lately are remembered, so that this costs a read seldom and a commit once. SR_INTERNAL,
 * SR_IO, SR_CORRUPT; SR_BUSY: others keep changing the same rows. Waits for the index: not on the loop.
 */
enum sr_code sr_people_know(struct sr_accounting *accounting, const uint8_t tag[SR_TAG], const uint8_t *identity,
			    size_t size, bool comes, struct sr_error *err) SR_MUST_USE;

/*
 * True if sr_people_know would not wait: the row of the tag (in) is there, or it is to have none. Reads the index where
 * the tag was not seen lately; false where that fails, which sr_people_know will say. Not on the loop.
 */
bool sr_people_known(struct sr_accounting *accounting, const uint8_t tag[SR_TAG]) SR_MUST_USE;

/* Forget that a tag is known, once its row is removed. */
void sr_people_forget(struct sr_accounting *accounting, const uint8_t tag[SR_TAG]);

/* ---- refusals that need no proof of anything ---- */

/*
 * A request was refused before it proved whom it is for: an entry, or if the same was refused lately a count in the
 * next such entry. `service` may be NULL. Never waits; memory is bounded.
 */
void sr_account_refusal(struct sr_accounting *accounting, const char *service, const char *operation,
			const struct sr_error *why);

#endif
