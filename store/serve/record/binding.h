/*
 * What is put into the index before a recording can be: the patient's row, the consultation's tie, the claim on an id.
 */
#ifndef SR_BINDING_H
#define SR_BINDING_H

#include "serve/epochs/epochs.h"
#include "serve/play/lookup.h"

/*
 * Make the patient's row, and the `people` row of the identity, if there is none; then fill `patient`. SR_CONFLICT
 * without a text: somebody else made it meanwhile, look once more. SR_INTERNAL; SR_BUSY while the patient is being
 * erased. Pool; waits for the commit.
 */
enum sr_code sr_patient_ensure(struct sr_request *request, struct sr_patient *patient) SR_MUST_USE;

/*
 * Tie the grant's consultation, if it names one, to its patient, for good; SR_CONFLICT, with an alarm, if it is tied to
 * another. Pool; waits for the commit.
 */
enum sr_code sr_bind_consultation(struct sr_request *request, const uint8_t recording[SR_UUID]) SR_MUST_USE;

/* A recording's new row, sealed under the current epoch of `hold`. */
struct sr_new_row {
	const uint8_t *recording; /* SR_UUID */
	const uint8_t *bytes;
	size_t size;
	struct sr_epoch_hold hold;
};

/*
 * Bind the consultation, claim the id, put the new row: three operations in order, of which the last demands the first
 * two, and that the epochs are still those held. SR_CONFLICT, with an alarm: consultation or id belong to another
 * patient; without a text: the index changed in between. A claim without a row is taken over. Pool; waits for the
 * commit.
 */
enum sr_code sr_bind_recording(struct sr_request *request, const struct sr_patient *patient,
			       const struct sr_new_row *row) SR_MUST_USE;

#endif
