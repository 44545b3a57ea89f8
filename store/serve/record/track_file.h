/*
 * Which blob file a track's next bytes go to, and the files that may never be written again because a sync of them
 * failed.
 */
#ifndef SR_TRACK_FILE_H
#define SR_TRACK_FILE_H

#include <stdbool.h>

#include "data/blob.h"
#include "keys/rows.h"

/* Files whose fdatasync failed in this process: the kernel has marked their lost pages clean. Any thread. */
struct sr_spoiled;
struct sr_spoiled *sr_spoiled_new(void) SR_MUST_USE;
void sr_spoiled_free(struct sr_spoiled *spoiled);

/* Note a file. False when memory is used up: then the process must not write it on, and the caller ends it. */
bool sr_spoiled_add(struct sr_spoiled *spoiled, const struct sr_blob_name *name) SR_MUST_USE;
bool sr_spoiled_has(struct sr_spoiled *spoiled, const struct sr_blob_name *name) SR_MUST_USE;

/*
 * Open the file that the track of `row` (in and out) goes on in, at its committed length. A spoiled last file is left
 * as it is and a new one added to the row: *changed (out) says that the row must be put before anything in the new
 * file counts. SR_CONFLICT: the track has as many files as it can have; otherwise as sr_blob_append_open and
 * sr_blob_create. Pool.
 */
enum sr_code sr_track_file_open(struct sr_blobs *blobs, struct sr_spoiled *spoiled, const uint8_t recording[SR_UUID],
				struct sr_track_row *row, struct sr_blob **blob, bool *changed,
				struct sr_error *err) SR_MUST_USE;

/* The name of a track's last file. */
struct sr_blob_name sr_track_file_name(const uint8_t recording[SR_UUID], const struct sr_track_row *row);

#endif
