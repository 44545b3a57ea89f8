/*
 * Operations of the index: every kind of check, batches, threads, and the end that a failed commit makes of it.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>

#include "index_fixture.h"

TestSuite(index_batch, .init = make_directory, .fini = remove_directory);

Test(index_batch, every_check_against_every_value)
{
	static const char *const stored[] = {NULL, "", "mac", "rowmac", "rowmaC", "macrow"};
	/* By the check's kind, for a check against "mac": does it hold? */
	static const bool holds[4][6] = {
		[SR_CHECK_ABSENT] = {true, false, false, false, false, false},
		[SR_CHECK_EQUALS] = {false, false, true, false, false, false},
		[SR_CHECK_SUFFIX] = {false, false, true, true, false, false},
		[SR_CHECK_ABSENT_OR_EQUALS] = {true, false, true, false, false, false},
	};
	struct sr_index *index = opened();

	for (size_t kind = 0; kind < 4; kind++)
		for (size_t i = 0; i < 6; i++) {
			struct sr_op *op = new_op();
			size_t failed = 99;
			enum sr_code code;

			if (stored[i] == NULL)
				erase(op, "key");
			else
				put(op, "key", stored[i]);
			erase(op, "mark");
			cr_assert_eq(sr_index_run(index, op, NULL), SR_OK);
			op = new_op();
			check(op, SR_CHECK_ABSENT, "mark", NULL);
			check(op, (enum sr_check_kind)kind, "key", kind == SR_CHECK_ABSENT ? NULL : "mac");
			put(op, "mark", "written");
			code = sr_index_run(index, op, &failed);
			cr_assert_eq(code, holds[kind][i] ? SR_OK : SR_CONFLICT, "kind %zu, value %zu", kind, i);
			cr_assert_eq(failed, holds[kind][i] ? 0 : 1);
			cr_assert(has(index, "mark", holds[kind][i] ? "written" : NULL));
			cr_assert(has(index, "key", stored[i]), "a check wrote");
		}
	sr_index_close(index);
}

/* Put `value` if absent; and, in the same operation, another key. */
static enum sr_code claim(struct sr_index *index, const char *value, const char *other)
{
	struct sr_op *op = new_op();

	check(op, SR_CHECK_ABSENT_OR_EQUALS, "claim", value);
	put(op, "claim", value);
	if (other != NULL)
		put(op, "other", other);
	return sr_index_run(index, op, NULL);
}

Test(index_batch, put_if_absent_writes_once)
{
	struct sr_index *index = opened();
	struct sr_index_stats stats;

	cr_assert_eq(claim(index, "mine", "1"), SR_OK);
	cr_assert_eq(claim(index, "theirs", "2"), SR_CONFLICT);
	cr_assert(has(index, "claim", "mine"));
	cr_assert(has(index, "other", "1"));
	sr_index_stats(index, &stats);
	cr_assert_eq(stats.commits, 1);
	/* Nothing to write is nothing to commit. */
	cr_assert_eq(claim(index, "mine", NULL), SR_OK);
	sr_index_stats(index, &stats);
	cr_assert_eq(stats.commits, 1);
	/* Only the settled key is left out. */
	cr_assert_eq(claim(index, "mine", "3"), SR_OK);
	cr_assert(has(index, "other", "3"));
	sr_index_stats(index, &stats);
	cr_assert_eq(stats.commits, 2);
	cr_assert_eq(stats.operations, 4);
	cr_assert_eq(stats.conflicts, 1);
	sr_index_close(index);
}

/* Holds the index thread in `done` until many operations are queued, so that they are one batch. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool reached;
	bool open;
};

static void stop_at_gate(void *context, enum sr_code result, size_t failed_check)
{
	struct gate *gate = context;

	(void)failed_check;
	cr_assert_eq(result, SR_OK);
	pthread_mutex_lock(&gate->lock);
	gate->reached = true;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void close_gate(struct sr_index *index, struct gate *gate)
{
	(void)pthread_mutex_init(&gate->lock, NULL);
	(void)pthread_cond_init(&gate->changed, NULL);
	gate->reached = gate->open = false;
	sr_index_submit(index, new_op(), stop_at_gate, gate);
	pthread_mutex_lock(&gate->lock);
	while (!gate->reached)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

/* What became of the operations of one batch, in the order they were answered. */
struct answers {
	enum sr_code results[16];
	size_t failed[16];
	size_t count;
};

static void note_answer(void *context, enum sr_code result, size_t failed_check)
{
	struct answers *answers = context;

	answers->results[answers->count] = result;
	answers->failed[answers->count++] = failed_check;
}

Test(index_batch, operations_of_a_batch_see_earlier_ones_and_fail_alone)
{
	struct sr_index *index = opened();
	struct answers answers = {.count = 0};
	struct sr_index_stats stats;
	struct gate gate;
	struct sr_op *op;

	close_gate(index, &gate);
	op = new_op(); /* 0: writes */
	check(op, SR_CHECK_ABSENT, "row", NULL);
	put(op, "row", "one");
	sr_index_submit(index, op, note_answer, &answers);
	op = new_op(); /* 1: sees it; its second check fails, so its writes must not be seen */
	check(op, SR_CHECK_EQUALS, "row", "one");
	check(op, SR_CHECK_EQUALS, "row", "two");
	put(op, "row", "never");
	put(op, "never", "never");
	sr_index_submit(index, op, note_answer, &answers);
	op = new_op(); /* 2: goes on from 0 */
	check(op, SR_CHECK_EQUALS, "row", "one");
	check(op, SR_CHECK_ABSENT, "never", NULL);
	put(op, "row", "two");
	sr_index_submit(index, op, note_answer, &answers);
	op = new_op(); /* 3: its checks come before its own writes */
	check(op, SR_CHECK_EQUALS, "row", "two");
	put(op, "gone", "soon");
	erase(op, "row");
	sr_index_submit(index, op, note_answer, &answers);
	op = new_op(); /* 4 */
	check(op, SR_CHECK_ABSENT, "row", NULL);
	check(op, SR_CHECK_SUFFIX, "gone", "oon");
	erase(op, "gone");
	erase(op, "never");
	put(op, "last", "last");
	sr_index_submit(index, op, note_answer, &answers);
	open_gate(&gate);
	sr_index_close(index);

	static const enum sr_code expected[] = {SR_OK, SR_CONFLICT, SR_OK, SR_OK, SR_OK};
	cr_assert_eq(answers.count, 5);
	cr_assert_arr_eq(answers.results, expected, sizeof expected);
	cr_assert_eq(answers.failed[1], 1);
	index = reopened();
	cr_assert(has(index, "row", NULL));
	cr_assert(has(index, "never", NULL));
	cr_assert(has(index, "gone", NULL));
	cr_assert(has(index, "last", "last"));
	sr_index_stats(index, &stats);
	cr_assert_eq(stats.operations, 0);
	sr_index_close(index);
}

Test(index_batch, a_batch_is_one_commit)
{
	struct sr_index *index = opened();
	struct answers answers = {.count = 0};
	struct sr_index_stats stats;
	struct gate gate;
	unsigned before;

	close_gate(index, &gate);
	before = atomic_load(&syncs);
	for (int i = 0; i < 16; i++) {
		struct sr_op *op = new_op();

		put(op, "key", "value");
		sr_index_submit(index, op, note_answer, &answers);
	}
	open_gate(&gate);
	put_now(index, "after", "1"); /* may share the commit */
	sr_index_stats(index, &stats);
	cr_assert_eq(answers.count, 16);
	cr_assert_leq(stats.commits, 2);
	cr_assert_geq(stats.commits, 1);
	cr_assert_geq(atomic_load(&syncs) - before, stats.commits, "a commit without a sync");
	cr_assert_eq(stats.operations, 18);
	sr_index_close(index);
}

static struct sr_op *putting(const char *key, const char *value)
{
	struct sr_op *op = new_op();

	put(op, key, value);
	return op;
}

static void tell(void *context, enum sr_code result, size_t failed_check)
{
	(void)failed_check;
	cr_assert_eq(result, SR_OK);
	(void)sem_post(context);
}

/* It waits for others, but not for ever; neither for one that is in a hurry, nor when the index is closed. */
Test(index_batch, what_can_wait_is_done)
{
	struct sr_index *index = opened();
	struct sr_index_stats stats;
	sem_t told;

	(void)sem_init(&told, 0, 0);
	for (int i = 0; i < 5; i++) {
		sr_index_submit_soon(index, putting("key", "alone"), tell, &told);
		(void)sem_wait(&told);
	}
	cr_assert(has(index, "key", "alone"));
	sr_index_stats(index, &stats);
	cr_assert_eq(stats.commits, 5);
	for (int i = 0; i < 100; i++)
		sr_index_submit_soon(index, putting("key", "before"), tell, &told);
	put_now(index, "other", "hurried");
	cr_assert(has(index, "key", "before"), "the order was changed");
	for (int i = 0; i < 100; i++)
		cr_assert_eq(sem_trywait(&told), 0, "one that came before was not told of before");
	sr_index_submit_soon(index, putting("key", "at last"), tell, &told);
	sr_index_close(index);
	cr_assert_eq(sem_trywait(&told), 0);
	(void)sem_destroy(&told);
}

/* What a key has by now; without text: nothing. */
struct modelled {
	char key[8];
	char text[401];
};

static void expect_ok(void *context, enum sr_code result, size_t failed_check)
{
	(void)context, (void)failed_check;
	cr_assert_eq(result, SR_OK);
}

/* Puts or erases one key after a check that it is as in the model; `erasing` of 8 operations erase. */
static void change_one(struct sr_index *index, struct modelled *at, uint32_t random, unsigned erasing)
{
	struct sr_op *op = new_op();
	size_t size = 1 + (random >> 8) % (sizeof at->text - 1);

	check(op, at->text[0] ? SR_CHECK_EQUALS : SR_CHECK_ABSENT, at->key, at->text[0] ? at->text : NULL);
	if (random % 8 < erasing) {
		erase(op, at->key);
		at->text[0] = 0;
	} else {
		memset(at->text, 'a' + (int)(random >> 20) % 26, size);
		at->text[size] = 0;
		put(op, at->key, at->text);
	}
	sr_index_submit(index, op, expect_ok, NULL);
}

/* Pages fill, split, empty and join within one transaction: what is looked at next must never be where a row was. */
Test(index_batch, a_long_batch_is_as_its_operations_one_by_one)
{
	static struct modelled model[400];
	const size_t keys = sizeof model / sizeof *model;
	struct sr_index *index = opened();
	uint32_t random = 1;

	for (size_t i = 0; i < keys; i++)
		(void)snprintf(model[i].key, sizeof model[i].key, "k%03zu", i);
	for (unsigned batch = 0; batch < 12; batch++) {
		struct gate gate;

		close_gate(index, &gate);
		for (size_t i = 0; i < 3 * keys; i++) {
			random = random * 1664525 + 1013904223;
			/* In turn: along the keys, which is the common way, and anywhere. */
			change_one(index, &model[batch % 2 ? (random >> 4) % keys : i % keys], random,
				   batch % 4 < 2 ? 1 : 7);
		}
		open_gate(&gate);
		put_now(index, "behind", "all");
		for (size_t i = 0; i < keys; i++)
			cr_assert(has(index, model[i].key, model[i].text[0] ? model[i].text : NULL), "%s, batch %u",
				  model[i].key, batch);
	}
	sr_index_close(index);
}

/* Adds one to a number under compare-and-swap until it has done so `left` times. */
struct adder {
	struct sr_index *index;
	unsigned left;
	unsigned conflicts;
};

static uint32_t number_in(struct sr_index *index)
{
	struct sr_index_key key = sr_key_control("number");
	struct sr_view *view = view_of(index);
	struct sr_span value;
	uint32_t number = 0;

	if (sr_view_get(view, &key, &value) == SR_OK)
		memcpy(&number, value.data, sizeof number);
	sr_view_end(view);
	return number;
}

static void *add_numbers(void *context)
{
	struct adder *adder = context;
	struct sr_index_key key = sr_key_control("number");

	while (adder->left > 0) {
		uint32_t number = number_in(adder->index), next = number + 1;
		struct sr_op *op = new_op();

		cr_assert(sr_op_check(op, SR_CHECK_EQUALS, &key, &number, sizeof number));
		cr_assert(sr_op_put(op, &key, &next, sizeof next));
		if (sr_index_run(adder->index, op, NULL) == SR_OK)
			adder->left--;
		else
			adder->conflicts++;
	}
	return NULL;
}

Test(index_batch, many_threads_lose_nothing)
{
	enum { THREADS = 6, EACH = 40 };
	struct sr_index *index = opened();
	struct sr_index_key key = sr_key_control("number");
	struct adder adders[THREADS];
	pthread_t threads[THREADS];
	struct sr_index_stats stats;
	struct sr_op *op = new_op();
	unsigned conflicts = 0;

	cr_assert(sr_op_put(op, &key, &(uint32_t){0}, 4));
	cr_assert_eq(sr_index_run(index, op, NULL), SR_OK);
	for (size_t i = 0; i < THREADS; i++) {
		adders[i] = (struct adder){.index = index, .left = EACH};
		cr_assert_eq(pthread_create(&threads[i], NULL, add_numbers, &adders[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		conflicts += adders[i].conflicts;
	}
	cr_assert_eq(number_in(index), THREADS * EACH);
	sr_index_stats(index, &stats);
	cr_assert_eq(stats.conflicts, conflicts);
	cr_assert_eq(stats.operations, 1 + THREADS * EACH + conflicts);
	sr_index_close(index);
}

/* Submits another operation out of `done`, so many times. */
struct chain {
	struct sr_index *index;
	unsigned left;
};

static void submit_next(void *context, enum sr_code result, size_t failed_check)
{
	struct chain *chain = context;
	struct sr_op *op;

	(void)failed_check;
	cr_assert_eq(result, SR_OK);
	if (chain->left-- == 0)
		return;
	op = new_op();
	put(op, "chain", chain->left == 0 ? "last" : "more");
	sr_index_submit(chain->index, op, submit_next, chain);
}

Test(index_batch, close_finishes_what_done_submits)
{
	struct sr_index *index = opened();
	struct chain chain = {.index = index, .left = 5};

	sr_index_submit(index, new_op(), submit_next, &chain);
	sr_index_close(index);
	index = reopened();
	cr_assert(has(index, "chain", "last"));
	sr_index_close(index);
}

Test(index_batch, a_failed_commit_ends_it_and_answers_nobody)
{
	struct sr_index *index = opened();
	struct answers answers = {.count = 0};
	struct sr_op *op;

	put_now(index, "a", "1");
	atomic_store(&sync_errno, EIO);
	op = new_op();
	put(op, "a", "2");
	sr_index_submit(index, op, note_answer, &answers);
	op = new_op();
	put(op, "a", "3");
	cr_assert_eq(sr_index_run(index, op, NULL), SR_IO);
	cr_assert_eq(atomic_load(&end.calls), 1);
	cr_assert_eq(end.err.code, SR_IO);
	cr_assert_neq(end.err.text[0], '\0');
	/* Nothing is tried again, even if the disk has come back. */
	atomic_store(&sync_errno, 0);
	op = new_op();
	put(op, "a", "4");
	cr_assert_eq(sr_index_run(index, op, NULL), SR_IO);
	sr_index_close(index);
	cr_assert_eq(answers.count, 0);
	cr_assert_eq(atomic_load(&end.calls), 1);
	index = reopened();
	cr_assert_not(has(index, "a", "4"));
	put_now(index, "a", "5");
	sr_index_close(index);
}
