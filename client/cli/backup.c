/* `sealreel backup`: keep a copy of a served store, or read one back. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "cli/backup.h"
#include "cli/pace.h"
#include "cli/parse.h"
#include "cli/progress.h"

#define EXTENT_MAX (4u << 20)
#define AT_ONCE 8 /* requests for pieces of a file under way */
#define RATE (UINT64_C(64) << 20)

enum { KEY_RATE = 1, KEY_VERIFY };

struct backup {
	struct cli *cli;
	const char *path;
	uint64_t rate;
	bool verifies;
	struct backup_place place;
	sr_blocking *blocking;
	sr_client *client;
	struct sr_backup_info info;
	/* What a callback has brought. */
	struct sr_result result;
	unsigned under_way;
	struct sr_backup_piece piece; /* its bytes were dealt with */
	/* The file of the index. */
	FILE *index;
	struct sr_digest *digest;
	struct sr_backup_tail tail;
	char checkpoint[SR_BACKUP_CHECKPOINT_MAX + 1];
	/* The data file at hand. */
	char name[SR_BACKUP_PATH_MAX];
	int fd;
	uint8_t *extent;                /* EXTENT_MAX */
	bool careful;                   /* an earlier backup was cut off: what is there is read back */
	struct sr_backup_extent *later; /* extents of which earlier ones have not come yet */
	size_t later_count;
	uint64_t extents, copied, damaged;
	double began; /* of cli_now */
	int log;
	int failed; /* errno of a write */
};

static const struct argp_option options[] = {
	{"rate", KEY_RATE, "BYTES", 0,
	 "Read at most so many bytes a second, with K, M or G behind it; 0: all it can. By default 64M", 1},
	{"verify", KEY_VERIFY, NULL, 0, "Take none: read back the newest one in DEST, without the daemon", 1},
	{0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct backup *backup = state->input;
	switch (key) {
	case KEY_RATE:
		return parse_rate(value, &backup->rate) ? 0 : cli_wrong(backup->cli, "--rate is no number of bytes");
	case KEY_VERIFY:
		backup->verifies = true;
		return 0;
	case ARGP_KEY_ARG:
		if (backup->path)
			return cli_wrong(backup->cli, "there is more than one DEST");
		backup->path = value;
		return 0;
	case ARGP_KEY_END:
		return backup->path ? 0 : cli_wrong(backup->cli, "there is no DEST");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DEST",
	.doc = "Copy the store that the daemon serves to DEST, a directory here, while it works: the index as it is "
	       "now, "
	       "then the data files that it names, then the audit log, all sealed as they lie in the store. Data files "
	       "that DEST has are not copied again. The keyring and the erasure ledger are not part of it: keep copies "
	       "of them elsewhere.\v"
	       "One that was cut off is run again. Exits 1 if a file of the store, or with --verify of the backup, is "
	       "missing or damaged.\n\nJSON: " BACKUP_JSON ".\n\nExample:\n\n"
	       "  sealreel --credential operator.cred backup /mnt/backup && sealreel backup --verify /mnt/backup\n",
};

/* ---- calls ---- */

static void on_begun(void *context, const struct sr_result *result, const struct sr_backup_info *info)
{
	struct backup *backup = context;
	backup->result = *result;
	backup->under_way--;
	if (info)
		backup->info = *info;
}

static void on_done(void *context, const struct sr_result *result)
{
	struct backup *backup = context;
	backup->result = *result;
	backup->under_way--;
}

/* Turn the loop until all calls, of which the last was started with `code`, are answered; the exit status. */
static int wait_for(struct backup *backup, enum sr_code code)
{
	if (code != SR_OK)
		return cli_fail_text(code, "the request could not be sent");
	backup->under_way++;
	while (backup->under_way > 0)
		(void)uv_run(sr_blocking_loop(backup->blocking), UV_RUN_ONCE);
	return cli_fail(&backup->result);
}

/* So that what was copied since the beginning has taken its time. */
static void keep_rate(const struct backup *backup)
{
	double ahead = cli_ahead(backup->began, backup->copied, backup->rate);
	/* A backup that asks for nothing is given up. */
	if (ahead > 0)
		cli_nap(ahead < 10 ? ahead : 10);
}

static int write_failed(void)
{
	return cli_fail_text(SR_IO, "the backup cannot be written: %s", strerror(errno));
}

/* ---- the index ---- */

static bool put(struct backup *backup, const void *bytes, size_t size)
{
	return size == 0 ||
	       (fwrite(bytes, 1, size, backup->index) == size && sr_digest_add(backup->digest, bytes, size));
}

static bool count_rows(struct backup *backup, const uint8_t *bytes, size_t size)
{
	struct sr_cursor in = sr_cursor_over(bytes, size);
	struct sr_backup_item item;
	while (!in.failed && in.left > 0) {
		sr_backup_item_decode(&in, &item);
		backup->tail.rows++;
	}
	return !in.failed;
}

static void on_rows(void *context, const struct sr_result *result, const struct sr_backup_piece *piece)
{
	struct backup *backup = context;
	backup->result = *result;
	backup->under_way--;
	if (!piece)
		return;
	backup->piece = *piece;
	if (!count_rows(backup, piece->bytes, piece->size))
		backup->result = (struct sr_result){.code = SR_CORRUPT, .text = "the store's rows are malformed"};
	else if (!put(backup, piece->bytes, piece->size))
		backup->failed = errno ? errno : EIO;
}

static int open_part(struct backup *backup)
{
	uint8_t bytes[SR_BACKUP_FRONT];
	char audience[33];
	struct sr_backup_front front = {.taken_ms = backup->info.taken_ms};
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	sr_client_audience(backup->client, audience);
	(void)sodium_hex2bin(front.store, sizeof front.store, audience, 32, NULL, NULL, NULL);
	sr_backup_front_encode(&out, &front);
	int fd = openat(backup->place.dir, BACKUP_PART, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	backup->index = fd >= 0 ? fdopen(fd, "w+") : NULL;
	backup->digest = sr_digest_new();
	if (!backup->index || !backup->digest || !put(backup, bytes, sizeof bytes))
		return write_failed();
	return CLI_DONE;
}

/* The newest backup must be of this store; the log goes on behind it. */
static int look_back(struct backup *backup)
{
	static struct backup_reader reader;
	struct sr_backup_item item;
	char name[BACKUP_FILE_NAME], audience[33], own[33];
	int more = -1;
	backup->careful = faccessat(backup->place.dir, BACKUP_PART, F_OK, 0) == 0;
	if (!backup_newest(&backup->place, name))
		return CLI_DONE;
	if (backup_reader_begin(&reader, &backup->place, name))
		while ((more = backup_next(&reader, &item)) > 0)
			;
	bool whole = more == 0 && backup_finish(&reader);
	if (whole) {
		backup->tail.number = reader.tail.number;
		backup->tail.position = reader.tail.position;
	}
	sr_client_audience(backup->client, audience);
	(void)sodium_bin2hex(own, sizeof own, reader.front.store, SR_UUID);
	backup_reader_end(&reader);
	if (!whole)
		return cli_fail_text(SR_CORRUPT, "%s is damaged: take it away, or use another DEST", name);
	if (strcmp(own, audience) != 0)
		return cli_fail_text(SR_CONFLICT, "the backups there are of another store");
	return CLI_DONE;
}

static int take_index(struct backup *backup)
{
	int status;
	do {
		status = wait_for(backup,
				  sr_backup_next_rows(backup->client, backup->info.token, on_rows, backup, NULL));
		if (status == CLI_DONE && backup->failed) {
			errno = backup->failed;
			status = write_failed();
		}
	} while (status == CLI_DONE && backup->piece.more);
	if (status == CLI_DONE && fflush(backup->index) != 0)
		status = write_failed();
	return status;
}

/* ---- data files ---- */

struct fetch {
	struct backup *backup;
	uint8_t *to;
	uint32_t length;
};

static void on_bytes(void *context, const struct sr_result *result, const struct sr_backup_piece *piece)
{
	struct fetch *fetch = context;
	struct backup *backup = fetch->backup;
	backup->under_way--;
	if (piece && piece->size == fetch->length)
		memcpy(fetch->to, piece->bytes, piece->size);
	else if (backup->result.code == SR_OK)
		backup->result = piece ? (struct sr_result){.code = SR_CORRUPT, .text = "fewer bytes came"} : *result;
	free(fetch);
}

static enum sr_code ask(struct backup *backup, const struct sr_backup_extent *extent, uint32_t at)
{
	uint32_t left = extent->size - at;
	struct sr_backup_place place = {.track = extent->track,
					.file = extent->file,
					.position = extent->position + at,
					.length = left < SR_BACKUP_PIECE ? left : SR_BACKUP_PIECE};
	struct fetch *fetch = malloc(sizeof *fetch);
	if (!fetch)
		return SR_INTERNAL;
	memcpy(place.recording, extent->recording, SR_ID);
	*fetch = (struct fetch){backup, backup->extent + at, place.length};
	enum sr_code code = sr_backup_file(backup->client, backup->info.token, &place, on_bytes, fetch, NULL);
	if (code != SR_OK)
		free(fetch);
	return code;
}

/* All of an extent, several pieces under way at once. Its result stands in backup->result. */
static enum sr_code fetch_extent(struct backup *backup, const struct sr_backup_extent *extent)
{
	enum sr_code code = SR_OK;
	backup->result = (struct sr_result){.code = SR_OK};
	for (uint32_t at = 0; code == SR_OK && at < extent->size && backup->result.code == SR_OK;
	     at += SR_BACKUP_PIECE) {
		while (backup->under_way >= AT_ONCE)
			(void)uv_run(sr_blocking_loop(backup->blocking), UV_RUN_ONCE);
		code = ask(backup, extent, at);
		backup->under_way += code == SR_OK;
	}
	while (backup->under_way > 0)
		(void)uv_run(sr_blocking_loop(backup->blocking), UV_RUN_ONCE);
	backup->copied += extent->size;
	return code == SR_OK ? backup->result.code : code;
}

static int open_file(struct backup *backup, const struct sr_backup_extent *extent)
{
	char name[SR_BACKUP_PATH_MAX], fan[4];
	sr_backup_extent_name(extent, name);
	if (backup->fd >= 0 && strcmp(name, backup->name) == 0)
		return CLI_DONE;
	if (backup->fd >= 0)
		close(backup->fd);
	memcpy(backup->name, name, sizeof name);
	memcpy(fan, name, 3);
	fan[3] = '\0';
	if (mkdirat(backup->place.blobs, fan, 0700) != 0 && errno != EEXIST)
		return write_failed();
	backup->fd = openat(backup->place.blobs, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return backup->fd >= 0 ? CLI_DONE : write_failed();
}

/* Is all of it there already? */
static bool is_there(const struct backup *backup, const struct sr_backup_extent *extent, uint64_t size)
{
	return size >= extent->position + extent->size && (!backup->careful || backup_fits(backup->fd, extent));
}

/* A data file of the store that cannot be read, or is not what its checksum says, is told, and the rest goes on. */
static int tell_damage(struct backup *backup, const struct sr_backup_extent *extent, enum sr_code code)
{
	if (code != SR_OK && code != SR_CORRUPT && code != SR_IO && code != SR_NOT_FOUND)
		return cli_fail(&backup->result);
	if (backup->result.code == SR_NOT_FOUND) /* the backup itself */
		return cli_fail(&backup->result);
	backup->damaged++;
	backup_find(&backup->place, code == SR_OK ? "checksum" : "missing_file", backup->name, extent->position,
		    code == SR_OK ? "the store's bytes do not have the checksum of their row"
				  : "the store cannot read it");
	return CLI_DONE;
}

static int take_extent(struct backup *backup, const struct sr_backup_extent *extent)
{
	struct stat st;
	int status = open_file(backup, extent);
	if (status != CLI_DONE)
		return status;
	if (fstat(backup->fd, &st) != 0)
		return write_failed();
	if (is_there(backup, extent, (uint64_t)st.st_size))
		return CLI_DONE;
	enum sr_code code = fetch_extent(backup, extent);
	enum sr_code fits = code == SR_OK ? sr_backup_extent_judge(extent, backup->extent) : SR_OK;
	if (fits == SR_INTERNAL)
		return cli_fail_memory();
	if (code != SR_OK || fits != SR_OK)
		status = tell_damage(backup, extent, code);
	if (status == CLI_DONE && code == SR_OK &&
	    pwrite(backup->fd, backup->extent, extent->size, (off_t)extent->position) != (ssize_t)extent->size)
		status = write_failed();
	keep_rate(backup);
	return status;
}

static int put_off(struct backup *backup, const struct sr_backup_extent *extent)
{
	struct sr_backup_extent *more = reallocarray(backup->later, backup->later_count + 1, sizeof(*backup->later));
	if (!more)
		return cli_fail_memory();
	backup->later = more;
	more[backup->later_count++] = *extent;
	return CLI_DONE;
}

static int by_place(const void *one, const void *other)
{
	const struct sr_backup_extent *a = one, *b = other;
	int order = memcmp(a->recording, b->recording, SR_UUID);
	if (order == 0)
		order = (a->track > b->track) - (a->track < b->track);
	if (order == 0)
		order = (a->file > b->file) - (a->file < b->file);
	return order ? order : (a->position > b->position) - (a->position < b->position);
}

/*
 * A file here grows from its beginning, so that its length says what it has. Rows come in the order of places, but for
 * those that were removed while the index was read: where a gap would be, an extent is put off.
 */
static int consider(struct backup *backup, const struct sr_backup_extent *extent)
{
	struct stat st;
	backup->extents++;
	int status = open_file(backup, extent);
	if (status == CLI_DONE && fstat(backup->fd, &st) != 0)
		status = write_failed();
	if (status != CLI_DONE)
		return status;
	return (uint64_t)st.st_size < extent->position ? put_off(backup, extent) : take_extent(backup, extent);
}

/* What it would name is not there: without a word a backup would pass for one that has everything. */
static void tell_malformed(struct backup *backup)
{
	backup->damaged++;
	backup_find(&backup->place, "index", BACKUP_PART, 0, "a data file's row is malformed");
}

static int take_files(struct backup *backup)
{
	static struct backup_reader reader;
	struct sr_backup_item item;
	struct sr_backup_extent extent;
	int status = CLI_DONE, more = -1;
	if (backup_reader_begin(&reader, &backup->place, BACKUP_PART))
		/* It has no end yet: the last row is followed by nothing. */
		while (status == CLI_DONE && reader.rows < backup->tail.rows &&
		       (more = backup_next(&reader, &item)) > 0) {
			if (item.table != SR_BACKUP_EXTENTS_TABLE)
				continue;
			if (sr_backup_extent_of(&item, &extent))
				status = consider(backup, &extent);
			else
				tell_malformed(backup);
		}
	if (status == CLI_DONE && reader.rows < backup->tail.rows)
		status = cli_fail_text(SR_IO, "the backup cannot be read back: %s", strerror(errno));
	backup_reader_end(&reader);
	if (backup->later_count > 0)
		qsort(backup->later, backup->later_count, sizeof(*backup->later), by_place);
	for (size_t at = 0; status == CLI_DONE && at < backup->later_count; at++)
		status = take_extent(backup, &backup->later[at]);
	return status;
}

/* ---- the audit log ---- */

static void on_records(void *context, const struct sr_result *result, const struct sr_backup_piece *piece)
{
	struct backup *backup = context;
	backup->result = *result;
	backup->under_way--;
	if (!piece)
		return;
	backup->piece = *piece;
	if (piece->size > 0 &&
	    pwrite(backup->log, piece->bytes, piece->size, (off_t)backup->tail.position) != (ssize_t)piece->size)
		backup->failed = errno ? errno : EIO;
	if (piece->position != backup->tail.position + piece->size)
		backup->result = (struct sr_result){.code = SR_CORRUPT, .text = "the store's log is malformed"};
	backup->tail.number = piece->number;
	backup->tail.position = piece->position;
	if (piece->checkpoint)
		(void)snprintf(backup->checkpoint, sizeof backup->checkpoint, "%s", piece->checkpoint);
}

static int take_log(struct backup *backup)
{
	struct stat st;
	int status = CLI_DONE;
	backup->log = openat(backup->place.audit, "records", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (backup->log < 0 || fstat(backup->log, &st) != 0)
		return write_failed();
	if ((uint64_t)st.st_size < backup->tail.position)
		backup->tail.number = backup->tail.position = 0;
	if (ftruncate(backup->log, (off_t)backup->tail.position) != 0)
		return write_failed();
	do {
		status = wait_for(backup, sr_backup_records(backup->client, backup->info.token, backup->tail.number,
							    backup->tail.position, on_records, backup, NULL));
		if (status == CLI_DONE && backup->failed) {
			errno = backup->failed;
			status = write_failed();
		}
	} while (status == CLI_DONE && backup->piece.more);
	if (status == CLI_DONE && !backup_digest(backup->log, backup->tail.position, backup->tail.records))
		status = write_failed();
	return status;
}

/* ---- all of it ---- */

/* The file gets its name when everything that it speaks of is on the disk. */
static int complete(struct backup *backup)
{
	uint8_t bytes[SR_BACKUP_TAIL_MAX], digest[SR_DIGEST];
	char name[BACKUP_FILE_NAME];
	struct sr_builder out = sr_builder_over(bytes, sizeof bytes);
	backup->tail.checkpoint = (struct sr_span){(const uint8_t *)backup->checkpoint, strlen(backup->checkpoint)};
	sr_backup_tail_encode(&out, &backup->tail);
	backup_name(backup->info.taken_ms, name);
	if (fseek(backup->index, 0, SEEK_END) != 0 || !put(backup, bytes, out.used) ||
	    !sr_digest_value(backup->digest, digest) ||
	    fwrite(digest, 1, sizeof digest, backup->index) != sizeof digest || fflush(backup->index) != 0 ||
	    syncfs(backup->place.dir) != 0 || renameat(backup->place.dir, BACKUP_PART, backup->place.dir, name) != 0 ||
	    fsync(backup->place.dir) != 0)
		return write_failed();
	return CLI_DONE;
}

static void tell(const struct backup *backup)
{
	double seconds = cli_now() - backup->began;
	if (backup->cli->json)
		printf("{\"backup\":\"%" PRIu64 "\",\"rows\":%" PRIu64 ",\"extents\":%" PRIu64
		       ",\"copied_bytes\":%" PRIu64 ",\"records\":%" PRIu64 ",\"damaged\":%" PRIu64
		       ",\"seconds\":%.3f}\n",
		       backup->info.taken_ms, backup->tail.rows, backup->extents, backup->copied, backup->tail.number,
		       backup->damaged, seconds);
	else if (!backup->cli->quiet)
		printf("backup %" PRIu64 ": %" PRIu64 " rows, %" PRIu64 " extents, %.1f MiB copied, %" PRIu64
		       " records of the log, %" PRIu64 " damaged, in %.1f s\n",
		       backup->info.taken_ms, backup->tail.rows, backup->extents, (double)backup->copied / (1 << 20),
		       backup->tail.number, backup->damaged, seconds);
}

static int take(struct backup *backup)
{
	backup->began = cli_now();
	int status = look_back(backup);
	if (status == CLI_DONE)
		status = wait_for(backup, sr_backup_begin(backup->client, on_begun, backup, NULL));
	if (status != CLI_DONE)
		return status;
	status = open_part(backup);
	if (status == CLI_DONE)
		status = take_index(backup);
	if (status == CLI_DONE)
		status = take_files(backup);
	if (status == CLI_DONE)
		status = take_log(backup);
	if (status == CLI_DONE)
		status = complete(backup);
	int ended = wait_for(
		backup, sr_backup_end(backup->client, backup->info.token, status == CLI_DONE, on_done, backup, NULL));
	if (status == CLI_DONE)
		status = ended;
	if (status == CLI_DONE)
		tell(backup);
	return status == CLI_DONE && backup->damaged > 0 ? CLI_FAILED : status;
}

int cli_backup(struct cli *cli, int argc, char **argv)
{
	struct backup backup = {.cli = cli, .rate = RATE, .fd = -1, .log = -1};
	int status = cli_parse_data(cli, &argp, argc, argv, &backup);
	if (status >= 0)
		return status;
	backup.place.json = cli->json;
	if (!backup.verifies)
		backup.blocking = cli_connect(cli, &status);
	if (!backup.verifies && !backup.blocking)
		return status;
	status = backup_open(&backup.place, backup.path, !backup.verifies);
	backup.extent = malloc(EXTENT_MAX);
	if (!backup.extent && status == CLI_DONE)
		status = cli_fail_memory();
	if (status == CLI_DONE && backup.verifies) {
		status = backup_verify(&backup.place, cli->quiet);
	} else if (status == CLI_DONE) {
		backup.client = sr_blocking_client(backup.blocking);
		status = take(&backup);
	}
	if (backup.index)
		(void)fclose(backup.index);
	sr_digest_free(backup.digest);
	if (backup.fd >= 0)
		close(backup.fd);
	if (backup.log >= 0)
		close(backup.log);
	free(backup.later);
	free(backup.extent);
	backup_close(&backup.place);
	sr_blocking_close(backup.blocking);
	return status;
}
