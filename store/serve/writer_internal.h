/*
 * What the two files of a writer share: writer.c (registry, stream, messages, time) and writer_pipeline.c (sealing,
 * flush, commit, acknowledgement). Nobody else includes this.
 */
#ifndef SR_WRITER_INTERNAL_H
#define SR_WRITER_INTERNAL_H

#include "serve/renewal.h"
#include "serve/writer.h"

#define BUFFER_MAX (3 * SR_APPEND_MAX)
#define SEAL_BYTES (4 * SR_CHUNK)     /* what a live stream collects for one job */
#define JOB_BYTES (2 * SR_APPEND_MAX) /* what a fast stream collects for one job */
#define JOB_PAUSE_MS 10               /* a stream whose last job is longer ago is not fast */

/* RESERVED: no stream yet. LIVE: takes appends. ENDING: sees through what is under way, then frees itself. */
enum sr_writer_life { RESERVED, LIVE, ENDING };

/* Plaintext on its way to the pool: appended to on the loop, or lent to the job. */
struct sr_write_buffer {
	uint8_t *bytes;
	size_t used, capacity;
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
	struct sr_held_grant held;
	struct sr_sealing *sealing;
	struct sr_write_buffer filling, sealed_now;
	size_t job_most; /* capacity of the largest buffer a job had: sealing keeps as much for what it makes of it */
	size_t memory;   /* its share of the budget */
	uint64_t received, durable;
	uint64_t segment_since; /* monotonic ms of the open segment's first byte; 0: none */
	bool paused;            /* holds the session's reading */
	bool job_runs, close_due, job_closes;
	uint64_t job_ended;    /* monotonic ms */
	enum sr_code job_code; /* the job's alone while it runs */
	struct sr_error job_error;
	uv_work_t job;
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

/* Start a sealing job, or a flush, if one is due and none runs. */
void sr_writer_start_due(struct sr_writer *writer);

/* The stream is lost, for the first reason that is given. `text` goes to the client. */
void sr_writer_fail(struct sr_writer *writer, enum sr_code code, const char *text);

/* The same for a failure of sealing or storing: its text, which may have a path, goes to the log only. */
void sr_writer_fail_storage(struct sr_writer *writer, const struct sr_error *err);

/* True if nothing is under way between the pool and the index. */
bool sr_writer_idle(const struct sr_writer *writer);

/* Have the budget know what its buffers hold now. */
void sr_writer_account(struct sr_writer *writer);

/* Send ACK, SYNCED or CLOSED with the durable length, if the stream is still there. */
void sr_writer_send_durable(struct sr_writer *writer, uint8_t type, uint64_t request);

/* Let the session read again, if this writer's full buffer held it. */
void sr_writer_let_read(struct sr_writer *writer);

/* Wipe and free a buffer; free a list of commits. */
void sr_write_buffer_free(struct sr_write_buffer *buffer);
void sr_commits_free(struct sr_commit *commit);

#endif
