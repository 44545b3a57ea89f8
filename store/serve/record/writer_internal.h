/*
 * What the files of a writer share: writer_registry.c (who has which track), writer.c (stream and messages),
 * writer_buffer.c (what waits to be sealed), writer_pipeline.c (sealing, flush, commit, acknowledgement) and writers.c
 * (what befalls them all). Nobody else includes this.
 */
#ifndef SR_WRITER_INTERNAL_H
#define SR_WRITER_INTERNAL_H

#include "serve/record/writer.h"
#include "serve/renewal.h"
#include "serve/workers.h"

/*
 * What a call collects for one job, if its segment does not close before: half a second of it. A job for every chunk
 * would cost more to wake the pool for than to seal. Beside what is being sealed it waits with little more.
 */
#define CALL_JOB (9 * SR_CHUNK)
#define CALL_HELD (CALL_JOB + 2 * SR_CHUNK)
/*
 * An upload collects as much as one write takes, and as much again while that is sealed, so that neither the loop nor
 * the pool waits for the other. Of more uploads than these each collects as a call does.
 */
#define UPLOAD_JOB (SR_SEALING_WRITE * SR_CHUNK)
#define UPLOAD_HELD (2 * UPLOAD_JOB + SR_APPEND_MAX + SR_CHUNK)
#define UPLOADS_WIDE 8
/* What one job can get: all that is held, and the append that came on top. */
#define BLOCKS_MAX ((UPLOAD_HELD + SR_APPEND_MAX) / SR_CHUNK + 1)

/* RESERVED: no stream yet. LIVE: takes appends. ENDING: sees through what is under way, then frees itself. */
enum sr_writer_life { RESERVED, LIVE, ENDING };

/* A chunk's worth of plaintext; all but the last of a buffer are full, so that a chunk is sealed from where it lies. */
struct sr_write_block {
	struct sr_write_block *next;
	size_t used;
	uint8_t bytes[SR_CHUNK];
};

/* Plaintext on its way to the pool: appended to on the loop, or lent to the job. */
struct sr_write_buffer {
	struct sr_write_block *first, *last;
	size_t used, blocks;
	uint64_t media_time; /* of the first byte */
};

struct sr_writer {
	struct sr_writer *next, *previous;
	struct sr_daemon *daemon;
	enum sr_writer_life life;
	uint8_t recording[SR_UUID];
	uint16_t track;
	uint32_t generation;
	struct sr_post *waiters;    /* told when it is gone */
	struct sr_session *session; /* NULL: orphaned, or its stream has ended */
	struct sr_stream *stream;
	uint64_t opening_request;
	uint64_t intent; /* the entry of the request that began it */
	char service[SR_SERVICE_NAME_MAX + 1];
	bool closed; /* its client ended it, and has its length */
	struct sr_held_grant held;
	struct sr_sealing *sealing;
	struct sr_write_buffer filling, sealed_now;
	size_t memory; /* its share of the budget */
	uint64_t received, durable;
	uint64_t segment_since; /* monotonic ms of the open segment's first byte; 0: none */
	uint64_t late_since;    /* monotonic ms since when it waits for a closed segment; 0: it does not */
	bool paused;            /* holds the session's reading */
	bool uploads;           /* its segments are full before they are old: no call's are */
	bool held_up;           /* its open segment has waited for us, with a full buffer or for calls that were late */
	int64_t may;            /* bytes that it may take of uploads' share, where that is limited */
	bool job_runs, close_due, job_closes;
	enum sr_code job_code; /* the job's alone while it runs */
	struct sr_error job_error;
	struct sr_workers_job job;
	struct sr_commit *ready, **ready_last; /* written, waiting for a flush */
	struct sr_commit *flushing;            /* under the flush that runs */
	bool flush_runs;
	unsigned committing;
	struct sr_post flushed;
	enum sr_code flush_code;
	struct sr_error flush_error;
	bool failed; /* nothing more is sealed; `failure` says why */
	struct sr_error failure;
	bool syncing, closing;
	uint64_t sync_request, close_request;
	uint64_t sync_upto; /* what had been received when SYNC came */
};

/* Decide what the writer does next; called whenever anything about it has changed. May free it. */
void sr_writer_advance(struct sr_writer *writer);

/* Out of the registry, and free it: whoever waits for its place is told. Nothing of it is under way. */
void sr_writer_free(struct sr_writer *writer);

/*
 * Start a sealing job, or a flush, if one is due and none runs. While calls are late an upload has a job only when its
 * segment is old enough to close: what it brings can wait, and waits with its client.
 */
void sr_writer_start_due(struct sr_writer *writer);

/* The stream is lost, for the first reason that is given. `text` goes to the client. */
void sr_writer_fail(struct sr_writer *writer, enum sr_code code, const char *text);

/* The same for a failure of sealing or storing: its text, which may have a path, goes to the log only. */
void sr_writer_fail_storage(struct sr_writer *writer, const struct sr_error *err);

/* As sr_writer_fail, and what follows from it is done at once. May free the writer. */
void sr_writer_end(struct sr_writer *writer, enum sr_code code, const char *text);

/* How many bytes may wait or be sealed before the stream holds its session's reading; an append can come on top. */
size_t sr_writer_most(const struct sr_writer *writer);

/* True if nothing is under way between the pool and the index. */
bool sr_writer_idle(const struct sr_writer *writer);

/*
 * True if it waits for a segment that is to close, or that has closed and is not committed. A job that only seals more
 * of an open segment is nothing to wait for: its segment closes when it is old enough.
 */
bool sr_writer_awaits_commit(const struct sr_writer *writer);

/* Have the budget know what its buffers hold now. */
void sr_writer_account(struct sr_writer *writer);

/* Send ACK, SYNCED or CLOSED with the durable length, if the stream is still there. */
void sr_writer_send_durable(struct sr_writer *writer, uint8_t type, uint64_t request);

/* Let the session read again, if this writer's full buffer held it. */
void sr_writer_let_read(struct sr_writer *writer);

/* Copy `data` to the buffer's end. False when memory is used up; the buffer then holds only some of it. */
bool sr_write_buffer_add(struct sr_write_buffer *buffer, struct sr_span data, uint64_t media_time) SR_MUST_USE;

/* Move to `taken` (out, overwritten) what a job takes of `buffer`: all of it, or with `whole` only blocks that are
 * full. */
void sr_write_buffer_take(struct sr_write_buffer *buffer, bool whole, struct sr_write_buffer *taken);

/* Wipe and free what it holds. */
void sr_write_buffer_clear(struct sr_write_buffer *buffer);

#endif
