/*
 * What every test of the index stands on: a directory of its own, an index in it, and a disk that fails on demand.
 */
#ifndef SR_TEST_INDEX_FIXTURE_H
#define SR_TEST_INDEX_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "data/index.h"

/* Stands in for libc's, also inside LMDB: fails on demand. */
static _Atomic int sync_errno;
static _Atomic unsigned syncs;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	if (atomic_load(&sync_errno) != 0) {
		errno = atomic_load(&sync_errno);
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static const uint8_t store_id[SR_UUID] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static char directory[] = "/tmp/sealreel-index-XXXXXX";
static char path[64];

static inline int remove_one(const char *name, const struct stat *found, int type, struct FTW *ftw)
{
	(void)found, (void)type, (void)ftw;
	return remove(name);
}

static inline void make_directory(void)
{
	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(path, sizeof path, "%s/index", directory);
}

static inline void remove_directory(void)
{
	cr_assert_eq(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* What the fatal callback was told. */
struct end {
	_Atomic unsigned calls;
	struct sr_error err;
};

static inline void note_end(void *context, const struct sr_error *err)
{
	struct end *end = context;

	end->err = *err;
	atomic_fetch_add(&end->calls, 1);
}

static struct end end;

static inline enum sr_code try_open(const uint8_t *id, struct sr_index **out, struct sr_error *err)
{
	struct sr_index_options options = {.path = path, .store = id, .fatal = note_end, .fatal_context = &end};

	return sr_index_open(&options, out, err);
}

static inline struct sr_index *reopened(void)
{
	struct sr_index *index;
	struct sr_error err;

	cr_assert_eq(try_open(store_id, &index, &err), SR_OK, "%s", err.text);
	return index;
}

static inline struct sr_index *opened(void)
{
	struct sr_error err;

	cr_assert_eq(sr_index_create(path, store_id, &err), SR_OK, "%s", err.text);
	return reopened();
}

static inline struct sr_op *new_op(void)
{
	struct sr_op *op = sr_op_new();

	cr_assert_not_null(op);
	return op;
}

static inline void check(struct sr_op *op, enum sr_check_kind kind, const char *key, const char *value)
{
	struct sr_index_key name = sr_key_control(key);

	cr_assert(sr_op_check(op, kind, &name, value, value == NULL ? 0 : strlen(value)));
}

static inline void put(struct sr_op *op, const char *key, const char *value)
{
	struct sr_index_key name = sr_key_control(key);

	cr_assert(sr_op_put(op, &name, value, strlen(value)));
}

static inline void erase(struct sr_op *op, const char *key)
{
	struct sr_index_key name = sr_key_control(key);

	cr_assert(sr_op_erase(op, &name));
}

static inline void put_now(struct sr_index *index, const char *key, const char *value)
{
	struct sr_op *op = new_op();

	put(op, key, value);
	cr_assert_eq(sr_index_run(index, op, NULL), SR_OK);
}

static inline struct sr_view *view_of(struct sr_index *index)
{
	struct sr_view *view;
	struct sr_error err;

	cr_assert_eq(sr_view_begin(index, &view, &err), SR_OK, "%s", err.text);
	return view;
}

/* Is `value` (NULL: nothing) what a view has under `key`? */
static inline bool sees(struct sr_view *view, const char *key, const char *value)
{
	struct sr_index_key name = sr_key_control(key);
	struct sr_span found;
	enum sr_code code = sr_view_get(view, &name, &found);

	if (value == NULL)
		return code == SR_NOT_FOUND && found.data == NULL && found.size == 0;
	return code == SR_OK && found.size == strlen(value) && memcmp(found.data, value, found.size) == 0;
}

static inline bool has(struct sr_index *index, const char *key, const char *value)
{
	struct sr_view *view = view_of(index);
	bool same = sees(view, key, value);

	sr_view_end(view);
	return same;
}

#endif
