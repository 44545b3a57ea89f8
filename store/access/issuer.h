/*
 * Issuers: who may vouch for patients, and within which limits. Plain values, filled in by the configuration.
 */
#ifndef SR_ISSUER_H
#define SR_ISSUER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/jwks.h"

#define SR_ISSUER_PREFIXES_MAX 16
#define SR_GRANT_LIFE_MAX 3600 /* seconds: no issuer may exceed an hour */

/* What a grant may do: bits of its `scope`. */
enum sr_scope {
	SR_SCOPE_RECORD = 1 << 0,
	SR_SCOPE_LIST = 1 << 1,
	SR_SCOPE_PLAY = 1 << 2,
	SR_SCOPE_DELETE = 1 << 3,
	SR_SCOPE_MANAGE = 1 << 4
};

/* Who acts: `act.role`, also as a bit in an issuer's limits (1 << role). */
enum sr_act_role { SR_ACT_PATIENT, SR_ACT_CLINICIAN, SR_ACT_GUARDIAN, SR_ACT_SYSTEM, SR_ACT_ROLES };

/*
 * Names of an issuer's own claims for ours; NULL where ours is used. Dots reach into objects (realm.patient); a dot
 * that belongs to a name is written \. (https://id\.example/patient), and a backslash \\.
 */
struct sr_claim_names {
	char *sub;
	char *scope;
	char *act_sub;
	char *act_role;
	char *consultation;
	char *recording;
};

/* One issuer. All strings are owned and released by sr_issuer_clear. */
struct sr_issuer {
	char *name;                             /* the configuration's name for it */
	char *iss;                              /* compared byte for byte with the claim */
	char *typ;                              /* required header `typ`; "sealreel-grant+jwt" by default */
	char *prefixes[SR_ISSUER_PREFIXES_MAX]; /* identities it may name begin with one of these */
	size_t prefix_count;                    /* 0: any identity */
	unsigned scopes;                        /* enum sr_scope bits it may give */
	unsigned roles;                         /* 1 << enum sr_act_role bits it may name */
	int64_t life_max;                       /* seconds, 1 to SR_GRANT_LIFE_MAX */
	bool recording_required;                /* every grant must name one recording */
	uint32_t retain_days;                   /* what is recorded by its grants is kept so long */
	struct sr_claim_names claims;
	struct sr_jwks *keys; /* owned */
};

/* Release what an issuer owns and leave it zeroed. */
void sr_issuer_clear(struct sr_issuer *issuer);

/*
 * Names of scopes and roles: parse `size` bytes of a list separated by spaces or commas into bits (false on an unknown
 * or repeated name or an empty list; *bits untouched then), parse the name of exactly one role, and give the name of
 * one bit or role (static, NULL if it is none).
 */
bool sr_scopes_parse(const char *text, size_t size, unsigned *bits) SR_MUST_USE;
bool sr_act_roles_parse(const char *text, size_t size, unsigned *bits) SR_MUST_USE;
bool sr_act_role_parse(const char *text, size_t size, enum sr_act_role *role) SR_MUST_USE;
const char *sr_scope_name(enum sr_scope scope);
const char *sr_act_role_name(enum sr_act_role role);

#endif
