/*
 * Cobblestone-256 as a stream: any pieces give what one call gives, and an end is an end.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "chunked.h"
#include "messages.h"

TestSuite(stream, .init = set_up);

/* Feed a sealer `first` bytes and then pieces; compare with the whole sealed at once under the same salt. */
static void check_sealer(const struct bytes *message, size_t first, size_t piece)
{
	struct bytes expected = room_for(sr_sealed_size(message->size)), made = room_for(expected.size);
	struct sr_sealer *sealer = sr_sealer_new(key, context, sizeof context, made.data);
	struct bytes last = room_for(SR_CHUNK_SEALED);
	size_t used = SR_SEALED_FRONT, put;

	cr_assert_not_null(sealer);
	for (size_t at = 0; at < message->size;) {
		size_t part = smaller(at == 0 && first != 0 ? first : piece, message->size - at);
		struct bytes out = room_for(sr_sealer_room(sealer, part));

		cr_assert_eq(sr_sealer_feed(sealer, message->data + at, part, out.data, &put), SR_OK);
		cr_assert_leq(used + put, made.size);
		memcpy(made.data + used, out.data, put);
		used += put;
		at += part;
		free(out.data);
	}
	cr_assert_eq(sr_sealer_close(sealer, last.data, &put), SR_OK);
	cr_assert_eq(used + put, made.size, "%zu bytes in pieces of %zu, %zu", message->size, first, piece);
	memcpy(made.data + used, last.data, put);
	cr_assert_eq(
		sr_seal_with_salt(key, made.data, context, sizeof context, message->data, message->size, expected.data),
		SR_OK);
	cr_assert_eq(memcmp(made.data, expected.data, made.size), 0, "%zu bytes in pieces of %zu, %zu", message->size,
		     first, piece);
	sr_sealer_free(sealer);
	free(last.data);
	free(made.data);
	free(expected.data);
}

Test(stream, a_sealed_stream_equals_one_shot_in_any_pieces)
{
	static const size_t pieces[] = {1021, 4096, 16383, 16384, 16385, 32768, 40000, 60000};

	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct bytes message = message_of(lengths[i]);

		for (size_t j = 0; j < COUNT(pieces); j++)
			check_sealer(&message, 0, pieces[j]);
		free(message.data);
	}
}

Test(stream, a_sealed_stream_equals_one_shot_at_any_first_split)
{
	static const size_t edges[] = {1, 16384, 32768};
	struct bytes message = message_of(32770);

	for (size_t i = 0; i < COUNT(edges); i++) {
		for (size_t first = edges[i] < 3 ? 1 : edges[i] - 2; first <= edges[i] + 2 && first <= message.size;
		     first++) {
			check_sealer(&message, first, message.size);
			check_sealer(&message, first, SR_CHUNK);
		}
	}
	free(message.data);
}

Test(stream, a_stream_of_single_bytes)
{
	struct bytes message = message_of(16390), sealed = sealed_of(&message), plain;

	check_sealer(&message, 0, 1);
	cr_assert_eq(stream_open(&sealed, 0, 1, &plain), SR_OPENED);
	cr_assert_eq(plain.size, message.size);
	cr_assert_eq(memcmp(plain.data, message.data, message.size), 0);
	free(plain.data);
	free(sealed.data);
	free(message.data);
}

Test(stream, an_opened_stream_equals_one_shot_in_any_pieces)
{
	static const size_t pieces[] = {55, 1021, 16399, 16400, 16401, 16455, 16456, 16457, 32800, 70000};

	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct bytes message = message_of(lengths[i]), sealed = sealed_of(&message);

		for (size_t j = 0; j < COUNT(pieces); j++) {
			struct bytes plain;

			cr_assert_eq(stream_open(&sealed, 0, pieces[j], &plain), SR_OPENED);
			cr_assert_eq(plain.size, message.size, "%zu bytes in pieces of %zu", message.size, pieces[j]);
			cr_assert_eq(memcmp(plain.data, message.data, plain.size), 0);
			free(plain.data);
		}
		free(sealed.data);
		free(message.data);
	}
}

Test(stream, an_opened_stream_equals_one_shot_at_any_first_split)
{
	struct bytes message = message_of(100), sealed = sealed_of(&message);

	for (size_t first = 1; first <= sealed.size; first++) {
		struct bytes plain;

		cr_assert_eq(stream_open(&sealed, first, sealed.size, &plain), SR_OPENED);
		cr_assert_eq(plain.size, message.size);
		cr_assert_arr_eq(plain.data, message.data, plain.size);
		free(plain.data);
	}
	free(sealed.data);
	free(message.data);
}

Test(stream, one_feed_with_damage_puts_out_nothing)
{
	struct bytes message = message_of(2 * SR_CHUNK), sealed = sealed_of(&message);
	struct bytes out = room_for(sealed.size + SR_CHUNK);
	struct sr_opener *opener = sr_opener_new(key, context, sizeof context);
	size_t put = 1;

	cr_assert_not_null(opener);
	sealed.data[sr_chunk_offset(1)] ^= 1;
	cr_assert_eq(sr_opener_feed(opener, sealed.data, sealed.size, out.data, &put), SR_DAMAGED);
	cr_assert_eq(put, 0);
	cr_assert(sodium_is_zero(out.data, 2 * SR_CHUNK), "the good chunk before it is withheld too");
	cr_assert_eq(sr_opener_feed(opener, sealed.data, sealed.size, out.data, &put), SR_DAMAGED);
	cr_assert_eq(sr_opener_close(opener, out.data, &put), SR_DAMAGED);
	cr_assert_eq(put, 0);
	sr_opener_free(opener);
	free(out.data);
	free(sealed.data);
	free(message.data);
}

/* The same key, context and plaintext: only a fresh salt keeps the nonces apart. */
Test(stream, two_streams_never_share_a_salt)
{
	uint8_t front[16][SR_SEALED_FRONT];

	for (size_t i = 0; i < COUNT(front); i++) {
		struct sr_sealer *sealer = sr_sealer_new(key, context, sizeof context, front[i]);

		cr_assert_not_null(sealer);
		sr_sealer_free(sealer);
		for (size_t j = 0; j < i; j++) {
			cr_assert_neq(memcmp(front[i], front[j], SR_SALT), 0);
			cr_assert_neq(memcmp(front[i] + SR_SALT, front[j] + SR_SALT, SR_COMMITMENT), 0);
		}
	}
}

Test(stream, a_closed_stream_stays_closed)
{
	struct bytes message = message_of(40), sealed = sealed_of(&message);
	uint8_t front[SR_SEALED_FRONT];
	static uint8_t out[2 * SR_CHUNK_SEALED];
	struct sr_sealer *sealer = sr_sealer_new(key, context, sizeof context, front);
	struct sr_opener *opener = sr_opener_new(key, context, sizeof context);
	size_t put;

	cr_assert(sealer != NULL && opener != NULL);
	cr_assert_eq(sr_sealer_close(sealer, out, &put), SR_OK);
	cr_assert_eq(put, SR_AEAD_TAG);
	cr_assert_eq(sr_sealer_close(sealer, out, &put), SR_INTERNAL, "the same nonce twice");
	cr_assert_eq(put, 0);
	cr_assert_eq(sr_sealer_feed(sealer, message.data, message.size, out, &put), SR_INTERNAL);
	cr_assert_eq(sr_opener_feed(opener, sealed.data, sealed.size, out, &put), SR_OPENED);
	cr_assert_eq(put, 0, "the last chunk waits for the end");
	cr_assert_eq(sr_opener_close(opener, out, &put), SR_OPENED);
	cr_assert_eq(put, message.size);
	cr_assert_eq(sr_opener_feed(opener, sealed.data, 1, out, &put), SR_DAMAGED);
	cr_assert_eq(sr_opener_close(opener, out, &put), SR_DAMAGED);
	cr_assert_eq(put, 0);
	sr_opener_free(opener);
	sr_sealer_free(sealer);
	free(sealed.data);
	free(message.data);
}
