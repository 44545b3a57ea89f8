/*
 * A snapshot of the index: whatever is written while it is read, it gives the rows of its instant, each once.
 */
#include "data/index_snapshot.h"

#include <pthread.h>
#include <sodium.h>

#include "index_fixture.h"

#define ROWS 3000

static struct sr_index *index_;
static struct sr_error err;

static void set_up(void)
{
	make_directory();
	index_ = opened();
}

static void tear_down(void)
{
	sr_index_close(index_);
	remove_directory();
}

TestSuite(index_snapshot, .init = set_up, .fini = tear_down);

/* Row `number` of one of three tables, so that walks cross their borders. */
static struct sr_index_key key_of(unsigned number)
{
	uint8_t id[SR_INDEX_TAG] = {(uint8_t)(number >> 8), (uint8_t)number};

	switch (number % 3) {
	case 0:
		return sr_key_patient(id);
	case 1:
		return sr_key_recording(id, id);
	default:
		return sr_key_hint(id);
	}
}

static void change(unsigned number, unsigned value)
{
	struct sr_index_key key = key_of(number);
	struct sr_op *op = sr_op_new();

	cr_assert(value == 0 ? sr_op_erase(op, &key) : sr_op_put(op, &key, &value, sizeof value));
	cr_assert_eq(sr_index_run(index_, op, NULL), SR_OK);
}

/* All at once: a commit for each would take as many syncs. */
static void fill(unsigned from, unsigned to, unsigned value)
{
	struct sr_op *op = sr_op_new();

	for (unsigned number = from; number < to; number++) {
		struct sr_index_key key = key_of(number);

		cr_assert(sr_op_put(op, &key, &value, sizeof value));
	}
	cr_assert_eq(sr_index_run(index_, op, NULL), SR_OK);
}

struct seen {
	unsigned values[2 * ROWS];
	unsigned times[2 * ROWS];
	unsigned rows;
	unsigned takes; /* so many more; then it refuses */
};

static bool visit(void *context, enum sr_table_name table, struct sr_span key, struct sr_span value)
{
	struct seen *seen = context;
	unsigned number;

	if (seen->takes == 0)
		return false;
	seen->takes--;
	cr_assert(table == SR_TABLE_PATIENTS || table == SR_TABLE_RECORDINGS || table == SR_TABLE_HINTS);
	cr_assert_geq(key.size, 2);
	number = (unsigned)key.data[0] << 8 | key.data[1];
	cr_assert_lt(number, 2 * ROWS);
	cr_assert_eq(value.size, sizeof seen->values[0]);
	memcpy(&seen->values[number], value.data, value.size);
	seen->times[number]++;
	seen->rows++;
	return true;
}

/* Rows 0 to ROWS have `value` each, and there is nothing else. A row changed just as it was read may come twice. */
static void expect(const struct seen *seen, unsigned value)
{
	for (unsigned number = 0; number < 2 * ROWS; number++) {
		cr_assert_eq(seen->times[number] > 0, number < ROWS, "row %u came %u times", number,
			     seen->times[number]);
		cr_assert_leq(seen->times[number], 2);
		cr_assert(number >= ROWS || seen->values[number] == value, "row %u is %u", number,
			  seen->values[number]);
	}
}

Test(index_snapshot, an_index_at_rest_is_given_whole_and_each_row_once)
{
	static const unsigned pages[] = {1, 7, 999, 1000, 1001, 100000};
	struct sr_snapshot *snapshot;

	fill(0, ROWS, 5);
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		static struct seen seen;
		bool more = true;

		seen = (struct seen){.rows = 0};
		cr_assert_eq(sr_snapshot_begin(index_, &snapshot, &err), SR_OK);
		while (more) {
			unsigned before = seen.rows;

			seen.takes = pages[i];
			cr_assert_eq(sr_snapshot_next(snapshot, visit, &seen, &more, &err), SR_OK);
			cr_assert_leq(seen.rows - before, 1000u + 1000u, "a view must end");
		}
		sr_snapshot_end(snapshot);
		cr_assert_eq(seen.rows, ROWS);
		expect(&seen, 5);
	}
}

Test(index_snapshot, an_empty_index_has_nothing_to_give)
{
	static struct seen seen = {.takes = 1};
	struct sr_snapshot *snapshot;
	bool more = true;

	cr_assert_eq(sr_snapshot_begin(index_, &snapshot, &err), SR_OK);
	while (more)
		cr_assert_eq(sr_snapshot_next(snapshot, visit, &seen, &more, &err), SR_OK);
	sr_snapshot_end(snapshot);
	cr_expect_eq(seen.rows, 0);
}

Test(index_snapshot, there_is_one_at_a_time)
{
	struct sr_snapshot *snapshot, *other;

	cr_assert_eq(sr_snapshot_begin(index_, &snapshot, &err), SR_OK);
	cr_expect_eq(sr_snapshot_begin(index_, &other, &err), SR_BUSY);
	cr_expect_null(other);
	sr_snapshot_end(snapshot);
	cr_assert_eq(sr_snapshot_begin(index_, &snapshot, &err), SR_OK);
	sr_snapshot_end(snapshot);
}

/* What is put, changed and removed between two pages, ahead of the walk and behind it. */
Test(index_snapshot, what_is_written_meanwhile_does_not_show)
{
	static struct seen seen;
	struct sr_snapshot *snapshot;
	unsigned turn = 0;
	bool more = true;

	fill(0, ROWS, 5);
	cr_assert_eq(sr_snapshot_begin(index_, &snapshot, &err), SR_OK);
	while (more) {
		struct sr_op *op = sr_op_new();

		for (unsigned i = 0; i < 120; i++) {
			unsigned number = randombytes_uniform(2 * ROWS), value = randombytes_uniform(3) * (7 + turn);
			struct sr_index_key key = key_of(number);

			cr_assert(value == 0 ? sr_op_erase(op, &key) : sr_op_put(op, &key, &value, sizeof value));
		}
		cr_assert_eq(sr_index_run(index_, op, NULL), SR_OK);
		seen.takes = 1 + randombytes_uniform(150);
		cr_assert_eq(sr_snapshot_next(snapshot, visit, &seen, &more, &err), SR_OK);
		turn++;
	}
	sr_snapshot_end(snapshot);
	cr_assert_gt(turn, 10);
	expect(&seen, 5);
}

struct writing {
	pthread_t thread;
	_Atomic bool over;
	_Atomic unsigned commits;
};

static void *write_on(void *context)
{
	struct writing *writing = context;

	while (!writing->over) {
		fill(0, ROWS, 6 + ++writing->commits);
		for (unsigned i = 0; i < 3; i++)
			change(randombytes_uniform(2 * ROWS), 0);
	}
	return NULL;
}

Test(index_snapshot, a_batch_is_in_it_whole_or_not_at_all, .timeout = 120)
{
	struct writing writing = {.over = false};

	fill(0, ROWS, 6);
	cr_assert_eq(pthread_create(&writing.thread, NULL, write_on, &writing), 0);
	for (unsigned round = 0; round < 5 || writing.commits < 3; round++) {
		static struct seen seen;
		struct sr_snapshot *snapshot;
		unsigned whole = 0, missing = 0;
		bool more = true;

		seen = (struct seen){.rows = 0};
		cr_assert_eq(sr_snapshot_begin(index_, &snapshot, &err), SR_OK);
		while (more) {
			seen.takes = 100;
			cr_assert_eq(sr_snapshot_next(snapshot, visit, &seen, &more, &err), SR_OK);
		}
		sr_snapshot_end(snapshot);
		/* All have one value, but for the few that were removed one by one. */
		for (unsigned number = 0; number < ROWS; number++) {
			missing += seen.times[number] == 0;
			if (seen.times[number] > 0 && whole == 0)
				whole = seen.values[number];
			cr_assert(seen.times[number] == 0 || seen.values[number] == whole, "row %u is %u beside %u",
				  number, seen.values[number], whole);
		}
		cr_assert_leq(missing, 3);
	}
	writing.over = true;
	cr_assert_eq(pthread_join(writing.thread, NULL), 0);
}

Test(index_snapshot, one_that_is_outrun_says_so_and_the_index_goes_on)
{
	struct sr_snapshot *snapshot;
	bool more;

	fill(0, ROWS, 5);
	cr_assert_eq(sr_snapshot_begin(index_, &snapshot, &err), SR_OK);
	sr_snapshot_limit(snapshot, 10000);
	fill(0, ROWS, 6);
	cr_expect_eq(sr_snapshot_next(snapshot, visit, &(struct seen){.takes = 0}, &more, &err), SR_BUSY);
	sr_snapshot_end(snapshot);
	change(1, 1);
}
