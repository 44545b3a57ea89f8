/*
 * Who is let in: the limits on connections, streams and requests.
 */
#include "serve/admission.h"

#include <string.h>

#include "account/event.h"
#include "serve/budget.h"
#include "serve/operations.h"
#include "serve/session_internal.h"

struct census {
	unsigned from_address, half_open_from_address;
};

static struct census count_address(const struct sr_daemon *daemon, const char *address)
{
	struct census found = {0};
	for (const struct sr_session *at = daemon->sessions; at; at = at->next)
		if (strcmp(at->address, address) == 0) {
			found.from_address++;
			found.half_open_from_address += sr_session_half_open(at);
		}
	return found;
}

static bool refuse(enum sr_counter why)
{
	sr_count(why, 1);
	return false;
}

bool sr_admit_connection(const struct sr_daemon *daemon, const char *address)
{
	const struct sr_config *config = daemon->settings->config;
	/* What costs nothing to know comes first: under a flood it is all that is asked. */
	if (daemon->session_count >= config->sessions_max)
		return refuse(SR_COUNT_REFUSED_SESSIONS);
	if (daemon->half_open_count >= config->half_open_max)
		return refuse(SR_COUNT_REFUSED_HALF_OPEN);
	if (sr_budget_room(daemon) != SR_ROOM_PLENTY)
		return refuse(SR_COUNT_REFUSED_MEMORY);
	struct census found = count_address(daemon, address);
	if (found.half_open_from_address >= config->half_open_per_address)
		return refuse(SR_COUNT_REFUSED_HALF_OPEN);
	if (found.from_address >= config->sessions_per_address)
		return refuse(SR_COUNT_REFUSED_ADDRESS);
	return true;
}

bool sr_admit_service(const struct sr_session *session)
{
	const struct sr_daemon *daemon = session->daemon;
	unsigned count = 0;
	for (const struct sr_session *at = daemon->sessions; at; at = at->next)
		count += at->phase == OPEN && !at->unwelcome && memcmp(at->caller.key, session->caller.key, 32) == 0;
	return count <= daemon->settings->config->sessions_per_service || refuse(SR_COUNT_REFUSED_SERVICE);
}

enum sr_code sr_admit_request(const struct sr_daemon *daemon, uint8_t type, struct sr_error *err)
{
	if (sr_budget_room(daemon) == SR_ROOM_PLENTY || sr_operation_of(type)->relieves)
		return SR_OK;
	sr_count(SR_COUNT_REFUSED_MEMORY, 1);
	return SR_FAIL(err, SR_BUSY, "the daemon's memory is in use");
}
