/*
 * For LD_PRELOAD: while the file that SR_SYNC_WAITS names exists, the sync of a file whose path contains what stands in
 * it waits, as on a disk that hangs for this file alone.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Is there a sign, and is it for this path? */
static int is_signed(const char *path)
{
	char part[256] = "";
	const char *sign = getenv("SR_SYNC_WAITS");
	int fd = sign ? open(sign, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	ssize_t size = read(fd, part, sizeof part - 1);
	(void)close(fd);
	return size > 0 && strstr(path, part) != NULL;
}

int fdatasync(int fd)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	char link[64], path[4096];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, sizeof path - 1);
	path[size > 0 ? size : 0] = '\0';
	while (is_signed(path))
		(void)nanosleep(&pause, NULL);
	return (int)syscall(SYS_fdatasync, fd);
}
