/*
 * The store's epochs while it is served: what the control row says now, for whoever makes a wrap, and its changes.
 */
#ifndef SR_SERVE_EPOCHS_H
#define SR_SERVE_EPOCHS_H

#include "data/index.h"
#include "keys/epochs.h"

/* The row as it was last committed; any thread may ask. */
struct sr_epoch_book;

/*
 * Read the control row and bring it up to the keyring, durably; a store that has none gets one. Codes are those of
 * sr_epochs_settle, and SR_CORRUPT, SR_UNAVAILABLE: the row does not verify or is of a later version; SR_IO. `keyring`
 * and `index` are borrowed until sr_epoch_book_free. *out (out) is NULL on failure. At start: waits for a commit.
 */
enum sr_code sr_epoch_book_open(struct sr_keyring *keyring, struct sr_index *index, uint64_t now_ms,
				struct sr_epoch_book **out, struct sr_error *err) SR_MUST_USE;
void sr_epoch_book_free(struct sr_epoch_book *book);

/* A copy of the row as it is now. */
void sr_epoch_book_copy(struct sr_epoch_book *book, struct sr_epochs *out);

/*
 * What a writer of a wrap holds from before it seals until its operation is run: the current epoch, and the one row
 * that says so.
 */
struct sr_epoch_hold {
	uint32_t current;
	uint8_t mac[SR_ROW_MAC];
};
void sr_epoch_book_hold(struct sr_epoch_book *book, struct sr_epoch_hold *out);

/*
 * Have `op` demand, in the transaction that writes the wrap, that the row is still the one held: every operation that
 * puts a wrap under an epoch it was not under has this check. When it fails, hold again and seal anew. False when
 * memory is used up.
 */
bool sr_epoch_guard(struct sr_op *op, const struct sr_epoch_hold *hold) SR_MUST_USE;

/* What else the operation that changes the row is to write: the mark of an intent. NULL: nothing. */
struct sr_epoch_also {
	bool (*add)(void *context, struct sr_op *op); /* false: memory is used up */
	void *context;
};

/*
 * Let `event` happen to epoch `number` (sr_epochs_step), durably before it returns. Pool or start; waits for a commit.
 * Codes as sr_epochs_step, and SR_IO. After a retirement that failed at the keyring's file no epoch is opened again
 * before the next start has seen that file: SR_CONFLICT.
 */
enum sr_code sr_epoch_book_step(struct sr_epoch_book *book, uint32_t number, enum sr_epoch_event event, uint64_t now_ms,
				struct sr_error *err) SR_MUST_USE;

/* Remember, durably, that rows go back to `number` from now on. SR_CONFLICT: it takes no wraps; SR_IO. As above. */
enum sr_code sr_epoch_book_back(struct sr_epoch_book *book, uint32_t number, uint64_t now_ms,
				struct sr_error *err) SR_MUST_USE;

/*
 * A new epoch: its key durable in the keyring, then the row, then this returns; *number (out). Codes as
 * sr_keyring_epoch_add and sr_epochs_step. As above.
 */
enum sr_code sr_epoch_book_new(struct sr_epoch_book *book, uint64_t now_ms, const struct sr_epoch_also *also,
			       uint32_t *number, struct sr_error *err) SR_MUST_USE;

/*
 * The end of a closing epoch, of which the caller has proved that nothing refers to it: its key out of the keyring,
 * kept for recovery until `keep_until_ms` (0: not at all), then the row. Codes as sr_keyring_epoch_retire and
 * sr_epochs_step.
 */
enum sr_code sr_epoch_book_retire(struct sr_epoch_book *book, uint32_t number, uint64_t keep_until_ms, uint64_t now_ms,
				  const struct sr_epoch_also *also, struct sr_error *err) SR_MUST_USE;

#endif
