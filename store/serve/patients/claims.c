/*
 * Who is changing a patient as a whole: a short list under a lock, as long as there are such requests on the pool.
 */
#include "serve/patients/claims.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct claim {
	struct claim *next;
	uint8_t tag[SR_TAG];
	unsigned adding; /* 0: somebody changes all of it */
};

struct sr_claims {
	pthread_mutex_t lock;
	struct claim *first;
};

struct sr_claims *sr_claims_new(void)
{
	struct sr_claims *claims = calloc(1, sizeof *claims);
	if (claims)
		pthread_mutex_init(&claims->lock, NULL);
	return claims;
}

void sr_claims_free(struct sr_claims *claims)
{
	if (!claims)
		return;
	pthread_mutex_destroy(&claims->lock);
	free(claims);
}

/* The link that leads to the claim of `tag`, or the one at the list's end. */
static struct claim **find(struct sr_claims *claims, const uint8_t tag[SR_TAG])
{
	struct claim **at = &claims->first;
	while (*at && memcmp((*at)->tag, tag, SR_TAG) != 0)
		at = &(*at)->next;
	return at;
}

enum sr_code sr_claim(struct sr_claims *claims, const uint8_t tag[SR_TAG], enum sr_claim_kind kind)
{
	enum sr_code code = SR_OK;
	pthread_mutex_lock(&claims->lock);
	struct claim **at = find(claims, tag);
	bool together = *at && (*at)->adding > 0 && kind == SR_CLAIM_ADDING;
	if (*at && !together)
		code = SR_BUSY;
	else if (!*at && !(*at = calloc(1, sizeof **at)))
		code = SR_INTERNAL;
	if (code == SR_OK) {
		memcpy((*at)->tag, tag, SR_TAG);
		(*at)->adding += kind == SR_CLAIM_ADDING;
	}
	pthread_mutex_unlock(&claims->lock);
	return code;
}

void sr_claim_end(struct sr_claims *claims, const uint8_t tag[SR_TAG], enum sr_claim_kind kind)
{
	pthread_mutex_lock(&claims->lock);
	struct claim **at = find(claims, tag);
	struct claim *claim = *at;
	if (claim && kind == SR_CLAIM_ADDING)
		claim->adding--;
	if (claim && claim->adding == 0) {
		*at = claim->next;
		free(claim);
	}
	pthread_mutex_unlock(&claims->lock);
}
