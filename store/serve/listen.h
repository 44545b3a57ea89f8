/*
 * Listening sockets: the Unix socket inside the store, and TCP where it is configured.
 */
#ifndef SR_LISTEN_H
#define SR_LISTEN_H

#include "serve/daemon.h"

/*
 * Listen where the configuration says. A Unix socket that nobody answers on any more is replaced; its directory's
 * permissions and 0660 on the socket guard it. SR_USAGE: an address cannot be understood; SR_IO: it cannot be bound.
 */
enum sr_code sr_listen_start(struct sr_daemon *daemon, struct sr_error *err) SR_MUST_USE;

/* Time has passed: listen on where descriptors were used up. */
void sr_listen_tick(struct sr_daemon *daemon);

/* Stop listening, and remove the Unix socket. Idempotent. */
void sr_listen_stop(struct sr_daemon *daemon);

#endif
