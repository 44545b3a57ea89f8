/*
 * `sealreeld --init DIR`: makes a new store, whole or not at all.
 */
#ifndef SR_INIT_H
#define SR_INIT_H

#include "config.h"

#define SR_OPERATOR "operator" /* the first service's name */

/*
 * Make the store `directory` (which must not exist, or be empty and out of others' reach): index, blobs, issuers/,
 * keyring (and its key, if a file is its source), ledger, operator.cred, auditor.key, sealreel.ini; all synced, for
 * this user alone. The paths in `words` (NULL: all by default) may lie elsewhere. A passphrase is asked twice on a
 * terminal. Prints each thing made on standard output, last the line "store HEX". SR_CONFLICT: something is there
 * already; SR_USAGE: a word, or the directory's mode, is unfit; SR_BUSY, SR_IO, SR_NO_SPACE, SR_INTERNAL. What was made
 * before a failure is removed again, as far as it was new.
 */
enum sr_code sr_store_init(const char *directory, const struct sr_config_words *words,
			   struct sr_error *err) SR_MUST_USE;

#endif
