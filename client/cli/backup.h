/* A backup on the disk: a directory of sealed data files, the audit log, and a file for each time it was taken. */
#ifndef SR_CLI_BACKUP_H
#define SR_CLI_BACKUP_H

#include <stdio.h>

#include "backup_file.h"
#include "cli/cli.h"

#define BACKUP_PART "index.part" /* the one that is being taken, or was cut off */
#define BACKUP_JSON                                                                                                    \
	"backup, rows, extents, copied_bytes, records, damaged, seconds; a finding is an object of its own, with "     \
	"finding (index, missing_file, checksum, log), file, offset and text"

/* The directory, open and locked. */
struct backup_place {
	int dir;
	int blobs;
	int audit;
	int lock;
	bool json;
};

/* Open `path`, made if `make`; one process at a time. CLI_DONE, or the status after its line was printed. */
int backup_open(struct backup_place *place, const char *path, bool make);
void backup_close(struct backup_place *place);

/* The newest complete backup's name, "index-N.sealreel"; false if there is none. */
#define BACKUP_FILE_NAME 48
bool backup_newest(const struct backup_place *place, char name[BACKUP_FILE_NAME]);
void backup_name(uint64_t taken_ms, char name[BACKUP_FILE_NAME]);

/* Reads such a file from its beginning. `digest` is over all that was read. */
struct backup_reader {
	FILE *file;
	struct sr_digest *digest;
	struct sr_backup_front front;
	struct sr_backup_tail tail; /* its checkpoint points into `buffer` */
	uint64_t rows;
	uint8_t buffer[SR_BACKUP_TAIL_MAX > 65536 ? SR_BACKUP_TAIL_MAX : 65536];
};

/* False: there is no such file, or it does not begin as one. Released with backup_reader_end in any case. */
bool backup_reader_begin(struct backup_reader *reader, const struct backup_place *place, const char *name);
void backup_reader_end(struct backup_reader *reader);

/* The next row, borrowed until the next call. 1; 0: the rows are over; -1: the file is malformed or cut. */
int backup_next(struct backup_reader *reader, struct sr_backup_item *item);

/* Behind the rows: the tail and the digest of all. False: it does not fit. */
bool backup_finish(struct backup_reader *reader);

/* Say what is wrong with a file. */
void backup_find(const struct backup_place *place, const char *kind, const char *file, uint64_t offset,
		 const char *text);

/* SHA-256 of the first `size` bytes of `fd`. False: it has not so many, or cannot be read. */
bool backup_digest(int fd, uint64_t size, uint8_t digest[SR_DIGEST]);

/* Whether `fd` has the extent's bytes, by its checksum. False as well: it has not so many, or cannot be read. */
bool backup_fits(int fd, const struct sr_backup_extent *extent);

/* Read back the newest backup: its file, every data file it names, the log. The exit status. */
int backup_verify(const struct backup_place *place, bool quiet);

#endif
