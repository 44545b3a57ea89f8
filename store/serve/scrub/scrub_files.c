/*
 * What lies among the data files, for a scrub: files that no row names.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/blob_scan.h"
#include "serve/scrub/scrub_internal.h"

#define SUSPECTS_MAX 1024
#define SETTLE_MS 1000 /* between looking at a file's row twice: a new file may be there just before its row */

/* Files without a row so far. */
struct suspects {
	struct sr_scrub *scrub;
	struct sr_blob_entry entries[SUSPECTS_MAX];
	size_t count;
	size_t seen; /* entries of this directory */
};

static struct sr_target target_of(const struct sr_blob_entry *entry)
{
	struct sr_target target = {.text = entry->text};
	if (entry->named) {
		memcpy(target.recording, entry->name.recording, SR_UUID);
		target.track = entry->name.track;
		target.file = entry->name.file;
	}
	return target;
}

/* Is it there, and without a row? A file that came after its scrub began is none of its business. */
static bool is_orphan(struct sr_pass *pass, const struct sr_blob_entry *entry)
{
	struct sr_error err;
	uint64_t size;
	int fd = -1;
	if (entry->changed_ms >= pass->scrub->started_ms)
		return false;
	if (!entry->named)
		return true;
	enum sr_code code = sr_blob_read_open(pass->scrub->parts.blobs, &entry->name, &fd, &size, &err);
	if (fd >= 0)
		close(fd);
	if (code == SR_CORRUPT)
		return false;
	struct sr_view *view = sr_pass_view(pass);
	code = view ? sr_pass_owner(pass, view) : SR_UNAVAILABLE;
	sr_view_end(view);
	return code == SR_NOT_FOUND;
}

static void judge_suspects(struct suspects *suspects)
{
	struct sr_scrub *scrub = suspects->scrub;
	if (suspects->count > 0)
		sr_scrub_nap(scrub, SETTLE_MS);
	for (size_t at = 0; at < suspects->count; at++) {
		struct sr_target target = target_of(&suspects->entries[at]);
		struct sr_pass pass = {.scrub = scrub, .target = &target, .final = true};
		if (is_orphan(&pass, &suspects->entries[at]))
			sr_pass_find(&pass, SR_FINDING_ORPHAN_FILE, NULL,
				     "no row that a hint leads to names the file %s", target.text);
	}
	suspects->count = 0;
}

static void visit(void *context, const struct sr_blob_entry *entry)
{
	struct suspects *suspects = context;
	struct sr_target target = target_of(entry);
	struct sr_pass pass = {.scrub = suspects->scrub, .target = &target};
	suspects->seen++;
	if (!is_orphan(&pass, entry))
		return;
	suspects->entries[suspects->count++] = *entry;
	if (suspects->count == SUSPECTS_MAX)
		judge_suspects(suspects);
}

static void scan(struct suspects *suspects, unsigned fan)
{
	static const struct sr_target nothing;
	struct sr_pass pass = {.scrub = suspects->scrub, .target = &nothing, .final = true};
	struct sr_error err = {.text = ""};
	suspects->seen = 0;
	if (sr_blobs_scan(suspects->scrub->parts.blobs, fan, visit, suspects, &err) != SR_OK)
		sr_pass_find(&pass, SR_FINDING_UNREADABLE, NULL, "%.200s", err.text);
	sr_scrub_read_rows(suspects->scrub, 0, suspects->seen * sizeof(struct sr_blob_entry));
}

static struct sr_index_key directory_key(unsigned fan)
{
	return (struct sr_index_key){.bytes = {(uint8_t)(fan >> 8), (uint8_t)fan}, .size = 2};
}

void sr_scrub_files(struct sr_scrub *scrub)
{
	static const struct sr_target nothing;
	unsigned fan = 0;
	struct suspects *suspects = calloc(1, sizeof *suspects);
	struct sr_pass pass = {.scrub = scrub, .target = &nothing, .final = true};
	if (!suspects) {
		sr_pass_find(&pass, SR_FINDING_UNKNOWN, NULL,
			     "memory is used up: files without rows are not looked for");
		return;
	}
	if (scrub->after.size == 2)
		fan = (unsigned)(scrub->after.bytes[0] << 8 | scrub->after.bytes[1]) + 1;
	suspects->scrub = scrub;
	/* The one behind the last is what lies beside them. */
	for (; fan <= SR_BLOB_FANOUT && sr_scrub_goes_on(scrub); fan++) {
		struct sr_index_key key = directory_key(fan);
		scan(suspects, fan);
		/* A place must not lie behind a suspect that is not judged. */
		if (suspects->count == 0 && sr_scrub_goes_on(scrub))
			sr_scrub_passed(scrub, &key);
	}
	if (sr_scrub_goes_on(scrub))
		judge_suspects(suspects);
	free(suspects);
}
