/*
 * Records: a head of length and check before each entry's JSON.
 */
#include "account/record.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE (512u << 10)
#define FIRST_READ (64u << 10) /* a reader that goes on reads more at once: few do */
#define FORMAT 1

static const uint8_t magic[16] = "sealreel records";

void sr_records_front(uint8_t out[SR_RECORDS_FRONT])
{
	struct sr_builder front = sr_builder_over(out, SR_RECORDS_FRONT);
	memset(out, 0, SR_RECORDS_FRONT);
	sr_put_bytes(&front, magic, sizeof magic);
	sr_put_u16(&front, FORMAT);
}

bool sr_records_front_fits(const uint8_t front[SR_RECORDS_FRONT])
{
	uint8_t right[SR_RECORDS_FRONT];
	sr_records_front(right);
	return memcmp(front, right, sizeof right) == 0;
}

/* The record's number is in the check's key, so that no other record passes for it. */
static uint64_t check_of(uint64_t number, const uint8_t *json, size_t size)
{
	uint8_t key[crypto_shorthash_KEYBYTES], hash[crypto_shorthash_BYTES];
	struct sr_builder out = sr_builder_over(key, sizeof key);
	sr_put_bytes(&out, "sealreel", 8);
	sr_put_u64(&out, number);
	crypto_shorthash(hash, json, size, key);
	struct sr_cursor in = sr_cursor_over(hash, sizeof hash);
	return sr_take_u64(&in);
}

void sr_record_head(uint64_t number, const uint8_t *json, size_t size, uint8_t out[SR_RECORD_HEAD])
{
	struct sr_builder head = sr_builder_over(out, SR_RECORD_HEAD);
	sr_put_u16(&head, (uint16_t)size);
	sr_put_u64(&head, check_of(number, json, size));
}

bool sr_record_reader_begin(struct sr_record_reader *reader, int fd, uint64_t number, uint64_t at)
{
	*reader = (struct sr_record_reader){
		.fd = fd, .at = at, .number = number, .buffered = at, .reach = FIRST_READ / 2};
	reader->buffer = malloc(BUFFER_SIZE);
	return reader->buffer != NULL;
}

void sr_record_reader_end(struct sr_record_reader *reader)
{
	free(reader->buffer);
	reader->buffer = NULL;
}

void sr_record_reader_move(struct sr_record_reader *reader, uint64_t number, uint64_t at)
{
	reader->number = number;
	reader->at = reader->buffered = at;
	reader->filled = 0;
	reader->reach = FIRST_READ / 2;
}

/* Have `size` bytes from the reader's place in the buffer, or as many as the file has. *have (out): how many there are.
 */
static enum sr_code fill(struct sr_record_reader *reader, size_t size, struct sr_span *have, struct sr_error *err)
{
	size_t skip = (size_t)(reader->at - reader->buffered);
	if (reader->filled - skip < size) {
		memmove(reader->buffer, reader->buffer + skip, reader->filled - skip);
		reader->filled -= skip;
		reader->buffered = reader->at;
		skip = 0;
		ssize_t got = 1;
		reader->reach = reader->reach * 2 < BUFFER_SIZE ? reader->reach * 2 : BUFFER_SIZE;
		while (got > 0 && reader->filled < reader->reach) {
			got = TEMP_FAILURE_RETRY(pread(reader->fd, reader->buffer + reader->filled,
						       reader->reach - reader->filled,
						       (off_t)(reader->buffered + reader->filled)));
			if (got < 0)
				return SR_FAIL(err, SR_IO, "the audit log's records cannot be read: %s",
					       strerrordesc_np(errno));
			reader->filled += (size_t)got;
		}
	}
	*have = (struct sr_span){reader->buffer + skip, reader->filled - skip};
	return SR_OK;
}

static enum sr_code broken(const struct sr_record_reader *reader, struct sr_error *err)
{
	return SR_FAIL(err, SR_CORRUPT, "record %llu of the audit log, at byte %llu, does not verify",
		       (unsigned long long)reader->number, (unsigned long long)reader->at);
}

enum sr_code sr_record_next(struct sr_record_reader *reader, struct sr_span *json, struct sr_error *err)
{
	struct sr_span have;
	enum sr_code code = fill(reader, SR_RECORD_HEAD, &have, err);
	if (code != SR_OK)
		return code;
	struct sr_cursor in = sr_cursor_over(have.data, have.size < SR_RECORD_HEAD ? have.size : SR_RECORD_HEAD);
	size_t size = sr_take_u16(&in);
	uint64_t check = sr_take_u64(&in);
	if (size == 0 && check == 0)
		return SR_FAIL(err, SR_NOT_FOUND, "the records end here");
	if (in.failed || size == 0 || size > SR_AUDIT_ENTRY_MAX)
		return broken(reader, err);
	code = fill(reader, SR_RECORD_HEAD + size, &have, err);
	if (code != SR_OK)
		return code;
	if (have.size < SR_RECORD_HEAD + size || check_of(reader->number, have.data + SR_RECORD_HEAD, size) != check)
		return broken(reader, err);
	*json = (struct sr_span){have.data + SR_RECORD_HEAD, size};
	reader->at += SR_RECORD_HEAD + size;
	reader->number++;
	return SR_OK;
}

enum sr_code sr_record_peek(struct sr_record_reader *reader, struct sr_error *err)
{
	uint64_t at = reader->at, number = reader->number;
	struct sr_span json;
	enum sr_code code = sr_record_next(reader, &json, err);
	reader->at = at;
	reader->number = number;
	return code;
}
