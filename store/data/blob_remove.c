/*
 * Removing blobs: all files of a recording at once, found in its directory and not by anybody's account of them.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "data/blob_name.h"

/* What is to go, and what of it is not. */
struct choice {
	const uint8_t *recording;
	const struct sr_blob_name *kept;
	size_t count;
};

static bool goes(const struct choice *choice, const struct sr_blob_name *name)
{
	if (memcmp(name->recording, choice->recording, SR_UUID) != 0)
		return false;
	for (size_t at = 0; at < choice->count; at++)
		if (choice->kept[at].track == name->track && choice->kept[at].file == name->file)
			return false;
	return true;
}

static enum sr_code unlink_all(DIR *directory, const char *fan, const struct choice *choice, struct sr_error *err)
{
	struct sr_blob_name name;
	struct dirent *next;

	while ((errno = 0, next = readdir(directory)) != NULL) {
		if (!sr_blob_name_parse(fan, next->d_name, &name) || !goes(choice, &name))
			continue;
		if (unlinkat(dirfd(directory), next->d_name, 0) != 0 && errno != ENOENT)
			return SR_FAIL(err, SR_IO, "blob directory %s: removing a file: %s", fan,
				       strerrordesc_np(errno));
	}
	return errno == 0 ? SR_OK
			  : SR_FAIL(err, SR_IO, "blob directory %s: reading it: %s", fan, strerrordesc_np(errno));
}

static enum sr_code remove_chosen(struct sr_blobs *blobs, const struct choice *choice, struct sr_error *err)
{
	struct sr_blob_name any = {.track = 1};
	struct sr_blob_label label;
	enum sr_code code;
	DIR *directory;

	memcpy(any.recording, choice->recording, SR_UUID);
	label = sr_blob_label(&any);
	code = sr_blobs_list_fan(blobs, label.fan, &directory, err);
	if (code != SR_OK)
		return code;
	code = unlink_all(directory, label.fan, choice, err);
	/* Also when nothing was there: an earlier removal may have been cut off before its sync. */
	if (code == SR_OK && TEMP_FAILURE_RETRY(fsync(dirfd(directory))) != 0)
		code = SR_FAIL(err, SR_IO, "blob directory %s: syncing it: %s", label.fan, strerrordesc_np(errno));
	(void)closedir(directory);
	return code;
}

enum sr_code sr_blobs_remove_recording(struct sr_blobs *blobs, const uint8_t recording[SR_UUID], struct sr_error *err)
{
	return sr_blobs_remove_others(blobs, recording, NULL, 0, err);
}

enum sr_code sr_blobs_remove_others(struct sr_blobs *blobs, const uint8_t recording[SR_UUID],
				    const struct sr_blob_name *kept, size_t count, struct sr_error *err)
{
	const struct choice choice = {.recording = recording, .kept = kept, .count = count};

	return remove_chosen(blobs, &choice, err);
}
