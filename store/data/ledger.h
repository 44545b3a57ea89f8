/*
 * The erasure ledger's file: lines of one size, appended and synced, never changed. What a line says and whether it is
 * authentic is known elsewhere.
 */
#ifndef SR_LEDGER_H
#define SR_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* An open ledger. Safe from several threads. */
struct sr_ledger;

/*
 * Open the file at `path`, whose lines have `line` bytes each (1 to 256); made (0600, with its name synced) if there is
 * none. What a crash left of a last line, which nobody was told of, is cut off. SR_USAGE: not a regular file, or no
 * such lines; SR_IO; SR_INTERNAL when memory is used up. *out (out) is NULL on failure; released with sr_ledger_close,
 * for which NULL is allowed.
 */
enum sr_code sr_ledger_open(const char *path, size_t line, struct sr_ledger **out, struct sr_error *err) SR_MUST_USE;
void sr_ledger_close(struct sr_ledger *ledger);

/* How many lines it has. */
uint64_t sr_ledger_count(struct sr_ledger *ledger);

/*
 * Append a line behind `count` others, and sync it: durable on return. SR_CONFLICT: there are more or fewer;
 * SR_NO_SPACE; SR_IO, also ever after a sync that failed, because nobody knows what of the file is durable. There is no
 * new line then that is counted.
 */
enum sr_code sr_ledger_append(struct sr_ledger *ledger, uint64_t count, const uint8_t *line,
			      struct sr_error *err) SR_MUST_USE;

/* Read line `number`, below the count, into `line`. SR_CORRUPT: it is not there; SR_IO. */
enum sr_code sr_ledger_read(struct sr_ledger *ledger, uint64_t number, uint8_t *line, struct sr_error *err) SR_MUST_USE;

#endif
