/*
 * Memory that is wiped before it is given back: for libraries that hold secrets in memory of their own making.
 */
#ifndef SR_WIPING_H
#define SR_WIPING_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/*
 * As malloc, realloc and free, but what is freed, moved or shrunk is wiped first. Any thread. Where there is no memory
 * they say so on standard error and end the process with status 1.
 */
void *sr_wiping_malloc(size_t size);
void *sr_wiping_realloc(void *memory, size_t size);
void sr_wiping_free(void *memory);

/*
 * Have jansson and libcrypto take their memory from here. Once, before any other call of theirs. False: libcrypto has
 * handed out memory already.
 */
bool sr_wiping_install(void) SR_MUST_USE;

#endif
