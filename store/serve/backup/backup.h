/*
 * Backups: a client reads the index as it was at one instant, the data files that it names, and the audit log. One at a
 * time; while it lasts nothing that was deleted is removed.
 */
#ifndef SR_SERVE_BACKUP_H
#define SR_SERVE_BACKUP_H

#include "serve/daemon.h"

#define SR_BACKUP_LEASE_MS 60000 /* without a request for so long, it is given up */

/* Where the one backup stands, or none. */
struct sr_backups;

/* NULL when memory is used up. Freed when no request runs any more; NULL is allowed. */
struct sr_backups *sr_backups_new(void) SR_MUST_USE;
void sr_backups_free(struct sr_backups *backups, struct sr_daemon *daemon);

/* On the loop, now and then: give up a backup whose client does not come any more. */
void sr_backups_tick(struct sr_daemon *daemon);

#endif
