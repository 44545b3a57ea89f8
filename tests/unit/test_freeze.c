/* Freezes: every scope against every request that it does and does not name; sets that never change; the row on disk.
 */
#include "access/freeze.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixed_keyring.h"
#include "keys/freeze_row.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t tag[2][SR_TAG] = {{1, 2, 3}, {1, 2, 4}};
static const uint8_t recording[2][SR_UUID] = {{7, 8}, {7, 9}};

static void set_up(void)
{
	cr_assert_geq(sodium_init(), 0);
}

TestSuite(freeze, .init = set_up);

static struct sr_freeze_entry entry_of(enum sr_freeze_scope scope, const void *subject, size_t size, bool ingest)
{
	struct sr_freeze_entry entry = {.scope = scope,
					.subject_size = (uint8_t)size,
					.ingest = ingest,
					.frozen_ms = 1234,
					.by = "op",
					.by_size = 2,
					.reason = "why",
					.reason_size = 3};

	if (size > 0)
		memcpy(entry.subject, subject, size);
	return entry;
}

static struct sr_freezes *just(enum sr_freeze_scope scope, const void *subject, size_t size, bool ingest)
{
	struct sr_freeze_entry entry = entry_of(scope, subject, size, ingest);
	struct sr_freezes *freezes = sr_freezes_new(&entry, 1);

	cr_assert_not_null(freezes);
	return freezes;
}

/* What a freeze of each scope may name: the request's own fact, and one that only looks like it. */
static const struct {
	enum sr_freeze_scope scope;
	const void *own, *other;
	size_t size, other_size;
} subjects[] = {
	{SR_FREEZE_ALL, "", NULL, 0, 0},
	{SR_FREEZE_PATIENT, tag[0], tag[1], SR_TAG, SR_TAG},
	{SR_FREEZE_RECORDING, recording[0], recording[1], SR_UUID, SR_UUID},
	{SR_FREEZE_SERVICE, "portal", "porta", 6, 5},
	{SR_FREEZE_ISSUER, "clinic", "clinic2", 6, 7},
	{SR_FREEZE_GRANT, "jti-1", "jti-", 5, 4},
	{SR_FREEZE_ACTOR, tag[1], tag[0], SR_TAG, SR_TAG},
};

static const struct sr_freeze_facts request = {.patient = tag[0],
					       .actor = tag[1],
					       .recording = recording[0],
					       .service = "portal",
					       .issuer = "clinic",
					       .jti = "jti-1"};

/* The request without one fact; 0: with all. */
static struct sr_freeze_facts without(enum sr_freeze_scope scope)
{
	struct sr_freeze_facts facts = request;

	facts.patient = scope == SR_FREEZE_PATIENT ? NULL : facts.patient;
	facts.actor = scope == SR_FREEZE_ACTOR ? NULL : facts.actor;
	facts.recording = scope == SR_FREEZE_RECORDING ? NULL : facts.recording;
	facts.service = scope == SR_FREEZE_SERVICE ? NULL : facts.service;
	facts.issuer = scope == SR_FREEZE_ISSUER ? NULL : facts.issuer;
	facts.jti = scope == SR_FREEZE_GRANT ? NULL : facts.jti;
	return facts;
}

Test(freeze, every_scope_stops_its_own_and_nothing_else)
{
	cr_assert_eq(COUNT(subjects), (size_t)SR_FREEZE_SCOPES - 1);
	for (size_t i = 0; i < COUNT(subjects); i++)
		for (int ingest = 0; ingest < 2; ingest++) {
			struct sr_freezes *freezes =
				just(subjects[i].scope, subjects[i].own, subjects[i].size, ingest == 1);

			cr_expect(sr_freezes_stop(freezes, &request, false), "scope %d", (int)subjects[i].scope);
			cr_expect_eq(sr_freezes_stop(freezes, &request, true), ingest == 1, "scope %d",
				     (int)subjects[i].scope);
			for (int missing = SR_FREEZE_ALL; missing < SR_FREEZE_SCOPES; missing++) {
				struct sr_freeze_facts facts = without((enum sr_freeze_scope)missing);
				bool still = missing != (int)subjects[i].scope || missing == SR_FREEZE_ALL;

				cr_expect_eq(sr_freezes_stop(freezes, &facts, false), still, "scope %d without %d",
					     (int)subjects[i].scope, missing);
			}
			sr_freezes_release(freezes);
			if (!subjects[i].other)
				continue;
			freezes = just(subjects[i].scope, subjects[i].other, subjects[i].other_size, true);
			cr_expect_not(sr_freezes_stop(freezes, &request, false), "scope %d", (int)subjects[i].scope);
			cr_expect_not(sr_freezes_stop(freezes, &request, true));
			sr_freezes_release(freezes);
		}
	cr_expect_not(sr_freezes_stop(NULL, &request, false), "no set is no freeze");
}

/* A subject's bytes under another scope are another subject: a patient's tag is no actor's. */
Test(freeze, scopes_do_not_mix)
{
	struct sr_freezes *freezes = just(SR_FREEZE_ACTOR, tag[0], SR_TAG, true);

	cr_expect_not(sr_freezes_stop(freezes, &request, false));
	sr_freezes_release(freezes);
	freezes = just(SR_FREEZE_ISSUER, "portal", 6, true);
	cr_expect_not(sr_freezes_stop(freezes, &request, false));
	sr_freezes_release(freezes);
}

Test(freeze, a_set_never_changes_and_its_successors_are_in_order)
{
	struct sr_freezes *none = sr_freezes_new(NULL, 0), *one, *two, *again, *fewer;
	struct sr_freeze_entry all = entry_of(SR_FREEZE_ALL, NULL, 0, false);
	struct sr_freeze_entry jti = entry_of(SR_FREEZE_GRANT, "jti-1", 5, false);
	struct sr_error err;
	const struct sr_span nothing = {NULL, 0};

	cr_assert_not_null(none);
	cr_assert_eq(sr_freezes_with(none, &all, &one, &err), SR_OK);
	cr_assert_eq(sr_freezes_with(one, &jti, &two, &err), SR_OK);
	all.ingest = true;
	cr_assert_eq(sr_freezes_with(two, &all, &again, &err), SR_OK);
	cr_expect_eq(sr_freezes_count(none), 0u);
	cr_expect_eq(sr_freezes_count(one), 1u);
	cr_expect_eq(sr_freezes_count(two), 2u);
	cr_expect_eq(sr_freezes_count(again), 2u, "what is frozen again is replaced");
	cr_expect_eq(sr_freezes_at(again, 0)->scope, SR_FREEZE_ALL);
	cr_expect(sr_freezes_at(again, 0)->ingest);
	cr_expect_not(sr_freezes_at(two, 0)->ingest, "a set that somebody holds");
	cr_assert_eq(sr_freezes_without(again, SR_FREEZE_ALL, nothing, &fewer, &err), SR_OK);
	cr_expect_eq(sr_freezes_count(fewer), 1u);
	cr_expect_null(sr_freezes_find(fewer, SR_FREEZE_ALL, nothing));
	cr_expect_not_null(sr_freezes_find(fewer, SR_FREEZE_GRANT, (struct sr_span){jti.subject, 5}));
	sr_freezes_release(again);
	cr_expect_eq(sr_freezes_without(fewer, SR_FREEZE_ALL, nothing, &again, &err), SR_NOT_FOUND);
	cr_expect_str_eq(err.text, "this is not frozen");
	cr_expect_null(again);
	sr_freezes_release(sr_freezes_share(fewer));
	cr_expect_eq(sr_freezes_count(fewer), 1u, "a share is still held");
	sr_freezes_release(fewer);
	sr_freezes_release(two);
	sr_freezes_release(one);
	sr_freezes_release(none);
}

Test(freeze, as_many_as_there_may_be_are_found_and_one_of_all_besides)
{
	struct sr_freeze_entry *entries = calloc(SR_FREEZES_MAX, sizeof *entries);
	struct sr_freeze_entry all = entry_of(SR_FREEZE_ALL, NULL, 0, false);
	struct sr_freeze_entry more = entry_of(SR_FREEZE_GRANT, "one more", 8, false);
	struct sr_freezes *freezes, *next;
	struct sr_error err;

	for (uint32_t i = 0; i < SR_FREEZES_MAX; i++)
		entries[i] = entry_of(SR_FREEZE_GRANT, &i, sizeof i, false);
	freezes = sr_freezes_new(entries, SR_FREEZES_MAX);
	cr_assert_not_null(freezes);
	for (uint32_t i = 0; i < SR_FREEZES_MAX; i++)
		cr_assert_not_null(
			sr_freezes_find(freezes, SR_FREEZE_GRANT, (struct sr_span){(const uint8_t *)&i, sizeof i}));
	cr_expect_not(sr_freezes_stop(freezes, &request, false));
	cr_expect_eq(sr_freezes_with(freezes, &more, &next, &err), SR_BUSY);
	cr_expect_null(next);
	cr_assert_eq(sr_freezes_with(freezes, &entries[7], &next, &err), SR_OK, "what is there may be replaced");
	sr_freezes_release(next);
	cr_assert_eq(sr_freezes_with(freezes, &all, &next, &err), SR_OK);
	cr_expect(sr_freezes_stop(next, &request, false));
	sr_freezes_release(next);
	sr_freezes_release(freezes);
	free(entries);
}

/* ---- the row ---- */

static size_t sealed(const struct sr_keyring *keyring, const struct sr_freeze_entry *entry,
		     char name[SR_FREEZE_NAME_MAX], uint8_t *out)
{
	struct sr_freeze_row row = sr_freeze_row_of(entry);

	sr_freeze_control_name(entry->scope, row.subject, name);
	return sr_freeze_row_seal(keyring, name, &row, out);
}

Test(freeze, a_row_gives_back_what_was_frozen)
{
	struct sr_keyring *keyring = fixed_keyring();
	uint8_t bytes[SR_ROW_MAX];

	for (size_t i = 0; i < COUNT(subjects); i++) {
		struct sr_freeze_entry entry = entry_of(subjects[i].scope, subjects[i].own, subjects[i].size,
							i % 2 == 0),
				       again;
		struct sr_freeze_row row;
		char name[SR_FREEZE_NAME_MAX];
		size_t size = sealed(keyring, &entry, name, bytes);

		cr_assert_eq(sr_freeze_row_open(keyring, name, (struct sr_span){bytes, size}, &row), SR_OK);
		cr_assert(sr_freeze_entry_of(&row, &again));
		cr_expect_eq(again.scope, entry.scope);
		cr_expect_eq(again.subject_size, entry.subject_size);
		cr_expect_arr_eq(again.subject, entry.subject, entry.subject_size);
		cr_expect_eq(again.ingest, entry.ingest);
		cr_expect_eq(again.frozen_ms, 1234u);
		cr_expect(again.by_size == 2 && memcmp(again.by, "op", 2) == 0);
		cr_expect(again.reason_size == 3 && memcmp(again.reason, "why", 3) == 0);
	}
	sr_keyring_free(keyring);
}

/* Every truncation, every flipped bit, and the row under another name. */
Test(freeze, a_row_that_was_touched_is_corrupt)
{
	struct sr_keyring *keyring = fixed_keyring();
	struct sr_freeze_entry entry = entry_of(SR_FREEZE_PATIENT, tag[0], SR_TAG, true);
	struct sr_freeze_row row;
	char name[SR_FREEZE_NAME_MAX], other[SR_FREEZE_NAME_MAX];
	uint8_t bytes[SR_ROW_MAX];
	size_t size = sealed(keyring, &entry, name, bytes);

	sr_freeze_control_name(SR_FREEZE_PATIENT, (struct sr_span){tag[1], SR_TAG}, other);
	cr_expect_eq(sr_freeze_row_open(keyring, other, (struct sr_span){bytes, size}, &row), SR_CORRUPT);
	for (size_t cut = 0; cut < size; cut++)
		cr_expect_eq(sr_freeze_row_open(keyring, name, (struct sr_span){bytes, cut}, &row), SR_CORRUPT);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_expect_eq(sr_freeze_row_open(keyring, name, (struct sr_span){bytes, size}, &row), SR_CORRUPT);
		cr_expect_null(row.subject.data);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	sr_keyring_free(keyring);
}

Test(freeze, a_row_of_a_later_scope_is_unavailable)
{
	struct sr_keyring *keyring = fixed_keyring();
	struct sr_freeze_row row;
	uint8_t later[] = {SR_FREEZE_SCOPES, 0xff, 0xff}, bytes[SR_ROW_MAX];
	size_t size = sr_control_row_seal(keyring, "freeze/x", (struct sr_span){later, sizeof later}, bytes);

	cr_expect_eq(sr_freeze_row_open(keyring, "freeze/x", (struct sr_span){bytes, size}, &row), SR_UNAVAILABLE);
	later[0] = 0;
	size = sr_control_row_seal(keyring, "freeze/x", (struct sr_span){later, sizeof later}, bytes);
	cr_expect_eq(sr_freeze_row_open(keyring, "freeze/x", (struct sr_span){bytes, size}, &row), SR_CORRUPT);
	sr_keyring_free(keyring);
}
