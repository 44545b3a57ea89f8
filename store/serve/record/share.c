/*
 * What uploads may take beside calls: all that they bring while calls are in time, less at once when one is late, and
 * more again slowly.
 */
#include "serve/record/share.h"

#include <stdbool.h>

#define NO_LIMIT ((uint64_t)1 << 30) /* bytes a second that nobody brings */
#define ELAPSED_MAX 1000             /* a clock that stood still, or jumped, gives nothing away */

static uint64_t elapsed(const struct sr_share *share, uint64_t now)
{
	uint64_t ms = now > share->looked ? now - share->looked : 0;
	return ms < ELAPSED_MAX ? ms : ELAPSED_MAX;
}

static void cut(struct sr_share *share, uint64_t now)
{
	uint64_t from = share->usual < share->rate ? share->usual : share->rate;
	share->rate = from / 2 > SR_SHARE_LEAST ? from / 2 : SR_SHARE_LEAST;
	share->cut = now;
}

static void grow(struct sr_share *share, uint64_t ms)
{
	share->rate += (share->rate / 4 + SR_SHARE_LEAST) * ms / 1000;
	if (share->rate >= NO_LIMIT)
		share->rate = SR_SHARE_ALL;
}

void sr_share_look(struct sr_share *share, const struct sr_share_look *look)
{
	uint64_t ms = elapsed(share, look->now);
	bool late = look->calls > 0 && look->late > look->tolerated;
	if (ms == 0)
		return;
	share->usual = (7 * share->usual + share->taken * 1000 / ms) / 8;
	share->taken = 0;
	share->looked = look->now;
	if (late)
		share->late = look->now;
	if (look->calls == 0)
		share->rate = SR_SHARE_ALL;
	else if (late && look->now - share->cut >= SR_SHARE_SETTLE_MS)
		cut(share, look->now);
	else if (share->rate != SR_SHARE_ALL && look->now - share->late >= SR_SHARE_CALM_MS)
		grow(share, ms);
}

uint64_t sr_share_part(const struct sr_share *share, uint64_t now, unsigned uploads)
{
	if (share->rate == SR_SHARE_ALL)
		return SR_SHARE_ALL;
	return share->rate * elapsed(share, now) / 1000 / (uploads > 0 ? uploads : 1);
}
