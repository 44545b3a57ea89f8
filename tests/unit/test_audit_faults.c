/*
 * The audit log on a disk that fails: every call in turn, a full disk with its reserve, and what a restart makes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "audit_world.h"

/* ---- calls that fail when told to ---- */

enum call { CALL_NONE, CALL_PWRITE, CALL_FDATASYNC, CALL_FALLOCATE, CALL_RENAME, CALL_WRITE };

static _Atomic int failing;    /* the call that fails */
static _Atomic int error;      /* with what */
static _Atomic long countdown; /* after so many that pass */
static _Atomic bool once;      /* and then never again */
static _Atomic long calls;     /* made since it was armed */

static bool fails(enum call call)
{
	if (atomic_load(&failing) != (int)call)
		return false;
	long made = atomic_fetch_add(&calls, 1);
	if (made < atomic_load(&countdown) || (atomic_load(&once) && made > atomic_load(&countdown)))
		return false;
	errno = atomic_load(&error);
	return true;
}

static void arm(enum call call, int why, long after, bool only_once)
{
	atomic_store(&error, why);
	atomic_store(&countdown, after);
	atomic_store(&once, only_once);
	atomic_store(&calls, 0);
	atomic_store(&failing, (int)call);
}

/* These stand before libc's in this program. A failing write leaves the first half of its bytes. */

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (!fails(CALL_PWRITE))
		return syscall(SYS_pwrite64, fd, bytes, size, at);
	int why = errno;
	(void)!syscall(SYS_pwrite64, fd, bytes, size / 2, at);
	errno = why;
	return -1;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	if (fd > 2 && fails(CALL_WRITE))
		return -1;
	return syscall(SYS_write, fd, bytes, size);
}

int fdatasync(int fd)
{
	return fails(CALL_FDATASYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
	return fails(CALL_FALLOCATE) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, size);
}

int renameat(int from, const char *old, int to, const char *name)
{
	return fails(CALL_RENAME) ? -1 : (int)syscall(SYS_renameat2, from, old, to, name, 0);
}

static void disarm(void)
{
	atomic_store(&failing, CALL_NONE);
	place_remove();
}

TestSuite(audit_faults, .fini = disarm, .timeout = 120);

/* ---- failed writes and syncs ---- */

static void expect_failed_for_good(struct sr_audit *audit, uint64_t size)
{
	struct sr_error err = {.text = ""};
	for (int at = 0; at < 3; at++) {
		cr_expect_eq(world_append(audit, size, &err), SR_IO);
		cr_expect_gt(strlen(err.text), 0);
	}
	struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL, .operation = "freeze"};
	cr_expect_eq(sr_audit_append(audit, &entry, SR_AUDIT_CLOSING, NULL, &err), SR_IO);
	cr_expect_eq(sr_audit_ready(audit), SR_IO);
	cr_expect_eq(sr_audit_size(audit), size);
}

/* Once a write or a sync has failed nothing more is taken, though the disk is well again; after a restart it is. */
static void fail_for_good(enum call call, int why)
{
	world_make();
	struct sr_audit *audit = world_open();
	world_fill(audit, 0, 10);
	cr_assert_eq(sr_audit_seal(audit, NULL), SR_OK);
	arm(call, why, 0, true);
	cr_expect_eq(world_append(audit, 10, NULL), SR_IO);
	expect_failed_for_good(audit, 10);
	sr_audit_close(audit);
	arm(CALL_NONE, 0, 0, false);
	audit = world_open();
	uint64_t size = sr_audit_size(audit);
	cr_expect(size == 10 || size == 11);
	world_fill(audit, size, 20);
	sr_audit_close(audit);
	cr_expect_eq(world_checkpoint(get_file("audit/checkpoint", NULL)).size, 20);
}

Test(audit_faults, a_failed_write_refuses_everything_until_a_restart)
{
	fail_for_good(CALL_PWRITE, EIO);
}

Test(audit_faults, a_failed_sync_refuses_everything_until_a_restart)
{
	fail_for_good(CALL_FDATASYNC, EIO);
}

Test(audit_faults, a_write_without_room_where_room_was_kept_is_a_failure)
{
	fail_for_good(CALL_PWRITE, ENOSPC);
}

/* ---- a full disk ---- */

#define LARGE 50000

static enum sr_code append_large(struct sr_audit *audit, enum sr_audit_class class)
{
	static char text[LARGE + 1];
	memset(text, 'x', LARGE);
	struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL, .operation = "freeze", .text = text};
	return sr_audit_append(audit, &entry, class, NULL, NULL);
}

/* The disk has no more space: ordinary entries end before the reserve, closing ones use it, none comes after. */
Test(audit_faults, the_reserve_is_for_closing_entries)
{
	unsigned ordinary = 0, closing = 0;
	world_make();
	struct sr_audit *audit = world_open();
	arm(CALL_FALLOCATE, ENOSPC, 0, false);
	while (append_large(audit, SR_AUDIT_ORDINARY) == SR_OK)
		ordinary++;
	cr_expect_geq(ordinary, 18); /* what was allocated ahead */
	cr_expect_leq(ordinary, 21);
	cr_expect_eq(sr_audit_ready(audit), SR_NO_SPACE);
	cr_expect_eq(append_large(audit, SR_AUDIT_ORDINARY), SR_NO_SPACE);
	while (append_large(audit, SR_AUDIT_CLOSING) == SR_OK)
		closing++;
	cr_expect(closing == 1 || closing == 2, "%u in a reserve of 64 KiB", closing);
	cr_expect_eq(append_large(audit, SR_AUDIT_CLOSING), SR_NO_SPACE);
	cr_expect_eq(sr_audit_size(audit), ordinary + closing);
	/* Space again: it goes on, and the reserve is kept again, without a restart. */
	arm(CALL_NONE, 0, 0, false);
	cr_expect_eq(append_large(audit, SR_AUDIT_ORDINARY), SR_OK);
	cr_expect_eq(sr_audit_ready(audit), SR_OK);
	sr_audit_close(audit);
	audit = world_open();
	cr_expect_eq(sr_audit_size(audit), ordinary + closing + 1);
	sr_audit_close(audit);
}

/* Where there is room for the first of two alone, neither is taken. */
Test(audit_faults, two_entries_are_refused_together)
{
	static char text[LARGE + 1];
	memset(text, 'x', LARGE);
	struct sr_audit_entry behind = {.kind = SR_AUDIT_CONTROL, .operation = "freeze", .text = text};
	struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL, .operation = "freeze", .behind = &behind};
	world_make();
	struct sr_audit *audit = world_open();
	arm(CALL_FALLOCATE, ENOSPC, 0, false);
	while (append_large(audit, SR_AUDIT_ORDINARY) == SR_OK)
		;
	uint64_t size = sr_audit_size(audit);
	cr_expect_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, NULL), SR_NO_SPACE);
	cr_expect_eq(sr_audit_size(audit), size);
	entry.behind = NULL;
	cr_expect_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, NULL), SR_OK);
	cr_expect_eq(sr_audit_size(audit), size + 1);
	sr_audit_close(audit);
}

/* A start with a full disk and the reserve used up is a start: closing entries have what is left. */
Test(audit_faults, a_full_disk_does_not_keep_the_log_from_opening)
{
	world_make();
	struct sr_audit *audit = world_open();
	arm(CALL_FALLOCATE, ENOSPC, 0, false);
	while (append_large(audit, SR_AUDIT_ORDINARY) == SR_OK)
		;
	cr_expect_eq(append_large(audit, SR_AUDIT_CLOSING), SR_OK);
	uint64_t size = sr_audit_size(audit);
	sr_audit_close(audit);
	audit = world_open();
	cr_expect_eq(sr_audit_ready(audit), SR_NO_SPACE);
	cr_expect_eq(append_large(audit, SR_AUDIT_ORDINARY), SR_NO_SPACE);
	cr_expect_eq(world_append(audit, size, NULL), SR_NO_SPACE);
	sr_audit_close(audit);
}

/* ---- derived files that cannot be written ---- */

/* Appending goes on, the checkpoint stays where it was, and comes when it can. */
static void fail_to_seal(enum call call, int why, long after)
{
	struct sr_error err = {.text = ""};
	world_make();
	struct sr_audit *audit = world_open();
	world_fill(audit, 0, 300);
	cr_assert_eq(sr_audit_seal(audit, NULL), SR_OK);
	world_fill(audit, 300, 600);
	cr_assert_eq(sr_audit_seal(audit, NULL), SR_OK);
	arm(call, why, after, true);
	world_fill(audit, 600, 601);
	arm(call, why, after, true);
	(void)!sr_audit_seal(audit, &err);
	arm(CALL_NONE, 0, 0, false);
	world_fill(audit, 601, 900);
	sr_audit_close(audit);
	cr_expect_eq(world_checkpoint(get_file("audit/checkpoint", NULL)).size, 900);
	audit = world_open();
	cr_expect_eq(sr_audit_size(audit), 900);
	sr_audit_close(audit);
	place_remove();
}

Test(audit_faults, a_checkpoint_that_cannot_be_written_comes_later)
{
	for (long after = 0; after < 6; after += 2) {
		fail_to_seal(CALL_RENAME, EIO, after);
		fail_to_seal(CALL_WRITE, ENOSPC, after);
	}
	place_make();
}

/* ---- making ---- */

Test(audit_faults, a_log_that_cannot_be_made_leaves_nothing)
{
	static const enum call every[] = {CALL_PWRITE, CALL_FDATASYNC, CALL_FALLOCATE, CALL_RENAME, CALL_WRITE};
	cr_assert_geq(sodium_init(), 0);
	place_make();
	struct sr_audit_options options = world_options();
	for (size_t at = 0; at < sizeof every / sizeof *every; at++) {
		arm(every[at], ENOSPC, 0, false);
		enum sr_code code = sr_audit_create(&options, NULL);
		cr_expect(code == SR_NO_SPACE || code == SR_IO, "call %zu", at);
		cr_expect_eq(mode_of("audit"), (mode_t)-1);
		cr_expect_eq(mode_of("audit.new"), (mode_t)-1, "call %zu", at);
	}
	arm(CALL_NONE, 0, 0, false);
	cr_expect_eq(sr_audit_create(&options, NULL), SR_OK);
}

/* The half of a log that a crash left beside its place does not hinder the next making. */
Test(audit_faults, a_making_that_was_cut_short_is_made_again)
{
	cr_assert_geq(sodium_init(), 0);
	place_make();
	struct sr_audit_options options = world_options();
	cr_assert_eq(mkdir(at_place("audit.new"), 0700), 0);
	put_file("audit.new/records", "half", 4, 0600);
	cr_expect_eq(sr_audit_create(&options, NULL), SR_OK);
	sr_audit_close(world_open());
}
