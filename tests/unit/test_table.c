/*
 * Where a track's segments are: the same answer from the index and from the manifest, by number and by offset, and
 * damage told as damage.
 */
#include "account/event.h"
#include "serve/play/table.h"
#include "serve/record/manifest.h"
#include "serve_fixture.h"

#define SEGMENTS 200 /* a manifest of two chunks */

static uint64_t offsets[SEGMENTS + 1];

static void set_up(void)
{
	struct sr_track_row row = fresh_row();
	uint32_t lengths[SEGMENTS];

	store_make();
	put_row(&row);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		lengths[i] = 1 + i % 3;
		offsets[i + 1] = offsets[i] + lengths[i];
	}
	write_segments(lengths, SEGMENTS);
}

TestSuite(table, .init = set_up, .fini = store_remove);

/* As a finish leaves it: the manifest in the row, no record in the index. */
static void finish_track(void)
{
	struct sr_extents extents = {.number = 0};
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];
	struct sr_manifest_job job = {
		.request = &request, .recording = recording, .dek = dek, .row = &row, .extents = &extents};
	struct sr_op *op = new_op();

	get_row(&row, mac);
	cr_assert_eq(sr_manifest_make(&job), SR_OK, "%s", request.error.text);
	sr_extents_clear(&extents);
	row.writing = SR_WRITING_FINISHED;
	put_row(&row);
	for (uint32_t number = 0; number < SEGMENTS; number++) {
		struct sr_index_key key = sr_key_segment(tag, recording, TRACK, number);

		cr_assert(sr_op_erase(op, &key));
	}
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
}

static struct sr_segment_place places[SEGMENTS + 1];

static struct sr_table_look look_for(bool by_offset, uint64_t at, uint32_t most)
{
	struct sr_table_look look = {.request = &request,
				     .recording = recording,
				     .dek = dek,
				     .track = TRACK,
				     .by_offset = by_offset,
				     .places = places,
				     .most = most};

	if (by_offset)
		look.offset = at;
	else
		look.from = (uint32_t)at;
	request.error = (struct sr_error){.code = SR_OK};
	memset(places, 0xee, sizeof places);
	return look;
}

static enum sr_code read_code(bool by_offset, uint64_t at, uint32_t most)
{
	struct sr_table_look look = look_for(by_offset, at, most);
	enum sr_code code = sr_table_read(&look);

	cr_expect_eq(code, request.error.code);
	return code;
}

/* Exactly `want` places from segment `first` on, and the room behind them untouched. */
static void expect_places(bool by_offset, uint64_t at, uint32_t most, uint32_t first, uint32_t want)
{
	struct sr_table_look look = look_for(by_offset, at, most);

	cr_assert_eq(sr_table_read(&look), SR_OK, "%s", request.error.text);
	cr_assert_eq(look.count, want, "%u places at %llu, not %u", look.count, (unsigned long long)at, want);
	cr_assert_eq(look.head.length, offsets[SEGMENTS]);
	cr_assert_eq(look.head.segments, (uint32_t)SEGMENTS);
	for (uint32_t i = 0; i < want; i++) {
		cr_assert_eq(places[i].record.number, first + i);
		cr_assert_eq(places[i].record.offset, offsets[first + i]);
		cr_assert_eq(places[i].record.length, offsets[first + i + 1] - offsets[first + i]);
		cr_assert_eq(places[i].record.media_time, 1000 + first + i);
	}
	cr_assert_eq(((const uint8_t *)&places[want])[0], 0xee);
}

static void look_everywhere(void)
{
	static const uint32_t mosts[] = {1, 2, 32, SEGMENTS};

	for (size_t i = 0; i < sizeof mosts / sizeof mosts[0]; i++) {
		uint32_t most = mosts[i];

		for (uint32_t from = 0; from < SEGMENTS + 2; from += most == 1 ? 1 : 19) {
			uint32_t left = from < SEGMENTS ? SEGMENTS - from : 0;

			expect_places(false, from, most, from, left < most ? left : most);
		}
		expect_places(false, UINT32_MAX, most, 0, 0);
		for (uint32_t segment = 0; segment < SEGMENTS; segment += most == 1 ? 1 : 19)
			for (uint64_t at = offsets[segment]; at < offsets[segment + 1]; at++) {
				uint32_t left = SEGMENTS - segment;

				expect_places(true, at, most, segment, left < most ? left : most);
			}
		expect_places(true, offsets[SEGMENTS], most, 0, 0);
		expect_places(true, UINT64_MAX, most, 0, 0);
	}
}

Test(table, of_an_open_track_is_in_the_index)
{
	look_everywhere();
}

Test(table, of_a_finished_track_is_in_its_manifest)
{
	finish_track();
	look_everywhere();
}

Test(table, a_track_that_is_not_there_is_not_found)
{
	struct sr_table_look look = look_for(false, 0, 1);

	look.track = TRACK + 1;
	cr_expect_eq(sr_table_read(&look), SR_NOT_FOUND);
	cr_expect_eq(look.count, 0u);
}

/* Damage is told once, with its event, by number and by offset. */
static void expect_corrupt(uint32_t number)
{
	uint64_t told = sr_counted(SR_COUNT_CORRUPT);

	cr_expect_eq(read_code(false, number, 1), SR_CORRUPT);
	cr_expect_eq(read_code(true, offsets[number], 1), SR_CORRUPT);
	cr_expect_eq(sr_counted(SR_COUNT_CORRUPT), told + 2);
}

Test(table, a_head_that_is_not_the_rows_is_damage)
{
	struct sr_track_row row, wrong;
	uint8_t mac[SR_ROW_MAC];

	get_row(&row, mac);
	wrong = row;
	wrong.segments--;
	put_row(&wrong);
	expect_corrupt(0);
	wrong = row;
	wrong.length++;
	put_row(&wrong);
	expect_corrupt(0);
	wrong = row;
	wrong.head[SR_HEAD_SEALED - 1] ^= 1;
	put_row(&wrong);
	expect_corrupt(0);
	/* The same head again, sealed for another track. */
	wrong = row;
	wrong.track = TRACK + 1;
	uint8_t bytes[SR_ROW_MAX];
	struct sr_index_key key = sr_key_track(tag, recording, TRACK + 1);
	put_value(&key, bytes, sr_track_row_encode(store.keyring, recording, &wrong, bytes));
	struct sr_table_look look = look_for(false, 0, 1);
	look.track = TRACK + 1;
	cr_expect_eq(sr_table_read(&look), SR_CORRUPT);
	/* And that row where this track's belongs. */
	key = track_key_of();
	put_value(&key, bytes, sr_track_row_encode(store.keyring, recording, &wrong, bytes));
	expect_corrupt(0);
	put_row(&row);
	cr_expect_eq(read_code(false, 0, 1), SR_OK);
}

Test(table, records_that_miss_the_heads_ends_are_damage)
{
	struct sr_segment_place good, place;

	cr_assert(get_place(0, &good));
	place = good;
	place.record.offset = 1;
	put_place(0, &place);
	cr_expect_eq(read_code(false, 0, 1), SR_CORRUPT);
	put_place(0, &good);
	cr_assert(get_place(SEGMENTS - 1, &good));
	for (int by = -1; by <= 1; by += 2) {
		place = good;
		place.record.length = (uint32_t)((int64_t)good.record.length + by);
		put_place(SEGMENTS - 1, &place);
		expect_corrupt(SEGMENTS - 1);
		/* What comes before does not look at it. */
		cr_expect_eq(read_code(false, SEGMENTS - 2, 1), SR_OK);
	}
}

Test(table, a_manifest_that_does_not_verify_is_damage)
{
	struct sr_track_row row;
	uint8_t mac[SR_ROW_MAC];

	finish_track();
	get_row(&row, mac);
	flip_stored(1, row.manifest_position + row.manifest_size - 1);
	expect_corrupt(0);
	expect_corrupt(SEGMENTS - 1);
	flip_stored(1, row.manifest_position + row.manifest_size - 1);
	/* Within the first chunk: the last segment is still found by its number. */
	flip_stored(1, row.manifest_position + SR_SEALED_FRONT);
	expect_corrupt(0);
	cr_expect_eq(read_code(false, SEGMENTS - 1, 1), SR_OK);
}
