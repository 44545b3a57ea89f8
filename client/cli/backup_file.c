/* A backup on the disk: its files, read back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/backup.h"

#define PIECE 65536u
#define LOG_FILE "records"

static int open_directory(int at, const char *path, bool make)
{
	if (make && mkdirat(at, path, 0700) != 0 && errno != EEXIST)
		return -1;
	return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int backup_open(struct backup_place *place, const char *path, bool make)
{
	place->blobs = place->audit = place->lock = -1;
	place->dir = open_directory(AT_FDCWD, path, make);
	if (place->dir >= 0) {
		place->blobs = open_directory(place->dir, "blobs", make);
		place->audit = open_directory(place->dir, "audit", make);
		place->lock = openat(place->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (place->blobs < 0 || place->audit < 0 || place->lock < 0)
		return cli_fail_text(SR_IO, "%.200s cannot be used for backups: %s", path, strerror(errno));
	if (flock(place->lock, LOCK_EX | LOCK_NB) != 0)
		return cli_fail_text(SR_BUSY, "another backup is at work in %.200s", path);
	return CLI_DONE;
}

void backup_close(struct backup_place *place)
{
	const int all[] = {place->blobs, place->audit, place->lock, place->dir};
	for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
		if (all[at] >= 0)
			close(all[at]);
}

void backup_name(uint64_t taken_ms, char name[BACKUP_FILE_NAME])
{
	(void)snprintf(name, BACKUP_FILE_NAME, "index-%" PRIu64 ".sealreel", taken_ms);
}

bool backup_newest(const struct backup_place *place, char name[BACKUP_FILE_NAME])
{
	uint64_t newest = 0;
	const struct dirent *entry;
	int fd = openat(place->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	while (listing && (entry = readdir(listing))) {
		char own[BACKUP_FILE_NAME];
		uint64_t taken = 0;
		if (sscanf(entry->d_name, "index-%" SCNu64 ".sealreel", &taken) != 1 || taken <= newest)
			continue;
		backup_name(taken, own);
		if (strcmp(own, entry->d_name) == 0)
			newest = taken;
	}
	if (listing)
		(void)closedir(listing);
	else if (fd >= 0)
		close(fd);
	backup_name(newest, name);
	return newest != 0;
}

/* ---- the file of the index ---- */

/* The next `size` bytes of the file, at `at` of the buffer. */
static bool fill(struct backup_reader *reader, size_t at, size_t size)
{
	return at + size <= sizeof reader->buffer && fread(reader->buffer + at, 1, size, reader->file) == size &&
	       sr_digest_add(reader->digest, reader->buffer + at, size);
}

bool backup_reader_begin(struct backup_reader *reader, const struct backup_place *place, const char *name)
{
	memset(reader, 0, sizeof *reader);
	int fd = openat(place->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	reader->file = fd >= 0 ? fdopen(fd, "r") : NULL;
	reader->digest = sr_digest_new();
	if (!reader->file && fd >= 0)
		close(fd);
	if (!reader->file || !reader->digest || !fill(reader, 0, SR_BACKUP_FRONT))
		return false;
	struct sr_cursor in = sr_cursor_over(reader->buffer, SR_BACKUP_FRONT);
	sr_backup_front_decode(&in, &reader->front);
	return sr_take_done(&in);
}

void backup_reader_end(struct backup_reader *reader)
{
	if (reader->file)
		(void)fclose(reader->file);
	sr_digest_free(reader->digest);
	reader->file = NULL;
	reader->digest = NULL;
}

/* A field behind `*used` bytes: its length and then itself. */
static bool fill_field(struct backup_reader *reader, size_t *used)
{
	if (!fill(reader, *used, 2))
		return false;
	size_t size = (size_t)(reader->buffer[*used] << 8 | reader->buffer[*used + 1]);
	*used += 2 + size;
	return fill(reader, *used - size, size);
}

int backup_next(struct backup_reader *reader, struct sr_backup_item *item)
{
	size_t used = 1;
	if (!fill(reader, 0, 1))
		return -1;
	if (reader->buffer[0] == SR_BACKUP_END_MARK)
		return 0;
	if (!fill_field(reader, &used) || !fill_field(reader, &used))
		return -1;
	struct sr_cursor in = sr_cursor_over(reader->buffer, used);
	sr_backup_item_decode(&in, item);
	reader->rows++;
	return sr_take_done(&in) ? 1 : -1;
}

bool backup_finish(struct backup_reader *reader)
{
	size_t used = 1 + 3 * 8 + SR_DIGEST;
	uint8_t own[SR_DIGEST], said[SR_DIGEST];
	if (!fill(reader, 1, used - 1) || !fill_field(reader, &used))
		return false;
	struct sr_cursor in = sr_cursor_over(reader->buffer, used);
	sr_backup_tail_decode(&in, &reader->tail);
	return sr_take_done(&in) && reader->tail.rows == reader->rows && sr_digest_value(reader->digest, own) &&
	       fread(said, 1, sizeof said, reader->file) == sizeof said && fgetc(reader->file) == EOF &&
	       memcmp(own, said, sizeof own) == 0;
}

/* ---- verifying ---- */

void backup_find(const struct backup_place *place, const char *kind, const char *file, uint64_t offset,
		 const char *text)
{
	if (place->json)
		printf("{\"finding\":\"%s\",\"file\":\"%s\",\"offset\":%" PRIu64 ",\"text\":\"%s\"}\n", kind, file,
		       offset, text);
	else
		printf("%s %s offset %" PRIu64 ": %s\n", kind, file, offset, text);
}

/* Takes in the next bytes of a file. */
typedef bool take_bytes(void *over, const uint8_t *bytes, size_t size);

static bool into_digest(void *over, const uint8_t *bytes, size_t size)
{
	return sr_digest_add(over, bytes, size);
}

static bool into_check(void *over, const uint8_t *bytes, size_t size)
{
	return sr_extent_check_add(over, bytes, size);
}

/* All `size` bytes of the file from `position`. False: it has not so many, or cannot be read, or `take` fails. */
static bool sweep(int fd, uint64_t position, uint64_t size, take_bytes *take, void *over)
{
	uint8_t *bytes = malloc(PIECE);
	bool good = bytes != NULL;
	while (good && size > 0) {
		size_t now = size < PIECE ? (size_t)size : PIECE;
		ssize_t got = pread(fd, bytes, now, (off_t)position);
		if (got < 0 && errno == EINTR)
			continue;
		good = got > 0 && take(over, bytes, (size_t)got);
		position += good ? (uint64_t)got : 0;
		size -= good ? (uint64_t)got : 0;
	}
	free(bytes);
	return good;
}

bool backup_digest(int fd, uint64_t size, uint8_t digest[SR_DIGEST])
{
	struct sr_digest *over = sr_digest_new();
	bool good = over && sweep(fd, 0, size, into_digest, over) && sr_digest_value(over, digest);
	sr_digest_free(over);
	return good;
}

bool backup_fits(int fd, const struct sr_backup_extent *extent)
{
	struct sr_extent_check *over = sr_extent_check_new();
	bool fits = over && sr_extent_check_begin(over, extent->format) &&
		    sweep(fd, extent->position, extent->size, into_check, over) &&
		    sr_extent_check_judge(over, extent->sum) == SR_OK;
	sr_extent_check_free(over);
	return fits;
}

static bool verify_extent(const struct backup_place *place, const struct sr_backup_extent *extent)
{
	char name[SR_BACKUP_PATH_MAX];
	sr_backup_extent_name(extent, name);
	int fd = openat(place->blobs, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		backup_find(place, "missing_file", name, 0, strerror(errno));
		return false;
	}
	bool fits = backup_fits(fd, extent);
	close(fd);
	if (!fits)
		backup_find(place, "checksum", name, extent->position,
			    "the bytes do not have the checksum of their row");
	return fits;
}

static bool verify_log(const struct backup_place *place, const struct sr_backup_tail *tail)
{
	uint8_t digest[SR_DIGEST];
	int fd = openat(place->audit, LOG_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool fits = fd >= 0 && backup_digest(fd, tail->position, digest) &&
		    memcmp(digest, tail->records, sizeof digest) == 0;
	if (fd >= 0)
		close(fd);
	if (!fits)
		backup_find(place, "log", "audit/" LOG_FILE, 0, "the audit log does not have the digest of its bytes");
	return fits;
}

int backup_verify(const struct backup_place *place, bool quiet)
{
	static struct backup_reader reader;
	char name[BACKUP_FILE_NAME];
	struct sr_backup_item item;
	struct sr_backup_extent extent;
	uint64_t extents = 0, wrong = 0;
	int more = -1;
	if (!backup_newest(place, name))
		return cli_fail_text(SR_NOT_FOUND, "there is no complete backup");
	if (backup_reader_begin(&reader, place, name))
		while ((more = backup_next(&reader, &item)) > 0)
			if (item.table == SR_BACKUP_EXTENTS_TABLE) {
				extents++;
				if (!sr_backup_extent_of(&item, &extent))
					backup_find(place, "index", name, 0, "a data file's row is malformed");
				wrong += !sr_backup_extent_of(&item, &extent) || !verify_extent(place, &extent);
			}
	if (more != 0 || !backup_finish(&reader)) {
		backup_find(place, "index", name, 0, "the file is cut, or does not have its digest");
		wrong++;
	} else {
		wrong += !verify_log(place, &reader.tail);
	}
	if (place->json)
		printf("{\"backup\":\"%" PRIu64 "\",\"rows\":%" PRIu64 ",\"extents\":%" PRIu64 ",\"damaged\":%" PRIu64
		       "}\n",
		       reader.front.taken_ms, reader.rows, extents, wrong);
	else if (!quiet)
		printf("%s: %" PRIu64 " rows, %" PRIu64 " extents, %" PRIu64 " damaged\n", name, reader.rows, extents,
		       wrong);
	backup_reader_end(&reader);
	return wrong > 0 ? CLI_FAILED : CLI_DONE;
}
