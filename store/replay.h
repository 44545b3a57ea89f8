/*
 * The erasure ledger replayed into a restored store, before it may be served.
 */
#ifndef SR_REPLAY_H
#define SR_REPLAY_H

#include <stdint.h>

#include "error.h"

/*
 * Open the store in `directory`, do again what each line of the ledger that the configuration names says, and take away
 * the mark of a restored store; *lines (out): how many there were. A line touches only its own generation of a patient,
 * or its own recording. SR_CONFLICT: the store is not marked; otherwise codes as for serving. What was done before a
 * failure stands, and replaying again goes on.
 */
enum sr_code sr_store_replay(const char *directory, uint64_t *lines, struct sr_error *err) SR_MUST_USE;

#endif
