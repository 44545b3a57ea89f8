/*
 * The audit log's records as they lie on the disk, piece by piece: for backups, while others append.
 */
#ifndef SR_COPY_H
#define SR_COPY_H

#include "account/audit.h"

/* A piece of a copy. */
struct sr_audit_piece {
	uint64_t number;   /* in and out: of the next record; with `position`, 0 before the file's front */
	uint64_t position; /* in and out: where that begins in the file */
	uint8_t *out;      /* where the bytes go */
	size_t room;       /* how many it takes: the front and the longest record at least */
	size_t size;       /* out: how many they are */
	bool more;         /* out: false once all of the copy is behind it */
};

/* Where a copy ends, while the log goes on: `size` entries, of which a signed checkpoint covers all or the most. */
struct sr_audit_end {
	uint64_t size;
	char checkpoint[SR_CHECKPOINT_MAX];
};

/* Have a copy end here: with what is durable now. SR_IO. */
enum sr_code sr_audit_copy_end(struct sr_audit *audit, struct sr_audit_end *end, struct sr_error *err) SR_MUST_USE;

/*
 * Fill `piece` with as many whole records as it has room for. SR_USAGE: no record begins there, or it is beyond the
 * end; SR_IO; SR_INTERNAL when memory is used up. Never on the event loop.
 */
enum sr_code sr_audit_copy(struct sr_audit *audit, const struct sr_audit_end *end, struct sr_audit_piece *piece,
			   struct sr_error *err) SR_MUST_USE;

#endif
