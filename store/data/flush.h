/*
 * Group flush: files with closed segments are synced by a few threads of their own, so that neither the event loop nor
 * whoever reads ever waits for a disk that writes.
 */
#ifndef SR_FLUSH_H
#define SR_FLUSH_H

#include "data/blob.h"

struct sr_flusher;

/* Start `threads` (1 to 16; NULL for another number). NULL when memory or threads are used up. */
struct sr_flusher *sr_flusher_new(unsigned threads) SR_MUST_USE;

/* Finish every submitted sync, also those submitted by `done`; stop, release. NULL is allowed. */
void sr_flusher_free(struct sr_flusher *flusher);

/*
 * Sync `blob` (borrowed until `done`); `done` is called once, on a flush thread, never from inside this call, with
 * sr_blob_sync's result and its error (meaningful unless SR_OK, borrowed during the call). Syncs of one blob never
 * overlap, and its `done` calls come in the order submitted. `done` may submit others and close a blob that nothing
 * else borrows. Any thread. SR_INTERNAL when memory is used up; `done` is then never called.
 */
typedef void sr_flush_done(void *context, enum sr_code result, const struct sr_error *err);
enum sr_code sr_flush(struct sr_flusher *flusher, struct sr_blob *blob, sr_flush_done *done, void *context) SR_MUST_USE;

/* How many syncs wait for a thread to begin them. Any thread. */
unsigned sr_flusher_waiting(struct sr_flusher *flusher);

#endif
