/*
 * Files that hold secrets: read only if nobody else could have, written whole or not at all.
 */
#ifndef SR_GUARDED_FILE_H
#define SR_GUARDED_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/*
 * Read the whole file at `path`: regular, no symbolic link, of `least` to `most` bytes, owned by this user or root, and
 * with none of the permission bits in `forbidden`. `what` names it in error texts ("keyring"). *out (out) is
 * sodium_malloc memory of *size bytes, released by the caller with sodium_free; NULL on failure. SR_USAGE: which of
 * these rules it breaks; SR_IO: it is not there or cannot be read; SR_INTERNAL when memory is used up.
 */
struct sr_guard {
	const char *what;
	size_t least;
	size_t most;
	mode_t forbidden;
};
enum sr_code sr_guarded_read(const char *path, const struct sr_guard *guard, uint8_t **out, size_t *size,
			     struct sr_error *err) SR_MUST_USE;

/*
 * Put `size` bytes at `path`, mode 0600: written to "PATH.new", synced, renamed, directory synced, so that after any
 * crash either the old or the new file is there, whole. One writer at a time. SR_IO or SR_NO_SPACE: the old file
 * stands, and "PATH.new" is gone; if only the directory's sync failed, the new file may stand.
 */
enum sr_code sr_guarded_replace(const char *path, const uint8_t *data, size_t size, struct sr_error *err) SR_MUST_USE;

/*
 * Make a file that must not exist, mode 0600, synced with its directory. SR_CONFLICT if `path` exists; SR_IO or
 * SR_NO_SPACE: it is gone again.
 */
enum sr_code sr_guarded_create(const char *path, const uint8_t *data, size_t size, struct sr_error *err) SR_MUST_USE;

#endif
