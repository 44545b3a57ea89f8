/*
 * What the tests of the serve room stand on: an index, blobs and the fixed keyring in a directory of their own; one
 * track there, sealed as a writer seals it; and a request about it that nobody sent.
 */
#ifndef SR_TEST_SERVE_FIXTURE_H
#define SR_TEST_SERVE_FIXTURE_H

#include "fixed_keyring.h"
#include "index_fixture.h"
#include "keys/opening.h"
#include "serve/record/sealing.h"
#include "serve/request.h"

#define TRACK 3

static const uint8_t recording[SR_UUID] = {0x01, 0x8f, 2, 3, 4, 5, 0x70, 7, 0x80, 9, 10, 11, 12, 13, 0xfd, 0x02};
static const uint8_t tag[SR_TAG] = {0x7a, 1, 2, 3};
static const uint8_t dek[SR_KEY] = {0xde, 0x4b, 3, 2, 1};

static struct sr_daemon store;
static struct sr_request request;
static struct sr_error failure;

static inline void store_make_blobs(void)
{
	char blobs[80];

	make_directory();
	(void)snprintf(blobs, sizeof blobs, "%s/blobs", directory);
	cr_assert_eq(sr_blobs_create(blobs, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_blobs_open(blobs, 0, &store.blobs, &failure), SR_OK, "%s", failure.text);
	store.spoiled = sr_spoiled_new();
	cr_assert_not_null(store.spoiled);
	store.witnesses = sr_witnesses_new();
	cr_assert_not_null(store.witnesses);
	store.keyring = fixed_keyring();
}

/* Everything, and the request. */
static inline void store_make(void)
{
	store_make_blobs();
	store.index = opened();
	request = (struct sr_request){.daemon = &store, .operation = "test"};
	memcpy(request.tag, tag, SR_TAG);
}

static inline void store_remove(void)
{
	sr_index_close(store.index);
	sr_spoiled_free(store.spoiled);
	sr_witnesses_free(store.witnesses);
	sr_blobs_close(store.blobs);
	sr_keyring_free(store.keyring);
	remove_directory();
}

/* As after a restart: nobody knows what was written. */
static inline void forget_witnesses(void)
{
	sr_witnesses_free(store.witnesses);
	store.witnesses = sr_witnesses_new();
	cr_assert_not_null(store.witnesses);
}

static inline struct sr_blob_name file_of(uint16_t number)
{
	struct sr_blob_name name = {.track = TRACK, .file = number};

	memcpy(name.recording, recording, SR_UUID);
	return name;
}

/* The path of a file of the track, from the design alone. */
static inline const char *file_path(uint16_t number)
{
	static char full[160];
	char id[SR_UUID_TEXT];

	sr_uuid_format(recording, id);
	(void)snprintf(full, sizeof full, "%s/blobs/102/%s.%d.%u", directory, id, TRACK, number);
	return full;
}

static inline size_t file_size(uint16_t number)
{
	struct stat found;

	cr_assert_eq(stat(file_path(number), &found), 0);
	return (size_t)found.st_size;
}

/* Turn over one bit of a stored byte; twice is as before. */
static inline void flip_stored(uint16_t file, uint64_t position)
{
	uint8_t byte;
	FILE *stream = fopen(file_path(file), "r+");

	cr_assert_not_null(stream);
	cr_assert_eq(fseeko(stream, (off_t)position, SEEK_SET), 0);
	cr_assert_eq(fread(&byte, 1, 1, stream), 1u, "nothing is stored at %llu", (unsigned long long)position);
	byte ^= 0x10;
	cr_assert_eq(fseeko(stream, (off_t)position, SEEK_SET), 0);
	cr_assert_eq(fwrite(&byte, 1, 1, stream), 1u);
	cr_assert_eq(fclose(stream), 0);
}

/* ---- rows ---- */

static inline void put_value(const struct sr_index_key *key, const void *value, size_t size)
{
	struct sr_op *op = new_op();

	cr_assert(sr_op_put(op, key, value, size));
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
}

/* A copy of what the index has under a key; its size, 0 if nothing. */
static inline size_t get_value(const struct sr_index_key *key, uint8_t *out, size_t room)
{
	struct sr_view *view = view_of(store.index);
	struct sr_span value;
	enum sr_code code = sr_view_get(view, key, &value);

	cr_assert(code == SR_OK || code == SR_NOT_FOUND);
	cr_assert_leq(value.size, room);
	if (value.size != 0)
		memcpy(out, value.data, value.size);
	sr_view_end(view);
	return value.size;
}

static inline struct sr_index_key track_key_of(void)
{
	return sr_key_track(tag, recording, TRACK);
}

static inline void put_row(const struct sr_track_row *row)
{
	uint8_t bytes[SR_ROW_MAX];
	struct sr_index_key key = track_key_of();

	put_value(&key, bytes, sr_track_row_encode(store.keyring, recording, row, bytes));
}

/* The track's row as the index has it, and the HMAC that names it. */
static inline void get_row(struct sr_track_row *row, uint8_t mac[SR_ROW_MAC])
{
	uint8_t bytes[SR_ROW_MAX];
	struct sr_index_key key = track_key_of();
	size_t size = get_value(&key, bytes, sizeof bytes);

	cr_assert_eq(sr_track_row_decode(store.keyring, recording, (struct sr_span){bytes, size}, row), SR_OK);
	memcpy(mac, bytes + size - SR_ROW_MAC, SR_ROW_MAC);
}

static inline struct sr_head head_of(const struct sr_track_row *row)
{
	uint8_t key[SR_KEY];
	struct sr_head head;

	sr_head_key(dek, key);
	cr_assert_eq(sr_head_open(key, recording, TRACK, row->head, &head), SR_OPENED);
	return head;
}

/* A row of a track with nothing in it yet. */
static inline struct sr_track_row fresh_row(void)
{
	struct sr_track_row row = {
		.track = TRACK, .generation = 1, .writing = SR_WRITING_OPEN, .file_count = 1, .files = {{.number = 1}}};
	struct sr_head head = {.revision = 1, .state = SR_UNFINISHED};
	struct sr_track_words words = {.media_type = "audio/ogg", .media_type_size = 9};
	uint8_t key[SR_KEY];

	sr_head_key(dek, key);
	sr_chain_start(recording, TRACK, head.chain);
	cr_assert_eq(sr_head_seal(key, recording, TRACK, &head, row.head), SR_OK);
	cr_assert_eq(sr_track_words_seal(dek, recording, &words, &row), SR_OK);
	return row;
}

static inline bool get_place(uint32_t number, struct sr_segment_place *place)
{
	uint8_t bytes[SR_SEGMENT_ROW];
	struct sr_index_key key = sr_key_segment(tag, recording, TRACK, number);
	size_t size = get_value(&key, bytes, sizeof bytes);
	struct sr_cursor in = sr_cursor_over(bytes, size);

	if (size == 0)
		return false;
	sr_segment_place_decode(&in, place);
	return sr_take_done(&in);
}

/* Put a place under a number, whatever it says. */
static inline void put_place(uint32_t number, const struct sr_segment_place *place)
{
	uint8_t bytes[SR_SEGMENT_ROW];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	struct sr_index_key key = sr_key_segment(tag, recording, TRACK, number);

	sr_segment_place_encode(&out, place);
	put_value(&key, bytes, out.used);
}

/* ---- media ---- */

/* The track's plaintext byte at `offset`: no period that chunks, segments or extents could share. */
static inline uint8_t media_at(uint64_t offset)
{
	return (uint8_t)((offset * 2654435761u) >> 13 ^ offset);
}

static inline void media_fill(uint8_t *out, uint64_t offset, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = media_at(offset + i);
}

/* ---- writing ---- */

/* A writer of the track as the index has it now; NULL with the code of a refusal, and its text in `failure`. */
static inline enum sr_code try_writing(struct sr_sealing **sealing)
{
	struct sr_track_row row;
	struct sr_blob *blob;
	uint8_t mac[SR_ROW_MAC];
	bool changed;

	get_row(&row, mac);
	cr_assert_eq(sr_track_file_open(store.blobs, store.spoiled, recording, &row, &blob, &changed, &failure), SR_OK,
		     "%s", failure.text);
	if (changed) {
		put_row(&row);
		get_row(&row, mac);
	}
	struct sr_sealing_options options = {.parts = {store.keyring, store.index, store.blobs},
					     .witnesses = store.witnesses,
					     .blob = blob,
					     .dek = dek,
					     .row = &row,
					     .mac = mac};
	memcpy(options.tag, tag, SR_TAG);
	memcpy(options.recording, recording, SR_UUID);
	enum sr_code code = sr_sealing_new(&options, sealing, &failure);
	if (code != SR_OK)
		sr_blob_close(blob);
	return code;
}

static inline struct sr_sealing *begin_writing(void)
{
	struct sr_sealing *sealing;

	cr_assert_eq(try_writing(&sealing), SR_OK, "%s", failure.text);
	return sealing;
}

static inline void expect_committed(void *context, enum sr_code result, size_t check_number)
{
	(void)context, (void)check_number;
	if (result != SR_OK)
		abort();
}

/* Hand on every commit made so far; they share the index's commits. */
static inline unsigned commit_all(struct sr_sealing *sealing)
{
	struct sr_commit *commit = sr_sealing_take(sealing), *next;
	unsigned count = 0;

	for (; commit; commit = next, count++) {
		next = commit->next;
		sr_index_submit(store.index, commit->op, expect_committed, NULL);
		commit->op = NULL;
		sr_commit_free(commit);
	}
	put_now(store.index, "settled", "yes");
	return count;
}

/* Feed it in one stretch; no segment closes but a full one. */
static inline enum sr_code feed_bytes(struct sr_sealing *sealing, const uint8_t *data, size_t size, uint64_t media_time)
{
	struct sr_span part = {data, size};
	struct sr_sealing_input input = {&part, 1, media_time, false};

	return sr_sealing_feed(sealing, &input, &failure);
}

/* Feed nothing and close what is open. */
static inline enum sr_code close_segment(struct sr_sealing *sealing)
{
	struct sr_sealing_input input = {.media_time = SR_NO_MEDIA_TIME, .closes = true};

	return sr_sealing_feed(sealing, &input, &failure);
}

/* One segment of each length in turn, from where the track ends, all of media_at. */
static inline void write_segments(const uint32_t *lengths, size_t count)
{
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC], *media = malloc(SR_SEGMENT_MAX);

	cr_assert_not_null(media);
	get_row(&row, mac);
	uint64_t offset = row.length;
	struct sr_sealing *sealing = begin_writing();
	for (size_t i = 0; i < count; offset += lengths[i++]) {
		media_fill(media, offset, lengths[i]);
		cr_assert_eq(feed_bytes(sealing, media, lengths[i], 1000 + i), SR_OK);
		cr_assert_eq(close_segment(sealing), SR_OK);
	}
	cr_assert_eq(commit_all(sealing), count);
	sr_sealing_free(sealing);
	free(media);
}

static inline enum sr_code take_up(struct sr_extents *extents, const struct sr_blob_name *name, uint64_t committed)
{
	const struct sr_extents_parts parts = {store.keyring, store.index, store.blobs};

	return sr_extents_take_up(extents, &parts, name, committed, &failure);
}

#endif
