/*
 * What the files behind accounting.h share: accounting.c, people.c, refusals.c, low_mark.c, recovery.c. Nobody else
 * includes this.
 */
#ifndef SR_ACCOUNTING_INTERNAL_H
#define SR_ACCOUNTING_INTERNAL_H

#include "account/event.h"
#include "message.h"
#include "serve/accounting/accounting.h"

#define SR_APPLIED "applied"
#define SR_NOT_APPLIED "not_applied"
#define SR_MARK_FORM 1             /* the one byte of a mark's value */
#define SR_OPERATION_START "start" /* whatever is written at start has it */

/* ---- people.c: tags whose `people` row is known to be there ---- */

struct sr_people;
struct sr_people *sr_people_new(void) SR_MUST_USE;
void sr_people_free(struct sr_people *people);

struct sr_person {
	const uint8_t *tag; /* SR_TAG */
	const uint8_t *identity;
	size_t size;
	bool comes; /* as sr_people_know's */
};

/* As sr_people_know. */
enum sr_code sr_people_ensure(struct sr_people *people, const struct sr_accounting_parts *parts,
			      const struct sr_person *person, struct sr_error *err) SR_MUST_USE;
/* As sr_people_known. */
bool sr_people_named(struct sr_people *people, const struct sr_accounting_parts *parts, const uint8_t tag[SR_TAG]);
void sr_people_drop(struct sr_people *people, const uint8_t tag[SR_TAG]);

/* ---- refusals.c: those that are merged ---- */

struct sr_refusals;
struct sr_refusals *sr_refusals_new(void) SR_MUST_USE;

/* Texts are borrowed; `service` may be NULL. */
struct sr_refusal {
	const char *service, *operation;
	enum sr_code code;
	const char *text;
};

/* Say it now, or count it for the next entry. Any thread. */
void sr_refusals_add(struct sr_refusals *refusals, struct sr_accounting *accounting, const struct sr_refusal *refusal);

/* Say what was counted since a second ago; the loop. And all of it, then release; NULL is allowed. */
void sr_refusals_tick(struct sr_refusals *refusals, struct sr_accounting *accounting, uint64_t now);
void sr_refusals_free(struct sr_refusals *refusals, struct sr_accounting *accounting);

/* ---- low_mark.c ---- */

/* Put the mark into `op`; read it: 0 if there is none, or none that verifies. SR_IO, SR_CORRUPT: the index failed. */
bool sr_low_put(const struct sr_keyring *keyring, uint64_t low, struct sr_op *op) SR_MUST_USE;
enum sr_code sr_low_read(const struct sr_keyring *keyring, struct sr_view *view, uint64_t *low) SR_MUST_USE;

/* ---- recovery.c ---- */

/*
 * Close what a predecessor left open: every intent without an outcome, from its mark; every range that was authorised
 * and not closed. Then remove every mark. *low (out) is the number below which nothing is open. Codes as
 * sr_accounting_new.
 */
enum sr_code sr_recover(const struct sr_accounting_parts *parts, uint64_t *low, struct sr_error *err) SR_MUST_USE;

#endif
