/*
 * The control row of the epochs in a real index: who holds one that has changed writes nothing; and a patient and a
 * recording are bound under the current epoch alone.
 */
#include "serve/epochs/epochs.h"
#include "serve/record/binding.h"
#include "serve_fixture.h"

static struct sr_epoch_book *book;
static char keyring_path[96];
static struct sr_key_source source;

/* A store with a keyring in a file. */
static void set_up(void)
{
	static const uint8_t auditor[32] = {9};

	store_make();
	sr_keyring_free(store.keyring);
	source = (struct sr_key_source){.kind = SR_KEY_FILE, .secret = sodium_malloc(32), .size = 32};
	memset(source.secret, 7, 32);
	(void)snprintf(keyring_path, sizeof keyring_path, "%s/keyring", directory);
	store.keyring = sr_keyring_new(store_id, auditor);
	cr_assert_eq(sr_keyring_create(store.keyring, keyring_path, &source, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_epoch_book_open(store.keyring, store.index, 1, &book, &failure), SR_OK, "%s", failure.text);
	store.epochs = book;
}

static void tear_down(void)
{
	sr_epoch_book_free(book);
	sr_key_source_wipe(&source);
	store_remove();
}

TestSuite(epoch_book, .init = set_up, .fini = tear_down);

static enum sr_code put_guarded(const struct sr_epoch_hold *hold)
{
	struct sr_index_key key = sr_key_control("probe");
	struct sr_op *op = new_op();

	cr_assert(sr_epoch_guard(op, hold) && sr_op_put(op, &key, "x", 1));
	return sr_index_run(store.index, op, NULL);
}

Test(epoch_book, a_writer_that_held_an_epoch_that_closes_writes_nothing)
{
	struct sr_epoch_hold before, after;
	uint32_t number;

	sr_epoch_book_hold(book, &before);
	cr_assert_eq(before.current, 1);
	cr_assert_eq(put_guarded(&before), SR_OK);
	cr_assert_eq(sr_epoch_book_new(book, 2, NULL, &number, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(number, 2);
	cr_assert_eq(put_guarded(&before), SR_CONFLICT, "a new one is current");
	sr_epoch_book_hold(book, &after);
	cr_assert_eq(after.current, 2);
	cr_assert_eq(put_guarded(&after), SR_OK);
	cr_assert_eq(sr_epoch_book_step(book, 1, SR_EPOCH_CLOSE, 3, &failure), SR_OK);
	cr_assert_eq(put_guarded(&after), SR_CONFLICT, "one is closing");
	cr_assert_eq(sr_epoch_book_back(book, 1, 4, &failure), SR_CONFLICT, "no rows go back to it");
	cr_assert_eq(sr_epoch_book_retire(book, 1, 0, 5, NULL, &failure), SR_OK, "%s", failure.text);
	sr_epoch_book_hold(book, &after);
	cr_assert_eq(after.current, 2);
	cr_assert_eq(put_guarded(&after), SR_OK);
}

/* The very operation that puts a patient's row demands it. */
Test(epoch_book, a_patient_is_not_bound_under_an_epoch_that_has_closed_meanwhile)
{
	struct sr_index_key control = sr_key_control(SR_EPOCHS_ROW_NAME);
	struct sr_grant grant = {.identity = "mrn|1", .identity_size = 5};
	struct sr_patient patient = {.standing = SR_STANDING_NONE};
	struct sr_index_key key = sr_key_patient(tag);
	uint8_t row[SR_ROW_MAX];
	struct sr_epochs epochs;

	request.grant = &grant;
	/* Somebody else's change of the row, which this daemon's book has not seen yet. */
	sr_epoch_book_copy(book, &epochs);
	cr_assert_eq(sr_epochs_step(&epochs, 2, SR_EPOCH_MAKE, 9, &failure), SR_OK);
	cr_assert_eq(sr_epochs_step(&epochs, 1, SR_EPOCH_CLOSE, 9, &failure), SR_OK);
	put_value(&control, row, sr_epochs_row_seal(store.keyring, &epochs, row));
	cr_assert_eq(sr_patient_ensure(&request, &patient), SR_CONFLICT, "it is to be looked at once more");
	cr_assert_eq(request.error.code, SR_OK, "%s", request.error.text);
	cr_assert_eq(get_value(&key, row, sizeof row), 0, "nothing was put");
}

Test(epoch_book, a_retirement_that_fails_at_the_file_stays_closing)
{
	uint32_t number;
	struct sr_epochs epochs;

	cr_assert_eq(sr_epoch_book_new(book, 2, NULL, &number, &failure), SR_OK);
	cr_assert_eq(sr_epoch_book_step(book, 1, SR_EPOCH_CLOSE, 3, &failure), SR_OK);
	cr_assert_eq(chmod(directory, 0500), 0);
	if (geteuid() == 0) {
		/* Root writes all the same: a directory in the file's way stops it, too. */
		char beside[112];
		(void)snprintf(beside, sizeof beside, "%s.new", keyring_path);
		cr_assert_eq(mkdir(beside, 0700), 0);
	}
	cr_assert_neq(sr_epoch_book_retire(book, 1, 0, 5, NULL, &failure), SR_OK);
	sr_epoch_book_copy(book, &epochs);
	cr_assert_eq(sr_epochs_find(&epochs, 1)->state, SR_EPOCH_CLOSING);
	cr_assert_eq(sr_epoch_book_step(book, 1, SR_EPOCH_REOPEN, 6, &failure), SR_CONFLICT, "its key may be gone");
	cr_assert_eq(chmod(directory, 0700), 0);
}

Test(epoch_book, a_kept_key_opens_for_the_recovery_key_alone_until_its_time)
{
	uint8_t public_key[32], secret[32], key[SR_KEY], opened[SR_KEY];
	struct sr_keyring_epoch_fact facts[SR_EPOCHS_MAX];
	struct sr_keyring *back;
	uint64_t revision;
	uint32_t number;
	size_t gone;

	cr_assert(sr_keyring_epoch_key(store.keyring, 1, key));
	cr_assert_eq(sr_epoch_book_new(book, 2, NULL, &number, &failure), SR_OK);
	cr_assert_eq(sr_epoch_book_step(book, 1, SR_EPOCH_CLOSE, 3, &failure), SR_OK);
	cr_assert_eq(sr_epoch_book_retire(book, 1, 100, 5, NULL, &failure), SR_USAGE, "there is no recovery key");
	crypto_box_keypair(public_key, secret);
	sr_keyring_set_recovery(store.keyring, public_key);
	cr_assert_eq(sr_epoch_book_retire(book, 1, 100, 5, NULL, &failure), SR_OK, "%s", failure.text);
	cr_assert(!sr_keyring_epoch_key(store.keyring, 1, opened));
	cr_assert_eq(sr_keyring_load(keyring_path, &source, &back, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_keyring_epochs(back, facts, &revision), 2);
	cr_assert_eq(facts[0].kept_until_ms, 100);
	sr_keyring_free(back);
	cr_assert_eq(sr_keyring_kept_expire(store.keyring, 99, &gone, &failure), SR_OK);
	cr_assert_eq(gone, 0);
	cr_assert_eq(sr_keyring_kept_expire(store.keyring, 100, &gone, &failure), SR_OK);
	cr_assert_eq(gone, 1);
	cr_assert_eq(sr_keyring_load(keyring_path, &source, &back, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_keyring_epochs(back, facts, &revision), 2);
	cr_assert_eq(facts[0].kept_until_ms, 0);
	sr_keyring_free(back);
}
