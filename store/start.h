/*
 * Starting the daemon: everything it is made from, opened in order, and closed again in reverse.
 */
#ifndef SR_START_H
#define SR_START_H

#include <stdbool.h>

#include "error.h"

/*
 * Set this process up, before anything else and once: private files, no core dumps, as many descriptors as allowed, no
 * SIGPIPE and SIGXFSZ, libsodium, and libraries whose memory is wiped. SR_INTERNAL.
 */
enum sr_code sr_process_prepare(struct sr_error *err) SR_MUST_USE;

/*
 * From here on, a fault in a mapped page ends the process by its signal, for a parent to see, and not with a line of
 * its own and status 1, as sr_process_prepare has it.
 */
void sr_process_dies_plainly(void);

/*
 * Configuration, lock and keyring of the store `directory`; then index and blobs, which must be opened by the process
 * that uses them. *development (out): its key lies in a file. Codes are those of the part that failed. What was opened,
 * also on failure, stands in *parts and *lock (out, zeros and -1 before) and is released with sr_store_close. An index
 * of which a commit fails ends the process.
 */
struct sr_daemon_parts;
enum sr_code sr_store_take(const char *directory, struct sr_daemon_parts *parts, int *lock, bool *development,
			   struct sr_error *err) SR_MUST_USE;
enum sr_code sr_store_open_data(struct sr_daemon_parts *parts, struct sr_error *err) SR_MUST_USE;
void sr_store_close(struct sr_daemon_parts *parts, int lock);

/*
 * Serve the store `directory` until a signal ends it: configuration, lock, key source, keyring, index, blobs,
 * audit log, loop.
 * *started (out) tells whether it came to the loop. Codes are those of the part that failed.
 */
enum sr_code sr_store_serve(const char *directory, bool *started, struct sr_error *err) SR_MUST_USE;

#endif
