/*
 * Which blob file a track's next bytes go to, and the files that may never be written again because a sync of them
 * failed.
 */
#include "serve/record/track_file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *next;
	struct sr_blob_name name;
};

struct sr_spoiled {
	pthread_mutex_t lock;
	struct node *first;
};

struct sr_spoiled *sr_spoiled_new(void)
{
	struct sr_spoiled *spoiled = calloc(1, sizeof *spoiled);
	if (spoiled && pthread_mutex_init(&spoiled->lock, NULL) != 0) {
		free(spoiled);
		return NULL;
	}
	return spoiled;
}

void sr_spoiled_free(struct sr_spoiled *spoiled)
{
	if (!spoiled)
		return;
	while (spoiled->first) {
		struct node *node = spoiled->first;
		spoiled->first = node->next;
		free(node);
	}
	pthread_mutex_destroy(&spoiled->lock);
	free(spoiled);
}

bool sr_spoiled_add(struct sr_spoiled *spoiled, const struct sr_blob_name *name)
{
	struct node *node = malloc(sizeof *node);
	if (!node)
		return false;
	node->name = *name;
	pthread_mutex_lock(&spoiled->lock);
	node->next = spoiled->first;
	spoiled->first = node;
	pthread_mutex_unlock(&spoiled->lock);
	return true;
}

static bool same(const struct sr_blob_name *one, const struct sr_blob_name *other)
{
	return one->track == other->track && one->file == other->file &&
	       memcmp(one->recording, other->recording, SR_UUID) == 0;
}

bool sr_spoiled_has(struct sr_spoiled *spoiled, const struct sr_blob_name *name)
{
	bool found = false;
	pthread_mutex_lock(&spoiled->lock);
	for (const struct node *at = spoiled->first; at && !found; at = at->next)
		found = same(&at->name, name);
	pthread_mutex_unlock(&spoiled->lock);
	return found;
}

struct sr_blob_name sr_track_file_name(const uint8_t recording[SR_UUID], const struct sr_track_row *row)
{
	struct sr_blob_name name = {.track = row->track, .file = row->files[row->file_count - 1].number};
	memcpy(name.recording, recording, SR_UUID);
	return name;
}

/* A crash between a new track's row and its file leaves the row alone: then the file is made now. */
static enum sr_code open_last(struct sr_blobs *blobs, const struct sr_blob_name *name, const struct sr_track_row *row,
			      struct sr_blob **blob, struct sr_error *err)
{
	uint64_t committed = row->files[row->file_count - 1].committed;
	struct sr_error why;
	if (committed == 0 && sr_blob_create(blobs, name, blob, &why) == SR_OK)
		return SR_OK;
	return sr_blob_append_open(blobs, name, committed, blob, err);
}

enum sr_code sr_track_file_open(struct sr_blobs *blobs, struct sr_spoiled *spoiled, const uint8_t recording[SR_UUID],
				struct sr_track_row *row, struct sr_blob **blob, bool *changed, struct sr_error *err)
{
	struct sr_blob_name name = sr_track_file_name(recording, row);
	*changed = sr_spoiled_has(spoiled, &name);
	if (!*changed)
		return open_last(blobs, &name, row, blob, err);
	if (row->file_count == SR_FILES_MAX)
		return SR_FAIL(err, SR_CONFLICT, "the track has %d files, and the disk failed again", SR_FILES_MAX);
	/* One after it may be spoiled as well, by an attempt whose row was never put. */
	do {
		if (name.file == UINT16_MAX)
			return SR_FAIL(err, SR_CONFLICT, "the track's files have used up their numbers");
		name.file++;
	} while (sr_spoiled_has(spoiled, &name));
	row->files[row->file_count++] = (struct sr_track_file){.number = name.file};
	struct sr_error why;
	enum sr_code code = sr_blob_create(blobs, &name, blob, &why);
	/* Left by an attempt whose row was never put: nothing in it counts. */
	if (code == SR_CONFLICT)
		return sr_blob_append_open(blobs, &name, 0, blob, err);
	if (code != SR_OK && err)
		*err = why;
	return code;
}
