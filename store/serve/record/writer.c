/*
 * A track's writer: its place in the registry, its stream, its messages, its time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "serve/accounting/accounting.h"
#include "serve/budget.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"
#include "serve/record/writer_internal.h"

/* ---- the registry ---- */

/* Whoever has the track, or with SR_WHOLE_RECORDING on either side any part of the recording. */
static struct sr_writer *find(const struct sr_daemon *daemon, const uint8_t recording[SR_UUID], uint16_t track)
{
	for (struct sr_writer *at = daemon->writers; at; at = at->next)
		if ((at->track == track || at->track == SR_WHOLE_RECORDING || track == SR_WHOLE_RECORDING) &&
		    memcmp(at->recording, recording, SR_UUID) == 0)
			return at;
	return NULL;
}

/* What a writer takes beside what it has not sealed: its sealing with a chunk, its grant; about. */
#define WRITER_COST (32u << 10)

void sr_writer_account(struct sr_writer *writer)
{
	size_t blocks = writer->filling.blocks + writer->sealed_now.blocks;
	sr_budget_set(writer->daemon, &writer->memory, WRITER_COST + blocks * sizeof(struct sr_write_block));
}

/* A stream that its client did not end: what of the track is durable, and why there is no more. */
static void account_cut(const struct sr_writer *writer)
{
	struct sr_audit_recording track = {
		.has_track = true,
		.track = writer->track,
		.has_generation = true,
		.generation = writer->generation,
		.has_length = true,
		.length = writer->durable,
	};
	struct sr_audit_entry entry = sr_held_words(&writer->held);
	memcpy(track.id, writer->recording, SR_UUID);
	entry.kind = SR_AUDIT_OUTCOME;
	entry.operation = "record.cut";
	entry.request = writer->opening_request;
	entry.service = writer->service;
	entry.has_of = true;
	entry.of = writer->intent;
	entry.outcome = writer->failed ? sr_code_name(writer->failure.code) : "gone";
	entry.text = writer->failed ? writer->failure.text : NULL;
	entry.recordings = &track;
	entry.recording_count = 1;
	sr_account_say(writer->daemon->accounting, &entry, SR_AUDIT_CLOSING);
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
	sr_budget_set(daemon, &writer->memory, 0);
	if (writer->life != RESERVED && !writer->closed)
		account_cut(writer);
	if (writer->life != RESERVED)
		sr_count(SR_COUNT_WRITERS_NOW, -1);
	sr_commits_free(writer->ready);
	sr_sealing_free(writer->sealing);
	sr_write_buffer_clear(&writer->filling);
	sr_write_buffer_clear(&writer->sealed_now);
	sr_held_grant_drop(&writer->held);
	sodium_memzero(writer, sizeof *writer);
	free(writer);
	sr_daemon_drained(daemon);
}

enum sr_code sr_writer_reserve(struct sr_daemon *daemon, const struct sr_writer_claim *claim, struct sr_post *wait,
			       struct sr_writer **out)
{
	struct sr_writer *older = find(daemon, claim->recording, claim->track);
	*out = NULL;
	if (older && !wait)
		return SR_BUSY;
	if (older && older->track == claim->track && older->generation >= claim->generation)
		return SR_CONFLICT;
	if (older) {
		wait->next = older->waiters;
		older->waiters = wait;
		daemon->jobs++;
		return SR_OK; /* its next tick sees that somebody waits */
	}
	struct sr_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return SR_INTERNAL;
	writer->daemon = daemon;
	writer->track = claim->track;
	writer->generation = claim->generation;
	memcpy(writer->recording, claim->recording, SR_UUID);
	writer->ready_last = &writer->ready;
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
	writer->intent = start->request->account.intent.number;
	snprintf(writer->service, sizeof writer->service, "%s", start->request->caller.name);
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

void sr_writer_let_read(struct sr_writer *writer)
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
	sr_writer_advance(writer);
}

void sr_writer_send_durable(struct sr_writer *writer, uint8_t type, uint64_t request)
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

bool sr_writer_idle(const struct sr_writer *writer)
{
	return !writer->job_runs && !writer->flush_runs && !writer->ready && writer->committing == 0;
}

bool sr_writer_awaits_commit(const struct sr_writer *writer)
{
	return writer->close_due || (writer->job_runs && writer->job_closes) || writer->ready || writer->flush_runs ||
	       writer->committing > 0;
}

static bool drained(const struct sr_writer *writer)
{
	return sr_writer_idle(writer) && writer->filling.used == 0 &&
	       (!writer->sealing || !sr_sealing_in_segment(writer->sealing));
}

/* ---- what comes next ---- */

/* SYNC covers what came before it; appends may go on behind it. */
static void answer_sync(struct sr_writer *writer)
{
	if (writer->syncing && writer->durable >= writer->sync_upto) {
		writer->syncing = false;
		sr_writer_send_durable(writer, SR_MSG_SYNCED, writer->sync_request);
	}
	if (!drained(writer))
		return;
	writer->close_due = false;
	writer->segment_since = 0;
	writer->late_since = 0;
	if (writer->closing) {
		writer->closing = false;
		sr_writer_send_durable(writer, SR_MSG_CLOSED, writer->close_request);
		writer->closed = true;
		writer->life = ENDING;
		detach(writer);
	}
}

/* A failed stream tells its client only when every commit under way has had its acknowledgement. */
static void advance_failed(struct sr_writer *writer)
{
	sr_write_buffer_clear(&writer->filling);
	if (writer->life != LIVE || !sr_writer_idle(writer))
		return;
	writer->life = ENDING;
	end_stream(writer, &writer->failure);
}

/* The one place that decides what a writer does next; called whenever anything about it has changed. May free it. */
void sr_writer_advance(struct sr_writer *writer)
{
	if (writer->closing || writer->life == ENDING)
		writer->close_due = true;
	sr_writer_start_due(writer);
	sr_writer_account(writer);
	if (writer->failed)
		advance_failed(writer);
	else
		answer_sync(writer);
	if (writer->life == ENDING && sr_writer_idle(writer) && (writer->failed || drained(writer)))
		writer_free(writer);
}

/* ---- messages ---- */

static void fail_stream(struct sr_writer *writer, enum sr_code code, const char *text)
{
	sr_writer_fail(writer, code, text);
	sr_writer_advance(writer);
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
	if (!sr_write_buffer_add(&writer->filling, append->data, media_time)) {
		fail_stream(writer, SR_INTERNAL, "memory is used up");
		return;
	}
	writer->received += append->data.size;
	if (!writer->segment_since)
		writer->segment_since = sr_monotonic_ms();
	if (writer->filling.used + writer->sealed_now.used > sr_writer_most(writer) && !writer->paused) {
		writer->paused = writer->held_up = true;
		sr_session_pause(writer->session);
	}
	sr_writer_advance(writer);
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
		writer->close_due = true;
		writer->sync_upto = writer->received;
		writer->sync_request = head->request;
	} else {
		writer->closing = true;
		writer->close_request = head->request;
	}
	sr_writer_advance(writer);
}

/* ---- freezes and time ---- */

void sr_writers_freeze(struct sr_daemon *daemon)
{
	struct sr_writer *next;
	for (struct sr_writer *writer = daemon->writers; writer; writer = next) {
		next = writer->next;
		if (writer->life == LIVE && writer->session &&
		    sr_stream_frozen(daemon, &writer->held, writer->recording, sr_session_caller(writer->session)->name,
				     true))
			fail_stream(writer, SR_FROZEN, "recording is frozen");
	}
}

/* An upload's part of what has passed since the last tick; what it did not use before is worth a job. */
static void take_share(struct sr_writer *writer, uint64_t now)
{
	const struct sr_daemon *daemon = writer->daemon;
	if (daemon->share.rate == SR_SHARE_ALL)
		return;
	if (writer->may > UPLOAD_JOB)
		writer->may = UPLOAD_JOB;
	writer->may += (int64_t)sr_share_part(&daemon->share, now, daemon->uploads);
}

static void tick(struct sr_writer *writer, uint64_t now)
{
	if (writer->life != LIVE)
		return;
	const struct sr_config *config = writer->held.settings->config;
	if (writer->waiters) {
		fail_stream(writer, SR_CONFLICT, "another writer has resumed this track");
		return;
	}
	uint64_t over = (uint64_t)writer->held.expires + config->skew_s + config->record_grace_s;
	if (sr_now_ms() / 1000 >= over) {
		fail_stream(writer, SR_EXPIRED, "the grant and its grace are over; resume with a new one");
		return;
	}
	if (writer->uploads)
		take_share(writer, now);
	if (writer->segment_since && !writer->close_due && now >= writer->segment_since + config->max_delay_ms / 2) {
		writer->close_due = true;
		writer->segment_since = now; /* of whatever comes next */
		if (!writer->late_since)
			writer->late_since = now;
		sr_writer_advance(writer);
	} else if (writer->uploads) {
		sr_writer_start_due(writer); /* it may have yielded */
	}
}

/* How long this one has waited for a segment that is to close, if it is a call. */
static uint64_t late_by(const struct sr_writer *writer, uint64_t now)
{
	bool waits = writer->life == LIVE && !writer->uploads && writer->late_since && writer->late_since < now;
	return waits ? now - writer->late_since : 0;
}

void sr_writers_tick(struct sr_daemon *daemon, uint64_t now)
{
	struct sr_writer *next;
	struct sr_share_look look = {.now = now, .tolerated = daemon->settings->config->max_delay_ms / 16};
	unsigned uploads = 0;
	for (struct sr_writer *writer = daemon->writers; writer; writer = next) {
		uint64_t by = late_by(writer, now);
		if (by > look.late)
			look.late = by;
		if (writer->life == LIVE)
			++*(writer->uploads ? &uploads : &look.calls);
		next = writer->next;
		tick(writer, now);
	}
	/* A quarter of what a segment may take to close. */
	atomic_store(&daemon->calls_late, look.late > daemon->settings->config->max_delay_ms / 8);
	daemon->uploads = uploads;
	sr_share_look(&daemon->share, &look);
}

void sr_writers_stop(struct sr_daemon *daemon, const uint8_t tag[SR_TAG], const uint8_t *recording,
		     const struct sr_error *err)
{
	struct sr_writer *next;
	for (struct sr_writer *writer = daemon->writers; writer; writer = next) {
		next = writer->next;
		if (writer->life == LIVE && memcmp(writer->held.tag, tag, SR_TAG) == 0 &&
		    (!recording || memcmp(writer->recording, recording, SR_UUID) == 0))
			fail_stream(writer, err->code, err->text);
	}
}
