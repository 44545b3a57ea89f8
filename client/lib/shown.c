/* Stating what a viewer was shown. */
#include <string.h>

#include "client.h"

static enum sr_code send_shown(struct sr_client *client, uint64_t request, const struct sr_shown_part *part)
{
	const char *who = part->who ? part->who : "";
	struct sr_shown shown = {
		.track = part->track,
		.from_ms = part->from_ms,
		.to_ms = part->to_ms,
		.who = {(const uint8_t *)who, strlen(who)},
	};
	memcpy(shown.recording, part->recording, SR_ID);
	enum sr_code code = sr_grant_take(client, false, &shown.grant);
	if (code == SR_OK) {
		size_t room = 2 + shown.grant.size + SR_ID + 2 + 8 + 8 + 2 + shown.who.size;
		struct sr_outgoing *out = sr_outgoing_new(SR_MSG_SHOWN, 0, request, room);
		code = SR_INTERNAL;
		if (out) {
			sr_shown_encode(&out->fields, &shown);
			code = sr_outgoing_send(client, NULL, out);
		}
	}
	sr_grant_done(client);
	return code;
}

enum sr_code sr_state_shown(sr_client *client, const struct sr_shown_part *part, sr_done *done, void *context,
			    sr_call **handle)
{
	if (part->track == 0 || part->to_ms <= part->from_ms || (part->who && strlen(part->who) > SR_VIEWER_MAX))
		return SR_USAGE;
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	return sr_call_start(call, send_shown(client, call->request, part), handle);
}
