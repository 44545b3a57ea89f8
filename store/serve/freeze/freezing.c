/*
 * Freezes at work: read at start, asked about by every request, listed.
 */
#include "serve/freeze/freezing.h"

#include <stdlib.h>
#include <string.h>

#include "access/decide.h"
#include "account/event.h"
#include "account/log.h"
#include "keys/freeze_row.h"
#include "serve/accounting/alarming.h"
#include "serve/renewal.h"

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
					.issuer = request->words.issuer,
					.jti = request->words.jti};
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

bool sr_request_frozen_now(const struct sr_request *request, bool ingests_too)
{
	struct sr_freeze_facts facts = facts_of(request, NULL);
	return sr_freezes_stop(request->daemon->freezes, &facts, ingests_too);
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

void sr_serve_freeze_list(struct sr_request *request)
{
	uint32_t from;
	struct sr_cursor in = sr_request_fields(request);
	sr_freeze_list_decode(&in, &from);
	if (sr_request_decoded(request, &in) == SR_OK)
		list_freezes(request, from);
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
		loading->code = SR_FAIL_MEMORY(loading->err);
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
