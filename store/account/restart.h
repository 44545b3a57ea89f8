/*
 * A log that was restored from an old copy cannot be gone on with: its key has signed more than the copy has. A new log
 * takes its place, which begins by naming the one that was lost.
 */
#ifndef SR_RESTART_H
#define SR_RESTART_H

#include "account/audit.h"

/*
 * Put the log in options->directory aside as DIRECTORY.N and begin a new one in its place, of origin ORIGIN/M, where N
 * is the number of the log that was lost (1: the first) and M the next. `kept` (in) is the text of the latest
 * checkpoint that anybody has of the lost log; the new log's first entry is RESTARTED with that text, and with the
 * restored copy's own checkpoint as fact `restored`. Nobody may have the log open. SR_CONFLICT: the log covers what
 * `kept` covers, with the same root, and can simply be used; or DIRECTORY.N is taken. SR_CORRUPT: `kept`, or the log's
 * own checkpoint, is not signed by this store's key or is of another store. SR_NOT_FOUND: there is no log. SR_USAGE:
 * paths are too long. SR_IO, SR_NO_SPACE, SR_INTERNAL. The log is in its place after each of these but SR_IO of the
 * last rename, which leaves it as DIRECTORY.N.
 */
enum sr_code sr_audit_restart(const struct sr_audit_options *options, struct sr_span kept,
			      struct sr_error *err) SR_MUST_USE;

#endif
