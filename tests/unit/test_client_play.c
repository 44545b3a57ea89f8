/*
 * A player against daemons that play wrongly: not one byte reaches the application beyond what was verified before the
 * fault, and the read ends with the right code. And against an honest one: every range is the source's.
 */
#include "fake_viewer.h"
#include "sealreel/operate.h"

static enum sr_code expected(enum mutant mutant)
{
	if (mutant == FROZEN_BEFORE_BODY)
		return SR_FROZEN;
	return mutant >= EOF_AT_ONCE && mutant <= EOF_AFTER_BODY ? SR_UNAVAILABLE : SR_CORRUPT;
}

/* A mutant that acts on all of a recording or read acts from its beginning, whatever `at` says. */
static bool acts_on_segment(enum mutant mutant)
{
	return (mutant >= OTHER_FILE && mutant <= KEY_OTHER_WHOLE) ||
	       (mutant >= EOF_BEFORE_BODY && mutant <= FROZEN_BEFORE_BODY);
}

/* Some faults are none at some segments: there is no second chunk to confuse, or the fault shows only at the end. */
static bool means_nothing(enum mutant mutant, uint32_t at)
{
	return mutant == BODY_BEYOND && at == 4;
}

/* How many bytes may have been handed out: those before the segment at fault, or all where the fault is behind it. */
static uint64_t verified_before(const struct heard *heard)
{
	const struct fake_track *track = &heard->recording.tracks[0];
	enum mutant mutant = heard->recording.mutant;
	uint32_t at = heard->recording.at;
	bool whole_segment_first = mutant == BODY_TWICE || mutant == RAW_LONG || mutant == EOF_AFTER_BODY;
	if (mutant == UNASKED_MESSAGE ||
	    (mutant >= DONE_LENGTH && mutant <= DONE_OTHER_REQUEST && mutant != DONE_EARLY))
		return track->length;
	if (!acts_on_segment(mutant))
		return 0;
	uint64_t from = track->segments[at].record.offset;
	/* Half a body of several chunks has a whole one in it. */
	if (mutant == EOF_IN_BODY && segment_sizes[at] > SR_CHUNK)
		return from + SR_CHUNK;
	return from + (whole_segment_first ? segment_sizes[at] : 0);
}

static enum sr_code open_and_read(struct heard *heard, bool at_once)
{
	if (at_once)
		return start_player(heard, 1, 0, UINT64_MAX, false);
	enum sr_code code = open_player(heard);
	return code == SR_OK ? read_range(heard, 1, 0, UINT64_MAX, false) : code;
}

static void try_one(enum mutant mutant, uint32_t at, bool at_once)
{
	struct heard heard;
	start(&heard);
	heard.recording.mutant = mutant;
	heard.recording.at = at;
	enum sr_code code = open_and_read(&heard, at_once);
	cr_expect_eq(code, expected(mutant), "mutant %d at %u: %s: %s", mutant, at, sr_result_name(code),
		     heard.fake.result.text);
	cr_expect_neq(heard.fake.result.request, 0);
	cr_expect_leq(heard.size, verified_before(&heard), "mutant %d at %u: %zu bytes", mutant, at, heard.size);
	cr_expect_eq(memcmp(heard.bytes, heard.recording.tracks[0].plain, heard.size), 0);
	/* The connection is over: nothing more can be asked on it. */
	cr_expect_eq(sr_stats(heard.fake.client, NULL, NULL, NULL), SR_UNAVAILABLE);
	stop(&heard);
}

static void try_mutant(enum mutant mutant, uint32_t at)
{
	try_one(mutant, at, false);
	try_one(mutant, at, true);
}

Test(client_play, a_wrong_daemon_delivers_nothing)
{
	for (enum mutant mutant = HONEST + 1; mutant < MUTANTS; mutant++)
		try_mutant(mutant, 0);
}

Test(client_play, a_daemon_that_goes_wrong_later_delivers_no_more)
{
	for (enum mutant mutant = HONEST + 1; mutant < MUTANTS; mutant++) {
		for (uint32_t at = 1; at < SEGMENTS && acts_on_segment(mutant); at++) {
			if (!means_nothing(mutant, at))
				try_mutant(mutant, at);
		}
	}
}

Test(client_play, a_table_wrong_anywhere_delivers_nothing)
{
	for (enum mutant mutant = TABLE_GAP; mutant <= TABLE_SALT; mutant++) {
		for (uint32_t at = 1; at < SEGMENTS; at++)
			try_mutant(mutant, at);
	}
}

Test(client_play, every_flipped_bit_of_a_small_segment_is_found)
{
	struct heard heard;
	size_t sealed = (size_t)sr_sealed_size(segment_sizes[2]);
	for (size_t bit = SR_SEALED_FRONT * 8; bit < sealed * 8; bit++) {
		start(&heard);
		const struct fake_segment *segment = &heard.recording.tracks[0].segments[2];
		segment->sealed[bit / 8] = (uint8_t)(segment->sealed[bit / 8] ^ (1 << bit % 8));
		cr_assert_eq(open_player(&heard), SR_OK);
		cr_assert_eq(read_range(&heard, 1, segment->record.offset, 5, false), SR_CORRUPT);
		cr_assert_eq(heard.size, 0);
		stop(&heard);
	}
}

Test(client_play, a_table_of_many_pages_is_asked_for_once)
{
	for (int one_by_one = 0; one_by_one <= 1; one_by_one++) {
		struct heard heard;
		start(&heard);
		heard.recording.one_by_one = one_by_one;
		heard.recording.page = 1;
		cr_assert_eq(open_player(&heard), SR_OK);
		cr_assert_eq(read_range(&heard, 1, 0, UINT64_MAX, false), SR_OK);
		uint64_t length = heard.recording.tracks[0].length;
		cr_assert_eq(heard.size, length);
		cr_assert_eq(memcmp(heard.bytes, heard.recording.tracks[0].plain, length), 0);
		/* A store that gives less than all is asked again. */
		cr_assert_eq(heard.recording.tables, one_by_one ? SEGMENTS : 1u);
		stop(&heard);
	}
}

Test(client_play, ranges_equal_the_source)
{
	struct heard heard;
	start(&heard);
	cr_assert_eq(open_player(&heard), SR_OK);
	cr_assert_eq(read_range(&heard, 2, 0, UINT64_MAX, false), SR_OK);
	uint64_t length = heard.recording.tracks[1].length;
	cr_assert_eq(heard.size, length);
	cr_assert_eq(heard.told, length);
	cr_assert(heard.finished);
	cr_assert_eq(memcmp(heard.bytes, heard.recording.tracks[1].plain, length), 0);
	for (int i = 0; i < 1000; i++) {
		uint16_t track = (uint16_t)(1 + randombytes_uniform(TRACKS));
		uint64_t from = randombytes_uniform((uint32_t)length);
		uint64_t most = 1 + randombytes_uniform(4 * SR_CHUNK);
		uint64_t want = most < length - from ? most : length - from;
		cr_assert_eq(read_range(&heard, track, from, most, i % 2), SR_OK);
		cr_assert_eq(heard.size, want);
		cr_assert_eq(memcmp(heard.bytes, heard.recording.tracks[track - 1].plain + from, want), 0);
	}
	stop(&heard);
}

Test(client_play, nothing_lies_past_the_end)
{
	struct heard heard;
	start(&heard);
	cr_assert_eq(open_player(&heard), SR_OK);
	uint64_t length = heard.recording.tracks[0].length;
	const uint64_t from[] = {length, length + 1, UINT64_MAX};
	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		cr_assert_eq(read_range(&heard, 1, from[i], UINT64_MAX, true), SR_OK);
		cr_assert_eq(heard.size, 0);
		cr_assert(heard.finished);
	}
	cr_assert_eq(read_range(&heard, 1, 7, 0, false), SR_OK);
	cr_assert_eq(heard.recording.reads, 0);
	const struct sr_read_options unknown = {.track = 3, .length = 1, .data = on_data};
	cr_assert_eq(sr_play_read(heard.player, &unknown, on_read, &heard, NULL), SR_NOT_FOUND);
	stop(&heard);
}

Test(client_play, a_growing_recording_is_followed_to_its_finish)
{
	struct heard heard;
	start(&heard);
	heard.recording.visible = 0;
	heard.recording.finished = false;
	cr_assert_eq(open_player(&heard), SR_OK);
	cr_assert_eq(sr_player_info(heard.player)->tracks[0].length, 0);
	cr_assert_eq(read_range(&heard, 1, 0, UINT64_MAX, false), SR_OK);
	cr_assert_eq(heard.size, 0);
	cr_assert_not(heard.finished);
	heard.recording.visible = 3;
	cr_assert_eq(read_range(&heard, 1, 0, UINT64_MAX, false), SR_OK);
	cr_assert_eq(heard.size, heard.recording.tracks[0].segments[3].record.offset);
	cr_assert_not(heard.finished);
	heard.recording.grows = true;
	cr_assert_eq(read_range(&heard, 1, 0, UINT64_MAX, true), SR_OK);
	cr_assert(heard.finished);
	cr_assert_eq(heard.size, heard.recording.tracks[0].length);
	cr_assert_eq(memcmp(heard.bytes, heard.recording.tracks[0].plain, heard.size), 0);
	cr_assert_eq(sr_player_info(heard.player)->tracks[0].length, heard.size);
	cr_assert(sr_player_info(heard.player)->tracks[0].finished);
	stop(&heard);
}

Test(client_play, a_cancelled_read_is_silent_and_the_next_one_right)
{
	struct heard heard;
	start(&heard);
	cr_assert_eq(open_player(&heard), SR_OK);
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .data = on_data};
	cr_assert_eq(sr_play_read(heard.player, &options, on_read, &heard, &heard.cancel), SR_OK);
	cr_assert_eq(sr_play_read(heard.player, &options, on_read, &heard, NULL), SR_BUSY);
	while (sr_play_read(heard.player, &options, on_read, &heard, NULL) == SR_BUSY)
		(void)uv_run(&heard.fake.loop, UV_RUN_ONCE);
	cr_assert_eq(heard.calls, 1);
	heard.cancel = NULL;
	heard.size = 0;
	cr_assert_eq(fake_wait(&heard.fake), SR_OK);
	cr_assert_eq(heard.size, heard.recording.tracks[0].length);
	stop(&heard);
}

Test(client_play, a_paused_read_waits_and_loses_nothing)
{
	struct heard heard;
	start(&heard);
	cr_assert_eq(open_player(&heard), SR_OK);
	heard.pause = true;
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .data = on_data};
	cr_assert_eq(sr_play_read(heard.player, &options, on_read, &heard, NULL), SR_OK);
	while (!heard.fake.done) {
		unsigned calls = heard.calls;
		(void)uv_run(&heard.fake.loop, UV_RUN_NOWAIT);
		cr_assert_leq(heard.calls - calls, SEGMENTS);
		sr_play_pause(heard.player, false);
	}
	cr_assert_eq(fake_wait(&heard.fake), SR_OK);
	cr_assert_eq(heard.size, heard.recording.tracks[0].length);
	cr_assert_eq(memcmp(heard.bytes, heard.recording.tracks[0].plain, heard.size), 0);
	stop(&heard);
}

static void refuse_script(struct fake *fake, const struct sr_message_head *head, struct sr_cursor *fields)
{
	struct heard *heard = (struct heard *)(void *)fake;
	if (head->type == SR_MSG_PLAY_OPEN && !heard->pause)
		fake_error(fake, head, SR_NOT_FOUND, true);
	else if (head->type == SR_MSG_PLAY_READ)
		fake_error(fake, head, SR_EXPIRED, true);
	else
		play_script(fake, head, fields);
}

Test(client_play, refusals_come_through_with_their_code_and_text)
{
	struct heard heard;
	start(&heard);
	heard.fake.script = refuse_script;
	cr_assert_eq(open_player(&heard), SR_NOT_FOUND);
	cr_assert_str_eq(heard.fake.result.text, "scripted");
	cr_assert_eq(heard.fake.result.retry_ms, 7);
	heard.pause = true;
	cr_assert_eq(open_player(&heard), SR_OK);
	cr_assert_eq(read_range(&heard, 1, 0, 10, false), SR_EXPIRED);
	const struct sr_read_options options = {.track = 1, .length = 1, .data = on_data};
	cr_assert_eq(sr_play_read(heard.player, &options, on_read, &heard, NULL), SR_UNAVAILABLE);
	sr_player_close(heard.player);
	cr_assert_eq(open_player(&heard), SR_OK);
	sr_player_close(heard.player);
	stop(&heard);
}

Test(client_play, closing_in_the_middle_of_a_body_frees_everything)
{
	struct heard heard;
	start(&heard);
	cr_assert_eq(open_player(&heard), SR_OK);
	const struct sr_read_options options = {.track = 1, .length = UINT64_MAX, .data = on_data};
	cr_assert_eq(sr_play_read(heard.player, &options, on_read, &heard, NULL), SR_OK);
	while (heard.calls == 0)
		(void)uv_run(&heard.fake.loop, UV_RUN_ONCE);
	sr_player_close(heard.player);
	unsigned calls = heard.calls;
	cr_assert_eq(open_player(&heard), SR_OK);
	cr_assert_eq(heard.calls, calls);
	cr_assert_eq(read_range(&heard, 2, 0, 100, false), SR_OK);
	stop(&heard);
}
