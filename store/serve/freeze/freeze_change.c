/*
 * Changing what is frozen: freeze, thaw, and what the store freezes by itself, made durable and put in force one after
 * the other.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "keys/freeze_row.h"
#include "serve/accounting/account_request.h"
#include "serve/freeze/freezing.h"
#include "serve/play/lookup.h"
#include "serve/play/play.h"
#include "serve/record/writer.h"
#include "serve/renewal.h"

/* A freeze or thaw on its way. They go one at a time, in the order in which they were asked for. */
struct sr_change {
	struct sr_change *next;
	struct sr_daemon *daemon;
	struct sr_request *request; /* who asked; NULL: the store itself */
	struct sr_freeze_entry entry;
	char service[SR_SERVICE_NAME_MAX + 1]; /* the subject, where it is one */
	bool thaws;
	bool applied;
	bool unknown;            /* a patient of whom there is nothing */
	struct sr_freezes *then; /* what is in force once it is durable */
	struct sr_post durable;
	/* Of the store's own, which has no request to account for it. */
	struct sr_workers_job intending;
	struct sr_intent intent;
	struct sr_error error;
};

static struct sr_span subject_of(const struct sr_change *change)
{
	return (struct sr_span){change->entry.subject, change->entry.subject_size};
}

static void log_change(const struct sr_change *change)
{
	const struct sr_freeze_entry *entry = &change->entry;
	struct sr_log_line line;
	char text[SR_FREEZE_SUBJECT_MAX + 1];
	memcpy(text, entry->subject, entry->subject_size);
	text[entry->subject_size] = '\0';
	sr_log_begin(&line, SR_LOG_WARN, change->thaws ? "thawed" : "frozen");
	sr_log_text(&line, "scope", sr_freeze_scope_name(entry->scope));
	if (entry->scope == SR_FREEZE_PATIENT || entry->scope == SR_FREEZE_ACTOR)
		sr_log_hex(&line, entry->scope == SR_FREEZE_ACTOR ? "actor" : "tag", entry->subject, SR_TAG);
	else if (entry->scope == SR_FREEZE_RECORDING)
		sr_uuid_format(entry->subject, text);
	if (entry->scope == SR_FREEZE_RECORDING || entry->scope == SR_FREEZE_SERVICE ||
	    entry->scope == SR_FREEZE_ISSUER || entry->scope == SR_FREEZE_GRANT)
		sr_log_text(&line, entry->scope == SR_FREEZE_GRANT ? "jti" : sr_freeze_scope_name(entry->scope), text);
	if (!change->thaws)
		sr_log_text(&line, "ingest", entry->ingest ? "yes" : "no");
	if (change->request)
		sr_log_text(&line, "by", change->request->caller.name);
	sr_log_end(&line);
}

static void begin(struct sr_change *change);

/* What the account says of a change that the store makes by itself. */
struct own_words {
	char reason[SR_TEXT_MAX + 1];
	struct sr_audit_fact scope;
};

/* Borrowed from the change and from `words`. */
static struct sr_audit_entry words_of(const struct sr_change *change, struct own_words *words)
{
	const struct sr_freeze_entry *entry = &change->entry;
	memcpy(words->reason, entry->reason, entry->reason_size);
	words->reason[entry->reason_size] = '\0';
	words->scope = (struct sr_audit_fact){"scope", sr_freeze_scope_name(entry->scope)};
	return (struct sr_audit_entry){
		.kind = SR_AUDIT_CONTROL,
		.operation = sr_message_name(SR_MSG_FREEZE),
		.name = entry->scope == SR_FREEZE_SERVICE ? change->service : NULL,
		.linked = entry->scope == SR_FREEZE_PATIENT ? entry->subject : NULL,
		.reason = words->reason,
		.facts = &words->scope,
		.fact_count = 1,
	};
}

static void say_outcome(struct sr_change *change)
{
	struct own_words own;
	struct sr_audit_entry words = words_of(change, &own);
	sr_outcome(change->daemon->accounting, &change->intent, &words, change->applied);
}

static void reply(struct sr_request *request, const struct sr_change *change)
{
	if (change->thaws)
		(void)!sr_request_reply(request, SR_MSG_DONE, 0);
	else if (sr_request_reply(request, SR_MSG_FREEZE_MADE, 1))
		sr_freeze_made_encode(&request->reply.fields, change->unknown);
}

/* The change has come to its end: answer, and begin the next. */
static void finish(struct sr_change *change)
{
	struct sr_daemon *daemon = change->daemon;
	struct sr_request *request = change->request;
	daemon->changes = change->next;
	if (!daemon->changes)
		daemon->changes_last = &daemon->changes;
	daemon->jobs--;
	sr_freezes_release(change->then);
	if (request) {
		request->owner = NULL;
		if (request->error.code == SR_OK)
			reply(request, change);
		sr_request_answer(request, false);
	} else {
		say_outcome(change);
	}
	free(change);
	if (daemon->changes)
		begin(daemon->changes);
	sr_daemon_drained(daemon);
}

/* It is on the disk: from here on it is in force, and whatever it stops ends now. */
static void take_force(struct sr_post *post)
{
	struct sr_change *change = (struct sr_change *)((char *)post - offsetof(struct sr_change, durable));
	struct sr_daemon *daemon = change->daemon;
	size_t before = sr_freezes_count(daemon->freezes);
	sr_freezes_release(daemon->freezes);
	daemon->freezes = change->then;
	change->then = NULL;
	change->applied = true;
	if (change->request)
		sr_account_applied(change->request);
	sr_count(SR_COUNT_FREEZES_NOW, (int64_t)sr_freezes_count(daemon->freezes) - (int64_t)before);
	log_change(change);
	if (!change->thaws) {
		sr_players_freeze(daemon);
		sr_writers_freeze(daemon);
		sr_sessions_freeze(daemon);
	}
	finish(change);
}

/* On the index thread. There is no check that could fail. */
static void committed(void *context, enum sr_code result, size_t failed_check)
{
	struct sr_change *change = context;
	(void)result;
	(void)failed_check;
	sr_post(change->daemon->postbox, &change->durable);
}

static struct sr_op *op_of(struct sr_change *change)
{
	char name[SR_FREEZE_NAME_MAX];
	uint8_t bytes[SR_ROW_MAX];
	sr_freeze_control_name(change->entry.scope, subject_of(change), name);
	struct sr_index_key key = sr_key_control(name);
	struct sr_op *op = sr_op_new();
	bool built = op != NULL;
	if (built && change->thaws) {
		built = sr_op_erase(op, &key);
	} else if (built) {
		struct sr_freeze_row row = sr_freeze_row_of(&change->entry);
		built = sr_op_put(op, &key, bytes, sr_freeze_row_seal(change->daemon->keyring, name, &row, bytes));
	}
	if (built)
		built = change->request ? sr_account_mark(change->request, sr_no_patient, op)
					: sr_intent_mark(&change->intent, sr_no_patient, op);
	if (built)
		return op;
	sr_op_free(op);
	return NULL;
}

/* What is in force afterwards is made first: once the change is durable nothing can fail any more. */
static void begin(struct sr_change *change)
{
	struct sr_daemon *daemon = change->daemon;
	struct sr_error own = {.code = SR_OK};
	struct sr_error *err = change->request ? &change->request->error : &own;
	const struct sr_freeze_entry *there = sr_freezes_find(daemon->freezes, change->entry.scope, subject_of(change));
	enum sr_code code = SR_OK;
	if (!change->request && there) {
		finish(change); /* what somebody has frozen is theirs to change */
		return;
	}
	if (change->thaws)
		code = sr_freezes_without(daemon->freezes, change->entry.scope, subject_of(change), &change->then, err);
	else
		code = sr_freezes_with(daemon->freezes, &change->entry, &change->then, err);
	struct sr_op *op = code == SR_OK ? op_of(change) : NULL;
	if (code == SR_OK && !op)
		code = SR_FAIL_MEMORY(err);
	if (code != SR_OK) {
		if (!change->request)
			sr_log_error(SR_LOG_ALARM, "not_frozen", err);
		finish(change);
		return;
	}
	change->durable.run = take_force;
	sr_index_submit(daemon->index, op, committed, change);
}

/* It counts as a job of the daemon's from here on. */
static void enqueue(struct sr_change *change)
{
	struct sr_daemon *daemon = change->daemon;
	bool first = daemon->changes == NULL;
	change->next = NULL;
	*daemon->changes_last = change;
	daemon->changes_last = &change->next;
	daemon->jobs++;
	if (first)
		begin(change);
}

static void intend(struct sr_workers_job *work)
{
	struct sr_change *change = work->data;
	struct own_words own;
	struct sr_audit_entry words = words_of(change, &own);
	(void)!sr_intent(change->daemon->accounting, &words, SR_AUDIT_CLOSING, &change->intent, &change->error);
}

/* A store whose account cannot be written serves nothing that would have to be frozen. */
static void intended(struct sr_workers_job *work)
{
	struct sr_change *change = work->data;
	struct sr_daemon *daemon = change->daemon;
	if (change->error.code == SR_OK) {
		enqueue(change);
	} else {
		sr_log_error(SR_LOG_ALARM, "not_frozen", &change->error);
		free(change);
	}
	daemon->jobs--;
}

void sr_freeze_by_store(struct sr_daemon *daemon, const struct sr_freeze_entry *entry)
{
	if (sr_freezes_find(daemon->freezes, entry->scope, (struct sr_span){entry->subject, entry->subject_size}))
		return;
	struct sr_change *change = calloc(1, sizeof *change);
	if (!change) {
		sr_log(SR_LOG_ALARM, "not_frozen", "memory is used up");
		return;
	}
	change->daemon = daemon;
	change->entry = *entry;
	change->entry.frozen_ms = sr_now_ms();
	if (entry->scope == SR_FREEZE_SERVICE)
		memcpy(change->service, entry->subject, entry->subject_size);
	change->intending.data = change;
	daemon->jobs++;
	change->intending.run = intend;
	change->intending.done = intended;
	sr_workers_run(daemon->pool, &change->intending);
}

/* ---- freeze, thaw ---- */

/* The subject as the set keeps it: people by their tag. */
static void take_subject(struct sr_request *request, const struct sr_freeze *message, struct sr_freeze_entry *entry)
{
	entry->subject_size = (uint8_t)message->subject.size;
	if (message->scope == SR_FREEZE_PATIENT && !message->tagged)
		sr_patient_tag(request->daemon->keyring, message->subject.data, message->subject.size, entry->subject,
			       NULL);
	else if (message->scope == SR_FREEZE_ACTOR && !message->tagged)
		sr_actor_tag(request->daemon->keyring, message->subject.data, message->subject.size, entry->subject);
	else if (message->subject.size > 0)
		memcpy(entry->subject, message->subject.data, message->subject.size);
	if (message->scope == SR_FREEZE_PATIENT || message->scope == SR_FREEZE_ACTOR)
		entry->subject_size = SR_TAG;
}

static enum sr_code parse(struct sr_request *request, struct sr_change *change)
{
	struct sr_freeze message;
	struct sr_freeze_entry *entry = &change->entry;
	struct sr_cursor in = sr_request_fields(request);
	if (change->thaws)
		sr_thaw_decode(&in, &message);
	else
		sr_freeze_decode(&in, &message);
	enum sr_code code = sr_request_decoded(request, &in);
	if (code == SR_OK)
		code = sr_request_text(request, message.reason, "a reason");
	if (code == SR_OK && message.scope == SR_FREEZE_GRANT)
		code = sr_request_text(request, message.subject, "a jti");
	if (code != SR_OK)
		return code;
	take_subject(request, &message, entry);
	entry->scope = message.scope;
	entry->ingest = message.ingest;
	entry->frozen_ms = sr_now_ms();
	entry->by_size = (uint8_t)strlen(request->caller.name);
	memcpy(entry->by, request->caller.name, entry->by_size);
	entry->reason_size = (uint8_t)message.reason.size;
	memcpy(entry->reason, message.reason.data, message.reason.size);
	return SR_OK;
}

/* A freeze of what the store has never heard of would calm whoever mistyped it. */
static enum sr_code know_recording(struct sr_request *request, const struct sr_freeze_entry *entry)
{
	struct sr_view *view;
	struct sr_span value;
	struct sr_index_key key = sr_key_hint(entry->subject);
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	sr_request_view_end(request, view);
	if (code == SR_NOT_FOUND)
		return SR_FAIL(&request->error, code, "the store has no such recording");
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "reading the index failed");
}

/*
 * Whether there is nothing of the patient that is named, but that a recording has gone from them to another. In doubt
 * there is something.
 */
static bool is_unknown(struct sr_request *request, const struct sr_freeze_entry *entry)
{
	struct sr_view *view;
	struct sr_span value;
	struct sr_patient_row row = {.life = SR_LIFE_LIVE};
	struct sr_index_key key = sr_key_patient(entry->subject);
	struct sr_error ignored;
	if (entry->scope != SR_FREEZE_PATIENT || sr_view_begin(request->daemon->index, &view, &ignored) != SR_OK)
		return false;
	enum sr_code code = sr_view_get(view, &key, &value);
	bool none = code == SR_NOT_FOUND;
	if (code == SR_OK && sr_patient_row_decode(request->daemon->keyring, entry->subject, value, &row) == SR_OK)
		none = row.life == SR_LIFE_TOMBSTONE;
	sr_view_end(view);
	sodium_memzero(&row, sizeof row);
	return none;
}

static enum sr_code know_name(struct sr_request *request, const struct sr_freeze_entry *entry)
{
	const struct sr_config *config = request->daemon->settings->config;
	char name[SR_SERVICE_NAME_MAX + 1] = "";
	if (entry->scope != SR_FREEZE_SERVICE && entry->scope != SR_FREEZE_ISSUER)
		return SR_OK;
	memcpy(name, entry->subject, entry->subject_size);
	if (entry->scope == SR_FREEZE_SERVICE)
		return sr_services_by_name(&request->daemon->services, name)
			       ? SR_OK
			       : SR_FAIL(&request->error, SR_NOT_FOUND, "no service has that name");
	for (size_t at = 0; at < config->issuer_count; at++)
		if (strcmp(config->issuers[at].name, name) == 0)
			return SR_OK;
	return SR_FAIL(&request->error, SR_NOT_FOUND, "no issuer of the configuration has that name");
}

/* What stands in the entries of the change. */
static void account_for(struct sr_request *request, const struct sr_change *change)
{
	const struct sr_freeze_entry *entry = &change->entry;
	char text[SR_FREEZE_SUBJECT_MAX + 1];
	sr_account_may_use_reserve(request);
	memcpy(text, entry->reason, entry->reason_size);
	text[entry->reason_size] = '\0';
	sr_account_reason(request, text);
	sr_account_fact(request, "scope", sr_freeze_scope_name(entry->scope));
	if (!change->thaws)
		sr_account_fact(request, "ingest", entry->ingest ? "yes" : "no");
	if (change->unknown)
		sr_account_fact(request, "unknown", "yes");
	if (entry->scope == SR_FREEZE_PATIENT) {
		sr_account_linked(request, entry->subject);
	} else if (entry->scope == SR_FREEZE_ACTOR) {
		sr_account_fact(request, "actor",
				sodium_bin2hex(text, sizeof text, entry->subject, entry->subject_size));
	} else if (entry->scope == SR_FREEZE_RECORDING) {
		sr_account_met(request, entry->subject, NULL);
	} else if (entry->scope != SR_FREEZE_ALL) {
		memcpy(text, entry->subject, entry->subject_size);
		text[entry->subject_size] = '\0';
		sr_account_name(request, text);
	}
}

/* The account names people by tags alone: whoever was named by identity has to be known by theirs. */
static enum sr_code know_person(struct sr_request *request, const struct sr_change *change)
{
	struct sr_freeze message;
	struct sr_cursor in = sr_request_fields(request);
	enum sr_freeze_scope scope = change->entry.scope;
	if (scope != SR_FREEZE_PATIENT && scope != SR_FREEZE_ACTOR)
		return SR_OK;
	if (change->thaws)
		sr_thaw_decode(&in, &message);
	else
		sr_freeze_decode(&in, &message);
	if (message.tagged)
		return SR_OK;
	return sr_people_know(request->daemon->accounting, change->entry.subject, message.subject.data,
			      message.subject.size, false, &request->error);
}

static void prepare(struct sr_request *request)
{
	struct sr_change *change = request->owner;
	if (!change->thaws && change->entry.scope == SR_FREEZE_RECORDING &&
	    know_recording(request, &change->entry) != SR_OK)
		return;
	if (know_person(request, change) != SR_OK)
		return;
	change->unknown = !change->thaws && is_unknown(request, &change->entry);
	account_for(request, change);
	(void)!sr_account_intent(request);
}

static void give_up(struct sr_request *request)
{
	free(request->owner);
	request->owner = NULL;
	sr_request_answer(request, false);
}

static void prepared(struct sr_request *request)
{
	if (request->error.code == SR_OK)
		enqueue(request->owner);
	else
		give_up(request);
}

/* What the loop knows comes before the intent, so that a mistake is a refusal and no change that was not made. */
static bool makes_sense(struct sr_request *request, struct sr_change *change)
{
	if (parse(request, change) != SR_OK)
		return false;
	if (!change->thaws)
		return know_name(request, &change->entry) == SR_OK;
	return sr_freezes_find(request->daemon->freezes, change->entry.scope, subject_of(change)) ||
	       SR_FAIL(&request->error, SR_NOT_FOUND, "this is not frozen") == SR_OK;
}

void sr_serve_freeze(struct sr_request *request)
{
	struct sr_change *change = sr_request_own(request, sizeof *change);
	if (!change)
		return;
	change->daemon = request->daemon;
	change->request = request;
	change->thaws = request->head.type == SR_MSG_THAW;
	if (makes_sense(request, change))
		sr_request_start(request, prepare, prepared);
	else
		give_up(request);
}
