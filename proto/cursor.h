/*
 * Bounded reading and writing of big-endian structures: the only way bytes become fields and fields become bytes.
 * Both sides latch their first failure, so a codec reads straight through and asks once at the end.
 */
#ifndef SR_CURSOR_H
#define SR_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of a caller's bytes. Once `failed`, every read yields zeros, NULL or nothing. */
struct sr_cursor {
	const uint8_t *at;
	size_t left;
	bool failed;
};

/* A run of bytes inside somebody else's buffer; not a string, never terminated. */
struct sr_span {
	const uint8_t *data;
	size_t size;
};

/* Start reading `size` bytes at `data` (in, borrowed for as long as spans taken from it are used). */
struct sr_cursor sr_cursor_over(const uint8_t *data, size_t size);

/* Read one big-endian number. Short input latches `failed` and gives 0. */
uint8_t sr_take_u8(struct sr_cursor *in);
uint16_t sr_take_u16(struct sr_cursor *in);
uint32_t sr_take_u32(struct sr_cursor *in);
uint64_t sr_take_u64(struct sr_cursor *in);

/* Copy exactly `size` bytes to `out`; on short input latch `failed` and zero `out`. */
void sr_take_copy(struct sr_cursor *in, uint8_t *out, size_t size);

/* Borrow exactly `size` bytes; on short input latch `failed` and give an empty span. */
struct sr_span sr_take_span(struct sr_cursor *in, size_t size);

/* Borrow a field with a u16 length in front; a length above `most` or above what is left latches `failed`. */
struct sr_span sr_take_field(struct sr_cursor *in, size_t most);

/* Borrow all that is left. */
struct sr_span sr_take_rest(struct sr_cursor *in);

/* Latch a failure found by the caller, such as a number out of its range. */
void sr_take_fail(struct sr_cursor *in);

/* True if nothing failed and nothing is left: the only way a decode succeeds. */
bool sr_take_done(const struct sr_cursor *in);

/* A caller's buffer being filled. Once `failed` (it would not fit), nothing more is written. */
struct sr_builder {
	uint8_t *data;
	size_t used;
	size_t capacity;
	bool failed;
};

/* Start filling `capacity` bytes at `data` (out, owned by the caller throughout). */
struct sr_builder sr_builder_over(uint8_t *data, size_t capacity);

/* Append one big-endian number, or bytes. What does not fit latches `failed` and writes nothing. */
void sr_put_u8(struct sr_builder *out, uint8_t value);
void sr_put_u16(struct sr_builder *out, uint16_t value);
void sr_put_u32(struct sr_builder *out, uint32_t value);
void sr_put_u64(struct sr_builder *out, uint64_t value);
void sr_put_bytes(struct sr_builder *out, const void *data, size_t size);

/* Append a u16 length and the bytes; more than 65,535 latches `failed`. */
void sr_put_field(struct sr_builder *out, const void *data, size_t size);

/* Append `size` bytes to be filled in by the caller now; NULL (and `failed`) if they do not fit. */
uint8_t *sr_put_room(struct sr_builder *out, size_t size);

#endif
