/*
 * fsync of directories by path.
 */
#include "data/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum sr_code sr_directory_sync(const char *path, struct sr_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum sr_code code = SR_OK;

	if (fd < 0 || TEMP_FAILURE_RETRY(fsync(fd)) != 0)
		code = SR_FAIL(err, SR_IO, "%s: cannot be synced: %s", path, strerrordesc_np(errno));
	if (fd >= 0)
		(void)close(fd);
	return code;
}

enum sr_code sr_directory_sync_parent(const char *path, struct sr_error *err)
{
	char parent[PATH_MAX];
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	while (size > 0 && path[size - 1] != '/')
		size--;
	if (size >= sizeof parent)
		return SR_FAIL(err, SR_IO, "the path is too long");
	if (size == 0)
		return sr_directory_sync(".", err);
	memcpy(parent, path, size);
	parent[size] = '\0';
	return sr_directory_sync(parent, err);
}
