/*
 * What the daemon says to the account: intents, marks and outcomes of changes, entries that must be durable before an
 * answer, and what is remembered of them until they are closed.
 */
#include "serve/accounting/accounting.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "account/log.h"
#include "serve/accounting/accounting_internal.h"

#define MARKS_MS 500       /* how long marks of closed intents are collected */
#define LOW_MS 60000       /* how long the low mark may stay behind while entries come */
#define LOW_ENTRIES 20000u /* and by how many entries, each of which a start reads */

const uint8_t sr_no_patient[SR_TAG];

struct sr_account_open {
	struct sr_account_open *next, *previous;
	struct sr_accounting *accounting;
	uint64_t from; /* no entry below this is its */
	bool marked;   /* an intent's, whose mark goes when its outcome is durable */
	uint64_t number;
	uint8_t tag[SR_TAG];
};

/* A mark whose intent is closed. */
struct mark {
	struct mark *next;
	uint8_t tag[SR_TAG];
	uint64_t number;
};

struct sr_accounting {
	struct sr_accounting_parts parts;
	struct sr_people *people;
	struct sr_refusals *refusals;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t quiet;
	struct sr_account_open *open;
	struct mark *marks;
	unsigned pending; /* entries submitted here whose end has not been told */
	bool failing;     /* the last one could not be written */
	uint64_t low_written;
	uint64_t marks_at, low_at; /* monotonic ms */
};

/* ---- what is open ---- */

struct sr_account_open *sr_account_open(struct sr_accounting *accounting)
{
	struct sr_account_open *open = calloc(1, sizeof *open);
	if (!open)
		return NULL;
	open->accounting = accounting;
	pthread_mutex_lock(&accounting->lock);
	open->from = sr_audit_size(accounting->parts.audit);
	open->next = accounting->open;
	if (open->next)
		open->next->previous = open;
	accounting->open = open;
	pthread_mutex_unlock(&accounting->lock);
	return open;
}

/* The lock is held. */
static void unlink_open(struct sr_accounting *accounting, struct sr_account_open *open)
{
	if (open->previous)
		open->previous->next = open->next;
	else
		accounting->open = open->next;
	if (open->next)
		open->next->previous = open->previous;
}

void sr_account_release(struct sr_accounting *accounting, struct sr_account_open *open)
{
	if (!open)
		return;
	pthread_mutex_lock(&accounting->lock);
	unlink_open(accounting, open);
	pthread_mutex_unlock(&accounting->lock);
	free(open);
}

/* Below this nothing is open. */
static uint64_t low_mark(struct sr_accounting *accounting)
{
	pthread_mutex_lock(&accounting->lock);
	uint64_t low = sr_audit_size(accounting->parts.audit);
	for (const struct sr_account_open *at = accounting->open; at; at = at->next)
		if (at->from < low)
			low = at->from;
	pthread_mutex_unlock(&accounting->lock);
	return low;
}

/* ---- entries ---- */

enum sr_code sr_accounting_ready(const struct sr_accounting *accounting, struct sr_error *err)
{
	enum sr_code code = sr_audit_ready(accounting->parts.audit);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, SR_ACCOUNT_FAILED);
}

enum sr_code sr_account_submit(struct sr_accounting *accounting, const struct sr_audit_entry *entry,
			       enum sr_audit_class class, sr_audit_done *done, void *context, struct sr_error *err)
{
	return sr_audit_submit(accounting->parts.audit, entry, class, done, context, err);
}

enum sr_code sr_account_submit_here(struct sr_accounting *accounting, const struct sr_audit_entry *entry,
				    enum sr_audit_class class, sr_audit_done *done, void *context, struct sr_error *err)
{
	return sr_audit_submit_here(accounting->parts.audit, entry, class, done, context, err);
}

/* One line for a run of failures: whatever waits for an entry is refused anyway. The lock is held. */
static void note_result(struct sr_accounting *accounting, enum sr_code result, const struct sr_error *err)
{
	if (result != SR_OK) {
		sr_count(SR_COUNT_ACCOUNT_FAILED, 1);
		if (!accounting->failing)
			sr_log_error(SR_LOG_ALARM, "account_failed", err);
	}
	accounting->failing = result != SR_OK;
}

/* An entry has been told of, or was never taken. The lock is held. */
static void settle(struct sr_accounting *accounting, enum sr_code result, const struct sr_error *err)
{
	note_result(accounting, result, err);
	if (--accounting->pending == 0)
		pthread_cond_broadcast(&accounting->quiet);
}

static void said(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct sr_accounting *accounting = context;
	(void)number;
	pthread_mutex_lock(&accounting->lock);
	settle(accounting, result, err);
	pthread_mutex_unlock(&accounting->lock);
}

/* What was sent and confirmed is said beside what goes on: nobody waits for it. */
static bool is_left(const struct sr_audit_entry *entry)
{
	return entry->kind == SR_AUDIT_SENT || entry->kind == SR_AUDIT_CONFIRMED;
}

/* Submit with `pending` counting it. False: `done` will not be called. */
static bool say(struct sr_accounting *accounting, const struct sr_audit_entry *entry, enum sr_audit_class class,
		sr_audit_done *done, void *context)
{
	struct sr_error err;
	pthread_mutex_lock(&accounting->lock);
	accounting->pending++;
	pthread_mutex_unlock(&accounting->lock);
	enum sr_code code = is_left(entry)
				    ? sr_audit_leave(accounting->parts.audit, entry, class, done, context, &err)
				    : sr_audit_submit(accounting->parts.audit, entry, class, done, context, &err);
	if (code == SR_OK)
		return true;
	pthread_mutex_lock(&accounting->lock);
	settle(accounting, code, &err);
	pthread_mutex_unlock(&accounting->lock);
	return false;
}

void sr_account_say(struct sr_accounting *accounting, const struct sr_audit_entry *entry, enum sr_audit_class class)
{
	if (accounting)
		(void)!say(accounting, entry, class, said, accounting);
}

/* The entry that closes something is durable: nothing of it is open any more. Otherwise it stays so until a start. */
static void closed(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct sr_account_open *open = context;
	struct sr_accounting *accounting = open->accounting;
	struct mark *mark = result == SR_OK && open->marked ? calloc(1, sizeof *mark) : NULL;
	(void)number;
	pthread_mutex_lock(&accounting->lock);
	bool over = result == SR_OK && (mark || !open->marked);
	if (mark) {
		mark->number = open->number;
		memcpy(mark->tag, open->tag, SR_TAG);
		mark->next = accounting->marks;
		accounting->marks = mark;
	}
	if (over) {
		unlink_open(accounting, open);
		free(open);
	}
	settle(accounting, result, err);
	pthread_mutex_unlock(&accounting->lock);
}

/* The same in a few words, if it was too long. */
static bool say_briefly(struct sr_accounting *accounting, const struct sr_audit_entry *entry,
			struct sr_account_open *open)
{
	struct sr_audit_entry brief = {.kind = entry->kind,
				       .operation = entry->operation,
				       .request = entry->request,
				       .has_of = entry->has_of,
				       .of = entry->of,
				       .outcome = entry->outcome};
	return say(accounting, &brief, SR_AUDIT_CLOSING, closed, open);
}

void sr_account_close(struct sr_accounting *accounting, const struct sr_audit_entry *entry,
		      struct sr_account_open *open)
{
	if (!open)
		sr_account_say(accounting, entry, SR_AUDIT_CLOSING);
	else if (!say(accounting, entry, SR_AUDIT_CLOSING, closed, open))
		(void)!say_briefly(accounting, entry, open);
}

/* ---- changes ---- */

enum sr_code sr_intent(struct sr_accounting *accounting, const struct sr_audit_entry *entry, enum sr_audit_class class,
		       struct sr_intent *intent, struct sr_error *err)
{
	struct sr_audit_entry written = *entry;
	memset(intent, 0, sizeof *intent);
	intent->open = sr_account_open(accounting);
	if (!intent->open)
		return SR_FAIL_MEMORY(err);
	written.kind = SR_AUDIT_INTENT;
	enum sr_code code = sr_audit_append(accounting->parts.audit, &written, class, &intent->number, err);
	if (code == SR_OK) {
		intent->made = true;
		return SR_OK;
	}
	sr_account_release(accounting, intent->open);
	memset(intent, 0, sizeof *intent);
	sr_log_error(SR_LOG_ERROR, "intent_failed", err);
	return SR_FAIL(err, code, SR_ACCOUNT_FAILED);
}

bool sr_intent_mark(struct sr_intent *intent, const uint8_t tag[SR_TAG], struct sr_op *op)
{
	static const uint8_t form = SR_MARK_FORM;
	if (!intent->made)
		return true;
	struct sr_index_key key = sr_key_done(tag, intent->number);
	intent->marked = true;
	memcpy(intent->tag, tag, SR_TAG);
	return sr_op_put(op, &key, &form, sizeof form);
}

void sr_outcome(struct sr_accounting *accounting, struct sr_intent *intent, const struct sr_audit_entry *entry,
		bool applied)
{
	struct sr_audit_entry written = *entry;
	if (!intent->made)
		return;
	written.kind = SR_AUDIT_OUTCOME;
	written.has_of = true;
	written.of = intent->number;
	written.outcome = applied ? SR_APPLIED : SR_NOT_APPLIED;
	intent->open->marked = intent->marked && applied;
	intent->open->number = intent->number;
	memcpy(intent->open->tag, intent->tag, SR_TAG);
	sr_account_close(accounting, &written, intent->open);
	memset(intent, 0, sizeof *intent);
}

/* ---- people and refusals ---- */

enum sr_code sr_people_know(struct sr_accounting *accounting, const uint8_t tag[SR_TAG], const uint8_t *identity,
			    size_t size, bool comes, struct sr_error *err)
{
	struct sr_person person = {tag, identity, size, comes};
	return sr_people_ensure(accounting->people, &accounting->parts, &person, err);
}

bool sr_people_known(struct sr_accounting *accounting, const uint8_t tag[SR_TAG])
{
	return sr_people_named(accounting->people, &accounting->parts, tag);
}

void sr_people_forget(struct sr_accounting *accounting, const uint8_t tag[SR_TAG])
{
	sr_people_drop(accounting->people, tag);
}

void sr_account_refusal(struct sr_accounting *accounting, const char *service, const char *operation,
			const struct sr_error *why)
{
	struct sr_refusal refusal = {service, operation, why->code, why->text};
	sr_refusals_add(accounting->refusals, accounting, &refusal);
}

/* ---- time ---- */

static void nothing(void *context, enum sr_code result, size_t failed_check)
{
	(void)context;
	(void)result;
	(void)failed_check;
}

static struct mark *take_marks(struct sr_accounting *accounting)
{
	pthread_mutex_lock(&accounting->lock);
	struct mark *marks = accounting->marks;
	accounting->marks = NULL;
	pthread_mutex_unlock(&accounting->lock);
	return marks;
}

/* An operation each, because each is of another patient. One that cannot be made is left for the next start. */
static void remove_marks(struct sr_accounting *accounting, struct mark *marks)
{
	while (marks) {
		struct mark *mark = marks;
		struct sr_index_key key = sr_key_done(mark->tag, mark->number);
		struct sr_op *op = sr_op_new();
		if (op && sr_op_erase(op, &key))
			sr_index_submit_soon(accounting->parts.index, op, nothing, NULL);
		else
			sr_op_free(op);
		marks = mark->next;
		free(mark);
	}
}

static void move_low(struct sr_accounting *accounting, uint64_t now, bool commits_anyway)
{
	uint64_t low = low_mark(accounting);
	bool due = commits_anyway || low - accounting->low_written >= LOW_ENTRIES || now - accounting->low_at >= LOW_MS;
	if (low == accounting->low_written || !due)
		return;
	struct sr_op *op = sr_op_new();
	if (!op || !sr_low_put(accounting->parts.keyring, low, op)) {
		sr_op_free(op);
		return;
	}
	sr_index_submit_soon(accounting->parts.index, op, nothing, NULL);
	accounting->low_written = low;
	accounting->low_at = now;
}

void sr_accounting_tick(struct sr_accounting *accounting, uint64_t now)
{
	sr_audit_hurry(accounting->parts.audit);
	if (now - accounting->marks_at < MARKS_MS)
		return;
	accounting->marks_at = now;
	struct mark *marks = take_marks(accounting);
	bool commits = marks != NULL;
	remove_marks(accounting, marks);
	move_low(accounting, now, commits);
	sr_refusals_tick(accounting->refusals, accounting, now);
}

/* ---- beginning and end ---- */

enum sr_code sr_accounting_new(const struct sr_accounting_parts *parts, struct sr_accounting **out,
			       struct sr_error *err)
{
	struct sr_accounting *accounting = calloc(1, sizeof *accounting);
	*out = NULL;
	if (!accounting)
		return SR_FAIL_MEMORY(err);
	accounting->parts = *parts;
	accounting->people = sr_people_new();
	accounting->refusals = sr_refusals_new();
	pthread_mutex_init(&accounting->lock, NULL);
	pthread_cond_init(&accounting->quiet, NULL);
	enum sr_code code = accounting->people && accounting->refusals ? SR_OK : SR_FAIL_MEMORY(err);
	if (code == SR_OK)
		code = sr_recover(parts, &accounting->low_written, err);
	if (code == SR_OK)
		*out = accounting;
	else
		sr_accounting_free(accounting);
	return code;
}

void sr_accounting_free(struct sr_accounting *accounting)
{
	if (!accounting)
		return;
	sr_refusals_free(accounting->refusals, accounting);
	sr_audit_hurry(accounting->parts.audit);
	pthread_mutex_lock(&accounting->lock);
	while (accounting->pending > 0)
		pthread_cond_wait(&accounting->quiet, &accounting->lock);
	pthread_mutex_unlock(&accounting->lock);
	remove_marks(accounting, take_marks(accounting));
	move_low(accounting, 0, true); /* the index finishes it when it is closed */
	while (accounting->open) {
		struct sr_account_open *open = accounting->open;
		accounting->open = open->next;
		free(open);
	}
	sr_people_free(accounting->people);
	pthread_cond_destroy(&accounting->quiet);
	pthread_mutex_destroy(&accounting->lock);
	free(accounting);
}
