/*
 * Starting the daemon: everything it is made from, opened in order, and closed again in reverse.
 */
#ifndef SR_START_H
#define SR_START_H

#include <stdbool.h>

#include "error.h"

/*
 * Set this process up, before anything else and once: private files, no core dumps, as many descriptors as allowed, no
 * SIGPIPE, libsodium, and libraries whose memory is wiped. SR_INTERNAL.
 */
enum sr_code sr_process_prepare(struct sr_error *err) SR_MUST_USE;

/*
 * Serve the store `directory` until a signal ends it: configuration, lock, key source, keyring, index, blobs, loop.
 * *started (out) tells whether it came to the loop. Codes are those of the part that failed.
 */
enum sr_code sr_store_serve(const char *directory, bool *started, struct sr_error *err) SR_MUST_USE;

#endif
