/*
 * A track's writer: its stream and its messages, and what it does next.
 */
#include "account/event.h"
#include "serve/budget.h"
#include "serve/dispatch.h"
#include "serve/record/writer_internal.h"

/* What a writer takes beside what it has not sealed: its sealing with a chunk, its grant; about. */
#define WRITER_COST (32u << 10)

void sr_writer_account(struct sr_writer *writer)
{
	size_t blocks = writer->filling.blocks + writer->sealed_now.blocks;
	sr_budget_set(writer->daemon, &writer->memory, WRITER_COST + blocks * sizeof(struct sr_write_block));
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
		sr_writer_free(writer);
}

void sr_writer_end(struct sr_writer *writer, enum sr_code code, const char *text)
{
	sr_writer_fail(writer, code, text);
	sr_writer_advance(writer);
}

/* ---- messages ---- */

/* Bytes received already are skipped, so that an append can be repeated; a gap can only be a mistake. */
static void on_append(struct sr_writer *writer, struct sr_append *append)
{
	if (writer->failed)
		return; /* its client is about to be told */
	if (append->offset > writer->received) {
		sr_writer_end(writer, SR_CONFLICT, "an append begins beyond what was received");
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
		sr_writer_end(writer, SR_USAGE, "more was sent than the window allows");
		return;
	}
	if (!sr_write_buffer_add(&writer->filling, append->data, media_time)) {
		sr_writer_end(writer, SR_INTERNAL, "memory is used up");
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
