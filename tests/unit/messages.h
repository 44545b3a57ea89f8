/*
 * Sealed messages for tests: made, opened whole and as a stream, and shown not to open.
 */
#ifndef SR_TEST_MESSAGES_H
#define SR_TEST_MESSAGES_H

#include "chunked.h"
#include "vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t key[SR_KEY];
static const uint8_t context[] = "a context";

/* Message lengths around the edges of blocks and chunks. */
static const size_t lengths[] = {0, 1, 16, 16383, 16384, 16385, 32767, 32768, 50000};

static inline void set_up(void)
{
	uint8_t seed[randombytes_SEEDBYTES] = {1};

	cr_assert_geq(sodium_init(), 0);
	randombytes_buf_deterministic(key, sizeof key, seed);
}

/* `size` bytes on the heap and not one more, filled with what looks random. */
static inline struct bytes message_of(size_t size)
{
	struct bytes message = {.data = malloc(size == 0 ? 1 : size), .size = size};
	uint8_t seed[randombytes_SEEDBYTES] = {2};

	cr_assert_not_null(message.data);
	randombytes_buf_deterministic(message.data, size, seed);
	return message;
}

static inline struct bytes room_for(size_t size)
{
	struct bytes room = message_of(size);

	memset(room.data, 0xee, size);
	return room;
}

static inline struct bytes sealed_of(const struct bytes *message)
{
	struct bytes sealed = room_for(sr_sealed_size(message->size));

	cr_assert_eq(sr_seal(key, context, sizeof context, message->data, message->size, sealed.data), SR_OK);
	return sealed;
}

static inline size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How a sealed message ends when it is fed to an opener, `first` bytes and then pieces of `piece`. */
static inline enum sr_opening stream_open(const struct bytes *sealed, size_t first, size_t piece, struct bytes *plain)
{
	struct sr_opener *opener = sr_opener_new(key, context, sizeof context);
	enum sr_opening opening = SR_OPENED;
	size_t put;

	cr_assert_not_null(opener);
	*plain = room_for(sealed->size);
	plain->size = 0;
	for (size_t at = 0; at < sealed->size && opening == SR_OPENED;) {
		size_t part = smaller(at == 0 && first != 0 ? first : piece, sealed->size - at);
		uint8_t *out = malloc(part + SR_CHUNK);

		opening = sr_opener_feed(opener, sealed->data + at, part, out, &put);
		if (put != 0)
			memcpy(plain->data + plain->size, out, put);
		plain->size += put;
		at += part;
		free(out);
	}
	if (opening == SR_OPENED) {
		uint8_t *out = malloc(SR_CHUNK);

		opening = sr_opener_close(opener, out, &put);
		if (put != 0)
			memcpy(plain->data + plain->size, out, put);
		plain->size += put;
		free(out);
	}
	sr_opener_free(opener);
	return opening;
}

/* A damaged message ends as `expected` both ways, and nothing of it is handed out. */
/* Open it under the key as one that was taken in. */
static inline enum sr_opening input_open(const struct bytes *sealed, uint8_t *plain)
{
	struct sr_input *input = sr_input_new(key);
	enum sr_opening opening;

	cr_assert_not_null(input);
	opening = sr_input_open(input, (struct sr_span){context, sizeof context},
				(struct sr_span){sealed->data, sealed->size}, plain);
	sr_input_free(input);
	return opening;
}

static inline void must_not_open(const struct bytes *sealed, enum sr_opening expected)
{
	struct bytes plain = room_for(sealed->size);
	struct bytes streamed;
	uint64_t plain_size;

	cr_assert_eq(sr_open(key, context, sizeof context, sealed->data, sealed->size, plain.data), expected);
	if (sr_plain_size(sealed->size, &plain_size))
		cr_assert(sodium_is_zero(plain.data, plain_size), "plaintext left behind");
	cr_assert_eq(stream_open(sealed, 0, 7000, &streamed), expected);
	memset(plain.data, 1, plain.size);
	cr_assert_eq(input_open(sealed, plain.data), expected);
	if (sr_plain_size(sealed->size, &plain_size))
		cr_assert(sodium_is_zero(plain.data, plain_size), "plaintext left behind");
	free(streamed.data);
	free(plain.data);
}

#endif
