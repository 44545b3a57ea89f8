/*
 * The file that a backup keeps of the index and of how far the audit log goes: front, rows, end. FORMAT.md has its
 * bytes. Pure functions over bytes.
 */
#ifndef SR_BACKUP_FILE_H
#define SR_BACKUP_FILE_H

#include "extent.h"
#include "message_backup.h"

#define SR_BACKUP_FORMAT 2 /* one of format 1 has extents' rows of format 1 alone, and is read as well */
#define SR_BACKUP_FRONT (16 + 4 + SR_UUID + 8)
#define SR_BACKUP_END_MARK 0xff
#define SR_BACKUP_TAIL_MAX (1 + 3 * 8 + SR_DIGEST + 2 + SR_BACKUP_CHECKPOINT_MAX) /* and then a digest */

/* Its first bytes: magic, format u32, store id 16, taken_ms u64. */
struct sr_backup_front {
	uint8_t store[SR_UUID];
	uint64_t taken_ms;
};
void sr_backup_front_encode(struct sr_builder *out, const struct sr_backup_front *front);

/* Latches `in` as failed unless the bytes begin such a file of a known format. */
void sr_backup_front_decode(struct sr_cursor *in, struct sr_backup_front *front);

/*
 * Its last ones, behind the rows: mark u8 (SR_BACKUP_END_MARK, no table), rows u64, of the audit log number and
 * position u64 behind its last record that belongs to it, SHA-256 of the log's bytes before that, checkpoint; and then
 * 32 bytes: SHA-256 of all before.
 */
struct sr_backup_tail {
	uint64_t rows;
	uint64_t number;
	uint64_t position;
	uint8_t records[SR_DIGEST];
	struct sr_span checkpoint;
};
void sr_backup_tail_encode(struct sr_builder *out, const struct sr_backup_tail *tail);
void sr_backup_tail_decode(struct sr_cursor *in, struct sr_backup_tail *tail);

/*
 * What an item of the extents' table says of a data file: where in it the bytes lie that its checksum is of. False: it
 * is no such item, or is malformed.
 */
struct sr_backup_extent {
	uint8_t recording[SR_UUID];
	uint16_t track;
	uint16_t file;
	uint64_t position;
	uint32_t size;
	enum sr_extent_format format; /* of the sum */
	uint8_t sum[SR_EXTENT_SUM];
};
#define SR_BACKUP_EXTENTS_TABLE 4
bool sr_backup_extent_of(const struct sr_backup_item *item, struct sr_backup_extent *extent) SR_MUST_USE;

/*
 * SR_OK: these are its bytes (`size` of them), by as much of its checksum as needs no key. SR_CORRUPT: they are not;
 * SR_INTERNAL: memory is used up.
 */
enum sr_code sr_backup_extent_judge(const struct sr_backup_extent *extent, const uint8_t *bytes) SR_MUST_USE;

/* The name of that file under a directory of blobs: "XXX/RECORDING.TRACK.FILE", terminated. */
#define SR_BACKUP_PATH_MAX 64
void sr_backup_extent_name(const struct sr_backup_extent *extent, char name[SR_BACKUP_PATH_MAX]);

#endif
