/*
 * Reading the manifest of a finished track, a chunk at a time.
 */
#ifndef SR_MANIFEST_READER_H
#define SR_MANIFEST_READER_H

#include "data/blob.h"
#include "keys/rows.h"

/* A manifest being read; holds its file and one opened chunk. All zeros: none. */
struct sr_manifest_reader {
	bool has_file;
	int fd;
	struct sr_blob_name name;
	uint64_t position; /* of the sealed manifest in its file */
	uint32_t size;     /* sealed */
	struct sr_message_key key;
	struct sr_aead *aead;
	uint64_t chunk;    /* which one is open; UINT64_MAX: none */
	size_t chunk_size; /* plaintext bytes of it */
	uint8_t *sealed, *plain;
};

/*
 * Begin to read the manifest of a finished track's `row`: checks its commitment and opens its last chunk, which
 * vouches for its length. SR_CORRUPT, SR_IO, SR_INTERNAL. Released, and wiped, with sr_manifest_close in any case.
 */
enum sr_code sr_manifest_open(struct sr_manifest_reader *reader, struct sr_blobs *blobs, const uint8_t *dek,
			      const uint8_t recording[SR_UUID], const struct sr_track_row *row,
			      struct sr_error *err) SR_MUST_USE;
void sr_manifest_close(struct sr_manifest_reader *reader);

/* The place of segment `number`, which must be below the row's count. Errors as above. */
enum sr_code sr_manifest_place(struct sr_manifest_reader *reader, uint32_t number, struct sr_segment_place *place,
			       struct sr_error *err) SR_MUST_USE;

#endif
