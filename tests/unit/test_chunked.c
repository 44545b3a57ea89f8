/*
 * Cobblestone-256: the vectors, chunks and sizes, and everything that must not open, whole or as a stream.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "chunked.h"
#include "messages.h"
#include "vectors.h"

TestSuite(chunked, .init = set_up);

/* The message that a vector's seed stands for. */
static struct bytes vector_message(const json_t *vector)
{
	const char *seed = json_string_value(json_object_get(vector, "message_seed"));
	struct bytes message = room_for((size_t)number_in(vector, "message_length"));

	cr_assert_not_null(seed);
	for (uint64_t block = 0; block * crypto_hash_sha512_BYTES < message.size; block++) {
		crypto_hash_sha512_state state;
		uint8_t counter[8], hash[crypto_hash_sha512_BYTES];
		size_t at = block * sizeof hash;

		for (size_t i = 0; i < sizeof counter; i++)
			counter[i] = (uint8_t)(block >> (56 - 8 * i));
		crypto_hash_sha512_init(&state);
		crypto_hash_sha512_update(&state, (const uint8_t *)seed, strlen(seed));
		crypto_hash_sha512_update(&state, counter, sizeof counter);
		crypto_hash_sha512_final(&state, hash);
		memcpy(message.data + at, hash, smaller(sizeof hash, message.size - at));
	}
	return message;
}

static void check_vector(const json_t *vector)
{
	struct bytes input_key = bytes_in(vector, "input_key"), salt = bytes_in(vector, "salt");
	struct bytes bound = bytes_in(vector, "context"), digest = bytes_in(vector, "ciphertext_sha256");
	struct bytes message = vector_message(vector);
	struct bytes sealed = room_for((size_t)number_in(vector, "ciphertext_length"));
	struct bytes opened = room_for(message.size);
	uint8_t hash[crypto_hash_sha256_BYTES];

	cr_assert_eq(input_key.size, SR_KEY);
	cr_assert_eq(salt.size, SR_SALT);
	cr_assert_eq(sr_sealed_size(message.size), sealed.size);
	cr_assert_eq(sr_seal_with_salt(input_key.data, salt.data, bound.data, bound.size, message.data, message.size,
				       sealed.data),
		     SR_OK);
	crypto_hash_sha256(hash, sealed.data, sealed.size);
	cr_assert_arr_eq(hash, digest.data, sizeof hash, "message of %zu bytes", message.size);
	if (json_object_get(vector, "ciphertext") != NULL) {
		struct bytes text = bytes_in(vector, "ciphertext"), plain = bytes_in(vector, "message");

		cr_assert_eq(plain.size, message.size);
		cr_assert_arr_eq(message.data, plain.data, plain.size);
		cr_assert_eq(text.size, sealed.size);
		cr_assert_arr_eq(sealed.data, text.data, text.size);
		free(plain.data);
		free(text.data);
	}
	cr_assert_eq(sr_open(input_key.data, bound.data, bound.size, sealed.data, sealed.size, opened.data), SR_OPENED);
	cr_assert_eq(memcmp(opened.data, message.data, message.size), 0);
	free(opened.data);
	free(sealed.data);
	free(message.data);
	free(digest.data);
	free(bound.data);
	free(salt.data);
	free(input_key.data);
}

Test(chunked, vectors)
{
	json_t *root = vectors_load("cobblestone256.json");
	const json_t *vectors = json_object_get(root, "vectors");

	for (size_t i = 0; i < json_array_size(vectors); i++)
		check_vector(json_array_get(vectors, i));
	json_decref(root);
}

Test(chunked, whole_messages_open_again)
{
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct bytes message = message_of(lengths[i]), sealed = sealed_of(&message);
		struct bytes plain = room_for(message.size);

		cr_assert_eq(sr_open(key, context, sizeof context, sealed.data, sealed.size, plain.data), SR_OPENED);
		cr_assert_eq(memcmp(plain.data, message.data, message.size), 0);
		memset(plain.data, 1, plain.size);
		cr_assert_eq(input_open(&sealed, plain.data), SR_OPENED);
		cr_assert_eq(memcmp(plain.data, message.data, message.size), 0);
		free(plain.data);
		free(sealed.data);
		free(message.data);
	}
}

/* One input seals and opens one message after another, also behind one that does not open. */
Test(chunked, an_input_serves_many_messages)
{
	struct sr_input *input = sr_input_new(key);
	const struct sr_span bound = {context, sizeof context};
	uint8_t before[SR_SALT] = {0};

	cr_assert_not_null(input);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct bytes message = message_of(lengths[i]), plain = room_for(message.size);
		struct bytes sealed = room_for(sr_sealed_size(message.size));
		const struct sr_span whole = {sealed.data, sealed.size};

		cr_assert_eq(sr_input_seal(input, bound, (struct sr_span){message.data, message.size}, sealed.data),
			     SR_OK);
		cr_assert_neq(memcmp(sealed.data, before, SR_SALT), 0, "each message has its own salt");
		memcpy(before, sealed.data, SR_SALT);
		cr_assert_eq(sr_open(key, context, sizeof context, sealed.data, sealed.size, plain.data), SR_OPENED);
		cr_assert_eq(memcmp(plain.data, message.data, message.size), 0);
		cr_assert_eq(sr_input_open(input, (struct sr_span){context, 1}, whole, plain.data), SR_OTHER_KEY);
		sealed.data[sealed.size - 1] ^= 1;
		cr_assert_eq(sr_input_open(input, bound, whole, plain.data), SR_DAMAGED);
		sealed.data[sealed.size - 1] ^= 1;
		cr_assert_eq(sr_input_open(input, bound, whole, plain.data), SR_OPENED);
		cr_assert_eq(memcmp(plain.data, message.data, message.size), 0);
		free(sealed.data);
		free(plain.data);
		free(message.data);
	}
	sr_input_free(input);
}

/* An input that has taken in another key opens what that sealed, and nothing of the key before. */
Test(chunked, an_input_forgets_the_key_before)
{
	const struct sr_span bound = {context, sizeof context};
	struct bytes message = message_of(100), plain = room_for(message.size);
	struct bytes first = room_for(sr_sealed_size(message.size)), second = room_for(sr_sealed_size(message.size));
	struct sr_input *input = sr_input_new(key);
	uint8_t other[SR_KEY];

	cr_assert_not_null(input);
	memset(other, 0x5a, sizeof other);
	cr_assert_eq(sr_seal(key, context, sizeof context, message.data, message.size, first.data), SR_OK);
	cr_assert_eq(sr_seal(other, context, sizeof context, message.data, message.size, second.data), SR_OK);
	cr_assert_eq(sr_input_open(input, bound, (struct sr_span){first.data, first.size}, plain.data), SR_OPENED);
	sr_input_take(input, other);
	cr_assert_eq(sr_input_open(input, bound, (struct sr_span){first.data, first.size}, plain.data), SR_OTHER_KEY);
	cr_assert_eq(sr_input_open(input, bound, (struct sr_span){second.data, second.size}, plain.data), SR_OPENED);
	cr_assert_eq(memcmp(plain.data, message.data, message.size), 0);
	sr_input_free(input);
	free(second.data);
	free(first.data);
	free(plain.data);
	free(message.data);
}

/* Salts are drawn many at a time: none is taken twice, within what was drawn nor behind it. */
Test(chunked, an_input_never_repeats_a_salt)
{
	enum { MESSAGES = 200 };
	static uint8_t sealed[MESSAGES][SR_SEALED_SMALL];
	struct sr_input *input = sr_input_new(key);

	cr_assert_not_null(input);
	for (size_t i = 0; i < MESSAGES; i++) {
		cr_assert_eq(sr_input_seal(input, (struct sr_span){context, 1}, (struct sr_span){NULL, 0}, sealed[i]),
			     SR_OK);
		for (size_t before = 0; before < i; before++)
			cr_assert_neq(memcmp(sealed[i], sealed[before], SR_SALT), 0, "%zu has the salt of %zu", i,
				      before);
	}
	sr_input_free(input);
}

Test(chunked, no_truncation_opens)
{
	static const size_t sizes[] = {0, 1, 40};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct bytes message = message_of(sizes[i]), sealed = sealed_of(&message);

		for (size_t size = 0; size < sealed.size; size++) {
			struct bytes cut = room_for(size);

			memcpy(cut.data, sealed.data, size);
			must_not_open(&cut, SR_DAMAGED);
			free(cut.data);
		}
		free(sealed.data);
		free(message.data);
	}
}

Test(chunked, no_truncation_near_a_chunks_edge_opens)
{
	struct bytes message = message_of(2 * SR_CHUNK + 3), sealed = sealed_of(&message);

	for (uint64_t chunk = 0; chunk <= 2; chunk++) {
		for (uint64_t size = sr_chunk_offset(chunk) - 18; size <= sr_chunk_offset(chunk) + 18; size++) {
			struct bytes cut = {.data = sealed.data, .size = size};

			must_not_open(&cut, SR_DAMAGED);
		}
	}
	free(sealed.data);
	free(message.data);
}

Test(chunked, no_flipped_bit_opens)
{
	static const size_t sizes[] = {0, 1, 40};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct bytes message = message_of(sizes[i]), sealed = sealed_of(&message);

		for (size_t bit = 0; bit < sealed.size * 8; bit++) {
			sealed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			must_not_open(&sealed, bit / 8 < SR_SEALED_FRONT ? SR_OTHER_KEY : SR_DAMAGED);
			sealed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		free(sealed.data);
		free(message.data);
	}
}

Test(chunked, nothing_after_the_end_opens)
{
	struct bytes message = message_of(40), sealed = sealed_of(&message);

	for (size_t more = 1; more <= 20; more++) {
		struct bytes longer = room_for(sealed.size + more);

		memcpy(longer.data, sealed.data, sealed.size);
		must_not_open(&longer, SR_DAMAGED);
		free(longer.data);
	}
	free(sealed.data);
	free(message.data);
}

Test(chunked, another_key_is_told_from_damage)
{
	struct bytes message = message_of(40), sealed = sealed_of(&message);

	for (size_t bit = 0; bit < sizeof key * 8; bit++) {
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		must_not_open(&sealed, SR_OTHER_KEY);
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(sealed.data);
	free(message.data);
}

Test(chunked, another_context_is_told_from_damage)
{
	struct bytes message = message_of(40), sealed = sealed_of(&message);
	uint8_t plain[40], other[sizeof context + 1] = {0};

	memcpy(other, context, sizeof context);
	for (size_t size = 0; size <= sizeof other; size++) {
		enum sr_opening expected = size == sizeof context ? SR_OPENED : SR_OTHER_KEY;

		cr_assert_eq(sr_open(key, other, size, sealed.data, sealed.size, plain), expected);
	}
	for (size_t bit = 0; bit < sizeof context * 8; bit++) {
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(sr_open(key, other, sizeof context, sealed.data, sealed.size, plain), SR_OTHER_KEY);
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_eq(sr_open(key, NULL, 0, sealed.data, sealed.size, plain), SR_OTHER_KEY);
	free(sealed.data);
	free(message.data);
}

/* Damage in any one chunk of three condemns the message, also in a stream that had already put out others. */
Test(chunked, damage_in_any_chunk_is_found)
{
	struct bytes message = message_of(2 * SR_CHUNK + 100), sealed = sealed_of(&message);

	for (uint64_t chunk = 0; chunk <= 2; chunk++) {
		sealed.data[sr_chunk_offset(chunk) + 50] ^= 1;
		must_not_open(&sealed, SR_DAMAGED);
		sealed.data[sr_chunk_offset(chunk) + 50] ^= 1;
	}
	free(sealed.data);
	free(message.data);
}

/* Chunk `to` of one sealed message replaced by chunk `from` of another, or of the same. */
static void check_moved(const struct bytes *into, const struct bytes *source, uint64_t from, uint64_t to)
{
	struct bytes moved = room_for(into->size);

	memcpy(moved.data, into->data, into->size);
	memcpy(moved.data + sr_chunk_offset(to), source->data + sr_chunk_offset(from), SR_CHUNK_SEALED);
	must_not_open(&moved, SR_DAMAGED);
	free(moved.data);
}

Test(chunked, chunks_cannot_be_moved_repeated_or_dropped)
{
	struct bytes message = message_of(3 * SR_CHUNK + 5), sealed = sealed_of(&message), other = sealed_of(&message);
	struct bytes same = message_of(2 * SR_CHUNK), repeated;
	struct bytes shorter = room_for(sealed.size - SR_CHUNK_SEALED);

	for (uint64_t from = 0; from < 3; from++) {
		for (uint64_t to = 0; to < 3; to++) {
			if (from != to)
				check_moved(&sealed, &sealed, from, to);
			check_moved(&sealed, &other, from, to);
		}
	}
	for (uint64_t gone = 0; gone < 3; gone++) {
		memcpy(shorter.data, sealed.data, sr_chunk_offset(gone));
		memcpy(shorter.data + sr_chunk_offset(gone), sealed.data + sr_chunk_offset(gone + 1),
		       sealed.size - sr_chunk_offset(gone + 1));
		must_not_open(&shorter, SR_DAMAGED);
	}
	/* Two chunks of the same plaintext, exchanged: only the chunk number tells them apart. */
	memcpy(same.data + SR_CHUNK, same.data, SR_CHUNK);
	repeated = sealed_of(&same);
	cr_assert_neq(memcmp(repeated.data + sr_chunk_offset(0), repeated.data + sr_chunk_offset(1), SR_CHUNK), 0);
	check_moved(&repeated, &repeated, 0, 1);
	free(repeated.data);
	free(shorter.data);
	free(same.data);
	free(other.data);
	free(sealed.data);
	free(message.data);
}

Test(chunked, two_messages_never_share_a_salt)
{
	struct bytes message = message_of(40), one = sealed_of(&message), two = sealed_of(&message);
	uint8_t front[SR_SEALED_FRONT];
	struct sr_sealer *sealer = sr_sealer_new(key, context, sizeof context, front);

	cr_assert_not_null(sealer);
	cr_assert_neq(memcmp(one.data, two.data, SR_SALT), 0);
	cr_assert_neq(memcmp(one.data + SR_SEALED_FRONT, two.data + SR_SEALED_FRONT, 40), 0);
	cr_assert_neq(memcmp(one.data, front, SR_SALT), 0);
	cr_assert_neq(memcmp(two.data, front, SR_SALT), 0);
	sr_sealer_free(sealer);
	free(two.data);
	free(one.data);
	free(message.data);
}

Test(chunked, any_chunk_opens_alone)
{
	struct bytes message = message_of(2 * SR_CHUNK + 100), sealed = sealed_of(&message);
	struct sr_message_key derived;
	struct sr_aead *aead;
	uint8_t plain[SR_CHUNK];

	sr_message_key_derive(key, sealed.data, context, sizeof context, &derived);
	cr_assert_arr_eq(derived.commitment, sealed.data + SR_SALT, SR_COMMITMENT);
	aead = sr_aead_new(derived.key);
	cr_assert_not_null(aead);
	for (uint64_t at = 0; at <= 2; at++) {
		size_t size = at < 2 ? SR_CHUNK_SEALED : 100 + SR_AEAD_TAG;
		const uint8_t *part = sealed.data + sr_chunk_offset(at);

		for (uint64_t number = 0; number <= 3; number++) {
			bool opened = sr_chunk_open(aead, derived.base_nonce, number, part, size, plain);

			cr_assert_eq(opened, number == at);
			if (opened)
				cr_assert_eq(memcmp(plain, message.data + at * SR_CHUNK, size - SR_AEAD_TAG), 0);
			else
				cr_assert(sodium_is_zero(plain, size - SR_AEAD_TAG));
		}
	}
	sr_aead_free(aead);
	free(sealed.data);
	free(message.data);
}

/* The nonce as the specification says it: a big-endian number as wide as the base nonce, XORed bit by bit. */
Test(chunked, every_bit_of_the_chunk_number_is_in_the_nonce)
{
	const uint8_t base[SR_AEAD_NONCE] = {9, 8, 7, 6, 5, 4, 3, 0xf2, 0xf1, 0xaa, 0x55, 0xff};
	struct sr_aead *aead = sr_aead_new(key);
	uint8_t ours[20], theirs[20], back[4];

	cr_assert_not_null(aead);
	for (unsigned int bit = 0; bit < 38; bit++) {
		uint64_t chunk = UINT64_C(1) << bit;
		uint8_t nonce[SR_AEAD_NONCE];

		memcpy(nonce, base, sizeof nonce);
		nonce[SR_AEAD_NONCE - 1 - bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert(sr_chunk_seal(aead, base, chunk, (const uint8_t *)"abcd", 4, ours));
		cr_assert(sr_aead_seal(aead, nonce, NULL, 0, (const uint8_t *)"abcd", 4, theirs));
		cr_assert_arr_eq(ours, theirs, sizeof ours, "chunk number 2^%u", bit);
		cr_assert(sr_chunk_open(aead, base, chunk, ours, sizeof ours, back));
	}
	sr_aead_free(aead);
}

Test(chunked, chunk_numbers_and_sizes_beyond_the_limit_are_refused)
{
	static uint8_t plain[SR_CHUNK + 1], sealed[SR_CHUNK_SEALED + 1];
	const uint8_t base[SR_AEAD_NONCE] = {0};
	const uint64_t limit = UINT64_C(1) << 38;
	struct sr_aead *aead = sr_aead_new(key);

	cr_assert_not_null(aead);
	cr_assert(sr_chunk_seal(aead, base, limit - 1, plain, 4, sealed));
	cr_assert(sr_chunk_open(aead, base, limit - 1, sealed, 20, plain));
	cr_assert_not(sr_chunk_seal(aead, base, limit, plain, 4, sealed));
	cr_assert_not(sr_chunk_seal(aead, base, UINT64_MAX, plain, 4, sealed));
	memset(plain, 0xee, sizeof plain);
	cr_assert_not(sr_chunk_open(aead, base, limit, sealed, 20, plain));
	cr_assert(sodium_is_zero(plain, 4));
	cr_assert_not(sr_chunk_seal(aead, base, 0, plain, SR_CHUNK + 1, sealed));
	cr_assert_not(sr_chunk_open(aead, base, 0, sealed, SR_CHUNK_SEALED + 1, plain));
	for (size_t size = 0; size < SR_AEAD_TAG; size++)
		cr_assert_not(sr_chunk_open(aead, base, 0, sealed, size, plain));
	sr_aead_free(aead);
}

/* The sealed length, chunk by chunk, as the specification tells it. */
static uint64_t counted_size(uint64_t plain)
{
	uint64_t sealed = 24 + 32;

	for (; plain >= 16384; plain -= 16384)
		sealed += 16384 + 16;
	return sealed + plain + 16;
}

Test(chunked, sizes_of_the_first_three_chunks_exhaustively)
{
	const uint64_t most = counted_size(3 * SR_CHUNK + 40);
	uint64_t next = 0, wrong = 0;

	/* Sealed sizes grow with plain sizes, so walking both finds each length that no message has. */
	for (uint64_t sealed = 0; sealed <= most; sealed++) {
		uint64_t plain = UINT64_MAX;
		bool some = sr_plain_size(sealed, &plain);

		if (sealed == counted_size(next)) {
			wrong += !some || plain != next || sr_sealed_size(next) != sealed;
			next++;
		} else {
			wrong += some;
		}
	}
	cr_assert_eq(wrong, 0);
	cr_assert_eq(next, 3 * SR_CHUNK + 41);
}

Test(chunked, sizes_near_the_largest_message)
{
	const uint64_t most = (UINT64_C(1) << 52) - 1;
	uint64_t plain;

	for (uint64_t size = most; size > most - 40; size--) {
		cr_assert(sr_plain_size(sr_sealed_size(size), &plain));
		cr_assert_eq(plain, size);
	}
	for (uint64_t beyond = 1; beyond < 40; beyond++)
		cr_assert_not(sr_plain_size(sr_sealed_size(most) + beyond, &plain), "+%lu", (unsigned long)beyond);
	cr_assert_not(sr_plain_size(UINT64_MAX, &plain));
}

Test(chunked, offsets_of_chunks)
{
	cr_assert_eq(sr_chunk_offset(0), 56);
	cr_assert_eq(sr_chunk_offset(1), 16456);
	cr_assert_eq(sr_chunk_offset(2), 32856);
	cr_assert_eq(sr_chunk_offset((UINT64_C(1) << 38) - 1), 56 + ((UINT64_C(1) << 38) - 1) * 16400);
}
