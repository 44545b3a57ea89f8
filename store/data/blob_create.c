/*
 * The making of the blobs' directories, once in a store's life.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "data/blob_name.h"
#include "data/directory.h"

#define INODES_LEAST 1000000u
#define INODES_WANTED 10000000u

/* Directories under `root`, the first `count` of them, taken away again. */
static void unmake_fans(int root, unsigned count)
{
	char fan[SR_BLOB_FAN];

	while (count-- > 0) {
		sr_blob_fan(count, fan);
		(void)unlinkat(root, fan, AT_REMOVEDIR);
	}
}

static enum sr_code make_fans(int root, struct sr_error *err)
{
	char fan[SR_BLOB_FAN];

	for (unsigned i = 0; i < SR_BLOB_FANOUT; i++) {
		sr_blob_fan(i, fan);
		if (mkdirat(root, fan, 0700) == 0)
			continue;
		(void)SR_FAIL(err, errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO, "blob directory %s: %s",
			      fan, strerrordesc_np(errno));
		unmake_fans(root, i);
		return errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO;
	}
	return SR_OK;
}

/* Can the file system hold a store's files? SR_OK with a text in *err when it might run short. */
static enum sr_code check_inodes(int root, struct sr_error *err)
{
	struct statvfs found;

	if (fstatvfs(root, &found) != 0)
		return SR_FAIL(err, SR_IO, "the blobs' file system does not answer: %s", strerrordesc_np(errno));
	/* One without a table of inodes reports none at all, and has no such limit. */
	if (found.f_files == 0 || found.f_favail >= INODES_WANTED)
		return SR_OK;
	return SR_FAIL(err, found.f_favail < INODES_LEAST ? SR_NO_SPACE : SR_OK,
		       "the blobs' file system can hold only %llu more files", (unsigned long long)found.f_favail);
}

enum sr_code sr_blobs_create(const char *path, struct sr_error *err)
{
	enum sr_code code;
	int root;

	if (mkdir(path, 0700) != 0) {
		enum sr_code why = errno == EEXIST ? SR_CONFLICT : errno == ENOSPC ? SR_NO_SPACE : SR_IO;

		return SR_FAIL(err, why, "%s: %s", path, strerrordesc_np(errno));
	}
	root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0) {
		code = SR_FAIL(err, SR_IO, "%s: %s", path, strerrordesc_np(errno));
		goto out;
	}
	code = check_inodes(root, err);
	if (code == SR_OK)
		code = make_fans(root, err);
	if (code != SR_OK)
		goto out;
	/* One syncfs writes a thousand new directories at once; the fsync then asks for errors of the root's own. */
	if (syncfs(root) != 0 || fsync(root) != 0)
		code = SR_FAIL(err, SR_IO, "%s: cannot be synced: %s", path, strerrordesc_np(errno));
	else
		code = sr_directory_sync_parent(path, err);
	if (code != SR_OK)
		unmake_fans(root, SR_BLOB_FANOUT);
out:
	if (root >= 0)
		(void)close(root);
	if (code != SR_OK)
		(void)rmdir(path);
	return code;
}
