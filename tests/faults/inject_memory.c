/*
 * Allocations, which fail where the plan says so. Whatever a C library's function allocates for itself comes here too.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"

/* The C library's own, by the names that it has for them where they are replaced. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool fails(const void *caller)
{
	if (!sr_allocation_fails(caller))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *made = fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
	if (!made)
		return ENOMEM;
	*out = made;
	return 0;
}

/* libsodium's guarded memory. What stands for a file is no allocation. */
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if ((flags & MAP_ANONYMOUS) && fails(__builtin_return_address(0)))
		return MAP_FAILED;
	/* The address comes back as a number. */
	return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}
