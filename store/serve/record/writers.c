/*
 * What befalls all of a daemon's writers: time, freezes, and the end of a patient or of a recording.
 */
#include <string.h>

#include "serve/freeze/freezing.h"
#include "serve/record/writer_internal.h"

/* ---- time ---- */

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
		sr_writer_end(writer, SR_CONFLICT, "another writer has resumed this track");
		return;
	}
	uint64_t over = (uint64_t)writer->held.expires + config->skew_s + config->record_grace_s;
	if (sr_now_ms() / 1000 >= over) {
		sr_writer_end(writer, SR_EXPIRED, "the grant and its grace are over; resume with a new one");
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

/* ---- from outside ---- */

void sr_writers_freeze(struct sr_daemon *daemon)
{
	struct sr_writer *next;
	for (struct sr_writer *writer = daemon->writers; writer; writer = next) {
		next = writer->next;
		if (writer->life == LIVE && writer->session &&
		    sr_stream_frozen(daemon, &writer->held, writer->recording, sr_session_caller(writer->session)->name,
				     true))
			sr_writer_end(writer, SR_FROZEN, "recording is frozen");
	}
}

void sr_writers_stop(struct sr_daemon *daemon, const uint8_t tag[SR_TAG], const uint8_t *recording,
		     const struct sr_error *err)
{
	struct sr_writer *next;
	for (struct sr_writer *writer = daemon->writers; writer; writer = next) {
		next = writer->next;
		if (writer->life == LIVE && memcmp(writer->held.tag, tag, SR_TAG) == 0 &&
		    (!recording || memcmp(writer->recording, recording, SR_UUID) == 0))
			sr_writer_end(writer, err->code, err->text);
	}
}
