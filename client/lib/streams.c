/* What writers and players have in common: a number, a state, an end. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

void sr_stream_begin(struct sr_client *client, struct sr_stream *stream, const struct sr_stream_kind *kind)
{
	stream->client = client;
	stream->kind = kind;
	/* Each higher than the last: the daemon holds a client to that. */
	stream->id = client->next_stream++;
	stream->state = SR_STREAM_FREE;
	stream->request = sr_request_new();
	LIST_INSERT_HEAD(&client->streams, stream, link);
}

/* The stream's first call that is answered by `request`, or any of its calls if that is 0. */
static struct sr_call *stream_call(struct sr_stream *stream, uint64_t request)
{
	struct sr_calls *const tables[] = {&stream->client->calls, &stream->client->failing};
	struct sr_call *call;
	for (size_t i = 0; i < 2; i++) {
		LIST_FOREACH(call, tables[i], link)
		{
			if (call->stream == stream && (request == 0 || call->request == request))
				return call;
		}
	}
	return NULL;
}

static void release(struct sr_stream *stream)
{
	LIST_REMOVE(stream, link);
	stream->kind->release(stream);
}

void sr_stream_over(struct sr_stream *stream, const struct sr_result *result)
{
	struct sr_client *client = stream->client;
	struct sr_call *call;
	if (stream->over)
		return;
	LIST_REMOVE(stream, link);
	LIST_INSERT_HEAD(&client->held, stream, link);
	stream->waiting = false;
	stream->over = true;
	stream->settling = true;
	stream->state = SR_STREAM_FREE;
	stream->renew_at = 0;
	while ((call = stream_call(stream, 0))) {
		struct sr_result own = *result;
		if (own.request == 0)
			own.request = call->request;
		sr_call_finish(call, &own, NULL);
	}
	if (!stream->dropped && client->phase != SR_PHASE_CLOSED)
		stream->kind->ended(stream, result);
	stream->settling = false;
	if (stream->dropped)
		release(stream);
}

static void ignore_message(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields)
{
	(void)stream, (void)head, (void)fields;
}

static void forget_calls(struct sr_stream *stream)
{
	struct sr_calls *const tables[] = {&stream->client->calls, &stream->client->failing};
	struct sr_call *call;
	for (size_t i = 0; i < 2; i++) {
		LIST_FOREACH(call, tables[i], link)
		{
			if (call->stream == stream)
				call->cancelled = true;
		}
	}
}

void sr_stream_say_close(struct sr_stream *stream)
{
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_CLOSE, stream->id, stream->request, 0);
	if (!out || sr_outgoing_send(stream->client, stream, out) != SR_OK)
		sr_client_fail(stream->client, SR_INTERNAL, NULL);
}

static void release_plain(struct sr_stream *stream)
{
	free(stream);
}

/* What is left of a stream that has quit: it waits for the answer to its CLOSE. */
static const struct sr_stream_kind plain_kind = {.message = ignore_message, .release = release_plain};

void sr_stream_quit(struct sr_stream *stream, const struct sr_result *result)
{
	struct sr_client *client = stream->client;
	struct sr_stream *plain = calloc(1, sizeof *plain);
	if (!plain) {
		sr_client_fail(client, SR_INTERNAL, NULL);
		return;
	}
	*plain = (struct sr_stream){
		.client = client, .kind = &plain_kind, .id = stream->id, .state = stream->state, .dropped = true};
	plain->request = stream->request;
	LIST_INSERT_HEAD(&client->streams, plain, link);
	sr_stream_say_close(plain);
	sr_stream_over(stream, result);
}

void sr_stream_drop(struct sr_stream *stream)
{
	if (stream->dropped)
		return;
	stream->dropped = true;
	forget_calls(stream);
	if (stream->over) {
		if (!stream->settling)
			release(stream);
		return;
	}
	if (stream->waiting) {
		sr_stream_over(stream, &(const struct sr_result){.code = SR_UNAVAILABLE});
		return;
	}
	/* Still being opened: its answer brings us here again. */
	if (stream->client->phase != SR_PHASE_OPEN || stream->state == SR_STREAM_CLOSING ||
	    sr_stream_is_opening(stream->state))
		return;
	sr_stream_say_close(stream);
}

static void on_error(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_error_reply error;
	struct sr_result result = {.request = head->request};
	enum sr_stream_state next;
	sr_error_reply_decode(fields, &error);
	if (!sr_take_done(fields)) {
		sr_client_broken(stream->client, "the store's answer is malformed");
		return;
	}
	if (!error.ended && stream->renew_request != 0 && head->request == stream->renew_request) {
		sr_grant_not_renewed(stream);
		return;
	}
	if (!sr_stream_step(stream->state, SR_MSG_ERROR, false, error.ended, &next)) {
		sr_client_broken(stream->client, "the store sent a message out of place");
		return;
	}
	result.code = error.code;
	result.retry_ms = error.retry_ms;
	sr_reconnect_heard(stream->client, &result);
	(void)snprintf(result.text, sizeof result.text, "%.*s", (int)error.text.size, (const char *)error.text.data);
	struct sr_call *call = stream_call(stream, head->request);
	bool opening = sr_stream_is_opening(stream->state);
	stream->state = next;
	/* One that was being opened, and whose call fails with this, is dropped by that. */
	if ((error.ended || opening) && sr_reconnect_retries_stream(stream, &result))
		sr_client_arm(stream->client);
	else if (error.ended || opening)
		sr_stream_over(stream, &result);
	else if (call)
		sr_call_finish(call, &result, NULL);
	else if (!stream->dropped)
		sr_client_broken(stream->client, "the store refused what was not asked");
}

static void on_closed(struct sr_stream *stream, struct sr_cursor *fields)
{
	const struct sr_result ok = {0};
	uint64_t durable;
	sr_durable_decode(fields, &durable);
	if (!sr_take_done(fields))
		sr_client_broken(stream->client, "the store's answer is malformed");
	else
		sr_stream_over(stream, &ok);
}

void sr_stream_message(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields)
{
	const struct sr_result ok = {.request = head->request};
	enum sr_stream_state next;
	if (head->type == SR_MSG_ERROR) {
		on_error(stream, head, fields);
		return;
	}
	if (!sr_stream_step(stream->state, head->type, false, false, &next)) {
		sr_client_broken(stream->client, "the store sent a message out of place");
		return;
	}
	stream->state = next;
	struct sr_call *call = stream_call(stream, head->request);
	if (head->type == SR_MSG_RENEWED)
		sr_grant_renewed(stream, fields);
	else if (head->type == SR_MSG_CLOSED)
		on_closed(stream, fields);
	else if (call && call->reply == head->type)
		sr_call_finish(call, &ok, fields);
	else
		stream->kind->message(stream, head, fields);
}

static struct sr_stream *first_due(struct sr_client *client)
{
	struct sr_stream *stream;
	LIST_FOREACH(stream, &client->streams, link)
	{
		if (stream->due)
			return stream;
	}
	return NULL;
}

bool sr_streams_due(struct sr_client *client)
{
	return first_due(client) != NULL;
}

void sr_streams_run_due(struct sr_client *client)
{
	struct sr_stream *stream;
	while (client->phase == SR_PHASE_OPEN && (stream = first_due(client))) {
		stream->due = false;
		stream->kind->due(stream);
	}
}
