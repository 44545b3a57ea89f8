/*
 * One entry of the audit log: its fields, and the one way to write them as JSON.
 */
#ifndef SR_AUDIT_ENTRY_H
#define SR_AUDIT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "context.h"
#include "cursor.h"
#include "error.h"
#include "uuid.h"

#define SR_AUDIT_ENTRY_MAX 61440     /* bytes of JSON: 60 KiB, so that a bundle's u16 length holds it */
#define SR_AUDIT_RECORDINGS_MAX 1024 /* of one entry; whoever has more writes several */
#define SR_AUDIT_PAIRS_MAX 32        /* counts, and facts, of one entry */
#define SR_AUDIT_MANIFEST 32         /* bytes of a manifest's hash, as the track's row has it */

/* What an entry says. The words in FORMAT.md are these without the prefix, in lower case. */
enum sr_audit_kind {
	SR_AUDIT_INTENT = 1, /* a change is about to be made; its number is the change's mark in the index */
	SR_AUDIT_OUTCOME,    /* what became of the intent `of`, or of an operation that changes nothing */
	SR_AUDIT_PRESENTED,  /* an answer that names recordings is about to go out: those shown and those withheld */
	SR_AUDIT_AUTHORISED, /* a range may leave: before its first key or byte */
	SR_AUDIT_SENT,       /* what has left under the entry `of`, merged, at the close */
	SR_AUDIT_CONFIRMED,  /* what the client's next request showed to have arrived */
	SR_AUDIT_SHOWN,      /* stated by a playback service: what its viewer showed */
	SR_AUDIT_REFUSED,    /* a request that was not allowed, or that found nothing */
	SR_AUDIT_ALARM,      /* one of the design's alarms; `name` is which */
	SR_AUDIT_CONTROL,    /* a change of control state, done: freeze, service, hold, epoch, note, incident … */
	SR_AUDIT_RECOVERED,  /* written at start: what became of the intent or of the authorised range `of` */
	SR_AUDIT_RESTARTED,  /* the first entry of a log that goes on for another: `text` is that log's checkpoint */
	SR_AUDIT_KINDS
};

/*
 * A recording that an entry is about. What is not known is left out: NULL, or the flag false. Ranges are bytes of the
 * track's plaintext, `from` to `to` without `to`; media times are milliseconds.
 */
struct sr_audit_recording {
	uint8_t id[SR_UUID];
	const char *withheld; /* why it was not shown or given: misfiled, foreign, corrupt, not_found, … */
	const uint8_t *owner; /* SR_TAG: whose it is, where that is not the entry's patient */
	bool has_own_tag;
	bool own_tag; /* foreign: did it stand under the requester's tag? */
	bool has_track;
	uint16_t track;
	bool has_range;
	uint64_t from;
	uint64_t to;
	bool has_length;
	uint64_t length; /* of the track's plaintext, as known when the entry was written */
	bool has_media;
	uint64_t media_from;
	uint64_t media_to;
	bool has_generation;
	uint32_t generation;     /* of the track's writer */
	const uint8_t *manifest; /* SR_AUDIT_MANIFEST */
};

/* A named number or text, for what has no member of its own. Names: lower-case ASCII letters and _, 1 to 32. */
struct sr_audit_count {
	const char *name;
	uint64_t value;
};
struct sr_audit_fact {
	const char *name;
	const char *value;
};

/*
 * One entry. Everything is borrowed. Texts are terminated UTF-8, NULL: left out; tags are SR_TAG bytes, NULL: left out.
 * People appear as tags alone: no identity, label, token or key may stand in any text.
 */
struct sr_audit_entry {
	uint64_t number;  /* its place, from 0; given by the log when it is appended */
	uint64_t time_ms; /* since 1970; given by the log */
	enum sr_audit_kind kind;
	const char *operation; /* the design's name: "list", "play.open", … Required */
	uint64_t request;      /* the request's id as logs and replies have it; 0: none */
	bool has_of;
	uint64_t of;         /* the entry this one belongs to; below its own number */
	const char *service; /* whose credential */
	const char *issuer;  /* the configuration's name of the grant's */
	const char *jti;
	const char *session;   /* the grant's act.sid */
	const uint8_t *tag;    /* the patient that the request was for */
	const uint8_t *actor;  /* who acts */
	const uint8_t *linked; /* the other tag: of a move, a merge, a conflict */
	const char *role;
	const char *purpose;
	const char *outcome;     /* a code's name, or applied, not_applied */
	const char *text;        /* of a failure; of an incident's note; of RESTARTED */
	const char *reason;      /* as the operator gave it: of freeze, hold, discard … */
	const char *name;        /* of an alarm, service, hold, freeze, incident … */
	const uint8_t *manifest; /* SR_AUDIT_MANIFEST */
	const struct sr_audit_recording *recordings;
	size_t recording_count;
	const struct sr_audit_count *counts; /* in strictly ascending order of their names */
	size_t count_count;
	const struct sr_audit_fact *facts; /* the same */
	size_t fact_count;
	/* For the log alone: an entry that has the next number, becomes durable with this one, and whose `of` is this
	 * one; NULL: none. What a parse gives has none. */
	const struct sr_audit_entry *behind;
};

/* The word of a kind, static; and the kind of a word of `size` bytes, 0 if it is none. */
const char *sr_audit_kind_name(enum sr_audit_kind kind);
enum sr_audit_kind sr_audit_kind_parse(const char *word, size_t size);

/*
 * Write `entry` as its one canonical JSON object: members in FORMAT.md's order, no blanks, integers without sign or
 * leading zero, hex in lower case, of escapes only \" \\ and \u00XX of control characters. `json` (out) takes up to
 * SR_AUDIT_ENTRY_MAX bytes, *size (out) how many, without a terminator. SR_USAGE: it would be longer, a text is not
 * UTF-8, names are not as they must be, there are too many of something, or kind or operation is missing; what is
 * in `json` is then undefined.
 */
enum sr_code sr_audit_entry_write(const struct sr_audit_entry *entry, uint8_t json[SR_AUDIT_ENTRY_MAX], size_t *size,
				  struct sr_error *err) SR_MUST_USE;

/* What a parsed entry points into; large: keep one for many entries. Each parse overwrites it. */
struct sr_audit_room {
	struct sr_audit_recording recordings[SR_AUDIT_RECORDINGS_MAX];
	uint8_t hashes[2 * SR_AUDIT_RECORDINGS_MAX + 4][SR_TAG];
	struct sr_audit_count counts[SR_AUDIT_PAIRS_MAX];
	struct sr_audit_fact facts[SR_AUDIT_PAIRS_MAX];
	char text[SR_AUDIT_ENTRY_MAX];
};

/*
 * Read `size` bytes of exactly the form that sr_audit_entry_write gives, and of no other, into *entry, which then
 * points into `room`. SR_CORRUPT: it is not of that form (the text says at which byte); *entry is undefined.
 */
enum sr_code sr_audit_entry_parse(const uint8_t *json, size_t size, struct sr_audit_room *room,
				  struct sr_audit_entry *entry, struct sr_error *err) SR_MUST_USE;

#endif
