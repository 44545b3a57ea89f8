/*
 * A freeze as a control row: authenticated bytes under a name that is its subject's own.
 */
#ifndef SR_FREEZE_ROW_H
#define SR_FREEZE_ROW_H

#include "keys/rows.h"
#include "message_freeze.h"

#define SR_FREEZE_PREFIX "freeze/"
#define SR_FREEZE_NAME_MAX 96

/* The control name of a freeze: "freeze/SCOPE/" and the SHA-256 of its subject (in) in hex, into `name` (out). */
void sr_freeze_control_name(enum sr_freeze_scope scope, struct sr_span subject, char name[SR_FREEZE_NAME_MAX]);

/* Encode a freeze's row with its HMAC into `out` (SR_ROW_MAX bytes); returns its size. FORMAT.md, section 4. */
size_t sr_freeze_row_seal(const struct sr_keyring *keyring, const char *name, const struct sr_freeze_row *row,
			  uint8_t *out);

/*
 * Verify the row's HMAC and decode it; *row (out) borrows from `value`, and is zeroed on failure. SR_CORRUPT: HMAC or
 * form does not fit; SR_UNAVAILABLE: a later format, or a scope that this version does not know.
 */
enum sr_code sr_freeze_row_open(const struct sr_keyring *keyring, const char *name, struct sr_span value,
				struct sr_freeze_row *row) SR_MUST_USE;

#endif
