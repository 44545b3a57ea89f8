/*
 * Removing blobs: all files of a recording at once, found in its directory and not by anybody's account of them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/blob_name.h"

/*
 * Bytes given back at once: no less than the page cache has in one piece (2 MiB where pages are of 4 KiB), as the
 * kernel zeroes what is left of a piece, and a slow client's socket may still refer to it.
 */
#define STEP (2 << 20)

/* What is to go, and what of it is not. */
struct choice {
	const uint8_t *recording;
	const struct sr_blob_name *kept;
	size_t count;
};

static bool goes(const struct choice *choice, const struct sr_blob_name *name)
{
	if (memcmp(name->recording, choice->recording, SR_UUID) != 0)
		return false;
	for (size_t at = 0; at < choice->count; at++)
		if (choice->kept[at].track == name->track && choice->kept[at].file == name->file)
			return false;
	return true;
}

/* Ours alone until somebody opens it. */
static bool alone(int fd)
{
	return fcntl(fd, F_GETLEASE) == F_WRLCK;
}

/*
 * Give back what an unlinked file takes, piece by piece. On a disk that is told what it no longer needs to keep
 * (mount's `discard`), a whole recording at once holds up everybody's syncs for milliseconds. Nothing is cut off that
 * has another name, as in a copy made of links. The lease is granted if this system has the file open nowhere else: who
 * still reads it goes on, and the last to close it gives it back. The kernel tells of whoever opens it then (by way of
 * /proc) with a signal: SIGIO would end the process, SIGURG is passed over.
 */
static void give_back(int fd)
{
	struct stat file;

	if (fstat(fd, &file) != 0 || file.st_nlink != 0 || fcntl(fd, F_SETSIG, SIGURG) != 0 ||
	    fcntl(fd, F_SETLEASE, F_WRLCK) != 0)
		return;
	while (file.st_size > STEP && alone(fd)) {
		file.st_size = (file.st_size - 1) / STEP * STEP;
		if (TEMP_FAILURE_RETRY(ftruncate(fd, file.st_size)) != 0)
			return;
	}
}

/* A missing file is removed. */
static bool remove_file(int directory, const char *name)
{
	int fd = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool gone = unlinkat(directory, name, 0) == 0 || errno == ENOENT;
	int why = errno;

	if (fd >= 0 && gone)
		give_back(fd);
	if (fd >= 0)
		(void)close(fd);
	errno = why;
	return gone;
}

static enum sr_code unlink_all(DIR *directory, const char *fan, const struct choice *choice, struct sr_error *err)
{
	struct sr_blob_name name;
	struct dirent *next;

	while ((errno = 0, next = readdir(directory)) != NULL) {
		if (!sr_blob_name_parse(fan, next->d_name, &name) || !goes(choice, &name))
			continue;
		if (!remove_file(dirfd(directory), next->d_name))
			return SR_FAIL(err, SR_IO, "blob directory %s: removing a file: %s", fan,
				       strerrordesc_np(errno));
	}
	return errno == 0 ? SR_OK
			  : SR_FAIL(err, SR_IO, "blob directory %s: reading it: %s", fan, strerrordesc_np(errno));
}

static enum sr_code remove_chosen(struct sr_blobs *blobs, const struct choice *choice, struct sr_error *err)
{
	struct sr_blob_name any = {.track = 1};
	struct sr_blob_label label;
	enum sr_code code;
	DIR *directory;

	memcpy(any.recording, choice->recording, SR_UUID);
	label = sr_blob_label(&any);
	code = sr_blobs_list_fan(blobs, label.fan, &directory, err);
	if (code != SR_OK)
		return code;
	code = unlink_all(directory, label.fan, choice, err);
	/* Also when nothing was there: an earlier removal may have been cut off before its sync. */
	if (code == SR_OK && TEMP_FAILURE_RETRY(fsync(dirfd(directory))) != 0)
		code = SR_FAIL(err, SR_IO, "blob directory %s: syncing it: %s", label.fan, strerrordesc_np(errno));
	(void)closedir(directory);
	return code;
}

enum sr_code sr_blobs_remove_recording(struct sr_blobs *blobs, const uint8_t recording[SR_UUID], struct sr_error *err)
{
	return sr_blobs_remove_others(blobs, recording, NULL, 0, err);
}

enum sr_code sr_blobs_remove_others(struct sr_blobs *blobs, const uint8_t recording[SR_UUID],
				    const struct sr_blob_name *kept, size_t count, struct sr_error *err)
{
	const struct choice choice = {.recording = recording, .kept = kept, .count = count};

	return remove_chosen(blobs, &choice, err);
}
