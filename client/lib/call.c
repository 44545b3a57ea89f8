/* Requests: frames being made, the table of calls that wait for a reply, and giving them up. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

struct sr_outgoing *sr_outgoing_new(uint8_t type, uint32_t stream, uint64_t request, size_t room)
{
	const struct sr_message_head head = {.type = type, .stream = stream, .request = request};
	size_t size = SR_MESSAGE_HEAD + room;
	struct sr_outgoing *out = malloc(sizeof *out + SR_FRAME_HEAD + size + SR_AEAD_TAG);
	if (!out)
		return NULL;
	out->fields = sr_builder_over(out->frame + SR_FRAME_HEAD, size);
	sr_message_head_encode(&out->fields, &head);
	return out;
}

void sr_outgoing_drop(struct sr_outgoing *out)
{
	sodium_memzero(out->fields.data, out->fields.capacity);
	free(out);
}

uint64_t sr_request_new(void)
{
	uint64_t request = 0;
	while (request == 0)
		randombytes_buf(&request, sizeof request);
	return request;
}

struct sr_call *sr_call_new(struct sr_client *client, uint8_t reply, sr_deliver *deliver, void *context)
{
	struct sr_call *call = calloc(1, sizeof *call);
	if (!call)
		return NULL;
	call->client = client;
	call->request = sr_request_new();
	call->reply = reply;
	call->deliver = deliver;
	call->context = context;
	return call;
}

struct sr_call *sr_call_own(struct sr_client *client, uint8_t reply, sr_deliver *deliver, void *context,
			    const void *own, size_t size)
{
	void *copy = malloc(size);
	struct sr_call *call = copy ? sr_call_new(client, reply, deliver, context) : NULL;
	if (!call) {
		free(copy);
		return NULL;
	}
	call->own = memcpy(copy, own, size);
	call->release = free;
	return call;
}

struct sr_outgoing *sr_call_outgoing(struct sr_call *call, uint8_t type, size_t room)
{
	struct sr_outgoing *out = call ? sr_outgoing_new(type, 0, call->request, room) : NULL;
	if (call && !out)
		sr_call_free(call);
	return out;
}

enum sr_code sr_call_send(struct sr_call *call, struct sr_outgoing *out, struct sr_call **handle)
{
	return sr_call_start(call, sr_outgoing_send(call->client, NULL, out), handle);
}

void sr_call_free(struct sr_call *call)
{
	if (call->release)
		call->release(call->own);
	free(call);
}

enum sr_code sr_call_start(struct sr_call *call, enum sr_code sent, struct sr_call **handle)
{
	if (sent != SR_OK) {
		sr_call_free(call);
		call = NULL;
	} else {
		LIST_INSERT_HEAD(&call->client->calls, call, link);
	}
	if (handle)
		*handle = call;
	return sent;
}

enum sr_code sr_call_start_again(struct sr_call *call, struct sr_call **handle)
{
	call->unsent = sr_reconnect_under_way(call->client);
	return sr_call_start(call, call->unsent ? SR_OK : call->again(call), handle);
}

void sr_call_finish(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	LIST_REMOVE(call, link);
	if (call->client->connect_call == call)
		call->client->connect_call = NULL;
	if (call->client->phase != SR_PHASE_CLOSED && (!call->cancelled || call->sees_all))
		call->deliver(call, result, fields);
	sr_call_free(call);
}

void sr_cancel(sr_call *call)
{
	if (call)
		call->cancelled = true;
}

bool sr_decoded(struct sr_call *call, struct sr_cursor *fields, struct sr_result *result)
{
	if (sr_take_done(fields))
		return true;
	sr_result_set(result, SR_CORRUPT, call->request, "the store's answer is malformed");
	sr_client_broken(call->client, result->text);
	return false;
}

void sr_deliver_done(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	if (fields) {
		switch (call->reply) {
		case SR_MSG_RECORD_OPENED:
			sr_record_opened_decode(fields, &(struct sr_record_opened){0});
			break;
		case SR_MSG_RECORD_FINISHED:
			sr_record_finished_decode(fields, &(struct sr_record_finished){0});
			break;
		case SR_MSG_CLOSED:
		case SR_MSG_SYNCED:
			sr_durable_decode(fields, &(uint64_t){0});
			break;
		default:
			break;
		}
		(void)!sr_decoded(call, fields, &own);
	}
	call->callback.done(call->context, &own);
}
