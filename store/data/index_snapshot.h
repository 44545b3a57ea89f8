/*
 * The index as it was at one instant, read while it changes: for backups. LMDB would keep every page that a long
 * reader sees from being used again; so it is walked in short views, and the index thread keeps a copy of each old row
 * that it changes ahead of the walk.
 */
#ifndef SR_INDEX_SNAPSHOT_H
#define SR_INDEX_SNAPSHOT_H

#include "data/index.h"

#define SR_SNAPSHOT_KEPT_MAX ((size_t)256 << 20) /* bytes of old rows kept at once */

struct sr_snapshot;

/*
 * Fix the instant: after all operations that were answered, before any that are submitted later. One at a time:
 * SR_BUSY; SR_INTERNAL when memory is used up. *out (out) is NULL on failure; ended with sr_snapshot_end. Waits for the
 * index thread: never on the event loop.
 */
enum sr_code sr_snapshot_begin(struct sr_index *index, struct sr_snapshot **out, struct sr_error *err) SR_MUST_USE;

/* Keep at most `bytes` of old rows at once, in place of SR_SNAPSHOT_KEPT_MAX. */
void sr_snapshot_limit(struct sr_snapshot *snapshot, size_t bytes);

/* NULL is allowed. Any thread. */
void sr_snapshot_end(struct sr_snapshot *snapshot);

/*
 * Give further rows of all tables but META to `visit`, up to 1,000 of them: table by table in order, within a table in
 * the order of keys but for those removed meanwhile, which come behind. `visit` gives false for a row that it does not
 * take: it is given again first thing the next time. *more (out): false once all were taken. One thread at a time.
 * SR_BUSY: more than SR_SNAPSHOT_KEPT_MAX bytes were changed ahead of the walk, so that it can only be ended;
 * SR_CORRUPT, SR_IO from LMDB; SR_INTERNAL.
 */
typedef bool sr_snapshot_visit(void *context, enum sr_table_name table, struct sr_span key, struct sr_span value);
enum sr_code sr_snapshot_next(struct sr_snapshot *snapshot, sr_snapshot_visit *visit, void *context, bool *more,
			      struct sr_error *err) SR_MUST_USE;

#endif
