/*
 * A sealed read's batches: for every range exactly the chunks that hold it, in order, with the keys that open them;
 * where a batch stops; and records in the index that lie.
 */
#include "fake_session.h"

#include "serve/play/reading.c"

#include "serve_fixture.h"

#define STREAM 5
#define REQUEST 0x1122334455667788

/* Two files; segments at every edge of a chunk. */
static const uint32_t lengths[] = {1, 16383, 16384, 16385, 32768, SR_SEGMENT_MAX, 1, 16384, 5};
#define SEGMENTS (sizeof lengths / sizeof lengths[0])
#define NEW_FILE 7 /* the first segment in the second file */

static uint64_t offsets[SEGMENTS + 1];
static uint8_t *media;

static void write_track(void)
{
	struct sr_track_row row = fresh_row();
	struct sr_blob_name name = file_of(1);

	store_make();
	put_row(&row);
	for (size_t i = 0; i < SEGMENTS; i++)
		offsets[i + 1] = offsets[i] + lengths[i];
	write_segments(lengths, NEW_FILE);
	cr_assert(sr_spoiled_add(store.spoiled, &name));
	write_segments(lengths + NEW_FILE, SEGMENTS - NEW_FILE);
	media = malloc(offsets[SEGMENTS]);
	cr_assert_not_null(media);
	media_fill(media, 0, offsets[SEGMENTS]);
}

static void tear_down(void)
{
	forget_kept();
	free(media);
	store_remove();
}

TestSuite(reading, .init = write_track, .fini = tear_down);

static uint32_t segment_of(uint64_t offset)
{
	uint32_t number = 0;

	while (offset >= offsets[number + 1])
		number++;
	return number;
}

/* What has come of a range so far. */
struct taking {
	uint64_t from, end;
	uint64_t next; /* the plaintext byte that the next chunk must begin at or before */
	struct sr_segment_release release;
	bool has_key;
	struct sr_aead *aead;
};

static void take_key(struct taking *taking, const struct kept *message)
{
	struct sr_cursor in = sr_cursor_over(message->fields, message->size);

	cr_assert_null(message->raw);
	sr_segment_release_decode(&in, &taking->release);
	cr_assert(sr_take_done(&in));
	cr_assert_eq(taking->release.track, TRACK);
	/* The key of a segment that holds nothing wanted is never released. */
	cr_assert_lt(taking->next, taking->end);
	cr_assert_eq(taking->release.segment, segment_of(taking->next));
	sr_aead_free(taking->aead);
	taking->aead = sr_aead_new(taking->release.key.key);
	taking->has_key = true;
}

/* Open each chunk: it is the one that holds the next byte, as long as it is stored, and says what was recorded. */
static void take_body(struct taking *taking, const struct kept *message)
{
	struct sr_cursor in = sr_cursor_over(message->fields, message->size);
	struct sr_body body;
	uint8_t plain[SR_CHUNK];

	sr_body_decode(&in, &body);
	cr_assert(sr_take_done(&in));
	cr_assert(taking->has_key);
	cr_assert_eq(body.track, TRACK);
	cr_assert_eq(body.segment, taking->release.segment);
	cr_assert_eq(body.length, message->raw_size);
	cr_assert_leq(body.length, SR_BODY_MAX);
	uint32_t at = 0;
	for (uint32_t chunk = body.chunk; at < body.length; chunk++) {
		uint64_t start = offsets[body.segment] + (uint64_t)chunk * SR_CHUNK;
		uint64_t left = offsets[body.segment + 1] - start;
		size_t size = left < SR_CHUNK ? (size_t)left : SR_CHUNK;

		cr_assert_lt(start, offsets[body.segment + 1], "the empty last chunk");
		cr_assert_lt(start, taking->end, "a chunk past the range");
		cr_assert(start <= taking->next && taking->next < start + size, "chunk %u of segment %u", chunk,
			  body.segment);
		cr_assert_leq(at + size + SR_AEAD_TAG, body.length);
		cr_assert(sr_chunk_open(taking->aead, taking->release.key.base_nonce, chunk, message->raw + at,
					size + SR_AEAD_TAG, plain));
		cr_assert_eq(memcmp(plain, media + start, size), 0);
		at += (uint32_t)(size + SR_AEAD_TAG);
		taking->next = start + size;
	}
	cr_assert_eq(at, body.length);
}

/* Take what a batch sent; the plaintext up to where it covers must be there, and not a chunk more. */
static void take_batch(struct taking *taking, uint64_t covered_to)
{
	cr_assert_gt(kept_count, 0u);
	for (unsigned i = 0; i < kept_count; i++) {
		cr_assert_eq(kept[i].stream, STREAM);
		cr_assert_eq(kept[i].request, REQUEST);
		if (kept[i].type == SR_MSG_SEGMENT_KEY)
			take_key(taking, &kept[i]);
		else if (kept[i].type == SR_MSG_BODY)
			take_body(taking, &kept[i]);
		else
			cr_assert_fail("type %u", kept[i].type);
	}
	cr_assert_geq(taking->next, covered_to);
	cr_assert_eq(segment_of(taking->next - 1), segment_of(covered_to - 1));
	cr_assert_lt(taking->next - covered_to, (uint64_t)SR_CHUNK);
	taking->next = covered_to; /* the next batch may send the same chunk again */
	taking->has_key = false;
	forget_kept();
}

static uint32_t most = SR_BATCH_USUAL;

static enum sr_code make_batch(uint64_t from, uint64_t to, struct sr_batch **batch)
{
	struct sr_reading_job job = {.request = &request,
				     .recording = recording,
				     .dek = dek,
				     .track = TRACK,
				     .from = from,
				     .end = to,
				     .most = most};

	request.error = (struct sr_error){.code = SR_OK};
	request.work_result = NULL;
	enum sr_code code = sr_reading_look(&job);
	if (code == SR_OK)
		code = sr_batch_make(&job);
	*batch = request.work_result;
	cr_assert_eq(code, request.error.code);
	cr_assert_eq(*batch != NULL, code == SR_OK);
	return code;
}

/* Queue a whole batch, a step at a time; what it covers. */
static uint64_t send_all(struct sr_batch *batch)
{
	unsigned steps = 1, before = kept_count;

	while (sr_batch_step(batch, NULL, STREAM, REQUEST))
		steps++;
	/* One body in each step, and at most one key. */
	cr_assert_leq(kept_count - before, 2 * steps);
	cr_assert_not(sr_batch_step(batch, NULL, STREAM, REQUEST));
	return sr_batch_covers(batch);
}

/* Read a range as a player does, to its end or the first failure; returns how many batches it took. */
static enum sr_code read_range(uint64_t from, uint64_t to, unsigned *batches)
{
	struct taking taking = {.from = from, .end = to < offsets[SEGMENTS] ? to : offsets[SEGMENTS], .next = from};
	enum sr_code code = SR_OK;
	bool last = false;

	for (*batches = 0; code == SR_OK && !last; (*batches)++) {
		struct sr_batch *batch;

		cr_assert_lt(*batches, 100u, "a read that never ends");
		code = make_batch(from, to, &batch);
		if (code == SR_OK) {
			uint64_t covers = send_all(batch);

			cr_assert_gt(covers, 0u);
			from += covers;
			last = sr_batch_is_last(batch);
			cr_assert_leq(from, taking.end);
			cr_assert_eq(last, from == taking.end);
			take_batch(&taking, from);
		}
		sr_batch_free(batch);
	}
	sr_aead_free(taking.aead);
	return code;
}

/* Every edge of a segment and of a few chunks, one before it and one after. */
static size_t edges(uint64_t *out)
{
	size_t count = 0;

	for (size_t i = 0; i <= SEGMENTS; i++)
		for (uint64_t chunk = 0; chunk <= 256; chunk = chunk < 2 ? chunk + 1 : chunk == 2 ? 255 : chunk + 1) {
			uint64_t edge = offsets[i] + chunk * SR_CHUNK;

			if (i == SEGMENTS ? chunk > 0 : chunk > 0 && edge > offsets[i + 1])
				continue;
			for (int by = -1; by <= 1; by++)
				if ((edge > 0 || by >= 0) && (count == 0 || edge + (uint64_t)by > out[count - 1]))
					out[count++] = edge + (uint64_t)by;
		}
	return count;
}

Test(reading, a_range_gets_its_chunks_and_no_others, .timeout = 250)
{
	uint64_t points[256];
	size_t count = edges(points);
	unsigned batches;

	cr_assert_geq(count, 36u);
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++) {
			/* The big segment's whole is the same work each time: few of those ranges do. */
			bool big = points[j] - points[i] > SR_SEGMENT_MAX / 2;

			if (points[i] >= offsets[SEGMENTS] || (big && (i + j) % 16 != 0))
				continue;
			cr_assert_eq(read_range(points[i], points[j], &batches), SR_OK, "%s", request.error.text);
		}
	cr_assert_eq(read_range(0, UINT64_MAX, &batches), SR_OK, "%s", request.error.text);
}

Test(reading, nothing_past_the_end_is_the_last_batch)
{
	struct sr_batch *batch;

	for (uint64_t from = offsets[SEGMENTS]; from < offsets[SEGMENTS] + 2; from++) {
		cr_assert_eq(make_batch(from, UINT64_MAX, &batch), SR_OK);
		cr_expect(sr_batch_is_last(batch));
		cr_expect_eq(send_all(batch), 0u);
		cr_expect_eq(kept_count, 0u);
		sr_batch_free(batch);
	}
}

static uint64_t covered(uint64_t from)
{
	struct sr_batch *batch;

	cr_assert_eq(make_batch(from, UINT64_MAX, &batch), SR_OK);
	uint64_t covers = send_all(batch);
	forget_kept();
	sr_batch_free(batch);
	return covers;
}

Test(reading, a_batch_stops_at_its_size_its_count_and_its_file)
{
	uint32_t small[2 * SR_BATCH_SEGMENTS];
	uint64_t length = offsets[SEGMENTS];

	/* Full after the big segment; the next goes on to the end of the file; then the second file. */
	cr_expect_eq(covered(0), offsets[6]);
	most = SR_BATCH_FAST;
	cr_expect_eq(covered(0), offsets[NEW_FILE], "a large batch holds more");
	most = SR_BATCH_USUAL;
	cr_expect_eq(covered(offsets[6]), 1u);
	cr_expect_eq(covered(offsets[5] + 1), offsets[NEW_FILE] - offsets[5] - 1);
	cr_expect_eq(covered(offsets[NEW_FILE]), length - offsets[NEW_FILE]);
	for (size_t i = 0; i < 2 * SR_BATCH_SEGMENTS; i++)
		small[i] = 3;
	write_segments(small, 2 * SR_BATCH_SEGMENTS);
	cr_expect_eq(covered(length), 3u * SR_BATCH_SEGMENTS);
	cr_expect_eq(covered(length + 1), 3u * SR_BATCH_SEGMENTS - 1);
	cr_expect_eq(covered(length + 3 * (2 * SR_BATCH_SEGMENTS - 1)), 3u);
}

Test(reading, a_send_that_finds_no_memory_drops_the_session)
{
	struct sr_batch *batch;

	cr_assert_eq(make_batch(0, offsets[4], &batch), SR_OK);
	raw_room = 1;
	(void)send_all(batch);
	cr_expect_eq(dropped, 1u);
	/* Key and body of the first, key and body of the second: nothing behind what failed. */
	cr_expect_eq(kept_count, 4u);
	sr_batch_free(batch);
}

/* ---- records that lie ---- */

/* However a read meets it: it ends, with what was recorded or as damage; a read of the whole is damage. */
static void expect_corrupt(const char *what)
{
	unsigned batches;

	cr_expect_eq(read_range(0, UINT64_MAX, &batches), SR_CORRUPT, "%s", what);
	forget_kept();
}

Test(reading, lying_records_end_a_read_as_damage, .timeout = 250)
{
	struct sr_segment_place good, place;

	for (uint32_t number = 0; number < SEGMENTS; number++) {
		if (number == 5)
			continue; /* big, and nothing else than its neighbours */
		cr_assert(get_place(number, &good));
#define LIE(field, value)                                                                                              \
	do {                                                                                                           \
		place = good;                                                                                          \
		place.field = (value);                                                                                 \
		put_place(number, &place);                                                                             \
		expect_corrupt(#field " = " #value);                                                                   \
	} while (0)
		LIE(record.number, number + 1);
		LIE(record.offset, good.record.offset + 1);
		LIE(record.offset, good.record.offset - 1);
		LIE(record.offset, offsets[SEGMENTS]);
		LIE(record.offset, offsets[SEGMENTS] + 1);
		LIE(record.offset, INT64_MAX - (uint64_t)SR_SEGMENT_MAX);
		LIE(record.offset, UINT64_MAX);
		LIE(record.length, 0);
		LIE(record.length, good.record.length + 1);
		LIE(record.length, SR_SEGMENT_MAX);
		LIE(record.length, SR_SEGMENT_MAX + 1);
		LIE(record.length, UINT32_MAX);
		if (good.record.length > 1)
			LIE(record.length, good.record.length - 1);
		LIE(file, 99);
		LIE(position, file_size(good.file));
		LIE(position, file_size(good.file) - SR_SEALED_FRONT - good.record.length - SR_AEAD_TAG + 1);
		LIE(position, (uint64_t)INT64_MAX);
#undef LIE
		put_place(number, &good);
	}
	unsigned batches;
	cr_expect_eq(read_range(0, UINT64_MAX, &batches), SR_OK, "as it was: %s", request.error.text);
}

Test(reading, gaps_and_overlaps_of_several_records_are_damage)
{
	struct sr_segment_place first, second, place;
	unsigned batches;

	cr_assert(get_place(1, &first));
	cr_assert(get_place(2, &second));
	put_place(1, &second);
	expect_corrupt("another's record");
	put_place(2, &first);
	expect_corrupt("swapped");
	/* Twice the same bytes, numbered as they should be. */
	put_place(1, &first);
	place = first;
	place.record.number = 2;
	put_place(2, &place);
	expect_corrupt("the same twice");
	/* All shifted, so that they follow each other and the last passes the head's end. */
	for (uint32_t number = 0; number < SEGMENTS; number++) {
		cr_assert(get_place(number, &place));
		place.record.offset = offsets[number] + 1;
		put_place(number, &place);
	}
	expect_corrupt("shifted");
	cr_expect_eq(read_range(offsets[SEGMENTS] - 1, UINT64_MAX, &batches), SR_CORRUPT);
}

Test(reading, a_file_cut_short_is_damage)
{
	uint64_t size = file_size(2);
	unsigned batches;

	/* The last segment's last byte, then its whole; the one before it reads on. */
	cr_assert_eq(truncate(file_path(2), (off_t)size - 1), 0);
	cr_expect_eq(read_range(offsets[SEGMENTS] - 1, UINT64_MAX, &batches), SR_CORRUPT);
	cr_expect_eq(read_range(offsets[NEW_FILE], offsets[NEW_FILE + 1], &batches), SR_OK);
	cr_assert_eq(unlink(file_path(2)), 0);
	cr_expect_eq(read_range(offsets[NEW_FILE], offsets[NEW_FILE + 1], &batches), SR_CORRUPT);
	cr_expect_eq(read_range(0, offsets[1], &batches), SR_OK);
}
