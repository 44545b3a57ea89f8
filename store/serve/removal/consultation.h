/*
 * Giving up a consultation's tie to its patient, when the last recording of it goes.
 */
#ifndef SR_CONSULTATION_H
#define SR_CONSULTATION_H

#include "serve/removal/removal.h"

/*
 * Remove the binding of consultation `hash` (zeros: nothing is done) to the doomed recording's tag, unless another
 * recording of that patient, doomed or not, names it too. What crash or recorder comes between is set right when it is
 * called again for the same recording, whose row must stand until then. SR_IO, SR_INTERNAL. Blocking.
 */
enum sr_code sr_consultation_release(struct sr_remover *remover, const struct sr_doom *doom, const uint8_t hash[SR_TAG],
				     struct sr_error *err) SR_MUST_USE;

#endif
