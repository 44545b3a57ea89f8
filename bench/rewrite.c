/*
 * bench-rewrite: what a rotation is measured against. Rewrites the recordings' and people's rows of an index with bare
 * LMDB, in the same order, in the same batches, synced as the daemon syncs, with nothing sealed or checked.
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 1000
#define MAP ((size_t)1 << 40)
#define RECORDING_KEY 50
#define EPOCH_AT 27 /* and the wrap behind it: the bytes that a rotation changes */
#define CHANGED (4 + 176)
#define VALUE_MAX 65536

static const char usage[] =
	"Usage: bench-rewrite INDEX\nPrints how many rows it has rewritten, and in how many seconds.\n"
	"It makes the rows unreadable: give it a copy.\n\nExample: bench-rewrite /tmp/copy/index\n";

static void check(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "bench-rewrite: %s: %s\n", what, mdb_strerror(rc));
	exit(1);
}

static double now(void)
{
	struct timespec time;
	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Tracks' rows lie between the recordings' and stay as they are. */
static int is_wanted(const MDB_val *key)
{
	const unsigned char *bytes = key->mv_data;
	return key->mv_size != RECORDING_KEY || (bytes[RECORDING_KEY - 2] == 0 && bytes[RECORDING_KEY - 1] == 0);
}

/* One batch from `key` on (in, out: the last one rewritten); how many rows, 0 at the end. */
static unsigned rewrite(MDB_env *env, MDB_dbi table, unsigned char *key, size_t *key_size)
{
	static unsigned char copy[VALUE_MAX];
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val at = {*key_size, key}, value;
	unsigned rows = 0;
	check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	check(mdb_cursor_open(txn, table, &cursor), "cursor");
	int rc = mdb_cursor_get(cursor, &at, &value, *key_size ? MDB_SET_RANGE : MDB_FIRST);
	if (rc == 0 && *key_size)
		rc = mdb_cursor_get(cursor, &at, &value, MDB_NEXT);
	while (rc == 0 && rows < BATCH) {
		if (is_wanted(&at)) {
			memcpy(copy, value.mv_data, value.mv_size);
			for (size_t i = EPOCH_AT; i < EPOCH_AT + CHANGED && i < value.mv_size; i++)
				copy[i] ^= 0x5a;
			MDB_val changed = {value.mv_size, copy};
			memcpy(key, at.mv_data, at.mv_size);
			*key_size = at.mv_size;
			MDB_val own = {*key_size, key};
			check(mdb_put(txn, table, &own, &changed, 0), "put");
			rows++;
		}
		rc = mdb_cursor_get(cursor, &at, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	check(mdb_txn_commit(txn), "commit");
	return rows;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"recordings", "people"};
	unsigned char key[512];
	unsigned long long all = 0;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi tables[2];
	if (argc != 2) {
		fputs(usage, stderr);
		return 2;
	}
	check(mdb_env_create(&env), "create");
	check(mdb_env_set_maxdbs(env, 16), "tables");
	check(mdb_env_set_mapsize(env, MAP), "map");
	check(mdb_env_open(env, argv[1], MDB_NOTLS, 0600), argv[1]);
	check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	for (int i = 0; i < 2; i++)
		check(mdb_dbi_open(txn, names[i], 0, &tables[i]), names[i]);
	check(mdb_txn_commit(txn), "commit");
	double began = now();
	for (int i = 0; i < 2; i++) {
		size_t key_size = 0;
		unsigned rows;
		while ((rows = rewrite(env, tables[i], key, &key_size)) > 0)
			all += rows;
	}
	double took = now() - began;
	mdb_env_close(env);
	printf("rows=%llu seconds=%.3f\n", all, took);
	return 0;
}
