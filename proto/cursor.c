/*
 * Bounded reading and writing: every access is checked against what is left, here and nowhere else.
 */
#include "cursor.h"

#include <endian.h>
#include <string.h>

struct sr_cursor sr_cursor_over(const uint8_t *data, size_t size)
{
	return (struct sr_cursor){.at = data, .left = size};
}

/* The next `size` bytes, or NULL with the failure latched. A read of none may also give NULL. */
static const uint8_t *take(struct sr_cursor *in, size_t size)
{
	const uint8_t *at = in->at;

	if (in->failed || size > in->left) {
		in->failed = true;
		return NULL;
	}
	/* Adding even 0 to NULL is undefined, and an empty input may well be NULL. */
	if (size != 0)
		in->at += size;
	in->left -= size;
	return at;
}

/* Of a size that the compiler knows, so that it is one load: a page of a table has 2,500 numbers. */
static inline uint64_t take_number(struct sr_cursor *in, size_t size)
{
	const uint8_t *at = take(in, size);
	uint64_t value = 0;

	if (at != NULL)
		memcpy((uint8_t *)&value + sizeof value - size, at, size);
	return be64toh(value);
}

uint8_t sr_take_u8(struct sr_cursor *in)
{
	return (uint8_t)take_number(in, 1);
}

uint16_t sr_take_u16(struct sr_cursor *in)
{
	return (uint16_t)take_number(in, 2);
}

uint32_t sr_take_u32(struct sr_cursor *in)
{
	return (uint32_t)take_number(in, 4);
}

uint64_t sr_take_u64(struct sr_cursor *in)
{
	return take_number(in, 8);
}

void sr_take_copy(struct sr_cursor *in, uint8_t *out, size_t size)
{
	const uint8_t *at = take(in, size);

	if (size == 0)
		return;
	if (at != NULL)
		memcpy(out, at, size);
	else
		memset(out, 0, size);
}

struct sr_span sr_take_span(struct sr_cursor *in, size_t size)
{
	const uint8_t *at = take(in, size);

	return (struct sr_span){.data = at, .size = in->failed ? 0 : size};
}

struct sr_span sr_take_field(struct sr_cursor *in, size_t most)
{
	size_t size = sr_take_u16(in);

	if (size > most)
		in->failed = true;
	return sr_take_span(in, size);
}

struct sr_span sr_take_rest(struct sr_cursor *in)
{
	return sr_take_span(in, in->left);
}

void sr_take_fail(struct sr_cursor *in)
{
	in->failed = true;
}

bool sr_take_done(const struct sr_cursor *in)
{
	return !in->failed && in->left == 0;
}

struct sr_builder sr_builder_over(uint8_t *data, size_t capacity)
{
	return (struct sr_builder){.data = data, .capacity = capacity};
}

uint8_t *sr_put_room(struct sr_builder *out, size_t size)
{
	uint8_t *room;

	if (out->failed || size > out->capacity - out->used) {
		out->failed = true;
		return NULL;
	}
	room = out->data == NULL ? NULL : out->data + out->used;
	out->used += size;
	return room;
}

static inline void put_number(struct sr_builder *out, uint64_t value, size_t size)
{
	const uint64_t bytes = htobe64(value);
	uint8_t *room = sr_put_room(out, size);

	if (room != NULL)
		memcpy(room, (const uint8_t *)&bytes + sizeof bytes - size, size);
}

void sr_put_u8(struct sr_builder *out, uint8_t value)
{
	put_number(out, value, 1);
}

void sr_put_u16(struct sr_builder *out, uint16_t value)
{
	put_number(out, value, 2);
}

void sr_put_u32(struct sr_builder *out, uint32_t value)
{
	put_number(out, value, 4);
}

void sr_put_u64(struct sr_builder *out, uint64_t value)
{
	put_number(out, value, 8);
}

void sr_put_bytes(struct sr_builder *out, const void *data, size_t size)
{
	uint8_t *room = sr_put_room(out, size);

	if (room != NULL && size != 0)
		memcpy(room, data, size);
}

void sr_put_field(struct sr_builder *out, const void *data, size_t size)
{
	/* Asked for together, so that a field that does not fit leaves no length without its bytes. */
	uint8_t *room = size > UINT16_MAX ? NULL : sr_put_room(out, 2 + size);

	if (room == NULL) {
		out->failed = true;
		return;
	}
	room[0] = (uint8_t)(size >> 8);
	room[1] = (uint8_t)size;
	if (size != 0)
		memcpy(room + 2, data, size);
}
