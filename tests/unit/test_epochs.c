/*
 * An epoch's life as a table written a second time and differently; the row that remembers it; what the keyring and the
 * row make of each other after a crash; and which backup outlives an epoch.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixed_keyring.h"
#include "keys/epochs.h"

#define T0 1000

static struct sr_error err;
static struct sr_keyring *keyring;
static struct sr_epochs epochs;

/* Epochs 1, 2 and 3, of which 3 is the current one; `state` is 2's. */
static void make(enum sr_epoch_state state)
{
	epochs = (struct sr_epochs){.revision = 7, .keyring_revision = 5, .count = 3};
	for (uint32_t i = 0; i < 3; i++)
		epochs.list[i] = (struct sr_epoch_row){.number = i + 1, .state = SR_EPOCH_OPEN, .made_ms = 10 * i};
	epochs.list[1].state = state;
}

static void set_up(void)
{
	keyring = fixed_keyring();
}

static void tear_down(void)
{
	sr_keyring_free(keyring);
}

TestSuite(epochs, .init = set_up, .fini = tear_down);

Test(epochs, every_event_in_every_state)
{
	/* State of epoch 2 (0: of epoch 4, which is not there), event, what follows (0: refused). */
	static const struct {
		int state;
		enum sr_epoch_event event;
		int next;
		enum sr_code code;
	} rules[] = {
		{0, SR_EPOCH_MAKE, 1, SR_OK},          {0, SR_EPOCH_CLOSE, 0, SR_NOT_FOUND},
		{0, SR_EPOCH_REOPEN, 0, SR_NOT_FOUND}, {0, SR_EPOCH_RETIRE, 0, SR_NOT_FOUND},
		{1, SR_EPOCH_MAKE, 0, SR_CONFLICT},    {1, SR_EPOCH_CLOSE, 2, SR_OK},
		{1, SR_EPOCH_REOPEN, 0, SR_CONFLICT},  {1, SR_EPOCH_RETIRE, 0, SR_CONFLICT},
		{2, SR_EPOCH_MAKE, 0, SR_CONFLICT},    {2, SR_EPOCH_CLOSE, 0, SR_CONFLICT},
		{2, SR_EPOCH_REOPEN, 1, SR_OK},        {2, SR_EPOCH_RETIRE, 3, SR_OK},
		{3, SR_EPOCH_MAKE, 0, SR_CONFLICT},    {3, SR_EPOCH_CLOSE, 0, SR_CONFLICT},
		{3, SR_EPOCH_REOPEN, 0, SR_CONFLICT},  {3, SR_EPOCH_RETIRE, 0, SR_CONFLICT},
	};

	cr_assert_eq(sizeof rules / sizeof *rules, 4 * SR_EPOCH_EVENTS);
	for (size_t at = 0; at < sizeof rules / sizeof *rules; at++) {
		uint32_t number = rules[at].state == 0 ? 4 : 2;
		struct sr_epochs before;

		make(rules[at].state == 0 ? SR_EPOCH_OPEN : (enum sr_epoch_state)rules[at].state);
		before = epochs;
		cr_assert_eq(sr_epochs_step(&epochs, number, rules[at].event, T0, &err), rules[at].code, "rule %zu",
			     at);
		if (rules[at].code != SR_OK) {
			cr_assert_eq(memcmp(&before, &epochs, sizeof epochs), 0, "rule %zu changed something", at);
			continue;
		}
		cr_assert_eq((int)sr_epochs_find(&epochs, number)->state, rules[at].next, "rule %zu", at);
		cr_assert_eq(sr_epochs_find(&epochs, number)->changed_ms, T0);
		cr_assert_eq(epochs.revision, 8);
	}
}

Test(epochs, only_open_epochs_take_wraps_and_the_highest_is_the_current_one)
{
	static const bool takes[] = {[SR_EPOCH_OPEN] = true, [SR_EPOCH_CLOSING] = false, [SR_EPOCH_RETIRED] = false};

	for (int state = SR_EPOCH_OPEN; state <= SR_EPOCH_RETIRED; state++) {
		make((enum sr_epoch_state)state);
		cr_assert_eq(sr_epochs_takes_wraps(&epochs, 2), takes[state]);
		cr_assert_eq(sr_epochs_current(&epochs), 3);
		epochs.list[2].state = SR_EPOCH_RETIRED;
		cr_assert_eq(sr_epochs_current(&epochs), state == SR_EPOCH_OPEN ? 2 : 1);
	}
	cr_assert(!sr_epochs_takes_wraps(&epochs, 4));
	cr_assert(!sr_epochs_takes_wraps(&epochs, SR_EPOCH_NONE));
}

Test(epochs, the_current_one_cannot_be_closed)
{
	make(SR_EPOCH_OPEN);
	cr_assert_eq(sr_epochs_step(&epochs, 3, SR_EPOCH_CLOSE, T0, &err), SR_CONFLICT);
	cr_assert_eq(sr_epochs_step(&epochs, 1, SR_EPOCH_CLOSE, T0, &err), SR_OK);
}

/* The row is full: the first that is retired gives its place up, and without one there is no room. */
Test(epochs, a_full_row_forgets_what_was_retired_first)
{
	memset(&epochs, 0, sizeof epochs);
	epochs.revision = 1;
	for (uint32_t number = 1; number <= SR_EPOCHS_KNOWN_MAX; number++)
		cr_assert_eq(sr_epochs_step(&epochs, number, SR_EPOCH_MAKE, T0, &err), SR_OK);
	cr_assert_eq(sr_epochs_step(&epochs, SR_EPOCHS_KNOWN_MAX + 1, SR_EPOCH_MAKE, T0, &err), SR_BUSY);
	cr_assert_eq(sr_epochs_step(&epochs, 5, SR_EPOCH_CLOSE, T0, &err), SR_OK);
	cr_assert_eq(sr_epochs_step(&epochs, 5, SR_EPOCH_RETIRE, T0, &err), SR_OK);
	cr_assert_eq(sr_epochs_step(&epochs, SR_EPOCHS_KNOWN_MAX + 1, SR_EPOCH_MAKE, T0, &err), SR_OK);
	cr_assert_null(sr_epochs_find(&epochs, 5));
	cr_assert_not_null(sr_epochs_find(&epochs, 6));
	cr_assert_eq(sr_epochs_current(&epochs), SR_EPOCHS_KNOWN_MAX + 1);
	for (size_t at = 1; at < epochs.count; at++)
		cr_assert_lt(epochs.list[at - 1].number, epochs.list[at].number);
}

/* ---- the row ---- */

Test(epochs, a_row_comes_back_and_no_flipped_bit_or_cut_does)
{
	uint8_t row[SR_ROW_MAX];
	struct sr_epochs back;

	make(SR_EPOCH_CLOSING);
	epochs.list[1].back_ms = 77;
	size_t size = sr_epochs_row_seal(keyring, &epochs, row);
	cr_assert_eq(size, 19 + 3 * 29 + 32);
	cr_assert_eq(sr_epochs_row_open(keyring, (struct sr_span){row, size}, &back), SR_OK);
	cr_assert_eq(memcmp(&back, &epochs, sizeof back), 0);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		row[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(sr_epochs_row_open(keyring, (struct sr_span){row, size}, &back), SR_CORRUPT, "%zu", bit);
		cr_assert_eq(back.count, 0);
		row[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_eq(sr_epochs_row_open(keyring, (struct sr_span){row, cut}, &back), SR_CORRUPT, "%zu", cut);
}

Test(epochs, rows_that_no_store_has_are_corrupt_and_later_states_unavailable)
{
	uint8_t row[SR_ROW_MAX];
	struct sr_epochs back;
	const struct sr_epochs nothing = {.revision = 1};

	size_t size = sr_epochs_row_seal(keyring, &nothing, row);
	cr_expect_eq(sr_epochs_row_open(keyring, (struct sr_span){row, size}, &back), SR_CORRUPT, "no epoch");
	make(SR_EPOCH_OPEN);
	epochs.list[1].number = 1;
	size = sr_epochs_row_seal(keyring, &epochs, row);
	cr_expect_eq(sr_epochs_row_open(keyring, (struct sr_span){row, size}, &back), SR_CORRUPT, "twice");
	make((enum sr_epoch_state)4);
	size = sr_epochs_row_seal(keyring, &epochs, row);
	cr_expect_eq(sr_epochs_row_open(keyring, (struct sr_span){row, size}, &back), SR_UNAVAILABLE, "a later state");
	make(SR_EPOCH_RETIRED);
	epochs.list[0].state = epochs.list[2].state = SR_EPOCH_RETIRED;
	size = sr_epochs_row_seal(keyring, &epochs, row);
	cr_expect_eq(sr_epochs_row_open(keyring, (struct sr_span){row, size}, &back), SR_CORRUPT, "none is open");
	make(SR_EPOCH_OPEN);
	epochs.revision = 0;
	size = sr_epochs_row_seal(keyring, &epochs, row);
	cr_expect_eq(sr_epochs_row_open(keyring, (struct sr_span){row, size}, &back), SR_CORRUPT, "revision 0");
}

/* ---- after the keyring ---- */

static enum sr_code settle(bool *changed)
{
	return sr_epochs_settle(&epochs, keyring, T0, changed, &err);
}

/* The fixed keyring: revision 9; epochs 1 closing, 2 open, 4 retired, 5 closing. */
Test(epochs, a_store_without_a_row_gets_the_keyrings)
{
	bool changed;

	memset(&epochs, 0, sizeof epochs);
	cr_assert_eq(settle(&changed), SR_OK, "%s", err.text);
	cr_assert(changed);
	cr_assert_eq(epochs.count, 3, "what is retired already is nobody's concern");
	cr_assert_eq(epochs.keyring_revision, 9);
	cr_assert_eq(sr_epochs_current(&epochs), 2);
	cr_assert_eq(sr_epochs_find(&epochs, 5)->state, SR_EPOCH_CLOSING);
	cr_assert_eq(settle(&changed), SR_OK);
	cr_assert(!changed, "twice is as once");
}

Test(epochs, what_a_crash_left_undone_is_done)
{
	bool changed;

	memset(&epochs, 0, sizeof epochs);
	cr_assert_eq(settle(&changed), SR_OK);
	/* 2 is not known yet; 4 was closing when its key went. */
	epochs.keyring_revision = 6;
	memmove(&epochs.list[1], &epochs.list[2], sizeof epochs.list[0]);
	epochs.count = 2;
	epochs.list[0].state = SR_EPOCH_OPEN;
	epochs.list[2] = epochs.list[1];
	epochs.list[1] = (struct sr_epoch_row){.number = 4, .state = SR_EPOCH_CLOSING};
	epochs.count = 3;
	cr_assert_eq(settle(&changed), SR_OK, "%s", err.text);
	cr_assert(changed);
	cr_assert_eq(sr_epochs_find(&epochs, 2)->state, SR_EPOCH_OPEN);
	cr_assert_eq(sr_epochs_find(&epochs, 4)->state, SR_EPOCH_RETIRED);
	cr_assert_eq(epochs.keyring_revision, 9);
}

Test(epochs, an_older_keyring_is_refused)
{
	struct sr_epochs now;
	bool changed;

	memset(&epochs, 0, sizeof epochs);
	cr_assert_eq(settle(&changed), SR_OK);
	now = epochs;
	epochs.keyring_revision = 10;
	cr_assert_eq(settle(&changed), SR_USAGE);
	cr_assert_not_null(strstr(err.text, "older than the store"));
	epochs = now;
	cr_assert_eq(sr_epochs_step(&epochs, 6, SR_EPOCH_MAKE, T0, &err), SR_OK);
	cr_assert_eq(settle(&changed), SR_USAGE, "it lacks a key");
	epochs = now;
	epochs.list[0].state = SR_EPOCH_RETIRED;
	cr_assert_eq(settle(&changed), SR_USAGE, "it has a key that was retired");
}

/* ---- backups ---- */

Test(epochs, a_backup_outlives_an_epoch_only_if_it_was_taken_after_the_last_row_had_left)
{
	const struct sr_epoch_row two = {.number = 2, .state = SR_EPOCH_OPEN, .back_ms = 500};
	const struct sr_backup_row after = {.taken_ms = 501, .current = 3, .count = 1, .list = {{3, 10}}};
	struct sr_backup_row backup = after;

	cr_assert(sr_backup_outlives(&backup, &two));
	backup.taken_ms = 500;
	cr_expect(!sr_backup_outlives(&backup, &two), "rows have gone back since");
	backup = after;
	backup.current = 2;
	cr_expect(!sr_backup_outlives(&backup, &two), "from before there was a later one");
	backup = after;
	backup.count = 2;
	backup.list[0] = (struct sr_backup_epoch){2, 1};
	backup.list[1] = (struct sr_backup_epoch){3, 9};
	cr_expect(!sr_backup_outlives(&backup, &two), "it needs the key");
	cr_expect(sr_backup_needs(&backup, 2));
	cr_expect(!sr_backup_needs(&backup, 1));
}

Test(epochs, a_backups_row_comes_back_under_its_name_alone)
{
	const struct sr_backup_row made = {
		.taken_ms = 9, .keyring_revision = 4, .current = 3, .count = 2, .list = {{1, 5}, {3, UINT64_MAX}}};
	struct sr_backup_row back, wrong = made;
	uint8_t row[SR_ROW_MAX];
	size_t size = sr_backup_row_seal(keyring, "backup/a", &made, row);

	cr_assert_eq(sr_backup_row_open(keyring, "backup/a", (struct sr_span){row, size}, &back), SR_OK);
	cr_assert_eq(memcmp(&back, &made, sizeof back), 0);
	cr_assert_eq(sr_backup_row_open(keyring, "backup/b", (struct sr_span){row, size}, &back), SR_CORRUPT);
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_eq(sr_backup_row_open(keyring, "backup/a", (struct sr_span){row, cut}, &back), SR_CORRUPT);
	wrong.list[1].number = 4;
	size = sr_backup_row_seal(keyring, "backup/a", &wrong, row);
	cr_expect_eq(sr_backup_row_open(keyring, "backup/a", (struct sr_span){row, size}, &back), SR_CORRUPT,
		     "an epoch after the current one");
}
