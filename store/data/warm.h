/*
 * Bringing a stretch of a data file into the page cache, on a thread that may wait, before the event loop sends it.
 */
#ifndef SR_WARM_H
#define SR_WARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Have `size` bytes (at least 1) at `position` of `fd` in the page cache when this returns, as far as that can be had.
 * True: all of it was there, so that nothing was done. Blocks.
 */
bool sr_blob_warm(int fd, uint64_t position, size_t size);

#endif
