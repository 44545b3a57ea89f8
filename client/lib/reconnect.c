/* When a connection, a stream or a request is tried again, and what outlives a connection. */
#include "reconnect.h"

#include <sodium.h>

#include "client.h"

#define FIRST_MS 50u
#define LONGEST_MS 2000u
/* A file that fails may be the last one to do so; a disk that does is not waited for. */
#define FILES_MOST 5u
/* After a loss the store may still be making the last bytes durable, and is busy with that. */
#define SETTLING_MS 30000u

bool sr_retry_plan(struct sr_retry *retry, const struct sr_client *client, uint32_t limit_ms, uint32_t hint_ms)
{
	uint64_t now = uv_now(client->loop);
	uint32_t delay = retry->tries < 6 ? FIRST_MS << retry->tries : LONGEST_MS;
	if (retry->until == 0)
		retry->until = now + limit_ms;
	if (now >= retry->until)
		return false;
	if (delay > LONGEST_MS)
		delay = LONGEST_MS;
	delay = delay / 2 + randombytes_uniform(delay / 2 + 1);
	if (delay < hint_ms)
		delay = hint_ms;
	/* The last attempt is made when the time is over. */
	retry->at = now + delay < retry->until ? now + delay : retry->until;
	retry->tries++;
	return true;
}

bool sr_reconnect_under_way(const struct sr_client *client)
{
	return client->reconnect_ms != 0 && client->established && client->phase != SR_PHASE_OPEN &&
	       client->phase != SR_PHASE_CLOSED;
}

void sr_reconnect_heard(struct sr_client *client, const struct sr_result *why)
{
	if (why->code == SR_BUSY)
		client->busy_ms = why->retry_ms;
}

bool sr_reconnect_takes(struct sr_client *client)
{
	if (client->reconnect_ms == 0 || !client->established)
		return false;
	switch (client->failure.code) {
	case SR_UNAVAILABLE:
	case SR_BUSY:
	/* A handshake that is cut looks like one that is refused: the daemon ended in it, or is away behind a proxy. */
	case SR_UNAUTHENTICATED:
		break;
	default:
		return false;
	}
	return sr_retry_plan(&client->retry, client, client->reconnect_ms, client->failure.retry_ms);
}

void sr_reconnect_sets_aside(struct sr_stream *stream)
{
	LIST_REMOVE(stream, link);
	LIST_INSERT_HEAD(&stream->client->waiting, stream, link);
	stream->waiting = true;
	stream->state = SR_STREAM_FREE;
	stream->renew_at = 0;
	stream->renew_request = 0;
	stream->kind->lost(stream);
}

bool sr_reconnect_keeps_stream(struct sr_stream *stream)
{
	if (!stream->kind->again || stream->dropped)
		return false;
	if (stream->state == SR_STREAM_WRITER_OPENING)
		stream->unanswered = true;
	stream->retry.at = 0;
	sr_reconnect_sets_aside(stream);
	return true;
}

bool sr_reconnect_keeps_call(struct sr_call *call)
{
	if (call->stream)
		return call->stream->waiting;
	if (!call->again || call->cancelled)
		return false;
	call->unsent = true;
	call->retry.at = 0;
	return true;
}

void sr_reconnect_began(struct sr_client *client)
{
	client->lost_at = uv_now(client->loop);
	if (client->trying)
		return;
	client->trying = true;
	if (client->on_trying)
		client->on_trying(client->trying_context, &client->failure);
}

bool sr_reconnect_retries_stream(struct sr_stream *stream, const struct sr_result *why)
{
	const struct sr_client *client = stream->client;
	bool again = false;
	if (client->reconnect_ms == 0 || !stream->kind->again || stream->dropped)
		return false;
	switch (why->code) {
	case SR_BUSY:
		again = true;
		break;
	case SR_UNAVAILABLE:
		again = why->retry_ms != 0;
		break;
	case SR_IO:
		again = stream->retry.tries < FILES_MOST;
		break;
	case SR_CONFLICT:
		/* What was asked on a connection that was lost may have come to the track after what was asked since.
		 */
		again = stream->unanswered;
		stream->unanswered = false;
		break;
	default:
		break;
	}
	if (!again || !sr_retry_plan(&stream->retry, client, client->reconnect_ms, why->retry_ms))
		return false;
	sr_reconnect_sets_aside(stream);
	return true;
}

bool sr_reconnect_retries_call(struct sr_call *call, const struct sr_result *why)
{
	const struct sr_client *client = call->client;
	uint32_t limit = client->reconnect_ms;
	if (limit == 0 || !call->again || call->cancelled || why->retry_ms == 0 ||
	    (why->code != SR_BUSY && why->code != SR_UNAVAILABLE))
		return false;
	if (call->reply == SR_MSG_RECORD_FINISHED && limit > SETTLING_MS)
		limit = SETTLING_MS;
	/* Without a loss it is somebody else who writes the recording, perhaps for hours. */
	if (call->reply == SR_MSG_RECORD_FINISHED &&
	    (client->lost_at == 0 || uv_now(client->loop) - client->lost_at > limit))
		return false;
	call->unsent = sr_retry_plan(&call->retry, client, limit, why->retry_ms);
	return call->unsent;
}

void sr_reconnect_progress(struct sr_client *client, struct sr_stream *stream)
{
	client->retry = (struct sr_retry){0};
	if (stream) {
		stream->retry = (struct sr_retry){0};
		stream->unanswered = false;
	}
}

static struct sr_stream *due_stream(const struct sr_client *client, uint64_t now)
{
	struct sr_stream *stream;
	LIST_FOREACH(stream, &client->waiting, link)
	{
		if (stream->retry.at <= now)
			return stream;
	}
	return NULL;
}

static struct sr_call *due_call(const struct sr_client *client, uint64_t now)
{
	struct sr_call *call;
	struct sr_call *oldest = NULL;
	LIST_FOREACH(call, &client->calls, link)
	{
		if (call->unsent && call->retry.at <= now)
			oldest = call;
	}
	return oldest;
}

uint64_t sr_reconnect_due(const struct sr_client *client)
{
	uint64_t next = UINT64_MAX;
	const struct sr_stream *stream;
	const struct sr_call *call;
	if (client->phase == SR_PHASE_WAITING)
		return client->retry.at;
	if (client->phase != SR_PHASE_OPEN)
		return UINT64_MAX;
	LIST_FOREACH(stream, &client->waiting, link)
	{
		if (stream->retry.at < next)
			next = stream->retry.at;
	}
	LIST_FOREACH(call, &client->calls, link)
	{
		if (call->unsent && call->retry.at < next)
			next = call->retry.at;
	}
	return next;
}

/* Whoever gives out grants may be as far away as the store was. */
static bool waits_for_grant(const struct sr_client *client, enum sr_code code)
{
	return code == SR_UNAUTHENTICATED && client->grant_callback;
}

/* Ask for a stream on the connection that stands; one that cannot be asked for ends. */
static void ask_stream(struct sr_stream *stream)
{
	struct sr_client *client = stream->client;
	struct sr_result result;
	LIST_REMOVE(stream, link);
	stream->waiting = false;
	sr_stream_begin(client, stream, stream->kind);
	enum sr_code code = stream->kind->again(stream);
	/* With a connection that has failed meanwhile it is kept once more. */
	if (code == SR_OK || client->phase != SR_PHASE_OPEN)
		return;
	if (waits_for_grant(client, code) && sr_retry_plan(&stream->retry, client, client->reconnect_ms, 0)) {
		sr_reconnect_sets_aside(stream);
		return;
	}
	sr_result_set(&result, code, stream->request, NULL);
	sr_stream_over(stream, &result);
}

static void ask_call(struct sr_call *call)
{
	struct sr_client *client = call->client;
	struct sr_result result;
	call->unsent = false;
	if (call->cancelled) {
		sr_call_finish(call, &(const struct sr_result){.code = SR_UNAVAILABLE}, NULL);
		return;
	}
	call->request = sr_request_new();
	enum sr_code code = call->again(call);
	if (code == SR_OK || client->phase != SR_PHASE_OPEN)
		return;
	call->unsent = waits_for_grant(client, code) && sr_retry_plan(&call->retry, client, client->reconnect_ms, 0);
	if (call->unsent)
		return;
	sr_result_set(&result, code, call->request, NULL);
	sr_call_finish(call, &result, NULL);
}

void sr_reconnect_run(struct sr_client *client)
{
	uint64_t now = uv_now(client->loop);
	struct sr_stream *stream;
	struct sr_call *call;
	if (client->phase == SR_PHASE_WAITING && client->retry.at <= now)
		sr_client_try(client);
	while (client->phase == SR_PHASE_OPEN && (stream = due_stream(client, now)))
		ask_stream(stream);
	while (client->phase == SR_PHASE_OPEN && (call = due_call(client, now)))
		ask_call(call);
}

void sr_reconnect_ready(struct sr_client *client)
{
	const struct sr_result ok = {0};
	struct sr_stream *stream;
	LIST_FOREACH(stream, &client->waiting, link)
	{
		stream->retry.at = 0;
	}
	/* With nothing to be asked for, the connection itself is what was wanted. */
	if (LIST_EMPTY(&client->waiting) && LIST_EMPTY(&client->calls))
		sr_reconnect_progress(client, NULL);
	sr_reconnect_run(client);
	if (!client->trying || client->phase == SR_PHASE_CLOSED)
		return;
	client->trying = false;
	if (client->on_trying)
		client->on_trying(client->trying_context, &ok);
}
