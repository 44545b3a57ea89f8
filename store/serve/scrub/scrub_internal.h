/*
 * What the files of the scrub share: the state of the one that runs, its order of going, and judging a thing twice.
 */
#ifndef SR_SCRUB_INTERNAL_H
#define SR_SCRUB_INTERNAL_H

#include <pthread.h>

#include "digest.h"
#include "keys/extent_sum.h"
#include "keys/rows.h"
#include "serve/scrub/scrub.h"

/*
 * The parts of a scrub, in their order. A place is one of these as a byte and the last key that was checked; both are
 * told to clients, so that numbers keep their meaning.
 */
enum sr_scrub_phase {
	SR_PHASE_PATIENTS = 1,
	SR_PHASE_RECORDINGS = 2, /* with tracks, segments, extents and blobs */
	SR_PHASE_SEGMENTS = 3,   /* that no track has */
	SR_PHASE_EXTENTS = 4,    /* that no file has */
	SR_PHASE_HINTS = 5,
	SR_PHASE_CONSULTATIONS = 6,
	SR_PHASE_PEOPLE = 7,
	SR_PHASE_CONTROL = 8,
	SR_PHASE_FILES = 9, /* that no row has */
	SR_PHASES
};

/* A finding as it is kept. */
struct sr_kept_finding {
	struct sr_finding finding; /* its text is the one below */
	char text[SR_TEXT_MAX + 1];
};

struct sr_scrub {
	struct sr_scrub_parts parts;
	/* The thread's own while it runs. */
	struct sr_index_key after; /* the last key of the phase that was checked; size 0: none */
	uint64_t begun_ms;         /* monotonic */
	uint64_t spent;            /* bytes read since, for the rate */
	uint8_t *window;
	struct sr_digest *digest;  /* of what goes through it: a manifest */
	struct sr_extent_sum *sum; /* or an extent */
	uint8_t (*unhinted)[SR_UUID];
	size_t unhinted_count;
	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool joinable;
	bool stopping;
	enum sr_scrub_state state;
	enum sr_scrub_phase phase;
	struct sr_index_key place; /* a copy of `after` for reports */
	uint64_t rate;
	uint64_t started_ms;
	uint64_t rows;
	uint64_t bytes;
	uint32_t findings;
	struct sr_kept_finding *kept;
	uint32_t kept_count, kept_room;
};

#define SR_SCRUB_WINDOW (256u << 10)
#define SR_UNHINTED_MAX 4096

/* True while nobody has asked it to stop. */
bool sr_scrub_goes_on(struct sr_scrub *scrub);

/* Account for a row or for bytes of a blob that were read, and wait as the rate demands. No view may be open. */
void sr_scrub_read_rows(struct sr_scrub *scrub, uint64_t rows, uint64_t bytes);
void sr_scrub_read_bytes(struct sr_scrub *scrub, uint64_t bytes);

/* Wait, but no longer than until somebody asks it to stop. */
void sr_scrub_nap(struct sr_scrub *scrub, unsigned milliseconds);

/* All up to and including `key` is checked. */
void sr_scrub_passed(struct sr_scrub *scrub, const struct sr_index_key *key);

/* What is looked at: fill in what applies. */
struct sr_target {
	uint8_t tag[SR_TAG];
	uint8_t recording[SR_UUID];
	uint16_t track;
	uint16_t file;
	struct sr_index_key key;
	const char *text; /* of a file that has no blob's name */
};

/*
 * One judgement of a target. A writer may be at it, so that what seems wrong is looked at once more from the start,
 * with `final` set, and only then reported.
 */
struct sr_pass {
	struct sr_scrub *scrub;
	const struct sr_target *target;
	bool final;
	unsigned found;
};
typedef void sr_judge(struct sr_pass *pass);

/* Judge, and if something seemed wrong judge again, in earnest. */
void sr_scrub_judge(struct sr_scrub *scrub, const struct sr_target *target, sr_judge *judge);

/* Report (in the final pass; else only note) about the pass's target; `at` NULL: no place in a file. */
struct sr_extent_at {
	uint64_t offset;
	uint64_t length;
};
void sr_pass_find(struct sr_pass *pass, enum sr_finding_kind kind, const struct sr_extent_at *at, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* True when there is no sense in looking further: something was found and will be looked at again, or it must stop. */
bool sr_pass_over(struct sr_pass *pass);

/* Begin a view; NULL if that fails, which is a finding. */
struct sr_view *sr_pass_view(struct sr_pass *pass);

/* sr_view_get, where damage of the index is a finding; SR_NOT_FOUND is not. */
enum sr_code sr_pass_get(struct sr_pass *pass, struct sr_view *view, const struct sr_index_key *key,
			 struct sr_span *value);

/* What a decoder said of the row called `what`: SR_FINDING_ROW for SR_CORRUPT, SR_FINDING_UNKNOWN for the rest. */
void sr_pass_decoded(struct sr_pass *pass, enum sr_code code, const char *what);

/* The track's row of the target: SR_OK, SR_NOT_FOUND, or what its decoder said, without a finding. */
enum sr_code sr_pass_track(struct sr_pass *pass, struct sr_view *view, struct sr_track_row *row);

/*
 * Whether the row of the target's track, found by the recording's hint, names the target's file: SR_OK; SR_NOT_FOUND;
 * anything else: it cannot be told, because a row on the way is damaged or the hint is known to mislead.
 */
enum sr_code sr_pass_owner(struct sr_pass *pass, struct sr_view *view);

/* Remember that no hint leads to a row of this recording, so that nothing of it is called ownerless. */
void sr_scrub_unhinted(struct sr_scrub *scrub, const uint8_t recording[SR_UUID]);

/*
 * The first key behind `after` (its size 0: the first of all) in its table; false at the table's end, or when the index
 * is damaged, which is a finding. *key (out).
 */
bool sr_scrub_next(struct sr_scrub *scrub, const struct sr_index_key *after, struct sr_index_key *key);

/* The phases. Each goes on behind scrub->after until the end of its table or until it must stop. */
typedef void sr_scrub_walk(struct sr_scrub *scrub);
sr_scrub_walk sr_scrub_patients, sr_scrub_recordings, sr_scrub_segments, sr_scrub_extents, sr_scrub_hints,
	sr_scrub_consultations, sr_scrub_people, sr_scrub_control, sr_scrub_files;

/* Judges of a track, which sr_scrub_recordings puts together. */
sr_judge sr_judge_track, sr_judge_file;

/* The text of a tag, for messages. */
#define SR_TAG_TEXT (2 * SR_TAG + 1)
const char *sr_tag_text(const uint8_t tag[SR_TAG], char out[SR_TAG_TEXT]);

#endif
