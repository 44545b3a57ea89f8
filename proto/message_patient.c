/*
 * The messages of what becomes of a patient: a new key, another identity, media sealed anew; and the name under a tag.
 */
#include "message_patient.h"

#include "message_field.h"

void sr_patient_rekey_encode(struct sr_builder *out, struct sr_span grant)
{
	sr_put_span(out, grant);
}

void sr_patient_rekey_decode(struct sr_cursor *in, struct sr_span *grant)
{
	*grant = sr_take_grant(in);
}

void sr_patient_pair_encode(struct sr_builder *out, const struct sr_patient_pair *message)
{
	sr_put_span(out, message->from);
	sr_put_span(out, message->to);
	sr_put_bytes(out, message->recording, SR_UUID);
}

void sr_patient_pair_decode(struct sr_cursor *in, struct sr_patient_pair *message)
{
	message->from = sr_take_grant(in);
	message->to = sr_take_grant(in);
	sr_take_copy(in, message->recording, SR_UUID);
}

void sr_patient_moved_encode(struct sr_builder *out, const struct sr_patient_moved *message)
{
	sr_put_u32(out, message->recordings);
	sr_put_u32(out, message->left);
	sr_put_u32(out, message->root_version);
	sr_put_u8(out, message->more);
}

void sr_patient_moved_decode(struct sr_cursor *in, struct sr_patient_moved *message)
{
	message->recordings = sr_take_u32(in);
	message->left = sr_take_u32(in);
	message->root_version = sr_take_u32(in);
	message->more = sr_take_flag(in);
}

void sr_rotate_deep_encode(struct sr_builder *out, const struct sr_rotate_deep *message)
{
	sr_put_span(out, message->grant);
	sr_put_bytes(out, message->after, SR_UUID);
}

void sr_rotate_deep_decode(struct sr_cursor *in, struct sr_rotate_deep *message)
{
	message->grant = sr_take_grant(in);
	sr_take_copy(in, message->after, SR_UUID);
}

void sr_rotate_deepened_encode(struct sr_builder *out, const struct sr_rotate_deepened *message)
{
	sr_put_u32(out, message->recordings);
	sr_put_u32(out, message->left);
	sr_put_u64(out, message->bytes);
	sr_put_bytes(out, message->place, SR_UUID);
	sr_put_u8(out, message->more);
}

void sr_rotate_deepened_decode(struct sr_cursor *in, struct sr_rotate_deepened *message)
{
	message->recordings = sr_take_u32(in);
	message->left = sr_take_u32(in);
	message->bytes = sr_take_u64(in);
	sr_take_copy(in, message->place, SR_UUID);
	message->more = sr_take_flag(in);
}

void sr_person_read_encode(struct sr_builder *out, const uint8_t tag[SR_TAG])
{
	sr_put_bytes(out, tag, SR_TAG);
}

void sr_person_read_decode(struct sr_cursor *in, uint8_t tag[SR_TAG])
{
	sr_take_copy(in, tag, SR_TAG);
}

void sr_person_box_encode(struct sr_builder *out, struct sr_span box)
{
	sr_put_span(out, box);
}

void sr_person_box_decode(struct sr_cursor *in, struct sr_span *box)
{
	*box = sr_take_field(in, SR_PERSON_BOX_MAX);
	if (box->size < SR_PERSON_BOX_MIN)
		sr_take_fail(in);
}

void sr_root_made_encode(struct sr_builder *out, uint32_t version)
{
	sr_put_u32(out, version);
}

void sr_root_made_decode(struct sr_cursor *in, uint32_t *version)
{
	*version = sr_take_u32(in);
	if (*version == 0)
		sr_take_fail(in);
}
