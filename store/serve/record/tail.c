/*
 * After a sync that failed: whether what is committed of a track's last file still stands on the disk.
 */
#include "serve/record/tail.h"

#include <stdlib.h>
#include <string.h>

#include "data/blob_disk.h"
#include "serve/play/lookup.h"
#include "serve/record/extent.h"
#include "serve/record/track_file.h"

static enum sr_code find_extent(struct sr_request *request, const struct sr_blob_name *name, uint32_t number,
				struct sr_extent_row *row)
{
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_extent_find(view, request->daemon->keyring, name, number, row);
	sr_request_view_end(request, view);
	if (code == SR_NOT_FOUND || code == SR_CORRUPT)
		return sr_request_corrupt(request, name->recording, "checksum of what was committed");
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "reading the index failed");
}

enum sr_code sr_tail_check(struct sr_request *request, const uint8_t recording[SR_UUID], const struct sr_track_row *row)
{
	struct sr_blob_name name = sr_track_file_name(recording, row);
	uint64_t committed = row->files[row->file_count - 1].committed;
	struct sr_extent_row extent;
	struct sr_error why = {.text = ""};
	if (committed == 0 || !sr_spoiled_has(request->daemon->spoiled, &name))
		return SR_OK;
	/* Earlier extents were full, and synced, before the sync that failed began. */
	uint64_t number = (committed - 1) / SR_EXTENT, size = committed - number * SR_EXTENT;
	uint8_t *bytes = malloc(size);
	if (!bytes)
		return SR_FAIL_MEMORY(&request->error);
	enum sr_code code = find_extent(request, &name, (uint32_t)number, &extent);
	if (code == SR_OK) {
		code = sr_blob_read_disk(request->daemon->blobs, &name, number * SR_EXTENT, bytes, size, &why);
		if (code == SR_OK)
			code = sr_extent_judge(request->daemon->keyring, name.recording, name.track, name.file,
					       (uint32_t)number, &extent, bytes, size);
		if (code == SR_INTERNAL)
			code = SR_FAIL_MEMORY(&request->error);
		else if (code == SR_CORRUPT)
			code = sr_request_corrupt(request, recording, "committed bytes, after a sync that failed");
		else if (code != SR_OK)
			code = sr_request_storage(request, &why);
	}
	free(bytes);
	return code;
}
