/*
 * The messages of holds, of ending a row beyond repair, and of erasing a patient.
 */
#include "message_hold.h"

#include <sodium.h>

#include "message_epoch.h"
#include "message_field.h"

static struct sr_span take_reason(struct sr_cursor *in)
{
	struct sr_span reason = sr_take_text(in);

	if (reason.size == 0)
		sr_take_fail(in);
	return reason;
}

void sr_hold_place_encode(struct sr_builder *out, const struct sr_hold_place *message)
{
	sr_put_bytes(out, message->recording, SR_UUID);
	sr_put_span(out, message->identity);
	sr_put_span(out, message->reason);
}

void sr_hold_place_decode(struct sr_cursor *in, struct sr_hold_place *message)
{
	sr_take_copy(in, message->recording, SR_UUID);
	message->identity = sr_take_field(in, SR_IDENTITY_FIELD_MAX);
	if ((message->identity.size == 0) == (bool)sodium_is_zero(message->recording, SR_UUID))
		sr_take_fail(in);
	message->reason = take_reason(in);
}

void sr_reasoned_encode(struct sr_builder *out, const struct sr_reasoned *message)
{
	sr_put_bytes(out, message->id, SR_UUID);
	sr_put_span(out, message->reason);
}

void sr_reasoned_decode(struct sr_cursor *in, struct sr_reasoned *message)
{
	sr_take_copy(in, message->id, SR_UUID);
	message->reason = take_reason(in);
}

void sr_hold_list_encode(struct sr_builder *out, uint32_t from)
{
	sr_put_u32(out, from);
}

void sr_hold_list_decode(struct sr_cursor *in, uint32_t *from)
{
	*from = sr_take_u32(in);
}

void sr_holds_reply_encode(struct sr_builder *out, const struct sr_holds_reply *message)
{
	sr_put_u32(out, message->total);
	sr_put_u32(out, message->from);
	sr_put_u16(out, message->count);
}

void sr_holds_reply_decode(struct sr_cursor *in, struct sr_holds_reply *message)
{
	message->total = sr_take_u32(in);
	message->from = sr_take_u32(in);
	message->count = sr_take_count(in, SR_HOLDS_PAGE_MAX);
	if (message->from > message->total || message->count > message->total - message->from)
		sr_take_fail(in);
}

void sr_hold_row_encode(struct sr_builder *out, const struct sr_hold_row *row)
{
	sr_put_bytes(out, row->id, sizeof row->id);
	sr_put_bytes(out, row->recording, sizeof row->recording);
	sr_put_bytes(out, row->tag, sizeof row->tag);
	sr_put_u64(out, row->placed_ms);
	sr_put_span(out, row->service);
	sr_put_span(out, row->reason);
}

void sr_hold_row_decode(struct sr_cursor *in, struct sr_hold_row *row)
{
	sr_take_copy(in, row->id, sizeof row->id);
	sr_take_copy(in, row->recording, sizeof row->recording);
	sr_take_copy(in, row->tag, sizeof row->tag);
	row->placed_ms = sr_take_u64(in);
	row->service = sr_take_field(in, SR_SERVICE_NAME_MAX);
	row->reason = take_reason(in);
}

void sr_patient_erase_encode(struct sr_builder *out, const struct sr_patient_erase *message)
{
	sr_put_span(out, message->identity);
	sr_put_u8(out, message->look);
	sr_put_span(out, message->reason);
}

void sr_patient_erase_decode(struct sr_cursor *in, struct sr_patient_erase *message)
{
	message->identity = sr_take_field(in, SR_IDENTITY_FIELD_MAX);
	message->look = sr_take_flag(in);
	message->reason = sr_take_text(in);
	if (message->identity.size == 0 || (message->reason.size == 0 && !message->look))
		sr_take_fail(in);
}

void sr_patient_erased_encode(struct sr_builder *out, const struct sr_patient_erased *message)
{
	sr_put_u8(out, (uint8_t)message->state);
	sr_put_u64(out, message->erased_ms);
	sr_put_u32(out, message->recordings);
	sr_put_u32(out, message->waiting);
	sr_put_u32(out, message->epoch);
	sr_put_u32(out, message->unretired);
	sr_put_u8(out, message->returned);
	sr_put_u64(out, message->kept_until_ms);
	sr_put_u16(out, message->backups);
}

void sr_patient_erased_decode(struct sr_cursor *in, struct sr_patient_erased *message)
{
	message->state = (enum sr_erasure)sr_take_u8(in);
	if (message->state > SR_ERASURE_FINAL)
		sr_take_fail(in);
	message->erased_ms = sr_take_u64(in);
	message->recordings = sr_take_u32(in);
	message->waiting = sr_take_u32(in);
	message->epoch = sr_take_u32(in);
	message->unretired = sr_take_u32(in);
	message->returned = sr_take_flag(in);
	message->kept_until_ms = sr_take_u64(in);
	message->backups = sr_take_count(in, SR_LOST_BACKUPS_MAX);
}
