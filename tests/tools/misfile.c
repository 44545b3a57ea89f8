/*
 * misfile: put a recording's rows under another patient's tag, behind the store's back, as a fault in an index would.
 * It writes with LMDB alone, so that it does not depend on what it puts to the test.
 */
#include <lmdb.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/index.h"
#include "data/lock.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] = "Usage: misfile [--move] STORE RECORDING TAG\n"
			    "Copy all rows of RECORDING under TAG, another patient's, in 64 hex digits as the log has "
			    "it; with --move, take\n"
			    "them away from where they stood. No daemon may run on STORE. For tests and "
			    "demonstrations: it breaks the store.\n"
			    "\nExample: misfile /tmp/store 018fa3c4-5b6d-7e8f-90a1-b2c3d4e5f607 \"$TAG\"\n";

struct order {
	bool move;
	const char *store;
	uint8_t recording[SR_UUID];
	uint8_t tag[SR_INDEX_TAG];
};

struct misfiling {
	const struct order *order;
	MDB_env *env;
	MDB_txn *txn;
	uint8_t own_tag[SR_INDEX_TAG];
	unsigned rows;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "misfile: %s: %s\n", what, why);
	return EXIT_FAILED;
}

/* The tag that the recording's hint names. */
static int find_own_tag(struct misfiling *work)
{
	struct sr_index_key key = sr_key_hint(work->order->recording);
	MDB_val name = {key.size, key.bytes};
	MDB_val tag;
	MDB_dbi hints;
	int rc = mdb_dbi_open(work->txn, "hints", 0, &hints);
	if (rc == 0)
		rc = mdb_get(work->txn, hints, &name, &tag);
	if (rc == MDB_NOTFOUND)
		return fail("hints", "the store has no such recording");
	if (rc != 0 || tag.mv_size != SR_INDEX_TAG)
		return fail("hints", rc ? mdb_strerror(rc) : "a hint is not a tag");
	memcpy(work->own_tag, tag.mv_data, SR_INDEX_TAG);
	if (memcmp(work->own_tag, work->order->tag, SR_INDEX_TAG) == 0)
		return fail("TAG", "is the recording's own");
	return EXIT_DONE;
}

/* One row under the other tag. The cursor stays on it. */
static int put_row(struct misfiling *work, MDB_cursor *cursor, const MDB_val *key, const MDB_val *value)
{
	uint8_t name[SR_INDEX_KEY_MAX];
	uint8_t *copy = malloc(value->mv_size);
	MDB_val other = {key->mv_size, name};
	MDB_val row = {value->mv_size, copy};
	int rc = copy && key->mv_size <= sizeof name ? 0 : MDB_BAD_VALSIZE;
	if (rc == 0) {
		memcpy(name, key->mv_data, key->mv_size);
		memcpy(name, work->order->tag, SR_INDEX_TAG);
		/* LMDB's own memory may move while it writes. */
		memcpy(copy, value->mv_data, value->mv_size);
		if (work->order->move)
			rc = mdb_cursor_del(cursor, 0);
	}
	if (rc == 0)
		rc = mdb_put(work->txn, mdb_cursor_dbi(cursor), &other, &row, 0);
	free(copy);
	work->rows += rc == 0;
	return rc;
}

/* Every row of `table` whose key begins with the recording's own tag and its id. */
static int misfile_table(struct misfiling *work, const char *table)
{
	struct sr_index_key from = sr_key_recording(work->own_tag, work->order->recording);
	const size_t prefix = SR_INDEX_TAG + SR_UUID;
	MDB_val key;
	MDB_val value;
	MDB_dbi dbi;
	MDB_cursor *cursor = NULL;
	int rc = mdb_dbi_open(work->txn, table, 0, &dbi);
	if (rc == 0)
		rc = mdb_cursor_open(work->txn, dbi, &cursor);
	while (rc == 0) {
		/* Searched for anew each time: what is put may lie anywhere, and what is moved is gone. */
		key = (MDB_val){from.size, from.bytes};
		rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
		if (rc != 0 || key.mv_size < prefix || memcmp(key.mv_data, from.bytes, prefix) != 0)
			break;
		memcpy(from.bytes, key.mv_data, key.mv_size);
		from.size = key.mv_size;
		rc = put_row(work, cursor, &key, &value);
		/* The least key after this one. */
		from.bytes[from.size++] = 0;
	}
	if (cursor)
		mdb_cursor_close(cursor);
	return rc == 0 || rc == MDB_NOTFOUND ? EXIT_DONE : fail(table, mdb_strerror(rc));
}

static int misfile(struct misfiling *work)
{
	int rc;
	int status = find_own_tag(work);
	if (status == EXIT_DONE)
		status = misfile_table(work, "recordings");
	if (status == EXIT_DONE && work->rows == 0)
		status = fail("recordings", "no row stands under the recording's own tag");
	if (status == EXIT_DONE)
		status = misfile_table(work, "segments");
	if (status != EXIT_DONE) {
		mdb_txn_abort(work->txn);
		return status;
	}
	rc = mdb_txn_commit(work->txn);
	return rc == 0 ? EXIT_DONE : fail("commit", mdb_strerror(rc));
}

static int with_index(struct misfiling *work)
{
	char *path = NULL;
	int status;
	int rc = asprintf(&path, "%s/index", work->order->store) < 0 ? MDB_PANIC : mdb_env_create(&work->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(work->env, SR_TABLES);
	if (rc == 0)
		rc = mdb_env_open(work->env, path, 0, 0600);
	if (rc == 0)
		rc = mdb_txn_begin(work->env, NULL, 0, &work->txn);
	status = rc == 0 ? misfile(work) : fail("index", mdb_strerror(rc));
	if (work->env)
		mdb_env_close(work->env);
	free(path);
	return status;
}

static bool parse_tag(const char *text, uint8_t tag[SR_INDEX_TAG])
{
	size_t size;
	return strlen(text) == 2 * SR_INDEX_TAG &&
	       sodium_hex2bin(tag, SR_INDEX_TAG, text, strlen(text), NULL, &size, NULL) == 0 && size == SR_INDEX_TAG;
}

static bool parse(int argc, char **argv, struct order *order)
{
	order->move = argc > 1 && strcmp(argv[1], "--move") == 0;
	argv += 1 + order->move;
	argc -= 1 + order->move;
	if (argc != 3)
		return false;
	order->store = argv[0];
	return sr_uuid_parse(argv[1], strlen(argv[1]), order->recording) && parse_tag(argv[2], order->tag);
}

int main(int argc, char **argv)
{
	struct order order = {.store = NULL};
	struct misfiling work = {.order = &order};
	struct sr_error err;
	int lock;
	if (!parse(argc, argv, &order)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (access(order.store, F_OK) != 0)
		return fail(order.store, "no such store");
	if (sr_lock_take(order.store, &lock, &err) != SR_OK)
		return fail(order.store, err.text);
	int status = with_index(&work);
	close(lock);
	if (status == EXIT_DONE)
		printf("%s %u rows of the recording\n", order.move ? "moved" : "copied", work.rows);
	return status;
}
