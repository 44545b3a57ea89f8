/* Epochs and rotation: asking for them, and reading what comes of it. No key ever comes here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "message_epoch.h"

_Static_assert(SR_ROTATE_PLACE == SR_ROTATE_PLACE_MAX, "the public header has the protocol's number");

/* The callback of a call, which is of no kind that other calls have. */
union telling {
	sr_epochs_told *epochs;
	sr_epoch_told *made;
	sr_retired_told *retired;
	sr_rotated_told *rotated;
};

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {"", "open", "closing", "retired"};
	return state < sizeof names / sizeof *names ? names[state] : "";
}

/* A call with room for `room` bytes of fields in *out; NULL when memory is used up. */
static struct sr_call *begin(struct sr_client *client, uint8_t type, uint8_t reply, sr_deliver *deliver, void *context,
			     size_t room, struct sr_outgoing **out)
{
	const union telling none = {.epochs = NULL};
	struct sr_call *call = sr_call_own(client, reply, deliver, context, &none, sizeof none);
	*out = sr_call_outgoing(call, type, room);
	return *out ? call : NULL;
}

static void copy_place(struct sr_span from, uint8_t place[SR_ROTATE_PLACE], size_t *size)
{
	if (from.size > 0)
		memcpy(place, from.data, from.size);
	*size = from.size;
}

/* ---- lists of epochs ---- */

static struct sr_epoch_info *take_list(struct sr_cursor *fields, struct sr_epochs_info *info)
{
	struct sr_epochs_reply reply;
	sr_epochs_reply_decode(fields, &reply);
	struct sr_epoch_info *list = fields->failed ? NULL : calloc(reply.count ? reply.count : 1u, sizeof *list);
	for (uint16_t at = 0; list && at < reply.count; at++) {
		struct sr_epoch_item item;
		sr_epoch_item_decode(fields, &item);
		list[at] = (struct sr_epoch_info){.number = item.number,
						  .state = state_name(item.state),
						  .made_ms = item.made_ms,
						  .changed_ms = item.changed_ms,
						  .kept_until_ms = item.kept_until_ms};
	}
	info->current = reply.current;
	info->keyring_revision = reply.keyring_revision;
	info->count = reply.count;
	return list;
}

static struct sr_epoch_info *take_census(struct sr_cursor *fields, struct sr_epochs_info *info)
{
	struct sr_rotate_census reply;
	sr_rotate_census_decode(fields, &reply);
	struct sr_epoch_info *list = fields->failed ? NULL : calloc(reply.count ? reply.count : 1u, sizeof *list);
	for (uint16_t at = 0; list && at < reply.count; at++) {
		struct sr_census_item item;
		sr_census_item_decode(fields, &item);
		list[at] = (struct sr_epoch_info){.number = item.number,
						  .state = state_name(item.state),
						  .made_ms = item.made_ms,
						  .recordings = item.recordings,
						  .people = item.people};
	}
	if (!list)
		return NULL;
	info->current = reply.current;
	info->damaged = reply.damaged;
	info->count = reply.count;
	info->progress = (double)reply.progress / SR_ROTATE_PROGRESS;
	copy_place(reply.place, info->place, &info->place_size);
	return list;
}

static void deliver_epochs(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_epochs_info info = {.current = 0};
	struct sr_epoch_info *list = NULL;
	if (fields) {
		list = call->reply == SR_MSG_EPOCHS ? take_list(fields, &info) : take_census(fields, &info);
		if (!list)
			sr_take_fail(fields);
		(void)!sr_decoded(call, fields, &own);
	}
	info.epochs = list;
	((union telling *)call->own)->epochs(call->context, &own, own.code == SR_OK ? &info : NULL);
	free(list);
}

enum sr_code sr_epoch_list(sr_client *client, sr_epochs_told *told, void *context, sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = begin(client, SR_MSG_EPOCH_LIST, SR_MSG_EPOCHS, deliver_epochs, context, 0, &out);
	if (!call)
		return SR_INTERNAL;
	((union telling *)call->own)->epochs = told;
	return sr_call_send(call, out, handle);
}

enum sr_code sr_rotate_census(sr_client *client, const uint8_t *place, size_t place_size, sr_epochs_told *told,
			      void *context, sr_call **handle)
{
	struct sr_outgoing *out;
	if (place_size > SR_ROTATE_PLACE)
		return SR_USAGE;
	struct sr_call *call = begin(client, SR_MSG_ROTATE_STATUS, SR_MSG_ROTATE_CENSUS, deliver_epochs, context,
				     2 + place_size, &out);
	if (!call)
		return SR_INTERNAL;
	((union telling *)call->own)->epochs = told;
	sr_rotate_status_encode(&out->fields, (struct sr_span){place, place_size});
	return sr_call_send(call, out, handle);
}

/* ---- a new one, and the end of one ---- */

static void deliver_made(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_epoch_made made = {.number = 0};
	if (fields) {
		sr_epoch_made_decode(fields, &made);
		(void)!sr_decoded(call, fields, &own);
	}
	((union telling *)call->own)->made(call->context, &own, own.code == SR_OK ? made.number : 0);
}

enum sr_code sr_epoch_new(sr_client *client, sr_epoch_told *told, void *context, sr_call **handle)
{
	struct sr_outgoing *out;
	struct sr_call *call = begin(client, SR_MSG_EPOCH_NEW, SR_MSG_EPOCH_MADE, deliver_made, context, 0, &out);
	if (!call)
		return SR_INTERNAL;
	((union telling *)call->own)->made = told;
	return sr_call_send(call, out, handle);
}

static void take_retired(struct sr_cursor *fields, struct sr_retired_info *info,
			 char lost[SR_LOST_BACKUPS_MAX][SR_BACKUP_LABEL_MAX + 1])
{
	struct sr_epoch_retired reply;
	sr_epoch_retired_decode(fields, &reply);
	if (fields->failed)
		return;
	info->number = reply.number;
	info->recordings = reply.recordings;
	info->people = reply.people;
	info->keyring_revision = reply.keyring_revision;
	info->kept_until_ms = reply.kept_until_ms;
	(void)snprintf(info->checkpoint, sizeof info->checkpoint, "%.*s", (int)reply.checkpoint.size,
		       reply.checkpoint.data ? (const char *)reply.checkpoint.data : "");
	for (uint16_t at = 0; at < reply.lost; at++) {
		struct sr_span name;
		sr_lost_backup_decode(fields, &name);
		(void)snprintf(lost[at], SR_BACKUP_LABEL_MAX + 1, "%.*s", (int)name.size,
			       name.data ? (const char *)name.data : "");
	}
	info->lost_count = reply.lost;
}

static void deliver_retired(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_retired_info info = {.number = 0};
	char lost[SR_LOST_BACKUPS_MAX][SR_BACKUP_LABEL_MAX + 1];
	if (fields) {
		take_retired(fields, &info, lost);
		(void)!sr_decoded(call, fields, &own);
	}
	info.lost = (const char(*)[SR_BACKUP_LABEL_MAX + 1]) lost;
	((union telling *)call->own)->retired(call->context, &own, own.code == SR_OK ? &info : NULL);
}

enum sr_code sr_epoch_retire(sr_client *client, uint32_t number, bool no_backup, sr_retired_told *told, void *context,
			     sr_call **handle)
{
	struct sr_epoch_retire order = {.number = number, .no_backup = no_backup};
	struct sr_outgoing *out;
	if (number == 0)
		return SR_USAGE;
	struct sr_call *call =
		begin(client, SR_MSG_EPOCH_RETIRE, SR_MSG_EPOCH_RETIRED, deliver_retired, context, 4 + 1, &out);
	if (!call)
		return SR_INTERNAL;
	((union telling *)call->own)->retired = told;
	sr_epoch_retire_encode(&out->fields, &order);
	return sr_call_send(call, out, handle);
}

/* ---- a step ---- */

static void deliver_rotated(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_rotated_info info = {.to = 0};
	struct sr_rotate_stepped reply;
	if (fields) {
		sr_rotate_stepped_decode(fields, &reply);
		if (sr_decoded(call, fields, &own)) {
			info.to = reply.to;
			info.progress = (double)reply.progress / SR_ROTATE_PROGRESS;
			info.passed = reply.passed;
			info.moved = reply.moved;
			info.left = reply.left;
			memcpy(info.recording, reply.recording, SR_ID);
			copy_place(reply.place, info.place, &info.place_size);
		}
	}
	((union telling *)call->own)->rotated(call->context, &own, own.code == SR_OK ? &info : NULL);
}

enum sr_code sr_rotate_step(sr_client *client, const struct sr_rotate_options *options, sr_rotated_told *told,
			    void *context, sr_call **handle)
{
	struct sr_rotate_step order = {.to = options->to,
				       .first = options->first,
				       .last = options->last,
				       .limit = options->limit ? options->limit : SR_ROTATE_STEP_MAX,
				       .place = {options->place, options->place_size}};
	struct sr_outgoing *out;
	if (order.first == 0 || order.last < order.first || order.limit > SR_ROTATE_STEP_MAX ||
	    order.place.size > SR_ROTATE_PLACE)
		return SR_USAGE;
	struct sr_call *call = begin(client, SR_MSG_ROTATE_STEP, SR_MSG_ROTATE_STEPPED, deliver_rotated, context,
				     4 + 4 + 4 + 2 + 2 + order.place.size, &out);
	if (!call)
		return SR_INTERNAL;
	((union telling *)call->own)->rotated = told;
	sr_rotate_step_encode(&out->fields, &order);
	return sr_call_send(call, out, handle);
}
