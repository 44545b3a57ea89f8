/*
 * The messages of deleting.
 */
#include "message_field.h"

void sr_deleted_encode(struct sr_builder *out, uint64_t undo_until_ms)
{
	sr_put_u64(out, undo_until_ms);
}

void sr_deleted_decode(struct sr_cursor *in, uint64_t *undo_until_ms)
{
	*undo_until_ms = sr_take_u64(in);
}
