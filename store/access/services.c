/*
 * The services that may call: names, public keys, roles. Owned by the event loop; filled from the index at start.
 */
#include "access/services.h"

#include <string.h>

const struct sr_service *sr_services_by_key(const struct sr_services *services, const uint8_t key[32])
{
	for (size_t at = 0; at < services->count; at++)
		if (memcmp(services->rows[at].key, key, 32) == 0) /* public keys: nothing to hide */
			return &services->rows[at];
	return NULL;
}

const struct sr_service *sr_services_by_name(const struct sr_services *services, const char *name)
{
	for (size_t at = 0; at < services->count; at++)
		if (strcmp(services->rows[at].name, name) == 0)
			return &services->rows[at];
	return NULL;
}

enum sr_code sr_services_add(struct sr_services *services, const struct sr_service *service, struct sr_error *err)
{
	if (sr_services_by_name(services, service->name))
		return SR_FAIL(err, SR_CONFLICT, "a service of that name exists");
	if (sr_services_by_key(services, service->key))
		return SR_FAIL(err, SR_CONFLICT, "a service with that key exists");
	if (services->count == SR_SERVICES_MAX)
		return SR_FAIL(err, SR_BUSY, "there is room for %d services; remove one first", SR_SERVICES_MAX);
	services->rows[services->count++] = *service;
	return SR_OK;
}

enum sr_code sr_services_remove(struct sr_services *services, const char *name, struct sr_error *err)
{
	const struct sr_service *found = sr_services_by_name(services, name);
	if (!found)
		return SR_FAIL(err, SR_NOT_FOUND, "no service has that name");
	size_t at = (size_t)(found - services->rows);
	services->rows[at] = services->rows[--services->count];
	return SR_OK;
}
