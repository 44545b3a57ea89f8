/*
 * A track's writer: from APPEND messages to acknowledgements. The loop owns it; its sealing is lent to one pool job at
 * a time, its commits go through the flush threads and the index thread and come back by post.
 */
#include "serve/writer.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/dispatch.h"
#include "serve/play.h"
#include "serve/renewal.h"

#define BUFFER_MAX (3 * SR_APPEND_MAX)

/* RESERVED: no stream yet. LIVE: takes appends. ENDING: sees through what is under way, then frees itself. */
enum life { RESERVED, LIVE, ENDING };

/* Plaintext on its way to the pool: appended to on the loop, or lent to the job. */
struct buffer {
	uint8_t *bytes;
	size_t used, capacity;
	uint64_t media_time; /* of the first byte */
};

struct sr_writer {
	struct sr_writer *next, *previous;
	struct sr_daemon *daemon;
	enum life life;
	uint8_t recording[SR_UUID];
	uint16_t track;
	struct sr_post *waiters;    /* told when it is gone */
	struct sr_session *session; /* NULL: orphaned, or its stream has ended */
	struct sr_stream *stream;
	uint64_t opening_request;
	struct sr_held_grant held;
	struct sr_sealing *sealing;
	struct buffer filling, sealed_now;
	uint64_t received, durable;
	uint64_t segment_since; /* monotonic ms of the open segment's first byte; 0: none */
	bool paused;            /* holds the session's reading */
	bool job_runs, close_due, job_closes;
	enum sr_code job_code;
	struct sr_error job_error;
	uv_work_t job;
	struct sr_commit *ready, **ready_last; /* written, waiting for a flush */
	struct sr_commit *flushing;            /* under the flush that runs */
	bool flush_runs;
	unsigned committing;
	struct sr_post flushed;
	enum sr_code flush_code;
	struct sr_error flush_error;
	bool failed; /* nothing more is sealed */
	bool syncing, closing;
	uint64_t sync_request, close_request;
};

static void advance(struct sr_writer *writer);

/* A commit's way back from the index thread to the loop. */
struct arrival {
	struct sr_post post;
	struct sr_writer *writer;
	uint64_t durable;
	uint32_t bytes;
	enum sr_code code;
};

/* ---- the registry ---- */

static struct sr_writer *find(const struct sr_daemon *daemon, const uint8_t recording[SR_UUID], uint16_t track)
{
	for (struct sr_writer *at = daemon->writers; at; at = at->next)
		if (at->track == track && memcmp(at->recording, recording, SR_UUID) == 0)
			return at;
	return NULL;
}

bool sr_recording_written(const struct sr_daemon *daemon, const uint8_t recording[SR_UUID])
{
	for (const struct sr_writer *at = daemon->writers; at; at = at->next)
		if (memcmp(at->recording, recording, SR_UUID) == 0)
			return true;
	return false;
}

static void buffer_free(struct buffer *buffer)
{
	if (buffer->bytes)
		sodium_memzero(buffer->bytes, buffer->capacity);
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

static void commits_free(struct sr_commit *commit)
{
	while (commit) {
		struct sr_commit *next = commit->next;
		sr_commit_free(commit);
		commit = next;
	}
}

static void writer_free(struct sr_writer *writer)
{
	struct sr_daemon *daemon = writer->daemon;
	if (writer->previous)
		writer->previous->next = writer->next;
	else
		daemon->writers = writer->next;
	if (writer->next)
		writer->next->previous = writer->previous;
	while (writer->waiters) {
		struct sr_post *wait = writer->waiters;
		writer->waiters = wait->next;
		sr_post(daemon->postbox, wait);
	}
	if (writer->life != RESERVED)
		sr_count(SR_COUNT_WRITERS_NOW, -1);
	commits_free(writer->ready);
	sr_sealing_free(writer->sealing);
	buffer_free(&writer->filling);
	buffer_free(&writer->sealed_now);
	sr_held_grant_drop(&writer->held);
	sodium_memzero(writer, sizeof *writer);
	free(writer);
	sr_daemon_drained(daemon);
}

enum sr_code sr_writer_reserve(struct sr_daemon *daemon, const uint8_t recording[SR_UUID], uint16_t track,
			       struct sr_post *wait, struct sr_writer **out)
{
	struct sr_writer *older = find(daemon, recording, track);
	*out = NULL;
	if (older) {
		wait->next = older->waiters;
		older->waiters = wait;
		return SR_OK; /* its next tick sees that somebody waits */
	}
	struct sr_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return SR_INTERNAL;
	writer->daemon = daemon;
	writer->track = track;
	memcpy(writer->recording, recording, SR_UUID);
	writer->ready_last = &writer->ready;
	writer->job.data = writer;
	writer->next = daemon->writers;
	if (writer->next)
		writer->next->previous = writer;
	daemon->writers = writer;
	*out = writer;
	return SR_OK;
}

void sr_writer_abandon(struct sr_writer *writer)
{
	writer_free(writer);
}

void sr_writer_live(struct sr_writer *writer, const struct sr_writer_start *start)
{
	writer->life = LIVE;
	writer->session = start->session;
	writer->stream = start->stream;
	writer->stream->writer = writer;
	writer->opening_request = start->request->head.request;
	writer->sealing = start->sealing;
	writer->received = writer->durable = start->durable;
	sr_held_grant_take(&writer->held, start->request);
	sr_count(SR_COUNT_WRITERS_NOW, 1);
}

struct sr_held_grant *sr_writer_grant(struct sr_writer *writer)
{
	return &writer->held;
}

/* ---- the stream ---- */

static void let_read(struct sr_writer *writer)
{
	if (!writer->paused)
		return;
	writer->paused = false;
	sr_session_unpause(writer->session);
}

/* Part from the stream: it has ended, or is gone with its session. */
static void detach(struct sr_writer *writer)
{
	if (!writer->session)
		return;
	struct sr_session *session = sr_session_hold(writer->session);
	bool paused = writer->paused;
	writer->paused = false;
	writer->stream->writer = NULL;
	writer->stream = NULL;
	writer->session = NULL;
	if (paused)
		sr_session_unpause(session);
	sr_session_release(session);
}

void sr_writer_orphan(struct sr_writer *writer)
{
	writer->paused = false; /* the session reads no more anyway */
	writer->stream = NULL;
	writer->session = NULL;
	writer->life = ENDING;
	writer->close_due = true;
	advance(writer);
}

static void send_durable(struct sr_writer *writer, uint8_t type, uint64_t request)
{
	struct sr_reply reply = {0};
	if (!writer->session)
		return;
	if (!sr_reply_begin(&reply, type, 8)) {
		sr_session_drop(writer->session, "memory is used up");
		return;
	}
	sr_durable_encode(&reply.fields, writer->durable);
	sr_session_send(writer->session, writer->stream->number, request, &reply, false);
}

static void end_stream(struct sr_writer *writer, const struct sr_error *err)
{
	if (!writer->session)
		return;
	sr_session_send_error(writer->session, writer->stream->number, writer->opening_request, err, true, 0);
	detach(writer);
}

static bool idle(const struct sr_writer *writer)
{
	return !writer->job_runs && !writer->flush_runs && !writer->ready && writer->committing == 0;
}

static bool drained(const struct sr_writer *writer)
{
	return idle(writer) && writer->filling.used == 0 &&
	       (!writer->sealing || !sr_sealing_in_segment(writer->sealing));
}

/* ---- sealing, on the pool ---- */

static void seal_on_pool(uv_work_t *job)
{
	struct sr_writer *writer = job->data;
	struct buffer *buffer = &writer->sealed_now;
	writer->job_code = SR_OK;
	if (buffer->used > 0)
		writer->job_code = sr_blobs_space(writer->daemon->blobs, &writer->job_error);
	if (writer->job_code == SR_OK)
		writer->job_code = sr_sealing_feed(writer->sealing, buffer->bytes, buffer->used, buffer->media_time,
						   &writer->job_error);
	if (writer->job_code == SR_OK && writer->job_closes)
		writer->job_code = sr_sealing_close_segment(writer->sealing, &writer->job_error);
	if (buffer->bytes)
		sodium_memzero(buffer->bytes, buffer->used);
}

static void take_commits(struct sr_writer *writer)
{
	struct sr_commit *commit = sr_sealing_take(writer->sealing);
	*writer->ready_last = commit;
	for (; commit; commit = commit->next) {
		commit->owner = writer;
		writer->ready_last = &commit->next;
		sr_count(SR_COUNT_SEGMENTS, 1);
	}
}

static void sealed_on_loop(uv_work_t *job, int status)
{
	struct sr_writer *writer = job->data;
	(void)status; /* jobs are never cancelled */
	writer->job_runs = false;
	writer->sealed_now.used = 0;
	if (writer->filling.used == 0)
		buffer_free(&writer->sealed_now);
	take_commits(writer);
	if (writer->job_code != SR_OK) {
		sr_log_error(SR_LOG_ERROR, "append_failed", &writer->job_error);
		writer->failed = true;
	} else if (!sr_sealing_in_segment(writer->sealing)) {
		writer->segment_since = writer->filling.used > 0 ? sr_monotonic_ms() : 0;
	}
	if (!writer->failed)
		let_read(writer);
	advance(writer);
}

static void start_job(struct sr_writer *writer)
{
	struct buffer empty = writer->sealed_now;
	writer->sealed_now = writer->filling;
	writer->filling = empty;
	writer->job_closes = writer->close_due;
	writer->close_due = false;
	writer->job_runs = true;
	uv_queue_work(writer->daemon->loop, &writer->job, seal_on_pool, sealed_on_loop);
}

static bool job_wanted(const struct sr_writer *writer)
{
	if (writer->job_runs || writer->failed || !writer->sealing)
		return false;
	if (writer->close_due)
		return writer->filling.used > 0 || sr_sealing_in_segment(writer->sealing);
	return writer->filling.used >= SR_CHUNK;
}

/* ---- flush and commit ---- */

static void arrived(struct sr_post *post)
{
	struct arrival *arrival = (struct arrival *)post;
	struct sr_writer *writer = arrival->writer;
	writer->committing--;
	if (arrival->code == SR_OK) {
		writer->durable = arrival->durable;
		sr_count(SR_COUNT_BYTES_DURABLE, arrival->bytes);
		if (writer->session)
			send_durable(writer, SR_MSG_ACK, writer->opening_request);
		sr_players_wake(writer->daemon, writer->recording, writer->track);
	} else if (!writer->failed) {
		writer->failed = true;
		writer->job_code = arrival->code;
		(void)SR_FAIL(&writer->job_error, arrival->code,
			      "the track was resumed or the recording finished elsewhere");
	}
	free(arrival);
	advance(writer);
}

/* On the index thread. */
static void committed(void *context, enum sr_code result, size_t failed_check)
{
	struct arrival *arrival = context;
	(void)failed_check;
	arrival->code = result;
	sr_post(arrival->writer->daemon->postbox, &arrival->post);
}

static void submit(struct sr_writer *writer, struct sr_commit *commit)
{
	struct arrival *arrival = calloc(1, sizeof *arrival);
	if (!arrival) {
		/* Later commits demand this one, so that none of them can go through. */
		writer->failed = true;
		writer->job_code = SR_FAIL(&writer->job_error, SR_INTERNAL, "memory is used up");
		sr_commit_free(commit);
		return;
	}
	arrival->post.run = arrived;
	arrival->writer = writer;
	arrival->durable = commit->durable;
	arrival->bytes = commit->bytes;
	writer->committing++;
	sr_index_submit(writer->daemon->index, commit->op, committed, arrival);
	commit->op = NULL; /* the index's now */
	sr_commit_free(commit);
}

static void flushed_on_loop(struct sr_post *post)
{
	struct sr_writer *writer = (struct sr_writer *)((char *)post - offsetof(struct sr_writer, flushed));
	struct sr_commit *commit = writer->flushing;
	writer->flush_runs = false;
	writer->flushing = NULL;
	sr_count(SR_COUNT_FLUSHES, 1);
	if (writer->flush_code != SR_OK) {
		sr_log_error(SR_LOG_ERROR, "flush_failed", &writer->flush_error);
		writer->failed = true;
		writer->job_code = writer->flush_code;
		writer->job_error = writer->flush_error;
		/* The kernel has marked the lost pages clean: nothing written to this file may count any more. */
		struct sr_blob_name name = sr_sealing_file(writer->sealing);
		if (!sr_spoiled_add(writer->daemon->spoiled, &name))
			sr_daemon_fatal(NULL, &writer->flush_error);
		commits_free(commit);
		commits_free(writer->ready);
		writer->ready = NULL;
		writer->ready_last = &writer->ready;
		advance(writer);
		return;
	}
	while (commit) {
		struct sr_commit *next = commit->next;
		submit(writer, commit);
		commit = next;
	}
	advance(writer);
}

/* On a flush thread. */
static void flushed(void *context, enum sr_code result, const struct sr_error *err)
{
	struct sr_writer *writer = context;
	writer->flush_code = result;
	if (result != SR_OK && err)
		writer->flush_error = *err;
	sr_post(writer->daemon->postbox, &writer->flushed);
}

static void start_flush(struct sr_writer *writer)
{
	writer->flushing = writer->ready;
	writer->ready = NULL;
	writer->ready_last = &writer->ready;
	writer->flush_runs = true;
	writer->flushed.run = flushed_on_loop;
	/* Once the flush has begun its result is the flush thread's to write. */
	enum sr_code begun = sr_flush(writer->daemon->flusher, sr_sealing_blob(writer->sealing), flushed, writer);
	if (begun != SR_OK) {
		writer->flush_code = SR_FAIL(&writer->flush_error, begun, "the flush could not be started");
		sr_post(writer->daemon->postbox, &writer->flushed);
	}
}

/* ---- what comes next ---- */

static void answer_sync(struct sr_writer *writer)
{
	if (!drained(writer))
		return;
	writer->close_due = false;
	writer->segment_since = 0;
	if (writer->syncing) {
		writer->syncing = false;
		send_durable(writer, SR_MSG_SYNCED, writer->sync_request);
	}
	if (writer->closing) {
		writer->closing = false;
		send_durable(writer, SR_MSG_CLOSED, writer->close_request);
		writer->life = ENDING;
		detach(writer);
	}
}

/* A failed stream tells its client only when every commit under way has had its acknowledgement. */
static void advance_failed(struct sr_writer *writer)
{
	buffer_free(&writer->filling);
	if (writer->life != LIVE || !idle(writer))
		return;
	writer->life = ENDING;
	end_stream(writer, &writer->job_error);
}

/* The one place that decides what a writer does next; called whenever anything about it has changed. May free it. */
static void advance(struct sr_writer *writer)
{
	bool wants_all = writer->syncing || writer->closing || writer->life == ENDING;
	if (wants_all)
		writer->close_due = true;
	if (job_wanted(writer))
		start_job(writer);
	if (writer->ready && !writer->flush_runs)
		start_flush(writer);
	if (writer->failed)
		advance_failed(writer);
	else if (wants_all)
		answer_sync(writer);
	if (writer->life == ENDING && idle(writer) && (writer->failed || drained(writer)))
		writer_free(writer);
}

/* ---- messages ---- */

static bool buffer_add(struct buffer *buffer, const struct sr_span *data, uint64_t media_time)
{
	if (buffer->used + data->size > buffer->capacity) {
		size_t wanted = buffer->capacity ? buffer->capacity : SR_CHUNK;
		while (wanted < buffer->used + data->size)
			wanted *= 2;
		uint8_t *bytes = malloc(wanted);
		if (!bytes)
			return false;
		if (buffer->bytes) {
			memcpy(bytes, buffer->bytes, buffer->used);
			sodium_memzero(buffer->bytes, buffer->capacity);
			free(buffer->bytes);
		}
		buffer->bytes = bytes;
		buffer->capacity = wanted;
	}
	if (buffer->used == 0)
		buffer->media_time = media_time;
	memcpy(buffer->bytes + buffer->used, data->data, data->size);
	buffer->used += data->size;
	return true;
}

static void fail_stream(struct sr_writer *writer, enum sr_code code, const char *text)
{
	writer->failed = true;
	writer->job_code = SR_FAIL(&writer->job_error, code, "%s", text);
	advance(writer);
}

/* Bytes received already are skipped, so that an append can be repeated; a gap can only be a mistake. */
static void on_append(struct sr_writer *writer, struct sr_append *append)
{
	if (writer->failed)
		return; /* its client is about to be told */
	if (append->offset > writer->received) {
		fail_stream(writer, SR_CONFLICT, "an append begins beyond what was received");
		return;
	}
	uint64_t known = writer->received - append->offset;
	if (known >= append->data.size)
		return;
	append->data.data += known;
	append->data.size -= (size_t)known;
	uint64_t media_time = known ? SR_NO_MEDIA_TIME : append->media_time;
	if (writer->received + append->data.size - writer->durable >
	    1024ull * writer->held.settings->config->window_kib) {
		fail_stream(writer, SR_USAGE, "more was sent than the window allows");
		return;
	}
	if (!buffer_add(&writer->filling, &append->data, media_time)) {
		fail_stream(writer, SR_INTERNAL, "memory is used up");
		return;
	}
	writer->received += append->data.size;
	if (!writer->segment_since)
		writer->segment_since = sr_monotonic_ms();
	if (writer->filling.used >= BUFFER_MAX - SR_APPEND_MAX && !writer->paused) {
		writer->paused = true;
		sr_session_pause(writer->session);
	}
	advance(writer);
}

static void malformed(struct sr_session *session)
{
	sr_session_end(session, SR_USAGE, "malformed message");
}

static void take_append(struct sr_writer *writer, const struct sr_cursor *fields)
{
	struct sr_append append;
	struct sr_cursor in = *fields;
	sr_append_decode(&in, &append);
	if (!sr_take_done(&in))
		malformed(writer->session);
	else
		on_append(writer, &append);
}

void sr_serve_writer(struct sr_session *session, struct sr_stream *stream, const struct sr_message_head *head,
		     const struct sr_cursor *fields)
{
	struct sr_writer *writer = stream->writer;
	if (head->type == SR_MSG_APPEND) {
		take_append(writer, fields);
		return;
	}
	if (head->type == SR_MSG_GRANT_RENEW) {
		sr_renew_start(session, head, fields, writer->recording);
		return;
	}
	if (fields->left) {
		malformed(session);
		return;
	}
	if (head->type == SR_MSG_SYNC) {
		writer->syncing = true;
		writer->sync_request = head->request;
	} else {
		writer->closing = true;
		writer->close_request = head->request;
	}
	advance(writer);
}

/* ---- time ---- */

static void tick(struct sr_writer *writer, uint64_t now)
{
	const struct sr_config *config = writer->held.settings->config;
	if (writer->life != LIVE)
		return;
	if (writer->waiters) {
		fail_stream(writer, SR_CONFLICT, "another writer has resumed this track");
		return;
	}
	uint64_t over = (uint64_t)writer->held.expires + config->skew_s + config->record_grace_s;
	if (sr_now_ms() / 1000 > over) {
		fail_stream(writer, SR_EXPIRED, "the grant and its grace are over; resume with a new one");
		return;
	}
	if (writer->segment_since && !writer->close_due && now - writer->segment_since >= config->max_delay_ms / 2) {
		writer->close_due = true;
		writer->segment_since = now; /* of whatever comes next */
		advance(writer);
	}
}

void sr_writers_tick(struct sr_daemon *daemon, uint64_t now)
{
	struct sr_writer *next;
	for (struct sr_writer *writer = daemon->writers; writer; writer = next) {
		next = writer->next;
		tick(writer, now);
	}
}
