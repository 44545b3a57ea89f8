/*
 * Blobs on their way out: given back to the disk little by little, and only by the last who has them.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "data/blob.h"
#include "place.h"

#define STEP (2 << 20)
#define SIZE (3 * STEP + 5)

static const struct sr_blob_name name = {
	.recording = {0x01, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x72, 0x34, 0x85, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfd, 0x02},
	.track = 1,
	.file = 1};

static struct sr_blobs *blobs;
static uint8_t content[SIZE];

/* ---- what is cut off ---- */

static off_t left[8]; /* after each cut */
static unsigned cuts, cuts_fail;
static bool named;  /* when something was cut off, the file had a name */
static bool opened; /* by somebody else when the first was cut off, who was told to come again */
static bool open_it;

int ftruncate(int fd, off_t size)
{
	struct stat file;
	if (cuts_fail > 0) {
		errno = EIO;
		return -1;
	}
	named = named || fstat(fd, &file) != 0 || file.st_nlink != 0;
	if (cuts < sizeof left / sizeof *left)
		left[cuts] = size;
	cuts++;
	if (open_it) {
		char path[64];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		opened = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) == -1 && errno == EWOULDBLOCK;
	}
	return (int)syscall(SYS_ftruncate, fd, size);
}

/* ---- one blob ---- */

static char *file_path(void)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/102/0189abcd-ef01-7234-8567-89abcdeffd02.1.1", at_place("blobs"));
	return path;
}

static void make(void)
{
	struct sr_error err = {.text = ""};
	struct sr_blob *blob;
	place_make();
	cr_assert_eq(sr_blobs_create(at_place("blobs"), &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_blobs_open(at_place("blobs"), 0, &blobs, &err), SR_OK, "%s", err.text);
	for (size_t at = 0; at < SIZE; at++)
		content[at] = (uint8_t)(at * 31 + at / 4096);
	cr_assert_eq(sr_blob_create(blobs, &name, &blob, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_blob_append(blob, content, SIZE, &err), SR_OK, "%s", err.text);
	sr_blob_close(blob);
	cuts = 0;
}

static void unmake(void)
{
	sr_blobs_close(blobs);
	place_remove();
}

static void remove_it(void)
{
	struct sr_error err = {.text = ""};
	cr_assert_eq(sr_blobs_remove_recording(blobs, name.recording, &err), SR_OK, "%s", err.text);
	cr_expect_eq(access(file_path(), F_OK), -1);
}

static void expect_whole(int fd)
{
	static uint8_t got[SIZE + 1];
	cr_expect_eq(pread(fd, got, sizeof got, 0), SIZE);
	cr_expect_eq(memcmp(got, content, SIZE), 0);
	cr_expect_eq(close(fd), 0);
}

TestSuite(blob_remove, .init = make, .fini = unmake);

Test(blob_remove, goes_step_by_step_when_it_has_no_name_any_more)
{
	remove_it();
	cr_expect_eq(cuts, 3);
	for (unsigned at = 0; at < 3; at++)
		cr_expect_eq(left[at], (3 - (off_t)at) * STEP);
	cr_expect_not(named);
}

/* A player, a scrub, a backup. */
Test(blob_remove, who_reads_one_goes_on_reading)
{
	int fd = open(file_path(), O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	remove_it();
	cr_expect_eq(cuts, 0);
	expect_whole(fd);
}

Test(blob_remove, a_copy_made_of_links_stays_whole)
{
	char other[512];
	snprintf(other, sizeof other, "%s", at_place("kept"));
	cr_assert_eq(link(file_path(), other), 0);
	remove_it();
	cr_expect_eq(cuts, 0);
	int fd = open(other, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	expect_whole(fd);
}

Test(blob_remove, what_cannot_be_cut_is_removed_at_once)
{
	cuts_fail = 1;
	remove_it();
	cuts_fail = 0;
	cr_expect_eq(cuts, 0);
}

static volatile sig_atomic_t ended; /* by the signal of a lease, which ends who does not expect it */

static void note_end(int signal)
{
	(void)signal;
	ended = 1;
}

/* By way of /proc alone: it has no name. The kernel's signal about that ends no daemon, and nothing more is cut off. */
Test(blob_remove, who_opens_one_meanwhile_ends_it)
{
	struct sigaction noted = {.sa_handler = note_end};
	cr_assert_eq(sigaction(SIGIO, &noted, NULL), 0);
	open_it = true;
	remove_it();
	open_it = false;
	cr_expect_eq(ended, 0);
	cr_expect_eq(opened, true);
	cr_expect_eq(cuts, 1);
}

/* Looked up before it was unlinked, opened after: it is missing, as a moment later, and no disk has failed. */
Test(blob_remove, who_comes_too_late_finds_none)
{
	struct sr_error err = {.text = ""};
	uint64_t size;
	int fd = open(file_path(), O_WRONLY | O_CLOEXEC), other;
	cr_assert_geq(fd, 0);
	cr_assert_eq(fcntl(fd, F_SETSIG, SIGURG), 0);
	cr_assert_eq(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	cr_expect_eq(sr_blob_read_open(blobs, &name, &other, &size, &err), SR_CORRUPT);
	cr_expect_eq(close(fd), 0);
}
