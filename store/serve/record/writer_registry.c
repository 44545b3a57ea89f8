/*
 * Who writes which track: a writer from its reservation to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "serve/accounting/accounting.h"
#include "serve/budget.h"
#include "serve/record/writer_internal.h"

/* Whoever has the track, or with SR_WHOLE_RECORDING on either side any part of the recording. */
static struct sr_writer *find(const struct sr_daemon *daemon, const uint8_t recording[SR_UUID], uint16_t track)
{
	for (struct sr_writer *at = daemon->writers; at; at = at->next)
		if ((at->track == track || at->track == SR_WHOLE_RECORDING || track == SR_WHOLE_RECORDING) &&
		    memcmp(at->recording, recording, SR_UUID) == 0)
			return at;
	return NULL;
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

void sr_writer_free(struct sr_writer *writer)
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
	sr_writer_free(writer);
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
