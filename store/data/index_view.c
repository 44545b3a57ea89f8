/*
 * Reading the index: views, which are LMDB read transactions kept for reuse, point reads and walks.
 */
#include "data/index_internal.h"

#include <stdlib.h>
#include <string.h>

/* A read transaction with the cursors it has needed so far. Reset, it keeps its reader slot and its memory. */
struct sr_view {
	struct sr_index *index;
	struct sr_view *next;
	MDB_txn *txn;
	MDB_cursor *cursors[SR_TABLES]; /* those of no walk under way; NULL until one is needed */
	uint64_t reads;
};

/* An ended view from the pool, or NULL. */
static struct sr_view *take_view(struct sr_index *index)
{
	struct sr_view *view;

	pthread_mutex_lock(&index->views_lock);
	view = index->views;
	if (view != NULL)
		index->views = view->next;
	pthread_mutex_unlock(&index->views_lock);
	return view;
}

static void release_view(struct sr_view *view)
{
	for (size_t i = 0; i < SR_TABLES; i++)
		if (view->cursors[i] != NULL)
			mdb_cursor_close(view->cursors[i]);
	mdb_txn_abort(view->txn);
	free(view);
}

/* A view made anew, its transaction begun. */
static enum sr_code make_view(struct sr_index *index, struct sr_view **out, struct sr_error *err)
{
	struct sr_view *view = calloc(1, sizeof *view);
	int rc;

	if (view == NULL)
		return SR_FAIL_MEMORY(err);
	rc = mdb_txn_begin(index->env, NULL, MDB_RDONLY, &view->txn);
	if (rc != 0) {
		free(view);
		return sr_index_fail(err, rc, "opening a view of the index");
	}
	view->index = index;
	*out = view;
	return SR_OK;
}

enum sr_code sr_view_begin(struct sr_index *index, struct sr_view **out, struct sr_error *err)
{
	struct sr_view *view = take_view(index);
	int rc;

	*out = NULL;
	if (view == NULL)
		return make_view(index, out, err);
	rc = mdb_txn_renew(view->txn);
	if (rc != 0) {
		release_view(view);
		return sr_index_fail(err, rc, "renewing a view of the index");
	}
	view->reads = 0;
	*out = view;
	return SR_OK;
}

void sr_view_end(struct sr_view *view)
{
	struct sr_index *index;

	if (view == NULL)
		return;
	index = view->index;
	mdb_txn_reset(view->txn);
	pthread_mutex_lock(&index->views_lock);
	view->next = index->views;
	index->views = view;
	pthread_mutex_unlock(&index->views_lock);
}

void sr_views_release(struct sr_index *index)
{
	struct sr_view *view;

	while ((view = take_view(index)) != NULL)
		release_view(view);
}

uint64_t sr_view_reads(const struct sr_view *view)
{
	return view->reads;
}

enum sr_code sr_view_get(struct sr_view *view, const struct sr_index_key *key, struct sr_span *value)
{
	MDB_val wanted = {.mv_size = key->size, .mv_data = (void *)(uintptr_t)key->bytes};
	MDB_val found = {0};
	enum sr_code code;

	view->reads++;
	/* LMDB would call a key of no bytes an error of its caller. */
	code = key->size == 0 ? SR_NOT_FOUND
			      : sr_index_code(mdb_get(view->txn, view->index->tables[key->table], &wanted, &found));
	*value = (struct sr_span){0};
	if (code == SR_OK)
		*value = (struct sr_span){.data = found.mv_data, .size = found.mv_size};
	return code;
}

/*
 * The view's cursor of a table, taken out so that a walk begun inside a walk of the same table gets one of its own.
 */
static int take_cursor(struct sr_view *view, enum sr_table_name table, MDB_cursor **out)
{
	MDB_cursor *cursor = view->cursors[table];
	int rc;

	*out = NULL;
	if (cursor == NULL)
		return mdb_cursor_open(view->txn, view->index->tables[table], out);
	view->cursors[table] = NULL;
	rc = mdb_cursor_renew(view->txn, cursor);
	if (rc != 0) {
		mdb_cursor_close(cursor);
		return rc;
	}
	*out = cursor;
	return 0;
}

static void put_back(struct sr_view *view, enum sr_table_name table, MDB_cursor *cursor)
{
	if (view->cursors[table] == NULL)
		view->cursors[table] = cursor;
	else
		mdb_cursor_close(cursor);
}

/* How two keys stand to each other in LMDB's order, bytes first, then length: -1, 0 or 1. */
static int compare_keys(const MDB_val *a, const MDB_val *b)
{
	int order = memcmp(a->mv_data, b->mv_data, a->mv_size < b->mv_size ? a->mv_size : b->mv_size);
	if (order == 0)
		return (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
	return order < 0 ? -1 : 1;
}

enum sr_code sr_view_walk(struct sr_view *view, const struct sr_index_key *from, size_t prefix_size, sr_visit *visit,
			  void *context)
{
	MDB_val key = {.mv_size = from->size, .mv_data = (void *)(uintptr_t)from->bytes};
	MDB_val least = key;
	MDB_val value = {0};
	MDB_cursor *cursor;
	int least_order = from->size == 0; /* the first key may be `from` itself, but not empty */
	int rc;

	if (prefix_size > from->size)
		return SR_INTERNAL;
	rc = take_cursor(view, from->table, &cursor);
	if (rc != 0)
		return sr_index_code(rc);
	view->reads++;
	rc = mdb_cursor_get(cursor, &key, &value, from->size == 0 ? MDB_FIRST : MDB_SET_RANGE);
	while (rc == 0) {
		/* LMDB follows its pages wherever they lead: damaged ones may lead back, in a walk without an end. */
		if (key.mv_size > SR_INDEX_KEY_MAX || compare_keys(&key, &least) < least_order) {
			rc = MDB_CORRUPTED;
			break;
		}
		least = key;
		least_order = 1;
		if (key.mv_size < prefix_size || memcmp(key.mv_data, from->bytes, prefix_size) != 0 ||
		    !visit(context, (struct sr_span){.data = key.mv_data, .size = key.mv_size},
			   (struct sr_span){.data = value.mv_data, .size = value.mv_size}))
			break;
		view->reads++;
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	put_back(view, from->table, cursor);
	return rc == MDB_NOTFOUND ? SR_OK : sr_index_code(rc);
}
