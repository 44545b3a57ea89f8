/* Recording: opening and finishing recordings, and asking for tracks to write. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writer.h"

/* A fresh nonce for zeros. */
static void fill_nonce(uint8_t out[SR_NONCE], const uint8_t wished[SR_NONCE])
{
	memcpy(out, wished, SR_NONCE);
	if (sodium_is_zero(out, SR_NONCE) == 1)
		randombytes_buf(out, SR_NONCE);
}

/* What a RECORD_OPEN says, kept until it is answered. */
struct opening {
	struct sr_record_open message;
	char label[SR_LABEL_MAX + 1];
};

static enum sr_code send_opening(struct sr_call *call)
{
	struct opening *opening = call->own;
	struct sr_record_open *message = &opening->message;
	enum sr_code code = sr_grant_take(call->client, false, &message->grant);
	if (code == SR_OK) {
		struct sr_outgoing *out = sr_outgoing_new(SR_MSG_RECORD_OPEN, 0, call->request,
							  message->grant.size + message->label.size + 64);
		code = SR_INTERNAL;
		if (out) {
			sr_record_open_encode(&out->fields, message);
			code = sr_outgoing_send(call->client, NULL, out);
		}
	}
	message->grant = (struct sr_span){0};
	sr_grant_done(call->client);
	return code;
}

enum sr_code sr_record_open(sr_client *client, const struct sr_recording_options *options, sr_done *done, void *context,
			    sr_call **handle)
{
	size_t label = options->label ? strlen(options->label) : 0;
	if (label > SR_LABEL_MAX)
		return SR_USAGE;
	struct opening *opening = calloc(1, sizeof *opening);
	struct sr_call *call = sr_call_new(client, SR_MSG_RECORD_OPENED, sr_deliver_done, context);
	if (!opening || !call) {
		free(opening);
		free(call);
		return SR_INTERNAL;
	}
	if (label > 0)
		memcpy(opening->label, options->label, label);
	opening->message = (struct sr_record_open){.started_ms = options->started_ms,
						   .retain_until_ms = options->retain_until_ms,
						   .label = {(const uint8_t *)opening->label, label}};
	memcpy(opening->message.recording, options->recording, SR_ID);
	fill_nonce(opening->message.nonce, options->nonce);
	call->callback.done = done;
	call->own = opening;
	call->release = free;
	call->again = send_opening;
	return sr_call_start_again(call, handle);
}

/* `own` is the recording's id. */
static enum sr_code send_finish(struct sr_call *call)
{
	return sr_send_named(call->client, SR_MSG_RECORD_FINISH, call->request, call->own);
}

enum sr_code sr_record_finish(sr_client *client, const uint8_t recording[SR_ID], sr_done *done, void *context,
			      sr_call **handle)
{
	uint8_t *own = malloc(SR_ID);
	struct sr_call *call = sr_call_new(client, SR_MSG_RECORD_FINISHED, sr_deliver_done, context);
	if (!own || !call) {
		free(own);
		free(call);
		return SR_INTERNAL;
	}
	memcpy(own, recording, SR_ID);
	call->callback.done = done;
	call->own = own;
	call->release = free;
	call->again = send_finish;
	return sr_call_start_again(call, handle);
}

/* ---- tracks ---- */

static void deliver_ready(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_writer *writer = (struct sr_writer *)call->stream;
	struct sr_track_ready ready;
	writer->readying = NULL;
	if (fields) {
		sr_track_ready_decode(fields, &ready);
		if (sr_decoded(call, fields, &own))
			sr_writer_begin(writer, &ready);
	}
	if (own.code != SR_OK)
		writer->stream.dropped = true;
	else if (call->cancelled)
		sr_stream_drop(&writer->stream);
	if (!call->cancelled)
		call->callback.writer_ready(call->context, &own, own.code == SR_OK ? writer : NULL);
}

static void encode_wish(struct sr_builder *out, const struct sr_writer *writer, struct sr_span grant)
{
	const struct sr_track_wish *wish = &writer->wish;
	struct sr_record_track track = {.grant = grant, .track = wish->track, .start_ms = wish->start_ms};
	memcpy(track.recording, wish->recording, SR_ID);
	memcpy(track.nonce, wish->nonce, SR_NONCE);
	track.media_type = (struct sr_span){(const uint8_t *)wish->media_type, strlen(wish->media_type)};
	track.label = (struct sr_span){(const uint8_t *)wish->label, strlen(wish->label)};
	sr_record_track_encode(out, &track);
}

static void encode_resume(struct sr_builder *out, const struct sr_writer *writer, struct sr_span grant)
{
	struct sr_record_resume resume = {.grant = grant, .track = writer->track};
	memcpy(resume.recording, writer->wish.recording, SR_ID);
	sr_record_resume_encode(out, &resume);
}

enum sr_code sr_writer_ask(struct sr_stream *stream)
{
	struct sr_writer *writer = (struct sr_writer *)stream;
	bool resumes = !writer->readying || writer->wish.resumes;
	struct sr_outgoing *out = NULL;
	struct sr_span grant;
	if (writer->readying)
		writer->readying->request = stream->request;
	enum sr_code code = sr_grant_take(stream->client, false, &grant);
	if (code == SR_OK) {
		code = SR_INTERNAL;
		out = sr_outgoing_new(resumes ? SR_MSG_RECORD_RESUME : SR_MSG_RECORD_TRACK, stream->id, stream->request,
				      grant.size + SR_LABEL_MAX + SR_MEDIA_TYPE_MAX + 64);
	}
	if (out && resumes)
		encode_resume(&out->fields, writer, grant);
	else if (out)
		encode_wish(&out->fields, writer, grant);
	if (out)
		code = sr_outgoing_send(stream->client, stream, out);
	if (code == SR_OK) {
		writer->asked++;
		sr_grant_plan_from(stream, grant);
	}
	sr_grant_done(stream->client);
	return code;
}

/* Ask for a track as `wish` says, now or when the lost connection stands again. */
static enum sr_code open_writer(struct sr_client *client, const struct sr_track_wish *wish, sr_writer_ready *ready,
				void *context, struct sr_call **handle)
{
	struct sr_writer *writer = calloc(1, sizeof *writer);
	struct sr_call *call = sr_call_new(client, SR_MSG_TRACK_READY, deliver_ready, context);
	enum sr_code code = SR_OK;
	if (!writer || !call) {
		free(writer);
		free(call);
		return SR_INTERNAL;
	}
	writer->wish = *wish;
	writer->track = wish->track;
	writer->readying = call;
	call->callback.writer_ready = ready;
	call->stream = &writer->stream;
	call->sees_all = true;
	sr_stream_begin(client, &writer->stream, &sr_writer_kind);
	if (sr_reconnect_under_way(client))
		sr_reconnect_sets_aside(&writer->stream);
	else
		code = sr_writer_ask(&writer->stream);
	if (code != SR_OK) {
		LIST_REMOVE(&writer->stream, link);
		free(writer);
	}
	return sr_call_start(call, code, handle);
}

enum sr_code sr_track_open(sr_client *client, const struct sr_track_options *options, sr_writer_ready *ready,
			   void *context, sr_call **handle)
{
	struct sr_track_wish wish = {.track = options->track, .start_ms = options->start_ms};
	size_t label = options->label ? strlen(options->label) : 0;
	size_t type = options->media_type ? strlen(options->media_type) : 0;
	if (label > SR_LABEL_MAX || type < 1 || type > SR_MEDIA_TYPE_MAX)
		return SR_USAGE;
	memcpy(wish.recording, options->recording, SR_ID);
	fill_nonce(wish.nonce, options->nonce);
	memcpy(wish.media_type, options->media_type, type);
	if (label > 0)
		memcpy(wish.label, options->label, label);
	return open_writer(client, &wish, ready, context, handle);
}

enum sr_code sr_track_resume(sr_client *client, const uint8_t recording[SR_ID], uint16_t track, sr_writer_ready *ready,
			     void *context, sr_call **handle)
{
	struct sr_track_wish wish = {.track = track, .resumes = true};
	if (track == 0)
		return SR_USAGE;
	memcpy(wish.recording, recording, SR_ID);
	return open_writer(client, &wish, ready, context, handle);
}
