/*
 * What a process wrote itself it does not read again to finish a track; what anybody else may have written or changed
 * it does.
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include "serve/record/manifest.h"
#include "serve_fixture.h"

/* Counts libc's. */
static _Atomic unsigned reads;

__attribute__((visibility("default"))) ssize_t pread(int fd, void *data, size_t size, off_t position)
{
	atomic_fetch_add(&reads, 1);
	return syscall(SYS_pread64, fd, data, size, position);
}

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

/* The same track again, with nothing in it. */
static void begin_anew(void)
{
	struct sr_track_row row = fresh_row();

	forget_witnesses();
	cr_assert_eq(unlink(file_path(1)), 0);
	put_row(&row);
}

TestSuite(witness, .init = set_up, .fini = tear_down);

static const uint32_t lengths[] = {100, 16384, 40000};
#define LENGTHS (sizeof lengths / sizeof lengths[0])

static enum sr_code make(void)
{
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];
	struct sr_manifest_job job = {
		.request = &request, .recording = recording, .dek = dek, .row = &row, .extents = &extents};

	get_row(&row, mac);
	request.error = (struct sr_error){.code = SR_OK};
	sr_extents_clear(&extents);
	atomic_store(&reads, 0);
	return sr_manifest_make(&job);
}

/* Somebody else's change of one stored bit: with a time of its own, however slowly the file system's clock goes. */
static void spoil(uint64_t position)
{
	struct stat before, now;

	cr_assert_eq(stat(file_path(1), &before), 0);
	flip_stored(1, position);
	do {
		cr_assert_eq(chmod(file_path(1), 0600), 0);
		cr_assert_eq(stat(file_path(1), &now), 0);
	} while (before.st_ctim.tv_sec == now.st_ctim.tv_sec && before.st_ctim.tv_nsec == now.st_ctim.tv_nsec);
}

/* The last stored byte of a segment. */
static uint64_t end_of(uint32_t number)
{
	struct sr_segment_place place;

	cr_assert(get_place(number, &place));
	return place.position + sr_sealed_size(place.record.length) - 1;
}

/* ---- what is read ---- */

Test(witness, what_was_sealed_here_is_not_read_again)
{
	write_segments(lengths, LENGTHS);
	cr_assert_eq(make(), SR_OK, "%s", request.error.text);
	cr_expect_eq(reads, 1u, "but for the last end");
}

Test(witness, nor_when_another_writer_has_gone_on)
{
	write_segments(lengths, LENGTHS);
	atomic_store(&reads, 0);
	write_segments(lengths, LENGTHS);
	cr_expect_eq(reads, LENGTHS, "the end of each as it was written, and not the last extent");
	cr_assert_eq(make(), SR_OK, "%s", request.error.text);
	cr_expect_eq(reads, 1u);
}

Test(witness, without_one_every_end_is_read)
{
	write_segments(lengths, LENGTHS);
	forget_witnesses();
	cr_assert_eq(make(), SR_OK, "%s", request.error.text);
	cr_expect_eq(reads, LENGTHS + 1, "and the last extent");
	/* It knows of no manifest either, which the attempt before has left. */
	cr_assert_eq(make(), SR_OK, "%s", request.error.text);
	cr_expect_eq(reads, LENGTHS + 1);
}

Test(witness, what_was_there_before_is_read)
{
	write_segments(lengths, LENGTHS);
	forget_witnesses();
	write_segments(lengths, LENGTHS);
	cr_assert_eq(make(), SR_OK, "%s", request.error.text);
	cr_expect_eq(reads, LENGTHS + 1);
}

/* The checksum of the last extent is then over what was written: the same as over what is on the disk. */
Test(witness, hands_the_checksum_over)
{
	static const uint32_t across[] = {SR_SEGMENT_MAX, 1000};
	struct sr_op *op = new_op();
	struct sr_extents disk = {.sum = NULL};
	struct sr_blob_name name = file_of(1);

	write_segments(across, 2);
	cr_assert_eq(make(), SR_OK);
	cr_expect_eq(reads, 1u);
	cr_expect_eq(extents.number, 1u);
	cr_assert(sr_extents_put(&extents, op));
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
	cr_assert_eq(take_up(&disk, &name, file_size(1)), SR_OK);
	cr_expect_eq(disk.number, 1u);
	sr_extents_clear(&disk);
}

/* ---- what is noticed ---- */

Test(witness, a_file_that_was_changed_is_read)
{
	for (uint32_t number = 0; number < LENGTHS; number++, begin_anew()) {
		write_segments(lengths, LENGTHS);
		spoil(end_of(number));
		cr_expect_eq(make(), SR_CORRUPT, "segment %u", number);
	}
}

/* Nobody goes on with it: what was put there would be summed as if it had been committed. */
Test(witness, a_file_that_was_changed_is_not_gone_on_with)
{
	struct sr_sealing *sealing;

	for (uint32_t number = 0; number < LENGTHS; number++, begin_anew()) {
		write_segments(lengths, LENGTHS);
		spoil(end_of(number));
		cr_expect_eq(try_writing(&sealing), SR_CORRUPT, "segment %u", number);
		cr_expect_null(sealing);
		cr_expect_eq(make(), SR_CORRUPT, "segment %u", number);
	}
}

Test(witness, a_change_between_two_writes_is_noticed)
{
	uint8_t media[1000];
	struct sr_sealing *sealing = begin_writing();

	for (unsigned i = 0; i < 3; i++) {
		if (i == 2)
			spoil(10 + sr_sealed_size(sizeof media) - 20);
		media_fill(media, i * sizeof media, sizeof media);
		cr_assert_eq(feed_bytes(sealing, media, sizeof media, 1), SR_OK);
		cr_assert_eq(close_segment(sealing), SR_OK);
		cr_assert_eq(commit_all(sealing), 1u);
	}
	sr_sealing_free(sealing);
	cr_expect_eq(make(), SR_CORRUPT);
}

Test(witness, what_this_process_did_not_write_is_checked)
{
	for (uint32_t number = 0; number < LENGTHS; number++, begin_anew()) {
		write_segments(lengths, LENGTHS);
		spoil(end_of(number));
		forget_witnesses();
		cr_expect_eq(make(), SR_CORRUPT, "segment %u", number);
	}
}

Test(witness, a_segment_said_to_lie_elsewhere_is_read)
{
	static const uint32_t alike[] = {500, 500, 500};
	struct sr_segment_place place, other;

	for (int by = -1; by <= 1; by += 2, begin_anew()) {
		write_segments(alike, 3);
		cr_assert(get_place(1, &place));
		place.position += (uint64_t)by;
		put_place(1, &place);
		cr_expect_eq(make(), SR_CORRUPT);
	}
	write_segments(alike, 3);
	cr_assert(get_place(0, &place));
	cr_assert(get_place(1, &other));
	uint64_t position = place.position;
	place.position = other.position;
	other.position = position;
	put_place(0, &place);
	put_place(1, &other);
	cr_expect_eq(make(), SR_CORRUPT, "two that changed places");
	begin_anew();
	write_segments(alike, 3);
	cr_assert(get_place(1, &place));
	place.file++;
	put_place(1, &place);
	cr_expect_eq(make(), SR_CORRUPT, "another file");
}

Test(witness, bytes_without_a_commit_are_not_known)
{
	uint8_t media[20000];
	struct sr_sealing *sealing = begin_writing();

	media_fill(media, 0, sizeof media);
	cr_assert_eq(feed_bytes(sealing, media, 1000, 1), SR_OK);
	cr_assert_eq(close_segment(sealing), SR_OK);
	cr_assert_eq(commit_all(sealing), 1u);
	cr_assert_eq(feed_bytes(sealing, media, sizeof media, 1), SR_OK);
	sr_sealing_free(sealing);
	cr_assert_eq(make(), SR_OK);
	cr_expect_eq(reads, 2u, "the end and the extent");
	begin_anew();
	sealing = begin_writing();
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(feed_bytes(sealing, media, 1000, 1), SR_OK);
		cr_assert_eq(close_segment(sealing), SR_OK);
		if (i == 0)
			cr_assert_eq(commit_all(sealing), 1u);
	}
	sr_sealing_free(sealing);
	cr_assert_eq(make(), SR_OK);
	cr_expect_eq(reads, 2u, "a closed segment that no row has");
}

/* ---- the table of them ---- */

/* Leave one for a file of 0 bytes, which `blob` is; its name's last two bytes of the recording are `id`. */
static struct sr_blob_name leave(const struct sr_blob *blob, uint16_t track, uint16_t id, uint8_t chain)
{
	struct sr_witness witness = {.file = file_of(1), .first = track};

	witness.file.track = track;
	witness.file.recording[SR_UUID - 2] = (uint8_t)(id >> 8);
	witness.file.recording[SR_UUID - 1] = (uint8_t)id;
	memset(witness.chain, chain, SR_CHAIN);
	cr_assert(sr_blob_stamp(blob, &witness.stamp));
	witness.extents.sum = sr_extent_sum_new(store.keyring);
	cr_assert_not_null(witness.extents.sum);
	sr_witnesses_leave(store.witnesses, &witness);
	cr_expect_null(witness.extents.sum);
	return witness.file;
}

static bool take(const struct sr_blob *blob, const struct sr_blob_name *name, uint8_t chain)
{
	struct sr_witness witness = {.first = 9999};
	uint8_t bytes[SR_CHAIN];

	memset(bytes, chain, sizeof bytes);
	if (!sr_witnesses_take(store.witnesses, name, blob, bytes, &witness)) {
		cr_expect_eq(witness.first, 9999u);
		return false;
	}
	cr_expect_eq(witness.first, name->track);
	sr_extents_clear(&witness.extents);
	return true;
}

Test(witness, is_taken_once_and_by_who_writes_the_same)
{
	struct sr_blob_name file = file_of(7), name, wrong;
	struct sr_blob *blob;

	cr_assert_eq(sr_blob_create(store.blobs, &file, &blob, &failure), SR_OK);
	name = leave(blob, 1, 1, 1);
	cr_expect(take(blob, &name, 1));
	cr_expect_not(take(blob, &name, 1), "twice");
	name = leave(blob, 1, 1, 1);
	cr_expect_not(take(blob, &name, 2), "another chain");
	cr_expect_not(take(blob, &name, 1), "it was of no use");
	name = wrong = leave(blob, 1, 1, 1);
	wrong.file++;
	cr_expect_not(take(blob, &wrong, 1), "another file");
	name = wrong = leave(blob, 1, 1, 1);
	wrong.recording[0] ^= 1;
	cr_expect_not(take(blob, &wrong, 1), "another recording");
	cr_expect(take(blob, &name, 1), "whose it was not");
	name = leave(blob, 1, 1, 1);
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"x", 1, &failure), SR_OK);
	cr_expect_not(take(blob, &name, 1), "another length");
	sr_blob_close(blob);
}

/* So many that they take each other's places: each that is there is its own track's, and the newest is. */
Test(witness, more_than_there_are_places_for)
{
	struct sr_blob_name file = file_of(7), names[3 * SR_WITNESSES];
	struct sr_blob *blob;
	unsigned found = 0;

	cr_assert_eq(sr_blob_create(store.blobs, &file, &blob, &failure), SR_OK);
	for (uint16_t i = 0; i < 3 * SR_WITNESSES; i++)
		names[i] = leave(blob, (uint16_t)(1 + i % 3), i, (uint8_t)i);
	cr_expect(take(blob, &names[3 * SR_WITNESSES - 1], (uint8_t)(3 * SR_WITNESSES - 1)));
	for (unsigned i = 0; i < 3 * SR_WITNESSES; i++)
		found += take(blob, &names[i], (uint8_t)i);
	cr_expect_gt(found, SR_WITNESSES / 2);
	cr_expect_lt(found, SR_WITNESSES);
	sr_blob_close(blob);
}
