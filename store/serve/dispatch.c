/*
 * From a message to the room that answers it, past the role that its service must have.
 */
#include "serve/dispatch.h"

#include <stddef.h>

#include "access/decide.h"
#include "account/event.h"
#include "serve/accounting/accounting.h"
#include "serve/operations.h"

static void pong(struct sr_session *session, const struct sr_message_head *head)
{
	struct sr_reply reply = {0};
	if (sr_reply_begin(&reply, SR_MSG_PONG, 0))
		sr_session_send(session, 0, head->request, &reply, false);
}

/* True if the role does not allow it; the refusal is then on its way. */
static bool refused(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head)
{
	struct sr_error err;
	if (sr_role_allows(sr_session_caller(session)->roles, head->type, &err) == SR_OK)
		return false;
	struct sr_event event = {.kind = SR_EVENT_REFUSED,
				 .operation = sr_message_name(head->type),
				 .request = head->request,
				 .service = sr_session_caller(session)->name,
				 .code = err.code,
				 .text = err.text};
	sr_event(&event);
	sr_account_refusal(sr_session_daemon(session)->accounting, event.service, event.operation, &err);
	sr_session_send_error(session, head->stream, head->request, &err, stream != NULL, 0);
	return true;
}

/* Requests go by their type; whatever else comes on a stream goes by what the stream turned out to be. */
static void serve(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		  const struct sr_cursor *fields)
{
	sr_request_step *door = sr_operation_of(head->type)->door;
	struct sr_request *request = door ? sr_request_new(session, head, fields) : NULL;
	if (request)
		door(request);
	else if (!door && stream && stream->writer)
		sr_serve_writer(session, stream, head, fields);
	else if (!door && stream && stream->player)
		sr_serve_player(session, stream, head, fields);
}

void sr_dispatch(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		 const struct sr_cursor *fields)
{
	if (head->type == SR_MSG_GOODBYE) {
		sr_session_drop(session, "the peer said goodbye");
		return;
	}
	bool bare = head->type == SR_MSG_PING || head->type == SR_MSG_PONG;
	if (bare && fields->left) {
		sr_session_end(session, SR_USAGE, "trailing bytes");
		return;
	}
	if (head->type == SR_MSG_PING)
		pong(session, head);
	else if (!bare && !refused(session, stream, head))
		serve(session, stream, head, fields);
}
