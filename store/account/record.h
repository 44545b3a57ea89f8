/*
 * The record file, audit/records: how entries stand in it, and reading them in order.
 */
#ifndef SR_RECORD_H
#define SR_RECORD_H

#include "audit_entry.h"

#define SR_RECORDS_FRONT 64 /* bytes before the first record */
#define SR_RECORD_HEAD 10   /* bytes before an entry's JSON: its length u16, its check u64 */

/* The front of a record file. */
void sr_records_front(uint8_t out[SR_RECORDS_FRONT]);
bool sr_records_front_fits(const uint8_t front[SR_RECORDS_FRONT]) SR_MUST_USE;

/* The head of entry `number`, `size` bytes at `json`. The check finds torn writes and bad disks, not forgers. */
void sr_record_head(uint64_t number, const uint8_t *json, size_t size, uint8_t out[SR_RECORD_HEAD]);

/* Reads records one after the other, from a place where one begins. */
struct sr_record_reader {
	int fd;          /* borrowed */
	uint64_t at;     /* where the next record begins in the file */
	uint64_t number; /* which it is */
	uint8_t *buffer;
	uint64_t buffered; /* where the buffer's first byte is in the file */
	size_t filled;
	size_t reach; /* how much was asked for last */
};

/* Start with record `number`, which begins at `at`. False when memory is used up. Ended with sr_record_reader_end. */
bool sr_record_reader_begin(struct sr_record_reader *reader, int fd, uint64_t number, uint64_t at) SR_MUST_USE;
void sr_record_reader_end(struct sr_record_reader *reader);

/* Go to record `number`, which begins at `at`. What is buffered is dropped. */
void sr_record_reader_move(struct sr_record_reader *reader, uint64_t number, uint64_t at);

/*
 * The next record's JSON, borrowed until the next call. SR_NOT_FOUND: the file ends here, or zeros follow. SR_CORRUPT:
 * bytes that are not this record, or only its beginning. SR_IO. The reader stays where it is on failure.
 */
enum sr_code sr_record_next(struct sr_record_reader *reader, struct sr_span *json, struct sr_error *err) SR_MUST_USE;

/* The same result, without going past the record. */
enum sr_code sr_record_peek(struct sr_record_reader *reader, struct sr_error *err) SR_MUST_USE;

#endif
