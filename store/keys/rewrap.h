/*
 * Moving a row's outer seal from one epoch to another: what lies under it stays sealed to the patient or the auditor,
 * and no identity is needed. Each new seal is opened again and compared before its row is handed out.
 */
#ifndef SR_REWRAP_H
#define SR_REWRAP_H

#include "keys/opening.h"

/*
 * The epoch that a recording's row, or a `people` row, says it is wrapped under, unverified: for passing over rows
 * quickly. False for a row of a later format or of no format; SR_EPOCH_NONE for a recording that has no wrap any more.
 */
bool sr_recording_epoch(struct sr_span value, uint32_t *epoch) SR_MUST_USE;
bool sr_person_epoch(struct sr_span value, uint32_t *epoch) SR_MUST_USE;

/*
 * The way to epoch `to`, which many rows take one after another: the keys of both ends are taken in at the first row
 * and when rows come from another epoch. Begins as {.keyring = …, .to = …}; not for two threads at once; secret, wiped
 * with sr_rewrapper_wipe, after which it can only begin again.
 */
struct sr_rewrapper {
	const struct sr_keyring *keyring;
	uint32_t to;
	uint32_t from;                        /* of `old` */
	struct sr_input *old, *new, *compare; /* NULL: not taken in yet */
};
void sr_rewrapper_wipe(struct sr_rewrapper *rewrapper);

/*
 * The row `value` with its wrap under the rewrapper's epoch, and the wrap's revision one higher; all else is as it was.
 * `out` takes SR_ROW_MAX (a person's: SR_PERSON_MAX) bytes; *size (out), 0 on failure. SR_CORRUPT: its HMAC, form or
 * outer seal does not fit; SR_UNAVAILABLE: a later format, or the keyring lacks either epoch; SR_INTERNAL: memory or
 * libcrypto failed, or the new seal did not open to what the old one held.
 */
enum sr_code sr_recording_rewrap(struct sr_rewrapper *rewrapper, const uint8_t recording[SR_UUID], struct sr_span value,
				 uint8_t *out, size_t *size) SR_MUST_USE;
enum sr_code sr_person_rewrap(struct sr_rewrapper *rewrapper, const uint8_t tag[SR_TAG], struct sr_span value,
			      uint8_t *out, size_t *size) SR_MUST_USE;

#endif
