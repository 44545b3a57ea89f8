/*
 * A sealed recording of two tracks and a daemon that plays it, or plays it wrongly in one way. For the tests of
 * libsealreel's player.
 */
#ifndef SR_FAKE_RECORDING_H
#define SR_FAKE_RECORDING_H

#include "context.h"
#include "fake_daemon.h"
#include "track.h"

#define TRACKS 2
#define SEGMENTS 6
static const uint32_t segment_sizes[SEGMENTS] = {3 * SR_CHUNK + 100, SR_CHUNK, 5, 2 * SR_CHUNK, 20 * SR_CHUNK + 1, 1};

/* What a daemon can do wrong; each is done at one segment, where that has a meaning. */
enum mutant {
	HONEST,
	/* the wrong bytes */
	OTHER_FILE,
	OTHER_TRACK,
	OTHER_SEGMENT,
	OTHER_CHUNK,
	FLIPPED_BIT,
	FLIPPED_TAG,
	ZEROS,
	RAW_SHORT,
	RAW_LONG,
	/* the wrong announcement */
	BODY_TRACK,
	BODY_SEGMENT,
	BODY_CHUNK,
	BODY_TWICE,
	BODY_LENGTH_LESS,
	BODY_LENGTH_MORE,
	BODY_BEYOND,
	BODY_MISSING,
	SEGMENT_SKIPPED,
	/* the wrong key */
	NO_KEY,
	KEY_TWICE,
	KEY_TRACK,
	KEY_SEGMENT,
	KEY_OTHER,
	KEY_NONCE,
	KEY_COMMITMENT,
	KEY_OTHER_WHOLE,
	/* the wrong table */
	TABLE_GAP,
	TABLE_SWAPPED,
	TABLE_OFFSET,
	TABLE_LENGTH,
	TABLE_COMMITMENT,
	TABLE_SALT,
	TABLE_FROM,
	TABLE_OTHER_TRACK,
	TABLE_OTHER_RECORDS,
	TABLE_EMPTY,
	TABLE_CUT,
	TABLE_CHAIN,
	TABLE_SHRUNK,
	TABLE_HEAD_LENGTH,
	TABLE_ENDLESS,
	OPENED_OTHER_ID,
	OPENED_HEAD_TRACK,
	OPENED_CHAIN,
	OPENED_FEWER,
	/* the wrong end */
	DONE_LENGTH,
	DONE_FROM,
	DONE_TRACK,
	DONE_EARLY,
	DONE_OTHER_REQUEST,
	UNASKED_MESSAGE,
	/* the connection is cut */
	EOF_AT_ONCE,
	EOF_AFTER_PART,
	EOF_BEFORE_BODY,
	EOF_IN_BODY,
	EOF_AFTER_BODY,
	/* said so */
	FROZEN_BEFORE_BODY,
	MUTANTS
};

struct fake_segment {
	struct sr_segment_record record;
	struct sr_message_key key;
	uint8_t *sealed;
};

struct fake_track {
	uint8_t *plain;
	uint64_t length;
	struct fake_segment segments[SEGMENTS];
	uint8_t chain[SEGMENTS + 1][SR_CHAIN];
};

struct fake_recording {
	uint8_t id[SR_UUID];
	struct fake_track tracks[TRACKS];
	uint32_t visible; /* segments shown so far */
	bool finished;
	bool grows; /* one more segment whenever somebody waits */
	enum mutant mutant;
	uint32_t at; /* segment where the mutant acts */
	uint16_t page;
	bool one_by_one;         /* a page for each question, also where all were asked for */
	struct fake_track other; /* of another recording, of the same shape */
	unsigned reads, tables;  /* asked for */
	unsigned grown_by;       /* segments that come between the answer to a play.start and its table */
	bool start_beyond;       /* and then what came is in its range */
};

static inline void make_segment(struct fake_track *track, const uint8_t id[SR_UUID], uint16_t number, uint32_t n,
				const uint8_t key[SR_KEY])
{
	struct fake_segment *segment = &track->segments[n];
	uint32_t size = segment_sizes[n];
	struct sr_context context;
	sr_context_segment(&context, id, number, n);
	segment->sealed = malloc(sr_sealed_size(size));
	cr_assert_eq(sr_seal(key, context.bytes, context.size, track->plain + track->length, size, segment->sealed),
		     SR_OK);
	segment->record =
		(struct sr_segment_record){.number = n, .offset = track->length, .length = size, .media_time = 40u * n};
	memcpy(segment->record.salt, segment->sealed, SR_SALT);
	sr_message_key_derive(key, segment->record.salt, context.bytes, context.size, &segment->key);
	memcpy(segment->record.commitment, segment->key.commitment, SR_COMMITMENT);
	memcpy(track->chain[n + 1], track->chain[n], SR_CHAIN);
	sr_chain_extend(track->chain[n + 1], &segment->record);
	track->length += size;
}

static inline void make_track(struct fake_track *track, const uint8_t id[SR_UUID], uint16_t number)
{
	uint8_t key[SR_KEY];
	size_t size = 0;
	randombytes_buf(key, sizeof key);
	for (size_t i = 0; i < SEGMENTS; i++)
		size += segment_sizes[i];
	track->plain = malloc(size);
	randombytes_buf(track->plain, size);
	track->length = 0;
	sr_chain_start(id, number, track->chain[0]);
	for (uint32_t n = 0; n < SEGMENTS; n++)
		make_segment(track, id, number, n, key);
}

static inline void free_track(struct fake_track *track)
{
	for (size_t n = 0; n < SEGMENTS; n++)
		free(track->segments[n].sealed);
	free(track->plain);
}

static inline void make_recording(struct fake_recording *recording)
{
	uint8_t other[SR_UUID];
	*recording = (struct fake_recording){.visible = SEGMENTS, .finished = true, .page = 2};
	sr_id_new(recording->id);
	sr_id_new(other);
	for (uint16_t i = 0; i < TRACKS; i++)
		make_track(&recording->tracks[i], recording->id, (uint16_t)(i + 1));
	make_track(&recording->other, other, 1);
}

static inline void free_recording(struct fake_recording *recording)
{
	for (size_t i = 0; i < TRACKS; i++)
		free_track(&recording->tracks[i]);
	free_track(&recording->other);
}

static inline struct sr_play_head head_of(const struct fake_recording *recording, uint16_t number)
{
	const struct fake_track *track = &recording->tracks[number - 1];
	struct sr_play_head head = {.track = number, .state = recording->finished ? SR_FINISHED : SR_UNFINISHED};
	head.segments = recording->visible;
	for (uint32_t n = 0; n < recording->visible; n++)
		head.length += segment_sizes[n];
	memcpy(head.chain, track->chain[recording->visible], SR_CHAIN);
	return head;
}

static inline void play_opened(struct fake *fake, const struct sr_message_head *to)
{
	struct fake_recording *recording = fake->context;
	struct fake_message *message = fake_begin(SR_MSG_PLAY_OPENED, to->stream, to->request);
	struct sr_entry entry = {.state = recording->finished ? SR_FINISHED : SR_UNFINISHED,
				 .opened_ms = 1,
				 .finished_ms = recording->finished ? 2 : 0,
				 .tracks = TRACKS};
	memcpy(entry.recording, recording->id, SR_UUID);
	entry.recording[15] = (uint8_t)(entry.recording[15] ^ (recording->mutant == OPENED_OTHER_ID));
	sr_entry_encode(&message->fields, &entry);
	for (uint16_t i = 1; i <= TRACKS; i++) {
		const struct sr_entry_track track = {
			.track = i, .state = entry.state, .media_type = {(const uint8_t *)"video/webm", 10}};
		sr_entry_track_encode(&message->fields, &track);
	}
	for (uint16_t i = 1; i <= TRACKS; i++) {
		struct sr_play_head head = head_of(recording, i);
		if (recording->mutant == OPENED_HEAD_TRACK)
			head.track = (uint16_t)(TRACKS + 1 - i);
		head.chain[0] = (uint8_t)(head.chain[0] ^ (recording->mutant == OPENED_CHAIN));
		if (recording->mutant != OPENED_FEWER || i < TRACKS)
			sr_play_head_encode(&message->fields, &head);
	}
	fake_send(fake, message);
}

/* The record that this daemon shows in place `n`. */
static inline struct sr_segment_record shown_record(const struct fake_recording *recording, uint16_t number, uint32_t n)
{
	const struct fake_track *track = &recording->tracks[number - 1];
	struct sr_segment_record record = track->segments[n].record;
	if (recording->mutant == TABLE_OTHER_RECORDS)
		return recording->other.segments[n].record;
	if (recording->at != n)
		return record;
	if (recording->mutant == TABLE_GAP)
		record.number++;
	if (recording->mutant == TABLE_SWAPPED)
		record = track->segments[(n + 1) % SEGMENTS].record;
	if (recording->mutant == TABLE_OFFSET)
		record.offset++;
	if (recording->mutant == TABLE_LENGTH)
		record.length++;
	record.commitment[31] = (uint8_t)(record.commitment[31] ^ (recording->mutant == TABLE_COMMITMENT));
	record.salt[0] = (uint8_t)(record.salt[0] ^ (recording->mutant == TABLE_SALT));
	return record;
}

/* One page, as the recording stands; false: it was the last. */
static inline bool play_page(struct fake *fake, const struct sr_message_head *to, const struct sr_play_table *asked,
			     uint32_t from)
{
	const struct fake_recording *recording = fake->context;
	struct sr_table table = {.head = head_of(recording, asked->track), .from = from};
	uint32_t left = table.head.segments > from ? table.head.segments - from : 0;
	table.count = (uint16_t)(left < recording->page ? left : recording->page);
	bool more = asked->want == SR_TABLE_ALL && !recording->one_by_one && left > table.count;
	if (recording->mutant == TABLE_EMPTY)
		table.count = 0;
	if (recording->mutant == TABLE_FROM)
		table.from++;
	if (recording->mutant == TABLE_OTHER_TRACK)
		table.head = head_of(recording, (uint16_t)(TRACKS + 1 - asked->track));
	table.head.chain[0] = (uint8_t)(table.head.chain[0] ^ (recording->mutant == TABLE_CHAIN));
	table.head.segments -= recording->mutant == TABLE_SHRUNK;
	table.head.length += recording->mutant == TABLE_HEAD_LENGTH;
	bool part = more || recording->mutant == TABLE_ENDLESS;
	struct fake_message *message = fake_begin(part ? SR_MSG_TABLE_PART : SR_MSG_TABLE, to->stream, to->request);
	sr_table_encode(&message->fields, &table);
	for (uint32_t n = 0; n < table.count; n++) {
		struct sr_segment_record record = shown_record(recording, asked->track, from + n);
		if (recording->mutant != TABLE_CUT || from + n != recording->at)
			sr_segment_record_encode(&message->fields, &record);
	}
	fake_send(fake, message);
	if (more && recording->mutant == EOF_AFTER_PART && from == recording->at)
		fake_cut(fake);
	return more && !fake->cut;
}

static inline void play_pages(struct fake *fake, const struct sr_message_head *to, const struct sr_play_table *asked)
{
	struct fake_recording *recording = fake->context;
	recording->tables++;
	if (recording->grows && asked->want == SR_TABLE_WAIT && recording->visible < SEGMENTS)
		recording->visible++;
	else if (recording->grows && asked->want == SR_TABLE_WAIT)
		recording->finished = true;
	uint32_t from = asked->from;
	while (play_page(fake, to, asked, from))
		from += recording->page;
}

static inline void play_table(struct fake *fake, const struct sr_message_head *to, struct sr_cursor *fields)
{
	struct sr_play_table asked;
	sr_play_table_decode(fields, &asked);
	cr_assert(sr_take_done(fields));
	play_pages(fake, to, &asked);
}

#endif
