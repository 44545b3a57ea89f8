/*
 * A segment's key and commitment from its record, and the opening of its last chunk.
 */
#include "serve/record/segment_end.h"

#include <sodium.h>

#include "keys/derive.h"

struct sr_segment_end sr_segment_end(const struct sr_segment_place *place)
{
	return (struct sr_segment_end){
		.position = place->position + sr_chunk_offset(place->record.length / SR_CHUNK),
		.size = place->record.length % SR_CHUNK + SR_AEAD_TAG,
	};
}

bool sr_segment_key(const uint8_t *track_key, const uint8_t *recording, uint16_t track,
		    const struct sr_segment_record *record, struct sr_message_key *key)
{
	struct sr_context context;
	sr_context_segment(&context, recording, track, record->number);
	sr_message_key_derive(track_key, record->salt, context.bytes, context.size, key);
	return sodium_memcmp(key->commitment, record->commitment, SR_COMMITMENT) == 0;
}

bool sr_segment_end_opens(struct sr_aead *aead, const struct sr_message_key *key, const struct sr_segment_place *place,
			  const uint8_t *sealed)
{
	uint8_t plain[SR_CHUNK];
	bool opens =
		sr_aead_rekey(aead, key->key) && sr_chunk_open(aead, key->base_nonce, place->record.length / SR_CHUNK,
							       sealed, sr_segment_end(place).size, plain);
	sodium_memzero(plain, sizeof plain);
	return opens;
}
