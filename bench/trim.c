/*
 * bench-trim: lets a small disk do for a long run. Until it is ended, gives the file system back what is long since
 * synced of blobs that nobody will read again; their sizes stay, and whoever writes them does not notice.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define TAIL ((off_t)8 << 20) /* what stays of each: more than is on its way to the disk */
#define PAUSE_S 5

/* The names of files that stay whole begin with these ids. */
struct kept {
	size_t count;
	char (*ids)[SR_ID_TEXT];
};

static void read_kept(struct kept *kept, const char *path)
{
	char line[SR_ID_TEXT + 1] = {0};
	FILE *file = fopen(path, "re");
	if (!file)
		bench_die("%s cannot be read", path);
	kept->count = 0;
	while (fgets(line, sizeof line, file)) {
		char(*ids)[SR_ID_TEXT] = realloc(kept->ids, (kept->count + 1) * sizeof *ids);
		if (!ids)
			bench_die("memory is used up");
		kept->ids = ids;
		line[SR_ID_TEXT - 1] = '\0';
		memcpy(ids[kept->count++], line, SR_ID_TEXT);
	}
	(void)fclose(file);
}

static bool is_kept(const struct kept *kept, const char *name)
{
	for (size_t at = 0; at < kept->count; at++)
		if (strncmp(name, kept->ids[at], SR_ID_TEXT - 1) == 0)
			return true;
	return false;
}

static void trim_file(int directory, const char *name)
{
	struct stat status;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode) ||
	    (off_t)status.st_blocks * 512 <= 2 * TAIL)
		return;
	int file = openat(directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0 ||
	    fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (status.st_size - TAIL) & ~(off_t)4095) != 0)
		bench_die("%s cannot be trimmed", name);
	(void)close(file);
}

static void trim_directory(const struct kept *kept, int parent, const char *path)
{
	int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	if (!directory)
		bench_die("%s cannot be read", path);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_DIR)
			trim_directory(kept, fd, entry->d_name);
		else if (!is_kept(kept, entry->d_name))
			trim_file(fd, entry->d_name);
	}
	(void)closedir(directory);
}

int main(int argc, char **argv)
{
	const struct timespec pause = {PAUSE_S, 0};
	struct kept kept = {0};
	if (argc != 3)
		bench_die("usage: bench-trim BLOBS-DIRECTORY FILE-OF-KEPT-IDS");
	while (true) {
		read_kept(&kept, argv[2]);
		trim_directory(&kept, AT_FDCWD, argv[1]);
		(void)nanosleep(&pause, NULL);
	}
}
