/* Recording: opening recordings and tracks, and writing a track within its window. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define APPEND_FRONT 16 /* offset, media time */

/* A track being written. `sent` and `durable` are lengths of the track in bytes. */
struct sr_writer {
	struct sr_stream stream; /* first: it is cast */
	uint16_t track;
	uint64_t sent;
	uint64_t durable;
	uint32_t window;
	bool opened;
	struct sr_call *syncing; /* the call whose SYNC is under way; others wait */
	struct sr_result end;    /* why the stream ended */
	void (*on_room)(void *context);
	void *room_context;
	void (*on_durable)(void *context, uint64_t durable);
	void *durable_context;
	sr_done *on_ended;
	void *ended_context;
};

static bool is_zero(const uint8_t *bytes, size_t size)
{
	return sodium_is_zero(bytes, size) == 1;
}

enum sr_code sr_record_open(sr_client *client, const struct sr_recording_options *options, sr_done *done, void *context,
			    sr_call **handle)
{
	struct sr_record_open open = {.started_ms = options->started_ms, .retain_until_ms = options->retain_until_ms};
	memcpy(open.recording, options->recording, SR_ID);
	memcpy(open.nonce, options->nonce, SR_NONCE);
	if (is_zero(open.nonce, SR_NONCE))
		randombytes_buf(open.nonce, SR_NONCE);
	if (options->label)
		open.label = (struct sr_span){(const uint8_t *)options->label, strlen(options->label)};
	if (open.label.size > SR_LABEL_MAX)
		return SR_USAGE;
	struct sr_call *call = sr_call_new(client, SR_MSG_RECORD_OPENED, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	enum sr_code code = sr_grant_take(client, false, &open.grant);
	if (code == SR_OK) {
		struct sr_outgoing *out =
			sr_outgoing_new(SR_MSG_RECORD_OPEN, 0, call->request, open.grant.size + open.label.size + 64);
		code = SR_INTERNAL;
		if (out) {
			sr_record_open_encode(&out->fields, &open);
			code = sr_outgoing_send(client, NULL, out);
		}
	}
	sr_grant_done(client);
	return sr_call_start(call, code, handle);
}

static void deliver_ready(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_writer *writer = (struct sr_writer *)call->stream;
	struct sr_track_ready ready;
	if (fields) {
		sr_track_ready_decode(fields, &ready);
		if (sr_decoded(call, fields, &own)) {
			writer->track = ready.track;
			writer->sent = writer->durable = ready.durable;
			writer->window = ready.window;
			writer->opened = true;
		}
	}
	if (own.code != SR_OK)
		writer->stream.dropped = true;
	else if (call->cancelled)
		sr_stream_drop(&writer->stream);
	if (!call->cancelled)
		call->callback.writer_ready(call->context, &own, own.code == SR_OK ? writer : NULL);
}

/* The sync that has waited longest; NULL: none. */
static struct sr_call *waiting_sync(struct sr_writer *writer)
{
	struct sr_call *call;
	struct sr_call *oldest = NULL;
	LIST_FOREACH(call, &writer->stream.client->calls, link)
	{
		if (call->stream == &writer->stream && call->reply == SR_MSG_SYNCED)
			oldest = call;
	}
	return oldest;
}

/* One SYNC is under way at a time: the next waiting one is sent. */
static void start_sync(struct sr_writer *writer)
{
	struct sr_stream *stream = &writer->stream;
	struct sr_call *call = waiting_sync(writer);
	if (!call || stream->over || stream->state != SR_STREAM_WRITER)
		return;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_SYNC, stream->id, call->request, 0);
	if (!out || sr_outgoing_send(stream->client, stream, out) != SR_OK)
		sr_client_fail(stream->client, SR_INTERNAL, NULL);
	else
		writer->syncing = call;
}

/* Take note of a durable length; false if it cannot be. */
static bool take_durable(struct sr_writer *writer, struct sr_cursor *fields)
{
	uint64_t durable;
	sr_durable_decode(fields, &durable);
	if (!sr_take_done(fields) || durable < writer->durable || durable > writer->sent) {
		sr_client_broken(writer->stream.client, "the store acknowledged what was not written");
		return false;
	}
	bool was_full = sr_writer_room(writer) == 0;
	writer->durable = durable;
	if (writer->on_durable && !writer->stream.dropped)
		writer->on_durable(writer->durable_context, durable);
	if (was_full && sr_writer_room(writer) > 0 && writer->on_room && !writer->stream.dropped)
		writer->on_room(writer->room_context);
	return true;
}

static void deliver_synced(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_writer *writer = (struct sr_writer *)call->stream;
	struct sr_result own = *result;
	if (writer->syncing == call)
		writer->syncing = NULL;
	if (fields && !take_durable(writer, fields))
		sr_result_set(&own, SR_CORRUPT, call->request, NULL);
	/* The store that refuses a SYNC ends the stream with it, and the syncs that wait end with that. */
	if (!fields && !writer->stream.over)
		sr_client_broken(writer->stream.client, "the store refused a sync and kept the stream");
	start_sync(writer);
	if (!call->cancelled)
		call->callback.done(call->context, &own);
}

static void writer_message(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_writer *writer = (struct sr_writer *)stream;
	if (stream->dropped)
		return;
	if (head->type == SR_MSG_ACK)
		(void)take_durable(writer, fields);
	else
		sr_client_broken(stream->client, "the store sent a message out of place");
}

static void writer_ended(struct sr_stream *stream, const struct sr_result *result)
{
	struct sr_writer *writer = (struct sr_writer *)stream;
	writer->end = *result;
	if (writer->opened && writer->on_ended)
		writer->on_ended(writer->ended_context, result);
}

static void writer_release(struct sr_stream *stream)
{
	free(stream);
}

static const struct sr_stream_kind writer_kind = {
	.message = writer_message, .ended = writer_ended, .release = writer_release};

/* A writer whose opening message is encoded by `encode`; the call is answered by TRACK_READY. */
static enum sr_code open_writer(struct sr_client *client, uint8_t type, const void *message,
				void (*encode)(struct sr_builder *out, const void *message), struct sr_span grant,
				struct sr_call *call)
{
	struct sr_writer *writer = calloc(1, sizeof *writer);
	struct sr_outgoing *out = NULL;
	enum sr_code code = SR_INTERNAL;
	if (!writer)
		return SR_INTERNAL;
	sr_stream_begin(client, &writer->stream, &writer_kind);
	call->stream = &writer->stream;
	call->request = writer->stream.request;
	call->sees_all = true;
	out = sr_outgoing_new(type, writer->stream.id, call->request,
			      grant.size + SR_LABEL_MAX + SR_MEDIA_TYPE_MAX + 64);
	if (out) {
		encode(&out->fields, message);
		code = sr_outgoing_send(client, &writer->stream, out);
	}
	if (code == SR_OK) {
		sr_grant_plan_from(&writer->stream, grant);
	} else {
		LIST_REMOVE(&writer->stream, link);
		free(writer);
	}
	return code;
}

static void encode_track(struct sr_builder *out, const void *message)
{
	sr_record_track_encode(out, message);
}

enum sr_code sr_track_open(sr_client *client, const struct sr_track_options *options, sr_writer_ready *ready,
			   void *context, sr_call **handle)
{
	struct sr_record_track track = {.track = options->track, .start_ms = options->start_ms};
	memcpy(track.recording, options->recording, SR_ID);
	memcpy(track.nonce, options->nonce, SR_NONCE);
	if (is_zero(track.nonce, SR_NONCE))
		randombytes_buf(track.nonce, SR_NONCE);
	if (options->label)
		track.label = (struct sr_span){(const uint8_t *)options->label, strlen(options->label)};
	if (options->media_type)
		track.media_type = (struct sr_span){(const uint8_t *)options->media_type, strlen(options->media_type)};
	if (track.label.size > SR_LABEL_MAX || track.media_type.size < 1 || track.media_type.size > SR_MEDIA_TYPE_MAX)
		return SR_USAGE;
	struct sr_call *call = sr_call_new(client, SR_MSG_TRACK_READY, deliver_ready, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.writer_ready = ready;
	enum sr_code code = sr_grant_take(client, false, &track.grant);
	if (code == SR_OK)
		code = open_writer(client, SR_MSG_RECORD_TRACK, &track, encode_track, track.grant, call);
	sr_grant_done(client);
	return sr_call_start(call, code, handle);
}

static void encode_resume(struct sr_builder *out, const void *message)
{
	sr_record_resume_encode(out, message);
}

enum sr_code sr_track_resume(sr_client *client, const uint8_t recording[SR_ID], uint16_t track, sr_writer_ready *ready,
			     void *context, sr_call **handle)
{
	struct sr_record_resume resume = {.track = track};
	memcpy(resume.recording, recording, SR_ID);
	if (track == 0)
		return SR_USAGE;
	struct sr_call *call = sr_call_new(client, SR_MSG_TRACK_READY, deliver_ready, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.writer_ready = ready;
	enum sr_code code = sr_grant_take(client, false, &resume.grant);
	if (code == SR_OK)
		code = open_writer(client, SR_MSG_RECORD_RESUME, &resume, encode_resume, resume.grant, call);
	sr_grant_done(client);
	return sr_call_start(call, code, handle);
}

uint16_t sr_writer_track(const sr_writer *writer)
{
	return writer->track;
}

uint64_t sr_writer_durable(const sr_writer *writer)
{
	return writer->durable;
}

size_t sr_writer_pending(const sr_writer *writer)
{
	return (size_t)(writer->sent - writer->durable);
}

size_t sr_writer_room(const sr_writer *writer)
{
	size_t pending = sr_writer_pending(writer);
	return pending < writer->window ? writer->window - pending : 0;
}

void sr_writer_why(const struct sr_writer *writer, struct sr_result *result)
{
	if (writer->end.code != SR_OK)
		*result = writer->end;
}

void sr_writer_on_room(sr_writer *writer, void (*on_room)(void *context), void *context)
{
	writer->on_room = on_room;
	writer->room_context = context;
}

void sr_writer_on_durable(sr_writer *writer, void (*on_durable)(void *context, uint64_t durable), void *context)
{
	writer->on_durable = on_durable;
	writer->durable_context = context;
}

void sr_writer_on_ended(sr_writer *writer, sr_done *ended, void *context)
{
	writer->on_ended = ended;
	writer->ended_context = context;
}

enum sr_code sr_write(sr_writer *writer, const void *data, size_t size, uint64_t media_ms)
{
	const uint8_t *from = data;
	struct sr_stream *stream = &writer->stream;
	if (stream->over || stream->client->phase != SR_PHASE_OPEN)
		return SR_UNAVAILABLE;
	if (size > sr_writer_room(writer))
		return SR_BUSY;
	while (size > 0) {
		size_t part = size < SR_APPEND_MAX ? size : SR_APPEND_MAX;
		const struct sr_append append = {.offset = writer->sent, .media_time = media_ms, .data = {from, part}};
		struct sr_outgoing *out =
			sr_outgoing_new(SR_MSG_APPEND, stream->id, stream->request, APPEND_FRONT + part);
		if (!out) {
			/* Half of the bytes may be gone: the stream cannot go on. */
			sr_client_fail(stream->client, SR_INTERNAL, NULL);
			return SR_UNAVAILABLE;
		}
		sr_append_encode(&out->fields, &append);
		if (sr_outgoing_send(stream->client, stream, out) != SR_OK)
			return SR_UNAVAILABLE;
		writer->sent += part;
		from += part;
		size -= part;
		media_ms = SR_NO_TIME;
	}
	return SR_OK;
}

enum sr_code sr_writer_sync(sr_writer *writer, sr_done *done, void *context, sr_call **handle)
{
	struct sr_stream *stream = &writer->stream;
	if (stream->over || stream->dropped || stream->client->phase != SR_PHASE_OPEN)
		return SR_UNAVAILABLE;
	struct sr_call *call = sr_call_new(stream->client, SR_MSG_SYNCED, deliver_synced, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	call->stream = stream;
	call->sees_all = true;
	enum sr_code code = sr_call_start(call, SR_OK, handle);
	if (!writer->syncing)
		start_sync(writer);
	return code;
}

/* After the sync comes the CLOSE, whose answer nobody waits for. */
static void deliver_last_sync(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_writer *writer = (struct sr_writer *)call->stream;
	struct sr_result own = *result;
	if (writer->syncing == call)
		writer->syncing = NULL;
	if (fields && !take_durable(writer, fields))
		sr_result_set(&own, SR_CORRUPT, call->request, NULL);
	if (own.code == SR_OK && writer->durable != writer->sent)
		sr_result_set(&own, SR_INTERNAL, call->request, "the store synced less than was written");
	sr_done *done = call->callback.done;
	void *context = call->context;
	writer->on_durable = NULL;
	writer->on_room = NULL;
	sr_stream_drop(&writer->stream);
	done(context, &own);
}

enum sr_code sr_writer_close(sr_writer *writer, sr_done *done, void *context)
{
	struct sr_stream *stream = &writer->stream;
	if (!done || stream->over || stream->client->phase != SR_PHASE_OPEN) {
		sr_stream_drop(stream);
		return done ? SR_UNAVAILABLE : SR_OK;
	}
	struct sr_call *call = sr_call_new(stream->client, SR_MSG_SYNCED, deliver_last_sync, context);
	if (!call) {
		sr_stream_drop(stream);
		return SR_INTERNAL;
	}
	writer->on_ended = NULL;
	call->callback.done = done;
	call->stream = stream;
	call->sees_all = true;
	enum sr_code code = sr_call_start(call, SR_OK, NULL);
	if (!writer->syncing)
		start_sync(writer);
	return code;
}
