/* What arrives: each event of the connection to the call or stream that it is for. */
#include "client.h"

#include <stdio.h>

#define BUSY_MS 1000u /* how long a store is taken for busy that does not say */

static void on_ready(struct sr_client *client)
{
	const struct sr_result ok = {0};
	struct sr_call *call = client->connect_call;
	client->phase = SR_PHASE_OPEN;
	client->established = true;
	client->connect_by = 0;
	client->busy_ms = 0;
	/* The daemon takes a caller for genuine at its first message only: let that not wait for the application. */
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_PING, 0, sr_request_new(), 0);
	if (!out || sr_outgoing_send(client, NULL, out) != SR_OK)
		sr_client_fail(client, SR_INTERNAL, NULL);
	else if (call)
		sr_call_finish(call, &ok, NULL);
	else
		sr_reconnect_ready(client);
}

static void on_ping(struct sr_client *client, uint64_t request)
{
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_PONG, 0, request, 0);
	if (!out || sr_outgoing_send(client, NULL, out) != SR_OK)
		sr_client_fail(client, SR_INTERNAL, NULL);
}

static void on_goodbye(struct sr_client *client, struct sr_cursor *fields)
{
	struct sr_goodbye goodbye;
	char text[SR_LABEL_MAX + 1];
	sr_goodbye_decode(fields, &goodbye);
	if (!sr_take_done(fields)) {
		sr_client_broken(client, "the store's goodbye is malformed");
		return;
	}
	(void)snprintf(text, sizeof text, "%.*s", (int)goodbye.text.size, (const char *)goodbye.text.data);
	if (goodbye.code == SR_OK)
		sr_client_fail(client, SR_UNAVAILABLE, "the store said goodbye");
	else
		sr_client_fail(client, goodbye.code, text[0] ? text : NULL);
	/* A goodbye has no time in it: the refusal before it had. */
	if (goodbye.code == SR_BUSY && client->phase == SR_PHASE_FAILED)
		client->failure.retry_ms = client->busy_ms ? client->busy_ms : BUSY_MS;
}

static struct sr_call *find_call(struct sr_client *client, uint64_t request)
{
	struct sr_call *call;
	LIST_FOREACH(call, &client->calls, link)
	{
		if (!call->stream && call->request == request && call->request != 0)
			return call;
	}
	return NULL;
}

/* Stream 0: replies to requests that stand alone. */
static void on_reply(struct sr_client *client, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_error_reply error;
	struct sr_result result = {.request = head->request};
	struct sr_call *call = find_call(client, head->request);
	if (!call || (head->type != SR_MSG_ERROR && head->type != call->reply)) {
		sr_client_broken(client, "the store answered what was not asked");
		return;
	}
	if (head->type != SR_MSG_ERROR) {
		sr_reconnect_progress(client, NULL);
		sr_call_finish(call, &result, fields);
		return;
	}
	sr_error_reply_decode(fields, &error);
	if (!sr_take_done(fields)) {
		sr_client_broken(client, "the store's answer is malformed");
		return;
	}
	result.code = error.code;
	result.retry_ms = error.retry_ms;
	sr_reconnect_heard(client, &result);
	(void)snprintf(result.text, sizeof result.text, "%.*s", (int)error.text.size, (const char *)error.text.data);
	if (sr_reconnect_retries_call(call, &result))
		sr_client_arm(client);
	else
		sr_call_finish(call, &result, NULL);
}

static void on_message(struct sr_client *client, const struct sr_message_head *head, struct sr_cursor *fields)
{
	enum sr_stream_state next;
	struct sr_stream *stream;
	if (head->stream != 0) {
		LIST_FOREACH(stream, &client->streams, link)
		{
			if (stream->id == head->stream) {
				sr_stream_message(stream, head, fields);
				return;
			}
		}
		sr_client_broken(client, "the store spoke on a stream that is not open");
	} else if (!sr_stream_step(SR_STREAM_UNARY, head->type, false, false, &next)) {
		sr_client_broken(client, "the store sent a message out of place");
	} else if (head->type == SR_MSG_GOODBYE) {
		on_goodbye(client, fields);
	} else if ((head->type == SR_MSG_PING || head->type == SR_MSG_PONG) && !sr_take_done(fields)) {
		sr_client_broken(client, "the store sent a malformed message");
	} else if (head->type == SR_MSG_PING) {
		on_ping(client, head->request);
	} else if (head->type != SR_MSG_PONG) {
		on_reply(client, head, fields);
	}
}

static void on_event(struct sr_client *client, struct sr_conn_event *event)
{
	switch (event->kind) {
	case SR_CONN_READY:
		on_ready(client);
		break;
	case SR_CONN_MESSAGE:
		on_message(client, &event->head, &event->fields);
		break;
	case SR_CONN_RAW:
		if (client->body_of)
			sr_player_raw(client->body_of, event->raw);
		else
			sr_client_broken(client, "the store sent bytes that were not announced");
		break;
	case SR_CONN_NOTHING:
	case SR_CONN_CALLER:
		break;
	}
}

/* Whether events may be acted on: not after a failure, and not past a paused player. */
static bool may_go_on(struct sr_client *client)
{
	if (client->phase != SR_PHASE_HANDSHAKE && client->phase != SR_PHASE_OPEN)
		return false;
	if (client->pauses != 0)
		client->pump = true;
	return client->pauses == 0;
}

void sr_dispatch(struct sr_client *client)
{
	struct sr_conn_event event;
	struct sr_error err = {0};
	/* A resumed player asks for this from inside its own callback: the round under way goes on with the rest. */
	if (client->dispatching || !client->conn)
		return;
	client->dispatching = true;
	while (may_go_on(client)) {
		enum sr_code code = sr_conn_next(client->conn, &event, &err);
		if (code == SR_UNAUTHENTICATED && client->phase == SR_PHASE_HANDSHAKE)
			sr_client_fail(client, code, "the daemon does not accept this credential");
		else if (code != SR_OK)
			sr_client_fail(client, code == SR_INTERNAL ? code : SR_CORRUPT,
				       "the bytes on the connection do not verify");
		else if (event.kind == SR_CONN_NOTHING)
			break;
		else
			on_event(client, &event);
	}
	client->dispatching = false;
}
