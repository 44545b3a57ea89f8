/*
 * Making the names in a directory durable. Nothing else.
 */
#ifndef SR_DIRECTORY_H
#define SR_DIRECTORY_H

#include "error.h"

/* fsync directory `path`, so that the names in it outlive the loss of power. SR_IO. */
enum sr_code sr_directory_sync(const char *path, struct sr_error *err) SR_MUST_USE;

/* The same for the directory that `path` itself is named in. SR_IO. */
enum sr_code sr_directory_sync_parent(const char *path, struct sr_error *err) SR_MUST_USE;

#endif
