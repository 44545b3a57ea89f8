/*
 * The manifest: what it says of every segment is what the index said, however many there are; and nothing that has
 * changed since, in the index, the segments or the manifest itself, gets past it.
 */
#include "account/event.h"
#include "serve/record/manifest.h"
#include "serve/record/manifest_reader.h"
#include "serve_fixture.h"

static struct sr_extents extents;

static void set_up(void)
{
	struct sr_track_row row = fresh_row();

	store_make();
	put_row(&row);
}

static void tear_down(void)
{
	sr_extents_clear(&extents);
	store_remove();
}

TestSuite(manifest, .init = set_up, .fini = tear_down);

static void write_small(uint32_t count)
{
	uint32_t *lengths = malloc(count * sizeof *lengths + 1);

	for (uint32_t i = 0; i < count; i++)
		lengths[i] = 1 + i % 50;
	write_segments(lengths, count);
	free(lengths);
}

/* Make the manifest of the track as the index has it; the row (out) is what a finish would put. */
static enum sr_code make(struct sr_track_row *row)
{
	uint8_t mac[SR_ROW_MAC];
	struct sr_manifest_job job = {
		.request = &request, .recording = recording, .dek = dek, .row = row, .extents = &extents};

	get_row(row, mac);
	request.error = (struct sr_error){.code = SR_OK};
	enum sr_code code = sr_manifest_make(&job);
	sr_extents_clear(&extents);
	cr_expect_eq(code, request.error.code);
	return code;
}

static enum sr_code open_manifest(struct sr_manifest_reader *reader, const struct sr_track_row *row)
{
	return sr_manifest_open(reader, store.blobs, dek, recording, row, &failure);
}

static bool same_place(const struct sr_segment_place *one, const struct sr_segment_place *other)
{
	uint8_t bytes[2][SR_SEGMENT_ROW];
	struct sr_builder first = sr_builder_over(bytes[0], SR_SEGMENT_ROW);
	struct sr_builder second = sr_builder_over(bytes[1], SR_SEGMENT_ROW);

	sr_segment_place_encode(&first, one);
	sr_segment_place_encode(&second, other);
	return memcmp(bytes[0], bytes[1], SR_SEGMENT_ROW) == 0;
}

/* The final head is as the open one was, but for its state. */
static void assert_final(const struct sr_track_row *row, const struct sr_head *before)
{
	struct sr_head head = head_of(row);

	cr_expect_eq(head.state, SR_FINISHED);
	cr_expect_eq(head.revision, before->revision + 1);
	cr_expect_eq(head.segments, before->segments);
	cr_expect_eq(head.length, before->length);
	cr_expect_arr_eq(head.chain, before->chain, SR_CHAIN);
}

static void read_back(uint32_t count)
{
	struct sr_track_row row;
	struct sr_manifest_reader reader;
	struct sr_segment_place want, place;
	uint8_t mac[SR_ROW_MAC], hash[64], *sealed;
	struct sr_blob_name name = file_of(1);

	write_small(count);
	get_row(&row, mac);
	struct sr_head before = head_of(&row);
	uint64_t committed = row.files[0].committed;
	cr_assert_eq(make(&row), SR_OK, "%s", request.error.text);
	assert_final(&row, &before);
	cr_expect_eq(row.manifest_position, committed);
	cr_expect_eq(row.manifest_size, sr_sealed_size(SR_HEAD + (uint64_t)count * SR_MANIFEST_RECORD));
	cr_expect_eq(row.files[0].committed, committed + row.manifest_size);
	cr_expect_eq(file_size(1), committed + row.manifest_size);
	sealed = malloc(row.manifest_size);
	cr_assert_eq(sr_blob_read(store.blobs, &name, committed, sealed, row.manifest_size, &failure), SR_OK);
	crypto_hash_sha256(hash, sealed, row.manifest_size);
	cr_expect_arr_eq(row.manifest_hash, hash, 32);
	free(sealed);
	cr_assert_eq(open_manifest(&reader, &row), SR_OK, "%s", failure.text);
	/* To and fro, so that the chunk that is open is rarely the one wanted. */
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = i % 2 ? count - 1 - i / 2 : i / 2;

		cr_assert(get_place(number, &want));
		cr_assert_eq(sr_manifest_place(&reader, number, &place, &failure), SR_OK, "place %u", number);
		cr_assert(same_place(&place, &want), "place %u", number);
	}
	cr_expect_eq(sr_manifest_place(&reader, count, &place, &failure), SR_CORRUPT);
	sr_manifest_close(&reader);
}

/* 181 records end in the first chunk, the 182nd lies across its edge. */
Test(manifest, of_no_segment_reads_back)
{
	read_back(0);
}

Test(manifest, of_one_segment_reads_back)
{
	read_back(1);
}

Test(manifest, up_to_the_chunks_edge_reads_back)
{
	read_back(181);
}

Test(manifest, across_the_chunks_edge_reads_back)
{
	read_back(182);
}

Test(manifest, behind_the_chunks_edge_reads_back)
{
	read_back(183);
}

Test(manifest, of_many_views_and_chunks_reads_back)
{
	read_back(2000);
}

/* Does a damaged manifest open, and do all places then read? */
static enum sr_code read_all(const struct sr_track_row *row)
{
	struct sr_manifest_reader reader;
	struct sr_segment_place want, place;
	enum sr_code code = open_manifest(&reader, row);

	for (uint32_t number = 0; code == SR_OK && number < row->segments; number += 45) {
		code = sr_manifest_place(&reader, number, &place, &failure);
		if (code == SR_OK) {
			cr_assert(get_place(number, &want));
			cr_assert(same_place(&place, &want), "a wrong place was told");
		}
	}
	sr_manifest_close(&reader);
	return code;
}

Test(manifest, a_flipped_bit_is_found_wherever_it_is)
{
	const uint64_t edge = SR_SEALED_FRONT + SR_CHUNK_SEALED;
	struct sr_track_row row;
	struct sr_manifest_reader reader;
	struct sr_segment_place place;

	write_small(200);
	cr_assert_eq(make(&row), SR_OK);
	cr_assert_eq(read_all(&row), SR_OK);
	for (uint64_t at = 0; at < row.manifest_size; at += at < 60 || at + 40 > row.manifest_size ? 1 : 97) {
		flip_stored(1, row.manifest_position + at);
		cr_expect_eq(read_all(&row), SR_CORRUPT, "byte %llu", (unsigned long long)at);
		enum sr_code opening = open_manifest(&reader, &row);
		/* Front and last chunk are looked at first; another chunk spoils what lies in it and nothing else. */
		if (at < SR_SEALED_FRONT || at >= edge) {
			cr_expect_eq(opening, SR_CORRUPT, "byte %llu", (unsigned long long)at);
		} else {
			cr_assert_eq(opening, SR_OK);
			cr_expect_eq(sr_manifest_place(&reader, 0, &place, &failure), SR_CORRUPT);
			cr_expect_eq(sr_manifest_place(&reader, 199, &place, &failure), SR_OK);
			cr_expect_eq(sr_manifest_place(&reader, 181, &place, &failure), SR_CORRUPT);
		}
		sr_manifest_close(&reader);
		flip_stored(1, row.manifest_position + at);
	}
	cr_expect_eq(read_all(&row), SR_OK);
}

static void expect_corrupt(const struct sr_track_row *row, const char *what)
{
	struct sr_manifest_reader reader;

	cr_expect_eq(open_manifest(&reader, row), SR_CORRUPT, "%s", what);
	sr_manifest_close(&reader);
}

Test(manifest, opens_only_as_the_row_has_it)
{
	static const uint32_t sizes[] = {0, 1, SR_SEALED_FRONT, SR_SEALED_SMALL, UINT32_MAX};
	struct sr_manifest_reader reader;
	struct sr_track_row row, wrong;

	write_small(200);
	cr_assert_eq(make(&row), SR_OK);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		wrong = row;
		wrong.manifest_size = sizes[i];
		expect_corrupt(&wrong, "size");
	}
	for (int by = -1; by <= 1; by += 2) {
		wrong = row;
		wrong.manifest_size = (uint32_t)((int64_t)row.manifest_size + by);
		expect_corrupt(&wrong, "size by one");
		wrong = row;
		wrong.segments = (uint32_t)((int64_t)row.segments + by);
		expect_corrupt(&wrong, "segments");
		/* One record more or less, all of a piece. */
		wrong.manifest_size = (uint32_t)((int64_t)row.manifest_size + by * SR_MANIFEST_RECORD);
		expect_corrupt(&wrong, "size and segments");
		wrong = row;
		wrong.manifest_position += (uint64_t)by;
		expect_corrupt(&wrong, "position");
	}
	wrong = row;
	wrong.track++;
	expect_corrupt(&wrong, "track");
	wrong = row;
	wrong.files[0].number++;
	expect_corrupt(&wrong, "file");
	uint8_t other[SR_KEY];
	memcpy(other, dek, SR_KEY);
	other[31] ^= 1;
	cr_expect_eq(sr_manifest_open(&reader, store.blobs, other, recording, &row, &failure), SR_CORRUPT);
	sr_manifest_close(&reader);
	cr_expect_eq(read_all(&row), SR_OK);
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

Test(manifest, a_reader_leaves_no_descriptor_and_takes_none_that_is_not_its_own)
{
	struct sr_manifest_reader none = {.has_file = false};
	struct sr_track_row row, wrong;
	int before = descriptors();

	sr_manifest_close(&none);
	cr_expect_eq(descriptors(), before, "one that never began");
	write_small(200);
	cr_assert_eq(make(&row), SR_OK);
	before = descriptors();
	cr_expect_eq(read_all(&row), SR_OK);
	cr_expect_eq(descriptors(), before, "one that read");
	wrong = row;
	wrong.track++;
	expect_corrupt(&wrong, "track");
	cr_expect_eq(descriptors(), before, "one that was refused");
}

/* ---- what is not blessed ---- */

/* Making it fails as damage, tells of it once, and leaves row and index as they were. */
static void expect_not_blessed(const char *what)
{
	struct sr_track_row before, row;
	uint8_t mac[SR_ROW_MAC], after[SR_ROW_MAC];
	uint64_t told = sr_counted(SR_COUNT_CORRUPT);

	get_row(&before, mac);
	cr_expect_eq(make(&row), SR_CORRUPT, "%s", what);
	cr_expect_eq(sr_counted(SR_COUNT_CORRUPT), told + 1, "%s", what);
	cr_expect_arr_eq(row.head, before.head, SR_HEAD_SEALED, "%s", what);
	cr_expect_eq(row.manifest_size, 0u, "%s", what);
	cr_expect_eq(row.files[0].committed, before.files[0].committed, "%s", what);
	get_row(&row, after);
	cr_expect_arr_eq(after, mac, SR_ROW_MAC, "%s", what);
}

Test(manifest, records_that_were_changed_are_not_blessed)
{
	struct sr_segment_place good, place, next;
	struct sr_track_row row;

	write_small(5);
	cr_assert(get_place(2, &good));
	cr_assert(get_place(3, &next));
#define CHANGED(field, by)                                                                                             \
	do {                                                                                                           \
		place = good;                                                                                          \
		place.field += by;                                                                                     \
		put_place(2, &place);                                                                                  \
		expect_not_blessed(#field);                                                                            \
	} while (0)
	CHANGED(record.number, 1);
	CHANGED(record.offset, 1);
	CHANGED(record.offset, (uint64_t)-1);
	CHANGED(record.length, 1);
	CHANGED(record.length, (uint32_t)-1);
	CHANGED(record.length, 16384);
	CHANGED(record.media_time, 1);
	CHANGED(record.salt[0], 1);
	CHANGED(record.commitment[31], 1);
	CHANGED(file, 1);
	CHANGED(position, 1);
	CHANGED(position, (uint64_t)-1);
	CHANGED(position, UINT64_MAX / 2);
#undef CHANGED
	/* Swapped, with and without their numbers. */
	put_place(2, &next);
	put_place(3, &good);
	expect_not_blessed("swapped");
	place = next;
	place.record.number = 2;
	place.record.offset = good.record.offset;
	put_place(2, &place);
	place = good;
	place.record.number = 3;
	place.record.offset = good.record.offset + next.record.length;
	put_place(3, &place);
	expect_not_blessed("swapped and renumbered");
	put_place(2, &good);
	put_place(3, &next);
	cr_expect_eq(make(&row), SR_OK, "as it was");
}

Test(manifest, records_that_are_missing_or_misshapen_are_not_blessed)
{
	uint8_t bytes[SR_SEGMENT_ROW + 1] = {0};
	struct sr_track_row row;

	write_small(5);
	for (uint32_t number = 0; number < 5; number++) {
		struct sr_index_key key = sr_key_segment(tag, recording, TRACK, number);
		struct sr_op *op = new_op();

		cr_assert_eq(get_value(&key, bytes, SR_SEGMENT_ROW), SR_SEGMENT_ROW);
		cr_assert(sr_op_erase(op, &key));
		cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
		expect_not_blessed("missing");
		put_value(&key, bytes, SR_SEGMENT_ROW - 1);
		expect_not_blessed("cut");
		put_value(&key, bytes, SR_SEGMENT_ROW + 1);
		expect_not_blessed("longer");
		put_value(&key, bytes, SR_SEGMENT_ROW);
	}
	/* A record past the head is nothing's: an attempt left it. */
	struct sr_segment_place place;
	cr_assert(get_place(4, &place));
	put_place(5, &place);
	cr_expect_eq(make(&row), SR_OK);
	cr_expect_eq(head_of(&row).segments, 5u);
}

Test(manifest, segments_whose_end_is_damaged_are_not_blessed)
{
	static const uint32_t lengths[] = {100, 16384, 40000};
	struct sr_segment_place place;
	struct sr_track_row row;

	write_segments(lengths, 3);
	for (uint32_t number = 0; number < 3; number++) {
		cr_assert(get_place(number, &place));
		uint64_t chunk = lengths[number] / SR_CHUNK;
		uint64_t from = place.position + sr_chunk_offset(chunk);
		uint64_t stop = place.position + sr_sealed_size(lengths[number]);

		cr_assert_eq(stop - from, lengths[number] % SR_CHUNK + SR_AEAD_TAG);
		for (uint64_t at = from; at < stop; at += at + 20 < stop && at > from + 20 ? 997 : 1) {
			flip_stored(1, at);
			expect_not_blessed("last chunk");
			flip_stored(1, at);
		}
	}
	struct sr_track_row whole;
	uint8_t mac[SR_ROW_MAC];
	get_row(&whole, mac);
	cr_assert_eq(make(&row), SR_OK, "as it was");
	/* Cut short: what is committed is not all there. */
	cr_assert_eq(truncate(file_path(1), (off_t)whole.files[0].committed - 1), 0);
	expect_not_blessed("cut file");
	cr_assert_eq(unlink(file_path(1)), 0);
	expect_not_blessed("no file");
}

Test(manifest, a_head_that_does_not_open_is_not_blessed)
{
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];

	write_small(3);
	get_row(&row, mac);
	for (size_t at = 0; at < SR_HEAD_SEALED; at += 12) {
		row.head[at] ^= 1;
		put_row(&row);
		expect_not_blessed("head");
		row.head[at] ^= 1;
	}
}

/* ---- made again ---- */

Test(manifest, made_again_it_takes_the_place_of_the_one_before)
{
	struct sr_track_row first, second;

	write_small(200);
	cr_assert_eq(make(&first), SR_OK);
	cr_assert_eq(make(&second), SR_OK);
	cr_expect_eq(second.manifest_position, first.manifest_position);
	cr_expect_eq(file_size(1), first.manifest_position + first.manifest_size);
	cr_expect_arr_neq(second.manifest_hash, first.manifest_hash, 32, "the same salt twice");
	cr_expect_eq(read_all(&second), SR_OK);
}

Test(manifest, after_a_sync_that_failed_it_goes_to_a_file_of_its_own)
{
	struct sr_track_row row;
	size_t size;

	write_small(3);
	atomic_store(&sync_errno, EIO);
	/* Three times: neither the segments' file nor one that no row names is written again. */
	for (uint16_t spoiled = 1; spoiled <= 3; spoiled++) {
		struct sr_blob_name name = file_of(spoiled);

		cr_expect_not(sr_spoiled_has(store.spoiled, &name));
		request.error = (struct sr_error){.code = SR_OK};
		cr_expect_eq(make(&row), SR_IO);
		cr_expect_eq(row.manifest_size, 0u);
		cr_expect(sr_spoiled_has(store.spoiled, &name), "file %u", spoiled);
		cr_expect_eq(row.files[row.file_count - 1].number, spoiled);
	}
	atomic_store(&sync_errno, 0);
	size = file_size(1);
	cr_assert_eq(make(&row), SR_OK);
	cr_expect_eq(file_size(1), size);
	cr_expect_eq(row.file_count, 2);
	cr_expect_eq(row.files[1].number, 4);
	cr_expect_eq(row.manifest_position, 0u);
	cr_expect_eq(row.files[1].committed, row.manifest_size);
	cr_expect_eq(read_all(&row), SR_OK);
}
