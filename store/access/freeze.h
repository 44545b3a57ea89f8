/*
 * Freezes: what is stopped. A set of them is immutable, so that requests may hold one while the next is made.
 */
#ifndef SR_FREEZE_H
#define SR_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "message_freeze.h"

#define SR_FREEZES_MAX 4096 /* of every scope together; one of all is taken beyond it */

/* One freeze. Text is not terminated. A patient and an actor stand here by their tags. */
struct sr_freeze_entry {
	enum sr_freeze_scope scope;
	uint8_t subject[SR_FREEZE_SUBJECT_MAX];
	uint8_t subject_size;
	bool ingest; /* recording stops as well */
	uint64_t frozen_ms;
	uint8_t by[SR_SERVICE_NAME_MAX];
	uint8_t by_size; /* 0: the store itself */
	uint8_t reason[SR_TEXT_MAX];
	uint8_t reason_size;
};

/* Between an entry and a message's row, which then borrows from the entry. False: the row has something too long. */
bool sr_freeze_entry_of(const struct sr_freeze_row *row, struct sr_freeze_entry *entry) SR_MUST_USE;
struct sr_freeze_row sr_freeze_row_of(const struct sr_freeze_entry *entry);

struct sr_freezes;

/*
 * A set of `count` entries (in, copied), in this order; of two that name the same the later one counts. NULL when
 * memory is used up, or more than SR_FREEZES_MAX + 1 are given. Counted: one share is the caller's.
 */
struct sr_freezes *sr_freezes_new(const struct sr_freeze_entry *entries, size_t count) SR_MUST_USE;

/* Take and give back a share of a set; the last one frees it. Any thread. NULL may be given back. */
struct sr_freezes *sr_freezes_share(struct sr_freezes *freezes);
void sr_freezes_release(struct sr_freezes *freezes);

/*
 * A new set in *out (out; NULL on failure): this one with `entry` added, or put in the place of the one that names the
 * same; or this one without what `scope` and `subject` (in) name. SR_BUSY: there are SR_FREEZES_MAX, which a freeze of
 * all may exceed; SR_NOT_FOUND: it is not frozen; SR_INTERNAL: memory is used up. The set itself is untouched.
 */
enum sr_code sr_freezes_with(const struct sr_freezes *freezes, const struct sr_freeze_entry *entry,
			     struct sr_freezes **out, struct sr_error *err) SR_MUST_USE;
enum sr_code sr_freezes_without(const struct sr_freezes *freezes, enum sr_freeze_scope scope, struct sr_span subject,
				struct sr_freezes **out, struct sr_error *err) SR_MUST_USE;

/* How many there are, and each in the order made. Valid while a share is held. */
size_t sr_freezes_count(const struct sr_freezes *freezes);
const struct sr_freeze_entry *sr_freezes_at(const struct sr_freezes *freezes, size_t at);

/* The freeze of exactly this, or NULL; the time does not depend on how many there are. */
const struct sr_freeze_entry *sr_freezes_find(const struct sr_freezes *freezes, enum sr_freeze_scope scope,
					      struct sr_span subject);

/* Who and what a request is about. Borrowed; NULL where there is none. */
struct sr_freeze_facts {
	const uint8_t *patient;   /* SR_TAG */
	const uint8_t *actor;     /* SR_TAG */
	const uint8_t *recording; /* SR_UUID */
	const char *service;
	const char *issuer; /* the configuration's name */
	const char *jti;
};

/*
 * The decision: true if a freeze of any scope stops this (`freezes` NULL: there are none). `ingests`: it records, and
 * only freezes with `ingest` stop it.
 */
bool sr_freezes_stop(const struct sr_freezes *freezes, const struct sr_freeze_facts *facts, bool ingests) SR_MUST_USE;

#endif
