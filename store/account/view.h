/*
 * A fixed view of a log: its first so many entries, of the daemon's own log or of any log's directory, also while it
 * grows. Search, proofs and verification work on views.
 */
#ifndef SR_VIEW_H
#define SR_VIEW_H

#include "account/audit.h"
#include "account/position.h"
#include "account/record.h"
#include "account/tile.h"

struct sr_audit_view {
	int dir;                            /* of the log */
	int records;                        /* the record file */
	uint64_t size;                      /* entries in view */
	char checkpoint[SR_CHECKPOINT_MAX]; /* the latest; it may cover fewer than `size` in the daemon's own view */
	struct sr_positions *positions;
	struct sr_audit *live;   /* the log, in the daemon's own view; NULL elsewhere */
	struct sr_positions own; /* where the log is another process's */
};

/*
 * View what the latest checkpoint of the log in `directory` covers, without a lock and without judging it: `audit
 * verify` does that. SR_NOT_FOUND: no log; SR_CORRUPT: no readable checkpoint or no record file; SR_IO, SR_INTERNAL.
 */
enum sr_code sr_audit_view_open(const char *directory, struct sr_audit_view *view, struct sr_error *err) SR_MUST_USE;

/* View all that is durable in the daemon's log now. SR_IO. */
enum sr_code sr_audit_view_live(struct sr_audit *audit, struct sr_audit_view *view, struct sr_error *err) SR_MUST_USE;

/* Release a view, opened or zeroed. */
void sr_audit_view_close(struct sr_audit_view *view);

/*
 * Set `reader` up before entry `number`, below the view's size. SR_CORRUPT: the records do not lead there; SR_IO;
 * SR_INTERNAL. Ended with sr_record_reader_end, also on failure.
 */
enum sr_code sr_audit_view_seek(const struct sr_audit_view *view, uint64_t number, struct sr_record_reader *reader,
				struct sr_error *err) SR_MUST_USE;

/* Visit the entries from `from` to `to` without `to`, which may lie beyond the view. As sr_audit_read. */
enum sr_code sr_audit_view_read(const struct sr_audit_view *view, uint64_t from, uint64_t to, sr_audit_visit *visit,
				void *context, struct sr_error *err) SR_MUST_USE;

#endif
