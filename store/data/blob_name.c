/*
 * The text of blob names.
 */
#include "data/blob_name.h"

#include <stdio.h>

void sr_blob_fan(unsigned number, char out[SR_BLOB_FAN])
{
	(void)snprintf(out, SR_BLOB_FAN, "%03x", number % SR_BLOB_FANOUT);
}

struct sr_blob_label sr_blob_label(const struct sr_blob_name *name)
{
	unsigned low = (unsigned)name->recording[SR_UUID - 2] << 8 | name->recording[SR_UUID - 1];
	struct sr_blob_label label;
	char id[SR_UUID_TEXT];

	sr_blob_fan(low, label.fan);
	sr_uuid_format(name->recording, id);
	(void)snprintf(label.file, sizeof label.file, "%s.%u.%u", id, name->track, name->file);
	(void)snprintf(label.text, sizeof label.text, "%s/%s", label.fan, label.file);
	return label;
}
