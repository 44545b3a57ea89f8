/*
 * One call: opens a recording, writes at its pace whatever else happens, goes on in a second track if it is to, and
 * finishes. Every write has a time at which it is due; its acknowledgement counts from then, so that waiting anywhere,
 * for an opening, for room, or for this process itself, is in the figures.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "common.h"

#define CALL_MIN_MS 5000

static void write_due(struct call *call);
static void begin_again(struct call *call);

/* ---- ranges on their way ---- */

static void push(struct track *track, const struct range *range)
{
	if (track->count == track->capacity) {
		size_t capacity = track->capacity ? 2 * track->capacity : 32;
		struct range *ranges = calloc(capacity, sizeof *ranges);
		if (!ranges)
			bench_die("memory is used up");
		for (size_t at = 0; at < track->count; at++)
			ranges[at] = track->ranges[(track->first + at) % track->capacity];
		free(track->ranges);
		track->ranges = ranges;
		track->first = 0;
		track->capacity = capacity;
	}
	track->ranges[(track->first + track->count++) % track->capacity] = *range;
}

static void on_durable(void *context, uint64_t durable)
{
	struct track *track = context;
	struct load *load = track->call->load;
	double now = load_ms();
	while (track->count > 0 && track->ranges[track->first].end <= durable) {
		double due = track->ranges[track->first].due_ms;
		double window = floor((due - load->began_ms) / 1000 / load->plan.window);
		bench_histogram_add(&load->ack, now - due);
		if (window >= 0 && window < load->window_count)
			bench_histogram_add(&load->windows[(unsigned)window], now - due);
		track->first = (track->first + 1) % track->capacity;
		track->count--;
	}
}

/* ---- the end ---- */

static void timer_closed(uv_handle_t *timer)
{
	struct call *call = timer->data;
	call_over(call->load);
}

static void end(struct call *call)
{
	if (call->over)
		return;
	call->over = true;
	uv_close((uv_handle_t *)&call->timer, timer_closed);
}

static void failed(struct call *call, const char *what, const struct sr_result *result)
{
	if (!call->over)
		load_error(call->load, what, result);
	end(call);
}

/* As failed, for what could not even be started. */
static void failed_to_start(struct call *call, const char *what, enum sr_code code)
{
	const struct sr_result result = {.code = code};
	failed(call, what, &result);
}

static void on_finished(void *context, const struct sr_result *result)
{
	struct call *call = context;
	if (result->code != SR_OK) {
		failed(call, "finish", result);
		return;
	}
	call->load->finished++;
	if (call->load->plan.call_seconds > 0 && call->load->end_ms - load_ms() >= CALL_MIN_MS)
		begin_again(call);
	else
		end(call);
}

static void finish(struct call *call)
{
	call->connection->grant = call->grant;
	enum sr_code code = sr_record_finish(call->connection->client, call->recording, on_finished, call, NULL);
	if (code != SR_OK)
		failed_to_start(call, "finish", code);
}

static void on_closed(void *context, const struct sr_result *result)
{
	struct track *track = context;
	struct call *call = track->call;
	if (result->code != SR_OK) {
		failed(call, "close", result);
		return;
	}
	if (track->count > 0)
		failed_to_start(call, "closed with bytes that were not acknowledged", SR_INTERNAL);
	call->open_tracks--;
	if (!call->over && call->due_ms >= call->end_ms && call->open_tracks == 0 && !call->opening)
		finish(call);
}

static void close_track(struct track *track)
{
	sr_writer *writer = track->writer;
	track->writer = NULL;
	enum sr_code code = sr_writer_close(writer, on_closed, track);
	if (code != SR_OK)
		failed_to_start(track->call, "close", code);
}

static void on_ended(void *context, const struct sr_result *result)
{
	struct track *track = context;
	track->writer = NULL;
	failed(track->call, "the stream ended", result);
}

/* ---- opening ---- */

static void on_room(void *context)
{
	const struct track *track = context;
	write_due(track->call);
}

static void on_ready(void *context, const struct sr_result *result, sr_writer *writer)
{
	struct track *track = context;
	struct call *call = track->call;
	if (result->code != SR_OK) {
		failed(call, "track", result);
		return;
	}
	if (call->over) {
		(void)sr_writer_close(writer, NULL, NULL);
		return;
	}
	bench_histogram_add(&call->load->opening, load_ms() - call->asked_ms);
	track->writer = writer;
	track->number = sr_writer_track(writer);
	track->opened = true;
	call->opening = false;
	call->open_tracks++;
	sr_writer_on_durable(writer, on_durable, track);
	sr_writer_on_room(writer, on_room, track);
	sr_writer_on_ended(writer, on_ended, track);
	struct track *before = call->now;
	call->now = track;
	if (before && before->writer)
		close_track(before);
	write_due(call);
}

static void open_track(struct call *call, struct track *track)
{
	struct sr_track_options options = {.media_type = "video/webm"};
	memcpy(options.recording, call->recording, SR_ID);
	call->asked_ms = load_ms();
	call->opening = true;
	call->connection->grant = call->grant;
	enum sr_code code = sr_track_open(call->connection->client, &options, on_ready, track, NULL);
	if (code != SR_OK)
		failed_to_start(call, "track", code);
}

static void on_opened(void *context, const struct sr_result *result)
{
	struct call *call = context;
	if (result->code != SR_OK)
		failed(call, "record", result);
	else
		open_track(call, &call->tracks[0]);
}

static void open_recording(struct call *call)
{
	struct sr_recording_options options = {0};
	memcpy(options.recording, call->recording, SR_ID);
	call->connection->grant = call->grant;
	enum sr_code code = sr_record_open(call->connection->client, &options, on_opened, call, NULL);
	if (code != SR_OK)
		failed_to_start(call, "record", code);
}

/* ---- the pace ---- */

static size_t bytes_of(const struct call *call)
{
	size_t size = (size_t)(call->load->plan.bits_per_second / 8000 * call->step_ms);
	return size > LOAD_PIECE ? LOAD_PIECE : size + (size == 0);
}

/* From half to one and a half times the distance, all equally likely. */
static double next_step(const struct call *call)
{
	return call->load->plan.write_ms * (0.5 + load_random());
}

/* One write. False: it has to wait. */
static bool write_one(struct call *call)
{
	struct track *track = call->now;
	size_t size = bytes_of(call);
	enum sr_code code = sr_write(track->writer, load_content(track, track->written), size, SR_NO_TIME);
	if (code == SR_BUSY)
		call->load->held_back++;
	else if (code != SR_OK)
		failed_to_start(call, "write", code);
	if (code != SR_OK)
		return false;
	track->written += size;
	call->load->bytes += size;
	call->load->writes++;
	push(track, &(struct range){track->written, call->due_ms});
	call->step_ms = next_step(call);
	call->due_ms += call->step_ms;
	return true;
}

static void on_timer(uv_timer_t *timer)
{
	struct call *call = timer->data;
	bench_histogram_add(&call->load->late, load_ms() - call->due_ms);
	write_due(call);
}

/*
 * Write all that is due, or close the track when the time is over. Without a writer, without room, or with a track that
 * is being opened, whoever brings it comes here again.
 */
static void write_due(struct call *call)
{
	double now = load_ms();
	if (call->over || !call->now || !call->now->writer)
		return;
	if (call->switch_ms > 0 && now >= call->switch_ms) {
		call->switch_ms = 0;
		open_track(call, &call->tracks[1]);
	}
	while (call->due_ms <= now && call->due_ms < call->end_ms)
		if (call->over || !write_one(call))
			return;
	if (call->due_ms < call->end_ms) {
		double wait = ceil(call->due_ms) - (double)uv_now(call->load->loop);
		(void)uv_timer_start(&call->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
	} else if (!call->opening) {
		close_track(call->now);
	}
}

static void on_start(uv_timer_t *timer)
{
	struct call *call = timer->data;
	open_recording(call);
}

/* Choose how it goes, for one that starts at `start`. */
static void plan_call(struct call *call, double start)
{
	const struct load *load = call->load;
	const struct plan *plan = &load->plan;
	bool switches = load_random() * 100 < plan->switching;
	call->step_ms = next_step(call);
	call->due_ms = start + call->step_ms;
	call->end_ms = load->end_ms;
	if (plan->call_seconds > 0)
		call->end_ms = fmin(call->end_ms, start + 1000 * plan->call_seconds * (0.5 + load_random()));
	if (switches)
		call->switch_ms = start + (call->end_ms - start) * (0.25 + 0.5 * load_random());
}

/* Another recording in the place of one that is finished. */
static void begin_again(struct call *call)
{
	char text[SR_ID_TEXT];
	sr_id_format(call->recording, text);
	printf("over %s\n", text);
	(void)fflush(stdout);
	for (size_t at = 0; at < TRACKS_MAX; at++) {
		struct track *track = &call->tracks[at];
		track->opened = false;
		track->written = 0;
	}
	call->now = NULL;
	call->switch_ms = 0;
	sr_id_new(call->recording);
	plan_call(call, load_ms());
	open_recording(call);
}

void call_begin(struct call *call)
{
	const struct load *load = call->load;
	double start = load->began_ms + 1000 * load->plan.spread * load_random();
	plan_call(call, start);
	(void)uv_timer_start(&call->timer, on_start, (uint64_t)(start - load->began_ms), 0);
}
