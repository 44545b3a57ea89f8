/*
 * Least and greatest of the messages that list and play: a part of message_codecs.h, which includes it.
 */
#ifndef SR_TEST_MESSAGE_CODECS_PLAY_H
#define SR_TEST_MESSAGE_CODECS_PLAY_H

#include "message_codecs_record.h"

static void fill_list(struct sr_list *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	m->from_ms = greatest ? UINT64_MAX : 0;
	m->to_ms = greatest ? UINT64_MAX - 1 : 0;
	fill(m->after, SR_UUID, greatest ? 0xff : 0);
	m->limit = greatest ? SR_LIST_PAGE_MAX : 1;
}
PAIR(list, sr_list_decode)

static void fill_entry_track(struct sr_entry_track *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->start_ms = greatest ? UINT64_MAX : 0;
	m->length = greatest ? UINT64_C(1) << 63 : 0;
	m->segments = greatest ? UINT32_MAX : 0;
	m->media_type = span(greatest ? SR_MEDIA_TYPE_MAX : 1);
	m->label = span(greatest ? SR_LABEL_MAX : 0);
}
PAIR(entry_track, sr_entry_track_decode)

static void fill_entry(struct sr_entry *m, bool greatest)
{
	fill(m->recording, SR_UUID, 0x11);
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->opened_ms = greatest ? UINT64_MAX : 0;
	m->finished_ms = greatest ? UINT64_MAX - 1 : 0;
	m->retain_until_ms = greatest ? UINT64_MAX - 2 : 0;
	m->label = span(greatest ? SR_LABEL_MAX : 0);
	m->tracks = greatest ? SR_TRACKS_MAX : 0;
}
PAIR(entry, sr_entry_decode)

static void fill_listing(struct sr_listing *m, bool greatest)
{
	m->withheld = greatest ? UINT32_MAX : 0;
	fill(m->next, SR_UUID, greatest ? 0xff : 0);
	m->count = greatest ? SR_LIST_PAGE_MAX : 0;
}
PAIR(listing, sr_listing_decode)

static void fill_info_reply(struct sr_info_reply *m, bool greatest)
{
	m->epoch = greatest ? UINT32_MAX : 0;
	m->root_version = greatest ? UINT32_MAX - 1 : 0;
	m->held = greatest;
}
PAIR(info_reply, sr_info_reply_decode)

static void fill_check(struct sr_check *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	m->ids = span((greatest ? SR_CHECK_MAX : 1) * SR_UUID);
}
PAIR(check, sr_check_decode)

static void make_check_reply(struct sr_builder *out, bool greatest)
{
	uint8_t theirs[SR_CHECK_MAX] = {[1] = 1, [SR_CHECK_MAX - 1] = 1};

	sr_check_reply_encode(out, (struct sr_span){theirs, greatest ? SR_CHECK_MAX : 1});
}

static void again_check_reply(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span theirs;

	sr_check_reply_decode(in, &theirs);
	sr_check_reply_encode(out, theirs);
}

static void fill_play_head(struct sr_play_head *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->state = greatest ? SR_FINISHED : SR_UNFINISHED;
	m->segments = greatest ? UINT32_MAX : 0;
	m->length = greatest ? UINT64_C(1) << 63 : 0;
	fill(m->chain, SR_CHAIN, 0x33);
}
PAIR(play_head, sr_play_head_decode)

static void fill_play_table(struct sr_play_table *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->from = greatest ? UINT32_MAX : 0;
	m->want = greatest ? SR_TABLE_ALL : SR_TABLE_PAGE;
}
PAIR(play_table, sr_play_table_decode)

static void fill_table(struct sr_table *m, bool greatest)
{
	fill_play_head(&m->head, greatest);
	m->count = greatest ? SR_TABLE_PAGE_MAX : 0;
	m->from = greatest ? UINT32_MAX - SR_TABLE_PAGE_MAX : 0;
}
PAIR(table, sr_table_decode)

static void fill_play_range(struct sr_play_range *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->length = greatest ? SR_READ_MAX : 1;
	m->from = greatest ? (UINT64_C(1) << 63) - SR_READ_MAX : 0;
}
PAIR(play_range, sr_play_range_decode)

static void fill_play_start(struct sr_play_start *m, bool greatest)
{
	fill_named(&m->named, greatest);
	fill_play_range(&m->range, greatest);
}
PAIR(play_start, sr_play_start_decode)

static void make_read_done(struct sr_builder *out, bool greatest)
{
	struct sr_play_range message;

	fill_play_range(&message, greatest);
	message.length -= greatest ? 0 : 1;
	sr_play_range_encode(out, &message);
}

static void again_read_done(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_play_range message;

	sr_read_done_decode(in, &message);
	sr_play_range_encode(out, &message);
}

static void fill_segment_release(struct sr_segment_release *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->segment = greatest ? UINT32_MAX : 0;
	fill(m->key.key, sizeof m->key.key, 0x44);
	fill(m->key.base_nonce, sizeof m->key.base_nonce, 0x55);
	fill(m->key.commitment, sizeof m->key.commitment, 0x66);
}
PAIR(segment_release, sr_segment_release_decode)

static void fill_body(struct sr_body *m, bool greatest)
{
	m->track = greatest ? UINT16_MAX : 1;
	m->segment = greatest ? UINT32_MAX : 0;
	m->chunk = greatest ? UINT32_MAX : 0;
	m->length = greatest ? SR_BODY_MAX : 17;
}
PAIR(body, sr_body_decode)

#endif
