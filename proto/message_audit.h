/*
 * The messages of the audit log: its entries in order or as they are searched, its checkpoint, its proofs. Encoders and
 * decoders as message.h says.
 */
#ifndef SR_MESSAGE_AUDIT_H
#define SR_MESSAGE_AUDIT_H

#include "audit_entry.h"
#include "checkpoint.h"
#include "merkle.h"
#include "message.h"

#define SR_ENTRIES_BYTES_MAX (2 + 8 + SR_AUDIT_ENTRY_MAX) /* of the entries of one page: the longest one fits */
#define SR_ENTRIES_PAGE_MAX 1024
#define SR_AUDIT_NOTE_MAX (SR_CHECKPOINT_MAX - 1) /* of a signed checkpoint's text */
#define SR_AUDIT_KINDS_ANY (((1u << SR_AUDIT_KINDS) - 1) & ~1u)

/* AUDIT_READ: from u64, to u64: the entries with numbers in [from, to), to 0: all that are durable. */
struct sr_audit_order {
	uint64_t from;
	uint64_t to;
};
void sr_audit_order_encode(struct sr_builder *out, const struct sr_audit_order *message);
void sr_audit_order_decode(struct sr_cursor *in, struct sr_audit_order *message);

/* Whom a search is about: tagged u8 (1: the subject is a tag), subject field (1 to 255 bytes; empty: anybody). */
struct sr_audit_subject {
	bool tagged;
	struct sr_span subject;
};

/*
 * AUDIT_SEARCH: first u64 (numbers from this on), from_ms u64, to_ms u64 (0: no end), kinds u16 (bits 1 << kind, 0:
 * any), patient, actor (subjects), recording 16 (zeros: any), service field (empty: any).
 */
struct sr_audit_search {
	uint64_t first;
	uint64_t from_ms;
	uint64_t to_ms;
	uint16_t kinds;
	struct sr_audit_subject patient;
	struct sr_audit_subject actor;
	uint8_t recording[SR_UUID];
	struct sr_span service;
};
void sr_audit_search_encode(struct sr_builder *out, const struct sr_audit_search *message);
void sr_audit_search_decode(struct sr_cursor *in, struct sr_audit_search *message);

/*
 * AUDIT_ENTRIES: size u64 (entries there are), next u64 (where to go on; size: that was all), patient 32, actor 32 (the
 * tags that were searched, zeros: none), count u16 (at most SR_ENTRIES_PAGE_MAX), then that many items.
 */
struct sr_audit_entries {
	uint64_t size;
	uint64_t next;
	uint8_t patient[SR_TAG];
	uint8_t actor[SR_TAG];
	uint16_t count;
};
void sr_audit_entries_encode(struct sr_builder *out, const struct sr_audit_entries *message);
void sr_audit_entries_decode(struct sr_cursor *in, struct sr_audit_entries *message);

/* One entry: number u64, json field (1 to SR_AUDIT_ENTRY_MAX bytes: as it stands in the log, to the byte). */
struct sr_audit_item {
	uint64_t number;
	struct sr_span json;
};
void sr_audit_item_encode(struct sr_builder *out, const struct sr_audit_item *item);
void sr_audit_item_decode(struct sr_cursor *in, struct sr_audit_item *item);

/*
 * AUDIT_CHECKPOINT has no fields. AUDIT_SIGNED: note field (1 to SR_AUDIT_NOTE_MAX bytes: a signed checkpoint), key 32
 * (the public key that the daemon signs with).
 */
struct sr_audit_signed {
	struct sr_span note;
	uint8_t key[SR_AUDIT_KEY];
};
void sr_audit_signed_encode(struct sr_builder *out, const struct sr_audit_signed *message);
void sr_audit_signed_decode(struct sr_cursor *in, struct sr_audit_signed *message);

/*
 * AUDIT_CONSISTENCY: old u64, size u64: that the first `old` entries are where the first `size` of them begin; size 0:
 * all of the latest checkpoint.
 */
struct sr_audit_sizes {
	uint64_t old;
	uint64_t size;
};
void sr_audit_sizes_encode(struct sr_builder *out, const struct sr_audit_sizes *message);
void sr_audit_sizes_decode(struct sr_cursor *in, struct sr_audit_sizes *message);

/* AUDIT_PROOF: number u64, of the entry. */
void sr_audit_number_encode(struct sr_builder *out, uint64_t number);
void sr_audit_number_decode(struct sr_cursor *in, uint64_t *number);

/* AUDIT_PROVED, AUDIT_CONSISTENT: note field (as above), count u16 (at most SR_PROOF_MAX), then that many hashes of 32.
 */
struct sr_audit_proof {
	struct sr_span note;
	struct sr_merkle_proof proof;
};
void sr_audit_proof_encode(struct sr_builder *out, const struct sr_audit_proof *message);
void sr_audit_proof_decode(struct sr_cursor *in, struct sr_audit_proof *message);

#endif
