/*
 * Reading what the disk has of a data file, where the page cache may say otherwise: after a sync that failed.
 */
#include "data/blob_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGNMENT 4096
#define PIECE (256 * 1024)

/* Up to PIECE bytes of the file into the aligned `piece`; how many, 0 at its end, -1 with errno. */
static ssize_t read_piece(int fd, uint64_t position, uint8_t *piece)
{
	ssize_t got = TEMP_FAILURE_RETRY(pread(fd, piece, PIECE, (off_t)position));
	int flags;

	/* Some file systems take O_DIRECT and then no read; and a mapping's old failure may be reported just here. */
	if (got >= 0 || (flags = fcntl(fd, F_GETFL)) < 0 || !(flags & O_DIRECT))
		return got;
	if (fcntl(fd, F_SETFL, flags & ~O_DIRECT) != 0)
		return -1;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return TEMP_FAILURE_RETRY(pread(fd, piece, PIECE, (off_t)position));
}

static enum sr_code read_all(int fd, uint64_t position, uint8_t *out, size_t size, struct sr_error *err)
{
	uint8_t *piece = aligned_alloc(ALIGNMENT, PIECE);
	enum sr_code code = SR_OK;
	size_t done = 0;

	if (piece == NULL)
		return SR_FAIL_MEMORY(err);
	while (code == SR_OK && done < size) {
		ssize_t got = read_piece(fd, position + done, piece);
		size_t now = size - done < PIECE ? size - done : PIECE;

		if (got < 0) {
			code = SR_FAIL(err, SR_IO, "reading a blob from the disk: %s", strerrordesc_np(errno));
		} else if ((size_t)got < now) {
			code = SR_FAIL(err, SR_CORRUPT, "a blob is shorter on the disk than what is committed of it");
		} else {
			memcpy(out + done, piece, now);
			done += now;
		}
	}
	free(piece);
	return code;
}

enum sr_code sr_blob_read_disk(struct sr_blobs *blobs, const struct sr_blob_name *name, uint64_t position, uint8_t *out,
			       size_t size, struct sr_error *err)
{
	uint64_t length;
	int fd, flags;
	enum sr_code code = sr_blob_read_open(blobs, name, &fd, &length, err);

	if (code != SR_OK)
		return code;
	if (position % ALIGNMENT != 0) {
		code = SR_FAIL(err, SR_INTERNAL, "a blob is read from the disk at a wrong place");
	} else if (position > length || size > length - position) {
		code = SR_FAIL(err, SR_CORRUPT, "a blob is shorter than what is committed of it");
	} else {
		flags = fcntl(fd, F_GETFL);
		if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) != 0)
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		code = read_all(fd, position, out, size, err);
	}
	(void)close(fd);
	return code;
}
