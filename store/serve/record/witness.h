/*
 * What this process knows of the end of a track because it wrote it: left by its writer, taken by who finishes it or
 * writes it on, so that these need not read back what nobody has touched since.
 */
#ifndef SR_WITNESS_H
#define SR_WITNESS_H

#include "data/blob.h"
#include "serve/record/extent.h"
#include "track.h"

/* Segments that this process has sealed, from one of them up to the track's last, back to back in one file. */
struct sr_witness {
	struct sr_blob_name file;
	uint32_t first;             /* number of the first of them */
	uint64_t position;          /* where in the file it begins */
	uint8_t chain[SR_CHAIN];    /* over the records of all segments of the track */
	struct sr_blob_stamp stamp; /* of the file, as the last write left it */
	struct sr_extents extents;  /* at the file's end */
};

/*
 * Those that wait for whoever comes next, at most one of a track and SR_WITNESSES in all, some hundred bytes each: a
 * new one may take another's place. One that is not there costs reading, nothing else. Any thread.
 */
#define SR_WITNESSES 2048
struct sr_witnesses;

/* NULL when memory is used up. Released with sr_witnesses_free, which NULL is allowed for. */
struct sr_witnesses *sr_witnesses_new(void) SR_MUST_USE;
void sr_witnesses_free(struct sr_witnesses *witnesses);

/* Leave one; its extents are handed over, and cleared where they are (in and out). Lost when memory is used up. */
void sr_witnesses_leave(struct sr_witnesses *witnesses, struct sr_witness *witness);

/*
 * Take that of a track out, if there is one. True only if it speaks of this very `file`, of a track whose head has this
 * `chain` (SR_CHAIN bytes), and `blob`, which is that file opened to append, ends where it says and has been changed by
 * nobody since: *witness (out) is then the caller's, to be released with sr_extents_clear of its extents; otherwise it
 * is untouched, and what the track's witness said is forgotten.
 */
bool sr_witnesses_take(struct sr_witnesses *witnesses, const struct sr_blob_name *file, const struct sr_blob *blob,
		       const uint8_t *chain, struct sr_witness *witness) SR_MUST_USE;

#endif
