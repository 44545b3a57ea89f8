/*
 * How the daemon of fake_recording.h sends a range: honestly, or with its mutant's one fault. For the tests of
 * libsealreel's player.
 */
#ifndef SR_FAKE_PLAYING_H
#define SR_FAKE_PLAYING_H

#include "fake_recording.h"

#define BODY_CHUNKS 3u /* small bodies, so that a segment takes several */

static inline bool acts(const struct fake_recording *recording, enum mutant mutant, uint32_t segment)
{
	return recording->mutant == mutant && recording->at == segment;
}

static inline void play_key(struct fake *fake, const struct sr_message_head *to, uint16_t track, uint32_t n)
{
	struct fake_recording *recording = fake->context;
	const struct fake_segment *segments = recording->tracks[track - 1].segments;
	const struct fake_segment *next = &segments[(n + 1) % SEGMENTS];
	struct sr_segment_release release = {.track = track, .segment = n, .key = segments[n].key};
	if (acts(recording, NO_KEY, n))
		return;
	release.track = (uint16_t)(release.track + acts(recording, KEY_TRACK, n));
	release.segment += acts(recording, KEY_SEGMENT, n);
	if (acts(recording, KEY_OTHER, n))
		memcpy(release.key.key, next->key.key, sizeof next->key.key);
	if (acts(recording, KEY_OTHER_WHOLE, n))
		release.key = next->key;
	release.key.base_nonce[11] = (uint8_t)(release.key.base_nonce[11] ^ acts(recording, KEY_NONCE, n));
	release.key.commitment[0] = (uint8_t)(release.key.commitment[0] ^ acts(recording, KEY_COMMITMENT, n));
	for (int i = 0; i < 1 + acts(recording, KEY_TWICE, n); i++) {
		struct fake_message *message = fake_begin(SR_MSG_SEGMENT_KEY, to->stream, to->request);
		sr_segment_release_encode(&message->fields, &release);
		fake_send(fake, message);
	}
}

/* The raw bytes of `size` at chunk `chunk`, or those that the mutant takes for them; room for one more. */
static inline uint8_t *body_bytes(const struct fake_recording *recording, uint16_t track, uint32_t n, uint32_t chunk,
				  uint32_t size)
{
	const struct fake_segment *segment = &recording->tracks[track - 1].segments[n];
	uint64_t from = sr_chunk_offset(chunk);
	uint8_t *bytes = calloc(1, size + SR_CHUNK_SEALED);
	if (acts(recording, ZEROS, n))
		return bytes;
	if (acts(recording, OTHER_FILE, n))
		segment = &recording->other.segments[n];
	if (acts(recording, OTHER_TRACK, n))
		segment = &recording->tracks[TRACKS - track].segments[n];
	if (acts(recording, OTHER_SEGMENT, n))
		segment = &recording->tracks[track - 1].segments[n == 0 ? 4 : 0];
	if (acts(recording, OTHER_CHUNK, n))
		from = sr_chunk_offset(chunk + 1);
	uint64_t all = sr_sealed_size(segment->record.length);
	if (from < all)
		memcpy(bytes, segment->sealed + from, all - from < size ? (size_t)(all - from) : size);
	bytes[0] = (uint8_t)(bytes[0] ^ acts(recording, FLIPPED_BIT, n));
	bytes[size - 1] = (uint8_t)(bytes[size - 1] ^ (acts(recording, FLIPPED_TAG, n) << 7));
	return bytes;
}

static inline void play_body(struct fake *fake, const struct sr_message_head *to, uint16_t track, uint32_t n,
			     uint32_t chunk, uint32_t size)
{
	struct fake_recording *recording = fake->context;
	struct sr_body body = {.track = track, .segment = n, .chunk = chunk, .length = size};
	uint8_t *bytes = body_bytes(recording, track, n, chunk, size);
	body.track = (uint16_t)(body.track ^ (acts(recording, BODY_TRACK, n) * 3));
	body.segment += acts(recording, BODY_SEGMENT, n);
	body.chunk += acts(recording, BODY_CHUNK, n);
	body.length -= acts(recording, BODY_LENGTH_LESS, n);
	body.length += acts(recording, BODY_LENGTH_MORE, n);
	if (acts(recording, BODY_BEYOND, n))
		body.length = size = 16u * SR_CHUNK_SEALED;
	if (acts(recording, BODY_BEYOND, n))
		bytes = realloc(bytes, size);
	for (int i = 0; i < 1 + acts(recording, BODY_TWICE, n); i++) {
		struct fake_message *message = fake_begin(SR_MSG_BODY, to->stream, to->request);
		sr_body_encode(&message->fields, &body);
		fake_send(fake, message);
		if (acts(recording, EOF_IN_BODY, n))
			fake_raw(fake, bytes, size / 2);
		else if (acts(recording, RAW_SHORT, n))
			/* By a tag: in place of one byte, what comes next could happen to be the same. */
			fake_raw(fake, bytes, size - SR_AEAD_TAG);
		else
			fake_raw(fake, bytes, size + (acts(recording, RAW_LONG, n) ? 1 : 0));
	}
	if (acts(recording, EOF_IN_BODY, n) || acts(recording, EOF_AFTER_BODY, n))
		fake_cut(fake);
	free(bytes);
}

static inline void play_goodbye(struct fake *fake)
{
	struct fake_message *message = fake_begin(SR_MSG_GOODBYE, 0, 1);
	const struct sr_goodbye goodbye = {.code = SR_FROZEN, .text = {(const uint8_t *)"frozen", 6}};
	sr_goodbye_encode(&message->fields, &goodbye);
	fake_send(fake, message);
	fake->mute = true;
}

/* The chunks first to last of one segment. */
static inline void play_segment(struct fake *fake, const struct sr_message_head *to, uint16_t track, uint32_t n,
				uint32_t first, uint32_t last)
{
	struct fake_recording *recording = fake->context;
	if (acts(recording, SEGMENT_SKIPPED, n))
		return;
	play_key(fake, to, track, n);
	if (acts(recording, EOF_BEFORE_BODY, n))
		fake_cut(fake);
	if (acts(recording, FROZEN_BEFORE_BODY, n))
		play_goodbye(fake);
	if (acts(recording, BODY_MISSING, n))
		return;
	for (uint32_t chunk = first; chunk <= last && !fake->cut; chunk += BODY_CHUNKS) {
		uint32_t end = chunk + BODY_CHUNKS <= last ? chunk + BODY_CHUNKS : last + 1;
		uint32_t size = 0;
		for (uint32_t i = chunk; i < end; i++) {
			uint32_t left = segment_sizes[n] - i * SR_CHUNK;
			size += (left < SR_CHUNK ? left : SR_CHUNK) + SR_AEAD_TAG;
		}
		play_body(fake, to, track, n, chunk, size);
	}
}

static inline void play_done(struct fake *fake, const struct sr_message_head *to, struct sr_play_range range)
{
	const struct fake_recording *recording = fake->context;
	uint64_t request = to->request ^ (recording->mutant == DONE_OTHER_REQUEST);
	struct fake_message *message = fake_begin(SR_MSG_READ_DONE, to->stream, request);
	range.length -= recording->mutant == DONE_LENGTH;
	range.from += recording->mutant == DONE_FROM;
	range.track = (uint16_t)(range.track + (recording->mutant == DONE_TRACK));
	sr_play_range_encode(&message->fields, &range);
	fake_send(fake, message);
}

static inline void play_range(struct fake *fake, const struct sr_message_head *to, struct sr_play_range range)
{
	struct fake_recording *recording = fake->context;
	recording->reads++;
	const struct fake_track *track = &recording->tracks[range.track - 1];
	if (recording->mutant == EOF_AT_ONCE)
		fake_cut(fake);
	for (uint32_t n = 0; n < recording->visible && recording->mutant != DONE_EARLY; n++) {
		const struct sr_segment_record *record = &track->segments[n].record;
		uint64_t from = range.from > record->offset ? range.from : record->offset;
		uint64_t end = record->offset + record->length;
		if (end > range.from + range.length)
			end = range.from + range.length;
		if (from < end)
			play_segment(fake, to, range.track, n, (uint32_t)((from - record->offset) / SR_CHUNK),
				     (uint32_t)((end - 1 - record->offset) / SR_CHUNK));
	}
	if (recording->mutant == UNASKED_MESSAGE)
		fake_durable(fake, SR_MSG_ACK, to, 0);
	play_done(fake, to, range);
}

static inline void play_read(struct fake *fake, const struct sr_message_head *to, struct sr_cursor *fields)
{
	struct sr_play_range range;
	sr_play_range_decode(fields, &range);
	cr_assert(sr_take_done(fields));
	play_range(fake, to, range);
}

/* Opening, table and range in one, the latter as far as the track went when it was opened. */
static inline void play_start(struct fake *fake, const struct sr_message_head *to, struct sr_cursor *fields)
{
	struct fake_recording *recording = fake->context;
	struct sr_play_start start;
	sr_play_start_decode(fields, &start);
	cr_assert(sr_take_done(fields));
	struct sr_play_range range = start.range;
	play_opened(fake, to);
	if (range.track > TRACKS) {
		fake_error(fake, to, SR_NOT_FOUND, false);
		return;
	}
	uint64_t length = recording->start_beyond ? UINT64_MAX : head_of(recording, range.track).length;
	uint64_t left = length > range.from ? length - range.from : 0;
	range.length = range.length < left ? range.length : left;
	recording->visible += recording->grown_by;
	play_pages(fake, to, &(struct sr_play_table){.track = range.track, .want = SR_TABLE_ALL});
	if (!fake->cut)
		play_range(fake, to, range);
}

static inline void play_script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	switch (head->type) {
	case SR_MSG_PLAY_OPEN:
		play_opened(fake, head);
		break;
	case SR_MSG_PLAY_START:
		play_start(fake, head, fields);
		break;
	case SR_MSG_PLAY_TABLE:
		play_table(fake, head, fields);
		break;
	case SR_MSG_PLAY_READ:
		play_read(fake, head, fields);
		break;
	case SR_MSG_CLOSE:
		fake_durable(fake, SR_MSG_CLOSED, head, 0);
		break;
	default:
		cr_assert_fail("a player sent %s", sr_message_name(head->type));
	}
}

#endif
