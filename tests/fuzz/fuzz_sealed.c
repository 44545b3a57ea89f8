/*
 * What stands inside a seal, and seals themselves. The first byte chooses: `h` the plaintext of a track's head, `w`
 * that of a track's words, each sealed under the right key as only a writer could; `m` a sealed message with changes: a
 * length to cut it to, the size of the pieces it comes in, then places and what to flip there.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "keys/derive.h"
#include "keys/opening.h"

#define TRACK 7
#define CHANGE 3 /* bytes of one change: where, what */
#define PLAIN (SR_CHUNK + 100)
#define SEALED (SR_SEALED_FRONT + PLAIN + 2 * SR_AEAD_TAG)

static const uint8_t dek[SR_KEY] = {1};
static const uint8_t recording[SR_UUID] = {2};
static uint8_t whole[SEALED];
static uint8_t plain_of_whole[PLAIN];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t salt[SR_SALT] = {3};

	(void)argc;
	(void)argv;
	must(sodium_init() >= 0 && sr_sealed_size(PLAIN) == SEALED);
	memset(plain_of_whole, 0x5a, sizeof plain_of_whole);
	must(sr_seal_with_salt(dek, salt, recording, sizeof recording, plain_of_whole, PLAIN, whole) == SR_OK);
	return 0;
}

static void fuzz_head(const uint8_t *data, size_t size)
{
	uint8_t plain[SR_HEAD] = {0};
	uint8_t again[SR_HEAD];
	uint8_t sealed[SR_HEAD_SEALED];
	struct sr_builder out = sr_builder_over(again, sizeof again);
	struct sr_context context;
	struct sr_head head;
	enum sr_opening opening;

	memcpy(plain, data, size < sizeof plain ? size : sizeof plain);
	sr_context_head(&context, recording, TRACK);
	must(sr_seal(dek, context.bytes, context.size, plain, sizeof plain, sealed) == SR_OK);
	opening = sr_head_open(dek, recording, TRACK, sealed, &head);
	must(opening == SR_OPENED || opening == SR_DAMAGED);
	if (opening != SR_OPENED)
		return;
	sr_head_encode(&out, &head);
	must(!out.failed && out.used == sizeof again && memcmp(again, plain, sizeof plain) == 0);
}

static void fuzz_words(const uint8_t *data, size_t size)
{
	static struct sr_track_row row;
	struct sr_track_words words;
	struct sr_context context;
	uint8_t key[SR_KEY];
	enum sr_opening opening;

	if (sr_sealed_size(size) > sizeof row.entry)
		return;
	row.track = TRACK;
	row.entry_size = (uint16_t)sr_sealed_size(size);
	sr_entry_key(dek, key);
	sr_context_track_entry(&context, recording, TRACK);
	must(sr_seal(key, context.bytes, context.size, data, size, row.entry) == SR_OK);
	opening = sr_track_words_open(dek, recording, &row, &words);
	must(opening == SR_OPENED || opening == SR_DAMAGED);
	/* Two lengths of two bytes, and the words. */
	if (opening == SR_OPENED)
		must(4 + words.media_type_size + words.label_size == size &&
		     memcmp(words.media_type, data + 2, words.media_type_size) == 0 &&
		     memcmp(words.label, data + 4 + words.media_type_size, words.label_size) == 0);
}

/* As one message and as a stream, in pieces of `piece` bytes: the same answer. */
static void open_both_ways(const uint8_t *sealed, size_t size, size_t piece, bool same)
{
	static uint8_t plain[SEALED + SR_CHUNK];
	enum sr_opening once = sr_open(dek, recording, sizeof recording, sealed, size, plain);
	enum sr_opening streamed = SR_OPENED;
	struct sr_opener *opener = sr_opener_new(dek, recording, sizeof recording);
	uint64_t none;
	size_t made = 0;
	size_t got = 0;

	must(opener != NULL && (once == SR_OPENED) == same);
	must(!same || memcmp(plain, plain_of_whole, PLAIN) == 0);
	for (size_t at = 0; at < size && streamed == SR_OPENED; at += piece) {
		streamed = sr_opener_feed(opener, sealed + at, size - at < piece ? size - at : piece, plain, &got);
		must(memcmp(plain, plain_of_whole, got) == 0);
		made += got;
	}
	if (streamed == SR_OPENED)
		streamed = sr_opener_close(opener, plain, &got);
	/* A length that no message has is damage at once, while a stream meets the front before its end. */
	if (sr_plain_size(size, &none))
		must(streamed == once && (!same || made + got == PLAIN));
	else
		must(streamed != SR_OPENED && once == SR_DAMAGED);
	sr_opener_free(opener);
}

static void fuzz_message(const uint8_t *data, size_t size)
{
	struct sr_cursor in = sr_cursor_over(data, size);
	size_t cut = sr_take_u16(&in);
	size_t piece = 1 + sr_take_u16(&in);
	uint8_t *sealed;

	if (in.failed)
		return;
	cut = cut < SEALED ? cut : SEALED;
	/* Of its very size, so that a byte read too far is seen. */
	sealed = malloc(cut > 0 ? cut : 1);
	must(sealed != NULL);
	memcpy(sealed, whole, cut);
	while (in.left >= CHANGE) {
		size_t at = sr_take_u16(&in);
		uint8_t flipped = sr_take_u8(&in);

		if (at < cut)
			sealed[at] ^= flipped;
	}
	open_both_ways(sealed, cut, piece, cut == SEALED && memcmp(sealed, whole, SEALED) == 0);
	free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0]) {
	case 'h':
		fuzz_head(data + 1, size - 1);
		break;
	case 'w':
		fuzz_words(data + 1, size - 1);
		break;
	case 'm':
		fuzz_message(data + 1, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
