/*
 * What the files of the index share: the open environment, its queue of operations, its pool of views.
 */
#ifndef SR_INDEX_INTERNAL_H
#define SR_INDEX_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>

#include "data/index.h"

/*
 * The most the index can grow to. It is address space, not memory or disk, so it is set once, far above need.
 * ThreadSanitizer leaves a process less room for mappings.
 */
#if SIZE_MAX <= UINT32_MAX
#define SR_INDEX_MAP ((size_t)1 << 30)
#elif defined(__SANITIZE_THREAD__)
#define SR_INDEX_MAP ((size_t)1 << 36)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SR_INDEX_MAP ((size_t)1 << 36)
#endif
#endif
#ifndef SR_INDEX_MAP
#define SR_INDEX_MAP ((size_t)1 << 40)
#endif

/* Views open at once. Of the threads that read it there are a few hundred at most, and every one may hold a view. */
#define SR_INDEX_VIEWS 1088

struct sr_index {
	MDB_env *env;
	MDB_dbi tables[SR_TABLES];

	/* Views that have ended and wait to be renewed: a stack, so that the warmest is used first. */
	pthread_mutex_t views_lock;
	struct sr_view *views;

	/* Operations that no batch has taken yet, in order; and the counters. */
	pthread_mutex_t lock;
	pthread_cond_t submitted; /* goes by CLOCK_MONOTONIC */
	struct sr_op *first;
	struct sr_op **last;
	bool stopping;
	bool wakes;               /* the thread is to come by without an operation */
	bool hurry;               /* one of them is not to wait for others */
	struct timespec together; /* the thread's: until then those that may are waited for */
	struct sr_index_stats stats;

	/* At most one snapshot; all of it under this lock. */
	pthread_mutex_t snapshot_lock;
	pthread_cond_t snapshot_adopted;
	struct sr_snapshot *snapshot;

	/* The index thread, and what it alone knows: whether `fatal` has been called. */
	pthread_t thread;
	bool dead;
	sr_index_fatal *fatal;
	void *fatal_context;
};

/* Fill *err (out, may be NULL) from LMDB's result `rc`, which is not 0, met while doing `what`. Returns the code. */
enum sr_code sr_index_fail(struct sr_error *err, int rc, const char *what);

/* The code that LMDB's result `rc` stands for: SR_OK, SR_NOT_FOUND, SR_CORRUPT, SR_BUSY, SR_NO_SPACE or SR_IO. */
enum sr_code sr_index_code(int rc);

/* Release every ended view. No view may be open. */
void sr_views_release(struct sr_index *index);

/* On the index thread: before a write of `key` in `txn`, keep the row for a snapshot that has not come to it. LMDB's
 * result. */
int sr_snapshot_before(struct sr_index *index, MDB_txn *txn, enum sr_table_name table, MDB_val *key);

/* On the index thread, between two batches: this is the instant of a snapshot that was just begun. */
void sr_snapshot_adopt(struct sr_index *index);

/* The body of the index thread; `context` is the struct sr_index. Returns NULL once stopped and idle. */
void *sr_index_thread(void *context);

#endif
