/*
 * The messages of sealed playing: heads, tables, ranges, released keys, bodies; and what was shown of it.
 */
#include "message_field.h"

void sr_play_head_encode(struct sr_builder *out, const struct sr_play_head *head)
{
	sr_put_u16(out, head->track);
	sr_put_u8(out, (uint8_t)head->state);
	sr_put_u32(out, head->segments);
	sr_put_u64(out, head->length);
	sr_put_bytes(out, head->chain, SR_CHAIN);
}

void sr_play_head_decode(struct sr_cursor *in, struct sr_play_head *head)
{
	head->track = sr_take_track(in);
	head->state = sr_take_state(in);
	head->segments = sr_take_u32(in);
	head->length = sr_take_position(in);
	sr_take_copy(in, head->chain, SR_CHAIN);
}

void sr_play_table_encode(struct sr_builder *out, const struct sr_play_table *message)
{
	sr_put_u16(out, message->track);
	sr_put_u32(out, message->from);
	sr_put_u8(out, (uint8_t)message->want);
}

static enum sr_table_want take_want(struct sr_cursor *in)
{
	uint8_t value = sr_take_u8(in);

	if (value > SR_TABLE_ALL)
		sr_take_fail(in);
	return (enum sr_table_want)value;
}

void sr_play_table_decode(struct sr_cursor *in, struct sr_play_table *message)
{
	message->track = sr_take_track(in);
	message->from = sr_take_u32(in);
	message->want = take_want(in);
}

void sr_table_encode(struct sr_builder *out, const struct sr_table *message)
{
	sr_play_head_encode(out, &message->head);
	sr_put_u32(out, message->from);
	sr_put_u16(out, message->count);
}

void sr_table_decode(struct sr_cursor *in, struct sr_table *message)
{
	sr_play_head_decode(in, &message->head);
	message->from = sr_take_u32(in);
	message->count = sr_take_count(in, SR_TABLE_PAGE_MAX);
	if (message->count > 0 && (uint64_t)message->from + message->count > message->head.segments)
		sr_take_fail(in);
}

void sr_play_range_encode(struct sr_builder *out, const struct sr_play_range *message)
{
	sr_put_u16(out, message->track);
	sr_put_u64(out, message->from);
	sr_put_u64(out, message->length);
}

static void take_range(struct sr_cursor *in, struct sr_play_range *message, uint64_t least)
{
	message->track = sr_take_track(in);
	message->from = sr_take_position(in);
	message->length = sr_take_u64(in);
	if (message->length < least || message->length > SR_READ_MAX ||
	    message->from > SR_POSITION_MAX - message->length)
		sr_take_fail(in);
}

void sr_play_range_decode(struct sr_cursor *in, struct sr_play_range *message)
{
	take_range(in, message, 1);
}

void sr_read_done_decode(struct sr_cursor *in, struct sr_play_range *message)
{
	take_range(in, message, 0);
}

void sr_play_start_encode(struct sr_builder *out, const struct sr_play_start *message)
{
	sr_named_encode(out, &message->named);
	sr_play_range_encode(out, &message->range);
}

void sr_play_start_decode(struct sr_cursor *in, struct sr_play_start *message)
{
	sr_named_decode(in, &message->named);
	sr_play_range_decode(in, &message->range);
}

void sr_segment_release_encode(struct sr_builder *out, const struct sr_segment_release *message)
{
	sr_put_u16(out, message->track);
	sr_put_u32(out, message->segment);
	sr_put_bytes(out, message->key.key, sizeof message->key.key);
	sr_put_bytes(out, message->key.base_nonce, sizeof message->key.base_nonce);
	sr_put_bytes(out, message->key.commitment, sizeof message->key.commitment);
}

void sr_segment_release_decode(struct sr_cursor *in, struct sr_segment_release *message)
{
	message->track = sr_take_track(in);
	message->segment = sr_take_u32(in);
	sr_take_copy(in, message->key.key, sizeof message->key.key);
	sr_take_copy(in, message->key.base_nonce, sizeof message->key.base_nonce);
	sr_take_copy(in, message->key.commitment, sizeof message->key.commitment);
}

void sr_body_encode(struct sr_builder *out, const struct sr_body *message)
{
	sr_put_u16(out, message->track);
	sr_put_u32(out, message->segment);
	sr_put_u32(out, message->chunk);
	sr_put_u32(out, message->length);
}

void sr_body_decode(struct sr_cursor *in, struct sr_body *message)
{
	uint32_t last;

	message->track = sr_take_track(in);
	message->segment = sr_take_u32(in);
	message->chunk = sr_take_u32(in);
	message->length = sr_take_u32(in);
	last = message->length % SR_CHUNK_SEALED;
	/* A rest that holds no byte beside its tag is no chunk that may be sent. */
	if (message->length == 0 || message->length > SR_BODY_MAX || (last != 0 && last <= SR_AEAD_TAG))
		sr_take_fail(in);
}

void sr_shown_encode(struct sr_builder *out, const struct sr_shown *message)
{
	sr_put_span(out, message->grant);
	sr_put_bytes(out, message->recording, SR_UUID);
	sr_put_u16(out, message->track);
	sr_put_u64(out, message->from_ms);
	sr_put_u64(out, message->to_ms);
	sr_put_span(out, message->who);
}

void sr_shown_decode(struct sr_cursor *in, struct sr_shown *message)
{
	message->grant = sr_take_grant(in);
	sr_take_copy(in, message->recording, SR_UUID);
	message->track = sr_take_track(in);
	message->from_ms = sr_take_u64(in);
	message->to_ms = sr_take_u64(in);
	message->who = sr_take_field(in, SR_VIEWER_MAX);
	if (message->to_ms <= message->from_ms)
		sr_take_fail(in);
}
