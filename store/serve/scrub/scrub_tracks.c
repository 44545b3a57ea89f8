/*
 * Tracks, for a scrub: their rows and segments, and every committed byte of their files against its checksum.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "chunked.h"
#include "data/blob_scan.h"
#include "serve/scrub/scrub_internal.h"

#define PLACES_AT_ONCE 500 /* a view ends within 1,000 rows */

/* ---- a track's row and its segments ---- */

/* The segments of an open track as they are walked, against what its row says. */
struct segments {
	struct sr_pass *pass;
	const struct sr_track_row *row;
	uint32_t number; /* the next */
	uint64_t offset;
	uint16_t at; /* which of the row's files they have reached */
	uint64_t ends[SR_FILES_MAX];
	unsigned in_view;
};

static void judge_place(struct segments *segments, const struct sr_segment_place *place)
{
	const struct sr_track_row *row = segments->row;
	struct sr_extent_at at = {place->position, sr_sealed_size(place->record.length)};
	if (place->record.number != segments->number || place->record.offset != segments->offset)
		sr_pass_find(segments->pass, SR_FINDING_MISMATCH, NULL,
			     "the place of segment %u does not follow the one before it", segments->number);
	while (segments->at + 1 < row->file_count && row->files[segments->at].number != place->file)
		segments->at++;
	if (row->files[segments->at].number != place->file || place->position != segments->ends[segments->at] ||
	    at.length > row->files[segments->at].committed ||
	    at.offset > row->files[segments->at].committed - at.length)
		sr_pass_find(segments->pass, SR_FINDING_MISMATCH, &at,
			     "segment %u does not lie where the one before it ends, within what is committed",
			     segments->number);
	segments->ends[segments->at] = place->position + at.length;
	segments->offset = place->record.offset + place->record.length;
}

static bool take_place(void *context, struct sr_span key, struct sr_span value)
{
	struct segments *segments = context;
	struct sr_cursor in = sr_cursor_over(value.data, value.size);
	struct sr_segment_place place;
	uint32_t number = 0;
	for (size_t at = key.size - 4; at < key.size; at++)
		number = number << 8 | key.data[at];
	if (number != segments->number || segments->number >= segments->row->segments ||
	    segments->in_view++ == PLACES_AT_ONCE)
		return false;
	sr_segment_place_decode(&in, &place);
	if (sr_take_done(&in))
		judge_place(segments, &place);
	else
		sr_pass_find(segments->pass, SR_FINDING_ROW, NULL, "the place of segment %u is malformed", number);
	segments->number++;
	return !sr_pass_over(segments->pass);
}

/* The sums of all places are what the row says. */
static void judge_sums(const struct segments *segments)
{
	const struct sr_track_row *row = segments->row;
	if (segments->number < row->segments) {
		sr_pass_find(segments->pass, SR_FINDING_MISSING_ROW, NULL,
			     "the place of segment %u is missing, of %u that there should be", segments->number,
			     row->segments);
		return;
	}
	if (segments->offset != row->length)
		sr_pass_find(segments->pass, SR_FINDING_MISMATCH, NULL,
			     "the segments have %llu bytes, and the row says %llu",
			     (unsigned long long)segments->offset, (unsigned long long)row->length);
	for (uint16_t at = 0; at < row->file_count; at++)
		if (segments->ends[at] != row->files[at].committed)
			sr_pass_find(segments->pass, SR_FINDING_MISMATCH, NULL,
				     "the segments in file %u end at %llu, and %llu is committed",
				     row->files[at].number, (unsigned long long)segments->ends[at],
				     (unsigned long long)row->files[at].committed);
}

static void judge_segments(struct sr_pass *pass, const struct sr_track_row *row)
{
	const struct sr_target *target = pass->target;
	struct segments segments = {.pass = pass, .row = row};
	enum sr_code code = SR_OK;
	uint32_t before;
	do {
		struct sr_index_key from = sr_key_segment(target->tag, target->recording, row->track, segments.number);
		struct sr_view *view = sr_pass_view(pass);
		if (!view)
			return;
		before = segments.number;
		segments.in_view = 0;
		code = sr_view_walk(view, &from, SR_TAG + SR_UUID + 2, take_place, &segments);
		sr_view_end(view);
		sr_scrub_read_rows(pass->scrub, segments.number - before,
				   (uint64_t)(segments.number - before) * SR_SEGMENT_ROW);
	} while (code == SR_OK && segments.number > before && !sr_pass_over(pass));
	if (code != SR_OK)
		sr_pass_find(pass, SR_FINDING_INDEX, NULL, "its segments' places cannot be read: %s",
			     sr_code_name(code));
	else if (!sr_pass_over(pass))
		judge_sums(&segments);
}

static bool stop_at_once(void *context, struct sr_span key, struct sr_span value)
{
	(void)key, (void)value;
	*(bool *)context = true;
	return false;
}

/* What must be so in the very view that the row is of. */
static void judge_track_row(struct sr_pass *pass, struct sr_view *view, const struct sr_track_row *row)
{
	const struct sr_target *target = pass->target;
	struct sr_index_key whole = sr_key_recording(target->tag, target->recording);
	struct sr_index_key behind = sr_key_segment(target->tag, target->recording, row->track, row->segments);
	struct sr_recording_row recording;
	struct sr_span value;
	bool more = false;
	enum sr_code code = sr_pass_get(pass, view, &whole, &value);
	if (code == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_EXTRA_ROW, NULL, "a track's row without its recording's");
	if (code == SR_OK)
		code = sr_recording_row_decode(pass->scrub->parts.keyring, target->recording, value, &recording);
	if (code == SR_OK && recording.writing != row->writing)
		sr_pass_find(pass, SR_FINDING_MISMATCH, NULL,
			     "track and recording differ in whether they are finished");
	if (row->file_count == 0) {
		sr_pass_find(pass, SR_FINDING_MISMATCH, NULL, "the row names no file");
	} else if (row->writing == SR_WRITING_FINISHED) {
		uint64_t committed = row->files[row->file_count - 1].committed;
		if (row->manifest_size > committed || row->manifest_position != committed - row->manifest_size)
			sr_pass_find(pass, SR_FINDING_MISMATCH, NULL, "the manifest does not lie where its file ends");
	}
	code = sr_view_walk(view, &behind, SR_TAG + SR_UUID + 2, stop_at_once, &more);
	if (code == SR_OK && more)
		sr_pass_find(pass, SR_FINDING_MISMATCH, NULL, "there are places of more than the row's %u segments",
			     row->segments);
}

void sr_judge_track(struct sr_pass *pass)
{
	struct sr_track_row row;
	enum sr_code code = SR_NOT_FOUND;
	struct sr_view *view = sr_pass_view(pass);
	if (view) {
		code = sr_pass_track(pass, view, &row);
		if (code == SR_OK)
			judge_track_row(pass, view, &row);
		else if (code != SR_NOT_FOUND)
			sr_pass_decoded(pass, code, "the track's row");
	}
	sr_view_end(view);
	/* Of a finished track, what places a crash has left mean nothing. */
	if (code == SR_OK && row.writing != SR_WRITING_FINISHED && row.file_count > 0 && !sr_pass_over(pass))
		judge_segments(pass, &row);
}

/* ---- a file of a track ---- */

/* The file being read: as of the first look at the row, but for what `look_again` renews. */
struct reading {
	struct sr_pass *pass;
	struct sr_track_row row;
	uint64_t committed;
	int fd;
	uint64_t size; /* of the file as it lies there */
};

static bool committed_of(const struct sr_track_row *row, uint16_t file, uint64_t *committed)
{
	for (uint16_t at = 0; at < row->file_count; at++) {
		*committed = row->files[at].committed;
		if (row->files[at].number == file)
			return true;
	}
	return false;
}

/* As what cannot be read: a stretch that was not checked must not pass for one that is right. */
static enum sr_code no_digest(struct sr_error *err)
{
	return SR_FAIL(err, SR_IO, "memory for its checksum is used up");
}

/* Takes in the next bytes of a stretch. False when memory is used up. */
typedef bool take_bytes(void *over, const uint8_t *bytes, size_t size);

static bool into_digest(void *over, const uint8_t *bytes, size_t size)
{
	return sr_digest_add(over, bytes, size);
}

static bool into_sum(void *over, const uint8_t *bytes, size_t size)
{
	return sr_extent_sum_add(over, bytes, size);
}

/* Read that stretch of the file past the cache, at the scrub's rate. */
static enum sr_code sweep(struct reading *reading, const struct sr_extent_at *at, take_bytes *take, void *over,
			  struct sr_error *err)
{
	struct sr_scrub *scrub = reading->pass->scrub;
	for (uint64_t done = 0; done < at->length;) {
		size_t now = at->length - done < SR_SCRUB_WINDOW ? (size_t)(at->length - done) : SR_SCRUB_WINDOW;
		enum sr_code code = sr_blob_sweep(reading->fd, at->offset + done, scrub->window, now, err);
		if (code != SR_OK)
			return code;
		if (!take(over, scrub->window, now))
			return no_digest(err);
		done += now;
		sr_scrub_read_bytes(scrub, now);
		if (!sr_scrub_goes_on(scrub))
			return SR_UNAVAILABLE;
	}
	return SR_OK;
}

/* A finding if the stretch could not be read (`code`, with err), or was and does not fit. */
static void tell(struct reading *reading, const struct sr_extent_at *at, enum sr_code code, const struct sr_error *err,
		 bool fits, enum sr_finding_kind kind)
{
	if (code == SR_OK && !fits)
		sr_pass_find(reading->pass, kind, at,
			     kind == SR_FINDING_MANIFEST ? "the manifest is not the one that was committed"
							 : "the stored bytes are not those that were committed");
	else if (code == SR_IO || code == SR_CORRUPT)
		sr_pass_find(reading->pass, SR_FINDING_UNREADABLE, at, "%.200s", err->text);
}

static void judge_extent(struct reading *reading, const struct sr_extent_at *at, uint32_t number,
			 const struct sr_extent_row *row)
{
	const struct sr_target *target = reading->pass->target;
	struct sr_extent_sum *sum = reading->pass->scrub->sum;
	struct sr_error err = {.text = ""};
	enum sr_code fits = SR_INTERNAL, code = SR_OK;
	if (!sr_extent_sum_begin(sum, target->recording, target->track, target->file, number, row->format))
		code = no_digest(&err);
	if (code == SR_OK)
		code = sweep(reading, at, into_sum, sum, &err);
	if (code == SR_OK)
		fits = sr_extent_sum_judge(sum, row);
	if (code == SR_OK && fits == SR_INTERNAL)
		code = no_digest(&err);
	tell(reading, at, code, &err, fits == SR_OK, SR_FINDING_CHECKSUM);
}

/*
 * The row of extent `number` as of now, with what the track's row says now of the file's length: a writer changes both
 * at once. False if there is nothing to compare with, which may be a finding.
 */
static bool look_again(struct reading *reading, uint32_t number, struct sr_extent_row *row)
{
	struct sr_pass *pass = reading->pass;
	const struct sr_target *target = pass->target;
	struct sr_index_key key = sr_key_extent(target->recording, target->track, target->file, number);
	struct sr_extent_at at = {(uint64_t)number * SR_EXTENT, SR_EXTENT};
	struct sr_span value;
	uint64_t committed;
	struct sr_view *view = sr_pass_view(pass);
	if (!view)
		return false;
	bool there = sr_pass_track(pass, view, &reading->row) == SR_OK &&
		     committed_of(&reading->row, target->file, &committed) && committed > at.offset;
	enum sr_code code = there ? sr_pass_get(pass, view, &key, &value) : SR_UNAVAILABLE;
	if (there && committed - at.offset < SR_EXTENT)
		at.length = committed - at.offset;
	if (code == SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_MISSING_ROW, &at, "the row of extent %u is missing", number);
	bool found = code == SR_OK;
	if (found) {
		code = sr_extent_row_decode(pass->scrub->parts.keyring, target->recording, target->track, target->file,
					    number, value, row);
		if (code == SR_CORRUPT)
			sr_pass_find(pass, SR_FINDING_ROW, &at, "the row of extent %u does not verify", number);
		else
			sr_pass_decoded(pass, code, "an extent's row");
	}
	sr_view_end(view);
	if (found && code == SR_OK && row->covered != at.length)
		sr_pass_find(pass, SR_FINDING_MISMATCH, &at,
			     "the row of extent %u covers %u bytes, and %llu of it are committed", number, row->covered,
			     (unsigned long long)at.length);
	return found && code == SR_OK;
}

static void judge_extents(struct reading *reading)
{
	uint32_t count = (uint32_t)((reading->committed + SR_EXTENT - 1) / SR_EXTENT);
	for (uint32_t number = 0; number < count && !sr_pass_over(reading->pass); number++) {
		struct sr_extent_row row = {.covered = 0};
		bool comparable = look_again(reading, number, &row);
		struct sr_extent_at at = {(uint64_t)number * SR_EXTENT, row.covered};
		sr_scrub_read_rows(reading->pass->scrub, 1, SR_EXTENT_ROW);
		if (comparable && !sr_pass_over(reading->pass) && at.length <= reading->size &&
		    at.offset <= reading->size - at.length)
			judge_extent(reading, &at, number, &row);
	}
}

/* An extent beyond what is committed: of a time that a rolled back row has forgotten. */
static void judge_beyond(struct reading *reading, struct sr_view *view)
{
	const struct sr_target *target = reading->pass->target;
	uint32_t count = (uint32_t)((reading->committed + SR_EXTENT - 1) / SR_EXTENT);
	struct sr_index_key key = sr_key_extent(target->recording, target->track, target->file, count);
	bool more = false;
	if (sr_view_walk(view, &key, SR_UUID + 2 + 2, stop_at_once, &more) == SR_OK && more)
		sr_pass_find(reading->pass, SR_FINDING_MISMATCH, NULL,
			     "there are extents' rows beyond the %llu bytes that the track's row says",
			     (unsigned long long)reading->committed);
}

static bool open_file(struct reading *reading)
{
	const struct sr_target *target = reading->pass->target;
	struct sr_blob_name name = {.track = target->track, .file = target->file};
	struct sr_error err = {.text = ""};
	memcpy(name.recording, target->recording, SR_UUID);
	enum sr_code code =
		sr_blob_read_open(reading->pass->scrub->parts.blobs, &name, &reading->fd, &reading->size, &err);
	if (code == SR_CORRUPT)
		sr_pass_find(reading->pass, SR_FINDING_MISSING_FILE, NULL, "%.200s; %llu bytes of it are committed",
			     err.text, (unsigned long long)reading->committed);
	else if (code != SR_OK)
		sr_pass_find(reading->pass, SR_FINDING_UNREADABLE, NULL, "%.200s", err.text);
	return code == SR_OK;
}

static void judge_manifest(struct reading *reading)
{
	const struct sr_track_row *row = &reading->row;
	struct sr_digest *digest = reading->pass->scrub->digest;
	struct sr_extent_at at = {row->manifest_position, row->manifest_size};
	struct sr_error err = {.text = ""};
	uint8_t found[SR_DIGEST] = {0};
	bool own = row->writing == SR_WRITING_FINISHED &&
		   row->files[row->file_count - 1].number == reading->pass->target->file;
	if (!own || sr_pass_over(reading->pass) || at.length > reading->size || at.offset > reading->size - at.length)
		return;
	enum sr_code code = sr_digest_restart(digest) ? SR_OK : no_digest(&err);
	if (code == SR_OK)
		code = sweep(reading, &at, into_digest, digest, &err);
	if (code == SR_OK && !sr_digest_value(digest, found))
		code = no_digest(&err);
	tell(reading, &at, code, &err, sodium_memcmp(found, row->manifest_hash, sizeof found) == 0,
	     SR_FINDING_MANIFEST);
}

void sr_judge_file(struct sr_pass *pass)
{
	struct reading reading = {.pass = pass, .fd = -1};
	struct sr_view *view = sr_pass_view(pass);
	if (!view)
		return;
	bool there = sr_pass_track(pass, view, &reading.row) == SR_OK &&
		     committed_of(&reading.row, pass->target->file, &reading.committed);
	if (there)
		judge_beyond(&reading, view);
	sr_view_end(view);
	/* A crash, or a moment, may lie between a new track's row and its file. */
	if (!there || reading.committed == 0 || !open_file(&reading))
		return;
	if (reading.size < reading.committed) {
		struct sr_extent_at cut = {reading.size, reading.committed - reading.size};
		sr_pass_find(pass, SR_FINDING_SHORT_FILE, &cut, "the file has %llu bytes, and %llu are committed",
			     (unsigned long long)reading.size, (unsigned long long)reading.committed);
	}
	judge_extents(&reading);
	judge_manifest(&reading);
	close(reading.fd);
}
