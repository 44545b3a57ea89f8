/*
 * The messages of recording: open, tracks, appends, finish.
 */
#include "message_field.h"

void sr_record_open_encode(struct sr_builder *out, const struct sr_record_open *message)
{
	sr_put_span(out, message->grant);
	sr_put_bytes(out, message->recording, SR_UUID);
	sr_put_bytes(out, message->nonce, SR_NONCE);
	sr_put_u64(out, message->started_ms);
	sr_put_u64(out, message->retain_until_ms);
	sr_put_span(out, message->label);
}

void sr_record_open_decode(struct sr_cursor *in, struct sr_record_open *message)
{
	message->grant = sr_take_grant(in);
	sr_take_copy(in, message->recording, SR_UUID);
	sr_take_copy(in, message->nonce, SR_NONCE);
	message->started_ms = sr_take_u64(in);
	message->retain_until_ms = sr_take_u64(in);
	message->label = sr_take_label(in);
}

void sr_record_opened_encode(struct sr_builder *out, const struct sr_record_opened *message)
{
	sr_put_u8(out, (uint8_t)message->state);
	sr_put_u64(out, message->opened_ms);
	sr_put_u16(out, message->tracks);
}

void sr_record_opened_decode(struct sr_cursor *in, struct sr_record_opened *message)
{
	message->state = sr_take_state(in);
	message->opened_ms = sr_take_u64(in);
	message->tracks = sr_take_count(in, SR_TRACKS_MAX);
}

void sr_record_track_encode(struct sr_builder *out, const struct sr_record_track *message)
{
	sr_put_span(out, message->grant);
	sr_put_bytes(out, message->recording, SR_UUID);
	sr_put_bytes(out, message->nonce, SR_NONCE);
	sr_put_u16(out, message->track);
	sr_put_u64(out, message->start_ms);
	sr_put_span(out, message->media_type);
	sr_put_span(out, message->label);
}

void sr_record_track_decode(struct sr_cursor *in, struct sr_record_track *message)
{
	message->grant = sr_take_grant(in);
	sr_take_copy(in, message->recording, SR_UUID);
	sr_take_copy(in, message->nonce, SR_NONCE);
	message->track = sr_take_u16(in);
	message->start_ms = sr_take_u64(in);
	message->media_type = sr_take_media_type(in);
	message->label = sr_take_label(in);
}

void sr_record_resume_encode(struct sr_builder *out, const struct sr_record_resume *message)
{
	sr_put_span(out, message->grant);
	sr_put_bytes(out, message->recording, SR_UUID);
	sr_put_u16(out, message->track);
}

void sr_record_resume_decode(struct sr_cursor *in, struct sr_record_resume *message)
{
	message->grant = sr_take_grant(in);
	sr_take_copy(in, message->recording, SR_UUID);
	message->track = sr_take_track(in);
}

void sr_track_ready_encode(struct sr_builder *out, const struct sr_track_ready *message)
{
	sr_put_u16(out, message->track);
	sr_put_u32(out, message->generation);
	sr_put_u64(out, message->durable);
	sr_put_u32(out, message->window);
}

void sr_track_ready_decode(struct sr_cursor *in, struct sr_track_ready *message)
{
	message->track = sr_take_track(in);
	message->generation = sr_take_u32(in);
	message->durable = sr_take_position(in);
	message->window = sr_take_u32(in);
}

void sr_append_encode(struct sr_builder *out, const struct sr_append *message)
{
	sr_put_u64(out, message->offset);
	sr_put_u64(out, message->media_time);
	sr_put_bytes(out, message->data.data, message->data.size);
}

void sr_append_decode(struct sr_cursor *in, struct sr_append *message)
{
	message->offset = sr_take_position(in);
	message->media_time = sr_take_u64(in);
	message->data = sr_take_rest(in);
	if (message->data.size < 1 || message->data.size > SR_APPEND_MAX ||
	    message->offset > SR_POSITION_MAX - message->data.size)
		sr_take_fail(in);
}

void sr_record_finished_encode(struct sr_builder *out, const struct sr_record_finished *message)
{
	sr_put_u64(out, message->finished_ms);
	sr_put_u16(out, message->tracks);
}

void sr_record_finished_decode(struct sr_cursor *in, struct sr_record_finished *message)
{
	message->finished_ms = sr_take_u64(in);
	message->tracks = sr_take_count(in, SR_TRACKS_MAX);
}
