/*
 * From a writer's buffer to its acknowledgement: sealed by workers, synced by a flush thread, committed by the index
 * thread, and back on the loop by post.
 */
#include <stddef.h>
#include <stdlib.h>

#include <sodium.h>

#include "account/event.h"
#include "account/log.h"
#include "serve/budget.h"
#include "serve/play/play.h"
#include "serve/record/writer_internal.h"

/* A commit's way back from the index thread to the loop. */
struct arrival {
	struct sr_post post;
	struct sr_writer *writer;
	uint64_t durable;
	uint32_t bytes;
	enum sr_code code;
};

void sr_writer_fail(struct sr_writer *writer, enum sr_code code, const char *text)
{
	if (writer->failed)
		return;
	writer->failed = true;
	(void)SR_FAIL(&writer->failure, code, "%s", text);
}

void sr_writer_fail_storage(struct sr_writer *writer, const struct sr_error *err)
{
	sr_log_error(SR_LOG_ERROR, "append_failed", err);
	sr_writer_fail(writer, err->code,
		       err->code == SR_NO_SPACE ? "the disk's reserve is reached" : "writing the recording failed");
}

/*
 * True if it collects for large jobs: one of a few uploads, and nothing limits them. Many have each other to fill the
 * processors with, and together no more memory than they need.
 */
static bool collects_much(const struct sr_writer *writer)
{
	const struct sr_daemon *daemon = writer->daemon;
	return writer->uploads && daemon->uploads <= UPLOADS_WIDE && daemon->share.rate == SR_SHARE_ALL &&
	       sr_budget_room(daemon) == SR_ROOM_PLENTY;
}

size_t sr_writer_most(const struct sr_writer *writer)
{
	return collects_much(writer) ? UPLOAD_HELD : CALL_HELD;
}

/* ---- sealing, by workers ---- */

static void seal(struct sr_workers_job *job)
{
	struct sr_writer *writer = job->data;
	const struct sr_write_buffer *buffer = &writer->sealed_now;
	struct sr_span parts[BLOCKS_MAX];
	struct sr_sealing_input input = {parts, 0, buffer->media_time, writer->job_closes};
	for (struct sr_write_block *block = buffer->first; block; block = block->next)
		parts[input.count++] = (struct sr_span){block->bytes, block->used};
	writer->job_code = SR_OK;
	if (buffer->used > 0)
		writer->job_code = sr_blobs_space(writer->daemon->blobs, &writer->job_error);
	if (writer->job_code == SR_OK)
		writer->job_code = sr_sealing_feed(writer->sealing, &input, &writer->job_error);
	/* Here and not on the loop, which is everybody's. */
	for (struct sr_write_block *block = buffer->first; block; block = block->next) {
		sodium_memzero(block->bytes, block->used);
		block->used = 0;
	}
}

/*
 * A full segment is an upload's. One that closed before it was full is a call's, unless it had to wait for us: then how
 * fast its client is does not show. So one of many uploads that ends, or gets little of the processors, is not taken
 * for a call that is late, for which all others would stand back.
 */
static void take_commits(struct sr_writer *writer)
{
	struct sr_commit *commit = sr_sealing_take(writer->sealing);
	*writer->ready_last = commit;
	for (; commit; commit = commit->next) {
		writer->ready_last = &commit->next;
		sr_count(SR_COUNT_SEGMENTS, 1);
		if (commit->bytes == SR_SEGMENT_MAX)
			writer->uploads = true;
		else if (!writer->held_up)
			writer->uploads = false;
		writer->held_up = writer->paused;
	}
}

static void sealed(struct sr_workers_job *job)
{
	struct sr_writer *writer = job->data;
	writer->job_runs = false;
	sr_write_buffer_clear(&writer->sealed_now);
	take_commits(writer);
	if (writer->job_code != SR_OK) {
		sr_writer_fail_storage(writer, &writer->job_error);
	} else if (!sr_sealing_in_segment(writer->sealing)) {
		writer->segment_since = writer->filling.used > 0 ? sr_monotonic_ms() : 0;
	}
	/* If more than that is left already, its job begins now, and lets go when it ends. */
	if (!writer->failed && writer->filling.used <= sr_writer_most(writer))
		sr_writer_let_read(writer);
	sr_writer_advance(writer);
}

/* What closes a segment may be more than its share, but not for long. */
static void count_share(struct sr_writer *writer, size_t bytes)
{
	writer->daemon->share.taken += bytes;
	writer->may -= (int64_t)bytes;
	if (writer->may < -UPLOAD_JOB)
		writer->may = -UPLOAD_JOB;
}

static void start_job(struct sr_writer *writer)
{
	writer->job_closes = writer->close_due;
	sr_write_buffer_take(&writer->filling, !writer->job_closes, &writer->sealed_now);
	writer->close_due = false;
	writer->job_runs = true;
	if (writer->uploads)
		count_share(writer, writer->sealed_now.used);
	writer->job.run = seal;
	writer->job.done = sealed;
	writer->job.data = writer;
	sr_workers_run(writer->daemon->sealing, &writer->job);
}

/* True if it is an upload that stands back now: it has had its share, or calls are late, and then there is no share. */
static bool yields(const struct sr_writer *writer)
{
	const struct sr_daemon *daemon = writer->daemon;
	bool had_its_share = daemon->share.rate != SR_SHARE_ALL && writer->may <= 0;
	return writer->uploads && (had_its_share || atomic_load(&daemon->calls_late));
}

static bool job_wanted(struct sr_writer *writer)
{
	if (writer->job_runs || writer->failed || !writer->sealing)
		return false;
	if (writer->close_due)
		return writer->filling.used > 0 || sr_sealing_in_segment(writer->sealing);
	/* What holds its session's reading has to go on, however little it is by now. */
	if (!writer->paused && writer->filling.used < (collects_much(writer) ? UPLOAD_JOB : CALL_JOB))
		return false;
	writer->held_up = writer->held_up || yields(writer);
	return !yields(writer);
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
			sr_writer_send_durable(writer, SR_MSG_ACK, writer->opening_request);
		writer->late_since = sr_writer_awaits_commit(writer) ? sr_monotonic_ms() : 0;
		sr_players_wake(writer->daemon, writer->recording, writer->track);
	} else {
		sr_writer_fail(writer, arrival->code, "the track was resumed or the recording finished elsewhere");
	}
	free(arrival);
	sr_writer_advance(writer);
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
		sr_writer_fail(writer, SR_INTERNAL, "memory is used up");
		sr_commit_free(commit);
		return;
	}
	arrival->post.run = arrived;
	arrival->writer = writer;
	arrival->durable = commit->durable;
	arrival->bytes = commit->bytes;
	writer->committing++;
	/* Who asked for it waits for its commit; of the others a second has many. */
	bool asked = writer->syncing || writer->closing || writer->life == ENDING;
	(asked ? sr_index_submit : sr_index_submit_soon)(writer->daemon->index, commit->op, committed, arrival);
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
		sr_writer_fail_storage(writer, &writer->flush_error);
		/* The kernel has marked the lost pages clean: nothing written to this file may count any more. */
		struct sr_blob_name name = sr_sealing_file(writer->sealing);
		if (!sr_spoiled_add(writer->daemon->spoiled, &name))
			sr_daemon_fatal(NULL, &writer->flush_error);
		sr_commits_free(commit);
		sr_commits_free(writer->ready);
		writer->ready = NULL;
		writer->ready_last = &writer->ready;
		sr_writer_advance(writer);
		return;
	}
	while (commit) {
		struct sr_commit *next = commit->next;
		submit(writer, commit);
		commit = next;
	}
	sr_writer_advance(writer);
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

void sr_writer_start_due(struct sr_writer *writer)
{
	if (job_wanted(writer))
		start_job(writer);
	if (writer->ready && !writer->flush_runs)
		start_flush(writer);
}
