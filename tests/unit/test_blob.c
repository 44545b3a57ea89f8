/*
 * Blobs: where they lie, what is cut, what is refused, and the free space and inodes they need.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "data/blob.h"

/* Stands in for libc's: 0 leaves what the file system says. */
static struct statvfs told;
static unsigned asked;

__attribute__((visibility("default"))) int fstatvfs(int fd, struct statvfs *out)
{
	(void)fd;
	asked++;
	*out = told;
	return 0;
}

/* Write as little as a kernel may, so that every append is several writes; and fail after so many bytes. */
static size_t write_most;
static size_t write_room = SIZE_MAX;
static bool interrupt;

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *data, size_t size, off_t position)
{
	ssize_t wrote;

	if (interrupt) {
		interrupt = false;
		errno = EINTR;
		return -1;
	}
	if (write_room == 0) {
		errno = ENOSPC;
		return -1;
	}
	if (write_most != 0 && size > write_most)
		size = write_most;
	if (size > write_room)
		size = write_room;
	wrote = syscall(SYS_pwrite64, fd, data, size, position);
	if (wrote > 0 && write_room != SIZE_MAX)
		write_room -= (size_t)wrote;
	return wrote;
}

/* Count syncs of files and directories, and fail the one that `sync_fails` counts down to. */
static unsigned file_syncs, directory_syncs, system_syncs;
static unsigned sync_fails;

static int sync_one(int fd, long call)
{
	struct stat found;

	cr_assert_eq(fstat(fd, &found), 0);
	if (sync_fails != 0 && --sync_fails == 0) {
		errno = EIO;
		return -1;
	}
	if (call == SYS_syncfs)
		system_syncs++;
	else if (S_ISDIR(found.st_mode))
		directory_syncs++;
	else
		file_syncs++;
	return 0;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
	return sync_one(fd, SYS_fsync);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	return sync_one(fd, SYS_fdatasync);
}

__attribute__((visibility("default"))) int syncfs(int fd)
{
	return sync_one(fd, SYS_syncfs);
}

/* What the page cache was told to let go of: from the beginning, and without a gap. */
static uint64_t let_go;

__attribute__((visibility("default"))) int posix_fadvise(int fd, off_t position, off_t size, int advice)
{
	(void)fd;
	if (advice == POSIX_FADV_DONTNEED && (uint64_t)position <= let_go && size > 0)
		let_go = (uint64_t)(position + size);
	return 0;
}

static void forget_syncs(void)
{
	file_syncs = directory_syncs = system_syncs = sync_fails = 0;
}

static char directory[] = "/tmp/sealreel-blob-XXXXXX";
static char path[64];
static struct sr_blobs *blobs;
static struct sr_error err;

/* The last two bytes decide on the directory: 0xfd02 & 0x3ff = 0x102. */
static const struct sr_blob_name name = {
	.recording = {0x01, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x72, 0x34, 0x85, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfd, 0x02},
	.track = 7,
	.file = 65535};
static const char *const file_name = "102/0189abcd-ef01-7234-8567-89abcdeffd02.7.65535";

static int remove_one(const char *file, const struct stat *found, int type, struct FTW *ftw)
{
	(void)found, (void)type, (void)ftw;
	return remove(file);
}

static void make_blobs(void)
{
	told = (struct statvfs){.f_frsize = 4096, .f_bavail = 1000, .f_files = 20000000, .f_favail = 10000000};
	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(path, sizeof path, "%s/blobs", directory);
	cr_assert_eq(sr_blobs_create(path, &err), SR_OK, "%s", err.text);
	cr_assert_eq(err.text[0], '\0', "%s", err.text);
	cr_assert_eq(sr_blobs_open(path, 0, &blobs, &err), SR_OK, "%s", err.text);
}

static void remove_blobs(void)
{
	sr_blobs_close(blobs);
	cr_assert_eq(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

TestSuite(blob, .init = make_blobs, .fini = remove_blobs);

/* The path of the one file these tests are about. */
static const char *file_path(void)
{
	static char full[160];

	(void)snprintf(full, sizeof full, "%s/%s", path, file_name);
	return full;
}

static void write_file(const void *data, size_t size)
{
	int fd = open(file_path(), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, data, size), (ssize_t)size);
	cr_assert_eq(close(fd), 0);
}

static off_t file_size(void)
{
	struct stat found;

	return stat(file_path(), &found) == 0 ? found.st_size : -1;
}

static struct sr_blob *created(void)
{
	struct sr_blob *blob;

	cr_assert_eq(sr_blob_create(blobs, &name, &blob, &err), SR_OK, "%s", err.text);
	return blob;
}

Test(blob, directories_are_made_once_and_private)
{
	struct stat found;
	char fan[96];

	for (unsigned i = 0; i < SR_BLOB_FANOUT; i++) {
		(void)snprintf(fan, sizeof fan, "%s/%03x", path, i);
		cr_assert_eq(stat(fan, &found), 0, "%s", fan);
		cr_assert_eq(found.st_mode, S_IFDIR | 0700u);
	}
	cr_assert_eq(sr_blobs_create(path, &err), SR_CONFLICT);
	(void)snprintf(path, sizeof path, "%s/none/blobs", directory);
	cr_assert_eq(sr_blobs_create(path, &err), SR_IO);
}

Test(blob, few_inodes_are_refused_and_not_many_warned_of)
{
	static const struct {
		fsfilcnt_t files, available;
		enum sr_code code;
		bool warned;
	} cases[] = {
		{20000000, 10000000, SR_OK, false}, {20000000, 9999999, SR_OK, true},
		{20000000, 1000000, SR_OK, true},   {20000000, 999999, SR_NO_SPACE, true},
		{1, 0, SR_NO_SPACE, true},          {0, 0, SR_OK, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stat found;

		(void)snprintf(path, sizeof path, "%s/blobs%zu", directory, i);
		told.f_files = cases[i].files;
		told.f_favail = cases[i].available;
		err = (struct sr_error){0};
		cr_assert_eq(sr_blobs_create(path, &err), cases[i].code, "case %zu", i);
		cr_assert_eq(err.text[0] != '\0', cases[i].warned, "case %zu", i);
		cr_assert_eq(stat(path, &found) == 0, cases[i].code == SR_OK, "case %zu left something", i);
	}
}

Test(blob, directories_are_durable_or_gone)
{
	struct stat found;

	cr_assert(system_syncs == 1 && directory_syncs == 2, "the root's file system, the root, its parent");
	(void)snprintf(path, sizeof path, "%s/other", directory);
	for (unsigned fails = 1; fails <= 3; fails++) {
		forget_syncs();
		sync_fails = fails;
		cr_assert_eq(sr_blobs_create(path, &err), SR_IO, "sync %u", fails);
		cr_assert_eq(stat(path, &found), -1, "sync %u", fails);
	}
}

Test(blob, a_new_name_is_durable_or_gone)
{
	struct sr_blob *blob;

	forget_syncs();
	sr_blob_close(created());
	cr_assert(file_syncs == 1 && directory_syncs == 1);
	cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_OK);
	cr_assert_eq(directory_syncs, 2);
	/* Also when nothing was there: the removal before may have been cut off. */
	cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_OK);
	cr_assert_eq(directory_syncs, 3);
	for (unsigned fails = 1; fails <= 2; fails++) {
		sync_fails = fails;
		cr_assert_eq(sr_blob_create(blobs, &name, &blob, &err), SR_IO, "sync %u", fails);
		cr_assert_null(blob);
		cr_assert_eq(file_size(), -1, "sync %u", fails);
	}
	sync_fails = 1;
	cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_IO);
}

Test(blob, a_sync_reaches_the_file_or_fails_for_good)
{
	struct sr_blob *blob = created();

	forget_syncs();
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"abc", 3, &err), SR_OK);
	cr_assert_eq(file_syncs, 0);
	cr_assert_eq(sr_blob_sync(blob, &err), SR_OK);
	cr_assert_eq(file_syncs, 1);
	sync_fails = 1;
	cr_assert_eq(sr_blob_sync(blob, &err), SR_IO);
	/* What a later sync would say of the lost pages is not asked for. */
	cr_assert_eq(sr_blob_sync(blob, &err), SR_IO);
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"d", 1, &err), SR_IO);
	cr_assert_eq(file_syncs, 1);
	sr_blob_close(blob);
}

Test(blob, what_was_synced_leaves_the_page_cache_but_for_its_end)
{
	static const uint8_t piece[100000];
	const uint64_t end = 1u << 20;
	struct sr_blob *blob = created();

	let_go = 0;
	for (unsigned count = 1; count <= 60; count++) {
		uint64_t before = let_go;
		cr_assert_eq(sr_blob_append(blob, piece, sizeof piece, &err), SR_OK);
		cr_assert_eq(let_go, before, "before its sync");
		cr_assert_eq(sr_blob_sync(blob, &err), SR_OK);
		cr_assert_leq(let_go + end, (let_go ? 0 : end) + count * sizeof piece);
		cr_assert_geq(let_go + 2 * end, count * sizeof piece);
	}
	sync_fails = 1;
	cr_assert_eq(sr_blob_append(blob, piece, sizeof piece, &err), SR_OK);
	uint64_t before = let_go;
	cr_assert_eq(sr_blob_sync(blob, &err), SR_IO);
	cr_assert_eq(let_go, before);
	sr_blob_close(blob);
}

Test(blob, open_wants_a_directory)
{
	struct sr_blobs *other;
	char link[80];

	(void)snprintf(link, sizeof link, "%s/link", directory);
	cr_assert_eq(symlink(path, link), 0);
	cr_assert_eq(sr_blobs_open(link, 0, &other, &err), SR_IO);
	cr_assert_null(other);
	cr_assert_eq(unlink(link), 0);
	cr_assert_eq(sr_blobs_open(link, 0, &other, &err), SR_IO);
}

Test(blob, is_created_exclusively_in_its_place)
{
	struct sr_blob *blob = created(), *second;
	struct stat found;

	cr_assert_eq(stat(file_path(), &found), 0, "%s is not there", file_path());
	cr_assert_eq(found.st_mode, S_IFREG | 0600u);
	cr_assert_eq(sr_blob_position(blob), 0);
	cr_assert_eq(sr_blob_create(blobs, &name, &second, &err), SR_CONFLICT);
	cr_assert_null(second);
	sr_blob_close(blob);
	cr_assert_eq(unlink(file_path()), 0);
	/* Also a link that leads nowhere is somebody's. */
	cr_assert_eq(symlink("/nonexistent", file_path()), 0);
	cr_assert_eq(sr_blob_create(blobs, &name, &second, &err), SR_CONFLICT);
	sr_blob_close(NULL);
}

Test(blob, appends_whatever_the_kernel_takes_at_once)
{
	uint8_t data[5000], back[5000];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	for (write_most = 0; write_most < 40; write_most += 13) {
		struct sr_blob *blob = created();
		size_t done = 0;

		for (size_t size = 0; done + size <= sizeof data; done += size++) {
			interrupt = size % 3 == 0;
			cr_assert_eq(sr_blob_append(blob, data + done, size, &err), SR_OK, "%s", err.text);
			cr_assert_eq(sr_blob_position(blob), done + size);
		}
		cr_assert_eq(sr_blob_sync(blob, &err), SR_OK);
		sr_blob_close(blob);
		cr_assert_eq(file_size(), (off_t)done);
		cr_assert_eq(sr_blob_read(blobs, &name, 0, back, done, &err), SR_OK);
		cr_assert_eq(memcmp(back, data, done), 0);
		cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_OK);
	}
}

Test(blob, a_full_disk_ends_the_blob_and_loses_nothing_committed)
{
	struct sr_blob *blob = created();
	uint8_t back[10];

	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"committed!", 10, &err), SR_OK);
	write_room = 4;
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"not committed", 13, &err), SR_NO_SPACE);
	cr_assert_eq(sr_blob_position(blob), 10);
	write_room = SIZE_MAX;
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"x", 1, &err), SR_IO);
	cr_assert_eq(sr_blob_sync(blob, &err), SR_IO);
	sr_blob_close(blob);
	cr_assert_eq(file_size(), 14);
	cr_assert_eq(sr_blob_append_open(blobs, &name, 10, &blob, &err), SR_OK);
	cr_assert_eq(file_size(), 10);
	sr_blob_close(blob);
	cr_assert_eq(sr_blob_read(blobs, &name, 0, back, 10, &err), SR_OK);
	cr_assert_eq(memcmp(back, "committed!", 10), 0);
}

Test(blob, opening_cuts_to_the_committed_length)
{
	static const uint8_t bytes[] = "0123456789abcdef";
	uint8_t back[17];

	for (uint64_t committed = 0; committed <= 20; committed++) {
		struct sr_blob *blob;
		enum sr_code code;

		write_file(bytes, 16);
		code = sr_blob_append_open(blobs, &name, committed, &blob, &err);
		if (committed > 16) {
			cr_assert_eq(code, SR_CORRUPT);
			cr_assert_null(blob);
			cr_assert_eq(file_size(), 16);
			continue;
		}
		cr_assert_eq(code, SR_OK);
		cr_assert_eq(sr_blob_position(blob), committed);
		cr_assert_eq(file_size(), (off_t)committed, "bytes that were never committed are left");
		cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"Z", 1, &err), SR_OK);
		sr_blob_close(blob);
		cr_assert_eq(file_size(), (off_t)committed + 1);
		cr_assert_eq(sr_blob_read(blobs, &name, 0, back, committed + 1, &err), SR_OK);
		cr_assert_eq(memcmp(back, bytes, committed), 0);
		cr_assert_eq(back[committed], 'Z');
	}
	for (int bit = 5; bit < 64; bit++) {
		struct sr_blob *blob;

		cr_assert_eq(sr_blob_append_open(blobs, &name, UINT64_C(1) << bit, &blob, &err), SR_CORRUPT);
	}
}

Test(blob, reads_only_what_is_there)
{
	static const uint8_t bytes[] = "0123456789";
	uint8_t back[12];

	write_file(bytes, 10);
	for (uint64_t position = 0; position <= 12; position++)
		for (size_t size = 0; size <= 12; size++) {
			enum sr_code code = sr_blob_read(blobs, &name, position, back, size, &err);

			if (position + size > 10)
				cr_assert_eq(code, SR_CORRUPT, "%llu, %zu", (unsigned long long)position, size);
			else
				cr_assert(code == SR_OK && memcmp(back, bytes + position, size) == 0);
		}
	cr_assert_eq(sr_blob_read(blobs, &name, UINT64_MAX, back, 2, &err), SR_CORRUPT);
	cr_assert_eq(sr_blob_read(blobs, &name, (uint64_t)1 << 63, back, 2, &err), SR_CORRUPT);
}

Test(blob, hands_out_a_descriptor_that_only_reads)
{
	uint64_t size = 99;
	int fd;

	write_file("0123456789", 10);
	cr_assert_eq(sr_blob_read_open(blobs, &name, &fd, &size, &err), SR_OK);
	cr_assert_eq(size, 10);
	cr_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(unlink(file_path()), 0);
	cr_assert_eq(sr_blob_read_open(blobs, &name, &fd, &size, &err), SR_CORRUPT);
	cr_assert_eq(fd, -1);
}

/* Everything that opens what must be there says the same of what is not a file. */
static void assert_refused(const char *what)
{
	struct sr_blob *blob;
	uint8_t back[1];
	uint64_t size;
	int fd;

	cr_assert_eq(sr_blob_append_open(blobs, &name, 0, &blob, &err), SR_CORRUPT, "%s", what);
	cr_assert_eq(sr_blob_read(blobs, &name, 0, back, 1, &err), SR_CORRUPT, "%s", what);
	cr_assert_eq(sr_blob_read_open(blobs, &name, &fd, &size, &err), SR_CORRUPT, "%s", what);
}

Test(blob, what_is_no_regular_file_is_refused)
{
	char target[80], fan[80], moved[80];
	struct sr_blob *blob;
	struct stat found;

	assert_refused("missing");
	(void)snprintf(target, sizeof target, "%s/target", directory);
	cr_assert_eq(close(open(target, O_CREAT | O_WRONLY, 0600)), 0);
	cr_assert_eq(truncate(target, 5), 0);
	cr_assert_eq(symlink(target, file_path()), 0);
	assert_refused("a link to a good file");
	cr_assert_eq(unlink(file_path()), 0);
	cr_assert_eq(mkfifo(file_path(), 0600), 0);
	assert_refused("a fifo");
	cr_assert_eq(unlink(file_path()), 0);
	cr_assert_eq(mkdir(file_path(), 0700), 0);
	assert_refused("a directory");
	cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_IO);
	cr_assert_eq(rmdir(file_path()), 0);
	/* The fan-out directory itself, turned into a link to where it was. */
	write_file("0123456789", 10);
	(void)snprintf(fan, sizeof fan, "%s/102", path);
	(void)snprintf(moved, sizeof moved, "%s/moved", directory);
	cr_assert_eq(rename(fan, moved), 0);
	assert_refused("no directory");
	cr_assert_eq(symlink(moved, fan), 0);
	assert_refused("a link to a directory");
	cr_assert_eq(sr_blob_create(blobs, &name, &blob, &err), SR_CORRUPT);
	cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_CORRUPT);
	cr_assert_eq(stat(target, &found), 0);
	cr_assert_eq(found.st_size, 5, "a link was followed");
	cr_assert_eq(file_size(), 10);
}

Test(blob, is_removed_once_or_twice)
{
	sr_blob_close(created());
	cr_assert_eq(file_size(), 0);
	cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_OK);
	cr_assert_eq(file_size(), -1);
	cr_assert_eq(sr_blob_remove(blobs, &name, &err), SR_OK);
	sr_blob_close(created());
}

Test(blob, space_is_what_is_above_the_reserve)
{
	static const struct {
		uint64_t reserve, blocks;
		enum sr_code code;
	} cases[] = {
		{0, 1, SR_OK},          {0, 0, SR_NO_SPACE},    {4096, 1, SR_NO_SPACE},
		{4096, 2, SR_OK},       {4095, 1, SR_OK},       {UINT64_MAX, 1000, SR_NO_SPACE},
		{8192, 2, SR_NO_SPACE}, {0, UINT64_MAX, SR_OK}, {UINT64_MAX, UINT64_MAX, SR_OK},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sr_blobs *other;

		told.f_bavail = cases[i].blocks;
		cr_assert_eq(sr_blobs_open(path, cases[i].reserve, &other, &err), SR_OK);
		cr_assert_eq(sr_blobs_space(other, &err), cases[i].code, "case %zu", i);
		sr_blobs_close(other);
	}
}

Test(blob, space_is_not_asked_for_every_time)
{
	unsigned before = asked;

	for (int i = 0; i < 20000; i++)
		cr_assert_eq(sr_blobs_space(blobs, &err), SR_OK);
	/* However slow this machine is: not more often than every 100 ms of a test that ends within minutes. */
	cr_assert_lt(asked - before, 2000);
	/* And what has changed is noticed. */
	told.f_bavail = 0;
	for (before = asked; asked == before;)
		cr_assert_neq(sr_blobs_space(blobs, &err), SR_IO);
	cr_assert_eq(sr_blobs_space(blobs, &err), SR_NO_SPACE);
}
