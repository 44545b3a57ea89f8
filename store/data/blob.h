/*
 * Blobs: the only door to data files. Append-only files, one or more per track, in fan-out directories made at init.
 * No key, no row: who may touch which byte is decided elsewhere.
 */
#ifndef SR_BLOB_H
#define SR_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "uuid.h"

#define SR_BLOB_FANOUT 1024

/* All blobs of a store: an open directory. Safe from several threads. */
struct sr_blobs;

/* Names one file: blobs/XXX/RECORDING.TRACK.FILE, XXX the id's low ten bits in hex. */
struct sr_blob_name {
	uint8_t recording[SR_UUID];
	uint16_t track;
	uint16_t file;
};

/*
 * Make and sync the directories under `path` (made, 0700). SR_NO_SPACE with a text if the file system has too few
 * inodes left for a million files (a warning in err->text with SR_OK if it has fewer than ten million; *err is
 * untouched otherwise); SR_CONFLICT if there is anything at `path`; SR_IO. A failure leaves nothing behind.
 */
enum sr_code sr_blobs_create(const char *path, struct sr_error *err) SR_MUST_USE;

/*
 * Open them. `reserve` is the free space in bytes below which sr_blobs_space refuses. SR_IO: also if `path` is missing,
 * no directory, or a symbolic link; SR_INTERNAL when memory is used up. *out (out) is NULL on failure; released with
 * sr_blobs_close.
 */
enum sr_code sr_blobs_open(const char *path, uint64_t reserve, struct sr_blobs **out, struct sr_error *err) SR_MUST_USE;
void sr_blobs_close(struct sr_blobs *blobs);

/*
 * To be asked before bytes are taken in: SR_OK, SR_NO_SPACE at the reserve, or SR_IO if nobody can say. Asks the file
 * system at most every 100 ms; any thread. Creating and appending do not ask themselves, so that what was begun can be
 * finished inside the reserve.
 */
enum sr_code sr_blobs_space(struct sr_blobs *blobs, struct sr_error *err) SR_MUST_USE;

/*
 * An open file for appending, by one owner; stays open from its first unsynced byte to its sync. `position` is where
 * the next byte goes.
 */
struct sr_blob;

/*
 * Create exclusively, 0600, and sync file and directory. SR_CONFLICT if it exists, SR_NO_SPACE, SR_IO; a failure leaves
 * no file behind. Or open one whose committed length is `committed`: bytes past it are cut; a shorter file is
 * SR_CORRUPT, one that is missing or not a regular file SR_CORRUPT too, and then nothing is cut. If `committed` is 0,
 * file and directory are synced, because a crash may have come between their making and their syncs. Both: SR_CORRUPT
 * if the fan-out directory is missing, SR_INTERNAL when memory is used up. *out (out) is NULL on failure; released
 * with sr_blob_close.
 */
enum sr_code sr_blob_create(struct sr_blobs *blobs, const struct sr_blob_name *name, struct sr_blob **out,
			    struct sr_error *err) SR_MUST_USE;
enum sr_code sr_blob_append_open(struct sr_blobs *blobs, const struct sr_blob_name *name, uint64_t committed,
				 struct sr_blob **out, struct sr_error *err) SR_MUST_USE;
void sr_blob_close(struct sr_blob *blob);

/*
 * Write all `size` bytes at the position and move it. SR_NO_SPACE, SR_IO: how much of them is in the file is unknown,
 * the position stays, and every later append or sync of this blob is SR_IO. One thread at a time; another may sync
 * meanwhile.
 */
enum sr_code sr_blob_append(struct sr_blob *blob, const uint8_t *data, size_t size, struct sr_error *err) SR_MUST_USE;
uint64_t sr_blob_position(const struct sr_blob *blob);

/*
 * fdatasync of what was appended before the call; all but the end of it then leaves the page cache. SR_IO: the kernel
 * has marked its lost pages clean, so the file is never written again: every later append or sync of this blob is
 * SR_IO. One sync of a blob at a time, because the kernel tells only one of them of a loss. Blocks.
 */
enum sr_code sr_blob_sync(struct sr_blob *blob, struct sr_error *err) SR_MUST_USE;

/*
 * Read exactly `size` bytes at `position` of a file into `out`, which a failure leaves undefined. SR_CORRUPT: missing,
 * not a regular file, or too short; SR_IO. And its descriptor for sendfile, opened read-only, with its present length:
 * *fd (out) is closed by the caller, -1 on failure. Any thread.
 */
enum sr_code sr_blob_read(struct sr_blobs *blobs, const struct sr_blob_name *name, uint64_t position, uint8_t *out,
			  size_t size, struct sr_error *err) SR_MUST_USE;
enum sr_code sr_blob_read_open(struct sr_blobs *blobs, const struct sr_blob_name *name, int *fd, uint64_t *size,
			       struct sr_error *err) SR_MUST_USE;

/*
 * The same of a descriptor that sr_blob_read_open gave for `name` (in, for the error's text alone), for whoever reads
 * one file at many places. SR_CORRUPT: it is too short; SR_IO. Any thread.
 */
enum sr_code sr_blob_read_from(int fd, const struct sr_blob_name *name, uint64_t position, uint8_t *out, size_t size,
			       struct sr_error *err) SR_MUST_USE;

/*
 * Read `size` bytes at `position` back from a blob that is being written. SR_CORRUPT: it is too short; SR_IO. As
 * sr_blob_append, by one thread at a time.
 */
enum sr_code sr_blob_read_back(const struct sr_blob *blob, uint64_t position, uint8_t *out, size_t size,
			       struct sr_error *err) SR_MUST_USE;

/*
 * What the file system says of a file, to know later whether anybody has changed it meanwhile: a program can set the
 * length, but not the time of the last change. Changes within one tick of the file system's clock, some milliseconds at
 * most, can look like one; what the disk itself does to stored bytes does not show.
 */
struct sr_blob_stamp {
	uint64_t device, inode, size;
	int64_t seconds, nanoseconds;
};

/* Its stamp now into `stamp` (out); false if the file system does not say. One system call, which reads nothing. */
bool sr_blob_stamp(const struct sr_blob *blob, struct sr_blob_stamp *stamp) SR_MUST_USE;
bool sr_blob_stamp_same(const struct sr_blob_stamp *one, const struct sr_blob_stamp *other);

/* Unlink, and sync the directory. A missing file is SR_OK. SR_CORRUPT: its directory is missing; SR_IO. */
enum sr_code sr_blob_remove(struct sr_blobs *blobs, const struct sr_blob_name *name, struct sr_error *err) SR_MUST_USE;

/*
 * Unlink every file of `recording`, whatever its track and number, and sync the directory: none is there after any
 * crash that follows. What they take is given back to the disk 2 MiB at a time, so that nobody else waits for it long;
 * who has one of them open reads it as before. None is SR_OK. SR_CORRUPT: the directory is missing; SR_IO: some may be
 * left; SR_INTERNAL when memory is used up.
 */
enum sr_code sr_blobs_remove_recording(struct sr_blobs *blobs, const uint8_t recording[SR_UUID],
				       struct sr_error *err) SR_MUST_USE;

/* The same for all of its files but those of track and number as in `kept` (`count` of them). */
enum sr_code sr_blobs_remove_others(struct sr_blobs *blobs, const uint8_t recording[SR_UUID],
				    const struct sr_blob_name *kept, size_t count, struct sr_error *err) SR_MUST_USE;

#endif
