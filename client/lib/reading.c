/*
 * What the store sends for one range: each release, body and chunk held against the verified table, each chunk opened
 * before a byte of it goes on.
 */
#include <sodium.h>

#include "player.h"

void sr_reading_range(struct sr_reading *reading, uint64_t from, uint64_t end)
{
	reading->range_from = from;
	reading->range_end = end;
	reading->keyed = false;
	reading->body_left = 0;
	if (from == end)
		return;
	reading->segment = sr_table_find(reading->table, from);
	reading->chunk = (uint32_t)((from - reading->table->segments[reading->segment].offset) / SR_CHUNK);
}

static const struct sr_table_segment *current(const struct sr_reading *reading)
{
	return &reading->table->segments[reading->segment];
}

/* Number of the last chunk of the current segment that the range touches. */
static uint32_t last_chunk(const struct sr_reading *reading)
{
	const struct sr_table_segment *segment = current(reading);
	uint64_t end = segment->offset + segment->length;
	if (end > reading->range_end)
		end = reading->range_end;
	return (uint32_t)((end - 1 - segment->offset) / SR_CHUNK);
}

/* Plaintext bytes of the current segment's chunk number `chunk`. */
static uint32_t chunk_size(const struct sr_reading *reading, uint32_t chunk)
{
	uint32_t left = current(reading)->length - chunk * SR_CHUNK;
	return left < SR_CHUNK ? left : SR_CHUNK;
}

/* Whether all of the range has come. */
static bool range_complete(const struct sr_reading *reading)
{
	return reading->at == reading->range_end && reading->body_left == 0;
}

bool sr_reading_key(struct sr_player *player, struct sr_cursor *fields)
{
	struct sr_reading *reading = &player->reading;
	struct sr_segment_release release;
	bool fits = false;
	sr_segment_release_decode(fields, &release);
	if (sr_take_done(fields) && !reading->keyed && !range_complete(reading) &&
	    release.track == reading->table->head.track && release.segment == reading->segment &&
	    sodium_memcmp(release.key.commitment, current(reading)->commitment, SR_COMMITMENT) == 0) {
		*player->key = release.key;
		fits = sr_aead_rekey(player->aead, release.key.key);
		reading->keyed = fits;
	}
	sodium_memzero(&release, sizeof release);
	return fits;
}

bool sr_reading_body(struct sr_player *player, struct sr_cursor *fields)
{
	struct sr_reading *reading = &player->reading;
	struct sr_body body;
	sr_body_decode(fields, &body);
	if (!sr_take_done(fields) || !reading->keyed || reading->body_left != 0 || range_complete(reading) ||
	    body.track != reading->table->head.track || body.segment != reading->segment ||
	    body.chunk != reading->chunk)
		return false;
	/* It must end at the end of a chunk, no later than the range does. */
	uint32_t last = last_chunk(reading);
	uint64_t most = (uint64_t)(last - reading->chunk) * SR_CHUNK_SEALED + chunk_size(reading, last) + SR_AEAD_TAG;
	if (body.length > most || (body.length < most && body.length % SR_CHUNK_SEALED != 0))
		return false;
	reading->body_left = body.length;
	return true;
}

/* Hand out the part of `size` opened bytes from `from` (in the track) on that was asked for. */
static void hand_out(struct sr_player *player, uint64_t from, size_t size)
{
	struct sr_reading *reading = &player->reading;
	const uint8_t *data = player->plain;
	uint64_t end = from + size;
	if (from < reading->range_from) {
		data += reading->range_from - from;
		from = reading->range_from;
	}
	if (end > reading->range_end)
		end = reading->range_end;
	size = (size_t)(end - from);
	reading->at = end;
	sr_reconnect_progress(player->stream.client, &player->stream);
	if (!reading->call->cancelled) {
		reading->given += size;
		reading->data(reading->call->context, data, size);
	}
}

/* Open up to a batch of chunks of the current segment; *used (out) is how many raw bytes they were. */
static bool open_batch(struct sr_player *player, struct sr_span raw, size_t *used)
{
	struct sr_reading *reading = &player->reading;
	uint64_t from = current(reading)->offset + (uint64_t)reading->chunk * SR_CHUNK;
	uint32_t last = last_chunk(reading);
	size_t plain = 0;
	*used = 0;
	for (uint32_t i = 0; i < SR_BATCH_CHUNKS && *used < raw.size && reading->chunk <= last; i++) {
		size_t size = chunk_size(reading, reading->chunk);
		if (raw.size - *used < size + SR_AEAD_TAG ||
		    !sr_chunk_open(player->aead, player->key->base_nonce, reading->chunk, raw.data + *used,
				   size + SR_AEAD_TAG, player->plain + plain))
			return false;
		*used += size + SR_AEAD_TAG;
		plain += size;
		reading->chunk++;
	}
	reading->body_left -= (uint32_t)*used;
	if (reading->chunk > last) {
		reading->segment++;
		reading->chunk = 0;
		reading->keyed = false;
	}
	hand_out(player, from, plain);
	return true;
}

bool sr_reading_raw(struct sr_player *player, struct sr_span raw)
{
	struct sr_client *client = player->stream.client;
	if (raw.size > player->reading.body_left)
		return false;
	/* The application may close the client in the middle of what it is given. */
	while (raw.size > 0 && client->phase == SR_PHASE_OPEN) {
		size_t used;
		if (!player->reading.keyed || !open_batch(player, raw, &used))
			return false;
		raw.data += used;
		raw.size -= used;
	}
	return true;
}

bool sr_reading_done(struct sr_player *player, struct sr_cursor *fields)
{
	const struct sr_reading *reading = &player->reading;
	struct sr_play_range range;
	sr_read_done_decode(fields, &range);
	return sr_take_done(fields) && range_complete(reading) && range.track == reading->table->head.track &&
	       range.from == reading->range_from && range.length == reading->range_end - reading->range_from;
}
