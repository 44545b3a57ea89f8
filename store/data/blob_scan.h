/*
 * Reading blobs as a scrub does: what files there are, and their bytes as the disk has them. No key, no row.
 */
#ifndef SR_BLOB_SCAN_H
#define SR_BLOB_SCAN_H

#include "data/blob.h"

#define SR_BLOB_ENTRY_TEXT 128

/* One entry of a blob directory. */
struct sr_blob_entry {
	bool named;                    /* a regular file with a blob's name, in the directory of that blob */
	struct sr_blob_name name;      /* if so */
	uint64_t changed_ms;           /* when its bytes last changed, milliseconds since 1970 */
	char text[SR_BLOB_ENTRY_TEXT]; /* "directory/file" in printable ASCII, cut: for messages only */
};
typedef void sr_blob_visit(void *context, const struct sr_blob_entry *entry);

/*
 * Visit every entry of fan-out directory `fan` that is there throughout; or, with `fan` SR_BLOB_FANOUT, every entry
 * beside the fan-out directories. SR_CORRUPT if the directory is missing; SR_IO; what was visited before stands.
 */
enum sr_code sr_blobs_scan(struct sr_blobs *blobs, unsigned fan, sr_blob_visit *visit, void *context,
			   struct sr_error *err) SR_MUST_USE;

/*
 * Read exactly `size` bytes at `position` of a descriptor of sr_blob_read_open past the page cache, and leave none of
 * them in it: what the disk holds is read, and what others use is not pushed out. Pages that are not yet written stay.
 * SR_CORRUPT: the file ends before; SR_IO. `out` is undefined on failure.
 */
enum sr_code sr_blob_sweep(int fd, uint64_t position, uint8_t *out, size_t size, struct sr_error *err) SR_MUST_USE;

#endif
