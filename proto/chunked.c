/*
 * Cobblestone-256: deriving a message's key, its chunks, and whole messages at once or as they arrive.
 */
#include "chunked.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "equal.h"
#include "hkdf.h"

#define CHUNKS_MAX (UINT64_C(1) << 38)

/* The terminating zero byte belongs to the specification's info. */
static const char info_label[] = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";

uint64_t sr_sealed_size(uint64_t plain)
{
	return sr_chunk_offset(plain / SR_CHUNK) + plain % SR_CHUNK + SR_AEAD_TAG;
}

bool sr_plain_size(uint64_t sealed, uint64_t *plain)
{
	uint64_t full;
	uint64_t last;

	if (sealed < SR_SEALED_FRONT)
		return false;
	full = (sealed - SR_SEALED_FRONT) / SR_CHUNK_SEALED;
	last = (sealed - SR_SEALED_FRONT) % SR_CHUNK_SEALED;
	if (last < SR_AEAD_TAG || full >= CHUNKS_MAX)
		return false;
	*plain = full * SR_CHUNK + last - SR_AEAD_TAG;
	return true;
}

uint64_t sr_chunk_offset(uint64_t chunk)
{
	return SR_SEALED_FRONT + chunk * SR_CHUNK_SEALED;
}

/* Derive a message's key from an input key that was taken in. */
static void derive(const struct sr_hmac_key *input_key, const uint8_t salt[SR_SALT], struct sr_span context,
		   struct sr_message_key *out)
{
	const struct sr_span info[] = {
		{.data = (const uint8_t *)info_label, .size = sizeof info_label},
		{.data = salt, .size = SR_SALT},
		context,
	};
	uint8_t derived[SR_AEAD_KEY + SR_AEAD_NONCE + SR_COMMITMENT];
	struct sr_cursor in;

	sr_hkdf_expand_keyed(input_key, info, sizeof info / sizeof info[0], derived, sizeof derived);
	in = sr_cursor_over(derived, sizeof derived);
	sr_take_copy(&in, out->key, sizeof out->key);
	sr_take_copy(&in, out->base_nonce, sizeof out->base_nonce);
	sr_take_copy(&in, out->commitment, sizeof out->commitment);
	sodium_memzero(derived, sizeof derived);
}

void sr_message_key_derive(const uint8_t input_key[SR_KEY], const uint8_t salt[SR_SALT], const uint8_t *context,
			   size_t context_size, struct sr_message_key *out)
{
	struct sr_hmac_key taken;

	sr_hmac_key(&taken, input_key, SR_KEY);
	derive(&taken, salt, (struct sr_span){.data = context, .size = context_size}, out);
	sodium_memzero(&taken, sizeof taken);
}

static void chunk_nonce(const uint8_t base_nonce[SR_AEAD_NONCE], uint64_t chunk, uint8_t nonce[SR_AEAD_NONCE])
{
	memcpy(nonce, base_nonce, SR_AEAD_NONCE);
	for (size_t i = SR_AEAD_NONCE; chunk != 0; chunk >>= 8)
		nonce[--i] ^= (uint8_t)chunk;
}

bool sr_chunk_seal(struct sr_aead *aead, const uint8_t base_nonce[SR_AEAD_NONCE], uint64_t chunk, const uint8_t *plain,
		   size_t size, uint8_t *sealed)
{
	uint8_t nonce[SR_AEAD_NONCE];

	if (chunk >= CHUNKS_MAX || size > SR_CHUNK)
		return false;
	chunk_nonce(base_nonce, chunk, nonce);
	return sr_aead_seal(aead, nonce, NULL, 0, plain, size, sealed);
}

bool sr_chunk_open(struct sr_aead *aead, const uint8_t base_nonce[SR_AEAD_NONCE], uint64_t chunk, const uint8_t *sealed,
		   size_t sealed_size, uint8_t *plain)
{
	uint8_t nonce[SR_AEAD_NONCE];

	if (sealed_size < SR_AEAD_TAG)
		return false;
	if (chunk >= CHUNKS_MAX || sealed_size > SR_CHUNK_SEALED) {
		sodium_memzero(plain, sealed_size - SR_AEAD_TAG);
		return false;
	}
	chunk_nonce(base_nonce, chunk, nonce);
	return sr_aead_open(aead, nonce, NULL, 0, sealed, sealed_size, plain);
}

/* Put the whole message out: its front, then every chunk. `aead` has the message's key. */
static bool seal_message(struct sr_aead *aead, const struct sr_message_key *message, const uint8_t salt[SR_SALT],
			 struct sr_span plain, uint8_t *sealed)
{
	struct sr_cursor in = sr_cursor_over(plain.data, plain.size);
	uint64_t chunk = 0;

	memcpy(sealed, salt, SR_SALT);
	memcpy(sealed + SR_SALT, message->commitment, SR_COMMITMENT);
	sealed += SR_SEALED_FRONT;
	for (; in.left >= SR_CHUNK; sealed += SR_CHUNK_SEALED) {
		if (!sr_chunk_seal(aead, message->base_nonce, chunk++, sr_take_span(&in, SR_CHUNK).data, SR_CHUNK,
				   sealed))
			return false;
	}
	return sr_chunk_seal(aead, message->base_nonce, chunk, in.at, in.left, sealed);
}

enum sr_code sr_seal(const uint8_t input_key[SR_KEY], const uint8_t *context, size_t context_size, const uint8_t *plain,
		     size_t size, uint8_t *sealed)
{
	uint8_t salt[SR_SALT];

	randombytes_buf(salt, sizeof salt);
	return sr_seal_with_salt(input_key, salt, context, context_size, plain, size, sealed);
}

enum sr_code sr_seal_with_salt(const uint8_t input_key[SR_KEY], const uint8_t salt[SR_SALT], const uint8_t *context,
			       size_t context_size, const uint8_t *plain, size_t size, uint8_t *sealed)
{
	struct sr_message_key message;
	struct sr_aead *aead;
	enum sr_code code = SR_INTERNAL;

	sr_message_key_derive(input_key, salt, context, context_size, &message);
	aead = sr_aead_new(message.key);
	if (aead != NULL && seal_message(aead, &message, salt, (struct sr_span){.data = plain, .size = size}, sealed))
		code = SR_OK;
	sr_aead_free(aead);
	sodium_memzero(&message, sizeof message);
	return code;
}

/*
 * Check a front's commitment, then make the schedule that opens its chunks. On SR_OPENED `aead` and `base_nonce` are
 * set; otherwise neither.
 */
static enum sr_opening open_front(const uint8_t input_key[SR_KEY], const struct sr_span *context,
				  const uint8_t front[SR_SEALED_FRONT], struct sr_aead **aead,
				  uint8_t base_nonce[SR_AEAD_NONCE])
{
	struct sr_message_key message;
	enum sr_opening opening = SR_OTHER_KEY;

	sr_message_key_derive(input_key, front, context->data, context->size, &message);
	if (!sr_equal(message.commitment, front + SR_SALT, SR_COMMITMENT))
		goto out;
	opening = SR_OPEN_FAILED;
	*aead = sr_aead_new(message.key);
	if (*aead == NULL)
		goto out;
	memcpy(base_nonce, message.base_nonce, SR_AEAD_NONCE);
	opening = SR_OPENED;
out:
	sodium_memzero(&message, sizeof message);
	return opening;
}

/* Open what follows the front. False if a chunk does not; some may be in `plain` then. */
static bool open_chunks(struct sr_aead *aead, const uint8_t base_nonce[SR_AEAD_NONCE], struct sr_cursor in,
			uint8_t *plain)
{
	for (uint64_t chunk = 0; !sr_take_done(&in); chunk++) {
		struct sr_span part = sr_take_span(&in, in.left < SR_CHUNK_SEALED ? in.left : SR_CHUNK_SEALED);

		if (!sr_chunk_open(aead, base_nonce, chunk, part.data, part.size, plain))
			return false;
		if (part.size == SR_CHUNK_SEALED)
			plain += SR_CHUNK;
	}
	return true;
}

enum sr_opening sr_open(const uint8_t input_key[SR_KEY], const uint8_t *context, size_t context_size,
			const uint8_t *sealed, size_t sealed_size, uint8_t *plain)
{
	const struct sr_span bound = {.data = context, .size = context_size};
	struct sr_cursor in = sr_cursor_over(sealed, sealed_size);
	struct sr_aead *aead = NULL;
	uint8_t base_nonce[SR_AEAD_NONCE];
	uint64_t plain_size;
	enum sr_opening opening;

	if (!sr_plain_size(sealed_size, &plain_size))
		return SR_DAMAGED;
	opening = open_front(input_key, &bound, sr_take_span(&in, SR_SEALED_FRONT).data, &aead, base_nonce);
	if (opening == SR_OPENED && !open_chunks(aead, base_nonce, in, plain))
		opening = SR_DAMAGED;
	if (opening != SR_OPENED && plain_size != 0)
		sodium_memzero(plain, plain_size);
	sr_aead_free(aead);
	sodium_memzero(base_nonce, sizeof base_nonce);
	return opening;
}

#define SALTS 32

struct sr_input {
	struct sr_hmac_key key;
	struct sr_aead *aead; /* each message gives it its own key */
	unsigned salts_left;
	uint8_t salts[SALTS][SR_SALT]; /* drawn many at a time: a call of the kernel costs more than the bytes */
};

/* Each salt is taken out once. */
static void take_salt(struct sr_input *input, uint8_t salt[SR_SALT])
{
	if (input->salts_left == 0) {
		randombytes_buf(input->salts, sizeof input->salts);
		input->salts_left = SALTS;
	}
	memcpy(salt, input->salts[--input->salts_left], SR_SALT);
}

struct sr_input *sr_input_new(const uint8_t key[SR_KEY])
{
	static const uint8_t no_key[SR_AEAD_KEY];
	struct sr_input *input = calloc(1, sizeof *input);

	if (input == NULL)
		return NULL;
	input->aead = sr_aead_new(no_key);
	if (input->aead == NULL) {
		free(input);
		return NULL;
	}
	sr_input_take(input, key);
	return input;
}

void sr_input_take(struct sr_input *input, const uint8_t key[SR_KEY])
{
	sr_hmac_key(&input->key, key, SR_KEY);
}

void sr_input_free(struct sr_input *input)
{
	if (input == NULL)
		return;
	sr_aead_free(input->aead);
	sodium_memzero(input, sizeof *input);
	free(input);
}

enum sr_code sr_input_seal(struct sr_input *input, struct sr_span context, struct sr_span plain, uint8_t *sealed)
{
	struct sr_message_key message;
	uint8_t salt[SR_SALT];
	enum sr_code code = SR_INTERNAL;

	take_salt(input, salt);
	derive(&input->key, salt, context, &message);
	if (sr_aead_rekey(input->aead, message.key) && seal_message(input->aead, &message, salt, plain, sealed))
		code = SR_OK;
	sodium_memzero(&message, sizeof message);
	return code;
}

enum sr_opening sr_input_open(struct sr_input *input, struct sr_span context, struct sr_span sealed, uint8_t *plain)
{
	struct sr_cursor in = sr_cursor_over(sealed.data, sealed.size);
	struct sr_message_key message;
	const uint8_t *front;
	uint64_t plain_size;
	enum sr_opening opening = SR_OTHER_KEY;

	if (!sr_plain_size(sealed.size, &plain_size))
		return SR_DAMAGED;
	front = sr_take_span(&in, SR_SEALED_FRONT).data;
	derive(&input->key, front, context, &message);
	if (sr_equal(message.commitment, front + SR_SALT, SR_COMMITMENT)) {
		opening = SR_OPEN_FAILED;
		if (sr_aead_rekey(input->aead, message.key))
			opening = open_chunks(input->aead, message.base_nonce, in, plain) ? SR_OPENED : SR_DAMAGED;
	}
	if (opening != SR_OPENED && plain_size != 0)
		sodium_memzero(plain, plain_size);
	sodium_memzero(&message, sizeof message);
	return opening;
}

struct sr_sealer {
	struct sr_aead *aead;
	uint64_t chunk;
	size_t held;
	bool over; /* closed or failed: sealing on would use a nonce twice */
	uint8_t base_nonce[SR_AEAD_NONCE];
	uint8_t buffer[SR_CHUNK];
};

struct sr_sealer *sr_sealer_new(const uint8_t input_key[SR_KEY], const uint8_t *context, size_t context_size,
				uint8_t front[SR_SEALED_FRONT])
{
	struct sr_sealer *sealer = calloc(1, sizeof *sealer);
	struct sr_message_key message;

	if (sealer == NULL)
		return NULL;
	randombytes_buf(front, SR_SALT);
	sr_message_key_derive(input_key, front, context, context_size, &message);
	memcpy(front + SR_SALT, message.commitment, SR_COMMITMENT);
	memcpy(sealer->base_nonce, message.base_nonce, sizeof sealer->base_nonce);
	sealer->aead = sr_aead_new(message.key);
	if (sealer->aead == NULL) {
		sr_sealer_free(sealer);
		sealer = NULL;
	}
	sodium_memzero(&message, sizeof message);
	return sealer;
}

void sr_sealer_free(struct sr_sealer *sealer)
{
	if (sealer == NULL)
		return;
	sr_aead_free(sealer->aead);
	sodium_memzero(sealer, sizeof *sealer);
	free(sealer);
}

size_t sr_sealer_room(const struct sr_sealer *sealer, size_t size)
{
	return (sealer->held + size) / SR_CHUNK * SR_CHUNK_SEALED;
}

/* Seal the next chunk; a failure ends the message. */
static bool seal_next(struct sr_sealer *sealer, const uint8_t *plain, size_t size, uint8_t *out)
{
	if (sealer->over || !sr_chunk_seal(sealer->aead, sealer->base_nonce, sealer->chunk, plain, size, out)) {
		sealer->over = true;
		return false;
	}
	sealer->chunk++;
	return true;
}

enum sr_code sr_sealer_feed(struct sr_sealer *sealer, const uint8_t *plain, size_t size, uint8_t *out, size_t *out_size)
{
	size_t put = 0;

	*out_size = 0;
	if (sealer->over)
		return SR_INTERNAL;
	while (size > 0) {
		/* A chunk that lies whole in the input is sealed from there. */
		bool whole = sealer->held == 0 && size >= SR_CHUNK;
		size_t room = SR_CHUNK - sealer->held;
		size_t part = size < room ? size : room;

		if (!whole)
			memcpy(sealer->buffer + sealer->held, plain, part);
		if (part == room) {
			if (!seal_next(sealer, whole ? plain : sealer->buffer, SR_CHUNK, out + put))
				return SR_INTERNAL;
			put += SR_CHUNK_SEALED;
			sealer->held = 0;
		} else {
			sealer->held += part;
		}
		plain += part;
		size -= part;
	}
	*out_size = put;
	return SR_OK;
}

enum sr_code sr_sealer_close(struct sr_sealer *sealer, uint8_t out[SR_CHUNK_SEALED], size_t *out_size)
{
	*out_size = 0;
	if (!seal_next(sealer, sealer->buffer, sealer->held, out))
		return SR_INTERNAL;
	*out_size = sealer->held + SR_AEAD_TAG;
	sealer->over = true;
	sodium_memzero(sealer->buffer, sealer->held);
	return SR_OK;
}

struct sr_opener {
	struct sr_aead *aead; /* NULL until the front has come and its commitment fits */
	uint64_t chunk;
	size_t held;
	enum sr_opening result; /* anything but SR_OPENED is final */
	uint8_t input_key[SR_KEY];
	uint8_t base_nonce[SR_AEAD_NONCE];
	uint8_t buffer[SR_CHUNK_SEALED]; /* sealed bytes: the front, then one chunk after another */
	size_t context_size;
	uint8_t context[];
};

struct sr_opener *sr_opener_new(const uint8_t input_key[SR_KEY], const uint8_t *context, size_t context_size)
{
	struct sr_opener *opener = calloc(1, sizeof *opener + context_size);

	if (opener == NULL)
		return NULL;
	memcpy(opener->input_key, input_key, SR_KEY);
	if (context_size != 0)
		memcpy(opener->context, context, context_size);
	opener->context_size = context_size;
	return opener;
}

void sr_opener_free(struct sr_opener *opener)
{
	if (opener == NULL)
		return;
	sr_aead_free(opener->aead);
	sodium_memzero(opener, sizeof *opener + opener->context_size);
	free(opener);
}

/* The buffer holds a whole front, or a whole chunk: use it up. Adds the plaintext's size to *put. */
static enum sr_opening open_held(struct sr_opener *opener, uint8_t *out, size_t *put)
{
	if (opener->aead == NULL) {
		const struct sr_span context = {.data = opener->context, .size = opener->context_size};
		enum sr_opening opening =
			open_front(opener->input_key, &context, opener->buffer, &opener->aead, opener->base_nonce);

		sodium_memzero(opener->input_key, sizeof opener->input_key);
		opener->held = 0;
		return opening;
	}
	if (!sr_chunk_open(opener->aead, opener->base_nonce, opener->chunk++, opener->buffer, opener->held, out + *put))
		return SR_DAMAGED;
	*put += opener->held - SR_AEAD_TAG;
	opener->held = 0;
	return SR_OPENED;
}

enum sr_opening sr_opener_feed(struct sr_opener *opener, const uint8_t *sealed, size_t size, uint8_t *out,
			       size_t *out_size)
{
	struct sr_cursor in = sr_cursor_over(sealed, size);
	size_t put = 0;

	*out_size = 0;
	while (opener->result == SR_OPENED && !sr_take_done(&in)) {
		size_t room = (opener->aead == NULL ? SR_SEALED_FRONT : SR_CHUNK_SEALED) - opener->held;
		size_t part = in.left < room ? in.left : room;

		sr_take_copy(&in, opener->buffer + opener->held, part);
		opener->held += part;
		if (part == room)
			opener->result = open_held(opener, out, &put);
	}
	/* What verified before the failure is not handed out either: the caller has been told of none of it. */
	if (opener->result != SR_OPENED && put != 0)
		sodium_memzero(out, put);
	*out_size = opener->result == SR_OPENED ? put : 0;
	return opener->result;
}

enum sr_opening sr_opener_close(struct sr_opener *opener, uint8_t out[SR_CHUNK], size_t *out_size)
{
	enum sr_opening opening = opener->result;

	*out_size = 0;
	if (opening != SR_OPENED)
		return opening;
	opening = SR_DAMAGED;
	if (opener->aead != NULL && opener->held >= SR_AEAD_TAG)
		opening = open_held(opener, out, out_size);
	/* The message is over either way: bytes that came after its end would belong to none. */
	opener->result = SR_DAMAGED;
	return opening;
}
