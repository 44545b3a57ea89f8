/*
 * The backups that are registered, as their control rows say.
 */
#include "serve/backup/registered.h"

#include <string.h>

#include "message.h"

struct walking {
	const struct sr_keyring *keyring;
	sr_registered_visit *visit;
	void *context;
};

static bool look(void *context, struct sr_span key, struct sr_span value)
{
	const struct walking *walking = context;
	size_t front = strlen(SR_BACKUP_PREFIX);
	char name[sizeof SR_BACKUP_PREFIX + SR_BACKUP_NAME_MAX];
	struct sr_backup_row row;
	if (key.size <= front || key.size >= sizeof name)
		return true;
	memcpy(name, key.data, key.size);
	name[key.size] = '\0';
	if (sr_service_name_valid(name + front, key.size - front) &&
	    sr_backup_row_open(walking->keyring, name, value, &row) == SR_OK)
		walking->visit(walking->context, name + front, &row);
	return true;
}

enum sr_code sr_registered_walk(struct sr_index *index, const struct sr_keyring *keyring, sr_registered_visit *visit,
				void *context, struct sr_error *err)
{
	struct walking walking = {.keyring = keyring, .visit = visit, .context = context};
	struct sr_index_key from = sr_key_control(SR_BACKUP_PREFIX);
	struct sr_view *view;
	enum sr_code code = sr_view_begin(index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_walk(view, &from, from.size, look, &walking);
	sr_view_end(view);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "reading the index failed");
}
