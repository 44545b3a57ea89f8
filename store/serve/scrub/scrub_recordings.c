/*
 * Recordings, for a scrub: their rows, and what must go with them in other tables; and what is left of none.
 */
#include <string.h>

#include "keys/opening.h"
#include "serve/patients/move.h"
#include "serve/removal/removal.h"
#include "serve/scrub/scrub_internal.h"

#define RECORDING_KEY (SR_TAG + SR_UUID + 2)
#define SEGMENT_KEY (RECORDING_KEY + 4)
#define EXTENT_KEY (SR_UUID + 2 + 2 + 4)

static uint16_t number_at(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* ---- a recording's row ---- */

struct counting {
	unsigned rows;
};

static bool count_row(void *context, struct sr_span key, struct sr_span value)
{
	struct counting *counting = context;
	(void)key, (void)value;
	return ++counting->rows <= SR_TRACKS_MAX;
}

static void judge_tracks_count(struct sr_pass *pass, struct sr_view *view, const struct sr_recording_row *row)
{
	const struct sr_target *target = pass->target;
	struct sr_index_key first = sr_key_track(target->tag, target->recording, 1);
	struct counting counting = {0};
	enum sr_code code = sr_view_walk(view, &first, SR_TAG + SR_UUID, count_row, &counting);
	if (code != SR_OK)
		sr_pass_find(pass, SR_FINDING_INDEX, NULL, "its tracks' rows cannot be read: %s", sr_code_name(code));
	else if (counting.rows != row->tracks)
		sr_pass_find(pass, SR_FINDING_MISMATCH, NULL, "the row counts %u tracks, and there are %u", row->tracks,
			     counting.rows);
}

/* True if the hint leads here. */
static bool judge_hint_of(struct sr_pass *pass, struct sr_view *view)
{
	struct sr_index_key key = sr_key_hint(pass->target->recording);
	struct sr_span value;
	char own[SR_TAG_TEXT], other[SR_TAG_TEXT];
	enum sr_code code = sr_pass_get(pass, view, &key, &value);
	if (code == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_MISSING_ROW, NULL, "the hint is missing; the row stands under tag %s",
			     sr_tag_text(pass->target->tag, own));
	bool here = code == SR_OK && value.size == SR_TAG && memcmp(value.data, pass->target->tag, SR_TAG) == 0;
	/* Another size is found among the hints. */
	if (code == SR_OK && !here && value.size == SR_TAG)
		sr_pass_find(pass, SR_FINDING_MISFILED, NULL, "stands under tag %s, the hint says tag %s",
			     sr_tag_text(pass->target->tag, own), sr_tag_text(value.data, other));
	if (!here && pass->final)
		sr_scrub_unhinted(pass->scrub, pass->target->recording);
	return here;
}

static void judge_bound(struct sr_pass *pass, struct sr_view *view, const struct sr_recording_row *row)
{
	static const uint8_t none[SR_TAG];
	struct sr_index_key patient = sr_key_patient(pass->target->tag);
	struct sr_index_key consultation = sr_key_consultation(row->consultation);
	struct sr_span value;
	char text[SR_TAG_TEXT];
	if (sr_pass_get(pass, view, &patient, &value) == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_MISSING_ROW, NULL, "the patient's row of tag %s is missing",
			     sr_tag_text(pass->target->tag, text));
	if (memcmp(row->consultation, none, SR_TAG) == 0)
		return;
	enum sr_code code = sr_pass_get(pass, view, &consultation, &value);
	if (code == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_MISSING_ROW, NULL, "its consultation's row is missing");
	else if (code == SR_OK && (value.size != SR_TAG || memcmp(value.data, pass->target->tag, SR_TAG) != 0))
		sr_pass_find(pass, SR_FINDING_MISMATCH, NULL, "its consultation is bound to another tag than it");
}

/* What is doomed must stand where the sweeper finds it. */
static void judge_doomed(struct sr_pass *pass, struct sr_view *view, const struct sr_recording_row *row)
{
	struct sr_doom doom = {.doomed_ms = row->doomed_ms};
	struct sr_span value;
	memcpy(doom.tag, pass->target->tag, SR_TAG);
	memcpy(doom.recording, pass->target->recording, SR_UUID);
	struct sr_index_key key = sr_key_doom(&doom);
	if (sr_pass_get(pass, view, &key, &value) == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_MISSING_ROW, NULL,
			     "it is deleted, and the control row by which its files would go is missing");
}

/* What is moving must stand in the journal by which that ends. */
static void judge_moving(struct sr_pass *pass, struct sr_view *view)
{
	struct sr_span value;
	char name[SR_MOVE_NAME];
	sr_move_name(pass->target->recording, name);
	struct sr_index_key key = sr_key_control(name);
	if (sr_pass_get(pass, view, &key, &value) == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_MISSING_ROW, NULL,
			     "it is moving, and the control row by which that would end is missing");
}

static void judge_whole(struct sr_pass *pass, struct sr_view *view, const struct sr_recording_row *row)
{
	static const char *const lives[] = {"none", "live", "doomed", "moving", "a tombstone", "a further subject"};
	if (sr_recording_unwrapped(row) || row->life == SR_LIFE_TOMBSTONE)
		return; /* what is left of it is going, or has gone elsewhere */
	if (row->life == SR_LIFE_DOOMED)
		judge_doomed(pass, view, row);
	switch (sr_row_outer(pass->scrub->parts.keyring, pass->target->recording, row)) {
	case SR_ROW_CORRUPT:
		sr_pass_find(pass, SR_FINDING_WRAP, NULL, "the outer wrap does not open under epoch %u", row->epoch);
		break;
	case SR_ROW_UNKNOWN_EPOCH:
		sr_pass_find(pass, SR_FINDING_WRAP, NULL, "the keyring has no epoch %u", row->epoch);
		break;
	case SR_ROW_UNAVAILABLE:
		sr_pass_find(pass, SR_FINDING_UNKNOWN, NULL, "the outer wrap could not be judged");
		break;
	default:
		break;
	}
	if (row->life == SR_LIFE_MOVING) {
		judge_moving(pass, view);
		return;
	}
	if (row->life != SR_LIFE_LIVE && row->life != SR_LIFE_DOOMED) {
		sr_pass_find(pass, SR_FINDING_UNKNOWN, NULL, "the row is %s", lives[row->life]);
		return;
	}
	judge_tracks_count(pass, view, row);
	/* Under another's tag, nothing that is bound to the own one fits. */
	if (judge_hint_of(pass, view))
		judge_bound(pass, view, row);
}

static void judge_recording(struct sr_pass *pass)
{
	struct sr_recording_row row;
	struct sr_span value;
	struct sr_view *view = sr_pass_view(pass);
	if (view && sr_pass_get(pass, view, &pass->target->key, &value) == SR_OK) {
		enum sr_code code =
			sr_recording_row_decode(pass->scrub->parts.keyring, pass->target->recording, value, &row);
		sr_pass_decoded(pass, code, "the recording's row");
		if (code == SR_OK)
			judge_whole(pass, view, &row);
	}
	sr_view_end(view);
}

static void judge_malformed(struct sr_pass *pass)
{
	struct sr_span value;
	struct sr_view *view = sr_pass_view(pass);
	if (view && sr_pass_get(pass, view, &pass->target->key, &value) == SR_OK)
		sr_pass_find(pass, SR_FINDING_ROW, NULL, "a key of %zu bytes is malformed", pass->target->key.size);
	sr_view_end(view);
}

/* ---- all of them ---- */

/* The files that a track's row names; how many. */
static uint16_t list_files(struct sr_scrub *scrub, const struct sr_target *target, uint16_t files[SR_FILES_MAX])
{
	struct sr_pass pass = {.scrub = scrub, .target = target};
	struct sr_track_row row = {.file_count = 0};
	struct sr_view *view = sr_pass_view(&pass);
	if (view && sr_pass_track(&pass, view, &row) != SR_OK)
		row.file_count = 0;
	sr_view_end(view);
	for (uint16_t at = 0; at < row.file_count; at++)
		files[at] = row.files[at].number;
	return row.file_count;
}

/* The target's recording, under this tag, is being removed, and all that goes with it, in no order to be judged by. */
static bool goes(struct sr_pass *pass, struct sr_view *view, const uint8_t tag[SR_TAG])
{
	struct sr_index_key key = sr_key_recording(tag, pass->target->recording);
	struct sr_recording_row row;
	struct sr_span value;
	return sr_pass_get(pass, view, &key, &value) == SR_OK &&
	       sr_recording_row_decode(pass->scrub->parts.keyring, pass->target->recording, value, &row) == SR_OK &&
	       sr_recording_unwrapped(&row);
}

static bool is_going(struct sr_scrub *scrub, const struct sr_target *target)
{
	struct sr_pass pass = {.scrub = scrub, .target = target};
	struct sr_view *view = sr_pass_view(&pass);
	bool going = view && goes(&pass, view, target->tag);
	sr_view_end(view);
	return going;
}

static void scrub_track(struct sr_scrub *scrub, struct sr_target *target)
{
	uint16_t files[SR_FILES_MAX];
	if (is_going(scrub, target))
		return;
	sr_scrub_judge(scrub, target, sr_judge_track);
	uint16_t count = list_files(scrub, target, files);
	for (uint16_t at = 0; at < count && sr_scrub_goes_on(scrub); at++) {
		target->file = files[at];
		sr_scrub_judge(scrub, target, sr_judge_file);
	}
}

void sr_scrub_recordings(struct sr_scrub *scrub)
{
	struct sr_target target;
	memset(&target, 0, sizeof target);
	while (sr_scrub_goes_on(scrub) && sr_scrub_next(scrub, &scrub->after, &target.key)) {
		struct sr_target now = {.key = target.key};
		bool whole = now.key.size == RECORDING_KEY;
		if (whole) {
			memcpy(now.tag, now.key.bytes, SR_TAG);
			memcpy(now.recording, now.key.bytes + SR_TAG, SR_UUID);
			now.track = number_at(now.key.bytes + SR_TAG + SR_UUID);
		}
		if (!whole)
			sr_scrub_judge(scrub, &now, judge_malformed);
		else if (now.track == 0)
			sr_scrub_judge(scrub, &now, judge_recording);
		else
			scrub_track(scrub, &now);
		if (!sr_scrub_goes_on(scrub))
			return;
		sr_scrub_passed(scrub, &target.key);
		sr_scrub_read_rows(scrub, 1, RECORDING_KEY + 512);
	}
}

/* ---- segments and extents that belong to nothing ---- */

static void judge_stray_segment(struct sr_pass *pass)
{
	struct sr_index_key track = sr_key_track(pass->target->tag, pass->target->recording, pass->target->track);
	struct sr_span value;
	struct sr_view *view = sr_pass_view(pass);
	if (view && sr_pass_get(pass, view, &pass->target->key, &value) == SR_OK &&
	    sr_pass_get(pass, view, &track, &value) == SR_NOT_FOUND && !goes(pass, view, pass->target->tag))
		sr_pass_find(pass, SR_FINDING_EXTRA_ROW, NULL, "segments' places of a track that has no row");
	sr_view_end(view);
}

/* One look for each track: its own walk has seen to the numbers. */
void sr_scrub_segments(struct sr_scrub *scrub)
{
	struct sr_target target;
	memset(&target, 0, sizeof target);
	while (sr_scrub_goes_on(scrub) && sr_scrub_next(scrub, &scrub->after, &target.key)) {
		struct sr_target now = {.key = target.key};
		struct sr_index_key passed = now.key;
		if (now.key.size == SEGMENT_KEY) {
			memcpy(now.tag, now.key.bytes, SR_TAG);
			memcpy(now.recording, now.key.bytes + SR_TAG, SR_UUID);
			now.track = number_at(now.key.bytes + SR_TAG + SR_UUID);
			passed = sr_key_segment(now.tag, now.recording, now.track, UINT32_MAX);
		}
		sr_scrub_judge(scrub, &now, now.key.size == SEGMENT_KEY ? judge_stray_segment : judge_malformed);
		if (!sr_scrub_goes_on(scrub))
			return;
		sr_scrub_passed(scrub, &passed);
		sr_scrub_read_rows(scrub, 1, SEGMENT_KEY);
	}
}

/* The same of what names no patient: its hint goes last of all. */
static bool goes_by_hint(struct sr_pass *pass, struct sr_view *view)
{
	struct sr_index_key key = sr_key_hint(pass->target->recording);
	struct sr_span hint;
	return sr_pass_get(pass, view, &key, &hint) == SR_OK && hint.size == SR_TAG && goes(pass, view, hint.data);
}

static void judge_stray_extent(struct sr_pass *pass)
{
	struct sr_span value;
	struct sr_view *view = sr_pass_view(pass);
	if (view && sr_pass_get(pass, view, &pass->target->key, &value) == SR_OK &&
	    sr_pass_owner(pass, view) == SR_NOT_FOUND && !goes_by_hint(pass, view))
		sr_pass_find(pass, SR_FINDING_EXTRA_ROW, NULL, "extents' rows of a file that no row names");
	sr_view_end(view);
}

void sr_scrub_extents(struct sr_scrub *scrub)
{
	struct sr_target target;
	memset(&target, 0, sizeof target);
	while (sr_scrub_goes_on(scrub) && sr_scrub_next(scrub, &scrub->after, &target.key)) {
		struct sr_target now = {.key = target.key};
		struct sr_index_key passed = now.key;
		if (now.key.size == EXTENT_KEY) {
			memcpy(now.recording, now.key.bytes, SR_UUID);
			now.track = number_at(now.key.bytes + SR_UUID);
			now.file = number_at(now.key.bytes + SR_UUID + 2);
			passed = sr_key_extent(now.recording, now.track, now.file, UINT32_MAX);
		}
		sr_scrub_judge(scrub, &now, now.key.size == EXTENT_KEY ? judge_stray_extent : judge_malformed);
		if (!sr_scrub_goes_on(scrub))
			return;
		sr_scrub_passed(scrub, &passed);
		sr_scrub_read_rows(scrub, 1, EXTENT_KEY);
	}
}
