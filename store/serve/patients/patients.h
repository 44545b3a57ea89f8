/*
 * What requests that change a patient as a whole share: a second proven identity beside the request's own, claims on
 * both, and walks over all recordings of one.
 */
#ifndef SR_PATIENTS_H
#define SR_PATIENTS_H

#include "serve/play/lookup.h"

/* An identity proved by a grant that is not the request's present one. Released with sr_proof_free. */
struct sr_proof {
	struct sr_grant *grant;
	uint8_t tag[SR_TAG];
	uint8_t actor[SR_TAG];
	struct sr_grant_words words;
};

/* Exchange what the request has proved for the other: what is asked of the request is then for that patient. */
void sr_proof_exchange(struct sr_request *request, struct sr_proof *proof);
void sr_proof_free(struct sr_proof *proof);

/*
 * Visit every recording's row (not its tracks') under `tag`, in order, in views of bounded length. `visit` returns
 * anything but SR_OK to stop, which is then returned; it may set request->error and read from the view. SR_IO.
 */
typedef enum sr_code sr_recording_visit(void *context, struct sr_view *view, const uint8_t recording[SR_UUID],
					struct sr_span value);
enum sr_code sr_recordings_walk(struct sr_request *request, const uint8_t tag[SR_TAG], sr_recording_visit *visit,
				void *context) SR_MUST_USE;

/* Claim a patient as SR_CLAIM_CHANGING; SR_BUSY with its text and time to wait in the request. */
enum sr_code sr_patient_claim(struct sr_request *request, const uint8_t tag[SR_TAG]) SR_MUST_USE;

#endif
