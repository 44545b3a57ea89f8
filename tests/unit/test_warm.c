/*
 * A stretch of a file brought into the page cache: what is not there is noticed wherever it lies, and is there
 * afterwards.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/warm.h"

/* Without one byte on the disk; larger than what is looked at in one system call. */
#define SIZE (12u << 20)
#define HOLE (1u << 20)

static int file;

static void set_up(void)
{
	char name[] = "/tmp/sealreel-warm-XXXXXX";
	file = mkstemp(name);
	cr_assert_geq(file, 0);
	cr_assert_eq(unlink(name), 0);
	cr_assert_eq(ftruncate(file, SIZE), 0);
}

static void tear_down(void)
{
	cr_assert_eq(close(file), 0);
}

TestSuite(warm, .init = set_up, .fini = tear_down);

/* True if the page of byte `at` lies in the page cache, as the kernel tells. */
static bool resident(uint64_t at)
{
	unsigned char page = 0;
	uint64_t start = at - at % (uint64_t)sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, (off_t)start);
	cr_assert_neq(map, MAP_FAILED);
	cr_assert_eq(mincore(map, 1, &page), 0);
	cr_assert_eq(munmap(map, 1), 0);
	return page & 1;
}

/* The kernel may take a page out again at any moment, though it seldom does. */
static void bring_in(void)
{
	for (int tries = 0; tries < 100; tries++)
		if (sr_blob_warm(file, 0, SIZE))
			return;
	cr_assert_fail("never is all of it there");
}

/* Out of the cache, with all of its pages; false where nothing can be taken out, as in a file system of memory. */
static bool cool(uint64_t at, size_t size)
{
	cr_assert_eq(posix_fadvise(file, (off_t)at, (off_t)size, POSIX_FADV_DONTNEED), 0);
	return !resident(at) && !resident(at + size - 1);
}

Test(warm, what_is_not_there_is_noticed_wherever_it_lies)
{
	for (uint64_t at = 0; at < SIZE; at += HOLE) {
		bring_in();
		if (!cool(at, HOLE))
			cr_skip_test("nothing can be taken out of this file system's cache");
		cr_assert_not(sr_blob_warm(file, 0, SIZE), "%llu", (unsigned long long)at);
		for (uint64_t byte = at; byte < at + HOLE; byte += 4096)
			cr_assert(resident(byte), "%llu", (unsigned long long)byte);
	}
}

Test(warm, no_more_is_looked_at_than_the_stretch)
{
	bring_in();
	if (!cool(0, HOLE) || !cool(SIZE - HOLE, HOLE))
		cr_skip_test("nothing can be taken out of this file system's cache");
	cr_assert(sr_blob_warm(file, HOLE, SIZE - 2 * HOLE));
	cr_assert(sr_blob_warm(file, HOLE + 5, 1), "a stretch may begin anywhere");
	cr_assert_not(sr_blob_warm(file, HOLE - 1, 2), "its first byte lies in the page before");
	cr_assert_not(sr_blob_warm(file, SIZE - HOLE - 1, 2), "its last byte lies in the page behind");
}

Test(warm, a_descriptor_that_cannot_be_mapped_is_not_warm)
{
	cr_assert_not(sr_blob_warm(-1, 0, 1));
}
