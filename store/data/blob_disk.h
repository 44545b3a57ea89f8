/*
 * Reading what the disk has of a data file, where the page cache may say otherwise: after a sync that failed.
 */
#ifndef SR_BLOB_DISK_H
#define SR_BLOB_DISK_H

#include "data/blob.h"

/*
 * As sr_blob_read, but past the page cache: with O_DIRECT, or, where the file system has none, after the cached pages
 * were dropped. `position` is a multiple of 4,096. Blocks. Results as sr_blob_read; SR_INTERNAL when memory is used up.
 */
enum sr_code sr_blob_read_disk(struct sr_blobs *blobs, const struct sr_blob_name *name, uint64_t position, uint8_t *out,
			       size_t size, struct sr_error *err) SR_MUST_USE;

#endif
