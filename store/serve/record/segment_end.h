/*
 * Whether a segment is what its record says: its commitment, and its last chunk as the file has it. Asked by whoever
 * has just written it, and by a finish.
 */
#ifndef SR_SEGMENT_END_H
#define SR_SEGMENT_END_H

#include "aead.h"
#include "chunked.h"
#include "track.h"

/* Where a segment's last chunk lies in its file, and how many bytes it has there. */
struct sr_segment_end {
	uint64_t position;
	size_t size; /* SR_AEAD_TAG to SR_CHUNK_SEALED - 1 */
};
struct sr_segment_end sr_segment_end(const struct sr_segment_place *place);

/*
 * The key that opens a segment of a track whose key is `track_key` (SR_KEY bytes, in): *key (out) is secret, and wiped
 * by the caller. False if the record's commitment is not that key's.
 */
bool sr_segment_key(const uint8_t *track_key, const uint8_t *recording, uint16_t track,
		    const struct sr_segment_record *record, struct sr_message_key *key) SR_MUST_USE;

/*
 * Do these bytes (`sealed`, as many as its end has) open as a segment's last chunk? `aead` (in and out) is keyed for
 * it. The plaintext is wiped.
 */
bool sr_segment_end_opens(struct sr_aead *aead, const struct sr_message_key *key, const struct sr_segment_place *place,
			  const uint8_t *sealed) SR_MUST_USE;

#endif
