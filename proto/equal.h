/*
 * Comparing secrets, or what was made from them, in a time that says nothing of where they differ.
 */
#ifndef SR_EQUAL_H
#define SR_EQUAL_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/*
 * Are the `size` bytes (any number) at `one` and `other` the same? As sodium_memcmp, but 32 of them at a time, for
 * which libsodium has code of its own that takes a tenth. Cannot fail.
 */
bool sr_equal(const void *one, const void *other, size_t size) SR_MUST_USE;

#endif
