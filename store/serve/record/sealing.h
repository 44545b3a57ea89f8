/*
 * A track being sealed: plaintext in, ciphertext in its blob, and for every closed segment the index operation that
 * commits it. Runs on the pool; one job at a time has it.
 */
#ifndef SR_SEALING_H
#define SR_SEALING_H

#include "data/blob.h"
#include "data/index.h"
#include "keys/rows.h"
#include "serve/record/witness.h"

/* A closed segment on its way: written, not yet synced. */
struct sr_commit {
	struct sr_commit *next;
	struct sr_op *op;
	uint64_t durable; /* the track's plaintext length once this is committed */
	uint32_t bytes;   /* of this segment */
};

/* Free one that was never submitted, or whose operation the index has (`op` NULL); and a list of them, NULL allowed. */
void sr_commit_free(struct sr_commit *commit);
void sr_commits_free(struct sr_commit *first);

struct sr_sealing;

#define SR_SEALING_WRITE 16 /* chunks that one write to the blob covers at most, beside a segment's front and end */

/*
 * What a sealing needs; copied, but for `parts` and `witnesses`, which outlive it, and `blob`, which is handed over
 * on success.
 */
struct sr_sealing_options {
	struct sr_extents_parts parts;
	struct sr_witnesses *witnesses;
	struct sr_blob *blob; /* open at the committed length of the row's last file */
	uint8_t tag[SR_TAG];
	uint8_t recording[SR_UUID];
	const uint8_t *dek; /* SR_KEY */
	const struct sr_track_row *row;
	const uint8_t *mac; /* SR_ROW_MAC: names exactly this row in the index */
};

/*
 * Begin: opens the row's head, takes up the checksum of the last extent (reads up to SR_EXTENT bytes of the file, if no
 * witness of it was left).
 * SR_CORRUPT: the head or the file do not verify; SR_IO; SR_INTERNAL. *out (out) is released with sr_sealing_free.
 */
enum sr_code sr_sealing_new(const struct sr_sealing_options *options, struct sr_sealing **out,
			    struct sr_error *err) SR_MUST_USE;

/*
 * Wipe the keys, close the blob, free; its witness is left for who comes next. What was not committed stays past the
 * committed length. NULL is allowed.
 */
void sr_sealing_free(struct sr_sealing *sealing);

/* Plaintext to be sealed: `count` stretches, one after the other. */
struct sr_sealing_input {
	const struct sr_span *parts;
	size_t count;
	uint64_t media_time; /* of the first byte, or SR_NO_MEDIA_TIME: kept if a segment begins with it */
	bool closes;         /* the segment that is open after the last byte, if there is one, closes */
};

/*
 * Seal it and write what fills, in as few writes as SR_SEALING_WRITE lets it. A segment closes by itself at
 * SR_SEGMENT_MAX. SR_NO_SPACE, SR_IO, SR_INTERNAL: the sealing can then only be freed; commits taken before stand.
 */
enum sr_code sr_sealing_feed(struct sr_sealing *sealing, const struct sr_sealing_input *input,
			     struct sr_error *err) SR_MUST_USE;

/* Take the commits made since the last call, in order; the caller owns them. NULL if there are none. */
struct sr_commit *sr_sealing_take(struct sr_sealing *sealing);

/* The file it writes, and that file's name. */
struct sr_blob *sr_sealing_blob(const struct sr_sealing *sealing);
struct sr_blob_name sr_sealing_file(const struct sr_sealing *sealing);

/* True while a segment is open: bytes were fed that no commit covers. */
bool sr_sealing_in_segment(const struct sr_sealing *sealing);

#endif
