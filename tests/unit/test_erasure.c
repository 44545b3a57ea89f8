/* Erasing a patient: of which moment an erasure is, so that a backup is known to be from before or after it. */
#include "serve/removal/erasure.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "serve/daemon.h"
#include "serve_fixture.h"

static struct sr_remover *remover;
static struct sr_ledger *ledger;

static void setup(void)
{
	struct sr_patient_row row = {.life = SR_LIFE_LIVE, .generation = {1}, .root = 1, .salt = {2}, .created_ms = 3};
	struct sr_index_key key = sr_key_patient(tag);
	uint8_t bytes[SR_ROW_MAX];
	char name[80];
	store_make();
	(void)snprintf(name, sizeof name, "%s/ledger", directory);
	cr_assert_eq(sr_ledger_open(name, SR_LEDGER_LINE, &ledger, &failure), SR_OK, "%s", failure.text);
	remover = sr_remover_new(store.keyring, store.index, store.blobs, ledger);
	cr_assert_not_null(remover);
	struct sr_op *op = sr_op_new();
	cr_assert(op && sr_op_put(op, &key, bytes, sr_patient_row_encode(store.keyring, tag, &row, bytes)));
	cr_assert_eq(sr_index_run(store.index, op, NULL), SR_OK);
}

static void cleanup(void)
{
	sr_remover_free(remover);
	sr_ledger_close(ledger);
	store_remove();
}

TestSuite(erasure, .init = setup, .fini = cleanup);

static void *strip(void *context)
{
	struct sr_error *err = context;
	return sr_erasure_strip(remover, tag, 1, err) == SR_OK ? remover : NULL;
}

static uint64_t erased_ms(void)
{
	struct sr_erasure_state state;
	cr_assert_eq(sr_erasure_look(remover, tag, &state, &failure), SR_OK, "%s", failure.text);
	cr_assert(state.there);
	return state.erased.erased_ms;
}

static bool has_salt(void)
{
	struct sr_index_key key = sr_key_patient(tag);
	struct sr_patient_row row;
	struct sr_view *view;
	struct sr_span value;
	cr_assert_eq(sr_view_begin(store.index, &view, &failure), SR_OK);
	cr_assert_eq(sr_view_get(view, &key, &value), SR_OK);
	cr_assert_eq(sr_patient_row_decode(store.keyring, tag, value, &row), SR_OK);
	sr_view_end(view);
	return !sodium_is_zero(row.salt, sizeof row.salt);
}

/* A crash can lie between the two, and a backup. */
Test(erasure, it_is_of_the_moment_in_which_the_salt_goes)
{
	cr_assert_eq(sr_erasure_begin(remover, tag, 1000, NULL, NULL, &failure), SR_OK, "%s", failure.text);
	uint64_t taken_ms = sr_now_ms();
	cr_assert(has_salt());
	cr_assert_eq(sr_erasure_strip(remover, tag, 1, &failure), SR_OK, "%s", failure.text);
	cr_expect_not(has_salt());
	cr_expect_geq(erased_ms(), taken_ms, "a backup that has the salt counts as later");
}

Test(erasure, it_comes_wholly_before_or_after_what_is_read_in_a_pause)
{
	struct sr_error err;
	pthread_t thread;
	void *done;
	cr_assert_eq(sr_erasure_begin(remover, tag, 1000, NULL, NULL, &failure), SR_OK, "%s", failure.text);
	sr_remover_pause(remover);
	cr_assert_eq(pthread_create(&thread, NULL, strip, &err), 0);
	for (int round = 0; round < 200; round++)
		cr_assert(has_salt());
	uint64_t taken_ms = sr_now_ms();
	cr_assert(has_salt());
	sr_remover_resume(remover);
	cr_assert_eq(pthread_join(thread, &done), 0);
	cr_assert_not_null(done, "%s", err.text);
	cr_expect_not(has_salt());
	cr_expect_geq(erased_ms(), taken_ms);
}

Test(erasure, replayed_it_is_of_the_moment_that_the_ledger_says)
{
	sr_remover_replay(remover);
	cr_assert_eq(sr_erasure_begin(remover, tag, 1000, NULL, NULL, &failure), SR_OK, "%s", failure.text);
	cr_assert_eq(sr_erasure_strip(remover, tag, 1, &failure), SR_OK, "%s", failure.text);
	cr_expect_eq(erased_ms(), 1000u);
}
