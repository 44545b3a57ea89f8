/* Deleting a recording, and bringing it back. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

static void deliver_deleted(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	uint64_t until = 0;
	if (fields) {
		sr_deleted_decode(fields, &until);
		if (!sr_decoded(call, fields, &own))
			until = 0;
	}
	call->callback.deleted(call->context, &own, until);
}

enum sr_code sr_delete(sr_client *client, const uint8_t recording[SR_ID], sr_deleted *done, void *context,
		       sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_DELETED, deliver_deleted, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.deleted = done;
	return sr_call_start(call, sr_send_named(client, SR_MSG_DELETE, call->request, recording), handle);
}

enum sr_code sr_undelete(sr_client *client, const uint8_t recording[SR_ID], sr_done *done, void *context,
			 sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	return sr_call_start(call, sr_send_named(client, SR_MSG_UNDELETE, call->request, recording), handle);
}
