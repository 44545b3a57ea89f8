/*
 * What a track is made of, as daemon and client both see it: segment records, the chain over them, the sealed head,
 * and the manifest of a finished track.
 */
#ifndef SR_TRACK_H
#define SR_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunked.h"
#include "cursor.h"
#include "uuid.h"

#define SR_SEGMENT_MAX (4u << 20) /* plaintext bytes of one segment */
#define SR_SEGMENT_RECORD 80
#define SR_CHAIN 64
#define SR_HEAD 85
#define SR_HEAD_SEALED (SR_HEAD + SR_SEALED_SMALL)
#define SR_NO_MEDIA_TIME UINT64_MAX
#define SR_POSITION_MAX (UINT64_C(1) << 63) /* no position or length within a track passes it: sums never wrap */

/* One segment: 80 bytes on the wire, in the index and under the chain. */
struct sr_segment_record {
	uint32_t number;     /* from 0, without a gap */
	uint64_t offset;     /* of its first byte in the track's plaintext */
	uint32_t length;     /* plaintext bytes, 1 to SR_SEGMENT_MAX */
	uint64_t media_time; /* milliseconds since the track's start, or SR_NO_MEDIA_TIME */
	uint8_t salt[SR_SALT];
	uint8_t commitment[SR_COMMITMENT];
};

void sr_segment_record_encode(struct sr_builder *out, const struct sr_segment_record *record);

/* Latches `in` as failed on a length of 0 or above SR_SEGMENT_MAX, or an offset + length past 2^63. */
void sr_segment_record_decode(struct sr_cursor *in, struct sr_segment_record *record);

/* h_0 = SHA-512(context "sealreel v1 chain"); then h_n = SHA-512(h_{n-1}, the record's 80 bytes), in place. */
void sr_chain_start(const uint8_t recording[SR_UUID], uint16_t track, uint8_t chain[SR_CHAIN]);
void sr_chain_extend(uint8_t chain[SR_CHAIN], const struct sr_segment_record *record);

/* Whether more can come: the same two words for tracks and recordings. */
enum sr_track_state { SR_UNFINISHED = 1, SR_FINISHED = 2 };

/* What authenticates a track as far as it goes. 85 bytes, sealed under the recording's head key. */
struct sr_head {
	uint64_t revision; /* 1 at creation, one more with every commit */
	enum sr_track_state state;
	uint32_t segments;
	uint64_t length; /* plaintext bytes */
	uint8_t chain[SR_CHAIN];
};

void sr_head_encode(struct sr_builder *out, const struct sr_head *head);

/* Latches `in` as failed on an unknown state or a length past 2^63. */
void sr_head_decode(struct sr_cursor *in, struct sr_head *head);

/*
 * Seal or open a head. `head_key` is the recording's (SR_KEY bytes). Results as sr_seal and sr_open; SR_DAMAGED also
 * for an opened head whose fields are out of range. *head means nothing unless the result is SR_OPENED.
 */
enum sr_code sr_head_seal(const uint8_t head_key[SR_KEY], const uint8_t recording[SR_UUID], uint16_t track,
			  const struct sr_head *head, uint8_t sealed[SR_HEAD_SEALED]) SR_MUST_USE;
enum sr_opening sr_head_open(const uint8_t head_key[SR_KEY], const uint8_t recording[SR_UUID], uint16_t track,
			     const uint8_t sealed[SR_HEAD_SEALED], struct sr_head *head) SR_MUST_USE;

/* Open a head as sr_head_open does, with the head key taken in as `input`. */
enum sr_opening sr_head_open_with(struct sr_input *input, const uint8_t recording[SR_UUID], uint16_t track,
				  const uint8_t sealed[SR_HEAD_SEALED], struct sr_head *head) SR_MUST_USE;

/*
 * The manifest's plaintext: a front of SR_MANIFEST_FRONT bytes (the final head), then one SR_MANIFEST_RECORD for each
 * segment: its record and where its sealed message lies (file u16, position u64). Fixed widths, so that record n is
 * found by arithmetic and one chunk opened.
 */
#define SR_MANIFEST_FRONT SR_HEAD
#define SR_MANIFEST_RECORD (SR_SEGMENT_RECORD + 10)

struct sr_segment_place {
	struct sr_segment_record record;
	uint16_t file;     /* number of the track's blob file */
	uint64_t position; /* of the sealed message's first byte in it */
};

void sr_segment_place_encode(struct sr_builder *out, const struct sr_segment_place *place);
void sr_segment_place_decode(struct sr_cursor *in, struct sr_segment_place *place);

#endif
