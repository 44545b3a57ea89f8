/*
 * A viewer of a fake recording: what its callbacks are told, and the calls that it makes, each waited for.
 */
#ifndef SR_TEST_FAKE_VIEWER_H
#define SR_TEST_FAKE_VIEWER_H

#include "fake_playing.h"

/* What a read brought; first in every context, so that callbacks find it. */
struct heard {
	struct fake fake;
	struct fake_recording recording;
	sr_player *player;
	uint8_t *bytes;
	size_t size;
	size_t capacity;
	bool finished;
	uint64_t told;
	sr_call *cancel; /* to be cancelled at the first bytes */
	bool pause;
	bool close; /* as soon as there is a player */
	unsigned calls, ready, questions;
};

static inline void on_data(void *context, const uint8_t *data, size_t size)
{
	struct heard *heard = context;
	cr_assert_gt(size, 0);
	cr_assert_leq(heard->size + size, heard->capacity);
	memcpy(heard->bytes + heard->size, data, size);
	heard->size += size;
	heard->calls++;
	if (heard->cancel)
		sr_cancel(heard->cancel);
	if (heard->pause)
		sr_play_pause(heard->player, true);
}

static inline void on_read(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	struct heard *heard = context;
	heard->finished = finished;
	heard->told = bytes;
	fake_on_done(&heard->fake, result);
}

static inline void on_player(void *context, const struct sr_result *result, sr_player *player)
{
	struct heard *heard = context;
	cr_assert_eq(player != NULL, result->code == SR_OK);
	heard->player = player;
	fake_on_done(&heard->fake, result);
}

/* Of one that is started: what waits goes on with its read. */
static inline void on_started(void *context, const struct sr_result *result, sr_player *player)
{
	struct heard *heard = context;
	cr_assert_eq(player != NULL, result->code == SR_OK);
	heard->player = player;
	heard->ready++;
	if (!player)
		fake_on_done(&heard->fake, result);
	else if (heard->close)
		sr_player_close(player);
}

static inline void start(struct heard *heard)
{
	*heard = (struct heard){.capacity = 1u << 20};
	heard->bytes = malloc(heard->capacity);
	make_recording(&heard->recording);
	fake_start(&heard->fake, play_script, &heard->recording, NULL);
	fake_connect(&heard->fake);
}

static inline void stop(struct heard *heard)
{
	fake_stop(&heard->fake);
	free_recording(&heard->recording);
	free(heard->bytes);
}

static inline enum sr_code open_player(struct heard *heard)
{
	cr_assert_eq(sr_play_open(heard->fake.client, heard->recording.id, on_player, heard, NULL), SR_OK);
	return fake_wait(&heard->fake);
}

static inline enum sr_code start_player(struct heard *heard, uint16_t track, uint64_t from, uint64_t length,
					bool follow)
{
	const struct sr_read_options options = {
		.track = track, .from = from, .length = length, .follow = follow, .data = on_data};
	heard->size = 0;
	heard->ready = 0;
	cr_assert_eq(sr_play_start(heard->fake.client, heard->recording.id, &options, on_started, on_read, heard, NULL),
		     SR_OK);
	cr_assert_not(heard->fake.done, "a callback ran inside its start call");
	return fake_wait(&heard->fake);
}

static inline enum sr_code read_range(struct heard *heard, uint16_t track, uint64_t from, uint64_t length, bool follow)
{
	const struct sr_read_options options = {
		.track = track, .from = from, .length = length, .follow = follow, .data = on_data};
	heard->size = 0;
	cr_assert_eq(sr_play_read(heard->player, &options, on_read, heard, NULL), SR_OK);
	cr_assert_not(heard->fake.done, "a callback ran inside its start call");
	return fake_wait(&heard->fake);
}

#endif
