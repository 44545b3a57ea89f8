/* What is there: lists, one recording's entry, and the check of ids. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

static bool read_listing(struct sr_cursor *fields, struct sr_listing_info *out)
{
	struct sr_listing listing;
	sr_listing_decode(fields, &listing);
	if (fields->failed)
		return false;
	out->withheld = listing.withheld;
	memcpy(out->next, listing.next, SR_ID);
	out->more = memcmp(listing.next, (const uint8_t[SR_ID]){0}, SR_ID) != 0;
	out->recordings = calloc(listing.count ? listing.count : 1u, sizeof *out->recordings);
	while (out->recordings && out->count < listing.count) {
		if (!sr_entry_read(fields, &out->recordings[out->count]))
			return false;
		out->count++;
	}
	return out->recordings != NULL;
}

static void deliver_listing(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_listing_info *listing = fields ? calloc(1, sizeof *listing) : NULL;
	if (fields && (!listing || !read_listing(fields, listing)))
		sr_take_fail(fields);
	if (fields && !sr_decoded(call, fields, &own)) {
		sr_listing_free(listing);
		listing = NULL;
	}
	call->callback.listed(call->context, &own, listing);
	sr_listing_free(listing);
}

enum sr_code sr_list_recordings(sr_client *client, const struct sr_list_options *options, sr_listed *done,
				void *context, sr_call **handle)
{
	struct sr_list list = {
		.from_ms = options->from_ms,
		.to_ms = options->to_ms,
		.limit = options->limit ? options->limit : SR_LIST_PAGE_MAX,
	};
	memcpy(list.after, options->after, SR_ID);
	struct sr_call *call = sr_call_new(client, SR_MSG_LISTING, deliver_listing, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.listed = done;
	enum sr_code code = list.limit <= SR_LIST_PAGE_MAX ? sr_grant_take(client, false, &list.grant) : SR_USAGE;
	if (code == SR_OK) {
		struct sr_outgoing *out = sr_outgoing_new(SR_MSG_LIST, 0, call->request, list.grant.size + 64);
		code = SR_INTERNAL;
		if (out) {
			sr_list_encode(&out->fields, &list);
			code = sr_outgoing_send(client, NULL, out);
		}
	}
	sr_grant_done(client);
	return sr_call_start(call, code, handle);
}

static void deliver_info(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_recording_info info = {0};
	struct sr_info_reply reply = {0};
	if (fields) {
		sr_info_reply_decode(fields, &reply);
		if (!sr_entry_read(fields, &info))
			sr_take_fail(fields);
		info.epoch = reply.epoch;
		info.root_version = reply.root_version;
		info.held = reply.held;
		(void)!sr_decoded(call, fields, &own);
	}
	call->callback.informed(call->context, &own, own.code == SR_OK ? &info : NULL);
	sr_recording_info_clear(&info);
}

enum sr_code sr_send_named(struct sr_client *client, uint8_t type, uint64_t request, const uint8_t recording[SR_ID])
{
	struct sr_named named;
	memcpy(named.recording, recording, SR_ID);
	enum sr_code code = sr_grant_take(client, false, &named.grant);
	if (code == SR_OK) {
		struct sr_outgoing *out = sr_outgoing_new(type, 0, request, named.grant.size + 2 + SR_ID);
		code = SR_INTERNAL;
		if (out) {
			sr_named_encode(&out->fields, &named);
			code = sr_outgoing_send(client, NULL, out);
		}
	}
	sr_grant_done(client);
	return code;
}

enum sr_code sr_info(sr_client *client, const uint8_t recording[SR_ID], sr_informed *done, void *context,
		     sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_INFO_REPLY, deliver_info, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.informed = done;
	return sr_call_start(call, sr_send_named(client, SR_MSG_INFO, call->request, recording), handle);
}

/* `own` is how many ids were asked about. */
static void deliver_checked(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_span theirs = {0};
	if (fields) {
		sr_check_reply_decode(fields, &theirs);
		if (theirs.size != *(size_t *)call->own)
			sr_take_fail(fields);
		if (!sr_decoded(call, fields, &own))
			theirs = (struct sr_span){0};
	}
	call->callback.checked(call->context, &own, theirs.data, theirs.size);
}

enum sr_code sr_check(sr_client *client, const uint8_t *ids, size_t count, sr_checked *done, void *context,
		      sr_call **handle)
{
	struct sr_check check = {.ids = {ids, count * SR_ID}};
	if (count < 1 || count > SR_CHECK_MAX)
		return SR_USAGE;
	size_t *asked = malloc(sizeof *asked);
	struct sr_call *call = sr_call_new(client, SR_MSG_CHECK_REPLY, deliver_checked, context);
	enum sr_code code = SR_INTERNAL;
	if (!asked || !call) {
		free(asked);
		free(call);
		return SR_INTERNAL;
	}
	*asked = count;
	call->callback.checked = done;
	call->own = asked;
	call->release = free;
	code = sr_grant_take(client, false, &check.grant);
	if (code == SR_OK) {
		struct sr_outgoing *out =
			sr_outgoing_new(SR_MSG_CHECK, 0, call->request, check.grant.size + 4 + check.ids.size);
		code = SR_INTERNAL;
		if (out) {
			sr_check_encode(&out->fields, &check);
			code = sr_outgoing_send(client, NULL, out);
		}
	}
	sr_grant_done(client);
	return sr_call_start(call, code, handle);
}
