/*
 * Which file a track goes on in: its last, unless a sync of that failed; and what a crash may have left.
 */
#include <pthread.h>

#include "serve_fixture.h"

static void set_up(void)
{
	store_make_blobs();
}

TestSuite(track_file, .init = set_up, .fini = store_remove);

static struct sr_track_row row_of(uint16_t file, uint64_t committed)
{
	return (struct sr_track_row){
		.track = TRACK, .file_count = 1, .files = {{.number = file, .committed = committed}}};
}

static void store_file(uint16_t number, const char *text)
{
	struct sr_blob_name name = file_of(number);
	struct sr_blob *blob;

	cr_assert_eq(sr_blob_create(store.blobs, &name, &blob, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)text, strlen(text), &failure), SR_OK);
	sr_blob_close(blob);
}

static bool holds(uint16_t number, const char *text)
{
	struct sr_blob_name name = file_of(number);
	uint8_t found[64];

	return file_size(number) == strlen(text) &&
	       sr_blob_read(store.blobs, &name, 0, found, strlen(text), &failure) == SR_OK &&
	       memcmp(found, text, strlen(text)) == 0;
}

static void spoil(uint16_t number)
{
	struct sr_blob_name name = file_of(number);

	cr_assert(sr_spoiled_add(store.spoiled, &name));
}

/* Open, append one word there, close. */
static enum sr_code go_on(struct sr_track_row *row, bool *changed)
{
	struct sr_blob *blob = NULL;
	enum sr_code code = sr_track_file_open(store.blobs, store.spoiled, recording, row, &blob, changed, &failure);

	if (code == SR_OK) {
		cr_expect_eq(sr_blob_position(blob), row->files[row->file_count - 1].committed);
		cr_expect_eq(sr_blob_append(blob, (const uint8_t *)"word", 4, &failure), SR_OK);
	} else {
		cr_expect_null(blob);
	}
	sr_blob_close(blob);
	return code;
}

Test(track_file, a_name_is_spoiled_only_as_a_whole)
{
	struct sr_blob_name name = file_of(7), other;

	cr_expect_not(sr_spoiled_has(store.spoiled, &name));
	spoil(7);
	cr_expect(sr_spoiled_has(store.spoiled, &name));
	other = name;
	other.file++;
	cr_expect_not(sr_spoiled_has(store.spoiled, &other));
	other = name;
	other.track++;
	cr_expect_not(sr_spoiled_has(store.spoiled, &other));
	for (size_t byte = 0; byte < SR_UUID; byte++) {
		other = name;
		other.recording[byte] ^= 1;
		cr_expect_not(sr_spoiled_has(store.spoiled, &other));
	}
}

#define EACH 300

static void *spoil_many(void *context)
{
	uint16_t first = *(const uint16_t *)context;

	for (uint16_t i = 0; i < EACH; i++) {
		struct sr_blob_name name = file_of((uint16_t)(first + i));

		if (!sr_spoiled_add(store.spoiled, &name) || !sr_spoiled_has(store.spoiled, &name))
			return context;
	}
	return NULL;
}

Test(track_file, threads_lose_nothing_of_each_other)
{
	static uint16_t firsts[4] = {0, EACH, 2 * EACH, 3 * EACH};
	pthread_t threads[4];
	void *lost;

	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, spoil_many, &firsts[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(pthread_join(threads[i], &lost), 0);
		cr_expect_null(lost);
	}
	for (uint16_t number = 0; number < 4 * EACH + 1; number++) {
		struct sr_blob_name name = file_of(number);

		cr_expect_eq(sr_spoiled_has(store.spoiled, &name), number < 4 * EACH);
	}
}

Test(track_file, a_track_goes_on_at_its_committed_length)
{
	struct sr_track_row row = row_of(5, 4);
	bool changed = true;

	store_file(5, "kept and more");
	cr_assert_eq(go_on(&row, &changed), SR_OK);
	cr_expect_not(changed);
	cr_expect_eq(row.file_count, 1);
	cr_expect(holds(5, "keptword"));
}

Test(track_file, a_first_file_that_a_crash_left_unmade_is_made)
{
	struct sr_track_row row = row_of(1, 0);
	bool changed = true;

	cr_assert_eq(go_on(&row, &changed), SR_OK);
	cr_expect_not(changed);
	cr_expect(holds(1, "word"));
	/* The same once more: it is there now, and nothing of it counts. */
	cr_assert_eq(go_on(&row, &changed), SR_OK);
	cr_expect(holds(1, "word"));
}

Test(track_file, a_file_that_lacks_committed_bytes_is_corrupt_and_is_not_replaced)
{
	struct sr_track_row row = row_of(1, 1);
	bool changed;

	cr_expect_eq(go_on(&row, &changed), SR_CORRUPT);
	cr_expect_neq(access(file_path(1), F_OK), 0);
	store_file(1, "four");
	row = row_of(1, 5);
	cr_expect_eq(go_on(&row, &changed), SR_CORRUPT);
	cr_expect(holds(1, "four"));
}

Test(track_file, after_a_spoiled_file_comes_a_new_one)
{
	struct sr_track_row row = row_of(5, 4);
	bool changed = false;

	store_file(5, "kept and more");
	spoil(5);
	cr_assert_eq(go_on(&row, &changed), SR_OK);
	cr_expect(changed);
	cr_expect_eq(row.file_count, 2);
	cr_expect_eq(row.files[0].number, 5);
	cr_expect_eq(row.files[0].committed, 4u);
	cr_expect_eq(row.files[1].number, 6);
	cr_expect_eq(row.files[1].committed, 0u);
	cr_expect(holds(5, "kept and more"), "a spoiled file was touched");
	cr_expect(holds(6, "word"));
	cr_expect_eq(sr_track_file_name(recording, &row).file, 6);
	cr_expect_arr_eq(sr_track_file_name(recording, &row).recording, recording, SR_UUID);
}

Test(track_file, what_an_attempt_without_its_row_left_counts_for_nothing)
{
	struct sr_track_row row = row_of(5, 4);
	bool changed = false;

	store_file(5, "kept");
	store_file(6, "left by a crash");
	spoil(5);
	cr_assert_eq(go_on(&row, &changed), SR_OK);
	cr_expect(changed);
	cr_expect(holds(6, "word"));
}

Test(track_file, a_spoiled_file_is_not_taken_again_though_no_row_names_it)
{
	struct sr_track_row row = row_of(5, 4);
	bool changed = false;

	store_file(5, "kept");
	store_file(6, "lost");
	spoil(5);
	spoil(6);
	cr_assert_eq(go_on(&row, &changed), SR_OK);
	cr_expect_eq(row.file_count, 2);
	cr_expect_eq(row.files[1].number, 7);
	cr_expect(holds(6, "lost"), "a spoiled file was touched");
	cr_expect(holds(7, "word"));
}

Test(track_file, a_track_has_so_many_files_and_so_many_numbers)
{
	struct sr_track_row row = row_of(1, 0);
	bool changed;

	row.file_count = SR_FILES_MAX;
	for (uint16_t i = 0; i < SR_FILES_MAX; i++)
		row.files[i].number = (uint16_t)(i + 1);
	/* The last of them is still opened. */
	cr_expect_eq(go_on(&row, &changed), SR_OK);
	spoil(SR_FILES_MAX);
	cr_expect_eq(go_on(&row, &changed), SR_CONFLICT);
	cr_expect_eq(row.file_count, SR_FILES_MAX);
	cr_expect_neq(access(file_path(SR_FILES_MAX + 1), F_OK), 0);
	row = row_of(UINT16_MAX, 0);
	spoil(UINT16_MAX);
	cr_expect_eq(go_on(&row, &changed), SR_CONFLICT);
	cr_expect_eq(row.file_count, 1);
}
