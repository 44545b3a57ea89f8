/*
 * damage: change a byte of a row of the index, drop the row, or put back an older one, behind the store's back, as a
 * failing disk would. It writes with LMDB alone, so that it does not depend on what it puts to the test.
 */
#include <errno.h>
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

static const char usage[] =
	"Usage: damage STORE TABLE ROW OFFSET XOR\n"
	"       damage STORE TABLE ROW drop\n"
	"       damage STORE TABLE ROW show\n"
	"       damage STORE TABLE ROW set HEX\n"
	"Change a byte of the value of row number ROW of TABLE (the first is 0), in the order of the keys: OFFSET "
	"counts\n"
	"from its front, or if negative from its end. Show prints the value in hex, for set. No daemon may run on "
	"STORE. For tests: it breaks the store.\n"
	"\nExample: damage /tmp/store recordings 0 -1 0x80\n";

struct order {
	const char *store;
	const char *table;
	long row;
	enum { CHANGE, DROP, SHOW, SET } what;
	const char *hex;
	long offset;
	unsigned char mask;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "damage: %s: %s\n", what, why);
	return EXIT_FAILED;
}

/* A copy of the value with one byte changed, put in its place. The cursor stands on it. */
static int change(MDB_cursor *cursor, const struct order *order, MDB_val *key, const MDB_val *value)
{
	long size = (long)value->mv_size;
	long at = order->offset < 0 ? size + order->offset : order->offset;
	if (at < 0 || at >= size)
		return MDB_BAD_VALSIZE;
	unsigned char *copy = malloc(value->mv_size);
	MDB_val changed = {value->mv_size, copy};
	if (!copy)
		return ENOMEM;
	/* LMDB's own memory may move while it writes. */
	memcpy(copy, value->mv_data, value->mv_size);
	copy[at] ^= order->mask;
	int rc = mdb_cursor_put(cursor, key, &changed, MDB_CURRENT);
	free(copy);
	return rc;
}

static int show(const MDB_val *value)
{
	for (size_t at = 0; at < value->mv_size; at++)
		printf("%02x", ((const unsigned char *)value->mv_data)[at]);
	return putchar('\n') == EOF ? EIO : 0;
}

static int set(MDB_cursor *cursor, const struct order *order, MDB_val *key)
{
	size_t size = strlen(order->hex) / 2;
	unsigned char *bytes = malloc(size + 1);
	MDB_val value = {size, bytes};
	size_t got = 0;
	int rc = ENOMEM;
	if (bytes && sodium_hex2bin(bytes, size, order->hex, 2 * size, NULL, &got, NULL) == 0 && got == size)
		rc = mdb_cursor_put(cursor, key, &value, MDB_CURRENT);
	free(bytes);
	return rc;
}

static int do_it(MDB_cursor *cursor, const struct order *order, MDB_val *key, const MDB_val *value)
{
	switch (order->what) {
	case DROP:
		return mdb_cursor_del(cursor, 0);
	case SHOW:
		return show(value);
	case SET:
		return set(cursor, order, key);
	default:
		return change(cursor, order, key, value);
	}
}

static int damage(MDB_txn *txn, const struct order *order)
{
	MDB_val key, value;
	MDB_dbi table;
	MDB_cursor *cursor = NULL;
	int rc = mdb_dbi_open(txn, order->table, 0, &table);
	if (rc == 0)
		rc = mdb_cursor_open(txn, table, &cursor);
	if (rc == 0)
		rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	for (long row = 0; rc == 0 && row < order->row; row++)
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	if (rc == 0)
		rc = do_it(cursor, order, &key, &value);
	if (cursor)
		mdb_cursor_close(cursor);
	return rc;
}

static int with_index(const struct order *order)
{
	char *path = NULL;
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	int rc = asprintf(&path, "%s/index", order->store) < 0 ? ENOMEM : mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, SR_TABLES);
	if (rc == 0)
		rc = mdb_env_open(env, path, 0, 0600);
	if (rc == 0)
		rc = mdb_txn_begin(env, NULL, 0, &txn);
	if (rc == 0)
		rc = damage(txn, order);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else if (txn)
		mdb_txn_abort(txn);
	if (env)
		mdb_env_close(env);
	free(path);
	return rc == 0 ? EXIT_DONE : fail(order->table, mdb_strerror(rc));
}

static bool number(const char *text, long least, long most, long *out)
{
	char *end;
	errno = 0;
	*out = strtol(text, &end, 0);
	return errno == 0 && end != text && *end == '\0' && *out >= least && *out <= most;
}

static bool parse(int argc, char **argv, struct order *order)
{
	long mask = 0;
	if (argc < 5)
		return false;
	order->store = argv[1];
	order->table = argv[2];
	order->what = CHANGE;
	if (argc == 5)
		order->what = strcmp(argv[4], "drop") == 0 ? DROP : strcmp(argv[4], "show") == 0 ? SHOW : CHANGE;
	if (argc == 6 && strcmp(argv[4], "set") == 0) {
		order->what = SET;
		order->hex = argv[5];
	}
	if (!number(argv[3], 0, 1000000, &order->row))
		return false;
	if (order->what != CHANGE)
		return true;
	if (argc != 6 || !number(argv[4], -65536, 65535, &order->offset) || !number(argv[5], 1, 255, &mask))
		return false;
	order->mask = (unsigned char)mask;
	return true;
}

int main(int argc, char **argv)
{
	struct order order = {.store = NULL};
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
	int status = with_index(&order);
	close(lock);
	return status;
}
