/*
 * A track being sealed: what lies in its file opens with keys derived here by hand, its commits chain, and a failing
 * disk takes nothing back.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "serve/record/track_file.h"
#include "serve_fixture.h"

/* Stands in for libc's: the disk has so many bytes left. */
static size_t write_room = SIZE_MAX;
static int write_errno;
static unsigned writes;

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *data, size_t size, off_t position)
{
	writes++;
	if (write_room == 0) {
		errno = write_errno;
		return -1;
	}
	ssize_t wrote = syscall(SYS_pwrite64, fd, data, size < write_room ? size : write_room, position);

	if (wrote > 0 && write_room != SIZE_MAX)
		write_room -= (size_t)wrote;
	return wrote;
}

static void set_up(void)
{
	struct sr_track_row row = fresh_row();

	store_make();
	put_row(&row);
}

TestSuite(sealing, .init = set_up, .fini = store_remove);

/* Feed `size` bytes of media_at from `offset`, `at_once` at a time; time 77 goes with each. */
static enum sr_code feed(struct sr_sealing *sealing, uint64_t offset, size_t size, size_t at_once)
{
	uint8_t *media = malloc(at_once);
	enum sr_code code = SR_OK;

	cr_assert_not_null(media);
	for (size_t done = 0; code == SR_OK && done < size;) {
		size_t now = size - done < at_once ? size - done : at_once;

		media_fill(media, offset + done, now);
		code = feed_bytes(sealing, media, now, 77);
		done += now;
	}
	free(media);
	return code;
}

/* ---- opening it again, from PROTOCOL.md ---- */

/* A label, a zero byte, then `fields`. */
static size_t context_of(uint8_t *out, const char *label, const void *fields, size_t size)
{
	memcpy(out, label, strlen(label) + 1);
	memcpy(out + strlen(label) + 1, fields, size);
	return strlen(label) + 1 + size;
}

/* HKDF-Expand with SHA-512 to 32 bytes is one block. */
static void track_key_by_hand(uint8_t key[32])
{
	uint8_t info[64], block[64];
	unsigned size = sizeof block;
	size_t used = context_of(info, "sealreel v1 track key", (const uint8_t[]){0, TRACK}, 2);

	info[used++] = 1;
	cr_assert_not_null(HMAC(EVP_sha512(), dek, SR_KEY, info, used, block, &size));
	memcpy(key, block, 32);
}

/* The segment at this place holds exactly media_at of its stretch. */
static void assert_opens(const struct sr_segment_place *place)
{
	uint8_t context[64], fields[SR_UUID + 2 + 4], key[32];
	const struct sr_segment_record *record = &place->record;
	size_t size = sr_sealed_size(record->length);
	uint8_t *sealed = malloc(size), *plain = malloc(record->length), *want = malloc(record->length);
	struct sr_blob_name name = file_of(place->file);

	memcpy(fields, recording, SR_UUID);
	memcpy(fields + SR_UUID, (const uint8_t[]){0, TRACK}, 2);
	for (unsigned i = 0; i < 4; i++)
		fields[SR_UUID + 2 + i] = (uint8_t)(record->number >> (24 - 8 * i));
	size_t used = context_of(context, "sealreel v1 segment", fields, sizeof fields);
	track_key_by_hand(key);
	cr_assert_eq(sr_blob_read(store.blobs, &name, place->position, sealed, size, &failure), SR_OK);
	cr_assert_arr_eq(sealed, record->salt, SR_SALT);
	cr_assert_arr_eq(sealed + SR_SALT, record->commitment, SR_COMMITMENT);
	cr_assert_eq(sr_open(key, context, used, sealed, size, plain), SR_OPENED);
	media_fill(want, record->offset, record->length);
	cr_assert_eq(memcmp(plain, want, record->length), 0);
	free(sealed);
	free(plain);
	free(want);
}

/* Row, head, records, extents and files agree, and the whole track opens; returns its segments. */
static uint32_t assert_whole(void)
{
	struct sr_track_row row;
	struct sr_segment_place place;
	uint8_t mac[SR_ROW_MAC], chain[SR_CHAIN];
	uint64_t length = 0, position = 0;

	get_row(&row, mac);
	struct sr_head head = head_of(&row);
	cr_assert_eq(head.state, SR_UNFINISHED);
	cr_assert_eq(head.segments, row.segments);
	cr_assert_eq(head.length, row.length);
	cr_assert_eq(head.revision, 1 + head.segments);
	sr_chain_start(recording, TRACK, chain);
	for (uint32_t number = 0; number < head.segments; number++) {
		cr_assert(get_place(number, &place));
		cr_assert_eq(place.record.number, number);
		cr_assert_eq(place.record.offset, length);
		cr_assert_eq(place.file, 1);
		cr_assert_eq(place.position, position);
		assert_opens(&place);
		sr_chain_extend(chain, &place.record);
		length += place.record.length;
		position += sr_sealed_size(place.record.length);
	}
	cr_assert_not(get_place(head.segments, &place), "a record past the head");
	cr_assert_eq(head.length, length);
	cr_assert_arr_eq(head.chain, chain, SR_CHAIN);
	cr_assert_eq(row.files[0].committed, position);
	cr_assert_geq(file_size(1), position);
	return head.segments;
}

/* Every extent of the committed file has a row with the sum of its bytes. */
static void assert_extents(void)
{
	struct sr_track_row row;
	struct sr_blob_name name = file_of(1);
	struct sr_extent_row found;
	uint8_t mac[SR_ROW_MAC], value[SR_EXTENT_ROW], *bytes = malloc(SR_EXTENT);

	get_row(&row, mac);
	for (uint32_t number = 0; (uint64_t)number * SR_EXTENT < row.files[0].committed; number++) {
		struct sr_index_key key = sr_key_extent(recording, TRACK, 1, number);
		struct sr_span bytes_of = {value, get_value(&key, value, sizeof value)};
		uint64_t start = (uint64_t)number * SR_EXTENT, left = row.files[0].committed - start;
		size_t size = left < SR_EXTENT ? (size_t)left : SR_EXTENT;

		cr_assert_eq(sr_extent_row_decode(store.keyring, recording, TRACK, 1, number, bytes_of, &found), SR_OK);
		cr_assert_eq(found.covered, size);
		cr_assert_eq(sr_blob_read(store.blobs, &name, start, bytes, size, &failure), SR_OK);
		cr_assert_eq(sr_extent_judge(store.keyring, recording, TRACK, 1, number, &found, bytes, size), SR_OK);
	}
	free(bytes);
}

/* ---- the tests ---- */

Test(sealing, every_size_of_feeding_gives_one_segment_that_opens)
{
	static const struct {
		size_t size, at_once;
	} cases[] = {
		{1, 1},
		{50000, 1},
		{16383, 16383},
		{16384, 16384},
		{16385, 16385},
		{32768, 16384},
		{49152, 16383},
		{49153, 16385},
		{8 * SR_CHUNK - 1, 8 * SR_CHUNK},
		{8 * SR_CHUNK + 1, 8 * SR_CHUNK + 1},
		{SR_SEGMENT_MAX - 1, 49152},
		{SR_SEGMENT_MAX - 1, SR_SEGMENT_MAX},
	};
	struct sr_sealing *sealing = begin_writing();
	uint64_t offset = 0;
	const size_t count = sizeof cases / sizeof cases[0];

	for (size_t i = 0; i < count; offset += cases[i++].size) {
		cr_assert_not(sr_sealing_in_segment(sealing));
		cr_assert_eq(feed(sealing, offset, cases[i].size, cases[i].at_once), SR_OK);
		cr_assert(sr_sealing_in_segment(sealing));
		cr_assert_eq(close_segment(sealing), SR_OK);
		struct sr_commit *commit = sr_sealing_take(sealing);
		cr_assert_not_null(commit);
		cr_expect_null(commit->next);
		cr_expect_eq(commit->bytes, cases[i].size);
		cr_expect_eq(commit->durable, offset + cases[i].size);
		cr_assert_eq(sr_index_run(store.index, commit->op, NULL), SR_OK);
		commit->op = NULL;
		sr_commit_free(commit);
		cr_assert_eq(assert_whole(), i + 1);
		assert_extents();
	}
	/* With nothing open, closing makes nothing. */
	cr_expect_eq(close_segment(sealing), SR_OK);
	cr_expect_null(sr_sealing_take(sealing));
	sr_sealing_free(sealing);
}

Test(sealing, a_segment_closes_by_itself_when_it_is_full)
{
	static const size_t sizes[] = {SR_SEGMENT_MAX, SR_SEGMENT_MAX + 1, 2 * SR_SEGMENT_MAX + 16384};
	uint64_t offset = 0;
	uint32_t number = 0;

	for (size_t i = 0; i < 3; offset += sizes[i++]) {
		struct sr_sealing *sealing = begin_writing();
		size_t full = sizes[i] / SR_SEGMENT_MAX, left = sizes[i] % SR_SEGMENT_MAX;
		struct sr_segment_place place;

		cr_assert_eq(feed(sealing, offset, sizes[i], sizes[i]), SR_OK);
		cr_expect_eq(sr_sealing_in_segment(sealing), left != 0);
		cr_expect_eq(commit_all(sealing), full);
		cr_assert_eq(close_segment(sealing), SR_OK);
		cr_expect_eq(commit_all(sealing), left != 0);
		sr_sealing_free(sealing);
		cr_assert_eq(assert_whole(), number + full + (left != 0));
		assert_extents();
		/* The time was that of the first byte, so of the first segment alone. */
		for (uint32_t at = 0; at < full + (left != 0); at++) {
			cr_assert(get_place(number + at, &place));
			cr_expect_eq(place.record.length, at < full ? SR_SEGMENT_MAX : left);
			cr_expect_eq(place.record.media_time, at == 0 ? 77 : SR_NO_MEDIA_TIME);
		}
		number += (uint32_t)(full + (left != 0));
	}
}

/* Feed media_at from `offset` in stretches of these sizes, at once, and close. */
static void feed_stretches(struct sr_sealing *sealing, uint64_t offset, const size_t *sizes, size_t count)
{
	struct sr_span parts[8];
	uint8_t *media = malloc(SR_SEGMENT_MAX), *at = media;

	cr_assert_not_null(media);
	for (size_t i = 0; i < count; at += sizes[i++]) {
		media_fill(at, offset + (uint64_t)(at - media), sizes[i]);
		parts[i] = (struct sr_span){at, sizes[i]};
	}
	struct sr_sealing_input input = {parts, count, 77, true};
	cr_assert_eq(sr_sealing_feed(sealing, &input, &failure), SR_OK, "%s", failure.text);
	cr_expect_not(sr_sealing_in_segment(sealing));
	free(media);
}

Test(sealing, what_comes_at_once_is_written_at_once)
{
	enum { MOST = SR_SEALING_WRITE * SR_CHUNK };
	static const struct {
		size_t sizes[4], count;
		unsigned writes;
	} cases[] = {
		{{1}, 1, 1},
		{{SR_CHUNK, SR_CHUNK, 1}, 3, 1},
		{{1, SR_CHUNK, SR_CHUNK - 1}, 3, 1},
		{{MOST}, 1, 1},
		{{MOST, SR_CHUNK - 1}, 2, 1},
		{{MOST, SR_CHUNK, 1}, 3, 2},
		{{2 * MOST + 5}, 1, 2},
		{{100, 0, MOST, 7}, 4, 1},
	};
	struct sr_sealing *sealing = begin_writing();
	uint64_t offset = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		writes = 0;
		feed_stretches(sealing, offset, cases[i].sizes, cases[i].count);
		cr_expect_eq(writes, cases[i].writes, "case %zu: %u", i, writes);
		cr_expect_eq(commit_all(sealing), 1u);
		cr_assert_eq(assert_whole(), i + 1);
		for (size_t at = 0; at < cases[i].count; at++)
			offset += cases[i].sizes[at];
	}
	sr_sealing_free(sealing);
	assert_extents();
}

Test(sealing, a_time_that_no_segment_begins_with_is_dropped)
{
	static const uint64_t times[] = {5, 6, SR_NO_MEDIA_TIME, 8};
	struct sr_sealing *sealing = begin_writing();
	struct sr_segment_place place;
	uint8_t media[2];

	for (uint64_t i = 0; i < 4; i++) {
		media_fill(media, 2 * i, 2);
		cr_assert_eq(feed_bytes(sealing, media, 1, times[i]), SR_OK);
		cr_assert_eq(feed_bytes(sealing, media + 1, 1, 99), SR_OK);
		cr_assert_eq(close_segment(sealing), SR_OK);
	}
	cr_assert_eq(commit_all(sealing), 4u);
	sr_sealing_free(sealing);
	cr_assert_eq(assert_whole(), 4u);
	for (uint32_t i = 0; i < 4; i++) {
		cr_assert(get_place(i, &place));
		cr_expect_eq(place.record.media_time, times[i]);
	}
}

static size_t run_commit(struct sr_commit *commit, enum sr_code want)
{
	size_t number = 99;

	cr_assert_eq(sr_index_run(store.index, commit->op, &number), want);
	commit->op = NULL;
	sr_commit_free(commit);
	return number;
}

Test(sealing, each_commit_demands_the_row_that_the_one_before_left)
{
	struct sr_sealing *sealing = begin_writing();
	struct sr_commit *commits[3];

	for (uint64_t i = 0; i < 3; i++) {
		cr_assert_eq(feed(sealing, 100 * i, 100, 100), SR_OK);
		cr_assert_eq(close_segment(sealing), SR_OK);
	}
	commits[0] = sr_sealing_take(sealing);
	cr_expect_null(sr_sealing_take(sealing), "taken twice");
	commits[1] = commits[0]->next;
	commits[2] = commits[1]->next;
	cr_assert_null(commits[2]->next);
	/* Out of order it is refused, with nothing written. */
	cr_expect_eq(run_commit(commits[1], SR_CONFLICT), 0u);
	cr_expect_eq(assert_whole(), 0u);
	(void)run_commit(commits[0], SR_OK);
	cr_expect_eq(run_commit(commits[2], SR_CONFLICT), 0u);
	cr_expect_eq(assert_whole(), 1u);
	sr_sealing_free(sealing);
}

Test(sealing, a_writer_whose_row_has_changed_gets_a_conflict)
{
	struct sr_sealing *old = begin_writing(), *new;
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];

	cr_assert_eq(feed(old, 0, 10, 10), SR_OK);
	cr_assert_eq(close_segment(old), SR_OK);
	struct sr_commit *late = sr_sealing_take(old);
	sr_sealing_free(old);
	/* A resume takes the track over: its row says so. */
	get_row(&row, mac);
	row.generation++;
	put_row(&row);
	new = begin_writing();
	cr_assert_eq(feed(new, 0, 20, 20), SR_OK);
	cr_assert_eq(close_segment(new), SR_OK);
	cr_expect_eq(run_commit(late, SR_CONFLICT), 0u);
	cr_assert_eq(commit_all(new), 1u);
	sr_sealing_free(new);
	cr_assert_eq(assert_whole(), 1u);
	get_row(&row, mac);
	cr_expect_eq(row.generation, 2u);
	cr_expect_eq(row.length, 20u);
}

Test(sealing, what_was_not_committed_is_cut_and_written_anew)
{
	struct sr_sealing *sealing = begin_writing();

	cr_assert_eq(feed(sealing, 0, 40000, 40000), SR_OK);
	cr_assert_eq(close_segment(sealing), SR_OK);
	cr_assert_eq(commit_all(sealing), 1u);
	/* One closed and one open segment, neither committed: the bytes are others than those that come. */
	cr_assert_eq(feed(sealing, 7, 50000, 50000), SR_OK);
	cr_assert_eq(close_segment(sealing), SR_OK);
	cr_assert_eq(feed(sealing, 9, 50000, 50000), SR_OK);
	sr_sealing_free(sealing);
	cr_assert_eq(assert_whole(), 1u);
	const uint32_t rest[] = {30000, 1};
	write_segments(rest, 2);
	cr_assert_eq(assert_whole(), 3u);
	assert_extents();
	cr_expect_eq(file_size(1), sr_sealed_size(40000) + sr_sealed_size(30000) + sr_sealed_size(1));
}

/* The disk fails after `room` bytes of what follows a committed segment: that segment stands, no other comes. */
static void fail_after(size_t room, int number, enum sr_code want)
{
	struct sr_sealing *sealing = begin_writing();
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];
	enum sr_code code;

	get_row(&row, mac);
	uint32_t before = row.segments;
	cr_assert_eq(feed(sealing, row.length, 20000, 20000), SR_OK);
	cr_assert_eq(close_segment(sealing), SR_OK);
	write_room = room;
	write_errno = number;
	code = feed(sealing, row.length + 20000, 40000, 40000);
	if (code == SR_OK)
		code = close_segment(sealing);
	write_room = SIZE_MAX;
	cr_expect_eq(code, want, "%zu bytes: %d", room, code);
	cr_expect_eq(sr_blob_append(sr_sealing_blob(sealing), mac, 1, &failure), SR_IO, "a failed file was written on");
	cr_expect_eq(commit_all(sealing), 1u);
	sr_sealing_free(sealing);
	cr_expect_eq(assert_whole(), before + 1);
	assert_extents();
}

Test(sealing, a_disk_that_fails_takes_no_commit_back)
{
	static const size_t rooms[] = {0,
				       1,
				       SR_SEALED_FRONT - 1,
				       SR_SEALED_FRONT,
				       SR_SEALED_FRONT + 1,
				       SR_SEALED_FRONT + 2 * SR_CHUNK_SEALED,
				       SR_SEALED_FRONT + 2 * SR_CHUNK_SEALED + 100};

	for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
		fail_after(rooms[i], ENOSPC, SR_NO_SPACE);
		fail_after(rooms[i], EIO, SR_IO);
	}
	/* And with room the same goes through. */
	const uint32_t length = 40000;
	write_segments(&length, 1);
	cr_expect_eq(assert_whole(), 2 * sizeof rooms / sizeof rooms[0] + 1);
}

Test(sealing, a_head_or_file_that_does_not_verify_begins_nothing)
{
	const uint32_t length = 20000;
	struct sr_track_row row;
	struct sr_sealing *sealing;
	struct sr_sealing_options options = {
		.parts = {store.keyring, store.index, store.blobs}, .dek = dek, .row = &row};
	struct sr_blob_name name = file_of(1);
	uint8_t mac[SR_ROW_MAC];

	write_segments(&length, 1);
	forget_witnesses();
	get_row(&row, mac);
	options.witnesses = store.witnesses;
	cr_assert_eq(sr_blob_append_open(store.blobs, &name, row.files[0].committed, &options.blob, &failure), SR_OK);
	options.mac = mac;
	memcpy(options.tag, tag, SR_TAG);
	memcpy(options.recording, recording, SR_UUID);
	for (size_t at = 0; at < SR_HEAD_SEALED; at++) {
		row.head[at] ^= 1;
		sealing = (struct sr_sealing *)&options;
		cr_expect_eq(sr_sealing_new(&options, &sealing, &failure), SR_CORRUPT, "head byte %zu", at);
		cr_expect_null(sealing);
		row.head[at] ^= 1;
	}
	row.files[0].committed++;
	cr_expect_eq(sr_sealing_new(&options, &sealing, &failure), SR_CORRUPT);
	cr_expect_null(sealing);
	row.files[0].committed--;
	cr_expect_eq(sr_sealing_new(&options, &sealing, &failure), SR_OK);
	sr_sealing_free(sealing);
}
