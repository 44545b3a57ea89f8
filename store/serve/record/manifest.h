/*
 * Making the manifest of a track that is finished: from its segments, each of which is checked.
 */
#ifndef SR_MANIFEST_H
#define SR_MANIFEST_H

#include "serve/play/lookup.h"
#include "serve/record/extent.h"

/* What making one needs. `row` (in and out): its head becomes final, its last file longer, its manifest known. */
struct sr_manifest_job {
	struct sr_request *request;
	const uint8_t *recording;
	const uint8_t *dek;
	struct sr_track_row *row;
	struct sr_extents *extents; /* out: the checksums that the manifest's bytes change */
};

/*
 * Check every segment of a track (its commitment is re-derived; its last chunk opened, but where a witness says that
 * this process sealed it, and opened it then, and nobody has touched the file since; the chain compared with the head),
 * then seal the manifest behind the last segment and sync it. Bytes past the committed length are cut first, so that a
 * repeat is harmless. Nothing is put into the index. SR_CORRUPT, with its event: nothing is blessed; SR_IO,
 * SR_NO_SPACE, SR_INTERNAL; in request->error. Pool.
 */
enum sr_code sr_manifest_make(struct sr_manifest_job *job) SR_MUST_USE;

#endif
