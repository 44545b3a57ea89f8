/*
 * libsealreel's part for auditors: the entries of a store's audit log, its signed checkpoints and its proofs. The
 * asynchronous rules are those of sealreel.h. Nothing here judges what the daemon says: the entries are bytes of
 * canonical JSON whose tree (RFC 6962) must have the root of a checkpoint that the log's key has signed, a C2SP
 * signed-note; `sealreel audit verify` does that.
 *
 * All need the role audit. The first reading, and the first search of each set of conditions, on a connection is itself
 * an entry of the log.
 */
#ifndef SEALREEL_AUDIT_H
#define SEALREEL_AUDIT_H

#include "sealreel.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SR_AUDITOR_HASH 32
#define SR_AUDITOR_HASHES 66 /* of any proof */

/* One entry: its number, and its JSON as the log has it, without a terminator; borrowed until the callback returns. */
struct sr_auditor_entry {
	uint64_t number;
	const uint8_t *json;
	size_t size;
};

/* A page of them, ascending. `next` is the number to go on with: there is no more once it is `size`, or the end. */
struct sr_auditor_page {
	uint64_t size; /* entries that the log has */
	uint64_t next;
	uint8_t patient[32]; /* the tags that were searched; zeros: none */
	uint8_t actor[32];
	size_t count;
	const struct sr_auditor_entry *entries;
};
typedef void sr_auditor_told(void *context, const struct sr_result *result, const struct sr_auditor_page *page);

/*
 * Ask for the entries with numbers in [from, to), `to` 0: all there are; one page of them. `page` is NULL on failure:
 * SR_DENIED: the service lacks the role; SR_NO_SPACE, SR_IO: the log cannot be written, so that it is not read either;
 * SR_CORRUPT: a record does not verify. Returns SR_INTERNAL when memory is used up, or as the connection stands.
 */
SR_PUBLIC enum sr_code sr_auditor_read(sr_client *client, uint64_t from, uint64_t to, sr_auditor_told *told,
				       void *context, sr_call **call);

/* What is searched: all that is set must be met. Borrowed during the call. */
struct sr_auditor_search {
	uint64_t first;          /* numbers from this on: a page's `next` */
	uint64_t from_ms, to_ms; /* written in [from, to), milliseconds since 1970; to 0: no end */
	uint16_t kinds;          /* bits 1 << kind, in the order of store/FORMAT.md; 0: any */
	const void *patient; /* `patient_size` bytes, at most 255: an identity; or, `patient_tagged`, its tag of 32 */
	size_t patient_size; /* 0: any */
	bool patient_tagged;
	const void *actor; /* the same, of who acted */
	size_t actor_size;
	bool actor_tagged;
	const uint8_t *recording; /* SR_ID, NULL: any */
	const char *service;      /* NULL: any */
};

/*
 * Ask for a page of the entries that meet `search`. A page may be empty though more follow: go on from `next` until it
 * is `size`. SR_USAGE at once: a subject or name is none. Else as sr_auditor_read.
 */
SR_PUBLIC enum sr_code sr_auditor_search(sr_client *client, const struct sr_auditor_search *search,
					 sr_auditor_told *told, void *context, sr_call **call);

/*
 * A signed checkpoint, terminated; and what goes with it: the Ed25519 key that the daemon says it signs with (of
 * sr_auditor_checkpoint alone; else NULL), or the hashes of a proof. Borrowed until the callback returns.
 */
struct sr_auditor_note {
	const char *text;
	const uint8_t *key; /* 32 */
	size_t count;
	const uint8_t (*hashes)[SR_AUDITOR_HASH];
};
typedef void sr_auditor_noted(void *context, const struct sr_result *result, const struct sr_auditor_note *note);

/* Have all that is durable now covered by a checkpoint, and get it. SR_IO, SR_NO_SPACE: it cannot be written. */
SR_PUBLIC enum sr_code sr_auditor_checkpoint(sr_client *client, sr_auditor_noted *noted, void *context, sr_call **call);

/* The proof that entry `number` is in the log under the note. SR_USAGE: it has no such entry; SR_CORRUPT, SR_IO. */
SR_PUBLIC enum sr_code sr_auditor_prove(sr_client *client, uint64_t number, sr_auditor_noted *noted, void *context,
					sr_call **call);

/*
 * The proof that the log's first `old` entries are where its first `size` begin, or those of the note beside it (`size`
 * 0). SR_USAGE at once: `old` is more than `size`. Else the same codes.
 */
SR_PUBLIC enum sr_code sr_auditor_consistency(sr_client *client, uint64_t old, uint64_t size, sr_auditor_noted *noted,
					      void *context, sr_call **call);

/* One detail of a statement; its name is one of PROTOCOL.md's incident facts. Both terminated. */
struct sr_incident_detail {
	const char *name, *value;
};

/*
 * What somebody states of an incident, for the log. Name no people: it is stored in the clear. `what` is one of
 * PROTOCOL.md's words: opened, aware_at, cause … The details ascend by their names. Borrowed during the call.
 */
struct sr_incident_statement {
	const char *incident; /* its name: 1 to 63 of a-z 0-9 . _ - */
	const char *what;
	uint64_t at_ms;   /* a time that it states, milliseconds since 1970; 0: none */
	const char *text; /* at most 4,096 bytes of UTF-8; NULL: none */
	const struct sr_incident_detail *details;
	size_t count; /* at most 12 */
};

/* State it: done once it is durable. SR_USAGE at once: it has not this form. SR_NO_SPACE, SR_IO: not written. */
SR_PUBLIC enum sr_code sr_auditor_state(sr_client *client, const struct sr_incident_statement *statement, sr_done *done,
					void *context, sr_call **call);

/* Gets 32 bytes, NULL on failure; borrowed until the callback returns. */
typedef void sr_auditor_bytes(void *context, const struct sr_result *result, const uint8_t *bytes);

/* The tag under which the log has an identity (1 to 255 bytes, else SR_USAGE): an actor's, or a patient's. */
SR_PUBLIC enum sr_code sr_auditor_tag(sr_client *client, bool actor, const void *identity, size_t size,
				      sr_auditor_bytes *told, void *context, sr_call **call);

/* The auditor's public key (X25519), to which whatever names people is sealed. */
SR_PUBLIC enum sr_code sr_auditor_key(sr_client *client, sr_auditor_bytes *told, void *context, sr_call **call);

#ifdef __cplusplus
}
#endif

#endif
