/*
 * How an operation of the index is put together.
 */
#include "data/index_op.h"

#include <stdlib.h>
#include <string.h>

struct sr_op *sr_op_new(void)
{
	return calloc(1, sizeof(struct sr_op));
}

void sr_op_free(struct sr_op *op)
{
	if (op == NULL)
		return;
	free(op->checks.list);
	free(op->writes.list);
	free(op->bytes);
	free(op);
}

#define ITEMS_LEAST 4
#define BYTES_LEAST 768 /* a recording's row with its key and checks: most operations allocate once */

/* Room for `need` of `unit` bytes each at `memory`, at `least` or doubling; the old stands if there is none. */
static void *grown(void *memory, size_t *capacity, size_t need, size_t least, size_t unit)
{
	size_t wanted = *capacity == 0 ? least : *capacity;
	void *more;

	if (need <= *capacity)
		return memory;
	while (wanted < need)
		wanted *= 2;
	more = reallocarray(memory, wanted, unit);
	if (more != NULL)
		*capacity = wanted;
	return more;
}

static bool add(struct sr_op *op, struct sr_op_items *items, const struct sr_index_key *key, const void *value,
		size_t size, struct sr_op_item item)
{
	struct sr_op_item *list;
	uint8_t *bytes;

	if (key->size == 0 || key->size > sizeof key->bytes || size > SR_INDEX_VALUE_MAX)
		return false;
	list = grown(items->list, &items->capacity, items->count + 1, ITEMS_LEAST, sizeof *list);
	if (list == NULL)
		return false;
	items->list = list;
	bytes = grown(op->bytes, &op->capacity, op->used + key->size + size, BYTES_LEAST, 1);
	if (bytes == NULL)
		return false;
	op->bytes = bytes;
	item.table = key->table;
	item.at = op->used;
	item.key_size = key->size;
	item.value_size = size;
	memcpy(bytes + op->used, key->bytes, key->size);
	if (size != 0)
		memcpy(bytes + op->used + key->size, value, size);
	op->used += key->size + size;
	list[items->count++] = item;
	return true;
}

bool sr_op_check(struct sr_op *op, enum sr_check_kind kind, const struct sr_index_key *key, const void *value,
		 size_t size)
{
	return add(op, &op->checks, key, value, size, (struct sr_op_item){.kind = kind});
}

bool sr_op_put(struct sr_op *op, const struct sr_index_key *key, const void *value, size_t size)
{
	return add(op, &op->writes, key, value, size, (struct sr_op_item){.erase = false});
}

bool sr_op_erase(struct sr_op *op, const struct sr_index_key *key)
{
	return add(op, &op->writes, key, NULL, 0, (struct sr_op_item){.erase = true});
}
