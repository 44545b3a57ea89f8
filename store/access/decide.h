/*
 * May this happen? The table of operations: which roles may ask for each, and which scope its grant must have.
 */
#ifndef SR_DECIDE_H
#define SR_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "access/grant.h"
#include "error.h"
#include "message.h"

/* What an operation demands. */
struct sr_demand {
	uint16_t roles;      /* any one of these bits; 0: of any service */
	enum sr_scope scope; /* of its grant; 0: it carries none, or, as a renewal, one whose scope is its stream's */
};

/* The demand of a request's type (design: access.md, "Protocol"). False: no request has that type. */
bool sr_demand_of(uint8_t type, struct sr_demand *demand) SR_MUST_USE;

/* SR_OK if a service with `roles` may send this type; SR_DENIED with a text otherwise. */
enum sr_code sr_role_allows(uint16_t roles, uint8_t type, struct sr_error *err) SR_MUST_USE;

#endif
