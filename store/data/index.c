/*
 * The index's life: made, opened, closed; and what LMDB's results mean.
 */
#include "data/index_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/directory.h"
#include "data/thread.h"

#define DATA_FILE "data.mdb"
#define LOCK_FILE "lock.mdb"

/* What the meta table has under "store": the format, then the store's id. */
#define META_STORE "store"
#define META_STORE_SIZE (4 + SR_UUID)

static const char *const table_names[SR_TABLES] = {
	[SR_TABLE_META] = "meta",
	[SR_TABLE_PATIENTS] = "patients",
	[SR_TABLE_RECORDINGS] = "recordings",
	[SR_TABLE_SEGMENTS] = "segments",
	[SR_TABLE_EXTENTS] = "extents",
	[SR_TABLE_HINTS] = "hints",
	[SR_TABLE_CONSULTATIONS] = "consultations",
	[SR_TABLE_PEOPLE] = "people",
	[SR_TABLE_CONTROL] = "control",
	[SR_TABLE_DONE] = "done",
};

const char *sr_table_word(enum sr_table_name table)
{
	return table_names[table];
}

enum sr_code sr_index_code(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return SR_OK;
	case MDB_NOTFOUND:
		return SR_NOT_FOUND;
	case MDB_READERS_FULL:
		return SR_BUSY;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
		return SR_NO_SPACE;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_PANIC:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CURSOR_FULL:
	case MDB_INCOMPATIBLE:
		return SR_CORRUPT;
	default:
		return SR_IO;
	}
}

enum sr_code sr_index_fail(struct sr_error *err, int rc, const char *what)
{
	/* LMDB gives its own results below 0 and the system's above, whose text it would fetch unsafely for threads. */
	const char *text = rc > 0 ? strerrordesc_np(rc) : mdb_strerror(rc);
	enum sr_code code = sr_index_code(rc);

	return SR_FAIL(err, code, "%s: %s", what, text == NULL ? "unknown error" : text);
}

/* An LMDB environment over directory `path`. Every commit is synced: that is what no flag here means. */
static int open_env(const char *path, MDB_env **out)
{
	MDB_env *env = NULL;
	int rc = mdb_env_create(&env);

	if (rc == 0)
		rc = mdb_env_set_mapsize(env, SR_INDEX_MAP);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, SR_TABLES);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(env, SR_INDEX_VIEWS);
	if (rc == 0)
		rc = mdb_env_open(env, path, MDB_NOTLS, 0600);
	/* What an earlier process wrote and could not sync is made durable before anything is built on it. */
	if (rc == 0)
		rc = mdb_env_sync(env, 1);
	if (rc != 0 && env != NULL) {
		mdb_env_close(env);
		env = NULL;
	}
	*out = env;
	return rc;
}

/* All tables and the meta row in one transaction: a crash leaves either none or a whole index. */
static int fill_new(MDB_env *env, const uint8_t store[SR_UUID])
{
	uint8_t bytes[META_STORE_SIZE];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	struct sr_index_key key = sr_key_meta(META_STORE);
	MDB_val name = {.mv_size = key.size, .mv_data = key.bytes};
	MDB_val value = {.mv_size = sizeof bytes, .mv_data = bytes};
	MDB_dbi tables[SR_TABLES];
	MDB_txn *txn;
	int rc = mdb_txn_begin(env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	sr_put_u32(&out, SR_INDEX_FORMAT);
	sr_put_bytes(&out, store, SR_UUID);
	for (size_t i = 0; rc == 0 && i < SR_TABLES; i++)
		rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &tables[i]);
	if (rc == 0)
		rc = mdb_put(txn, tables[SR_TABLE_META], &name, &value, MDB_NOOVERWRITE);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* Take back what a failed create has made, as far as that goes. */
static void unmake(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) {
		(void)unlinkat(fd, DATA_FILE, 0);
		(void)unlinkat(fd, LOCK_FILE, 0);
		(void)close(fd);
	}
	(void)rmdir(path);
}

enum sr_code sr_index_create(const char *path, const uint8_t store[SR_UUID], struct sr_error *err)
{
	enum sr_code code = SR_OK;
	MDB_env *env;
	int rc;

	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? SR_FAIL(err, SR_CONFLICT, "%s: there is something already", path)
				       : SR_FAIL(err, SR_IO, "%s: %s", path, strerrordesc_np(errno));
	rc = open_env(path, &env);
	if (rc == 0) {
		rc = fill_new(env, store);
		mdb_env_close(env);
	}
	if (rc != 0)
		code = sr_index_fail(err, rc, "making the index");
	/* LMDB syncs its file, but not the names of the file and of the directory. */
	if (code == SR_OK)
		code = sr_directory_sync(path, err);
	if (code == SR_OK)
		code = sr_directory_sync_parent(path, err);
	if (code != SR_OK)
		unmake(path);
	return code;
}

/* LMDB would silently begin a new index where there is none, or an empty file. */
static enum sr_code demand_file(const char *path, struct sr_error *err)
{
	char name[PATH_MAX];
	struct stat found;
	int size = snprintf(name, sizeof name, "%s/" DATA_FILE, path);

	if (size < 0 || (size_t)size >= sizeof name)
		return SR_FAIL(err, SR_IO, "the path of the index is too long");
	if (lstat(name, &found) != 0)
		return SR_FAIL(err, SR_IO, "%s: %s", name, strerrordesc_np(errno));
	if (!S_ISREG(found.st_mode) || found.st_size == 0)
		return SR_FAIL(err, SR_CORRUPT, "%s: not an index", name);
	return SR_OK;
}

/* Is this index of a format we know and of our store? */
static enum sr_code check_meta(MDB_txn *txn, MDB_dbi meta, const uint8_t store[SR_UUID], struct sr_error *err)
{
	struct sr_index_key key = sr_key_meta(META_STORE);
	MDB_val name = {.mv_size = key.size, .mv_data = key.bytes};
	MDB_val value;
	struct sr_cursor in;
	struct sr_span id;
	uint32_t format;
	int rc = mdb_get(txn, meta, &name, &value);

	if (rc == MDB_NOTFOUND)
		return SR_FAIL(err, SR_CORRUPT, "the index does not say which store's it is");
	if (rc != 0)
		return sr_index_fail(err, rc, "reading the index");
	in = sr_cursor_over(value.mv_data, value.mv_size);
	format = sr_take_u32(&in);
	/* The format first: what follows it is a newer one's own affair. */
	if (!in.failed && format > SR_INDEX_FORMAT)
		return SR_FAIL(err, SR_UNAVAILABLE, "the index has format %u and this daemon knows only up to %u",
			       (unsigned)format, (unsigned)SR_INDEX_FORMAT);
	id = sr_take_span(&in, SR_UUID);
	if (!sr_take_done(&in) || format != SR_INDEX_FORMAT)
		return SR_FAIL(err, SR_CORRUPT, "the index does not say which store's it is");
	if (memcmp(id.data, store, SR_UUID) != 0)
		return SR_FAIL(err, SR_CONFLICT, "the index belongs to another store");
	return SR_OK;
}

static enum sr_code open_tables(struct sr_index *index, const uint8_t store[SR_UUID], struct sr_error *err)
{
	enum sr_code code = SR_OK;
	MDB_txn *txn;
	int rc = mdb_txn_begin(index->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return sr_index_fail(err, rc, "reading the index");
	for (size_t i = 0; code == SR_OK && i < SR_TABLES; i++) {
		rc = mdb_dbi_open(txn, table_names[i], 0, &index->tables[i]);
		if (rc == MDB_NOTFOUND)
			code = SR_FAIL(err, SR_CORRUPT, "the index has no table '%s'", table_names[i]);
		else if (rc != 0)
			code = sr_index_fail(err, rc, "opening a table of the index");
		else if (i == SR_TABLE_META)
			code = check_meta(txn, index->tables[i], store, err);
	}
	/* Only a commit keeps the tables' handles; it writes nothing. */
	rc = mdb_txn_commit(txn);
	if (code == SR_OK && rc != 0)
		code = sr_index_fail(err, rc, "opening the tables of the index");
	return code;
}

/* Everything but the thread. NULL is allowed. */
static void release(struct sr_index *index)
{
	if (index == NULL)
		return;
	sr_views_release(index);
	if (index->env != NULL)
		mdb_env_close(index->env);
	(void)pthread_cond_destroy(&index->snapshot_adopted);
	(void)pthread_mutex_destroy(&index->snapshot_lock);
	(void)pthread_cond_destroy(&index->submitted);
	(void)pthread_mutex_destroy(&index->lock);
	(void)pthread_mutex_destroy(&index->views_lock);
	free(index);
}

static struct sr_index *make(const struct sr_index_options *options)
{
	struct sr_index *index = calloc(1, sizeof *index);

	if (index == NULL)
		return NULL;
	/* With default attributes these cannot fail on Linux. */
	(void)pthread_mutex_init(&index->views_lock, NULL);
	(void)pthread_mutex_init(&index->lock, NULL);
	pthread_condattr_t monotonic;
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&index->submitted, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	(void)pthread_mutex_init(&index->snapshot_lock, NULL);
	(void)pthread_cond_init(&index->snapshot_adopted, NULL);
	index->last = &index->first;
	index->fatal = options->fatal;
	index->fatal_context = options->fatal_context;
	return index;
}

enum sr_code sr_index_open(const struct sr_index_options *options, struct sr_index **out, struct sr_error *err)
{
	struct sr_index *index = NULL;
	enum sr_code code;
	int rc;

	*out = NULL;
	code = demand_file(options->path, err);
	if (code != SR_OK)
		goto out;
	index = make(options);
	if (index == NULL) {
		code = SR_FAIL_MEMORY(err);
		goto out;
	}
	rc = open_env(options->path, &index->env);
	if (rc != 0) {
		code = sr_index_fail(err, rc, "opening the index");
		goto out;
	}
	code = open_tables(index, options->store, err);
	if (code != SR_OK)
		goto out;
	if (!sr_thread_start(&index->thread, sr_index_thread, index)) {
		code = SR_FAIL(err, SR_INTERNAL, "no thread to be had for the index");
		goto out;
	}
	*out = index;
	index = NULL;
out:
	release(index);
	return code;
}

void sr_index_close(struct sr_index *index)
{
	if (index == NULL)
		return;
	pthread_mutex_lock(&index->lock);
	index->stopping = true;
	pthread_cond_signal(&index->submitted);
	pthread_mutex_unlock(&index->lock);
	(void)pthread_join(index->thread, NULL);
	release(index);
}

void sr_index_stats(struct sr_index *index, struct sr_index_stats *out)
{
	pthread_mutex_lock(&index->lock);
	*out = index->stats;
	pthread_mutex_unlock(&index->lock);
}
