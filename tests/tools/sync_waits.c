/*
 * For LD_PRELOAD: while the file that SR_SYNC_WAITS names exists, the syncs or the writes of a file wait, as on a disk
 * that hangs for this file alone. It has "sync " or "write " in it, and a part of the file's path; or "log ", for what
 * is written to standard error. Each that begins to wait leaves a byte in a file beside it, of the same name and
 * ".waits".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Is there a sign, and is it for this call of this path? */
static int is_signed(const char *call, const char *path)
{
	char text[256] = "";
	const char *sign = getenv("SR_SYNC_WAITS");
	int fd = sign ? open(sign, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	ssize_t size = read(fd, text, sizeof text - 1);
	(void)close(fd);
	return size > 0 && strncmp(text, call, strlen(call)) == 0 && strstr(path, text + strlen(call)) != NULL;
}

static void tell_waits(void)
{
	char name[4096];
	(void)snprintf(name, sizeof name, "%s.waits", getenv("SR_SYNC_WAITS"));
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "w", 1) != 1)
		abort();
	(void)close(fd);
}

static void wait_while(const char *call, const char *path)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	if (!is_signed(call, path))
		return;
	tell_waits();
	while (is_signed(call, path))
		(void)nanosleep(&pause, NULL);
}

static void wait_for(const char *call, int fd)
{
	char link[64], path[4096];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, sizeof path - 1);
	path[size > 0 ? size : 0] = '\0';
	wait_while(call, path);
}

int fdatasync(int fd)
{
	wait_for("sync ", fd);
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	wait_for("write ", fd);
	return (ssize_t)syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	if (fd == STDERR_FILENO)
		wait_while("log ", "");
	return syscall(SYS_write, fd, bytes, size);
}
