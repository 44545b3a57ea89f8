/*
 * Data files of a recording that its rows no longer name, or never did.
 */
#include "serve/removal/replaced.h"

#include <stdlib.h>
#include <string.h>

#include "serve/removal/removal_internal.h"

/* What the rows name, wherever the hint leads. */
struct naming {
	const struct sr_remover *remover;
	const uint8_t *recording;
	struct sr_blob_name *kept;
	size_t count, room;
	struct sr_track_row track; /* large: not on the stack of a walk */
	struct sr_recording_row row;
	uint32_t tracks;
	enum sr_code code;
};

static bool keep(struct naming *naming, uint16_t file)
{
	if (naming->count == naming->room) {
		size_t room = naming->room ? 2 * naming->room : 16;
		struct sr_blob_name *kept = reallocarray(naming->kept, room, sizeof *kept);
		if (!kept)
			return false;
		naming->kept = kept;
		naming->room = room;
	}
	struct sr_blob_name *name = &naming->kept[naming->count++];
	*name = (struct sr_blob_name){.track = naming->track.track, .file = file};
	memcpy(name->recording, naming->recording, SR_UUID);
	return true;
}

static bool take_track(void *context, struct sr_span key, struct sr_span value)
{
	struct naming *naming = context;
	(void)key;
	naming->code = sr_track_row_decode(naming->remover->keyring, naming->recording, value, &naming->track);
	naming->tracks++;
	for (uint16_t at = 0; naming->code == SR_OK && at < naming->track.file_count; at++)
		if (!keep(naming, naming->track.files[at].number))
			naming->code = SR_INTERNAL;
	return naming->code == SR_OK;
}

/* SR_NOT_FOUND: there is no such recording any more, and its own removal has taken its files. */
static enum sr_code look(struct naming *naming, struct sr_view *view)
{
	struct sr_index_key hint = sr_key_hint(naming->recording);
	struct sr_span home, value;
	enum sr_code code = sr_view_get(view, &hint, &home);
	if (code == SR_OK && home.size != SR_TAG)
		code = SR_CORRUPT;
	if (code != SR_OK)
		return code;
	struct sr_index_key key = sr_key_recording(home.data, naming->recording);
	struct sr_index_key first = sr_key_track(home.data, naming->recording, 1);
	code = sr_view_get(view, &key, &value);
	if (code == SR_OK)
		code = sr_recording_row_decode(naming->remover->keyring, naming->recording, value, &naming->row);
	if (code == SR_OK)
		code = sr_view_walk(view, &first, SR_TAG + SR_UUID, take_track, naming);
	if (code == SR_OK)
		code = naming->code;
	return code == SR_OK && naming->tracks != naming->row.tracks ? SR_CORRUPT : code;
}

/* Only if it still says so: the recording may have been discarded meanwhile, under the same name. */
static enum sr_code forget(struct sr_remover *remover, const struct sr_doom *doom, struct sr_error *err)
{
	struct sr_index_key doomed = sr_key_doom(doom);
	uint8_t bytes[SR_ROW_MAX];
	size_t size = sr_doom_row_seal(remover->keyring, doom, bytes);
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_check(op, SR_CHECK_EQUALS, &doomed, bytes, size) && sr_op_erase(op, &doomed);
	return sr_remover_run(remover, op, built, err);
}

static enum sr_code look_in_view(struct naming *naming, struct sr_error *err)
{
	struct sr_view *view;
	enum sr_code code = sr_view_begin(naming->remover->index, &view, err);
	if (code != SR_OK)
		return code;
	code = look(naming, view);
	sr_view_end(view);
	return code == SR_OK || code == SR_NOT_FOUND
		       ? code
		       : SR_FAIL(err, code, "the rows of a recording that was sealed anew cannot be read");
}

enum sr_code sr_replaced_remove(struct sr_remover *remover, const struct sr_doom *doom, struct sr_error *err)
{
	struct naming *naming = calloc(1, sizeof *naming);
	if (!naming)
		return SR_FAIL_MEMORY(err);
	naming->remover = remover;
	naming->recording = doom->recording;
	enum sr_code code = look_in_view(naming, err);
	if (code == SR_OK && naming->row.writing == SR_WRITING_FINISHED)
		code = sr_blobs_remove_others(remover->blobs, doom->recording, naming->kept, naming->count, err);
	if (code == SR_OK || code == SR_NOT_FOUND)
		code = forget(remover, doom, err);
	free(naming->kept);
	free(naming);
	return code;
}
