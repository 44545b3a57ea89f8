/*
 * A hashed table from keys of one size to the numbers 0, 1, 2 … in the order in which they were first met.
 */
#ifndef SR_REPORT_TABLE_H
#define SR_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_REPORT_NONE UINT32_MAX /* no number: not in the table */

/* Zeros and a key's size are an empty table. */
struct sr_report_table {
	size_t key_size;   /* bytes of a key */
	uint8_t *keys;     /* by their numbers */
	uint32_t *slots;   /* a number and 1; 0: free */
	size_t slot_count; /* a power of two, or 0 */
	size_t room;       /* keys that there is room for */
	uint32_t count;
	uint8_t seed[16];
};

/* The number of `key`, SR_REPORT_NONE if it is not there. */
uint32_t sr_report_find(const struct sr_report_table *table, const void *key) SR_MUST_USE;

/* The number of `key`, which gets the next one if it has none. SR_REPORT_NONE: memory is used up, nothing changed. */
uint32_t sr_report_number(struct sr_report_table *table, const void *key) SR_MUST_USE;

/* The key of a number below `count`; borrowed until the next key is added. */
const uint8_t *sr_report_key(const struct sr_report_table *table, uint32_t number);

/*
 * Make room in an array that grows with a table: `array` (in, may be NULL) has *room elements of `size` bytes, of which
 * more than `count` are wanted. Gives it, or one in its place whose further elements are zeros; NULL when memory is
 * used up, `array` being as it was.
 */
void *sr_report_grown(void *array, size_t *room, size_t count, size_t size) SR_MUST_USE;

/* Release what it has. */
void sr_report_table_free(struct sr_report_table *table);

#endif
