/*
 * What a request has noted for the entry that is written next: recordings, facts, counts and words.
 */
#include "serve/accounting/account_notes.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16 /* facts, and counts, of a request */

struct sr_account_notes {
	struct sr_audit_recording *recordings; /* their owners and hashes are allocated, and theirs */
	size_t count, capacity;
	struct sr_audit_fact facts[WORDS_MAX]; /* sorted; the values are allocated */
	size_t fact_count;
	struct sr_audit_count counts[WORDS_MAX]; /* sorted */
	size_t count_count;
	char *name, *reason;
	bool has_linked;
	uint8_t linked[SR_TAG];
};

/* NULL when memory is used up: then the entry, and with it the request, cannot be. */
static struct sr_account_notes *notes(struct sr_request *request)
{
	if (!request->account.notes)
		request->account.notes = calloc(1, sizeof *request->account.notes);
	if (!request->account.notes)
		request->account.failed = true;
	return request->account.notes;
}

static void *copied(struct sr_request *request, const void *bytes, size_t size)
{
	void *copy = bytes ? malloc(size) : NULL;
	if (copy)
		memcpy(copy, bytes, size);
	else if (bytes)
		request->account.failed = true;
	return copy;
}

static void forget_recordings(struct sr_account_notes *own)
{
	for (size_t at = 0; at < own->count; at++) {
		free((void *)(uintptr_t)own->recordings[at].owner);
		free((void *)(uintptr_t)own->recordings[at].manifest);
	}
	own->count = 0;
}

static void forget_facts(struct sr_account_notes *own)
{
	for (size_t at = 0; at < own->fact_count; at++)
		free((void *)(uintptr_t)own->facts[at].value);
	own->fact_count = 0;
}

void sr_account_notes_free(struct sr_request *request)
{
	struct sr_account_notes *own = request->account.notes;
	if (!own)
		return;
	forget_recordings(own);
	forget_facts(own);
	free(own->recordings);
	free(own->name);
	free(own->reason);
	free(own);
	request->account.notes = NULL;
}

void sr_account_recording(struct sr_request *request, const struct sr_audit_recording *recording)
{
	struct sr_account_notes *own = notes(request);
	if (!own)
		return;
	if (own->count == own->capacity) {
		size_t wanted = own->capacity ? 2 * own->capacity : 8;
		void *more = reallocarray(own->recordings, wanted, sizeof *own->recordings);
		if (!more) {
			request->account.failed = true;
			return;
		}
		own->recordings = more;
		own->capacity = wanted;
	}
	struct sr_audit_recording *kept = &own->recordings[own->count++];
	*kept = *recording;
	kept->owner = copied(request, recording->owner, SR_TAG);
	kept->manifest = copied(request, recording->manifest, SR_AUDIT_MANIFEST);
}

void sr_account_met(struct sr_request *request, const uint8_t recording[SR_UUID], const char *why)
{
	struct sr_audit_recording met = {.withheld = why};
	memcpy(met.id, recording, SR_UUID);
	sr_account_recording(request, &met);
}

void sr_account_track(struct sr_request *request, const uint8_t recording[SR_UUID], const struct sr_track_row *row)
{
	struct sr_audit_recording track = {
		.has_track = true,
		.track = row->track,
		.has_length = true,
		.length = row->length,
		.has_generation = true,
		.generation = row->generation,
		.manifest = row->manifest_hash,
	};
	memcpy(track.id, recording, SR_UUID);
	sr_account_recording(request, &track);
}

bool sr_account_has_met(const struct sr_request *request)
{
	return request->account.notes && request->account.notes->count > 0;
}

void sr_account_start_again(struct sr_request *request)
{
	if (request->account.notes)
		forget_recordings(request->account.notes);
}

void sr_account_fact(struct sr_request *request, const char *name, const char *value)
{
	struct sr_account_notes *own = notes(request);
	char *copy = copied(request, value, strlen(value) + 1);
	size_t at = 0;
	if (!own || !copy) {
		free(copy);
		return;
	}
	while (at < own->fact_count && strcmp(own->facts[at].name, name) < 0)
		at++;
	bool replaces = at < own->fact_count && strcmp(own->facts[at].name, name) == 0;
	if (!replaces && own->fact_count == WORDS_MAX) {
		request->account.failed = true;
		free(copy);
		return;
	}
	if (replaces) {
		free((void *)(uintptr_t)own->facts[at].value);
	} else {
		memmove(&own->facts[at + 1], &own->facts[at], (own->fact_count - at) * sizeof *own->facts);
		own->fact_count++;
	}
	own->facts[at] = (struct sr_audit_fact){name, copy};
}

void sr_account_count(struct sr_request *request, const char *name, uint64_t value)
{
	struct sr_account_notes *own = notes(request);
	size_t at = 0;
	if (!own)
		return;
	while (at < own->count_count && strcmp(own->counts[at].name, name) < 0)
		at++;
	bool replaces = at < own->count_count && strcmp(own->counts[at].name, name) == 0;
	if (!replaces && own->count_count == WORDS_MAX) {
		request->account.failed = true;
		return;
	}
	if (!replaces) {
		memmove(&own->counts[at + 1], &own->counts[at], (own->count_count - at) * sizeof *own->counts);
		own->count_count++;
	}
	own->counts[at] = (struct sr_audit_count){name, value};
}

static void set_text(struct sr_request *request, char **place, const char *text)
{
	free(*place);
	*place = copied(request, text, strlen(text) + 1);
}

void sr_account_name(struct sr_request *request, const char *name)
{
	struct sr_account_notes *own = notes(request);
	if (own)
		set_text(request, &own->name, name);
}

void sr_account_reason(struct sr_request *request, const char *reason)
{
	struct sr_account_notes *own = notes(request);
	if (own)
		set_text(request, &own->reason, reason);
}

void sr_account_linked(struct sr_request *request, const uint8_t linked[SR_TAG])
{
	struct sr_account_notes *own = notes(request);
	if (!own)
		return;
	own->has_linked = true;
	memcpy(own->linked, linked, SR_TAG);
}

/* ---- into the entry ---- */

void sr_account_notes_put(const struct sr_request *request, struct sr_audit_entry *entry)
{
	const struct sr_account_notes *own = request->account.notes;
	if (!own)
		return;
	entry->recordings = own->recordings;
	entry->recording_count = own->count;
	entry->facts = own->facts;
	entry->fact_count = own->fact_count;
	entry->counts = own->counts;
	entry->count_count = own->count_count;
	entry->name = own->name;
	entry->reason = own->reason;
	entry->linked = own->has_linked ? own->linked : NULL;
}

void sr_account_notes_withhold(struct sr_request *request, const char *why)
{
	struct sr_account_notes *own = request->account.notes;
	for (size_t at = 0; own && at < own->count; at++)
		if (!own->recordings[at].withheld)
			own->recordings[at].withheld = why;
}

void sr_account_notes_count_shown(struct sr_request *request)
{
	const struct sr_account_notes *own = request->account.notes;
	uint64_t withheld = 0, all = own ? own->count : 0;
	for (size_t at = 0; at < all; at++)
		withheld += own->recordings[at].withheld != NULL;
	sr_account_count(request, "presented", all - withheld);
	sr_account_count(request, "withheld", withheld);
}

void sr_account_notes_said(struct sr_request *request)
{
	struct sr_account_notes *own = request->account.notes;
	if (!own)
		return;
	forget_facts(own);
	own->count_count = 0;
}

void sr_account_notes_forget_bare(struct sr_request *request, const uint8_t recording[SR_UUID])
{
	struct sr_account_notes *own = request->account.notes;
	for (size_t at = 0; own && at < own->count; at++) {
		const struct sr_audit_recording *bare = &own->recordings[at];
		if (bare->withheld || bare->has_track || bare->owner || bare->manifest ||
		    memcmp(bare->id, recording, SR_UUID) != 0)
			continue;
		own->count--;
		memmove(&own->recordings[at], &own->recordings[at + 1], (own->count - at) * sizeof own->recordings[0]);
		return;
	}
}
