/*
 * Refusals of requests that have proved nothing: the first of a kind is an entry at once, the rest are counted, so that
 * a flood of them costs neither memory nor disk.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/accounting/accounting_internal.h"

#define KINDS 64u       /* told apart at once; what goes beyond is counted together */
#define COUNT_MS 1000   /* how long a kind is counted before that is said */
#define QUIET_TICKS 10u /* without another one, until a kind is forgotten */
#define OTHERS "others" /* the operation of those that are counted together */

struct kind {
	bool used;
	char service[SR_SERVICE_NAME_MAX + 1];
	char operation[32];
	enum sr_code code;
	char text[160];
	uint64_t count; /* since it was last said */
	unsigned quiet;
};

struct sr_refusals {
	pthread_mutex_t lock;
	struct kind kinds[KINDS + 1]; /* the last one counts what found no place */
	uint64_t said_at;
};

struct sr_refusals *sr_refusals_new(void)
{
	struct sr_refusals *refusals = calloc(1, sizeof *refusals);
	if (!refusals)
		return NULL;
	pthread_mutex_init(&refusals->lock, NULL);
	return refusals;
}

static struct kind named(const struct sr_refusal *refusal)
{
	struct kind kind = {.used = true, .code = refusal->code};
	snprintf(kind.service, sizeof kind.service, "%s", refusal->service ? refusal->service : "");
	snprintf(kind.operation, sizeof kind.operation, "%s", refusal->operation);
	snprintf(kind.text, sizeof kind.text, "%s", refusal->text ? refusal->text : "");
	return kind;
}

static bool same(const struct kind *left, const struct kind *right)
{
	return left->used && left->code == right->code && strcmp(left->service, right->service) == 0 &&
	       strcmp(left->operation, right->operation) == 0 && strcmp(left->text, right->text) == 0;
}

/* Its place, new or old; the last one if there is no other. */
static struct kind *place_for(struct sr_refusals *refusals, const struct kind *wanted)
{
	struct kind *vacant = NULL;
	for (unsigned at = 0; at < KINDS; at++) {
		if (same(&refusals->kinds[at], wanted))
			return &refusals->kinds[at];
		if (!refusals->kinds[at].used && !vacant)
			vacant = &refusals->kinds[at];
	}
	return vacant ? vacant : &refusals->kinds[KINDS];
}

static void say(struct sr_accounting *accounting, const struct kind *kind, uint64_t times)
{
	struct sr_audit_count count = {"times", times};
	struct sr_audit_entry entry = {.kind = SR_AUDIT_REFUSED,
				       .operation = kind->operation,
				       .service = *kind->service ? kind->service : NULL,
				       .outcome = sr_code_name(kind->code),
				       .text = *kind->text ? kind->text : NULL,
				       .counts = &count,
				       .count_count = 1};
	sr_account_say(accounting, &entry, SR_AUDIT_ORDINARY);
}

void sr_refusals_add(struct sr_refusals *refusals, struct sr_accounting *accounting, const struct sr_refusal *refusal)
{
	struct kind kind = named(refusal);
	pthread_mutex_lock(&refusals->lock);
	struct kind *place = place_for(refusals, &kind);
	bool first = !place->used;
	if (first && place == &refusals->kinds[KINDS])
		*place = (struct kind){.used = true, .operation = OTHERS, .code = SR_DENIED};
	else if (first)
		*place = kind;
	place->quiet = 0;
	if (!first)
		place->count++;
	kind = *place;
	pthread_mutex_unlock(&refusals->lock);
	if (first)
		say(accounting, &kind, 1);
}

/* What one kind has to say; count 0: nothing. */
static struct kind take(struct sr_refusals *refusals, unsigned at)
{
	pthread_mutex_lock(&refusals->lock);
	struct kind *place = &refusals->kinds[at];
	struct kind taken = *place;
	place->count = 0;
	if (place->used && taken.count == 0 && ++place->quiet > QUIET_TICKS)
		place->used = false;
	pthread_mutex_unlock(&refusals->lock);
	return taken;
}

static void say_all(struct sr_refusals *refusals, struct sr_accounting *accounting)
{
	for (unsigned at = 0; at <= KINDS; at++) {
		struct kind kind = take(refusals, at);
		if (kind.used && kind.count > 0)
			say(accounting, &kind, kind.count);
	}
}

void sr_refusals_tick(struct sr_refusals *refusals, struct sr_accounting *accounting, uint64_t now)
{
	if (now - refusals->said_at < COUNT_MS)
		return;
	refusals->said_at = now;
	say_all(refusals, accounting);
}

void sr_refusals_free(struct sr_refusals *refusals, struct sr_accounting *accounting)
{
	if (!refusals)
		return;
	say_all(refusals, accounting);
	pthread_mutex_destroy(&refusals->lock);
	free(refusals);
}
