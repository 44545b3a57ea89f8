/*
 * What is committed behind a sync that failed: read from the disk, and held to its checksum.
 */
#include "serve/record/tail.h"

#include "data/blob_disk.h"
#include "serve/record/extent.h"
#include "serve/record/track_file.h"
#include "serve_fixture.h"

static uint8_t content[SR_EXTENT + 70000];

static void set_up(void)
{
	store_make();
	for (size_t at = 0; at < sizeof content; at++)
		content[at] = (uint8_t)(at * 31 + at / 251);
}

TestSuite(tail, .init = set_up, .fini = store_remove);

/* A file of `size` bytes, more behind them, and the checksums of those that count. */
static struct sr_track_row keep(size_t size)
{
	struct sr_track_row row = {.track = TRACK, .file_count = 1, .files = {{.number = 1, .committed = size}}};
	struct sr_blob_name name = file_of(1);
	struct sr_extents extents = {.number = 0};
	struct sr_op *op = sr_op_new();
	struct sr_blob *blob;

	cr_assert_eq(sr_blob_create(store.blobs, &name, &blob, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_blob_append(blob, content, size, &failure), SR_OK);
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"rest", 4, &failure), SR_OK);
	sr_blob_close(blob);
	cr_assert_eq(take_up(&extents, &name, 0), SR_OK);
	cr_assert(sr_extents_add(&extents, content, size));
	cr_assert(sr_extents_put(&extents, op));
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
	sr_extents_clear(&extents);
	return row;
}

static void flip(size_t at)
{
	FILE *file = fopen(file_path(1), "r+");

	cr_assert_not_null(file);
	cr_assert_eq(fseek(file, (long)at, SEEK_SET), 0);
	cr_assert_neq(fputc(content[at] ^ 1, file), EOF);
	cr_assert_eq(fclose(file), 0);
}

static enum sr_code judge(const struct sr_track_row *row)
{
	request.error = (struct sr_error){.code = SR_OK};
	return sr_tail_check(&request, recording, row);
}

static void spoil(void)
{
	struct sr_blob_name name = file_of(1);

	cr_assert(sr_spoiled_add(store.spoiled, &name));
}

Test(tail, only_a_spoiled_file_is_looked_at)
{
	struct sr_track_row row = keep(5000);

	flip(0);
	cr_expect_eq(judge(&row), SR_OK);
	spoil();
	cr_expect_eq(judge(&row), SR_CORRUPT);
	row.files[0].committed = 0;
	cr_expect_eq(judge(&row), SR_OK, "nothing is committed");
}

Test(tail, every_place_of_the_last_extent_counts_and_nothing_behind_it)
{
	static const size_t places[] = {0, 1, 4095, 4096, 4998, 4999};
	struct sr_track_row row = keep(5000);

	spoil();
	cr_expect_eq(judge(&row), SR_OK, "%s", request.error.text);
	flip(5000);
	cr_expect_eq(judge(&row), SR_OK);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		flip(places[i]);
		cr_expect_eq(judge(&row), SR_CORRUPT, "%zu", places[i]);
		content[places[i]] ^= 1;
		flip(places[i]);
		content[places[i]] ^= 1;
		cr_expect_eq(judge(&row), SR_OK);
	}
}

Test(tail, a_file_that_is_cut_or_a_checksum_of_another_length_is_corrupt)
{
	struct sr_track_row row = keep(5000);

	spoil();
	row.files[0].committed = 4999;
	cr_expect_eq(judge(&row), SR_CORRUPT);
	row.files[0].committed = SR_EXTENT + 1;
	cr_expect_eq(judge(&row), SR_CORRUPT, "there is no such checksum");
	row.files[0].committed = 5000;
	cr_assert_eq(truncate(file_path(1), 4999), 0);
	cr_expect_eq(judge(&row), SR_CORRUPT);
}

Test(tail, full_extents_are_checked_to_their_last_byte)
{
	struct sr_track_row row = keep(SR_EXTENT);

	spoil();
	cr_expect_eq(judge(&row), SR_OK, "%s", request.error.text);
	flip(SR_EXTENT - 1);
	cr_expect_eq(judge(&row), SR_CORRUPT);
}

Test(tail, of_several_extents_the_last_is_read)
{
	struct sr_track_row row = keep(sizeof content);

	spoil();
	cr_expect_eq(judge(&row), SR_OK, "%s", request.error.text);
	flip(sizeof content - 1);
	cr_expect_eq(judge(&row), SR_CORRUPT);
}

Test(tail, the_disk_gives_the_bytes_that_were_asked_for_or_none)
{
	static uint8_t out[sizeof content];
	struct sr_blob_name name = file_of(1);
	size_t all = sizeof content + 4;

	(void)keep(sizeof content);
	for (size_t position = 0; position < sizeof content; position += 4096 * 257) {
		size_t size = sizeof content - position;

		cr_assert_eq(sr_blob_read_disk(store.blobs, &name, position, out, size, &failure), SR_OK, "%s",
			     failure.text);
		cr_expect_arr_eq(out, content + position, size);
	}
	cr_expect_eq(sr_blob_read_disk(store.blobs, &name, 1, out, 1, &failure), SR_INTERNAL);
	cr_expect_eq(sr_blob_read_disk(store.blobs, &name, 4096, out, all - 4095, &failure), SR_CORRUPT);
	name.file = 2;
	cr_expect_eq(sr_blob_read_disk(store.blobs, &name, 0, out, 1, &failure), SR_CORRUPT);
}
