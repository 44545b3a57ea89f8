/*
 * The audit log's sealer beside those who append: the record file has room before there is need, else takes it by one
 * at a time; and who waits for a processor goes before what nobody waits for.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "account/audit_internal.h"
#include "account/run.h"
#include "audit_world.h"
#include "data/thread.h"

#define LARGE 50000

/* ---- calls that are counted, held up, and fail when told to ---- */

static _Thread_local bool appends; /* this thread, that is; the other that takes room is the sealer */
static _Atomic long taken_here, taken_ahead, gave_way;
static _Atomic bool no_space, no_sync, held, together;
static sem_t came, go;

int fallocate(int fd, int mode, off_t at, off_t size)
{
	static _Atomic int inside;
	if (atomic_fetch_add(&inside, 1) > 0)
		atomic_store(&together, true);
	atomic_fetch_add(appends ? &taken_here : &taken_ahead, 1);
	if (!appends && atomic_load(&held)) {
		(void)sem_post(&came);
		(void)sem_wait(&go);
	}
	int result = -1;
	if (atomic_load(&no_space))
		errno = ENOSPC;
	else
		result = (int)syscall(SYS_fallocate, fd, mode, at, size);
	atomic_fetch_sub(&inside, 1);
	return result;
}

/* Of the record file alone, which is the only large one. */
int fdatasync(int fd)
{
	struct stat st = {.st_size = 0};
	if (appends || !atomic_load(&no_sync) || fstat(fd, &st) != 0 || st.st_size < SR_RECORDS_STEP)
		return (int)syscall(SYS_fdatasync, fd);
	errno = EIO;
	return -1;
}

int sched_yield(void)
{
	if (!appends)
		atomic_fetch_add(&gave_way, 1);
	return (int)syscall(SYS_sched_yield);
}

/* ---- a log that fills ---- */

static struct sr_audit *begin(void)
{
	world_make();
	struct sr_audit *audit = world_open();
	appends = true;
	atomic_store(&taken_here, 0);
	atomic_store(&taken_ahead, 0);
	return audit;
}

static void append(struct sr_audit *audit)
{
	static char text[LARGE + 1];
	struct sr_error err = {.text = ""};
	memset(text, 'x', LARGE);
	struct sr_audit_entry entry = {.kind = SR_AUDIT_CONTROL, .operation = "freeze", .text = text};
	cr_assert_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, &err), SR_OK, "%s", err.text);
}

/* Is there still something that the sealer has to do about room? */
static bool unsettled(struct sr_audit *audit)
{
	pthread_mutex_lock(&audit->lock);
	bool any = audit->growing || sr_audit_room_short(audit);
	pthread_mutex_unlock(&audit->lock);
	return any;
}

static void settle(struct sr_audit *audit)
{
	const struct timespec until = sr_thread_deadline(10000);
	struct timespec now = {0};
	while (unsettled(audit) && now.tv_sec < until.tv_sec) {
		(void)sched_yield();
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	}
	cr_assert_not(unsettled(audit), "the sealer takes no room, or has no end of trying");
}

static void expect_whole(struct sr_audit *audit, uint64_t size)
{
	cr_expect_eq(sr_audit_size(audit), size);
	sr_audit_close(audit);
	audit = world_open();
	cr_expect_eq(sr_audit_size(audit), size);
	sr_audit_close(audit);
	cr_expect_eq(world_checkpoint(get_file("audit/checkpoint", NULL)).size, size);
}

TestSuite(audit_sealer, .fini = place_remove, .timeout = 120);

Test(audit_sealer, who_appends_finds_room)
{
	struct sr_audit *audit = begin();
	for (unsigned at = 0; at < 100 && atomic_load(&taken_here) == 0; at++) {
		append(audit);
		settle(audit);
	}
	cr_expect_eq(atomic_load(&taken_here), 0);
	cr_expect_eq(atomic_load(&taken_ahead), 100 * LARGE / SR_RECORDS_STEP + 1);
	cr_expect_geq(audit->allocated, audit->end + audit->reserve + SR_RECORDS_STEP / 2);
	expect_whole(audit, 100);
}

/* ---- one at a time ---- */

static _Atomic pid_t appender;

static void *append_much(void *context)
{
	appends = true;
	atomic_store(&appender, gettid());
	for (unsigned at = 0; at < 40; at++)
		append(context);
	return NULL;
}

/* Does the thread wait, neither for a processor nor for the disk? */
static bool sleeps(pid_t thread)
{
	char path[64], line[256] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	(void)!read(fd, line, sizeof line - 1);
	(void)close(fd);
	const char *state = strrchr(line, ')');
	return state && strncmp(state, ") S", 3) == 0;
}

Test(audit_sealer, who_finds_none_waits_for_the_one_that_takes_some)
{
	pthread_t thread;
	cr_assert_eq(sem_init(&came, 0, 0), 0);
	cr_assert_eq(sem_init(&go, 0, 0), 0);
	struct sr_audit *audit = begin();
	atomic_store(&held, true);
	while (sem_trywait(&came) != 0)
		if (unsettled(audit))
			(void)sched_yield();
		else
			append(audit);
	uint64_t before = sr_audit_size(audit);
	cr_assert_eq(pthread_create(&thread, NULL, append_much, audit), 0);
	for (unsigned quiet = 0; quiet < 200 && !atomic_load(&together);) {
		bool waits = atomic_load(&appender) != 0 && sleeps(atomic_load(&appender));
		quiet = waits ? quiet + 1 : 0;
		(void)sched_yield();
	}
	cr_expect_lt(sr_audit_size(audit), before + 40);
	cr_expect_eq(atomic_load(&taken_here), 0);
	atomic_store(&held, false);
	(void)sem_post(&go);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect_not(atomic_load(&together), "two have the file grow at once");
	expect_whole(audit, before + 40);
}

/* ---- none to be had ---- */

/* It was tried once and not again, and nobody noticed; once somebody has found room that needed it, it is tried again.
 */
static void fail_ahead(_Atomic bool *what)
{
	struct sr_audit *audit = begin();
	uint64_t before = audit->allocated, count = 0;
	atomic_store(what, true);
	for (; atomic_load(&taken_ahead) == 0; count++) {
		append(audit);
		settle(audit);
	}
	cr_assert_leq(count, SR_RECORDS_STEP / LARGE);
	append(audit);
	cr_expect_eq(sr_audit_seal(audit, NULL), SR_OK);
	append(audit);
	count += 2;
	cr_expect_eq(atomic_load(&taken_ahead), 1);
	cr_expect_eq(audit->allocated, before);
	cr_expect_eq(sr_audit_ready(audit), SR_OK);
	atomic_store(what, false);
	for (; atomic_load(&taken_here) == 0; count++)
		append(audit);
	for (; atomic_load(&taken_ahead) == 1; count++) {
		append(audit);
		settle(audit);
	}
	cr_expect_eq(atomic_load(&taken_here), 1);
	expect_whole(audit, count);
}

Test(audit_sealer, a_full_disk_is_asked_once)
{
	fail_ahead(&no_space);
}

Test(audit_sealer, room_that_is_not_synced_is_none)
{
	fail_ahead(&no_sync);
}

/* A reserve that the disk has not, asked for at a start: the sealer does not take what there is instead. */
Test(audit_sealer, a_reserve_that_cannot_be_is_not_begun)
{
	world_make();
	struct sr_audit_options options = world_options();
	struct sr_audit *audit;
	options.reserve = 8 * SR_RECORDS_STEP;
	atomic_store(&no_space, true);
	cr_assert_eq(sr_audit_open(&options, &audit, NULL), SR_OK);
	atomic_store(&no_space, false);
	cr_expect_eq(sr_audit_seal(audit, NULL), SR_OK);
	cr_expect_not(unsettled(audit));
	cr_expect_eq(audit->allocated, SR_RECORDS_FRONT + 65536 + SR_RECORDS_STEP);
	sr_audit_close(audit);
}

/* Somebody has put another record file there, as when a copy is put back under a daemon that serves. */
Test(audit_sealer, another_file_in_its_place_is_left_alone)
{
	char kept[256];
	struct stat st;
	struct sr_audit *audit = begin();
	snprintf(kept, sizeof kept, "%s", at_place("audit/kept"));
	cr_assert_eq(rename(at_place("audit/records"), kept), 0);
	put_file("audit/records", "another", 7, 0600);
	uint64_t before = audit->allocated, count = 0;
	for (; !unsettled(audit) && !audit->ahead_failed; count++)
		append(audit);
	settle(audit);
	cr_expect_eq(audit->allocated, before);
	cr_expect_eq(stat(at_place("audit/records"), &st), 0);
	cr_expect_eq(st.st_size, 7);
	cr_assert_eq(rename(kept, at_place("audit/records")), 0);
	expect_whole(audit, count);
}

/* ---- who goes first ---- */

/* Each entry is larger than what is done before others go first. */
Test(audit_sealer, what_nobody_waits_for_lets_others_go_first)
{
	enum { ENTRIES = 10 };
	struct sr_audit *audit = begin();
	for (unsigned at = 0; at < ENTRIES; at++)
		append(audit);
	cr_assert_eq(sr_audit_seal(audit, NULL), SR_OK);
	cr_expect_geq(atomic_load(&gave_way), ENTRIES);
	sr_audit_close(audit);
}

Test(audit_sealer, a_search_run_lets_others_go_first)
{
	struct sr_audit *audit;
	char path[SR_TILE_PATH_MAX];
	world_make();
	struct sr_audit_options options = world_options();
	options.not_synced = true;
	cr_assert_eq(sr_audit_open(&options, &audit, NULL), SR_OK);
	appends = true;
	world_fill(audit, 0, SR_RUN_ENTRIES - 1);
	cr_assert_eq(sr_audit_seal(audit, NULL), SR_OK);
	long before = atomic_load(&gave_way);
	world_fill(audit, SR_RUN_ENTRIES - 1, SR_RUN_ENTRIES);
	sr_run_path(path, 0);
	while (faccessat(audit->dir, path, F_OK, 0) != 0)
		(void)sched_yield();
	/* An entry has more than 100 bytes, and sorting them all passes over them more often than once. */
	cr_expect_geq(atomic_load(&gave_way) - before, SR_RUN_ENTRIES * 100 / 16384 + SR_RUN_ENTRIES * 8 * 2 / 16384);
	sr_audit_close(audit);
}
