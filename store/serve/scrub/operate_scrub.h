/*
 * The daemon's own scrub, and what the account hears of it.
 */
#ifndef SR_OPERATE_SCRUB_H
#define SR_OPERATE_SCRUB_H

#include "serve/daemon.h"
#include "serve/scrub/scrub.h"

/* The scrub of a daemon made from `parts`; its findings are events. NULL when memory is used up. */
struct sr_scrub *sr_daemon_scrub_new(const struct sr_daemon_parts *parts, struct sr_daemon *daemon) SR_MUST_USE;

#endif
