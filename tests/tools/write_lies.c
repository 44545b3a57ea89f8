/*
 * For LD_PRELOAD: while the file that SR_WRITE_LIES names exists, the last byte of each write to a file under blobs/ is
 * another than was given, and nobody is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	const char *sign = getenv("SR_WRITE_LIES");
	char link[64], path[4096];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	path[length > 0 ? length : 0] = '\0';
	ssize_t wrote = (ssize_t)syscall(SYS_pwrite64, fd, bytes, size, at);
	if (wrote > 0 && sign && access(sign, F_OK) == 0 && strstr(path, "/blobs/")) {
		unsigned char last = ((const unsigned char *)bytes)[wrote - 1] ^ 1;
		if (syscall(SYS_pwrite64, fd, &last, (size_t)1, at + wrote - 1) != 1)
			abort();
	}
	return wrote;
}
