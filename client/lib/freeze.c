/* Stopping and being told: freezes and their list, alarms and the trying out of their command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "message_alarm.h"
#include "message_freeze.h"

_Static_assert(SR_FROZEN_ACTOR == (int)SR_FREEZE_ACTOR, "the public header has the protocol's numbers");

/* The callback of a call, which is of no kind that other calls have. */
union told {
	sr_freezes_told *freezes;
	sr_alarms_told *alarms;
};

static enum sr_code send_change(struct sr_client *client, uint8_t type, uint64_t request,
				const struct sr_freeze *message)
{
	struct sr_outgoing *out =
		sr_outgoing_new(type, 0, request, 1 + 1 + 2 + message->subject.size + 1 + 2 + message->reason.size);
	if (!out)
		return SR_INTERNAL;
	if (type == SR_MSG_THAW)
		sr_thaw_encode(&out->fields, message);
	else
		sr_freeze_encode(&out->fields, message);
	return sr_outgoing_send(client, NULL, out);
}

static void deliver_made(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	bool unknown = false;
	if (fields) {
		sr_freeze_made_decode(fields, &unknown);
		(void)!sr_decoded(call, fields, &own);
	}
	call->callback.freeze_made(call->context, &own, own.code == SR_OK && unknown);
}

/* The message that `options` are; false: no such scope, subject or reason. */
static bool take_options(const struct sr_freeze_options *options, struct sr_freeze *message)
{
	*message = (struct sr_freeze){.scope = (enum sr_freeze_scope)options->scope,
				      .tagged = options->tagged,
				      .subject = {options->subject, options->subject_size},
				      .ingest = options->ingest,
				      .reason = {(const uint8_t *)options->reason, strlen(options->reason)}};
	return sr_freeze_subject_valid(message->scope, message->tagged, message->subject) && message->reason.size > 0 &&
	       message->reason.size <= SR_TEXT_MAX;
}

enum sr_code sr_freeze(sr_client *client, const struct sr_freeze_options *options, sr_freeze_made *made, void *context,
		       sr_call **handle)
{
	struct sr_freeze message;
	if (!take_options(options, &message))
		return SR_USAGE;
	struct sr_call *call = sr_call_new(client, SR_MSG_FREEZE_MADE, deliver_made, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.freeze_made = made;
	return sr_call_start(call, send_change(client, SR_MSG_FREEZE, call->request, &message), handle);
}

enum sr_code sr_thaw(sr_client *client, const struct sr_freeze_options *options, sr_done *done, void *context,
		     sr_call **handle)
{
	struct sr_freeze message;
	if (!take_options(options, &message))
		return SR_USAGE;
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	return sr_call_start(call, send_change(client, SR_MSG_THAW, call->request, &message), handle);
}

static void keep_text(char *out, size_t room, struct sr_span text)
{
	(void)snprintf(out, room, "%.*s", (int)text.size, text.data ? (const char *)text.data : "");
}

/* ---- lists ---- */

static void take_freeze(struct sr_cursor *fields, struct sr_freeze_info *info)
{
	struct sr_freeze_row row;
	sr_freeze_row_decode(fields, &row);
	if (fields->failed)
		return;
	info->scope = (unsigned)row.scope;
	(void)snprintf(info->scope_name, sizeof info->scope_name, "%s", sr_freeze_scope_name(row.scope));
	if (row.subject.size > 0)
		memcpy(info->subject, row.subject.data, row.subject.size);
	info->subject_size = row.subject.size;
	info->ingest = row.ingest;
	info->frozen_ms = row.frozen_ms;
	keep_text(info->by, sizeof info->by, row.by);
	keep_text(info->reason, sizeof info->reason, row.reason);
}

static struct sr_freeze_info *take_freezes(struct sr_cursor *fields, struct sr_freezes_info *page)
{
	struct sr_freezes_reply reply;
	sr_freezes_reply_decode(fields, &reply);
	if (fields->failed)
		return NULL;
	page->total = reply.total;
	page->from = reply.from;
	page->count = reply.count;
	struct sr_freeze_info *freezes = calloc(reply.count ? reply.count : 1u, sizeof *freezes);
	for (uint16_t at = 0; freezes && at < reply.count; at++)
		take_freeze(fields, &freezes[at]);
	return freezes;
}

static void deliver_freezes(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_freezes_info page = {0};
	struct sr_freeze_info *freezes = fields ? take_freezes(fields, &page) : NULL;
	if (fields && !freezes)
		sr_take_fail(fields);
	if (fields)
		(void)!sr_decoded(call, fields, &own);
	page.freezes = freezes;
	((union told *)call->own)->freezes(call->context, &own, own.code == SR_OK ? &page : NULL);
	free(freezes);
}

static void take_alarm(struct sr_cursor *fields, struct sr_alarm_info *info)
{
	struct sr_alarm_row row;
	sr_alarm_row_decode(fields, &row);
	if (fields->failed)
		return;
	info->number = row.number;
	(void)snprintf(info->kind, sizeof info->kind, "%s", sr_alarm_kind_name(row.kind));
	(void)snprintf(info->severity, sizeof info->severity, "%s", sr_alarm_severity(row.kind));
	(void)snprintf(info->delivery, sizeof info->delivery, "%s", sr_alarm_delivery_name(row.delivery));
	info->tries = row.tries;
	info->first_ms = row.first_ms;
	info->last_ms = row.last_ms;
	info->count = row.count;
	info->request = row.request;
	keep_text(info->operation, sizeof info->operation, row.operation);
	keep_text(info->service, sizeof info->service, row.service);
	keep_text(info->issuer, sizeof info->issuer, row.issuer);
	keep_text(info->jti, sizeof info->jti, row.jti);
	keep_text(info->what, sizeof info->what, row.what);
	memcpy(info->patient, row.patient, sizeof info->patient);
	memcpy(info->actor, row.actor, sizeof info->actor);
	memcpy(info->recording, row.recording, sizeof info->recording);
}

static struct sr_alarm_info *take_alarms(struct sr_cursor *fields, struct sr_alarms_info *page)
{
	struct sr_alarms_reply reply;
	sr_alarms_reply_decode(fields, &reply);
	if (fields->failed)
		return NULL;
	page->lost = reply.lost;
	page->count = reply.count;
	struct sr_alarm_info *alarms = calloc(reply.count ? reply.count : 1u, sizeof *alarms);
	for (uint16_t at = 0; alarms && at < reply.count; at++)
		take_alarm(fields, &alarms[at]);
	return alarms;
}

static void deliver_alarms(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_alarms_info page = {0};
	struct sr_alarm_info *alarms = fields ? take_alarms(fields, &page) : NULL;
	if (fields && !alarms)
		sr_take_fail(fields);
	if (fields)
		(void)!sr_decoded(call, fields, &own);
	page.alarms = alarms;
	((union told *)call->own)->alarms(call->context, &own, own.code == SR_OK ? &page : NULL);
	free(alarms);
}

/* A call that a page answers; NULL when memory is used up. */
static struct sr_call *page_call(struct sr_client *client, uint8_t reply, sr_deliver *deliver, union told told,
				 void *context)
{
	union told *own = malloc(sizeof *own);
	struct sr_call *call = own ? sr_call_new(client, reply, deliver, context) : NULL;
	if (!call) {
		free(own);
		return NULL;
	}
	*own = told;
	call->own = own;
	call->release = free;
	return call;
}

enum sr_code sr_freeze_list(sr_client *client, uint32_t from, sr_freezes_told *told, void *context, sr_call **handle)
{
	struct sr_call *call =
		page_call(client, SR_MSG_FREEZES, deliver_freezes, (union told){.freezes = told}, context);
	struct sr_outgoing *out = call ? sr_outgoing_new(SR_MSG_FREEZE_LIST, 0, call->request, 4) : NULL;
	if (!call)
		return SR_INTERNAL;
	if (out)
		sr_freeze_list_encode(&out->fields, from);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

enum sr_code sr_alarm_list(sr_client *client, uint64_t after, sr_alarms_told *told, void *context, sr_call **handle)
{
	struct sr_call *call = page_call(client, SR_MSG_ALARMS, deliver_alarms, (union told){.alarms = told}, context);
	struct sr_outgoing *out = call ? sr_outgoing_new(SR_MSG_ALARM_LIST, 0, call->request, 8) : NULL;
	if (!call)
		return SR_INTERNAL;
	if (out)
		sr_alarm_list_encode(&out->fields, after);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}

enum sr_code sr_alarm_test(sr_client *client, sr_done *done, void *context, sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_ALARM_TEST, 0, call->request, 0);
	return sr_call_start(call, out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL, handle);
}
