/*
 * Snapshots: a walk in short views, and beside it the old rows that the index thread has changed ahead of it.
 */
#include "data/index_snapshot.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "data/index_internal.h"

#define ROWS_AT_ONCE 1000
#define BUCKETS_FIRST 1024

/* A row as it was. Its key and then its value lie in `bytes`. Immutable but for `given`, which is the walk's. */
struct kept {
	struct kept *next;
	enum sr_table_name table;
	bool present; /* false: there was none, whatever is there now */
	bool given;
	size_t key_size;
	size_t value_size;
	uint8_t bytes[];
};

struct sr_snapshot {
	struct sr_index *index;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
	/* Under the index's snapshot lock. */
	bool adopted; /* the index thread has seen it: the instant is fixed */
	bool failed;
	struct sr_index_key passed; /* what the walk has given; of size 0 before a table's first row */
	bool table_done;            /* all of passed.table is behind the walk */
	struct kept **buckets;
	size_t bucket_count;
	size_t kept_count;
	size_t kept_bytes;
	size_t kept_most;
};

static struct kept **bucket_of(struct sr_snapshot *snapshot, const uint8_t *key, size_t size)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t number;

	crypto_shorthash(hash, key, size, snapshot->hash_key);
	memcpy(&number, hash, sizeof number);
	return &snapshot->buckets[number % snapshot->bucket_count];
}

static struct kept *find_kept(struct sr_snapshot *snapshot, enum sr_table_name table, const uint8_t *key, size_t size)
{
	struct kept *kept = *bucket_of(snapshot, key, size);

	while (kept != NULL && (kept->table != table || kept->key_size != size || memcmp(kept->bytes, key, size) != 0))
		kept = kept->next;
	return kept;
}

/* Twice as many buckets; if there is no memory for them, chains get longer. */
static void grow(struct sr_snapshot *snapshot)
{
	struct kept **old = snapshot->buckets;
	size_t count = snapshot->bucket_count;
	struct kept **buckets = calloc(2 * count, sizeof(*buckets));

	if (buckets == NULL)
		return;
	snapshot->buckets = buckets;
	snapshot->bucket_count = 2 * count;
	for (size_t i = 0; i < count; i++) {
		struct kept *next;

		for (struct kept *kept = old[i]; kept != NULL; kept = next) {
			struct kept **bucket = bucket_of(snapshot, kept->bytes, kept->key_size);

			next = kept->next;
			kept->next = *bucket;
			*bucket = kept;
		}
	}
	free(old);
}

static void drop_kept(struct sr_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->bucket_count; i++) {
		while (snapshot->buckets[i] != NULL) {
			struct kept *kept = snapshot->buckets[i];

			snapshot->buckets[i] = kept->next;
			free(kept);
		}
	}
}

/* Has the walk gone past this key? Then what becomes of it is no concern of the snapshot. */
static bool is_behind(const struct sr_snapshot *snapshot, enum sr_table_name table, const uint8_t *key, size_t size)
{
	const struct sr_index_key *passed = &snapshot->passed;
	size_t common = size < passed->size ? size : passed->size;
	int order;

	if (table != passed->table)
		return table < passed->table;
	if (snapshot->table_done)
		return true;
	order = memcmp(key, passed->bytes, common);
	return order < 0 || (order == 0 && size <= passed->size);
}

static void keep(struct sr_snapshot *snapshot, enum sr_table_name table, const MDB_val *key, const MDB_val *value)
{
	size_t value_size = value == NULL ? 0 : value->mv_size;
	size_t size = sizeof(struct kept) + key->mv_size + value_size;
	struct kept *kept = snapshot->kept_bytes + size <= snapshot->kept_most ? malloc(size) : NULL;
	struct kept **bucket;

	/* What is kept stays until the end: the walk may be looking at it. */
	if (kept == NULL) {
		snapshot->failed = true;
		return;
	}
	*kept = (struct kept){
		.table = table, .present = value != NULL, .key_size = key->mv_size, .value_size = value_size};
	memcpy(kept->bytes, key->mv_data, key->mv_size);
	if (value_size > 0)
		memcpy(kept->bytes + key->mv_size, value->mv_data, value_size);
	if (snapshot->kept_count >= snapshot->bucket_count)
		grow(snapshot);
	bucket = bucket_of(snapshot, kept->bytes, kept->key_size);
	kept->next = *bucket;
	*bucket = kept;
	snapshot->kept_count++;
	snapshot->kept_bytes += size;
}

int sr_snapshot_before(struct sr_index *index, MDB_txn *txn, enum sr_table_name table, MDB_val *key)
{
	struct sr_snapshot *snapshot;
	MDB_val value;
	int rc = 0;

	pthread_mutex_lock(&index->snapshot_lock);
	snapshot = index->snapshot;
	if (snapshot != NULL && snapshot->adopted && !snapshot->failed && table != SR_TABLE_META &&
	    !is_behind(snapshot, table, key->mv_data, key->mv_size) &&
	    find_kept(snapshot, table, key->mv_data, key->mv_size) == NULL) {
		rc = mdb_get(txn, index->tables[table], key, &value);
		if (rc == 0 || rc == MDB_NOTFOUND) {
			keep(snapshot, table, key, rc == 0 ? &value : NULL);
			rc = 0;
		}
	}
	pthread_mutex_unlock(&index->snapshot_lock);
	return rc;
}

void sr_snapshot_adopt(struct sr_index *index)
{
	pthread_mutex_lock(&index->snapshot_lock);
	if (index->snapshot != NULL && !index->snapshot->adopted) {
		index->snapshot->adopted = true;
		pthread_cond_broadcast(&index->snapshot_adopted);
	}
	pthread_mutex_unlock(&index->snapshot_lock);
}

enum sr_code sr_snapshot_begin(struct sr_index *index, struct sr_snapshot **out, struct sr_error *err)
{
	struct sr_snapshot *snapshot = calloc(1, sizeof *snapshot);
	bool taken;

	*out = NULL;
	if (snapshot != NULL)
		snapshot->buckets = calloc(BUCKETS_FIRST, sizeof(*snapshot->buckets));
	if (snapshot == NULL || snapshot->buckets == NULL) {
		free(snapshot);
		return SR_FAIL_MEMORY(err);
	}
	snapshot->index = index;
	snapshot->bucket_count = BUCKETS_FIRST;
	snapshot->kept_most = SR_SNAPSHOT_KEPT_MAX;
	snapshot->passed.table = SR_TABLE_META + 1;
	randombytes_buf(snapshot->hash_key, sizeof snapshot->hash_key);
	pthread_mutex_lock(&index->snapshot_lock);
	taken = index->snapshot != NULL;
	if (!taken)
		index->snapshot = snapshot;
	pthread_mutex_unlock(&index->snapshot_lock);
	if (taken) {
		free(snapshot->buckets);
		free(snapshot);
		return SR_FAIL(err, SR_BUSY, "another snapshot of the index is being read");
	}
	/* Between two batches: what one of them does is either all in the snapshot or not at all. */
	pthread_mutex_lock(&index->lock);
	index->wakes = true;
	pthread_cond_signal(&index->submitted);
	pthread_mutex_unlock(&index->lock);
	pthread_mutex_lock(&index->snapshot_lock);
	while (!snapshot->adopted)
		pthread_cond_wait(&index->snapshot_adopted, &index->snapshot_lock);
	pthread_mutex_unlock(&index->snapshot_lock);
	*out = snapshot;
	return SR_OK;
}

void sr_snapshot_limit(struct sr_snapshot *snapshot, size_t bytes)
{
	pthread_mutex_lock(&snapshot->index->snapshot_lock);
	snapshot->kept_most = bytes;
	pthread_mutex_unlock(&snapshot->index->snapshot_lock);
}

void sr_snapshot_end(struct sr_snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	pthread_mutex_lock(&snapshot->index->snapshot_lock);
	snapshot->index->snapshot = NULL;
	pthread_mutex_unlock(&snapshot->index->snapshot_lock);
	drop_kept(snapshot);
	free(snapshot->buckets);
	free(snapshot);
}

/* ---- the walk ---- */

struct walk {
	struct sr_snapshot *snapshot;
	sr_snapshot_visit *visit;
	void *context;
	struct sr_index_key last; /* of this view */
	unsigned rows;
	bool refused;
	bool any;
};

static struct sr_span kept_value(const struct kept *kept)
{
	return (struct sr_span){.data = kept->bytes + kept->key_size, .size = kept->value_size};
}

/* One row of a view: as it is, unless it was changed since the instant. */
static bool visit_row(void *context, struct sr_span key, struct sr_span value)
{
	struct walk *walk = context;
	struct sr_snapshot *snapshot = walk->snapshot;
	enum sr_table_name table = snapshot->passed.table;
	struct kept *kept;

	if (key.size == snapshot->passed.size && memcmp(key.data, snapshot->passed.bytes, key.size) == 0)
		return true;
	if (walk->rows == ROWS_AT_ONCE || key.size > SR_INDEX_KEY_MAX) {
		walk->refused = true;
		return false;
	}
	walk->rows++;
	pthread_mutex_lock(&snapshot->index->snapshot_lock);
	kept = snapshot->failed ? NULL : find_kept(snapshot, table, key.data, key.size);
	pthread_mutex_unlock(&snapshot->index->snapshot_lock);
	if (kept != NULL)
		value = kept_value(kept);
	if ((kept == NULL || kept->present) && !walk->visit(walk->context, table, key, value)) {
		walk->refused = true;
		return false;
	}
	if (kept != NULL)
		kept->given = true;
	memcpy(walk->last.bytes, key.data, key.size);
	walk->last.size = key.size;
	walk->any = true;
	return true;
}

/* Rows of the table that were there and have been removed since. False: one was not taken. */
static bool visit_removed(struct sr_snapshot *snapshot, sr_snapshot_visit *visit, void *context)
{
	enum sr_table_name table = snapshot->passed.table;

	/* All of the table is behind the walk, so that nothing is added to it or to its chains by the index thread. */
	for (size_t i = 0; i < snapshot->bucket_count; i++) {
		for (struct kept *kept = snapshot->buckets[i]; kept != NULL; kept = kept->next) {
			struct sr_span key = {.data = kept->bytes, .size = kept->key_size};

			if (kept->table != table || kept->given || !kept->present)
				continue;
			if (!visit(context, table, key, kept_value(kept)))
				return false;
			kept->given = true;
		}
	}
	return true;
}

/* One view's worth of the present table. */
static enum sr_code walk_table(struct walk *walk, struct sr_error *err)
{
	struct sr_snapshot *snapshot = walk->snapshot;
	struct sr_view *view;
	enum sr_code code = sr_view_begin(snapshot->index, &view, err);

	if (code != SR_OK)
		return code;
	walk->last.table = snapshot->passed.table;
	code = sr_view_walk(view, &snapshot->passed, 0, visit_row, walk);
	sr_view_end(view);
	if (code != SR_OK)
		return SR_FAIL(err, code, "reading the index failed");
	pthread_mutex_lock(&snapshot->index->snapshot_lock);
	if (walk->any)
		snapshot->passed = walk->last;
	snapshot->table_done = !walk->refused;
	pthread_mutex_unlock(&snapshot->index->snapshot_lock);
	return SR_OK;
}

/* The rows behind a table's end, and then the next table. */
static bool finish_table(struct walk *walk)
{
	struct sr_snapshot *snapshot = walk->snapshot;
	bool taken;

	pthread_mutex_lock(&snapshot->index->snapshot_lock);
	taken = visit_removed(snapshot, walk->visit, walk->context);
	if (taken) {
		snapshot->passed = (struct sr_index_key){.table = snapshot->passed.table + 1};
		snapshot->table_done = false;
	}
	pthread_mutex_unlock(&snapshot->index->snapshot_lock);
	return taken;
}

enum sr_code sr_snapshot_next(struct sr_snapshot *snapshot, sr_snapshot_visit *visit, void *context, bool *more,
			      struct sr_error *err)
{
	struct walk walk = {.snapshot = snapshot, .visit = visit, .context = context};
	enum sr_code code = SR_OK;
	bool failed;

	*more = true;
	while (code == SR_OK && !walk.refused && snapshot->passed.table < SR_TABLES) {
		walk.any = false;
		if (!snapshot->table_done)
			code = walk_table(&walk, err);
		if (code == SR_OK && snapshot->table_done)
			walk.refused = !finish_table(&walk);
	}
	pthread_mutex_lock(&snapshot->index->snapshot_lock);
	failed = snapshot->failed;
	pthread_mutex_unlock(&snapshot->index->snapshot_lock);
	if (code == SR_OK && failed)
		code = SR_FAIL(err, SR_BUSY,
			       "the index changed too much while it was read; try again at a quieter time");
	*more = snapshot->passed.table < SR_TABLES;
	return code;
}
