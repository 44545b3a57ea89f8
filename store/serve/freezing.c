/*
 * Freezes at work: made durable and put in force one after the other, and asked about by every request.
 */
#include "serve/freezing.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "access/decide.h"
#include "account/event.h"
#include "account/log.h"
#include "keys/freeze_row.h"
#include "serve/alarming.h"
#include "serve/lookup.h"
#include "serve/play.h"
#include "serve/renewal.h"
#include "serve/writer.h"
#include "text.h"

#define FROZEN_TEXT "it is frozen"

/* ---- asking ---- */

static bool ingests(uint8_t type)
{
	struct sr_demand demand;
	return sr_demand_of(type, &demand) && demand.scope == SR_SCOPE_RECORD;
}

static struct sr_freeze_facts facts_of(const struct sr_request *request, const uint8_t *recording)
{
	return (struct sr_freeze_facts){.patient = request->tag,
					.actor = request->actor,
					.recording = recording,
					.service = request->caller.name,
					.issuer = request->issuer,
					.jti = request->jti};
}

static enum sr_code refuse(struct sr_request *request)
{
	(void)SR_FAIL(&request->error, SR_FROZEN, FROZEN_TEXT);
	struct sr_event event = {.kind = SR_EVENT_REFUSED, .code = SR_FROZEN, .text = FROZEN_TEXT};
	sr_count(SR_COUNT_REFUSED_FROZEN, 1);
	sr_request_event(request, &event);
	return SR_FROZEN;
}

enum sr_code sr_request_frozen(struct sr_request *request, const uint8_t *recording)
{
	struct sr_freeze_facts facts = facts_of(request, recording);
	request->judged = true;
	request->judged_one = recording != NULL;
	if (recording)
		memcpy(request->judged_recording, recording, SR_UUID);
	if (sr_freezes_stop(request->freezes, &facts, ingests(request->head.type)))
		return refuse(request);
	request->reads = !ingests(request->head.type);
	if (request->reads)
		sr_alarming_watch(request);
	return SR_OK;
}

/* A list may have rows of a recording that is frozen by now: it is asked for again. */
static bool lists(const struct sr_request *request)
{
	return request->head.type == SR_MSG_LIST;
}

bool sr_request_overtaken(struct sr_request *request)
{
	struct sr_freezes *now = request->daemon->freezes;
	if (!request->judged || request->error.code != SR_OK || request->freezes == now)
		return false;
	struct sr_freeze_facts facts = facts_of(request, request->judged_one ? request->judged_recording : NULL);
	if (sr_freezes_stop(now, &facts, ingests(request->head.type)))
		return refuse(request) != SR_OK;
	if (!lists(request))
		return false;
	request->retry_ms = 1;
	return SR_FAIL(&request->error, SR_BUSY, "something was frozen or thawed meanwhile") != SR_OK;
}

bool sr_stream_frozen(const struct sr_daemon *daemon, const struct sr_held_grant *held, const uint8_t *recording,
		      const char *service, bool ingests_too)
{
	struct sr_freeze_facts facts = {.patient = held->tag,
					.actor = held->actor,
					.recording = recording,
					.service = service,
					.issuer = held->grant->issuer->name,
					.jti = held->grant->jti};
	return sr_freezes_stop(daemon->freezes, &facts, ingests_too);
}

/* ---- changing ---- */

/* A freeze or thaw on its way. They go one at a time, in the order in which they were asked for. */
struct sr_change {
	struct sr_change *next;
	struct sr_daemon *daemon;
	struct sr_request *request; /* who asked; NULL: the store itself */
	struct sr_freeze_entry entry;
	bool thaws;
	struct sr_freezes *then; /* what is in force once it is durable */
	struct sr_post durable;
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
	free(change);
	if (request) {
		request->owner = NULL;
		if (request->error.code == SR_OK)
			(void)!sr_request_reply(request, SR_MSG_DONE, 0);
		sr_request_answer(request, false);
	}
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

static struct sr_op *op_of(const struct sr_change *change)
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
		code = SR_FAIL(err, SR_INTERNAL, "memory is used up");
	if (code != SR_OK) {
		if (!change->request)
			sr_log_error(SR_LOG_ALARM, "not_frozen", err);
		finish(change);
		return;
	}
	change->durable.run = take_force;
	sr_index_submit(daemon->index, op, committed, change);
}

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

void sr_freeze_by_store(struct sr_daemon *daemon, const struct sr_freeze_entry *entry)
{
	struct sr_change *change = calloc(1, sizeof *change);
	if (!change) {
		sr_log(SR_LOG_ALARM, "not_frozen", "memory is used up");
		return;
	}
	change->daemon = daemon;
	change->entry = *entry;
	change->entry.frozen_ms = sr_now_ms();
	enqueue(change);
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
	if (!sr_take_done(&in))
		return sr_request_malformed(request);
	if (!sr_text_is_utf8(message.reason))
		return SR_FAIL(&request->error, SR_USAGE, "a reason is UTF-8 without NUL");
	if (message.scope == SR_FREEZE_GRANT && memchr(message.subject.data, 0, message.subject.size))
		return SR_FAIL(&request->error, SR_USAGE, "a jti has no NUL");
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

static void prepare(struct sr_request *request)
{
	struct sr_change *change = request->owner;
	enum sr_code code = parse(request, change);
	if (code == SR_OK && !change->thaws && change->entry.scope == SR_FREEZE_RECORDING)
		(void)!know_recording(request, &change->entry);
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

static void prepared(struct sr_request *request)
{
	struct sr_change *change = request->owner;
	if (request->error.code == SR_OK && !change->thaws)
		(void)!know_name(request, &change->entry);
	if (request->error.code == SR_OK) {
		enqueue(change);
		return;
	}
	free(change);
	request->owner = NULL;
	sr_request_answer(request, false);
}

void sr_serve_freeze(struct sr_session *session, const struct sr_message_head *head, const struct sr_cursor *fields)
{
	struct sr_request *request = sr_request_new(session, head, fields);
	struct sr_change *change = calloc(1, sizeof *change);
	if (!request || !change) {
		free(change);
		if (request)
			sr_request_free(request);
		sr_session_drop(session, "memory is used up");
		return;
	}
	change->daemon = request->daemon;
	change->request = request;
	change->thaws = head->type == SR_MSG_THAW;
	request->owner = change;
	sr_request_start(request, prepare, prepared);
}

/* ---- freeze.list ---- */

#define ROW_ROOM (1 + 2 + SR_FREEZE_SUBJECT_MAX + 1 + 8 + 2 + SR_SERVICE_NAME_MAX + 2 + SR_TEXT_MAX)

static void list_freezes(struct sr_request *request, uint32_t from)
{
	const struct sr_freezes *freezes = request->freezes;
	struct sr_freezes_reply reply = {.total = (uint32_t)sr_freezes_count(freezes)};
	reply.from = from < reply.total ? from : reply.total;
	uint32_t left = reply.total - reply.from;
	reply.count = (uint16_t)(left < SR_FREEZES_PAGE_MAX ? left : SR_FREEZES_PAGE_MAX);
	if (!sr_request_reply(request, SR_MSG_FREEZES, 4 + 4 + 2 + (size_t)reply.count * ROW_ROOM))
		return;
	sr_freezes_reply_encode(&request->reply.fields, &reply);
	for (uint16_t at = 0; at < reply.count; at++) {
		struct sr_freeze_row row = sr_freeze_row_of(sr_freezes_at(freezes, reply.from + at));
		sr_freeze_row_encode(&request->reply.fields, &row);
	}
}

void sr_serve_freeze_list(struct sr_session *session, const struct sr_message_head *head,
			  const struct sr_cursor *fields)
{
	struct sr_request *request = sr_request_new(session, head, fields);
	uint32_t from;
	if (!request) {
		sr_session_drop(session, "memory is used up");
		return;
	}
	struct sr_cursor in = sr_request_fields(request);
	sr_freeze_list_decode(&in, &from);
	if (sr_take_done(&in))
		list_freezes(request, from);
	else
		(void)sr_request_malformed(request);
	sr_request_answer(request, false);
}

/* ---- at start ---- */

struct loading {
	struct sr_daemon *daemon;
	struct sr_freeze_entry *entries;
	size_t count, room;
	enum sr_code code;
	struct sr_error *err;
};

static bool make_room(struct loading *loading)
{
	if (loading->count < loading->room)
		return true;
	size_t room = loading->room ? 2 * loading->room : 16;
	struct sr_freeze_entry *entries = reallocarray(loading->entries, room, sizeof *entries);
	if (!entries)
		return false;
	loading->entries = entries;
	loading->room = room;
	return true;
}

static bool load_freeze(void *context, struct sr_span key, struct sr_span value)
{
	struct loading *loading = context;
	char name[SR_INDEX_KEY_MAX + 1];
	struct sr_freeze_row row;
	memcpy(name, key.data, key.size);
	name[key.size] = '\0';
	loading->code = sr_freeze_row_open(loading->daemon->keyring, name, value, &row);
	if (loading->code != SR_OK)
		(void)SR_FAIL(loading->err, loading->code, "the control row %s does not verify", name);
	else if (!make_room(loading) || !sr_freeze_entry_of(&row, &loading->entries[loading->count]))
		loading->code = SR_FAIL(loading->err, SR_INTERNAL, "memory is used up");
	loading->count += loading->code == SR_OK;
	return loading->code == SR_OK;
}

static int by_time(const void *one, const void *other)
{
	const struct sr_freeze_entry *a = one, *b = other;
	return (a->frozen_ms > b->frozen_ms) - (a->frozen_ms < b->frozen_ms);
}

enum sr_code sr_freezing_load(struct sr_daemon *daemon, struct sr_error *err)
{
	struct loading loading = {.daemon = daemon, .err = err};
	struct sr_index_key from = sr_key_control(SR_FREEZE_PREFIX);
	struct sr_view *view;
	enum sr_code code = sr_view_begin(daemon->index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_walk(view, &from, from.size, load_freeze, &loading);
	sr_view_end(view);
	if (code != SR_OK)
		(void)SR_FAIL(err, code, "the freezes cannot be read from the index");
	else
		code = loading.code;
	if (code == SR_OK && loading.count > 0)
		qsort(loading.entries, loading.count, sizeof *loading.entries, by_time);
	daemon->changes_last = &daemon->changes;
	daemon->freezes = code == SR_OK ? sr_freezes_new(loading.entries, loading.count) : NULL;
	if (code == SR_OK && !daemon->freezes)
		code = SR_FAIL(err, SR_INTERNAL, "memory is used up, or there are too many freezes");
	if (code == SR_OK)
		sr_count(SR_COUNT_FREEZES_NOW, (int64_t)loading.count);
	free(loading.entries);
	return code;
}
