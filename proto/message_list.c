/*
 * The messages that say what is there: list, info, check, and the entries in them.
 */
#include "message_field.h"

void sr_list_encode(struct sr_builder *out, const struct sr_list *message)
{
	sr_put_span(out, message->grant);
	sr_put_u64(out, message->from_ms);
	sr_put_u64(out, message->to_ms);
	sr_put_bytes(out, message->after, SR_UUID);
	sr_put_u16(out, message->limit);
}

void sr_list_decode(struct sr_cursor *in, struct sr_list *message)
{
	message->grant = sr_take_grant(in);
	message->from_ms = sr_take_u64(in);
	message->to_ms = sr_take_u64(in);
	sr_take_copy(in, message->after, SR_UUID);
	message->limit = sr_take_count(in, SR_LIST_PAGE_MAX);
	if (message->limit == 0)
		sr_take_fail(in);
}

void sr_entry_track_encode(struct sr_builder *out, const struct sr_entry_track *track)
{
	sr_put_u16(out, track->track);
	sr_put_u8(out, (uint8_t)track->state);
	sr_put_u64(out, track->start_ms);
	sr_put_u64(out, track->length);
	sr_put_u32(out, track->segments);
	sr_put_span(out, track->media_type);
	sr_put_span(out, track->label);
}

void sr_entry_track_decode(struct sr_cursor *in, struct sr_entry_track *track)
{
	track->track = sr_take_track(in);
	track->state = sr_take_state(in);
	track->start_ms = sr_take_u64(in);
	track->length = sr_take_position(in);
	track->segments = sr_take_u32(in);
	track->media_type = sr_take_media_type(in);
	track->label = sr_take_label(in);
}

void sr_entry_encode(struct sr_builder *out, const struct sr_entry *entry)
{
	sr_put_bytes(out, entry->recording, SR_UUID);
	sr_put_u8(out, (uint8_t)entry->state);
	sr_put_u64(out, entry->opened_ms);
	sr_put_u64(out, entry->finished_ms);
	sr_put_u64(out, entry->retain_until_ms);
	sr_put_span(out, entry->label);
	sr_put_u16(out, entry->tracks);
}

void sr_entry_decode(struct sr_cursor *in, struct sr_entry *entry)
{
	sr_take_copy(in, entry->recording, SR_UUID);
	entry->state = sr_take_state(in);
	entry->opened_ms = sr_take_u64(in);
	entry->finished_ms = sr_take_u64(in);
	entry->retain_until_ms = sr_take_u64(in);
	entry->label = sr_take_label(in);
	entry->tracks = sr_take_count(in, SR_TRACKS_MAX);
}

void sr_listing_encode(struct sr_builder *out, const struct sr_listing *message)
{
	sr_put_u32(out, message->withheld);
	sr_put_bytes(out, message->next, SR_UUID);
	sr_put_u16(out, message->count);
}

void sr_listing_decode(struct sr_cursor *in, struct sr_listing *message)
{
	message->withheld = sr_take_u32(in);
	sr_take_copy(in, message->next, SR_UUID);
	message->count = sr_take_count(in, SR_LIST_PAGE_MAX);
}

void sr_info_reply_encode(struct sr_builder *out, const struct sr_info_reply *message)
{
	sr_put_u32(out, message->epoch);
	sr_put_u32(out, message->root_version);
	sr_put_u8(out, message->held);
}

void sr_info_reply_decode(struct sr_cursor *in, struct sr_info_reply *message)
{
	message->epoch = sr_take_u32(in);
	message->root_version = sr_take_u32(in);
	message->held = sr_take_flag(in);
}

void sr_check_encode(struct sr_builder *out, const struct sr_check *message)
{
	sr_put_span(out, message->grant);
	sr_put_u16(out, (uint16_t)(message->ids.size / SR_UUID));
	sr_put_bytes(out, message->ids.data, message->ids.size);
}

/* How many ids a check or its answer is about. */
static uint16_t take_asked(struct sr_cursor *in)
{
	uint16_t count = sr_take_count(in, SR_CHECK_MAX);

	if (count == 0)
		sr_take_fail(in);
	return count;
}

void sr_check_decode(struct sr_cursor *in, struct sr_check *message)
{
	message->grant = sr_take_grant(in);
	message->ids = sr_take_span(in, (size_t)take_asked(in) * SR_UUID);
}

void sr_check_reply_encode(struct sr_builder *out, struct sr_span theirs)
{
	sr_put_u16(out, (uint16_t)theirs.size);
	sr_put_bytes(out, theirs.data, theirs.size);
}

void sr_check_reply_decode(struct sr_cursor *in, struct sr_span *theirs)
{
	*theirs = sr_take_span(in, take_asked(in));
	for (size_t i = 0; i < theirs->size; i++) {
		if (theirs->data[i] > 1)
			sr_take_fail(in);
	}
}
