/*
 * Fuzzes the file that a backup keeps of the index, as it is read back and restored from, without the digest that ends
 * it: front, rows, end. What decodes must encode to the very bytes it came from, and a data file's name stays below
 * its directory.
 */
#include <stdlib.h>
#include <string.h>

#include "backup_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What lies between `from` and the cursor must be what has been encoded. */
static void expect(const uint8_t *from, const struct sr_cursor *in, size_t left, const struct sr_builder *again)
{
	size_t taken = left - in->left;
	if (again->failed || again->used != taken || memcmp(again->data, from, taken) != 0)
		abort();
}

static void look_at(const struct sr_backup_item *item)
{
	char name[SR_BACKUP_PATH_MAX];
	struct sr_backup_extent extent;
	if (!sr_backup_extent_of(item, &extent))
		return;
	sr_backup_extent_name(&extent, name);
	if (name[3] != '/' || strchr(name + 4, '/') || strstr(name, "..") || extent.size == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[1 + 2 * 2 + SR_BACKUP_KEY_MAX + SR_BACKUP_ROWS_MAX];
	struct sr_builder again = sr_builder_over(bytes, sizeof bytes);
	struct sr_cursor in = sr_cursor_over(data, size);
	struct sr_backup_front front;
	struct sr_backup_tail tail;

	sr_backup_front_decode(&in, &front);
	if (in.failed)
		return 0;
	sr_backup_front_encode(&again, &front);
	/* What is written is of the newest format; what is read may be of an older one. */
	memcpy(bytes + 16, data + 16, 4);
	expect(data, &in, size, &again);
	while (!in.failed && in.left > 0 && data[size - in.left] != SR_BACKUP_END_MARK) {
		const size_t left = in.left;
		struct sr_backup_item item;
		sr_backup_item_decode(&in, &item);
		if (in.failed)
			return 0;
		again = sr_builder_over(bytes, sizeof bytes);
		sr_backup_item_encode(&again, &item);
		expect(data + size - left, &in, left, &again);
		look_at(&item);
	}
	const size_t left = in.left;
	sr_backup_tail_decode(&in, &tail);
	if (!sr_take_done(&in))
		return 0;
	again = sr_builder_over(bytes, sizeof bytes);
	sr_backup_tail_encode(&again, &tail);
	expect(data + size - left, &in, left, &again);
	return 0;
}
