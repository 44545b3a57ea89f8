/* The blocking face: each function starts the asynchronous one and turns its own loop until that is done. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

struct sr_blocking {
	uv_loop_t loop;
	sr_client *client;
	bool done;
	struct sr_result result;
	union {
		sr_writer *writer;
		sr_player *player;
		struct sr_listing_info *listing;
		struct sr_recording_info *info;
		uint8_t *theirs;
		uint64_t *undo_until_ms;
	} out;
	uint8_t *into; /* sr_blocking_read: where the next bytes go */
};

/* Wait for what was started with the code `started`; the result is the callback's, or the start's own. */
static enum sr_code wait_for(struct sr_blocking *blocking, enum sr_code started, struct sr_result *result)
{
	if (started != SR_OK)
		sr_result_set(&blocking->result, started, 0, NULL);
	while (started == SR_OK && !blocking->done)
		(void)uv_run(&blocking->loop, UV_RUN_ONCE);
	blocking->done = false;
	if (result)
		*result = blocking->result;
	return blocking->result.code;
}

static void on_done(void *context, const struct sr_result *result)
{
	struct sr_blocking *blocking = context;
	blocking->result = *result;
	blocking->done = true;
}

static void on_closed(void *context)
{
	*(bool *)context = true;
}

void sr_blocking_close(sr_blocking *blocking)
{
	bool closed = false;
	if (!blocking)
		return;
	if (blocking->client)
		sr_client_close(blocking->client, on_closed, &closed);
	while (blocking->client && !closed)
		(void)uv_run(&blocking->loop, UV_RUN_ONCE);
	/* Handles that an application put on the loop are its own to close; nothing can wait for them here. */
	(void)uv_loop_close(&blocking->loop);
	free(blocking);
}

enum sr_code sr_blocking_open(const struct sr_client_options *options, sr_blocking **out, struct sr_result *result)
{
	struct sr_blocking *blocking = calloc(1, sizeof *blocking);
	*out = NULL;
	sr_result_set(result, SR_INTERNAL, 0, NULL);
	if (!blocking)
		return SR_INTERNAL;
	if (uv_loop_init(&blocking->loop) != 0) {
		free(blocking);
		return SR_INTERNAL;
	}
	enum sr_code code = sr_client_new(&blocking->loop, options, &blocking->client, result);
	if (code == SR_OK)
		code = wait_for(blocking, sr_connect(blocking->client, on_done, blocking, NULL), result);
	if (code == SR_OK)
		*out = blocking;
	else
		sr_blocking_close(blocking);
	return code;
}

sr_client *sr_blocking_client(sr_blocking *blocking)
{
	return blocking->client;
}

uv_loop_t *sr_blocking_loop(sr_blocking *blocking)
{
	return &blocking->loop;
}

enum sr_code sr_blocking_record_open(sr_blocking *blocking, const struct sr_recording_options *options,
				     struct sr_result *result)
{
	return wait_for(blocking, sr_record_open(blocking->client, options, on_done, blocking, NULL), result);
}

static void on_writer(void *context, const struct sr_result *result, sr_writer *writer)
{
	((struct sr_blocking *)context)->out.writer = writer;
	on_done(context, result);
}

enum sr_code sr_blocking_track_open(sr_blocking *blocking, const struct sr_track_options *options, sr_writer **writer,
				    struct sr_result *result)
{
	blocking->out.writer = NULL;
	enum sr_code code =
		wait_for(blocking, sr_track_open(blocking->client, options, on_writer, blocking, NULL), result);
	*writer = blocking->out.writer;
	return code;
}

enum sr_code sr_blocking_track_resume(sr_blocking *blocking, const uint8_t recording[SR_ID], uint16_t track,
				      sr_writer **writer, struct sr_result *result)
{
	blocking->out.writer = NULL;
	enum sr_code code = wait_for(
		blocking, sr_track_resume(blocking->client, recording, track, on_writer, blocking, NULL), result);
	*writer = blocking->out.writer;
	return code;
}

enum sr_code sr_blocking_write(sr_blocking *blocking, sr_writer *writer, const void *data, size_t size,
			       uint64_t media_ms, struct sr_result *result)
{
	const uint8_t *from = data;
	enum sr_code code = SR_OK;
	while (code == SR_OK && size > 0) {
		size_t room = sr_writer_room(writer);
		size_t part = size < room ? size : room;
		/* An empty write finds out whether the stream is still there. */
		code = sr_write(writer, from, part, media_ms);
		from += part;
		size -= part;
		if (part > 0)
			media_ms = SR_NO_TIME;
		if (code == SR_OK && size > 0)
			(void)uv_run(&blocking->loop, UV_RUN_ONCE);
	}
	/* Let acknowledgements in and bytes out; a writer that never waits would otherwise not see the end. */
	if (code == SR_OK)
		(void)uv_run(&blocking->loop, UV_RUN_NOWAIT);
	sr_result_set(result, code, 0, NULL);
	if (code != SR_OK)
		sr_writer_why(writer, result);
	return code;
}

enum sr_code sr_blocking_sync(sr_blocking *blocking, sr_writer *writer, struct sr_result *result)
{
	return wait_for(blocking, sr_writer_sync(writer, on_done, blocking, NULL), result);
}

enum sr_code sr_blocking_writer_close(sr_blocking *blocking, sr_writer *writer, struct sr_result *result)
{
	struct sr_result why = {0};
	sr_writer_why(writer, &why);
	enum sr_code code = wait_for(blocking, sr_writer_close(writer, on_done, blocking), result);
	if (code == SR_OK || why.code == SR_OK)
		return code;
	*result = why;
	return why.code;
}

enum sr_code sr_blocking_finish(sr_blocking *blocking, const uint8_t recording[SR_ID], struct sr_result *result)
{
	return wait_for(blocking, sr_record_finish(blocking->client, recording, on_done, blocking, NULL), result);
}

/* Keep a listing past its callback. */
static struct sr_listing_info *copy_listing(const struct sr_listing_info *from)
{
	struct sr_listing_info *to = malloc(sizeof *to);
	if (!to)
		return NULL;
	*to = *from;
	to->count = 0;
	to->recordings = calloc(from->count ? from->count : 1, sizeof *to->recordings);
	while (to->recordings && to->count < from->count &&
	       sr_recording_info_copy(&from->recordings[to->count], &to->recordings[to->count]))
		to->count++;
	if (!to->recordings || to->count < from->count) {
		sr_listing_free(to);
		return NULL;
	}
	return to;
}

static void on_listed(void *context, const struct sr_result *result, const struct sr_listing_info *listing)
{
	struct sr_blocking *blocking = context;
	on_done(blocking, result);
	blocking->out.listing = listing ? copy_listing(listing) : NULL;
	if (listing && !blocking->out.listing)
		sr_result_set(&blocking->result, SR_INTERNAL, result->request, NULL);
}

enum sr_code sr_blocking_list(sr_blocking *blocking, const struct sr_list_options *options,
			      struct sr_listing_info **listing, struct sr_result *result)
{
	blocking->out.listing = NULL;
	enum sr_code code =
		wait_for(blocking, sr_list_recordings(blocking->client, options, on_listed, blocking, NULL), result);
	*listing = blocking->out.listing;
	return code;
}

static void on_informed(void *context, const struct sr_result *result, const struct sr_recording_info *info)
{
	struct sr_blocking *blocking = context;
	struct sr_recording_info *copy = info ? malloc(sizeof *copy) : NULL;
	on_done(blocking, result);
	if (copy && !sr_recording_info_copy(info, copy)) {
		free(copy);
		copy = NULL;
	}
	if (info && !copy)
		sr_result_set(&blocking->result, SR_INTERNAL, result->request, NULL);
	blocking->out.info = copy;
}

enum sr_code sr_blocking_info(sr_blocking *blocking, const uint8_t recording[SR_ID], struct sr_recording_info **info,
			      struct sr_result *result)
{
	blocking->out.info = NULL;
	enum sr_code code =
		wait_for(blocking, sr_info(blocking->client, recording, on_informed, blocking, NULL), result);
	*info = blocking->out.info;
	return code;
}

static void on_checked(void *context, const struct sr_result *result, const uint8_t *theirs, size_t count)
{
	struct sr_blocking *blocking = context;
	if (count > 0)
		memcpy(blocking->out.theirs, theirs, count);
	on_done(blocking, result);
}

enum sr_code sr_blocking_check(sr_blocking *blocking, const uint8_t *ids, size_t count, uint8_t *theirs,
			       struct sr_result *result)
{
	blocking->out.theirs = theirs;
	return wait_for(blocking, sr_check(blocking->client, ids, count, on_checked, blocking, NULL), result);
}

enum sr_code sr_blocking_state_shown(sr_blocking *blocking, const struct sr_shown_part *part, struct sr_result *result)
{
	return wait_for(blocking, sr_state_shown(blocking->client, part, on_done, blocking, NULL), result);
}

static void on_deleted(void *context, const struct sr_result *result, uint64_t undo_until_ms)
{
	struct sr_blocking *blocking = context;
	if (blocking->out.undo_until_ms)
		*blocking->out.undo_until_ms = undo_until_ms;
	on_done(blocking, result);
}

enum sr_code sr_blocking_delete(sr_blocking *blocking, const uint8_t recording[SR_ID], uint64_t *undo_until_ms,
				struct sr_result *result)
{
	blocking->out.undo_until_ms = undo_until_ms;
	return wait_for(blocking, sr_delete(blocking->client, recording, on_deleted, blocking, NULL), result);
}

enum sr_code sr_blocking_undelete(sr_blocking *blocking, const uint8_t recording[SR_ID], struct sr_result *result)
{
	return wait_for(blocking, sr_undelete(blocking->client, recording, on_done, blocking, NULL), result);
}

static void on_player(void *context, const struct sr_result *result, sr_player *player)
{
	((struct sr_blocking *)context)->out.player = player;
	on_done(context, result);
}

enum sr_code sr_blocking_play_open(sr_blocking *blocking, const uint8_t recording[SR_ID], sr_player **player,
				   struct sr_result *result)
{
	blocking->out.player = NULL;
	enum sr_code code =
		wait_for(blocking, sr_play_open(blocking->client, recording, on_player, blocking, NULL), result);
	*player = blocking->out.player;
	return code;
}

static void on_data(void *context, const uint8_t *data, size_t size)
{
	struct sr_blocking *blocking = context;
	memcpy(blocking->into, data, size);
	blocking->into += size;
}

static void on_read(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	(void)bytes;
	(void)finished;
	on_done(context, result);
}

enum sr_code sr_blocking_read(sr_blocking *blocking, sr_player *player, uint16_t track, uint64_t from, void *out,
			      size_t size, size_t *got, struct sr_result *result)
{
	const struct sr_read_options options = {.track = track, .from = from, .length = size, .data = on_data};
	blocking->into = out;
	enum sr_code code = wait_for(blocking, sr_play_read(player, &options, on_read, blocking, NULL), result);
	*got = (size_t)(blocking->into - (uint8_t *)out);
	return code;
}

static void on_started(void *context, const struct sr_result *result, sr_player *player)
{
	((struct sr_blocking *)context)->out.player = player;
	if (!player)
		on_done(context, result);
}

enum sr_code sr_blocking_play_start(sr_blocking *blocking, const uint8_t recording[SR_ID],
				    const struct sr_blocking_range *range, sr_player **player, size_t *got,
				    struct sr_result *result)
{
	const struct sr_read_options options = {
		.track = range->track, .from = range->from, .length = range->size, .data = on_data};
	blocking->into = range->out;
	blocking->out.player = NULL;
	enum sr_code code = wait_for(
		blocking, sr_play_start(blocking->client, recording, &options, on_started, on_read, blocking, NULL),
		result);
	*player = blocking->out.player;
	*got = (size_t)(blocking->into - (uint8_t *)range->out);
	return code;
}
