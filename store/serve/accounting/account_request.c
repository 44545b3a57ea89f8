/*
 * A request's part of the account: what it met goes into one entry, durable before its answer leaves; a change has an
 * intent before it and an outcome behind it.
 */
#include "serve/accounting/account_request.h"

#include <string.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/accounting/account_notes.h"
#include "serve/operations.h"
#include "serve/session.h"

/* Of the answer's entry; 0: the operation has none. */
static enum sr_audit_kind kind_of(const struct sr_request *request)
{
	return sr_operation_of(request->head.type)->entry;
}

static bool is_accounted(const struct sr_request *request)
{
	return kind_of(request) != 0;
}

void sr_account_may_use_reserve(struct sr_request *request)
{
	request->account.reserve = true;
}

void sr_account_goes_on(struct sr_request *request)
{
	request->account.goes_on = true;
}

void sr_account_behind(struct sr_request *request, const struct sr_audit_entry *entry)
{
	request->account.behind = entry;
}

void sr_account_without_reply(struct sr_request *request)
{
	request->account.without_reply = true;
}

/* ---- entries ---- */

static const char *unless_empty(const char *text)
{
	return *text ? text : NULL;
}

struct sr_audit_entry sr_account_words(const struct sr_request *request)
{
	struct sr_audit_entry entry = {
		.operation = request->operation,
		.request = request->head.request,
		.service = unless_empty(request->caller.name),
	};
	if (request->proven) {
		entry.issuer = request->words.issuer;
		entry.jti = unless_empty(request->words.jti);
		entry.session = unless_empty(request->words.sid);
		entry.purpose = unless_empty(request->words.purpose);
		entry.role = request->words.role;
		entry.tag = request->tag;
		entry.actor = request->actor;
	}
	return entry;
}

/* The same with all that was noted. */
static struct sr_audit_entry whole(const struct sr_request *request)
{
	struct sr_audit_entry entry = sr_account_words(request);
	sr_account_notes_put(request, &entry);
	if (request->error.code != SR_OK)
		entry.text = unless_empty(request->error.text);
	return entry;
}

static struct sr_audit_entry answer_entry(struct sr_request *request)
{
	bool refused = request->error.code != SR_OK;
	if (refused)
		sr_account_notes_withhold(request, sr_code_name(request->error.code));
	else if (kind_of(request) == SR_AUDIT_PRESENTED)
		sr_account_notes_count_shown(request);
	struct sr_audit_entry entry = whole(request);
	entry.kind = refused ? SR_AUDIT_REFUSED : kind_of(request);
	entry.outcome = sr_code_name(request->error.code);
	entry.behind = refused ? NULL : request->account.behind;
	return entry;
}

/* ---- before the answer ---- */

/* Nothing is said that the account does not have. */
static void give_up(struct sr_request *request, enum sr_code code)
{
	sr_reply_free(&request->reply);
	request->account.is_written = true; /* there is nothing more to be written of it */
	request->retry_ms = 1000;
	(void)SR_FAIL(&request->error, code, SR_ACCOUNT_FAILED);
}

/* Whose entry this thread submits just now, and may write itself. */
static _Thread_local struct sr_request *submitting;

static void written(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct sr_request *request = context;
	request->account.result = result;
	request->account.number = number;
	if (result != SR_OK)
		sr_log_error(SR_LOG_ERROR, "entry_failed", err);
	if (request == submitting)
		submitting = NULL; /* its job, which goes back to the loop anyway, takes the result along */
	else
		sr_post(request->daemon->postbox, &request->account.post);
}

void sr_account_take_result(struct sr_request *request)
{
	if (request->account.result != SR_OK)
		give_up(request, request->account.result);
}

/* True if its entry is on its way, and will be told of on the loop. `here`: on a thread that may wait for the disk. */
static bool submit(struct sr_request *request, bool here)
{
	struct sr_error err = {.code = SR_INTERNAL, .text = "memory is used up"};
	enum sr_audit_class class = request->account.reserve ? SR_AUDIT_CLOSING : SR_AUDIT_ORDINARY;
	struct sr_audit_entry entry = answer_entry(request);
	enum sr_code code = SR_INTERNAL;
	submitting = here ? request : NULL;
	if (!request->account.failed)
		code = (here ? sr_account_submit_here : sr_account_submit)(request->daemon->accounting, &entry, class,
									   written, request, &err);
	bool told = here && !submitting;
	submitting = NULL;
	request->account.is_written = true;
	request->account.behind = NULL; /* it was borrowed */
	if (code == SR_OK && told)
		sr_account_take_result(request);
	if (code == SR_OK)
		return !told;
	sr_log_error(SR_LOG_ERROR, "entry_failed", &err);
	give_up(request, SR_INTERNAL);
	return false;
}

/* The tags that its entry names have their people. `comes`: it may make a patient. */
static enum sr_code know_people(struct sr_request *request, bool comes)
{
	const struct sr_grant *grant = request->grant;
	struct sr_accounting *accounting = request->daemon->accounting;
	if (!request->proven || !grant)
		return SR_OK;
	enum sr_code code =
		sr_people_know(accounting, request->tag, grant->identity, grant->identity_size, comes, &request->error);
	if (code == SR_OK)
		code = sr_people_know(accounting, request->actor, grant->actor, grant->actor_size, false,
				      &request->error);
	if (code != SR_OK)
		give_up(request, code);
	return code;
}

static bool is_due(const struct sr_request *request)
{
	const struct sr_request_account *account = &request->account;
	if (!is_accounted(request) || account->is_written || account->merged || account->intent.made)
		return false;
	if (account->goes_on && request->error.code == SR_OK)
		return false;
	return !request->malformed && (request->error.code != SR_OK || request->reply.frame || account->without_reply);
}

/* People are known after every step, so that a later answer, made on the loop, can name them. */
static bool names_people(const struct sr_request *request)
{
	return is_accounted(request) && !request->account.is_written && !request->malformed;
}

bool sr_account_step_waits(const struct sr_request *request)
{
	struct sr_accounting *accounting = request->daemon->accounting;
	return names_people(request) && request->proven && request->grant &&
	       !(sr_people_known(accounting, request->tag) && sr_people_known(accounting, request->actor));
}

bool sr_account_step(struct sr_request *request)
{
	return names_people(request) && know_people(request, false) == SR_OK && is_due(request) &&
	       submit(request, true);
}

bool sr_account_answer(struct sr_request *request)
{
	return is_due(request) && submit(request, false);
}

/* ---- changes ---- */

enum sr_code sr_account_intent(struct sr_request *request)
{
	enum sr_audit_class class = request->account.reserve ? SR_AUDIT_CLOSING : SR_AUDIT_ORDINARY;
	if (request->account.intent.made)
		return SR_OK;
	enum sr_code code = know_people(request, sr_operation_of(request->head.type)->brings_back);
	if (code != SR_OK)
		return code;
	if (request->account.failed)
		return SR_FAIL_MEMORY(&request->error);
	struct sr_audit_entry entry = whole(request);
	code = sr_intent(request->daemon->accounting, &entry, class, &request->account.intent, &request->error);
	if (code != SR_OK) {
		request->account.is_written = true; /* a refusal could not be written either */
		request->retry_ms = 1000;
		return code;
	}
	request->account.alarms = 0;
	sr_account_notes_said(request);
	return SR_OK;
}

bool sr_account_mark(struct sr_request *request, const uint8_t tag[SR_TAG], struct sr_op *op)
{
	return sr_intent_mark(&request->account.intent, tag, op);
}

void sr_account_applied(struct sr_request *request)
{
	request->account.applied = true;
}

enum sr_code sr_account_run(struct sr_request *request, const uint8_t tag[SR_TAG], struct sr_op *op, size_t *failed)
{
	if (!sr_account_mark(request, tag, op)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	enum sr_code code = sr_index_run(request->daemon->index, op, failed);
	if (code == SR_OK)
		sr_account_applied(request);
	return code;
}

void sr_account_end(struct sr_request *request)
{
	if (request->account.intent.made) {
		if (request->error.code != SR_OK)
			sr_account_fact(request, "code", sr_code_name(request->error.code));
		struct sr_audit_entry entry = whole(request);
		sr_outcome(request->daemon->accounting, &request->account.intent, &entry, request->account.applied);
	}
	sr_account_notes_free(request);
}

/* ---- events ---- */

static void name_alarms(struct sr_request *request)
{
	char words[128] = "";
	for (unsigned kind = 0; kind < SR_EVENT_KINDS; kind++) {
		if (!(request->account.alarms & 1u << kind))
			continue;
		if (*words)
			strcat(words, " ");
		strcat(words, sr_event_name((enum sr_event_kind)kind));
	}
	sr_account_fact(request, "alarm", words);
}

/* An event that the request's own entry can no longer have. */
static void say_alone(struct sr_request *request, const struct sr_event *event)
{
	struct sr_audit_recording recording = {.has_own_tag = event->has_own_tag, .own_tag = event->own_tag};
	struct sr_audit_entry entry = sr_account_words(request);
	struct sr_audit_fact fact = {"what", event->what};
	if (event->recording)
		memcpy(recording.id, event->recording, SR_UUID);
	entry.kind = SR_AUDIT_ALARM;
	entry.name = sr_event_name(event->kind);
	entry.recordings = &recording;
	entry.recording_count = event->recording != NULL;
	entry.facts = &fact;
	entry.fact_count = event->what != NULL;
	sr_account_say(request->daemon->accounting, &entry, SR_AUDIT_CLOSING);
}

void sr_account_event(struct sr_request *request, const struct sr_event *event)
{
	bool alarm = sr_event_is_alarm(event->kind);
	const struct sr_request_account *account = &request->account;
	if (event->kind == SR_EVENT_REFUSED)
		return; /* its entry has code and text */
	if (!is_accounted(request) || (account->is_written && !account->intent.made)) {
		if (alarm)
			say_alone(request, event);
		return;
	}
	if (alarm) {
		request->account.alarms |= 1u << event->kind;
		name_alarms(request);
	}
	if (event->what)
		sr_account_fact(request, "what", event->what);
	if (!event->recording || event->kind == SR_EVENT_BREAK_GLASS)
		return;
	struct sr_audit_recording met = {
		.withheld = event->kind == SR_EVENT_FOREIGN_CHECK ? "foreign" : sr_event_name(event->kind),
		.owner = event->owner,
		.has_own_tag = event->has_own_tag,
		.own_tag = event->own_tag,
	};
	memcpy(met.id, event->recording, SR_UUID);
	sr_account_notes_forget_bare(request, event->recording);
	sr_account_recording(request, &met);
}
