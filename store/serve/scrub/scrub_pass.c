/*
 * Looking at the index for a scrub: short views, the next key of a table, rows as their decoders see them.
 */
#include <string.h>

#include "serve/scrub/scrub_internal.h"

#define BUSY_TRIES 50
#define BUSY_MS 20

struct sr_view *sr_pass_view(struct sr_pass *pass)
{
	struct sr_view *view = NULL;
	struct sr_error err = {.text = ""};
	enum sr_code code = SR_BUSY;
	for (int tries = 0; code == SR_BUSY && tries < BUSY_TRIES && sr_scrub_goes_on(pass->scrub); tries++) {
		code = sr_view_begin(pass->scrub->parts.index, &view, &err);
		if (code == SR_BUSY)
			sr_scrub_nap(pass->scrub, BUSY_MS);
	}
	if (code != SR_OK && code != SR_BUSY)
		sr_pass_find(pass, SR_FINDING_INDEX, NULL, "no view of the index: %.200s", err.text);
	return view;
}

enum sr_code sr_pass_get(struct sr_pass *pass, struct sr_view *view, const struct sr_index_key *key,
			 struct sr_span *value)
{
	enum sr_code code = sr_view_get(view, key, value);
	if (code != SR_OK && code != SR_NOT_FOUND)
		sr_pass_find(pass, SR_FINDING_INDEX, NULL, "table %s cannot be read here: %s",
			     sr_table_word(key->table), sr_code_name(code));
	return code;
}

void sr_pass_decoded(struct sr_pass *pass, enum sr_code code, const char *what)
{
	if (code == SR_CORRUPT)
		sr_pass_find(pass, SR_FINDING_ROW, NULL, "%s does not verify", what);
	else if (code == SR_UNAVAILABLE)
		sr_pass_find(pass, SR_FINDING_UNKNOWN, NULL,
			     "%s is of a later format, in an unknown state, or of an epoch that the keyring lacks",
			     what);
	else if (code != SR_OK)
		sr_pass_find(pass, SR_FINDING_UNKNOWN, NULL, "%s could not be judged: %s", what, sr_code_name(code));
}

enum sr_code sr_pass_track(struct sr_pass *pass, struct sr_view *view, struct sr_track_row *row)
{
	const struct sr_target *target = pass->target;
	struct sr_index_key key = sr_key_track(target->tag, target->recording, target->track);
	struct sr_span value;
	enum sr_code code = sr_pass_get(pass, view, &key, &value);
	if (code != SR_OK)
		return code;
	code = sr_track_row_decode(pass->scrub->parts.keyring, target->recording, value, row);
	/* It carries its own number, which another track's row under this key gives away. */
	return code == SR_OK && row->track != target->track ? SR_CORRUPT : code;
}

/* ---- whose a file is ---- */

void sr_scrub_unhinted(struct sr_scrub *scrub, const uint8_t recording[SR_UUID])
{
	if (scrub->unhinted_count < SR_UNHINTED_MAX)
		memcpy(scrub->unhinted[scrub->unhinted_count++], recording, SR_UUID);
}

/* With the list full, any recording might be one. */
static bool is_unhinted(const struct sr_scrub *scrub, const uint8_t recording[SR_UUID])
{
	bool found = scrub->unhinted_count == SR_UNHINTED_MAX;
	for (size_t at = 0; at < scrub->unhinted_count && !found; at++)
		found = memcmp(scrub->unhinted[at], recording, SR_UUID) == 0;
	return found;
}

enum sr_code sr_pass_owner(struct sr_pass *pass, struct sr_view *view)
{
	const struct sr_target *asked = pass->target;
	struct sr_target target = *asked;
	struct sr_index_key hint = sr_key_hint(asked->recording);
	struct sr_track_row row;
	struct sr_span value;
	if (is_unhinted(pass->scrub, asked->recording))
		return SR_UNAVAILABLE;
	enum sr_code code = sr_pass_get(pass, view, &hint, &value);
	if (code != SR_OK || value.size != SR_TAG)
		return code == SR_OK ? SR_CORRUPT : code;
	memcpy(target.tag, value.data, SR_TAG);
	pass->target = &target;
	code = sr_pass_track(pass, view, &row);
	pass->target = asked;
	if (code != SR_OK)
		return code;
	for (uint16_t at = 0; at < row.file_count; at++)
		if (row.files[at].number == asked->file)
			return SR_OK;
	return SR_NOT_FOUND;
}

/* ---- the next key ---- */

struct seeking {
	const struct sr_index_key *after;
	struct sr_index_key *key;
	bool found;
};

static bool take_key(void *context, struct sr_span key, struct sr_span value)
{
	struct seeking *seeking = context;
	const struct sr_index_key *after = seeking->after;
	(void)value;
	if (key.size == after->size && memcmp(key.data, after->bytes, key.size) == 0)
		return true;
	seeking->found = true;
	*seeking->key = (struct sr_index_key){.table = after->table, .size = key.size};
	memcpy(seeking->key->bytes, key.data, key.size);
	return false;
}

static void seek(struct sr_pass *pass, struct seeking *seeking)
{
	struct sr_view *view = sr_pass_view(pass);
	seeking->found = false;
	if (!view)
		return;
	enum sr_code code = sr_view_walk(view, seeking->after, 0, take_key, seeking);
	sr_view_end(view);
	if (code != SR_OK)
		sr_pass_find(pass, SR_FINDING_INDEX, NULL,
			     "table %s cannot be read further: %s; its rest is not checked",
			     sr_table_word(seeking->after->table), sr_code_name(code));
}

bool sr_scrub_next(struct sr_scrub *scrub, const struct sr_index_key *after, struct sr_index_key *key)
{
	static const struct sr_target nothing;
	struct sr_pass pass = {.scrub = scrub, .target = &nothing, .final = true};
	struct seeking seeking = {.after = after, .key = key};
	seek(&pass, &seeking);
	return seeking.found;
}
