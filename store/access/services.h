/*
 * The services that may call: names, public keys, roles. Owned by the event loop; filled from the index at start.
 */
#ifndef SR_SERVICES_H
#define SR_SERVICES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "message_operate.h"

struct sr_service {
	char name[SR_SERVICE_NAME_MAX + 1];
	uint8_t key[32];
	uint16_t roles;
	uint64_t added_ms;
};

/* A plain table; zeroed is empty. */
struct sr_services {
	struct sr_service rows[SR_SERVICES_MAX];
	size_t count;
};

/* The service with this public key, or this name; NULL if none. Valid until the table changes. */
const struct sr_service *sr_services_by_key(const struct sr_services *services, const uint8_t key[32]);
const struct sr_service *sr_services_by_name(const struct sr_services *services, const char *name);

/* Add a copy of `service`. SR_CONFLICT: the name or key is there; SR_BUSY: full. Nothing changes on failure. */
enum sr_code sr_services_add(struct sr_services *services, const struct sr_service *service,
			     struct sr_error *err) SR_MUST_USE;

/* Remove by name. SR_NOT_FOUND. */
enum sr_code sr_services_remove(struct sr_services *services, const char *name, struct sr_error *err) SR_MUST_USE;

#endif
