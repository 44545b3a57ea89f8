/*
 * The index thread: runs operations in batches. A batch is everything that was submitted while the one before it was
 * being committed, in one transaction; and what can wait a little is waited for.
 */
#include "data/index_internal.h"

#include <errno.h>
#include <string.h>

#include "data/index_op.h"
#include "data/thread.h"
#include "equal.h"

#define NICE 3         /* after who reads, before the syncs that its commits are for */
#define TOGETHER_MS 20 /* from one batch to the next, while nobody is in a hurry */

static MDB_val key_of(const struct sr_op *op, const struct sr_op_item *item)
{
	return (MDB_val){.mv_size = item->key_size, .mv_data = op->bytes + item->at};
}

static MDB_val value_of(const struct sr_op *op, const struct sr_op_item *item)
{
	return (MDB_val){.mv_size = item->value_size, .mv_data = op->bytes + item->at + item->key_size};
}

/* Does what is stored (NULL: nothing) end in `value`, and is it nothing more if `whole`? */
static bool ends_in(const MDB_val *stored, MDB_val value, bool whole)
{
	if (stored == NULL || stored->mv_size < value.mv_size || (whole && stored->mv_size != value.mv_size))
		return false;
	return sr_equal((const uint8_t *)stored->mv_data + (stored->mv_size - value.mv_size), value.mv_data,
			value.mv_size);
}

/*
 * A batch's transaction. A table's cursor stays at the last row that was looked at: the next one is mostly on the same
 * page, and LMDB looks there before it goes down from the root.
 */
struct writing {
	struct sr_index *index;
	MDB_txn *txn;
	MDB_cursor *cursors[SR_TABLES]; /* NULL until one is needed; the transaction's end closes them */
	bool wrote;
};

static int cursor_of(struct writing *writing, enum sr_table_name table, MDB_cursor **cursor)
{
	int rc = 0;

	if (writing->cursors[table] == NULL)
		rc = mdb_cursor_open(writing->txn, writing->index->tables[table], &writing->cursors[table]);
	*cursor = writing->cursors[table];
	return rc;
}

/* Before a row goes, and perhaps its page: no cursor is left there. */
static void close_cursor(struct writing *writing, enum sr_table_name table)
{
	if (writing->cursors[table] != NULL)
		mdb_cursor_close(writing->cursors[table]);
	writing->cursors[table] = NULL;
}

/* Does the check hold in the transaction as it stands? Returns LMDB's result: 0 whenever *holds (out) says. */
static int run_check(struct writing *writing, struct sr_op *op, struct sr_op_item *check, bool *holds)
{
	MDB_val key = key_of(op, check), value = value_of(op, check), found;
	const MDB_val *stored = NULL;
	MDB_cursor *cursor;
	int rc = cursor_of(writing, check->table, &cursor);

	if (rc == 0)
		rc = mdb_cursor_get(cursor, &key, &found, MDB_SET);
	if (rc == 0)
		stored = &found;
	else if (rc != MDB_NOTFOUND)
		return rc;
	switch (check->kind) {
	case SR_CHECK_ABSENT:
		*holds = stored == NULL;
		break;
	case SR_CHECK_EQUALS:
		*holds = ends_in(stored, value, true);
		break;
	case SR_CHECK_SUFFIX:
		*holds = ends_in(stored, value, false);
		break;
	case SR_CHECK_ABSENT_OR_EQUALS:
		check->settled = ends_in(stored, value, true);
		*holds = stored == NULL || check->settled;
		break;
	}
	return 0;
}

static bool is_settled(const struct sr_op *op, const struct sr_op_item *write)
{
	for (size_t i = 0; i < op->checks.count; i++) {
		const struct sr_op_item *check = &op->checks.list[i];

		if (check->settled && check->table == write->table && check->key_size == write->key_size &&
		    memcmp(op->bytes + check->at, op->bytes + write->at, write->key_size) == 0)
			return true;
	}
	return false;
}

static int run_write(struct writing *writing, const struct sr_op *op, const struct sr_op_item *write)
{
	MDB_val key = key_of(op, write), value = value_of(op, write);
	MDB_cursor *cursor;
	int rc = sr_snapshot_before(writing->index, writing->txn, write->table, &key);

	writing->wrote = true;
	if (rc != 0)
		return rc;
	if (write->erase) {
		close_cursor(writing, write->table);
		rc = mdb_del(writing->txn, writing->index->tables[write->table], &key, NULL);
		return rc == MDB_NOTFOUND ? 0 : rc;
	}
	rc = cursor_of(writing, write->table, &cursor);
	return rc == 0 ? mdb_cursor_put(cursor, &key, &value, 0) : rc;
}

/* All checks, then all writes. A check that does not hold is the operation's result, not an error. */
static int run_op(struct writing *writing, struct sr_op *op)
{
	bool holds = true, settled = false;
	int rc = 0;

	op->result = SR_OK;
	for (size_t i = 0; rc == 0 && i < op->checks.count; i++) {
		rc = run_check(writing, op, &op->checks.list[i], &holds);
		if (rc == 0 && !holds) {
			op->result = SR_CONFLICT;
			op->failed_check = i;
			return 0;
		}
		settled |= op->checks.list[i].settled;
	}
	/* Seldom is anything settled, and an operation may have thousands of both. */
	for (size_t i = 0; rc == 0 && i < op->writes.count; i++) {
		if (settled && is_settled(op, &op->writes.list[i]))
			continue;
		rc = run_write(writing, op, &op->writes.list[i]);
	}
	return rc;
}

/* Run a batch as one transaction. LMDB's result; when it is 0, what was written is durable. */
static int run_batch(struct sr_index *index, struct sr_op *batch, struct sr_index_stats *made)
{
	struct writing writing = {.index = index};
	int rc = mdb_txn_begin(index->env, NULL, 0, &writing.txn);

	if (rc != 0)
		return rc;
	for (struct sr_op *op = batch; rc == 0 && op != NULL; op = op->next) {
		rc = run_op(&writing, op);
		made->operations++;
		made->conflicts += op->result == SR_CONFLICT;
	}
	if (rc != 0 || !writing.wrote) {
		mdb_txn_abort(writing.txn);
		return rc;
	}
	made->commits = 1;
	return mdb_txn_commit(writing.txn);
}

/* Under the lock: until there is something to do now. */
static void wait_for_batch(struct sr_index *index)
{
	bool early = true;

	while (!index->hurry && !index->stopping && !index->wakes && (index->first == NULL || early)) {
		if (index->first == NULL)
			pthread_cond_wait(&index->submitted, &index->lock);
		else
			early = pthread_cond_timedwait(&index->submitted, &index->lock, &index->together) != ETIMEDOUT;
	}
	index->together = sr_thread_deadline(TOGETHER_MS);
}

/* Wait for operations and take them all; NULL when there are none and the index is being closed. */
static struct sr_op *take_batch(struct sr_index *index)
{
	struct sr_op *batch;
	bool stopping;

	do {
		pthread_mutex_lock(&index->lock);
		wait_for_batch(index);
		index->wakes = index->hurry = false;
		batch = index->first;
		index->first = NULL;
		index->last = &index->first;
		stopping = index->stopping;
		pthread_mutex_unlock(&index->lock);
		sr_snapshot_adopt(index);
	} while (batch == NULL && !stopping);
	return batch;
}

static void count(struct sr_index *index, const struct sr_index_stats *made)
{
	pthread_mutex_lock(&index->lock);
	index->stats.commits += made->commits;
	index->stats.operations += made->operations;
	index->stats.conflicts += made->conflicts;
	pthread_mutex_unlock(&index->lock);
}

static void answer(struct sr_op *batch)
{
	struct sr_op *next;

	for (struct sr_op *op = batch; op != NULL; op = next) {
		next = op->next;
		op->done(op->context, op->result, op->failed_check);
		sr_op_free(op);
	}
}

/* One who waits in sr_index_run. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_answered;
	enum sr_code result;
	size_t failed_check;
};

static void wake(void *context, enum sr_code result, size_t failed_check)
{
	struct waiter *waiter = context;

	pthread_mutex_lock(&waiter->lock);
	waiter->is_answered = true;
	waiter->result = result;
	waiter->failed_check = failed_check;
	pthread_cond_signal(&waiter->answered);
	pthread_mutex_unlock(&waiter->lock);
}

/* Drop a batch of which nobody can say whether it is durable. Only one who waits must be let go. */
static void drop(struct sr_op *batch)
{
	struct sr_op *next;

	for (struct sr_op *op = batch; op != NULL; op = next) {
		next = op->next;
		if (op->done == wake)
			wake(op->context, SR_IO, 0);
		sr_op_free(op);
	}
}

void *sr_index_thread(void *context)
{
	sr_thread_is("index", NICE);
	struct sr_index *index = context;
	struct sr_op *batch;

	while ((batch = take_batch(index)) != NULL) {
		struct sr_index_stats made = {0};
		struct sr_error err;
		int rc = 0;

		if (!index->dead)
			rc = run_batch(index, batch, &made);
		if (rc != 0) {
			index->dead = true;
			(void)sr_index_fail(&err, rc, "the index cannot be written");
			index->fatal(index->fatal_context, &err);
		}
		if (index->dead) {
			drop(batch);
			continue;
		}
		count(index, &made);
		answer(batch);
	}
	return NULL;
}

/* `last`: where the list ends. */
static void queue(struct sr_index *index, struct sr_op *first, struct sr_op **last, bool hurry)
{
	pthread_mutex_lock(&index->lock);
	/* Otherwise whoever came before has woken the thread, or its time comes. */
	bool wakes = index->first == NULL || (hurry && !index->hurry);
	*index->last = first;
	index->last = last;
	index->hurry = index->hurry || hurry;
	pthread_mutex_unlock(&index->lock);
	/* Not under the lock, which it takes first. */
	if (wakes)
		pthread_cond_signal(&index->submitted);
}

static void submit(struct sr_index *index, struct sr_op *op, sr_op_done *done, void *context, bool hurry)
{
	op->next = NULL;
	op->done = done;
	op->context = context;
	queue(index, op, &op->next, hurry);
}

void sr_index_submit(struct sr_index *index, struct sr_op *op, sr_op_done *done, void *context)
{
	submit(index, op, done, context, true);
}

void sr_index_submit_soon(struct sr_index *index, struct sr_op *op, sr_op_done *done, void *context)
{
	submit(index, op, done, context, false);
}

void sr_index_submit_all(struct sr_index *index, const struct sr_submission *list, size_t count, sr_op_done *done)
{
	struct sr_op *first = NULL;
	struct sr_op **last = &first;

	for (size_t i = 0; i < count; i++) {
		struct sr_op *op = list[i].op;

		if (op == NULL)
			continue;
		op->next = NULL;
		op->done = done;
		op->context = list[i].context;
		*last = op;
		last = &op->next;
	}
	if (first != NULL)
		queue(index, first, last, true);
}

enum sr_code sr_index_run(struct sr_index *index, struct sr_op *op, size_t *failed_check)
{
	struct waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};

	sr_index_submit(index, op, wake, &waiter);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.is_answered)
		pthread_cond_wait(&waiter.answered, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
	(void)pthread_cond_destroy(&waiter.answered);
	(void)pthread_mutex_destroy(&waiter.lock);
	if (failed_check != NULL)
		*failed_check = waiter.failed_check;
	return waiter.result;
}
