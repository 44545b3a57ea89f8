/*
 * The messages of backups: the index as it was at one instant, the bytes of data files, the records of the audit log.
 * Encoders and decoders as message.h says.
 */
#ifndef SR_MESSAGE_BACKUP_H
#define SR_MESSAGE_BACKUP_H

#include "message.h"

#define SR_BACKUP_ROWS_MAX 60000    /* bytes of rows in one page */
#define SR_BACKUP_BYTES_MAX 57344   /* of a data file in one answer */
#define SR_BACKUP_RECORDS_MAX 61600 /* bytes of the audit log in one answer: its longest record, and its front */
#define SR_BACKUP_CHECKPOINT_MAX 2048
#define SR_BACKUP_TABLES 10 /* of the index: FORMAT.md, "Index tables", in its order from 0 */
#define SR_BACKUP_KEY_MAX 128

/*
 * BACKUP_BEGIN: newest format of extents' rows that the client knows u8, not 0 (extent.h). BACKUP_BEGUN: token u64 (not
 * 0: names this backup from now on), taken_ms u64.
 */
void sr_backup_begin_encode(struct sr_builder *out, uint8_t newest);
void sr_backup_begin_decode(struct sr_cursor *in, uint8_t *newest);
struct sr_backup_begun {
	uint64_t token;
	uint64_t taken_ms;
};
void sr_backup_begun_encode(struct sr_builder *out, const struct sr_backup_begun *message);
void sr_backup_begun_decode(struct sr_cursor *in, struct sr_backup_begun *message);

/* BACKUP_ROWS: token u64. BACKUP_PAGE: more u8, rows (at most SR_BACKUP_ROWS_MAX bytes: whole sr_backup_item). */
void sr_backup_rows_encode(struct sr_builder *out, uint64_t token);
void sr_backup_rows_decode(struct sr_cursor *in, uint64_t *token);
struct sr_backup_page {
	bool more;
	struct sr_span rows;
};
void sr_backup_page_encode(struct sr_builder *out, const struct sr_backup_page *message);
void sr_backup_page_decode(struct sr_cursor *in, struct sr_backup_page *message);

/* A row of the index: table u8 (1 to 9), key (1 to 128 bytes), value. */
struct sr_backup_item {
	uint8_t table;
	struct sr_span key;
	struct sr_span value;
};
void sr_backup_item_encode(struct sr_builder *out, const struct sr_backup_item *item);
void sr_backup_item_decode(struct sr_cursor *in, struct sr_backup_item *item);

/*
 * BACKUP_READ: token u64, recording 16, track u16, file u16, position u64, length u32 (1 to SR_BACKUP_BYTES_MAX).
 * BACKUP_BYTES: so many bytes.
 */
struct sr_backup_read {
	uint64_t token;
	uint8_t recording[SR_UUID];
	uint16_t track;
	uint16_t file;
	uint64_t position;
	uint32_t length;
};
void sr_backup_read_encode(struct sr_builder *out, const struct sr_backup_read *message);
void sr_backup_read_decode(struct sr_cursor *in, struct sr_backup_read *message);
void sr_backup_bytes_encode(struct sr_builder *out, struct sr_span bytes);
void sr_backup_bytes_decode(struct sr_cursor *in, struct sr_span *bytes);

/*
 * BACKUP_LOG: token u64, number u64, position u64: the next record wanted of the audit log, and where it begins in its
 * file; zeros: from the file's beginning on. BACKUP_RECORDS: number and position behind what follows, more u8, records
 * (bytes of the file), checkpoint (text; empty while there is more).
 */
struct sr_backup_log {
	uint64_t token;
	uint64_t number;
	uint64_t position;
};
void sr_backup_log_encode(struct sr_builder *out, const struct sr_backup_log *message);
void sr_backup_log_decode(struct sr_cursor *in, struct sr_backup_log *message);
struct sr_backup_records {
	uint64_t number;
	uint64_t position;
	bool more;
	struct sr_span records;
	struct sr_span checkpoint;
};
void sr_backup_records_encode(struct sr_builder *out, const struct sr_backup_records *message);
void sr_backup_records_decode(struct sr_cursor *in, struct sr_backup_records *message);

/* BACKUP_END: token u64, complete u8 (1: it is whole, and is to be registered). Answered by DONE. */
struct sr_backup_end {
	uint64_t token;
	bool complete;
};
void sr_backup_end_encode(struct sr_builder *out, const struct sr_backup_end *message);
void sr_backup_end_decode(struct sr_cursor *in, struct sr_backup_end *message);

#endif
