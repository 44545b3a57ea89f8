/*
 * What a made store holds: how many recordings each patient has, their names and ids, all from a seed; and one
 * recording's rows, sealed as the daemon seals them.
 */
#ifndef SR_BENCH_DATASET_H
#define SR_BENCH_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/opening.h"
#include "keys/rows.h"

#define DATASET_IDENTITY_MAX 64

struct dataset {
	uint32_t patients;
	uint32_t recordings;
	uint64_t seed;
	uint32_t *first;  /* patients + 1: where a patient's recordings begin in `owned` */
	uint32_t *owned;  /* recordings by patient */
	uint32_t *owners; /* patients by recording */
};

/*
 * Share `recordings` among `patients` (both at least 1). Patient N has 500 if N is a multiple of 10,000, 50 if it ends
 * in 50, 1 if it ends in 01, and an even share of the rest otherwise; which recordings they are is the seed's choice.
 * False, with nothing to release, if memory is used up or there are too few recordings for that. Released with
 * dataset_free.
 */
bool dataset_share(struct dataset *data, uint32_t patients, uint32_t recordings, uint64_t seed);
void dataset_free(struct dataset *data);

/* The identity of a patient, "bench|N" for a seed of 0, "bench|SEED|N" otherwise; returns its size. */
size_t dataset_identity(const struct dataset *data, uint32_t patient, char identity[DATASET_IDENTITY_MAX]);

/* The id of a recording, a UUIDv7; those of higher numbers are later. *opened_ms (out): the time in it. */
void dataset_id(const struct dataset *data, uint32_t recording, uint8_t id[SR_UUID], uint64_t *opened_ms);

/* One finished recording of one track with one segment, and its blob. */
struct dataset_recording {
	uint8_t id[SR_UUID];
	struct sr_recording_row row;
	struct sr_track_row track;
	struct sr_extent_row extent;
	uint8_t blob[4096];
	size_t blob_size;
};

/* Seal one for the patient with key `patient_key`. False if libcrypto fails. */
bool dataset_seal(const struct dataset *data, const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
		  uint32_t recording, struct dataset_recording *out);

#endif
