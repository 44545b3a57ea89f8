/*
 * A request's part of the account: what it met goes into one entry, durable before its answer leaves; a change has an
 * intent before it and an outcome behind it.
 */
#ifndef SR_ACCOUNT_REQUEST_H
#define SR_ACCOUNT_REQUEST_H

#include "serve/accounting/accounting.h"
#include "serve/request.h"

/*
 * How an operation uses this. Every request is accounted for unless its operation has no entry (serve/operations.c).
 *
 * A read: note what it met with sr_account_recording. Its entry (PRESENTED, or REFUSED with code and text if it failed)
 * is written when the pool step that makes the reply returns, and the reply waits for it. Nothing else to do.
 *
 * A change, on the pool, in this order:
 *   1. look and check; a refusal here is the request's REFUSED entry.
 *   2. sr_account_intent(request): returns once it is durable; not SR_OK: give up, request->error is set. May be called
 *      again, for the next attempt.
 *   3. sr_account_run(request, tag, op, &failed) in the place of sr_index_run for the operation that decides.
 *   4. make the reply. The OUTCOME is written behind it: applied if 3 was SR_OK. What was noted since 2 stands in it.
 */

/*
 * Note for the entry that is written next; all is copied. Words without a place of their own are facts and counts,
 * whose names are static lower-case text; a second one of the same name replaces the first. When memory is used up the
 * entry, and so the request, fails later. Pool, or the loop while no job runs.
 */
void sr_account_recording(struct sr_request *request, const struct sr_audit_recording *recording);
void sr_account_fact(struct sr_request *request, const char *name, const char *value);
void sr_account_count(struct sr_request *request, const char *name, uint64_t value);
void sr_account_name(struct sr_request *request, const char *name);
void sr_account_reason(struct sr_request *request, const char *reason);
void sr_account_linked(struct sr_request *request, const uint8_t tag[SR_TAG]);

/* A look is begun again: what recordings it noted did not count. */
void sr_account_start_again(struct sr_request *request);

/* Is a recording noted that still counts? */
bool sr_account_has_met(const struct sr_request *request);

/* The recording with this id, withheld for `why` (static; NULL: it was not). */
void sr_account_met(struct sr_request *request, const uint8_t recording[SR_UUID], const char *why);

/* A track of `recording` as an outcome names it: its length, and the manifest that it is sealed with now. */
void sr_account_track(struct sr_request *request, const uint8_t recording[SR_UUID], const struct sr_track_row *row);

/* The change is one that may use the account's reserve: what runs goes on, or something is stopped or removed. */
void sr_account_may_use_reserve(struct sr_request *request);

/* It goes on with what an entry of its connection says already: only if it is refused has it one of its own. */
void sr_account_goes_on(struct sr_request *request);

/*
 * Have `entry` (in; borrowed until this pool step's entry is submitted) behind that one, as sr_audit_append does,
 * unless the request is refused: what the answer leads to without being asked again. It has the next number, if the
 * answer may leave, and otherwise neither is there. Pool.
 */
void sr_account_behind(struct sr_request *request, const struct sr_audit_entry *entry);

/* This pool step is the one to be accounted for, although the loop makes the reply. Pool. */
void sr_account_without_reply(struct sr_request *request);

/* Steps 2 and 3 above; sr_account_run takes `op` over in any case. sr_index_run's results. Pool. */
enum sr_code sr_account_intent(struct sr_request *request) SR_MUST_USE;
struct sr_op;
enum sr_code sr_account_run(struct sr_request *request, const uint8_t tag[SR_TAG], struct sr_op *op,
			    size_t *failed) SR_MUST_USE;

/* The same in parts: the mark for an operation that is run otherwise, and that it was. */
bool sr_account_mark(struct sr_request *request, const uint8_t tag[SR_TAG], struct sr_op *op) SR_MUST_USE;
void sr_account_applied(struct sr_request *request);

/* The request's own words as an entry, for one that is written beside its own. Borrowed from the request. */
struct sr_audit_entry sr_account_words(const struct sr_request *request);

/* ---- for request.c alone ---- */

/* An event of the request goes into its entry, or into one of its own if that is written. */
struct sr_event;
void sr_account_event(struct sr_request *request, const struct sr_event *event);

/* True if sr_account_step may have to wait for the index: its entry may be the first to name somebody. Any thread. */
bool sr_account_step_waits(const struct sr_request *request) SR_MUST_USE;

/*
 * After a pool step: if this was the step that made the answer, submit the entry. True if the answer has to wait: the
 * request's account.post is then posted to the loop, where sr_account_take_result comes first. Pool.
 */
bool sr_account_step(struct sr_request *request) SR_MUST_USE;

/* The entry is durable, or could not be written: then neither the reply nor anything it would have led to happens. */
void sr_account_take_result(struct sr_request *request);

/* The same for an answer that was made on the loop. */
bool sr_account_answer(struct sr_request *request) SR_MUST_USE;

/* Behind the answer: the outcome, if there was an intent. Then what it holds is freed. Loop. */
void sr_account_end(struct sr_request *request);

#endif
