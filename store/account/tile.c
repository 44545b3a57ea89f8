/*
 * Tiles: their names, their files, and the tree they are made from.
 */
#include "account/tile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TILE_SIZE (SR_TILE_WIDTH * SR_HASH)
#define FRESH "fresh" /* a file that does not have its name yet */

/* ---- names ---- */

void sr_tile_path(char out[SR_TILE_PATH_MAX], int level, uint64_t n, unsigned width)
{
	unsigned groups[8];
	size_t count = 0, used;
	do
		groups[count++] = (unsigned)(n % 1000);
	while (n /= 1000);
	used = (size_t)(level == SR_TILE_ENTRIES ? snprintf(out, SR_TILE_PATH_MAX, "tile/entries/")
						 : snprintf(out, SR_TILE_PATH_MAX, "tile/%d/", level));
	while (count-- > 1)
		used += (size_t)snprintf(out + used, SR_TILE_PATH_MAX - used, "x%03u/", groups[count]);
	used += (size_t)snprintf(out + used, SR_TILE_PATH_MAX - used, "%03u", groups[0]);
	if (width < SR_TILE_WIDTH)
		snprintf(out + used, SR_TILE_PATH_MAX - used, ".p/%u", width);
}

/* How many hashes `level` has in all: the complete subtrees of 256^level leaves. */
static uint64_t level_size(uint64_t size, int level)
{
	return level <= 0 ? size : size >> (8 * level);
}

unsigned sr_tile_width(uint64_t size, int level, uint64_t n)
{
	uint64_t all = level_size(size, level);
	if (n >= (UINT64_MAX >> 8) || all <= n * SR_TILE_WIDTH)
		return 0;
	all -= n * SR_TILE_WIDTH;
	return all < SR_TILE_WIDTH ? (unsigned)all : SR_TILE_WIDTH;
}

/* ---- files ---- */

static enum sr_code fail(const char *path, struct sr_error *err)
{
	return SR_FAIL(err, errno == ENOSPC || errno == EDQUOT ? SR_NO_SPACE : SR_IO,
		       "%s of the audit log cannot be written: %s", path, strerrordesc_np(errno));
}

/* Open the directory `name` in `dir`, made and synced into `dir` if it is not there. -1 with errno. */
static int enter(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if ((mkdirat(dir, name, 0700) != 0 && errno != EEXIST) || fsync(dir) != 0)
		return -1;
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Open the directory that `path` is named in. *name (out) is its last part. -1 with errno. */
static int enter_parent(int dir, const char *path, const char **name)
{
	char part[SR_TILE_PATH_MAX];
	int at = dup(dir);
	const char *slash;
	while (at >= 0 && (slash = strchr(path, '/')) != NULL) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		int next = enter(at, part);
		int why = errno;
		(void)close(at);
		errno = why;
		at = next;
		path = slash + 1;
	}
	*name = path;
	return at;
}

static bool write_fresh(int parent, const void *bytes, size_t size)
{
	int fd = openat(parent, FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	const uint8_t *at = bytes;
	bool done = fd >= 0;
	while (done && size > 0) {
		ssize_t put = TEMP_FAILURE_RETRY(write(fd, at, size));
		done = put > 0;
		at += done ? put : 0;
		size -= done ? (size_t)put : 0;
	}
	done = done && TEMP_FAILURE_RETRY(fdatasync(fd)) == 0;
	int why = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = why;
	return done;
}

enum sr_code sr_tile_write(int dir, const char *path, const void *bytes, size_t size, struct sr_error *err)
{
	const char *name;
	enum sr_code code = SR_OK;
	int parent = enter_parent(dir, path, &name);
	if (parent < 0)
		return fail(path, err);
	if (!write_fresh(parent, bytes, size) || renameat(parent, FRESH, parent, name) != 0 || fsync(parent) != 0) {
		code = fail(path, err);
		/* Its pages may be lost: what is written next is another file. */
		(void)unlinkat(parent, FRESH, 0);
	}
	(void)close(parent);
	return code;
}

void sr_tile_drop_partial(int dir, int level, uint64_t n)
{
	char path[SR_TILE_PATH_MAX];
	const struct dirent *entry;
	sr_tile_path(path, level, n, 1);
	*strrchr(path, '/') = '\0';
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	if (!listing) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((entry = readdir(listing)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(fd, entry->d_name, 0);
	(void)closedir(listing);
	(void)unlinkat(dir, path, AT_REMOVEDIR);
}

/* The first `size` bytes of the file at `path`. SR_NOT_FOUND: it is not there, or shorter. */
static enum sr_code read_front(int dir, const char *path, void *bytes, size_t size, struct sr_error *err)
{
	int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? SR_NOT_FOUND
			       : SR_FAIL(err, SR_IO, "%s of the audit log cannot be read: %s", path,
					 strerrordesc_np(errno));
	ssize_t got = TEMP_FAILURE_RETRY(pread(fd, bytes, size, 0));
	int why = errno;
	(void)close(fd);
	if (got < 0)
		return SR_FAIL(err, SR_IO, "%s of the audit log cannot be read: %s", path, strerrordesc_np(why));
	return (size_t)got == size ? SR_OK : SR_NOT_FOUND;
}

enum sr_code sr_tile_read(int dir, uint64_t size, int level, uint64_t n, uint8_t (*hashes)[SR_HASH],
			  struct sr_error *err)
{
	char path[SR_TILE_PATH_MAX];
	unsigned width = sr_tile_width(size, level, n);
	sr_tile_path(path, level, n, width);
	enum sr_code code = read_front(dir, path, hashes, (size_t)width * SR_HASH, err);
	if (code == SR_NOT_FOUND && width < SR_TILE_WIDTH) {
		/* The log has grown past it, and dropped it. */
		sr_tile_path(path, level, n, SR_TILE_WIDTH);
		code = read_front(dir, path, hashes, (size_t)width * SR_HASH, err);
	}
	return code == SR_NOT_FOUND ? SR_FAIL(err, SR_CORRUPT, "%s of the audit log is missing or cut", path) : code;
}

/* ---- the tree ---- */

enum sr_code sr_tile_add(struct sr_tile_builder *builder, const uint8_t leaf[SR_HASH], sr_tile_filled *filled,
			 void *context, struct sr_error *err)
{
	uint8_t hash[SR_HASH];
	uint64_t number = builder->size++;
	enum sr_code code = SR_OK;
	memcpy(hash, leaf, SR_HASH);
	for (int level = 0; level < SR_TILE_LEVELS && code == SR_OK; level++) {
		size_t at = number % SR_TILE_WIDTH;
		memcpy(builder->hashes[level][at], hash, SR_HASH);
		if (at < SR_TILE_WIDTH - 1)
			break;
		number /= SR_TILE_WIDTH;
		if (filled)
			code = filled(context, level, number, builder->hashes[level], err);
		sr_merkle_complete(builder->hashes[level], SR_TILE_WIDTH, hash);
	}
	return code;
}

/* Fold the complete subtrees of each level's last tile, the smallest and rightmost first. */
void sr_tile_builder_root(const struct sr_tile_builder *builder, uint8_t root[SR_HASH])
{
	uint8_t part[SR_HASH];
	bool begun = false;
	sr_merkle_empty(root);
	for (int level = 0; level < SR_TILE_LEVELS; level++) {
		size_t left = level_size(builder->size, level) % SR_TILE_WIDTH;
		while (left > 0) {
			size_t count = left & -left;
			left -= count;
			sr_merkle_complete(builder->hashes[level] + left, count, part);
			if (begun)
				sr_merkle_node(part, root, root);
			else
				memcpy(root, part, SR_HASH);
			begun = true;
		}
	}
}

enum sr_code sr_tile_builder_load(struct sr_tile_builder *builder, int dir, uint64_t size, struct sr_error *err)
{
	enum sr_code code = SR_OK;
	memset(builder, 0, sizeof *builder);
	for (int level = 0; level < SR_TILE_LEVELS && code == SR_OK; level++) {
		uint64_t all = level_size(size, level);
		if (all % SR_TILE_WIDTH != 0)
			code = sr_tile_read(dir, size, level, all / SR_TILE_WIDTH, builder->hashes[level], err);
	}
	builder->size = size;
	return code;
}

enum sr_code sr_tile_source(void *context, unsigned height, uint64_t index, uint8_t out[SR_HASH], struct sr_error *err)
{
	struct sr_tile_reader *reader = context;
	int level = (int)(height / 8);
	uint64_t first = index << (height % 8);
	uint64_t n = first / SR_TILE_WIDTH;
	if (reader->kept[level] != n + 1) {
		reader->kept[level] = 0;
		enum sr_code code = sr_tile_read(reader->dir, reader->size, level, n, reader->hashes[level], err);
		if (code != SR_OK)
			return code;
		reader->kept[level] = n + 1;
	}
	sr_merkle_complete(reader->hashes[level] + first % SR_TILE_WIDTH, (size_t)1 << (height % 8), out);
	return SR_OK;
}
