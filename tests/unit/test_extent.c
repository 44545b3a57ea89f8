/*
 * Checksums of extents: of exactly the bytes that are stored, however they came, in exactly the rows that
 * changed.
 */
#include "serve/record/extent.h"
#include "serve_fixture.h"

#define FILE_NUMBER 9
#define STORED (3 * (size_t)SR_EXTENT + 5)

static uint8_t *bytes;
static struct sr_extents extents;

static void set_up(void)
{
	store_make();
	bytes = malloc(STORED + 10);
	cr_assert_not_null(bytes);
	media_fill(bytes, 0, STORED + 10);
}

static void tear_down(void)
{
	sr_extents_clear(&extents);
	free(bytes);
	store_remove();
}

TestSuite(extent, .init = set_up, .fini = tear_down);

/* What one call of sr_extents_put left in the table: nothing else is there. */
struct seen {
	uint64_t from, to; /* bytes that were added */
	uint32_t rows;
};

static bool look_at_row(void *context, struct sr_span key, struct sr_span value)
{
	struct seen *seen = context;
	struct sr_index_key want;
	struct sr_extent_row row;
	uint32_t number = (uint32_t)(seen->from / SR_EXTENT) + seen->rows++;
	uint64_t start = (uint64_t)number * SR_EXTENT;
	size_t covered = seen->to - start < SR_EXTENT ? (size_t)(seen->to - start) : SR_EXTENT;

	cr_assert_lt(start, seen->to, "a row of an extent that has no bytes");
	want = sr_key_extent(recording, TRACK, FILE_NUMBER, number);
	cr_assert_eq(key.size, want.size);
	cr_assert_arr_eq(key.data, want.bytes, want.size);
	cr_assert_eq(sr_extent_row_decode(store.keyring, recording, TRACK, FILE_NUMBER, number, value, &row), SR_OK);
	cr_assert_eq(row.covered, covered);
	cr_assert_eq(row.format, SR_EXTENT_POLY1305);
	cr_assert_eq(
		sr_extent_judge(store.keyring, recording, TRACK, FILE_NUMBER, number, &row, bytes + start, covered),
		SR_OK);
	return true;
}

static void erase_rows(void)
{
	struct sr_op *op = new_op();

	for (uint32_t number = 0; number < 4; number++) {
		struct sr_index_key key = sr_key_extent(recording, TRACK, FILE_NUMBER, number);

		cr_assert(sr_op_erase(op, &key));
	}
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
}

/* Put, and check that the rows are those of the extents that got bytes `from` to `to`; then empty the table. */
static void put_and_check(uint64_t from, uint64_t to)
{
	struct sr_index_key all = {.table = SR_TABLE_EXTENTS};
	struct seen seen = {.from = from, .to = to};
	struct sr_op *op = new_op();

	cr_assert(sr_extents_put(&extents, op));
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
	struct sr_view *view = view_of(store.index);
	cr_assert_eq(sr_view_walk(view, &all, 0, look_at_row, &seen), SR_OK);
	sr_view_end(view);
	cr_assert_eq(seen.rows, from == to ? 0 : (to - 1) / SR_EXTENT - from / SR_EXTENT + 1, "%llu to %llu",
		     (unsigned long long)from, (unsigned long long)to);
	erase_rows();
}

static void add(uint64_t from, uint64_t to, size_t at_once)
{
	while (from < to) {
		size_t now = to - from < at_once ? (size_t)(to - from) : at_once;

		cr_assert(sr_extents_add(&extents, bytes + from, now));
		from += now;
	}
}

Test(extent, every_size_of_adding_gives_the_sums_of_what_was_stored)
{
	static const size_t sizes[] = {7, 16400, 65536, SR_EXTENT - 1, SR_EXTENT, SR_EXTENT + 1, STORED};
	static const uint64_t puts[] = {1,         100,           SR_EXTENT - 1, SR_EXTENT,
					SR_EXTENT, SR_EXTENT + 1, 2 * SR_EXTENT, STORED};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct sr_blob_name name = file_of(FILE_NUMBER);
		uint64_t at = 0;

		cr_assert_eq(take_up(&extents, &name, 0), SR_OK);
		for (size_t put = 0; put < sizeof puts / sizeof puts[0]; at = puts[put++]) {
			add(at, puts[put], sizes[i]);
			put_and_check(at, puts[put]);
		}
		/* All at once, as a file that was never put. */
		cr_assert_eq(take_up(&extents, &name, 0), SR_OK);
		add(0, STORED, sizes[i]);
		put_and_check(0, STORED);
	}
}

static void store_bytes(size_t size)
{
	struct sr_blob_name name = file_of(FILE_NUMBER);
	struct sr_blob *blob;

	cr_assert_eq(sr_blob_create(store.blobs, &name, &blob, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_blob_append(blob, bytes, size, &failure), SR_OK);
	sr_blob_close(blob);
}

/* The rows of the file's first `size` bytes, in place of all that are there. */
static void put_rows(uint64_t size)
{
	struct sr_blob_name name = file_of(FILE_NUMBER);
	struct sr_op *op = new_op();

	cr_assert_eq(take_up(&extents, &name, 0), SR_OK);
	add(0, size, 65536);
	cr_assert(sr_extents_put(&extents, op));
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
}

/* The row of extent 1, of `size` bytes, as the first release wrote it. */
static void put_older_row(size_t size)
{
	struct sr_extent_row row = {.format = SR_EXTENT_SHA256, .covered = (uint32_t)size};
	struct sr_index_key key = sr_key_extent(recording, TRACK, FILE_NUMBER, 1);
	uint8_t value[SR_EXTENT_ROW];
	struct sr_op *op = new_op();

	crypto_hash_sha256(row.sum, bytes + SR_EXTENT, size);
	cr_assert(sr_op_put(op, &key, value,
			    sr_extent_row_encode(store.keyring, recording, TRACK, FILE_NUMBER, 1, &row, value)));
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
}

Test(extent, taking_up_reads_back_what_is_committed_and_no_more)
{
	static const uint64_t committed[] = {1,
					     65535,
					     65536,
					     65537,
					     SR_EXTENT - 1,
					     SR_EXTENT,
					     SR_EXTENT + 1,
					     2 * SR_EXTENT,
					     STORED - 1000,
					     3 * SR_EXTENT - 1,
					     3 * SR_EXTENT,
					     STORED};
	struct sr_blob_name name = file_of(FILE_NUMBER);

	store_bytes(STORED);
	for (size_t i = 0; i < sizeof committed / sizeof committed[0]; i++) {
		put_rows(committed[i]);
		cr_assert_eq(take_up(&extents, &name, committed[i]), SR_OK, "%s", failure.text);
		erase_rows();
		add(committed[i], committed[i] + 10, 10);
		put_and_check(committed[i], committed[i] + 10);
	}
}

/* Or its sum would be made of what a disk, or somebody, has put there. */
Test(extent, what_is_taken_up_is_what_its_row_says)
{
	const uint64_t committed = SR_EXTENT + 70001;
	static const uint64_t in_it[] = {SR_EXTENT, SR_EXTENT + 40000, SR_EXTENT + 70000};
	struct sr_blob_name name = file_of(FILE_NUMBER);

	store_bytes(STORED);
	for (int older = 0; older <= 1; older++) {
		put_rows(committed);
		if (older)
			put_older_row(70001);
		for (size_t i = 0; i < sizeof in_it / sizeof in_it[0]; i++) {
			flip_stored(FILE_NUMBER, in_it[i]);
			cr_expect_eq(take_up(&extents, &name, committed), SR_CORRUPT, "byte %llu",
				     (unsigned long long)in_it[i]);
			flip_stored(FILE_NUMBER, in_it[i]);
		}
		/* The extent before it, and what is behind the committed length, are others' to judge. */
		cr_expect_eq(take_up(&extents, &name, committed + 1), SR_CORRUPT, "more than the row covers");
		flip_stored(FILE_NUMBER, SR_EXTENT - 1);
		flip_stored(FILE_NUMBER, committed);
		cr_assert_eq(take_up(&extents, &name, committed), SR_OK, "%s", failure.text);
		flip_stored(FILE_NUMBER, SR_EXTENT - 1);
		flip_stored(FILE_NUMBER, committed);
		erase_rows();
		add(committed, committed + 10, 10);
		put_and_check(committed, committed + 10);
	}
	cr_expect_eq(take_up(&extents, &name, committed), SR_CORRUPT, "there is no row");
}

Test(extent, a_file_that_lacks_committed_bytes_is_corrupt)
{
	struct sr_blob_name name = file_of(FILE_NUMBER);

	put_rows(SR_EXTENT + 100);
	cr_expect_eq(take_up(&extents, &name, 1), SR_CORRUPT);
	store_bytes(SR_EXTENT + 100);
	cr_expect_eq(take_up(&extents, &name, SR_EXTENT + 101), SR_CORRUPT);
	cr_expect_eq(take_up(&extents, &name, SR_EXTENT + 100), SR_OK);
}
