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

void sr_blob_warm(int fd, uint64_t position, size_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = position - position % page;
	size_t length = (size_t)(position + size - start);
	(void)posix_fadvise(fd, (off_t)start, (off_t)length, POSIX_FADV_WILLNEED);
	/* A mapping that is populated is read whole; where the kernel cannot, sending reads it then. */
	void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)start);
	if (map == MAP_FAILED)
		return;
	(void)madvise(map, length, MADV_POPULATE_READ);
	(void)munmap(map, length);
}
