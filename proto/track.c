/*
 * Segment records, the chain, sealed heads, and places in the manifest.
 */

/* SHA512_CTX, as in hmac.c: no allocation, so that nothing here can fail. Whoever opens an hour has 7,200 links to
 * hash. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "track.h"

#include <openssl/sha.h>

#include "context.h"

_Static_assert(SR_CHAIN == SHA512_DIGEST_LENGTH, "the chain is made of SHA-512");

static void hash(const uint8_t *data, size_t size, uint8_t out[SR_CHAIN])
{
	SHA512_CTX sum;

	(void)SHA512_Init(&sum);
	(void)SHA512_Update(&sum, data, size);
	(void)SHA512_Final(out, &sum);
}

void sr_segment_record_encode(struct sr_builder *out, const struct sr_segment_record *record)
{
	sr_put_u32(out, record->number);
	sr_put_u64(out, record->offset);
	sr_put_u32(out, record->length);
	sr_put_u64(out, record->media_time);
	sr_put_bytes(out, record->salt, SR_SALT);
	sr_put_bytes(out, record->commitment, SR_COMMITMENT);
}

void sr_segment_record_decode(struct sr_cursor *in, struct sr_segment_record *record)
{
	record->number = sr_take_u32(in);
	record->offset = sr_take_u64(in);
	record->length = sr_take_u32(in);
	record->media_time = sr_take_u64(in);
	sr_take_copy(in, record->salt, SR_SALT);
	sr_take_copy(in, record->commitment, SR_COMMITMENT);
	if (record->length == 0 || record->length > SR_SEGMENT_MAX || record->offset > SR_POSITION_MAX - record->length)
		sr_take_fail(in);
}

void sr_chain_start(const uint8_t recording[SR_UUID], uint16_t track, uint8_t chain[SR_CHAIN])
{
	struct sr_context context;

	sr_context_chain(&context, recording, track);
	hash(context.bytes, context.size, chain);
}

void sr_chain_extend(uint8_t chain[SR_CHAIN], const struct sr_segment_record *record)
{
	uint8_t link[SR_CHAIN + SR_SEGMENT_RECORD];
	struct sr_builder bytes = sr_builder_over(link, sizeof link);

	sr_put_bytes(&bytes, chain, SR_CHAIN);
	sr_segment_record_encode(&bytes, record);
	hash(link, sizeof link, chain);
}

void sr_head_encode(struct sr_builder *out, const struct sr_head *head)
{
	sr_put_u64(out, head->revision);
	sr_put_u8(out, (uint8_t)head->state);
	sr_put_u32(out, head->segments);
	sr_put_u64(out, head->length);
	sr_put_bytes(out, head->chain, SR_CHAIN);
}

void sr_head_decode(struct sr_cursor *in, struct sr_head *head)
{
	uint8_t state;

	head->revision = sr_take_u64(in);
	state = sr_take_u8(in);
	head->segments = sr_take_u32(in);
	head->length = sr_take_u64(in);
	sr_take_copy(in, head->chain, SR_CHAIN);
	head->state = state == SR_FINISHED ? SR_FINISHED : SR_UNFINISHED;
	if (state != (uint8_t)head->state || head->length > SR_POSITION_MAX)
		sr_take_fail(in);
}

enum sr_code sr_head_seal(const uint8_t head_key[SR_KEY], const uint8_t recording[SR_UUID], uint16_t track,
			  const struct sr_head *head, uint8_t sealed[SR_HEAD_SEALED])
{
	uint8_t plain[SR_HEAD];
	struct sr_builder bytes = sr_builder_over(plain, sizeof plain);
	struct sr_context context;

	sr_head_encode(&bytes, head);
	sr_context_head(&context, recording, track);
	return sr_seal(head_key, context.bytes, context.size, plain, sizeof plain, sealed);
}

/* How an open of a head ended, whose plaintext is `plain` if it opened. */
static enum sr_opening take_head(enum sr_opening opening, const uint8_t plain[SR_HEAD], struct sr_head *head)
{
	struct sr_cursor bytes = sr_cursor_over(plain, SR_HEAD);

	*head = (struct sr_head){.state = SR_UNFINISHED};
	if (opening != SR_OPENED)
		return opening;
	sr_head_decode(&bytes, head);
	return sr_take_done(&bytes) ? SR_OPENED : SR_DAMAGED;
}

enum sr_opening sr_head_open(const uint8_t head_key[SR_KEY], const uint8_t recording[SR_UUID], uint16_t track,
			     const uint8_t sealed[SR_HEAD_SEALED], struct sr_head *head)
{
	uint8_t plain[SR_HEAD];
	struct sr_context context;

	sr_context_head(&context, recording, track);
	return take_head(sr_open(head_key, context.bytes, context.size, sealed, SR_HEAD_SEALED, plain), plain, head);
}

enum sr_opening sr_head_open_with(struct sr_input *input, const uint8_t recording[SR_UUID], uint16_t track,
				  const uint8_t sealed[SR_HEAD_SEALED], struct sr_head *head)
{
	uint8_t plain[SR_HEAD];
	struct sr_context context;

	sr_context_head(&context, recording, track);
	return take_head(sr_input_open(input, (struct sr_span){context.bytes, context.size},
				       (struct sr_span){sealed, SR_HEAD_SEALED}, plain),
			 plain, head);
}

void sr_segment_place_encode(struct sr_builder *out, const struct sr_segment_place *place)
{
	sr_segment_record_encode(out, &place->record);
	sr_put_u16(out, place->file);
	sr_put_u64(out, place->position);
}

void sr_segment_place_decode(struct sr_cursor *in, struct sr_segment_place *place)
{
	sr_segment_record_decode(in, &place->record);
	place->file = sr_take_u16(in);
	place->position = sr_take_u64(in);
}
