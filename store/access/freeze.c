/*
 * Freezes: what is stopped. A set of them is immutable, so that requests may hold one while the next is made.
 */
#include "access/freeze.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define FREE UINT32_MAX

/* Entries in order, and an open-addressed table of their numbers, never more than half full. */
struct sr_freezes {
	_Atomic unsigned users;
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct sr_freeze_entry *entries;
	uint32_t *slots;
	size_t count;
	size_t slot_count; /* a power of two */
};

bool sr_freeze_entry_of(const struct sr_freeze_row *row, struct sr_freeze_entry *entry)
{
	if (row->subject.size > sizeof entry->subject || row->by.size > sizeof entry->by ||
	    row->reason.size > sizeof entry->reason)
		return false;
	*entry = (struct sr_freeze_entry){.scope = row->scope,
					  .subject_size = (uint8_t)row->subject.size,
					  .ingest = row->ingest,
					  .frozen_ms = row->frozen_ms,
					  .by_size = (uint8_t)row->by.size,
					  .reason_size = (uint8_t)row->reason.size};
	if (row->subject.size > 0)
		memcpy(entry->subject, row->subject.data, row->subject.size);
	if (row->by.size > 0)
		memcpy(entry->by, row->by.data, row->by.size);
	if (row->reason.size > 0)
		memcpy(entry->reason, row->reason.data, row->reason.size);
	return true;
}

struct sr_freeze_row sr_freeze_row_of(const struct sr_freeze_entry *entry)
{
	return (struct sr_freeze_row){.scope = entry->scope,
				      .subject = {entry->subject, entry->subject_size},
				      .ingest = entry->ingest,
				      .frozen_ms = entry->frozen_ms,
				      .by = {entry->by, entry->by_size},
				      .reason = {entry->reason, entry->reason_size}};
}

/* Keyed, so that nobody chooses ids or tokens whose places are all the same. */
static size_t place_of(const struct sr_freezes *freezes, enum sr_freeze_scope scope, struct sr_span subject)
{
	uint8_t bytes[1 + SR_FREEZE_SUBJECT_MAX], hash[crypto_shorthash_BYTES];
	uint64_t place;
	bytes[0] = (uint8_t)scope;
	if (subject.size > 0)
		memcpy(bytes + 1, subject.data, subject.size);
	crypto_shorthash(hash, bytes, 1 + subject.size, freezes->key);
	memcpy(&place, hash, sizeof place);
	return (size_t)place & (freezes->slot_count - 1);
}

static bool names(const struct sr_freeze_entry *entry, enum sr_freeze_scope scope, struct sr_span subject)
{
	return entry->scope == scope && entry->subject_size == subject.size &&
	       (subject.size == 0 || sodium_memcmp(entry->subject, subject.data, subject.size) == 0);
}

/* The slot that holds what is named, or the free one where it would go. */
static size_t slot_of(const struct sr_freezes *freezes, enum sr_freeze_scope scope, struct sr_span subject)
{
	size_t at = place_of(freezes, scope, subject);
	while (freezes->slots[at] != FREE && !names(&freezes->entries[freezes->slots[at]], scope, subject))
		at = (at + 1) & (freezes->slot_count - 1);
	return at;
}

static void put(struct sr_freezes *freezes, const struct sr_freeze_entry *entry)
{
	size_t slot = slot_of(freezes, entry->scope, (struct sr_span){entry->subject, entry->subject_size});
	if (freezes->slots[slot] == FREE)
		freezes->slots[slot] = (uint32_t)freezes->count++;
	freezes->entries[freezes->slots[slot]] = *entry;
}

/* An empty set with room for `most`; NULL when memory is used up. */
static struct sr_freezes *with_room(size_t most)
{
	struct sr_freezes *freezes = calloc(1, sizeof *freezes);
	if (!freezes)
		return NULL;
	atomic_init(&freezes->users, 1);
	randombytes_buf(freezes->key, sizeof freezes->key);
	freezes->slot_count = 2;
	while (freezes->slot_count < 2 * most)
		freezes->slot_count *= 2;
	freezes->entries = calloc(most ? most : 1, sizeof *freezes->entries);
	freezes->slots = malloc(freezes->slot_count * sizeof *freezes->slots);
	if (!freezes->entries || !freezes->slots) {
		sr_freezes_release(freezes);
		return NULL;
	}
	for (size_t at = 0; at < freezes->slot_count; at++)
		freezes->slots[at] = FREE;
	return freezes;
}

struct sr_freezes *sr_freezes_new(const struct sr_freeze_entry *entries, size_t count)
{
	struct sr_freezes *freezes = count <= SR_FREEZES_MAX + 1 ? with_room(count) : NULL;
	for (size_t at = 0; freezes && at < count; at++)
		put(freezes, &entries[at]);
	return freezes;
}

struct sr_freezes *sr_freezes_share(struct sr_freezes *freezes)
{
	atomic_fetch_add(&freezes->users, 1);
	return freezes;
}

void sr_freezes_release(struct sr_freezes *freezes)
{
	if (!freezes || atomic_fetch_sub(&freezes->users, 1) > 1)
		return;
	free(freezes->entries);
	free(freezes->slots);
	free(freezes);
}

/* A copy but for one entry (NULL: of all), with room for one more. */
static struct sr_freezes *copy(const struct sr_freezes *from, const struct sr_freeze_entry *without)
{
	struct sr_freezes *to = with_room(from->count + 1);
	for (size_t at = 0; to && at < from->count; at++)
		if (&from->entries[at] != without)
			put(to, &from->entries[at]);
	return to;
}

enum sr_code sr_freezes_with(const struct sr_freezes *freezes, const struct sr_freeze_entry *entry,
			     struct sr_freezes **out, struct sr_error *err)
{
	struct sr_span subject = {entry->subject, entry->subject_size};
	*out = NULL;
	if (freezes->count >= SR_FREEZES_MAX && entry->scope != SR_FREEZE_ALL &&
	    !sr_freezes_find(freezes, entry->scope, subject))
		return SR_FAIL(err, SR_BUSY, "there are %zu freezes; thaw some, or freeze all", freezes->count);
	*out = copy(freezes, NULL);
	if (!*out)
		return SR_FAIL_MEMORY(err);
	put(*out, entry);
	return SR_OK;
}

enum sr_code sr_freezes_without(const struct sr_freezes *freezes, enum sr_freeze_scope scope, struct sr_span subject,
				struct sr_freezes **out, struct sr_error *err)
{
	const struct sr_freeze_entry *found = sr_freezes_find(freezes, scope, subject);
	*out = NULL;
	if (!found)
		return SR_FAIL(err, SR_NOT_FOUND, "this is not frozen");
	*out = copy(freezes, found);
	return *out ? SR_OK : SR_FAIL_MEMORY(err);
}

size_t sr_freezes_count(const struct sr_freezes *freezes)
{
	return freezes->count;
}

const struct sr_freeze_entry *sr_freezes_at(const struct sr_freezes *freezes, size_t at)
{
	return &freezes->entries[at];
}

const struct sr_freeze_entry *sr_freezes_find(const struct sr_freezes *freezes, enum sr_freeze_scope scope,
					      struct sr_span subject)
{
	if (!freezes || freezes->count == 0 || subject.size > SR_FREEZE_SUBJECT_MAX)
		return NULL;
	uint32_t found = freezes->slots[slot_of(freezes, scope, subject)];
	return found == FREE ? NULL : &freezes->entries[found];
}

static bool stops(const struct sr_freezes *freezes, enum sr_freeze_scope scope, const void *subject, size_t size,
		  bool ingests)
{
	const struct sr_freeze_entry *found = sr_freezes_find(freezes, scope, (struct sr_span){subject, size});
	return found && (found->ingest || !ingests);
}

static bool stops_text(const struct sr_freezes *freezes, enum sr_freeze_scope scope, const char *text, bool ingests)
{
	return text && stops(freezes, scope, text, strlen(text), ingests);
}

bool sr_freezes_stop(const struct sr_freezes *freezes, const struct sr_freeze_facts *facts, bool ingests)
{
	return stops(freezes, SR_FREEZE_ALL, NULL, 0, ingests) ||
	       (facts->patient && stops(freezes, SR_FREEZE_PATIENT, facts->patient, SR_TAG, ingests)) ||
	       (facts->actor && stops(freezes, SR_FREEZE_ACTOR, facts->actor, SR_TAG, ingests)) ||
	       (facts->recording && stops(freezes, SR_FREEZE_RECORDING, facts->recording, SR_UUID, ingests)) ||
	       stops_text(freezes, SR_FREEZE_SERVICE, facts->service, ingests) ||
	       stops_text(freezes, SR_FREEZE_ISSUER, facts->issuer, ingests) ||
	       stops_text(freezes, SR_FREEZE_GRANT, facts->jti, ingests);
}
