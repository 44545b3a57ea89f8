/*
 * A finished track sealed anew under another data key, into a file of its own: what it says stays, every key and byte
 * of it changes.
 */
#ifndef SR_RESEAL_H
#define SR_RESEAL_H

#include "serve/play/lookup.h"
#include "serve/record/extent.h"

/* `row` (in and out): its file, manifest, head and entry become those under `to`. */
struct sr_reseal_job {
	struct sr_request *request;
	const uint8_t *recording;
	const uint8_t *from, *to; /* data keys, SR_KEY each */
	struct sr_track_row *row;
	struct sr_extents *extents; /* out: the checksums of the new file */
	uint64_t bytes;             /* out: of plaintext */
};

/*
 * Open every segment whole, with its place in the chain, and seal it under a key and salt that are new; the manifest
 * behind them; and sync the file, whose number no row has. Nothing is put into the index, and no file that a row names
 * is touched. SR_CORRUPT, with its event: something does not open; SR_CONFLICT: there is no greater number for a file;
 * SR_IO, SR_NO_SPACE, SR_INTERNAL; in request->error. Pool.
 */
enum sr_code sr_track_reseal(struct sr_reseal_job *job) SR_MUST_USE;

#endif
