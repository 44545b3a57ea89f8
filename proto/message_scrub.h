/*
 * The messages of scrubbing: what to check, how far it is, and what was found. Encoders and decoders as message.h says.
 */
#ifndef SR_MESSAGE_SCRUB_H
#define SR_MESSAGE_SCRUB_H

#include "message.h"

#define SR_SCRUB_PLACE_MAX 96
#define SR_FINDINGS_PAGE_MAX 128

/*
 * SCRUB_START: rate u64 (bytes a second, 0: unthrottled), after (at most SR_SCRUB_PLACE_MAX bytes: a place that an
 * earlier report gave; empty: from the beginning). SCRUB_STATUS: from u32 (findings already seen).
 */
struct sr_scrub_start {
	uint64_t rate;
	struct sr_span after;
};
void sr_scrub_start_encode(struct sr_builder *out, const struct sr_scrub_start *message);
void sr_scrub_start_decode(struct sr_cursor *in, struct sr_scrub_start *message);
void sr_scrub_status_encode(struct sr_builder *out, uint32_t from);
void sr_scrub_status_decode(struct sr_cursor *in, uint32_t *from);

enum sr_scrub_state {
	SR_SCRUB_IDLE = 1, /* none since the daemon started */
	SR_SCRUB_RUNNING = 2,
	SR_SCRUB_STOPPED = 3, /* before its end: a new one can go on after its place */
	SR_SCRUB_DONE = 4
};

/*
 * SCRUB_REPORT: state u8, started_ms u64 (0: never), rows u64, bytes u64 (of blobs), findings u32 (in all), place (a
 * field as above: what lies before it is checked), from u32, count u16 (at most SR_FINDINGS_PAGE_MAX; from + count at
 * most `findings`), then so many of sr_finding.
 */
struct sr_scrub_report {
	enum sr_scrub_state state;
	uint64_t started_ms;
	uint64_t rows;
	uint64_t bytes;
	uint32_t findings;
	struct sr_span place;
	uint32_t from;
	uint16_t count;
};
void sr_scrub_report_encode(struct sr_builder *out, const struct sr_scrub_report *message);
void sr_scrub_report_decode(struct sr_cursor *in, struct sr_scrub_report *message);

/* What a scrub can find. */
enum sr_finding_kind {
	SR_FINDING_ROW = 1,     /* a row's HMAC, seal or form does not fit */
	SR_FINDING_WRAP,        /* a recording's outer wrap does not open under its epoch */
	SR_FINDING_MISSING_ROW, /* a row that another one needs is not there */
	SR_FINDING_EXTRA_ROW,   /* a row that belongs to nothing */
	SR_FINDING_MISFILED,    /* a recording under another tag than its hint's */
	SR_FINDING_MISMATCH,    /* whole rows that contradict each other, as after a roll-back */
	SR_FINDING_MISSING_FILE,
	SR_FINDING_SHORT_FILE,  /* shorter than its committed length */
	SR_FINDING_CHECKSUM,    /* stored bytes are not those that were committed */
	SR_FINDING_MANIFEST,    /* a sealed manifest is not the one that was committed */
	SR_FINDING_ORPHAN_FILE, /* a file that no row names */
	SR_FINDING_UNREADABLE,  /* a file or directory that cannot be read */
	SR_FINDING_INDEX,       /* the index itself is damaged */
	SR_FINDING_UNKNOWN,     /* whole, but of a later format or in a state that this version does not know */
	SR_FINDINGS             /* one past the last */
};

/*
 * One finding: kind u8, recording 16 (zeros: of none), track u16 (0: of none), file u16, offset u64 and length u64
 * (bytes of the file; length 0: no place in it), text (255).
 */
struct sr_finding {
	enum sr_finding_kind kind;
	uint8_t recording[SR_UUID];
	uint16_t track;
	uint16_t file;
	uint64_t offset;
	uint64_t length;
	struct sr_span text;
};
void sr_finding_encode(struct sr_builder *out, const struct sr_finding *finding);
void sr_finding_decode(struct sr_cursor *in, struct sr_finding *finding);

/* The stable name of a kind ("row", "checksum", …) and of a state ("running", …); static; NULL for another number. */
const char *sr_finding_name(enum sr_finding_kind kind);
const char *sr_scrub_state_name(enum sr_scrub_state state);

#endif
