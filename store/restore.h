/*
 * `sealreeld --restore SRC DIR`: a store made again from a backup.
 */
#ifndef SR_RESTORE_H
#define SR_RESTORE_H

#include "config.h"

/* What came of it. */
struct sr_restored {
	uint64_t taken_ms; /* of the backup */
	uint64_t rows;
	uint64_t files_bytes;
	uint64_t damaged; /* extents of data files that the backup lacks, or has otherwise */
};

/*
 * Make the store `directory`, which must not exist, from the newest complete backup in `source`: its index, the data
 * files that it names, the audit log as far as it belongs to it. `words` name the keyring, which must be there and open
 * with its key source, and the ledger; `directory` gets a configuration with them and no issuers. The store is marked:
 * until the erasure ledger has been replayed nothing of it is served. Prints a line for each damaged extent.
 * SR_USAGE: words, or a keyring that cannot be used or is of another store; SR_CONFLICT: there is something at
 * `directory`; SR_NOT_FOUND: there is no complete backup; SR_CORRUPT: it is damaged, other than in data files; SR_IO,
 * SR_NO_SPACE, SR_INTERNAL. What a failure leaves in `directory` is no store and can be removed.
 */
enum sr_code sr_store_restore(const char *source, const char *directory, const struct sr_config_words *words,
			      struct sr_restored *restored, struct sr_error *err) SR_MUST_USE;

#endif
