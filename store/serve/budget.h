/*
 * The account of the memory that grows with clients: connections' buffers, requests, what waits to be sent, what
 * writers have not sealed yet. Whoever holds such memory says how much it is now. The loop's alone.
 */
#ifndef SR_BUDGET_H
#define SR_BUDGET_H

#include "serve/daemon.h"

/* How much of limits.memory_mib is left, and so who is served. */
enum sr_room {
	SR_ROOM_PLENTY, /* everybody */
	SR_ROOM_SCARCE, /* no connection, stream or request that is new */
	SR_ROOM_SPARSE, /* and only connections with a live writer are read */
	SR_ROOM_NONE,   /* nobody is read */
};

/* *share (in, out: bytes, 0 at first) is what one holder has in the account; from now on it is `now`. */
void sr_budget_set(struct sr_daemon *daemon, size_t *share, size_t now);

enum sr_room sr_budget_room(const struct sr_daemon *daemon);

#endif
