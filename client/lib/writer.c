/* A track being written within its window; and going on with it on another connection, without a gap or a repeat. */
#include "writer.h"

#include <stdlib.h>

#define APPEND_FRONT 16 /* offset, media time */

/* Whether a lost connection is made again under this writer. */
static bool outlives(const struct sr_writer *writer)
{
	return writer->stream.client->reconnect_ms != 0;
}

/* Whether the store may be sent anything on this stream now. */
static bool stands(const struct sr_writer *writer)
{
	const struct sr_stream *stream = &writer->stream;
	return stream->client->phase == SR_PHASE_OPEN &&
	       (stream->state == SR_STREAM_WRITER || stream->state == SR_STREAM_WRITER_SYNCING);
}

/* Whether what is given to the writer may still become durable. */
static bool lives(const struct sr_writer *writer)
{
	const struct sr_stream *stream = &writer->stream;
	return !stream->over && !stream->dropped &&
	       (stream->client->phase == SR_PHASE_OPEN || sr_reconnect_under_way(stream->client));
}

/* ---- what is sent ---- */

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

/* One SYNC is under way at a time: the next waiting one is sent, when all that it is for has been. */
static void start_sync(struct sr_writer *writer)
{
	struct sr_stream *stream = &writer->stream;
	struct sr_call *call = waiting_sync(writer);
	if (!call || stream->state != SR_STREAM_WRITER || !stands(writer) || writer->sent != writer->taken)
		return;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_SYNC, stream->id, call->request, 0);
	if (!out || sr_outgoing_send(stream->client, stream, out) != SR_OK)
		sr_client_fail(stream->client, SR_INTERNAL, NULL);
	else
		writer->syncing = call;
}

/* Send a run of at most SR_APPEND_MAX bytes; false: the connection has failed. */
static bool send_run(struct sr_writer *writer, const uint8_t *data, size_t size, uint64_t media_ms)
{
	struct sr_stream *stream = &writer->stream;
	const struct sr_append append = {.offset = writer->sent, .media_time = media_ms, .data = {data, size}};
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_APPEND, stream->id, stream->request, APPEND_FRONT + size);
	if (!out) {
		sr_client_fail(stream->client, SR_INTERNAL, NULL);
		return false;
	}
	sr_append_encode(&out->fields, &append);
	if (sr_outgoing_send(stream->client, stream, out) != SR_OK)
		return false;
	writer->sent += size;
	return true;
}

/* Send what is kept and was not sent on this stream, as far as its window goes; then the sync that waits for it. */
static void catch_up(struct sr_writer *writer)
{
	const uint8_t *data;
	uint64_t media_ms;
	while (writer->sent < writer->taken && stands(writer)) {
		uint64_t pending = writer->sent - writer->durable;
		size_t most = pending < writer->window ? (size_t)(writer->window - pending) : 0;
		if (most > SR_APPEND_MAX)
			most = SR_APPEND_MAX;
		size_t size = sr_retained_run(&writer->kept, writer->sent, most, &data, &media_ms);
		if (size == 0 || !send_run(writer, data, size, media_ms))
			return;
	}
	if (!writer->syncing)
		start_sync(writer);
}

/* ---- what comes ---- */

/* There may be no room for a write although there is some: then whoever was refused waits as well. */
static bool is_full(const struct sr_writer *writer)
{
	return writer->refused || sr_writer_room(writer) == 0;
}

static void tell_room(struct sr_writer *writer)
{
	if (sr_writer_room(writer) == 0)
		return;
	writer->refused = false;
	if (writer->on_room)
		writer->on_room(writer->room_context);
}

/* Note a durable length that has been checked, and tell. The application may have dropped the writer afterwards. */
static void note_durable(struct sr_writer *writer, uint64_t durable, bool was_full)
{
	struct sr_stream *stream = &writer->stream;
	if (durable > writer->durable)
		sr_reconnect_progress(stream->client, stream);
	writer->durable = durable;
	if (outlives(writer))
		sr_retained_drop(&writer->kept, durable);
	if (writer->on_durable && !stream->dropped)
		writer->on_durable(writer->durable_context, durable);
	if (was_full && !stream->dropped)
		tell_room(writer);
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
	note_durable(writer, durable, is_full(writer));
	if (!writer->stream.dropped && writer->sent < writer->taken)
		catch_up(writer);
	return true;
}

void sr_writer_begin(struct sr_writer *writer, const struct sr_track_ready *ready)
{
	writer->track = ready->track;
	writer->taken = writer->sent = writer->durable = ready->durable;
	writer->window = ready->window;
	writer->generation = ready->generation;
	writer->asked = 0;
	sr_retained_start(&writer->kept, ready->durable);
	sr_reconnect_progress(writer->stream.client, &writer->stream);
}

/* Why what the store says of a resumed track cannot be gone on with; SR_OK if it can. */
static enum sr_code judge(const struct sr_writer *writer, const struct sr_track_ready *ready, const char **text)
{
	/* Each time that it was asked for may have raised the generation, also where the answer was lost. */
	if (ready->generation - writer->generation > writer->asked || ready->durable > writer->taken) {
		*text = "another writer has resumed the track";
		return SR_CONFLICT;
	}
	if (ready->durable < writer->durable) {
		*text = "the store has lost what it had acknowledged";
		return SR_CORRUPT;
	}
	return SR_OK;
}

/* The answer to a resume: the store says from where to go on. */
static void take_resumed(struct sr_writer *writer, struct sr_cursor *fields)
{
	struct sr_stream *stream = &writer->stream;
	struct sr_track_ready ready;
	struct sr_result result;
	const char *text = NULL;
	sr_track_ready_decode(fields, &ready);
	if (!sr_take_done(fields) || ready.track != writer->track) {
		sr_client_broken(stream->client, "the store's answer is malformed");
		return;
	}
	if (stream->dropped) {
		sr_stream_say_close(stream);
		return;
	}
	enum sr_code code = judge(writer, &ready, &text);
	if (code != SR_OK) {
		sr_result_set(&result, code, stream->request, text);
		sr_stream_quit(stream, &result);
		return;
	}
	bool was_full = is_full(writer);
	writer->window = ready.window;
	writer->generation = ready.generation;
	writer->asked = 0;
	writer->sent = ready.durable;
	if (ready.durable > writer->durable)
		note_durable(writer, ready.durable, was_full);
	else if (was_full)
		tell_room(writer);
	if (stream->dropped)
		return;
	if (writer->durable == writer->taken)
		sr_reconnect_progress(stream->client, stream);
	catch_up(writer);
}

static void writer_message(struct sr_stream *stream, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct sr_writer *writer = (struct sr_writer *)stream;
	if (head->type == SR_MSG_TRACK_READY && !writer->readying)
		take_resumed(writer, fields);
	else if (stream->dropped)
		return;
	else if (head->type == SR_MSG_ACK)
		(void)take_durable(writer, fields);
	else
		sr_client_broken(stream->client, "the store sent a message out of place");
}

/* ---- ends ---- */

static void writer_lost(struct sr_stream *stream)
{
	((struct sr_writer *)stream)->syncing = NULL;
}

static void writer_ended(struct sr_stream *stream, const struct sr_result *result)
{
	struct sr_writer *writer = (struct sr_writer *)stream;
	writer->end = *result;
	if (writer->on_ended)
		writer->on_ended(writer->ended_context, result);
}

static void writer_release(struct sr_stream *stream)
{
	sr_retained_clear(&((struct sr_writer *)stream)->kept);
	free(stream);
}

const struct sr_stream_kind sr_writer_kind = {.message = writer_message,
					      .ended = writer_ended,
					      .lost = writer_lost,
					      .again = sr_writer_ask,
					      .release = writer_release};

void sr_writer_why(const struct sr_writer *writer, struct sr_result *result)
{
	if (writer->end.code != SR_OK)
		*result = writer->end;
}

/* ---- what the application does with it ---- */

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
	return (size_t)(writer->taken - writer->durable);
}

size_t sr_writer_room(const sr_writer *writer)
{
	size_t pending = sr_writer_pending(writer);
	return pending < writer->window ? writer->window - pending : 0;
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

/* Send what was just taken and is not kept; false: it is lost, and the stream with it. */
static bool send_all(struct sr_writer *writer, const uint8_t *from, size_t size, uint64_t media_ms)
{
	while (size > 0) {
		size_t part = size < SR_APPEND_MAX ? size : SR_APPEND_MAX;
		if (!send_run(writer, from, part, media_ms))
			return false;
		from += part;
		size -= part;
		media_ms = SR_NO_TIME;
	}
	return true;
}

enum sr_code sr_write(sr_writer *writer, const void *data, size_t size, uint64_t media_ms)
{
	if (!lives(writer))
		return SR_UNAVAILABLE;
	writer->refused = size > sr_writer_room(writer);
	if (writer->refused)
		return SR_BUSY;
	if (outlives(writer) && !sr_retained_add(&writer->kept, data, size, media_ms))
		return SR_INTERNAL;
	writer->taken += size;
	if (outlives(writer))
		catch_up(writer);
	else if (!send_all(writer, data, size, media_ms))
		return SR_UNAVAILABLE;
	return SR_OK;
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

/* A call that a SYNC answers, at once or when those before it were. */
static enum sr_code begin_sync(struct sr_writer *writer, sr_deliver *deliver, sr_done *done, void *context,
			       struct sr_call **handle)
{
	struct sr_call *call = sr_call_new(writer->stream.client, SR_MSG_SYNCED, deliver, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	call->stream = &writer->stream;
	call->sees_all = true;
	enum sr_code code = sr_call_start(call, SR_OK, handle);
	if (!writer->syncing)
		start_sync(writer);
	return code;
}

enum sr_code sr_writer_sync(sr_writer *writer, sr_done *done, void *context, sr_call **handle)
{
	return lives(writer) ? begin_sync(writer, deliver_synced, done, context, handle) : SR_UNAVAILABLE;
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
	if (own.code == SR_OK && writer->durable != writer->taken)
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
	enum sr_code code = SR_UNAVAILABLE;
	if (done && lives(writer))
		code = begin_sync(writer, deliver_last_sync, done, context, NULL);
	if (done && code == SR_OK)
		writer->on_ended = NULL;
	else
		sr_stream_drop(&writer->stream);
	return done ? code : SR_OK;
}
