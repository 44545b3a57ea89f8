/*
 * The messages of epochs and of rotation.
 */
#include "message_epoch.h"

#include "message_field.h"

/* An epoch's number is never 0. */
static uint32_t take_epoch(struct sr_cursor *in)
{
	uint32_t number = sr_take_u32(in);

	if (number == 0)
		sr_take_fail(in);
	return number;
}

static uint8_t take_epoch_state(struct sr_cursor *in)
{
	uint8_t state = sr_take_u8(in);

	if (state < 1 || state > 3)
		sr_take_fail(in);
	return state;
}

static uint16_t take_progress(struct sr_cursor *in)
{
	return sr_take_count(in, SR_ROTATE_PROGRESS);
}

void sr_epochs_reply_encode(struct sr_builder *out, const struct sr_epochs_reply *message)
{
	sr_put_u64(out, message->keyring_revision);
	sr_put_u32(out, message->current);
	sr_put_u16(out, message->count);
}

void sr_epochs_reply_decode(struct sr_cursor *in, struct sr_epochs_reply *message)
{
	message->keyring_revision = sr_take_u64(in);
	message->current = take_epoch(in);
	message->count = sr_take_count(in, SR_EPOCHS_LISTED_MAX);
}

void sr_epoch_item_encode(struct sr_builder *out, const struct sr_epoch_item *item)
{
	sr_put_u32(out, item->number);
	sr_put_u8(out, item->state);
	sr_put_u64(out, item->made_ms);
	sr_put_u64(out, item->changed_ms);
	sr_put_u64(out, item->kept_until_ms);
}

void sr_epoch_item_decode(struct sr_cursor *in, struct sr_epoch_item *item)
{
	item->number = take_epoch(in);
	item->state = take_epoch_state(in);
	item->made_ms = sr_take_u64(in);
	item->changed_ms = sr_take_u64(in);
	item->kept_until_ms = sr_take_u64(in);
}

void sr_epoch_made_encode(struct sr_builder *out, const struct sr_epoch_made *message)
{
	sr_put_u32(out, message->number);
	sr_put_u64(out, message->keyring_revision);
}

void sr_epoch_made_decode(struct sr_cursor *in, struct sr_epoch_made *message)
{
	message->number = take_epoch(in);
	message->keyring_revision = sr_take_u64(in);
}

void sr_epoch_retire_encode(struct sr_builder *out, const struct sr_epoch_retire *message)
{
	sr_put_u32(out, message->number);
	sr_put_u8(out, message->no_backup ? 1 : 0);
}

void sr_epoch_retire_decode(struct sr_cursor *in, struct sr_epoch_retire *message)
{
	message->number = take_epoch(in);
	message->no_backup = sr_take_flag(in);
}

void sr_epoch_retired_encode(struct sr_builder *out, const struct sr_epoch_retired *message)
{
	sr_put_u32(out, message->number);
	sr_put_u64(out, message->recordings);
	sr_put_u64(out, message->people);
	sr_put_u64(out, message->keyring_revision);
	sr_put_u64(out, message->kept_until_ms);
	sr_put_span(out, message->checkpoint);
	sr_put_u16(out, message->lost);
}

void sr_epoch_retired_decode(struct sr_cursor *in, struct sr_epoch_retired *message)
{
	message->number = take_epoch(in);
	message->recordings = sr_take_u64(in);
	message->people = sr_take_u64(in);
	message->keyring_revision = sr_take_u64(in);
	message->kept_until_ms = sr_take_u64(in);
	message->checkpoint = sr_take_field(in, SR_PROOF_NOTE_MAX);
	message->lost = sr_take_count(in, SR_LOST_BACKUPS_MAX);
}

void sr_lost_backup_encode(struct sr_builder *out, struct sr_span name)
{
	sr_put_span(out, name);
}

void sr_lost_backup_decode(struct sr_cursor *in, struct sr_span *name)
{
	*name = sr_take_service_name(in);
}

void sr_rotate_status_encode(struct sr_builder *out, struct sr_span place)
{
	sr_put_span(out, place);
}

void sr_rotate_status_decode(struct sr_cursor *in, struct sr_span *place)
{
	*place = sr_take_field(in, SR_ROTATE_PLACE_MAX);
}

void sr_rotate_census_encode(struct sr_builder *out, const struct sr_rotate_census *message)
{
	sr_put_u32(out, message->current);
	sr_put_span(out, message->place);
	sr_put_u16(out, message->progress);
	sr_put_u64(out, message->damaged);
	sr_put_u16(out, message->count);
}

void sr_rotate_census_decode(struct sr_cursor *in, struct sr_rotate_census *message)
{
	message->current = take_epoch(in);
	message->place = sr_take_field(in, SR_ROTATE_PLACE_MAX);
	message->progress = take_progress(in);
	message->damaged = sr_take_u64(in);
	message->count = sr_take_count(in, SR_EPOCHS_LISTED_MAX);
}

void sr_census_item_encode(struct sr_builder *out, const struct sr_census_item *item)
{
	sr_put_u32(out, item->number);
	sr_put_u8(out, item->state);
	sr_put_u64(out, item->made_ms);
	sr_put_u64(out, item->recordings);
	sr_put_u64(out, item->people);
}

void sr_census_item_decode(struct sr_cursor *in, struct sr_census_item *item)
{
	item->number = take_epoch(in);
	item->state = take_epoch_state(in);
	item->made_ms = sr_take_u64(in);
	item->recordings = sr_take_u64(in);
	item->people = sr_take_u64(in);
}

void sr_rotate_step_encode(struct sr_builder *out, const struct sr_rotate_step *message)
{
	sr_put_u32(out, message->to);
	sr_put_u32(out, message->first);
	sr_put_u32(out, message->last);
	sr_put_u16(out, message->limit);
	sr_put_span(out, message->place);
}

void sr_rotate_step_decode(struct sr_cursor *in, struct sr_rotate_step *message)
{
	message->to = sr_take_u32(in);
	message->first = take_epoch(in);
	message->last = sr_take_u32(in);
	message->limit = sr_take_count(in, SR_ROTATE_STEP_MAX);
	message->place = sr_take_field(in, SR_ROTATE_PLACE_MAX);
	if (message->last < message->first || message->limit == 0)
		sr_take_fail(in);
}

void sr_rotate_stepped_encode(struct sr_builder *out, const struct sr_rotate_stepped *message)
{
	sr_put_u32(out, message->to);
	sr_put_span(out, message->place);
	sr_put_u16(out, message->progress);
	sr_put_u32(out, message->passed);
	sr_put_u32(out, message->moved);
	sr_put_u32(out, message->left);
	sr_put_bytes(out, message->recording, SR_UUID);
}

void sr_rotate_stepped_decode(struct sr_cursor *in, struct sr_rotate_stepped *message)
{
	message->to = take_epoch(in);
	message->place = sr_take_field(in, SR_ROTATE_PLACE_MAX);
	message->progress = take_progress(in);
	message->passed = sr_take_u32(in);
	message->moved = sr_take_u32(in);
	message->left = sr_take_u32(in);
	sr_take_copy(in, message->recording, SR_UUID);
}
