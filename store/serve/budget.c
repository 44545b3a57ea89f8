/*
 * The account of the memory that grows with clients. What has begun may grow into the last quarter, where nothing new
 * is let in, and live writers into the last eighth alone.
 */
#include "serve/budget.h"

#include "account/event.h"

void sr_budget_set(struct sr_daemon *daemon, size_t *share, size_t now)
{
	daemon->memory_used += now;
	daemon->memory_used -= *share;
	sr_count(SR_COUNT_MEMORY_NOW, (int64_t)now - (int64_t)*share);
	*share = now;
}

enum sr_room sr_budget_room(const struct sr_daemon *daemon)
{
	uint64_t eighth = ((uint64_t)daemon->settings->config->memory_mib << 20) / 8;
	if (daemon->memory_used < 6 * eighth)
		return SR_ROOM_PLENTY;
	if (daemon->memory_used < 7 * eighth)
		return SR_ROOM_SCARCE;
	return daemon->memory_used < 8 * eighth ? SR_ROOM_SPARSE : SR_ROOM_NONE;
}
