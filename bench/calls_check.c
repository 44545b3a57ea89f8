/*
 * Reads a sample of the recordings back after a run, one after the other, and compares every byte with what was sent.
 */
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "common.h"

/* The one being read. */
struct check {
	struct load *load;
	struct call *call;
	struct track *track;
	sr_player *player;
	uint64_t read;
	unsigned done; /* recordings looked at */
};

static struct check check;

static void next_recording(void);

static void give_up(const char *what, const struct sr_result *result)
{
	load_error(check.load, what, result);
	if (check.player)
		sr_player_close(check.player);
	check.player = NULL;
	check.done++;
	next_recording();
}

static void wrong(const char *what)
{
	const struct sr_result result = {.code = SR_CORRUPT};
	give_up(what, &result);
}

static void next_track(void);

static void on_data(void *context, const uint8_t *data, size_t size)
{
	(void)context;
	while (size > 0) {
		size_t part = size < LOAD_PIECE ? size : LOAD_PIECE;
		if (memcmp(data, load_content(check.track, check.read), part) != 0) {
			/* Told by the length, which then never comes out right. */
			check.read = UINT64_MAX / 2;
			return;
		}
		check.read += part;
		data += part;
		size -= part;
	}
}

static void on_read(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	(void)context;
	(void)bytes;
	if (result->code != SR_OK) {
		give_up("reading back", result);
	} else if (check.read != check.track->written || !finished) {
		wrong("reading back: not the bytes that were sent");
	} else {
		check.track++;
		next_track();
	}
}

static void next_track(void)
{
	const struct track *end = check.call->tracks + TRACKS_MAX;
	while (check.track < end && !check.track->opened)
		check.track++;
	if (check.track == end) {
		sr_player_close(check.player);
		check.player = NULL;
		check.load->calls_checked++;
		check.done++;
		next_recording();
		return;
	}
	check.read = 0;
	const struct sr_read_options options = {.track = check.track->number, .length = UINT64_MAX, .data = on_data};
	enum sr_code code = sr_play_read(check.player, &options, on_read, NULL, NULL);
	if (code != SR_OK)
		wrong("reading back could not be started");
}

static void on_player(void *context, const struct sr_result *result, sr_player *player)
{
	(void)context;
	check.player = player;
	if (result->code != SR_OK) {
		give_up("playing", result);
		return;
	}
	check.track = check.call->tracks;
	next_track();
}

static void next_recording(void)
{
	struct load *load = check.load;
	if (check.done >= load->plan.checked) {
		load_checked(load);
		return;
	}
	/* Spread over all calls, the first and not the last among them. */
	check.call = &load->calls[(uint64_t)check.done * load->plan.calls / load->plan.checked];
	check.call->connection->grant = check.call->grant;
	enum sr_code code = sr_play_open(check.call->connection->client, check.call->recording, on_player, NULL, NULL);
	if (code != SR_OK)
		wrong("playing could not be started");
}

void check_begin(struct load *load)
{
	check.load = load;
	next_recording();
}
