/*
 * The exclusive lock of a store directory: one daemon or tool at a time.
 */
#ifndef SR_LOCK_H
#define SR_LOCK_H

#include "error.h"

/*
 * Take DIR/lock (made if missing, 0600) without waiting. *fd (out) holds it until closed. SR_BUSY: another process has
 * it (its pid is in the text if the file tells); SR_IO, SR_INTERNAL when memory is used up: *fd is then -1.
 */
enum sr_code sr_lock_take(const char *directory, int *fd, struct sr_error *err) SR_MUST_USE;

#endif
