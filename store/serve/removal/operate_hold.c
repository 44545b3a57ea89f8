/*
 * hold.place, hold.release, hold.list: what must not be deleted, erased or removed by rule.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/log.h"
#include "keys/derive.h"
#include "message_hold.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/record/binding.h"
#include "serve/removal/holding.h"
#include "serve/removal/removal.h"
#include "serve/removal/sweeper.h"

#define ROWS_AT_ONCE 500 /* a view ends within 1,000 rows */

/* A hold on its way into its row, or out of it. */
struct holding {
	char name[SR_CONTROL_NAME];
	struct sr_index_key key;
	struct sr_holds holds;
	uint8_t old[SR_ROW_MAX]; /* the row as it stands */
	size_t old_size;         /* 0: there is none */
	struct sr_hold hold;     /* that is placed or released */
	bool patient;
	uint8_t subject[SR_TAG]; /* tag, or recording and zeros */
	/* of a recording: */
	uint8_t tag[SR_TAG];
	struct sr_recording_row row;
	uint8_t mac[SR_ROW_MAC];
};

static enum sr_code used_up(struct sr_request *request)
{
	return SR_FAIL_MEMORY(&request->error);
}

/* ---- the row ---- */

static enum sr_code read_holds(struct sr_request *request, struct sr_view *view, struct holding *holding)
{
	struct sr_span value;
	if (holding->patient)
		sr_hold_patient_name(holding->subject, holding->name);
	else
		sr_hold_recording_name(holding->subject, holding->name);
	holding->key = sr_key_control(holding->name);
	holding->old_size = 0;
	memset(&holding->holds, 0, sizeof holding->holds);
	enum sr_code code = sr_view_get(view, &holding->key, &value);
	if (code == SR_NOT_FOUND)
		return SR_OK;
	if (code == SR_OK)
		code = sr_holds_row_open(request->daemon->keyring, holding->name, value, &holding->holds);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "the row of the holds cannot be read");
	memcpy(holding->old, value.data, value.size);
	holding->old_size = value.size;
	return SR_OK;
}

/* The row as `holds` now are, if it still stands as it was read. */
static bool add_holds(const struct sr_request *request, const struct holding *holding, struct sr_op *op)
{
	uint8_t bytes[SR_ROW_MAX];
	enum sr_check_kind check = holding->old_size > 0 ? SR_CHECK_EQUALS : SR_CHECK_ABSENT;
	if (!op || !sr_op_check(op, check, &holding->key, holding->old, holding->old_size))
		return false;
	if (holding->holds.count == 0)
		return sr_op_erase(op, &holding->key);
	size_t size = sr_holds_row_seal(request->daemon->keyring, holding->name, &holding->holds, bytes);
	return sr_op_put(op, &holding->key, bytes, size);
}

/* The recording's own row says it as well, so that a hold's row cannot be taken away unseen. */
static bool add_flag(const struct sr_request *request, struct holding *holding, struct sr_op *op)
{
	struct sr_index_key key = sr_key_recording(holding->tag, holding->subject);
	uint8_t bytes[SR_ROW_MAX];
	holding->row.held = holding->holds.count > 0;
	holding->row.life_revision++;
	size_t size = sr_recording_row_encode(request->daemon->keyring, holding->subject, &holding->row, bytes);
	return sr_op_check(op, SR_CHECK_SUFFIX, &key, holding->mac, SR_ROW_MAC) && sr_op_put(op, &key, bytes, size);
}

/* The change, with its intent before it. */
static enum sr_code run(struct sr_request *request, const struct holding *holding, struct sr_op *op, bool built)
{
	size_t failed;
	enum sr_code code = built ? SR_OK : used_up(request);
	sr_account_start_again(request);
	if (holding->patient)
		sr_account_linked(request, holding->subject);
	else
		sr_account_met(request, holding->subject, NULL);
	sr_account_may_use_reserve(request);
	if (code == SR_OK)
		code = sr_account_intent(request);
	if (code == SR_OK)
		return sr_account_run(request, holding->patient ? holding->subject : holding->tag, op, &failed);
	sr_op_free(op);
	return code;
}

/* What the account says of a hold beside whose it is. */
static void note_words(struct sr_request *request, const uint8_t hold[SR_UUID], struct sr_span reason)
{
	char id[SR_UUID_TEXT], text[SR_TEXT_MAX + 1];
	sr_uuid_format(hold, id);
	sr_account_name(request, id);
	memcpy(text, reason.data, reason.size);
	text[reason.size] = '\0';
	sr_account_reason(request, text);
}

/* ---- hold.place ---- */

/* What is doomed can be held while it can come back. */
static bool add_still_undoable(const struct sr_request *request, const struct holding *holding, struct sr_op *op)
{
	struct sr_doom doom = {.kind = SR_DOOM_DELETED, .doomed_ms = holding->row.doomed_ms};
	uint8_t bytes[SR_ROW_MAX];
	if (holding->row.life != SR_LIFE_DOOMED)
		return true;
	memcpy(doom.tag, holding->tag, SR_TAG);
	memcpy(doom.recording, holding->subject, SR_UUID);
	struct sr_index_key key = sr_key_doom(&doom);
	size_t size = sr_doom_row_seal(request->daemon->keyring, &doom, bytes);
	return sr_op_check(op, SR_CHECK_EQUALS, &key, bytes, size);
}

/* Neither may be under way to its erasure: the patient's row stands as it was read. */
static enum sr_code read_patient(struct sr_request *request, struct sr_view *view, const uint8_t tag[SR_TAG],
				 uint8_t mac[SR_ROW_MAC])
{
	struct sr_index_key key = sr_key_patient(tag);
	struct sr_patient_row row;
	struct sr_span value;
	enum sr_code code = sr_view_get(view, &key, &value);
	if (code == SR_OK)
		code = sr_patient_row_decode(request->daemon->keyring, tag, value, &row);
	if (code == SR_NOT_FOUND || (code == SR_OK && row.life == SR_LIFE_TOMBSTONE))
		return SR_FAIL(&request->error, SR_NOT_FOUND, "there is no patient of this identity");
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "the patient's row cannot be read");
	memcpy(mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	bool erasing = row.life == SR_LIFE_DOOMED;
	sodium_memzero(&row, sizeof row);
	if (erasing)
		return SR_FAIL(&request->error, SR_CONFLICT, "this patient is being erased");
	return SR_OK;
}

static enum sr_code look(struct sr_request *request, struct holding *holding, uint8_t patient_mac[SR_ROW_MAC])
{
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	if (holding->patient)
		memcpy(holding->tag, holding->subject, SR_TAG);
	else
		code = sr_recording_home(request, view, holding->subject, holding->tag, &holding->row, holding->mac);
	if (code == SR_OK)
		code = read_patient(request, view, holding->tag, patient_mac);
	if (code == SR_OK)
		code = read_holds(request, view, holding);
	sr_request_view_end(request, view);
	return code;
}

static enum sr_code place_once(struct sr_request *request, void *context)
{
	struct holding *holding = context;
	uint8_t patient_mac[SR_ROW_MAC];
	enum sr_code code = look(request, holding, patient_mac);
	if (code != SR_OK)
		return code;
	if (holding->holds.count == SR_HOLDS_MAX)
		return SR_FAIL(&request->error, SR_CONFLICT, "it has %d holds already", SR_HOLDS_MAX);
	holding->holds.list[holding->holds.count++] = holding->hold;
	struct sr_index_key patient = sr_key_patient(holding->tag);
	struct sr_op *op = sr_op_new();
	bool built =
		add_holds(request, holding, op) && sr_op_check(op, SR_CHECK_SUFFIX, &patient, patient_mac, SR_ROW_MAC);
	if (built && !holding->patient)
		built = add_still_undoable(request, holding, op) && add_flag(request, holding, op);
	return run(request, holding, op, built);
}

static void encode_row(struct sr_builder *out, const struct holding *holding, const struct sr_hold *hold)
{
	struct sr_hold_row row = {.placed_ms = hold->placed_ms,
				  .service = {hold->service, hold->service_size},
				  .reason = {hold->reason, hold->reason_size}};
	memcpy(row.id, hold->id, SR_UUID);
	if (holding->patient)
		memcpy(row.tag, holding->subject, SR_TAG);
	else
		memcpy(row.recording, holding->subject, SR_UUID);
	sr_hold_row_encode(out, &row);
}

static void answer_placed(struct sr_request *request, const struct holding *holding)
{
	struct sr_holds_reply reply = {.total = 1, .count = 1};
	if (!sr_request_reply(request, SR_MSG_HOLDS, 1024))
		return;
	sr_holds_reply_encode(&request->reply.fields, &reply);
	encode_row(&request->reply.fields, holding, &holding->hold);
}

static enum sr_code parse_place(struct sr_request *request, struct holding *holding)
{
	struct sr_hold_place message;
	struct sr_cursor in = sr_request_fields(request);
	sr_hold_place_decode(&in, &message);
	if (sr_request_decoded(request, &in) != SR_OK || sr_request_text(request, message.reason, "a reason") != SR_OK)
		return request->error.code;
	struct sr_hold *hold = &holding->hold;
	sr_uuid7(sr_now_ms(), hold->id);
	hold->placed_ms = sr_now_ms();
	hold->service_size = strlen(request->caller.name);
	memcpy(hold->service, request->caller.name, hold->service_size);
	hold->reason_size = message.reason.size;
	memcpy(hold->reason, message.reason.data, message.reason.size);
	note_words(request, hold->id, message.reason);
	holding->patient = message.identity.size > 0;
	if (holding->patient)
		sr_patient_tag(request->daemon->keyring, message.identity.data, message.identity.size, holding->subject,
			       &request->work);
	else
		memcpy(holding->subject, message.recording, SR_UUID);
	return SR_OK;
}

static void tell(const struct sr_request *request, const char *event, const struct sr_hold *hold)
{
	struct sr_log_line line;
	char id[SR_UUID_TEXT];
	sr_uuid_format(hold->id, id);
	sr_log_begin(&line, SR_LOG_INFO, event);
	sr_log_text(&line, "hold", id);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

static void place(struct sr_request *request)
{
	struct holding *holding = request->owner;
	if (parse_place(request, holding) == SR_OK && sr_request_attempts(request, place_once, holding) == SR_OK) {
		answer_placed(request, holding);
		tell(request, "hold_placed", &holding->hold);
	}
}

/* ---- a walk over all holds ---- */

/* Rows are visited in the order of their names, view by view. */
struct walk {
	struct sr_request *request;
	struct sr_index_key from;
	unsigned seen;
	bool more, skip;
	bool (*take)(struct walk *walk, struct sr_span name, struct sr_span value);
	enum sr_code code;
	/* hold.list */
	uint32_t wanted, total;
	struct sr_holds_reply reply;
	/* hold.release */
	struct holding *holding;
	bool found;
};

static bool visit(void *context, struct sr_span name, struct sr_span value)
{
	struct walk *walk = context;
	bool again = walk->skip && name.size == walk->from.size && memcmp(name.data, walk->from.bytes, name.size) == 0;
	if (again)
		return true;
	walk->more = walk->seen++ == ROWS_AT_ONCE;
	if (walk->more)
		return false;
	memcpy(walk->from.bytes, name.data, name.size);
	walk->from.size = name.size;
	return walk->take(walk, name, value);
}

static enum sr_code walk_all(struct walk *walk)
{
	walk->from = sr_key_control(SR_HOLD_PREFIX);
	walk->code = SR_OK;
	do {
		struct sr_view *view;
		enum sr_code code = sr_request_view(walk->request, &view);
		if (code != SR_OK)
			return code;
		struct sr_index_key from = walk->from;
		walk->seen = 0;
		walk->more = false;
		code = sr_view_walk(view, &from, strlen(SR_HOLD_PREFIX), visit, walk);
		sr_request_view_end(walk->request, view);
		if (code != SR_OK)
			return SR_FAIL(&walk->request->error, code, "reading the index failed");
		walk->skip = true;
	} while (walk->more && walk->code == SR_OK);
	return walk->code;
}

/* A row of holds; false if it cannot be read, which fails the walk. */
static bool open_holds(struct walk *walk, struct sr_span name, struct sr_span value, struct holding *holding)
{
	enum sr_code code = SR_CORRUPT;
	if (sr_hold_name_parse(name, &holding->patient, holding->subject)) {
		memcpy(holding->name, name.data, name.size);
		holding->name[name.size] = '\0';
		code = sr_holds_row_open(walk->request->daemon->keyring, holding->name, value, &holding->holds);
	}
	if (code == SR_OK)
		return true;
	walk->code = SR_FAIL(&walk->request->error, code, "a row of holds cannot be read; a scrub names it");
	return false;
}

/* ---- hold.release ---- */

static bool seek(struct walk *walk, struct sr_span name, struct sr_span value)
{
	struct holding *holding = walk->holding;
	if (!open_holds(walk, name, value, holding))
		return false;
	for (size_t at = 0; at < holding->holds.count; at++)
		if (memcmp(holding->holds.list[at].id, holding->hold.id, SR_UUID) == 0)
			walk->found = true;
	return !walk->found;
}

static enum sr_code read_again(struct sr_request *request, struct holding *holding)
{
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = read_holds(request, view, holding);
	/* Of a recording that is not there any more the hold goes all the same. */
	if (code == SR_OK && !holding->patient &&
	    sr_recording_home(request, view, holding->subject, holding->tag, &holding->row, holding->mac) != SR_OK) {
		request->error = (struct sr_error){.code = SR_OK};
		memcpy(holding->tag, sr_no_patient, SR_TAG);
		holding->row.life = SR_LIFE_TOMBSTONE;
	}
	sr_request_view_end(request, view);
	return code;
}

static enum sr_code release_once(struct sr_request *request, void *context)
{
	struct holding *holding = context;
	size_t at = 0;
	enum sr_code code = read_again(request, holding);
	if (code != SR_OK)
		return code;
	struct sr_holds *holds = &holding->holds;
	while (at < holds->count && memcmp(holds->list[at].id, holding->hold.id, SR_UUID) != 0)
		at++;
	if (at == holds->count)
		return SR_FAIL(&request->error, SR_NOT_FOUND, "there is no such hold");
	memmove(&holds->list[at], &holds->list[at + 1], (holds->count - at - 1) * sizeof holds->list[0]);
	holds->count--;
	struct sr_op *op = sr_op_new();
	bool built = add_holds(request, holding, op);
	if (built && !holding->patient && holding->row.life != SR_LIFE_TOMBSTONE)
		built = add_flag(request, holding, op);
	return run(request, holding, op, built);
}

static void release(struct sr_request *request)
{
	struct holding *holding = request->owner;
	struct walk walk = {.request = request, .take = seek, .holding = holding};
	struct sr_reasoned message;
	struct sr_cursor in = sr_request_fields(request);
	sr_reasoned_decode(&in, &message);
	if (sr_request_decoded(request, &in) != SR_OK || sr_request_text(request, message.reason, "a reason") != SR_OK)
		return;
	memcpy(holding->hold.id, message.id, SR_UUID);
	note_words(request, message.id, message.reason);
	enum sr_code code = walk_all(&walk);
	if (code == SR_OK && !walk.found)
		code = SR_FAIL(&request->error, SR_NOT_FOUND, "there is no such hold");
	if (code == SR_OK && sr_request_attempts(request, release_once, holding) == SR_OK &&
	    sr_request_reply(request, SR_MSG_DONE, 0)) {
		tell(request, "hold_released", &holding->hold);
		sr_sweeper_wake(request->daemon->sweeper);
	}
}

/* ---- hold.list ---- */

static bool list_row(struct walk *walk, struct sr_span name, struct sr_span value)
{
	struct holding *holding = walk->holding;
	if (!open_holds(walk, name, value, holding))
		return false;
	for (size_t at = 0; at < holding->holds.count; at++) {
		bool wanted = walk->total >= walk->wanted && walk->reply.count < SR_HOLDS_PAGE_MAX;
		if (wanted) {
			encode_row(&walk->request->reply.fields, holding, &holding->holds.list[at]);
			walk->reply.count++;
		}
		walk->total++;
	}
	return true;
}

static void list(struct sr_request *request)
{
	struct walk walk = {.request = request, .take = list_row, .holding = request->owner};
	struct sr_cursor in = sr_request_fields(request);
	sr_hold_list_decode(&in, &walk.wanted);
	if (sr_request_decoded(request, &in) != SR_OK)
		return;
	if (!sr_request_reply(request, SR_MSG_HOLDS, SR_MESSAGE_MAX - SR_MESSAGE_HEAD))
		return;
	struct sr_builder *out = &request->reply.fields;
	struct sr_builder front = *out;
	sr_holds_reply_encode(out, &walk.reply);
	if (walk_all(&walk) != SR_OK)
		return;
	/* The front again, with what is known now; it has the same size. */
	walk.reply.total = walk.total;
	walk.reply.from = walk.wanted < walk.total ? walk.wanted : walk.total;
	sr_holds_reply_encode(&front, &walk.reply);
}

/* ---- from the loop ---- */

static void after(struct sr_request *request)
{
	struct holding *holding = request->owner;
	sodium_memzero(holding, sizeof *holding);
	free(holding);
	sr_request_answer(request, false);
}

void sr_serve_hold_place(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct holding), place, after);
}

void sr_serve_hold_release(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct holding), release, after);
}

void sr_serve_hold_list(struct sr_request *request)
{
	sr_request_begin(request, sizeof(struct holding), list, after);
}
