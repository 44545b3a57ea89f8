/*
 * Opening an outer seal under one epoch, sealing what it held under another, and opening that again to compare.
 */
#include "keys/rewrap.h"

#include <sodium.h>
#include <string.h>

#define EPOCH_AT 27 /* in a recording's row of format 1 */
#define PERSON_FRONT (1 + 4)
#define HELD_MAX (SR_PERSON_MAX - PERSON_FRONT - SR_SEALED_SMALL)

_Static_assert(HELD_MAX >= SR_WRAP - SR_SEALED_SMALL, "there is room for what either kind of row holds");

/* The epoch behind `front` bytes of a row of format 1 that has at least `least` bytes. */
static bool peek(struct sr_span value, size_t front, size_t least, uint32_t *epoch)
{
	struct sr_cursor in = sr_cursor_over(value.data, value.size);

	*epoch = SR_EPOCH_NONE;
	if (value.size < least || sr_take_u8(&in) != SR_ROW_FORMAT)
		return false;
	(void)sr_take_span(&in, front - 1);
	*epoch = sr_take_u32(&in);
	return !in.failed;
}

bool sr_recording_epoch(struct sr_span value, uint32_t *epoch)
{
	return peek(value, EPOCH_AT, EPOCH_AT + 4 + SR_WRAP + SR_ROW_MAC, epoch);
}

bool sr_person_epoch(struct sr_span value, uint32_t *epoch)
{
	return peek(value, 1, PERSON_FRONT + SR_SEALED_SMALL, epoch);
}

/* A sealed thing on its way: its contexts under both epochs name it. */
struct move {
	uint32_t from, to;
	struct sr_context old, new;
	struct sr_span sealed;
	uint8_t *out; /* takes as many bytes as `sealed` has */
};

static enum sr_code seal_and_compare(const struct sr_keyring *keyring, const struct move *move, struct sr_span held)
{
	uint8_t key[SR_KEY];
	uint8_t again[HELD_MAX];
	enum sr_code code = SR_UNAVAILABLE;

	if (!sr_keyring_epoch_key(keyring, move->to, key))
		return code;
	code = sr_seal(key, move->new.bytes, move->new.size, held.data, held.size, move->out);
	if (code == SR_OK &&
	    (sr_open(key, move->new.bytes, move->new.size, move->out, move->sealed.size, again) != SR_OPENED ||
	     sodium_memcmp(again, held.data, held.size) != 0))
		code = SR_INTERNAL;
	sodium_memzero(again, sizeof again);
	sodium_memzero(key, sizeof key);
	return code;
}

static enum sr_code reseal(const struct sr_keyring *keyring, const struct move *move)
{
	uint8_t key[SR_KEY];
	uint8_t held[HELD_MAX];
	uint64_t size;
	enum sr_opening opening;
	enum sr_code code;

	if (!sr_plain_size(move->sealed.size, &size) || size > sizeof held)
		return SR_CORRUPT;
	if (!sr_keyring_epoch_key(keyring, move->from, key))
		return SR_UNAVAILABLE;
	opening = sr_open(key, move->old.bytes, move->old.size, move->sealed.data, move->sealed.size, held);
	sodium_memzero(key, sizeof key);
	if (opening == SR_OPENED)
		code = seal_and_compare(keyring, move, (struct sr_span){held, (size_t)size});
	else
		code = opening == SR_OPEN_FAILED ? SR_INTERNAL : SR_CORRUPT;
	sodium_memzero(held, sizeof held);
	return code;
}

enum sr_code sr_recording_rewrap(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
				 struct sr_span value, uint32_t to, uint8_t *out, size_t *size)
{
	struct sr_recording_row row;
	uint8_t wrap[SR_WRAP];
	struct move move = {.to = to, .out = wrap};
	enum sr_code code = sr_recording_row_decode(keyring, recording, value, &row);

	*size = 0;
	if (code != SR_OK)
		return code;
	move.from = row.epoch;
	move.sealed = (struct sr_span){row.wrap, SR_WRAP};
	sr_context_outer_wrap(&move.old, recording, move.from);
	sr_context_outer_wrap(&move.new, recording, to);
	code = reseal(keyring, &move);
	if (code != SR_OK)
		return code;
	memcpy(row.wrap, wrap, SR_WRAP);
	row.epoch = to;
	row.wrap_revision++;
	*size = sr_recording_row_encode(keyring, recording, &row, out);
	return SR_OK;
}

enum sr_code sr_person_rewrap(const struct sr_keyring *keyring, const uint8_t tag[SR_TAG], struct sr_span value,
			      uint32_t to, uint8_t *out, size_t *size)
{
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	struct sr_builder row = sr_builder_over(out, SR_PERSON_MAX);
	struct move move = {.to = to};
	uint8_t format = sr_take_u8(&in);
	enum sr_code code;

	*size = 0;
	move.from = sr_take_u32(&in);
	move.sealed = sr_take_rest(&in);
	if (in.failed || format == 0 || value.size > SR_PERSON_MAX)
		return SR_CORRUPT;
	if (format > SR_ROW_FORMAT)
		return SR_UNAVAILABLE;
	sr_context_person(&move.old, tag, move.from);
	sr_context_person(&move.new, tag, to);
	sr_put_u8(&row, SR_ROW_FORMAT);
	sr_put_u32(&row, to);
	move.out = sr_put_room(&row, move.sealed.size);
	code = move.out == NULL ? SR_CORRUPT : reseal(keyring, &move);
	if (code == SR_OK)
		*size = row.used;
	return code;
}
