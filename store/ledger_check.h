/*
 * The erasure ledger at start: opened, and held against what this store has seen of it.
 */
#ifndef SR_LEDGER_CHECK_H
#define SR_LEDGER_CHECK_H

#include "serve/daemon.h"

/*
 * Open the ledger that the configuration names into parts->ledger. SR_USAGE: it has fewer lines than this store has
 * seen, or its last one of those is not this store's: another file, or an old copy; SR_CORRUPT: what the index says of
 * it does not verify; SR_IO, SR_INTERNAL. The parts are released by the caller in any case.
 */
enum sr_code sr_store_open_ledger(struct sr_daemon_parts *parts, struct sr_error *err) SR_MUST_USE;

/*
 * Whether the store was restored from a backup, and the ledger not replayed since: *restored (out). SR_CORRUPT: what
 * says so does not verify; SR_IO.
 */
enum sr_code sr_store_restored(const struct sr_daemon_parts *parts, bool *restored, struct sr_error *err) SR_MUST_USE;

#endif
