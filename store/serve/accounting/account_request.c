/*
 * A request's part of the account: what it met goes into one entry, durable before its answer leaves; a change has an
 * intent before it and an outcome behind it.
 */
#include "serve/accounting/account_request.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/accounting/accounting_internal.h"
#include "serve/session.h"

#define WORDS_MAX 16 /* facts, and counts, of a request */

struct sr_account_notes {
	struct sr_audit_recording *recordings; /* their owners and hashes are allocated, and theirs */
	size_t count, capacity;
	struct sr_audit_fact facts[WORDS_MAX]; /* sorted; the values are allocated */
	size_t fact_count;
	struct sr_audit_count counts[WORDS_MAX]; /* sorted */
	size_t count_count;
	char *name, *reason;
	bool has_linked;
	uint8_t linked[SR_TAG];
};

/* What touches no recording, tells of nobody and changes nothing; a stream's own messages, which its player or writer
 * accounts for. */
static bool is_accounted(uint8_t type)
{
	switch (type) {
	case 0:
	case SR_MSG_PLAY_TABLE:
	case SR_MSG_PLAY_READ:
	case SR_MSG_SERVICE_LIST:
	case SR_MSG_SCRUB_STATUS:
	case SR_MSG_FREEZE_LIST:
	case SR_MSG_EPOCH_LIST:
	case SR_MSG_ROTATE_STATUS:
	case SR_MSG_STATS:
	case SR_MSG_HEALTH:
	case SR_MSG_AUDIT_CHECKPOINT:
	case SR_MSG_AUDIT_PROOF:
	case SR_MSG_AUDIT_CONSISTENCY:
	case SR_MSG_AUDIT_AUDITOR:
		return false;
	default:
		return true;
	}
}

static enum sr_audit_kind kind_of(uint8_t type)
{
	switch (type) {
	case SR_MSG_LIST:
	case SR_MSG_INFO:
	case SR_MSG_CHECK:
	case SR_MSG_PLAY_OPEN:
		return SR_AUDIT_PRESENTED;
	case SR_MSG_SHOWN:
		return SR_AUDIT_SHOWN;
	case SR_MSG_INCIDENT_NOTE:
		return SR_AUDIT_CONTROL;
	default:
		return SR_AUDIT_OUTCOME;
	}
}

/* ---- notes ---- */

/* NULL when memory is used up: then the entry, and with it the request, cannot be. */
static struct sr_account_notes *notes(struct sr_request *request)
{
	if (!request->account.notes)
		request->account.notes = calloc(1, sizeof *request->account.notes);
	if (!request->account.notes)
		request->account.failed = true;
	return request->account.notes;
}

static void *copied(struct sr_request *request, const void *bytes, size_t size)
{
	void *copy = bytes ? malloc(size) : NULL;
	if (copy)
		memcpy(copy, bytes, size);
	else if (bytes)
		request->account.failed = true;
	return copy;
}

static void forget_recordings(struct sr_account_notes *own)
{
	for (size_t at = 0; at < own->count; at++) {
		free((void *)(uintptr_t)own->recordings[at].owner);
		free((void *)(uintptr_t)own->recordings[at].manifest);
	}
	own->count = 0;
}

static void notes_free(struct sr_account_notes *own)
{
	if (!own)
		return;
	forget_recordings(own);
	for (size_t at = 0; at < own->fact_count; at++)
		free((void *)(uintptr_t)own->facts[at].value);
	free(own->recordings);
	free(own->name);
	free(own->reason);
	free(own);
}

void sr_account_recording(struct sr_request *request, const struct sr_audit_recording *recording)
{
	struct sr_account_notes *own = notes(request);
	if (!own)
		return;
	if (own->count == own->capacity) {
		size_t wanted = own->capacity ? 2 * own->capacity : 8;
		void *more = reallocarray(own->recordings, wanted, sizeof *own->recordings);
		if (!more) {
			request->account.failed = true;
			return;
		}
		own->recordings = more;
		own->capacity = wanted;
	}
	struct sr_audit_recording *kept = &own->recordings[own->count++];
	*kept = *recording;
	kept->owner = copied(request, recording->owner, SR_TAG);
	kept->manifest = copied(request, recording->manifest, SR_AUDIT_MANIFEST);
}

void sr_account_met(struct sr_request *request, const uint8_t recording[SR_UUID], const char *why)
{
	struct sr_audit_recording met = {.withheld = why};
	memcpy(met.id, recording, SR_UUID);
	sr_account_recording(request, &met);
}

void sr_account_track(struct sr_request *request, const uint8_t recording[SR_UUID], const struct sr_track_row *row)
{
	struct sr_audit_recording track = {
		.has_track = true,
		.track = row->track,
		.has_length = true,
		.length = row->length,
		.has_generation = true,
		.generation = row->generation,
		.manifest = row->manifest_hash,
	};
	memcpy(track.id, recording, SR_UUID);
	sr_account_recording(request, &track);
}

bool sr_account_has_met(const struct sr_request *request)
{
	return request->account.notes && request->account.notes->count > 0;
}

void sr_account_start_again(struct sr_request *request)
{
	if (request->account.notes)
		forget_recordings(request->account.notes);
}

void sr_account_fact(struct sr_request *request, const char *name, const char *value)
{
	struct sr_account_notes *own = notes(request);
	char *copy = copied(request, value, strlen(value) + 1);
	size_t at = 0;
	if (!own || !copy) {
		free(copy);
		return;
	}
	while (at < own->fact_count && strcmp(own->facts[at].name, name) < 0)
		at++;
	bool replaces = at < own->fact_count && strcmp(own->facts[at].name, name) == 0;
	if (!replaces && own->fact_count == WORDS_MAX) {
		request->account.failed = true;
		free(copy);
		return;
	}
	if (replaces) {
		free((void *)(uintptr_t)own->facts[at].value);
	} else {
		memmove(&own->facts[at + 1], &own->facts[at], (own->fact_count - at) * sizeof *own->facts);
		own->fact_count++;
	}
	own->facts[at] = (struct sr_audit_fact){name, copy};
}

void sr_account_count(struct sr_request *request, const char *name, uint64_t value)
{
	struct sr_account_notes *own = notes(request);
	size_t at = 0;
	if (!own)
		return;
	while (at < own->count_count && strcmp(own->counts[at].name, name) < 0)
		at++;
	bool replaces = at < own->count_count && strcmp(own->counts[at].name, name) == 0;
	if (!replaces && own->count_count == WORDS_MAX) {
		request->account.failed = true;
		return;
	}
	if (!replaces) {
		memmove(&own->counts[at + 1], &own->counts[at], (own->count_count - at) * sizeof *own->counts);
		own->count_count++;
	}
	own->counts[at] = (struct sr_audit_count){name, value};
}

static void set_text(struct sr_request *request, char **place, const char *text)
{
	free(*place);
	*place = copied(request, text, strlen(text) + 1);
}

void sr_account_name(struct sr_request *request, const char *name)
{
	struct sr_account_notes *own = notes(request);
	if (own)
		set_text(request, &own->name, name);
}

void sr_account_reason(struct sr_request *request, const char *reason)
{
	struct sr_account_notes *own = notes(request);
	if (own)
		set_text(request, &own->reason, reason);
}

void sr_account_linked(struct sr_request *request, const uint8_t linked[SR_TAG])
{
	struct sr_account_notes *own = notes(request);
	if (!own)
		return;
	own->has_linked = true;
	memcpy(own->linked, linked, SR_TAG);
}

void sr_account_may_use_reserve(struct sr_request *request)
{
	request->account.reserve = true;
}

void sr_account_goes_on(struct sr_request *request)
{
	request->account.goes_on = true;
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
		entry.issuer = request->issuer;
		entry.jti = unless_empty(request->jti);
		entry.session = unless_empty(request->sid);
		entry.purpose = unless_empty(request->purpose);
		entry.role = request->role;
		entry.tag = request->tag;
		entry.actor = request->actor;
	}
	return entry;
}

/* The same with all that was noted. */
static struct sr_audit_entry whole(const struct sr_request *request)
{
	struct sr_audit_entry entry = sr_account_words(request);
	const struct sr_account_notes *own = request->account.notes;
	if (own) {
		entry.recordings = own->recordings;
		entry.recording_count = own->count;
		entry.facts = own->facts;
		entry.fact_count = own->fact_count;
		entry.counts = own->counts;
		entry.count_count = own->count_count;
		entry.name = own->name;
		entry.reason = own->reason;
		entry.linked = own->has_linked ? own->linked : NULL;
	}
	if (request->error.code != SR_OK)
		entry.text = unless_empty(request->error.text);
	return entry;
}

/* What a refused request asked for it did not get, for the same reason. */
static void withhold_all(struct sr_request *request)
{
	struct sr_account_notes *own = request->account.notes;
	for (size_t at = 0; own && at < own->count; at++)
		if (!own->recordings[at].withheld)
			own->recordings[at].withheld = sr_code_name(request->error.code);
}

static void count_shown(struct sr_request *request)
{
	const struct sr_account_notes *own = request->account.notes;
	uint64_t withheld = 0, all = own ? own->count : 0;
	for (size_t at = 0; at < all; at++)
		withheld += own->recordings[at].withheld != NULL;
	sr_account_count(request, "presented", all - withheld);
	sr_account_count(request, "withheld", withheld);
}

static struct sr_audit_entry answer_entry(struct sr_request *request)
{
	bool refused = request->error.code != SR_OK;
	if (refused)
		withhold_all(request);
	else if (kind_of(request->head.type) == SR_AUDIT_PRESENTED)
		count_shown(request);
	struct sr_audit_entry entry = whole(request);
	entry.kind = refused ? SR_AUDIT_REFUSED : kind_of(request->head.type);
	entry.outcome = sr_code_name(request->error.code);
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

static void written(void *context, enum sr_code result, uint64_t number, const struct sr_error *err)
{
	struct sr_request *request = context;
	request->account.result = result;
	request->account.number = number;
	if (result != SR_OK)
		sr_log_error(SR_LOG_ERROR, "entry_failed", err);
	sr_post(request->daemon->postbox, &request->account.post);
}

void sr_account_take_result(struct sr_request *request)
{
	if (request->account.result != SR_OK)
		give_up(request, request->account.result);
}

static bool submit(struct sr_request *request)
{
	struct sr_error err = {.code = SR_INTERNAL, .text = "memory is used up"};
	enum sr_audit_class class = request->account.reserve ? SR_AUDIT_CLOSING : SR_AUDIT_ORDINARY;
	struct sr_audit_entry entry = answer_entry(request);
	enum sr_code code = SR_INTERNAL;
	if (!request->account.failed)
		code = sr_account_submit(request->daemon->accounting, &entry, class, written, request, &err);
	request->account.is_written = true;
	if (code == SR_OK)
		return true;
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
	if (!is_accounted(request->head.type) || account->is_written || account->merged || account->intent.made)
		return false;
	if (account->goes_on && request->error.code == SR_OK)
		return false;
	return !request->malformed && (request->error.code != SR_OK || request->reply.frame || account->wanted);
}

/* People are known after every step, so that a later answer, made on the loop, can name them. */
static bool names_people(const struct sr_request *request)
{
	return is_accounted(request->head.type) && !request->account.is_written && !request->malformed;
}

bool sr_account_step_waits(const struct sr_request *request)
{
	struct sr_accounting *accounting = request->daemon->accounting;
	return names_people(request) && request->proven && request->grant &&
	       !(sr_people_known(accounting, request->tag) && sr_people_known(accounting, request->actor));
}

bool sr_account_step(struct sr_request *request)
{
	return names_people(request) && know_people(request, false) == SR_OK && is_due(request) && submit(request);
}

bool sr_account_answer(struct sr_request *request)
{
	return is_due(request) && submit(request);
}

/* ---- changes ---- */

/* Whoever was erased comes back with a recording, be it a new one or another identity's. */
static bool is_coming(uint8_t type)
{
	return type == SR_MSG_RECORD_OPEN || type == SR_MSG_PATIENT_RENAME || type == SR_MSG_PATIENT_MERGE;
}

/* What was said with the intent is not said again with the outcome, but for the recordings. */
static void forget_words(struct sr_request *request)
{
	struct sr_account_notes *own = request->account.notes;
	request->account.alarms = 0;
	if (!own)
		return;
	for (size_t at = 0; at < own->fact_count; at++)
		free((void *)(uintptr_t)own->facts[at].value);
	own->fact_count = own->count_count = 0;
}

enum sr_code sr_account_intent(struct sr_request *request)
{
	enum sr_audit_class class = request->account.reserve ? SR_AUDIT_CLOSING : SR_AUDIT_ORDINARY;
	if (request->account.intent.made)
		return SR_OK;
	enum sr_code code = know_people(request, is_coming(request->head.type));
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
	forget_words(request);
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
	notes_free(request->account.notes);
	request->account.notes = NULL;
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

/* What an event says of a recording stands in the place of its bare name, if that is noted. */
static void forget_bare(struct sr_account_notes *own, const uint8_t recording[SR_UUID])
{
	for (size_t at = 0; own && at < own->count; at++) {
		const struct sr_audit_recording *bare = &own->recordings[at];
		if (bare->withheld || bare->has_track || bare->owner || bare->manifest ||
		    memcmp(bare->id, recording, SR_UUID) != 0)
			continue;
		own->count--;
		memmove(&own->recordings[at], &own->recordings[at + 1], (own->count - at) * sizeof own->recordings[0]);
		return;
	}
}

void sr_account_event(struct sr_request *request, const struct sr_event *event)
{
	bool alarm = sr_event_is_alarm(event->kind);
	const struct sr_request_account *account = &request->account;
	if (event->kind == SR_EVENT_REFUSED)
		return; /* its entry has code and text */
	if (!is_accounted(request->head.type) || (account->is_written && !account->intent.made)) {
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
	forget_bare(request->account.notes, event->recording);
	sr_account_recording(request, &met);
}
