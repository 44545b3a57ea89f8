/*
 * Opening an outer seal under one epoch, sealing what it held under another, and opening that again to compare.
 */
#include "keys/rewrap.h"

#include <sodium.h>
#include <string.h>

#include "equal.h"

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

/* The input of epoch `epoch`'s key, newly taken in. SR_UNAVAILABLE: the keyring lacks it; SR_INTERNAL: no memory. */
static enum sr_code take_in(const struct sr_keyring *keyring, uint32_t epoch, struct sr_input **input)
{
	uint8_t key[SR_KEY];

	sr_input_free(*input);
	*input = NULL;
	if (!sr_keyring_epoch_key(keyring, epoch, key))
		return SR_UNAVAILABLE;
	*input = sr_input_new(key);
	sodium_memzero(key, sizeof key);
	return *input != NULL ? SR_OK : SR_INTERNAL;
}

/* Have the keys of a move from `from`. What compares takes its key in by itself: a fault in either is then seen. */
static enum sr_code prepare(struct sr_rewrapper *rewrapper, uint32_t from)
{
	enum sr_code code = SR_OK;

	if (rewrapper->compare == NULL) {
		code = take_in(rewrapper->keyring, rewrapper->to, &rewrapper->new);
		if (code == SR_OK)
			code = take_in(rewrapper->keyring, rewrapper->to, &rewrapper->compare);
	}
	if (code == SR_OK && (rewrapper->old == NULL || rewrapper->from != from)) {
		rewrapper->from = from;
		code = take_in(rewrapper->keyring, from, &rewrapper->old);
	}
	return code;
}

void sr_rewrapper_wipe(struct sr_rewrapper *rewrapper)
{
	sr_input_free(rewrapper->compare);
	sr_input_free(rewrapper->new);
	sr_input_free(rewrapper->old);
	*rewrapper = (struct sr_rewrapper){.keyring = NULL};
}

/* A sealed thing on its way: its contexts under both epochs name it. */
struct move {
	struct sr_context old, new;
	struct sr_span sealed;
	uint8_t *out; /* takes as many bytes as `sealed` has */
};

static struct sr_span span_of(const struct sr_context *context)
{
	return (struct sr_span){.data = context->bytes, .size = context->size};
}

static enum sr_code seal_and_compare(const struct sr_rewrapper *rewrapper, const struct move *move, struct sr_span held)
{
	uint8_t again[HELD_MAX];
	struct sr_span made = {.data = move->out, .size = move->sealed.size};
	enum sr_code code = sr_input_seal(rewrapper->new, span_of(&move->new), held, move->out);

	if (code == SR_OK && (sr_input_open(rewrapper->compare, span_of(&move->new), made, again) != SR_OPENED ||
			      !sr_equal(again, held.data, held.size)))
		code = SR_INTERNAL;
	sodium_memzero(again, held.size);
	return code;
}

static enum sr_code reseal(struct sr_rewrapper *rewrapper, uint32_t from, const struct move *move)
{
	uint8_t held[HELD_MAX];
	uint64_t size;
	enum sr_opening opening;
	enum sr_code code;

	if (!sr_plain_size(move->sealed.size, &size) || size > sizeof held)
		return SR_CORRUPT;
	code = prepare(rewrapper, from);
	if (code != SR_OK)
		return code;
	opening = sr_input_open(rewrapper->old, span_of(&move->old), move->sealed, held);
	if (opening == SR_OPENED)
		code = seal_and_compare(rewrapper, move, (struct sr_span){held, (size_t)size});
	else
		code = opening == SR_OPEN_FAILED ? SR_INTERNAL : SR_CORRUPT;
	sodium_memzero(held, (size_t)size);
	return code;
}

enum sr_code sr_recording_rewrap(struct sr_rewrapper *rewrapper, const uint8_t recording[SR_UUID], struct sr_span value,
				 uint8_t *out, size_t *size)
{
	struct sr_recording_row row;
	uint8_t wrap[SR_WRAP];
	struct move move = {.out = wrap};
	enum sr_code code = sr_recording_row_decode(rewrapper->keyring, recording, value, &row);

	*size = 0;
	if (code != SR_OK)
		return code;
	move.sealed = (struct sr_span){row.wrap, SR_WRAP};
	sr_context_outer_wrap(&move.old, recording, row.epoch);
	sr_context_outer_wrap(&move.new, recording, rewrapper->to);
	code = reseal(rewrapper, row.epoch, &move);
	if (code != SR_OK)
		return code;
	memcpy(row.wrap, wrap, SR_WRAP);
	row.epoch = rewrapper->to;
	row.wrap_revision++;
	*size = sr_recording_row_encode(rewrapper->keyring, recording, &row, out);
	return SR_OK;
}

enum sr_code sr_person_rewrap(struct sr_rewrapper *rewrapper, const uint8_t tag[SR_TAG], struct sr_span value,
			      uint8_t *out, size_t *size)
{
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	struct sr_builder row = sr_builder_over(out, SR_PERSON_MAX);
	struct move move = {.out = NULL};
	uint8_t format = sr_take_u8(&in);
	uint32_t from = sr_take_u32(&in);
	enum sr_code code;

	*size = 0;
	move.sealed = sr_take_rest(&in);
	if (in.failed || format == 0 || value.size > SR_PERSON_MAX)
		return SR_CORRUPT;
	if (format > SR_ROW_FORMAT)
		return SR_UNAVAILABLE;
	sr_context_person(&move.old, tag, from);
	sr_context_person(&move.new, tag, rewrapper->to);
	sr_put_u8(&row, SR_ROW_FORMAT);
	sr_put_u32(&row, rewrapper->to);
	move.out = sr_put_room(&row, move.sealed.size);
	code = move.out == NULL ? SR_CORRUPT : reseal(rewrapper, from, &move);
	if (code == SR_OK)
		*size = row.used;
	return code;
}
