/*
 * Holds: what stops deleting, erasing and retention. The one place that asks.
 */
#ifndef SR_HOLDING_H
#define SR_HOLDING_H

#include "data/index.h"
#include "keys/control_rows.h"

struct sr_request;
struct sr_view;

/* The keys under which a recording's and a patient's holds stand. */
struct sr_index_key sr_key_hold_recording(const uint8_t recording[SR_UUID]);
struct sr_index_key sr_key_hold_patient(const uint8_t tag[SR_TAG]);

/*
 * Add to an operation that neither the recording nor its patient is on hold when it is run: it gets SR_CONFLICT else.
 * False when memory is used up.
 */
bool sr_op_demand_unheld(struct sr_op *op, const uint8_t tag[SR_TAG], const uint8_t recording[SR_UUID]) SR_MUST_USE;

/*
 * Whether one of them is on hold as of `view`: *held (out). `recording` may be NULL: of the patient alone. SR_IO,
 * SR_CORRUPT from the index.
 */
enum sr_code sr_holds_look(struct sr_view *view, const uint8_t tag[SR_TAG], const uint8_t *recording,
			   bool *held) SR_MUST_USE;

/*
 * SR_OK if a recording may be deleted, erased or ended otherwise; SR_CONFLICT with a clear text in request->error while
 * it or its patient is on hold, or before the time until which it is to be kept. SR_IO. Pool.
 */
enum sr_code sr_holds_refuse(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			     const struct sr_recording_row *row) SR_MUST_USE;

/*
 * For who has no grant: find a recording by its hint. *tag, *row and mac (out) are those of its row, which is verified
 * and not opened. SR_NOT_FOUND: there is none, or nothing is left of it but what the sweeper still removes; SR_CORRUPT,
 * SR_UNAVAILABLE, SR_IO; the text is in request->error. Pool.
 */
enum sr_code sr_recording_home(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			       uint8_t tag[SR_TAG], struct sr_recording_row *row, uint8_t mac[SR_ROW_MAC]) SR_MUST_USE;

#endif
