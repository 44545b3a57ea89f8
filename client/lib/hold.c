/* What operators keep from going, and end for good: holds, erasure, rows beyond repair. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "message_epoch.h"
#include "message_hold.h"

/* The callback of a call, which is of no kind that other calls have. */
union told {
	sr_holds_told *holds;
	sr_erasure_told *erasure;
};

static struct sr_span text_of(const char *text)
{
	return (struct sr_span){(const uint8_t *)text, text ? strlen(text) : 0};
}

static bool is_reason(const char *reason)
{
	return reason && reason[0] != '\0' && strlen(reason) <= SR_TEXT_MAX;
}

static bool is_identity(const char *identity)
{
	return identity && identity[0] != '\0' && strlen(identity) <= SR_IDENTITY_FIELD_MAX;
}

static void keep_text(char *out, size_t room, struct sr_span text)
{
	(void)snprintf(out, room, "%.*s", (int)text.size, text.data ? (const char *)text.data : "");
}

/* A call that answers with `told`; NULL when memory is used up. */
static struct sr_call *begin(struct sr_client *client, uint8_t reply, sr_deliver *deliver, union told own,
			     void *context)
{
	return sr_call_own(client, reply, deliver, context, &own, sizeof own);
}

/* ---- holds ---- */

static void take_hold(struct sr_cursor *fields, struct sr_hold_info *info)
{
	struct sr_hold_row row;
	sr_hold_row_decode(fields, &row);
	if (fields->failed)
		return;
	memcpy(info->hold, row.id, SR_ID);
	memcpy(info->recording, row.recording, SR_ID);
	memcpy(info->tag, row.tag, sizeof info->tag);
	info->placed_ms = row.placed_ms;
	keep_text(info->service, sizeof info->service, row.service);
	keep_text(info->reason, sizeof info->reason, row.reason);
}

/* The holds of a page, owned by the caller; NULL if they are malformed or memory is used up. */
static struct sr_hold_info *take_holds(struct sr_cursor *fields, struct sr_holds_info *page)
{
	struct sr_holds_reply reply;
	sr_holds_reply_decode(fields, &reply);
	if (fields->failed)
		return NULL;
	page->total = reply.total;
	page->from = reply.from;
	page->count = reply.count;
	struct sr_hold_info *holds = calloc(reply.count ? reply.count : 1u, sizeof *holds);
	for (uint16_t at = 0; holds && at < reply.count; at++)
		take_hold(fields, &holds[at]);
	return holds;
}

static void deliver_holds(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_holds_info page = {0};
	struct sr_hold_info *holds = fields ? take_holds(fields, &page) : NULL;
	if (fields && !holds)
		sr_take_fail(fields);
	if (fields)
		(void)!sr_decoded(call, fields, &own);
	page.holds = holds;
	((union told *)call->own)->holds(call->context, &own, own.code == SR_OK ? &page : NULL);
	free(holds);
}

enum sr_code sr_hold_place(sr_client *client, const uint8_t *recording, const char *identity, const char *reason,
			   sr_holds_told *told, void *context, sr_call **handle)
{
	struct sr_hold_place message = {.identity = text_of(identity), .reason = text_of(reason)};
	if (!is_reason(reason) || (recording != NULL) == (identity != NULL) || (identity && !is_identity(identity)))
		return SR_USAGE;
	if (recording)
		memcpy(message.recording, recording, SR_ID);
	struct sr_call *call = begin(client, SR_MSG_HOLDS, deliver_holds, (union told){.holds = told}, context);
	if (!call)
		return SR_INTERNAL;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_HOLD_PLACE, 0, call->request,
						  SR_ID + 2 + message.identity.size + 2 + message.reason.size);
	if (out)
		sr_hold_place_encode(&out->fields, &message);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

enum sr_code sr_hold_list(sr_client *client, uint32_t from, sr_holds_told *told, void *context, sr_call **handle)
{
	struct sr_call *call = begin(client, SR_MSG_HOLDS, deliver_holds, (union told){.holds = told}, context);
	if (!call)
		return SR_INTERNAL;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_HOLD_LIST, 0, call->request, 4);
	if (out)
		sr_hold_list_encode(&out->fields, from);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

/* ---- what names an id and a reason ---- */

static enum sr_code start_reasoned(struct sr_client *client, uint8_t type, const uint8_t id[SR_ID], const char *reason,
				   sr_done *done, void *context, struct sr_call **handle)
{
	struct sr_reasoned message = {.reason = text_of(reason)};
	if (!is_reason(reason))
		return SR_USAGE;
	memcpy(message.id, id, SR_ID);
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	struct sr_outgoing *out = sr_outgoing_new(type, 0, call->request, SR_ID + 2 + message.reason.size);
	if (out)
		sr_reasoned_encode(&out->fields, &message);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

enum sr_code sr_hold_release(sr_client *client, const uint8_t hold[SR_ID], const char *reason, sr_done *done,
			     void *context, sr_call **handle)
{
	return start_reasoned(client, SR_MSG_HOLD_RELEASE, hold, reason, done, context, handle);
}

enum sr_code sr_scrub_discard(sr_client *client, const uint8_t recording[SR_ID], const char *reason, sr_done *done,
			      void *context, sr_call **handle)
{
	return start_reasoned(client, SR_MSG_SCRUB_DISCARD, recording, reason, done, context, handle);
}

/* ---- erasure ---- */

static void take_erasure(struct sr_cursor *fields, struct sr_erasure_info *info,
			 char backups[SR_LOST_BACKUPS_MAX][SR_BACKUP_LABEL_MAX + 1])
{
	static const char *const states[] = {"none", "pending", "final"};
	struct sr_patient_erased reply;
	sr_patient_erased_decode(fields, &reply);
	if (fields->failed)
		return;
	*info = (struct sr_erasure_info){.state = states[reply.state],
					 .erased_ms = reply.erased_ms,
					 .recordings = reply.recordings,
					 .waiting = reply.waiting,
					 .epoch = reply.epoch,
					 .unretired = reply.unretired,
					 .returned = reply.returned,
					 .kept_until_ms = reply.kept_until_ms,
					 .backups_count = reply.backups};
	for (uint16_t at = 0; at < reply.backups; at++) {
		struct sr_span name;
		sr_lost_backup_decode(fields, &name);
		keep_text(backups[at], SR_BACKUP_LABEL_MAX + 1, name);
	}
}

static void deliver_erasure(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_erasure_info info = {.state = "none"};
	char backups[SR_LOST_BACKUPS_MAX][SR_BACKUP_LABEL_MAX + 1];
	if (fields) {
		take_erasure(fields, &info, backups);
		(void)!sr_decoded(call, fields, &own);
	}
	info.backups = (const char(*)[SR_BACKUP_LABEL_MAX + 1]) backups;
	((union told *)call->own)->erasure(call->context, &own, own.code == SR_OK ? &info : NULL);
}

enum sr_code sr_patient_erase(sr_client *client, const char *identity, const char *reason, sr_erasure_told *told,
			      void *context, sr_call **handle)
{
	struct sr_patient_erase message = {
		.identity = text_of(identity), .look = reason == NULL, .reason = text_of(reason)};
	if (!is_identity(identity) || (reason && !is_reason(reason)))
		return SR_USAGE;
	struct sr_call *call =
		begin(client, SR_MSG_PATIENT_ERASED, deliver_erasure, (union told){.erasure = told}, context);
	if (!call)
		return SR_INTERNAL;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_PATIENT_ERASE, 0, call->request,
						  2 + message.identity.size + 1 + 2 + message.reason.size);
	if (out)
		sr_patient_erase_encode(&out->fields, &message);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}
