/*
 * The flusher: everyone answered once and in order, waiting syncs made one, no two of one blob at a time, and a failed
 * sync told to all it concerns.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "data/flush.h"

#define FDS 256

/* A stand-in for libc's: counts, fails on demand, and can be held up. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool held;            /* every sync waits until this is false */
static unsigned begun;       /* syncs so far */
static unsigned inside[FDS]; /* syncs of each descriptor that are under way */
static bool overlapped;
static int sync_errno;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	int fail;

	pthread_mutex_lock(&lock);
	begun++;
	overlapped |= inside[fd]++ != 0;
	pthread_cond_broadcast(&changed);
	while (held)
		pthread_cond_wait(&changed, &lock);
	fail = sync_errno;
	pthread_mutex_unlock(&lock);
	errno = fail;
	if (fail == 0)
		fail = (int)syscall(SYS_fdatasync, fd);
	pthread_mutex_lock(&lock);
	inside[fd]--;
	pthread_mutex_unlock(&lock);
	return fail == 0 ? 0 : -1;
}

static void hold(bool value)
{
	pthread_mutex_lock(&lock);
	held = value;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_begun(unsigned count)
{
	pthread_mutex_lock(&lock);
	while (begun < count)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static char directory[] = "/tmp/sealreel-flush-XXXXXX";
static struct sr_blobs *blobs;

static int remove_one(const char *name, const struct stat *found, int type, struct FTW *ftw)
{
	(void)found, (void)type, (void)ftw;
	return remove(name);
}

static void make_blobs(void)
{
	struct sr_error err;
	char path[64];

	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(path, sizeof path, "%s/blobs", directory);
	cr_assert_eq(sr_blobs_create(path, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_blobs_open(path, 0, &blobs, &err), SR_OK, "%s", err.text);
}

static void remove_blobs(void)
{
	sr_blobs_close(blobs);
	cr_assert_eq(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

TestSuite(flush, .init = make_blobs, .fini = remove_blobs);

static struct sr_blob *new_blob(uint16_t track)
{
	struct sr_blob_name name = {.recording = {1}, .track = track, .file = 0};
	struct sr_blob *blob;
	struct sr_error err;

	cr_assert_eq(sr_blob_create(blobs, &name, &blob, &err), SR_OK, "%s", err.text);
	cr_assert_eq(sr_blob_append(blob, (const uint8_t *)"bytes", 5, &err), SR_OK, "%s", err.text);
	return blob;
}

/* Who was answered, in order. */
struct answers {
	pthread_mutex_t lock;
	unsigned order[1024];
	size_t count;
	size_t ok;
};

/* One submission. */
struct asked {
	struct answers *answers;
	unsigned number;
	_Atomic unsigned calls;
	enum sr_code result;
};

static void note(void *context, enum sr_code result, const struct sr_error *err)
{
	struct asked *asked = context;
	struct answers *answers = asked->answers;

	cr_assert(result == SR_OK || (err->code == result && err->text[0] != '\0'));
	pthread_mutex_lock(&answers->lock);
	answers->order[answers->count++] = asked->number;
	answers->ok += result == SR_OK;
	pthread_mutex_unlock(&answers->lock);
	asked->result = result;
	atomic_fetch_add(&asked->calls, 1);
}

Test(flush, takes_1_to_16_threads)
{
	for (unsigned threads = 0; threads <= 17; threads++) {
		struct sr_flusher *flusher = sr_flusher_new(threads);

		cr_assert_eq(flusher != NULL, threads >= 1 && threads <= 16, "%u threads", threads);
		sr_flusher_free(flusher);
	}
}

Test(flush, everyone_is_answered_once)
{
	enum { BLOBS = 8, EACH = 100 };
	static struct asked asked[BLOBS * EACH];
	static struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct sr_blob *made[BLOBS];
	unsigned last[BLOBS] = {0};

	for (unsigned threads = 1; threads <= 4; threads++) {
		struct sr_flusher *flusher = sr_flusher_new(threads);

		cr_assert_not_null(flusher);
		answers.count = answers.ok = 0;
		for (uint16_t i = 0; i < BLOBS; i++)
			made[i] = new_blob((uint16_t)(threads * BLOBS + i));
		for (unsigned i = 0; i < BLOBS * EACH; i++) {
			asked[i] = (struct asked){.answers = &answers, .number = i};
			cr_assert_eq(sr_flush(flusher, made[i % BLOBS], note, &asked[i]), SR_OK);
		}
		sr_flusher_free(flusher);
		cr_assert_eq(answers.count, BLOBS * EACH);
		cr_assert_eq(answers.ok, BLOBS * EACH);
		for (unsigned i = 0; i < BLOBS * EACH; i++)
			cr_assert_eq(atomic_load(&asked[i].calls), 1);
		/* Those of one blob in the order they were submitted. */
		for (unsigned i = 0; i < BLOBS; i++)
			last[i] = 0;
		for (unsigned i = 0; i < BLOBS * EACH; i++) {
			unsigned number = answers.order[i];

			cr_assert_geq(number + 1, last[number % BLOBS], "answered out of order");
			last[number % BLOBS] = number + 1;
		}
		for (unsigned i = 0; i < BLOBS; i++)
			sr_blob_close(made[i]);
	}
	cr_assert_not(overlapped);
}

Test(flush, syncs_of_a_blob_come_one_after_another)
{
	static struct asked asked[52];
	static struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct sr_flusher *flusher = sr_flusher_new(3);
	struct sr_blob *blob = new_blob(1), *other = new_blob(2);

	for (unsigned i = 0; i < 52; i++)
		asked[i] = (struct asked){.answers = &answers, .number = i};
	hold(true);
	cr_assert_eq(sr_flush(flusher, blob, note, &asked[0]), SR_OK);
	wait_begun(1);
	/* That sync may have missed what these are about: each has one that begins after it. */
	for (unsigned i = 1; i < 51; i++)
		cr_assert_eq(sr_flush(flusher, blob, note, &asked[i]), SR_OK);
	/* Who has come to this one, behind them all, has passed them. */
	cr_assert_eq(sr_flush(flusher, other, note, &asked[51]), SR_OK);
	wait_begun(2);
	cr_assert_not(overlapped);
	hold(false);
	sr_flusher_free(flusher);
	cr_assert_eq(answers.count, 52);
	cr_assert_eq(begun, 52);
	for (unsigned i = 0, next = 0; i < 52; i++)
		if (answers.order[i] != 51)
			cr_assert_eq(answers.order[i], next++);
	cr_assert_not(overlapped);
	sr_blob_close(blob);
	sr_blob_close(other);
}

Test(flush, blobs_do_not_wait_for_one_another)
{
	static struct asked asked[3];
	static struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct sr_flusher *flusher = sr_flusher_new(2);
	struct sr_blob *first = new_blob(1), *second = new_blob(2);

	for (unsigned i = 0; i < 3; i++)
		asked[i] = (struct asked){.answers = &answers, .number = i};
	hold(true);
	cr_assert_eq(sr_flush(flusher, first, note, &asked[0]), SR_OK);
	wait_begun(1);
	/* The first in the queue cannot begin; the one behind it can. */
	cr_assert_eq(sr_flush(flusher, first, note, &asked[1]), SR_OK);
	cr_assert_eq(sr_flush(flusher, second, note, &asked[2]), SR_OK);
	wait_begun(2);
	hold(false);
	sr_flusher_free(flusher);
	cr_assert_eq(begun, 3);
	cr_assert_not(overlapped);
	cr_assert_eq(answers.ok, 3);
	sr_blob_close(first);
	sr_blob_close(second);
}

Test(flush, a_failed_sync_is_told_to_all_and_for_good)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT};
	static struct asked asked[5];
	static struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER};

	for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
		struct sr_flusher *flusher = sr_flusher_new(2);
		struct sr_blob *bad = new_blob((uint16_t)(2 * e)), *good = new_blob((uint16_t)(2 * e + 1));
		struct sr_error err;
		unsigned before;

		begun = 0;
		for (unsigned i = 0; i < 5; i++)
			asked[i] = (struct asked){.answers = &answers, .number = i};
		hold(true);
		sync_errno = errors[e];
		cr_assert_eq(sr_flush(flusher, bad, note, &asked[0]), SR_OK);
		wait_begun(1);
		for (unsigned i = 1; i < 4; i++)
			cr_assert_eq(sr_flush(flusher, bad, note, &asked[i]), SR_OK);
		hold(false);
		sr_flusher_free(flusher);
		for (unsigned i = 0; i < 4; i++)
			cr_assert_eq(asked[i].result, SR_IO);
		/* The kernel would say yes now, and it would not be true. */
		sync_errno = 0;
		before = begun;
		cr_assert_eq(before, 1, "a file that failed was synced again");
		cr_assert_eq(sr_blob_sync(bad, &err), SR_IO);
		cr_assert_eq(sr_blob_append(bad, (const uint8_t *)"more", 4, &err), SR_IO);
		cr_assert_eq(sr_blob_position(bad), 5);
		cr_assert_eq(begun, before);
		cr_assert_eq(sr_blob_sync(good, &err), SR_OK);
		sr_blob_close(bad);
		sr_blob_close(good);
	}
}

/* Submits the next sync out of `done`, and closes the blob after the last. */
struct chain {
	struct sr_flusher *flusher;
	struct sr_blob *blob;
	unsigned left;
};

static void flush_again(void *context, enum sr_code result, const struct sr_error *err)
{
	struct chain *chain = context;

	(void)err;
	cr_assert_eq(result, SR_OK);
	if (--chain->left == 0)
		sr_blob_close(chain->blob);
	else
		cr_assert_eq(sr_flush(chain->flusher, chain->blob, flush_again, chain), SR_OK);
}

Test(flush, done_may_submit_and_close)
{
	struct sr_flusher *flusher = sr_flusher_new(4);
	struct chain chains[3];

	for (uint16_t i = 0; i < 3; i++) {
		chains[i] = (struct chain){.flusher = flusher, .blob = new_blob(i), .left = 10};
		cr_assert_eq(sr_flush(flusher, chains[i].blob, flush_again, &chains[i]), SR_OK);
	}
	sr_flusher_free(flusher);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(chains[i].left, 0);
	cr_assert_eq(begun, 30);
	sr_flusher_free(NULL);
}
