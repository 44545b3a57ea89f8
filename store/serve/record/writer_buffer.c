/*
 * What a writer has received and not yet sealed: blocks of a chunk each, so that a stream holds what it has and little
 * more, and nothing is copied as it grows.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "serve/record/writer_internal.h"

static void put_block(struct sr_write_buffer *buffer, struct sr_write_block *block)
{
	if (buffer->last)
		buffer->last->next = block;
	else
		buffer->first = block;
	buffer->last = block;
	buffer->blocks++;
	buffer->used += block->used;
}

static struct sr_write_block *cut_first(struct sr_write_buffer *buffer)
{
	struct sr_write_block *block = buffer->first;
	buffer->first = block->next;
	if (!buffer->first)
		buffer->last = NULL;
	buffer->blocks--;
	buffer->used -= block->used;
	block->next = NULL;
	return block;
}

bool sr_write_buffer_add(struct sr_write_buffer *buffer, struct sr_span data, uint64_t media_time)
{
	if (buffer->used == 0)
		buffer->media_time = media_time;
	while (data.size > 0) {
		struct sr_write_block *block = buffer->last;
		if (!block || block->used == SR_CHUNK) {
			block = malloc(sizeof *block);
			if (!block)
				return false;
			block->next = NULL;
			block->used = 0;
			put_block(buffer, block);
		}
		size_t room = SR_CHUNK - block->used;
		size_t part = data.size < room ? data.size : room;
		memcpy(block->bytes + block->used, data.data, part);
		block->used += part;
		buffer->used += part;
		data.data += part;
		data.size -= part;
	}
	return true;
}

void sr_write_buffer_take(struct sr_write_buffer *buffer, bool whole, struct sr_write_buffer *taken)
{
	*taken = (struct sr_write_buffer){.media_time = buffer->media_time};
	while (buffer->first && (!whole || buffer->first->used == SR_CHUNK))
		put_block(taken, cut_first(buffer));
	/* Known for the first byte that came into the empty buffer, which is gone. */
	buffer->media_time = SR_NO_MEDIA_TIME;
}

void sr_write_buffer_clear(struct sr_write_buffer *buffer)
{
	while (buffer->first) {
		struct sr_write_block *block = cut_first(buffer);
		sodium_memzero(block->bytes, block->used);
		free(block);
	}
	buffer->used = 0; /* also of blocks that are wiped already, and say that they hold nothing */
}
