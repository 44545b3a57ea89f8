/*
 * Bringing a stretch of a data file into the page cache, on a thread that may wait, before the event loop sends it.
 */
#include "data/warm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define LOOK_PAGES 1024 /* that are looked at in one system call */

/* True if every page of the mapping is in memory, read whole. False also where the kernel does not say. */
static bool is_warm(uint8_t *map, size_t length, size_t page)
{
	unsigned char resident[LOOK_PAGES];
	for (size_t at = 0; at < length; at += LOOK_PAGES * page) {
		size_t part = length - at < LOOK_PAGES * page ? length - at : LOOK_PAGES * page;
		size_t pages = (part + page - 1) / page;
		if (mincore(map + at, part, resident) != 0)
			return false;
		for (size_t each = 0; each < pages; each++)
			if (!(resident[each] & 1))
				return false;
	}
	return true;
}

bool sr_blob_warm(int fd, uint64_t position, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t start = position - position % page;
	size_t length = (size_t)(position + size - start);
	uint8_t *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)start);
	if (map == MAP_FAILED)
		return false;
	/* Populating maps page by page, which costs a third of what sending does: not for what lies there already. */
	bool warm = is_warm(map, length, page);
	if (!warm) {
		(void)posix_fadvise(fd, (off_t)start, (off_t)length, POSIX_FADV_WILLNEED);
		/* A mapping that is populated is read whole; where the kernel cannot, sending reads it then. */
		(void)madvise(map, length, MADV_POPULATE_READ);
	}
	(void)munmap(map, length);
	return warm;
}
