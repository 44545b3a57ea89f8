/*
 * Giving up a consultation's tie to its patient, when the last recording of it goes.
 */
#include "serve/removal/consultation.h"

#include <string.h>

#include <sodium.h>

#include "serve/removal/removal_internal.h"

#define AT_ONCE 500 /* rows in one view */

/* A walk over a patient's recordings for one that names the consultation too. */
struct seeking {
	const struct sr_keyring *keyring;
	const struct sr_doom *doom;
	const uint8_t *hash;
	struct sr_index_key next; /* where the next view goes on */
	unsigned seen;
	bool found, more;
};

static bool visit(void *context, struct sr_span key, struct sr_span value)
{
	struct seeking *seeking = context;
	struct sr_recording_row row;
	if (seeking->seen++ == AT_ONCE) {
		memcpy(seeking->next.bytes, key.data, key.size);
		seeking->next.size = key.size;
		seeking->more = true;
		return false;
	}
	if (key.size != SR_TAG + SR_UUID + 2 || key.data[key.size - 1] || key.data[key.size - 2] ||
	    memcmp(key.data + SR_TAG, seeking->doom->recording, SR_UUID) == 0)
		return true;
	/* Of one that cannot be read nobody knows: the binding stays. */
	enum sr_code code = sr_recording_row_decode(seeking->keyring, key.data + SR_TAG, value, &row);
	seeking->found = code != SR_OK || memcmp(row.consultation, seeking->hash, SR_TAG) == 0;
	return !seeking->found;
}

static enum sr_code others_name_it(struct sr_remover *remover, struct seeking *seeking, struct sr_error *err)
{
	static const uint8_t first[SR_UUID];
	seeking->next = sr_key_recording(seeking->doom->tag, first);
	do {
		struct sr_view *view;
		enum sr_code code = sr_view_begin(remover->index, &view, err);
		if (code != SR_OK)
			return code;
		struct sr_index_key from = seeking->next;
		seeking->seen = 0;
		seeking->more = seeking->found = false;
		code = sr_view_walk(view, &from, SR_TAG, visit, seeking);
		sr_view_end(view);
		if (code != SR_OK)
			return SR_FAIL(err, code, "reading the index failed");
	} while (seeking->more && !seeking->found);
	return SR_OK;
}

/* Bind it again, or unbind it: in both cases only if nobody else's tag stands there. */
static enum sr_code change(struct sr_remover *remover, const struct seeking *seeking, bool bind, struct sr_error *err)
{
	struct sr_index_key key = sr_key_consultation(seeking->hash);
	enum sr_check_kind check = bind ? SR_CHECK_ABSENT_OR_EQUALS : SR_CHECK_EQUALS;
	size_t failed;
	struct sr_op *op = sr_op_new();
	bool built = op && sr_op_check(op, check, &key, seeking->doom->tag, SR_TAG) &&
		     (bind ? sr_op_put(op, &key, seeking->doom->tag, SR_TAG) : sr_op_erase(op, &key));
	if (!built) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(remover->index, op, &failed);
	return code == SR_CONFLICT ? SR_OK : code;
}

enum sr_code sr_consultation_release(struct sr_remover *remover, const struct sr_doom *doom, const uint8_t hash[SR_TAG],
				     struct sr_error *err)
{
	struct seeking seeking = {.keyring = remover->keyring, .doom = doom, .hash = hash};
	if (sodium_is_zero(hash, SR_TAG))
		return SR_OK;
	enum sr_code code = others_name_it(remover, &seeking, err);
	if (code == SR_OK)
		code = change(remover, &seeking, seeking.found, err);
	if (code != SR_OK || seeking.found)
		return code;
	/* A recording may have been opened under it between look and change. */
	code = others_name_it(remover, &seeking, err);
	return code == SR_OK && seeking.found ? change(remover, &seeking, true, err) : code;
}
