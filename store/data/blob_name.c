/*
 * The text of blob names.
 */
#include "data/blob_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A decimal number of 16 bits with `end` behind it. */
static bool take_number(const char **at, char end, uint16_t *number)
{
	char *behind;
	unsigned long value = strtoul(*at, &behind, 10);

	if (behind == *at || *behind != end || value > UINT16_MAX)
		return false;
	*number = (uint16_t)value;
	*at = behind + 1;
	return true;
}

bool sr_blob_name_parse(const char *fan, const char *file, struct sr_blob_name *name)
{
	const size_t id = SR_UUID_TEXT - 1;
	const char *at = file + id + 1;

	if (strlen(file) <= id || file[id] != '.' || !sr_uuid_parse(file, id, name->recording) ||
	    !take_number(&at, '.', &name->track) || !take_number(&at, '\0', &name->file))
		return false;
	/* Signs, spaces, leading zeros and capitals have passed until here. */
	struct sr_blob_label label = sr_blob_label(name);
	return strcmp(label.fan, fan) == 0 && strcmp(label.file, file) == 0;
}
