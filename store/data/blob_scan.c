/*
 * Reading blobs as a scrub does: what files there are, and their bytes as the disk has them.
 */
#include "data/blob_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/blob_name.h"

/* True for the name of a fan-out directory. */
static bool is_fan(const char *name)
{
	char again[SR_BLOB_FAN];
	char *end;
	unsigned long number = strtoul(name, &end, 16);

	if (number >= SR_BLOB_FANOUT || *end != '\0')
		return false;
	sr_blob_fan((unsigned)number, again);
	return strcmp(again, name) == 0;
}

static void describe(const char *fan, const char *file, const struct stat *found, struct sr_blob_entry *entry)
{
	memset(entry, 0, sizeof *entry);
	entry->named = S_ISREG(found->st_mode) && sr_blob_name_parse(fan, file, &entry->name);
	entry->changed_ms = (uint64_t)found->st_mtim.tv_sec * 1000 + (uint64_t)found->st_mtim.tv_nsec / 1000000;
	(void)snprintf(entry->text, sizeof entry->text, "%s/%.100s", fan, file);
	for (char *at = entry->text; *at; at++)
		if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
			*at = '?';
}

static enum sr_code visit_all(DIR *directory, const char *fan, sr_blob_visit *visit, void *context,
			      struct sr_error *err)
{
	struct sr_blob_entry entry;
	struct dirent *next;
	struct stat found;

	while ((errno = 0, next = readdir(directory)) != NULL) {
		const char *file = next->d_name;

		if (strcmp(file, ".") == 0 || strcmp(file, "..") == 0 || (fan[0] == '.' && is_fan(file)))
			continue;
		/* One that is gone by now was not there throughout. */
		if (fstatat(dirfd(directory), file, &found, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		describe(fan, file, &found, &entry);
		visit(context, &entry);
	}
	return errno == 0 ? SR_OK
			  : SR_FAIL(err, SR_IO, "blob directory %s: reading it: %s", fan, strerrordesc_np(errno));
}

enum sr_code sr_blobs_scan(struct sr_blobs *blobs, unsigned fan, sr_blob_visit *visit, void *context,
			   struct sr_error *err)
{
	char name[SR_BLOB_FAN] = ".";
	enum sr_code code;
	DIR *directory;

	if (fan < SR_BLOB_FANOUT)
		sr_blob_fan(fan, name);
	code = sr_blobs_list_fan(blobs, name, &directory, err);
	if (code != SR_OK)
		return code;
	code = visit_all(directory, name, visit, context, err);
	(void)closedir(directory);
	return code;
}

enum sr_code sr_blob_sweep(int fd, uint64_t position, uint8_t *out, size_t size, struct sr_error *err)
{
	enum sr_code code = SR_OK;
	size_t done = 0;

	(void)posix_fadvise(fd, (off_t)position, (off_t)size, POSIX_FADV_DONTNEED);
	while (code == SR_OK && done < size) {
		ssize_t got = pread(fd, out + done, size - done, (off_t)(position + done));

		if (got > 0)
			done += (size_t)got;
		else if (got == 0)
			code = SR_FAIL(err, SR_CORRUPT, "the file is too short");
		else if (errno != EINTR)
			code = SR_FAIL(err, SR_IO, "reading: %s", strerrordesc_np(errno));
	}
	(void)posix_fadvise(fd, (off_t)position, (off_t)size, POSIX_FADV_DONTNEED);
	return code;
}
