/*
 * May this happen? The table of operations: which roles may ask for each, and which scope its grant must have.
 */
#include "access/decide.h"

#include <stddef.h>

static const struct {
	uint8_t type;
	struct sr_demand demand;
} table[] = {
	{SR_MSG_RECORD_OPEN, {SR_ROLE_INGEST, SR_SCOPE_RECORD}},
	{SR_MSG_RECORD_TRACK, {SR_ROLE_INGEST, SR_SCOPE_RECORD}},
	{SR_MSG_RECORD_RESUME, {SR_ROLE_INGEST, SR_SCOPE_RECORD}},
	{SR_MSG_APPEND, {SR_ROLE_INGEST, 0}},
	{SR_MSG_SYNC, {SR_ROLE_INGEST, 0}},
	{SR_MSG_RECORD_FINISH, {SR_ROLE_INGEST, SR_SCOPE_RECORD}},
	{SR_MSG_LIST, {SR_ROLE_PLAYBACK, SR_SCOPE_LIST}},
	{SR_MSG_INFO, {SR_ROLE_PLAYBACK, SR_SCOPE_LIST}},
	{SR_MSG_CHECK, {SR_ROLE_PLAYBACK, SR_SCOPE_LIST}},
	{SR_MSG_DELETE, {SR_ROLE_PLAYBACK | SR_ROLE_OPERATE, SR_SCOPE_DELETE}},
	{SR_MSG_UNDELETE, {SR_ROLE_PLAYBACK | SR_ROLE_OPERATE, SR_SCOPE_DELETE}},
	{SR_MSG_PLAY_OPEN, {SR_ROLE_PLAYBACK, SR_SCOPE_PLAY}},
	{SR_MSG_SHOWN, {SR_ROLE_PLAYBACK, SR_SCOPE_PLAY}},
	{SR_MSG_PLAY_TABLE, {SR_ROLE_PLAYBACK, 0}},
	{SR_MSG_PLAY_READ, {SR_ROLE_PLAYBACK, 0}},
	{SR_MSG_GRANT_RENEW, {SR_ROLE_INGEST | SR_ROLE_PLAYBACK, 0}},
	{SR_MSG_CLOSE, {SR_ROLE_INGEST | SR_ROLE_PLAYBACK, 0}},
	{SR_MSG_SERVICE_ADD, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_SERVICE_REMOVE, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_SERVICE_LIST, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_SCRUB_START, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_SCRUB_STATUS, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_SCRUB_STOP, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_FREEZE, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_THAW, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_FREEZE_LIST, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_ALARM_LIST, {SR_ROLE_AUDIT, 0}},
	{SR_MSG_ALARM_TEST, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_EPOCH_LIST, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_EPOCH_NEW, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_EPOCH_RETIRE, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_ROTATE_STATUS, {SR_ROLE_ROTATE, 0}},
	{SR_MSG_ROTATE_STEP, {SR_ROLE_ROTATE, 0}},
	{SR_MSG_PATIENT_REKEY, {SR_ROLE_OPERATE, SR_SCOPE_MANAGE}},
	{SR_MSG_PATIENT_RENAME, {SR_ROLE_OPERATE, SR_SCOPE_MANAGE}},
	{SR_MSG_PATIENT_MERGE, {SR_ROLE_OPERATE, SR_SCOPE_MANAGE}},
	{SR_MSG_PERSON_READ, {SR_ROLE_AUDIT, 0}},
	{SR_MSG_ROOT_NEW, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_BACKUP_BEGIN, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_BACKUP_ROWS, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_BACKUP_READ, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_BACKUP_LOG, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_BACKUP_END, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_SCRUB_DISCARD, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_HOLD_PLACE, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_HOLD_RELEASE, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_HOLD_LIST, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_PATIENT_ERASE, {SR_ROLE_OPERATE, 0}},
	{SR_MSG_STATS, {0, 0}},
	{SR_MSG_HEALTH, {0, 0}},
};

bool sr_demand_of(uint8_t type, struct sr_demand *demand)
{
	for (size_t at = 0; at < sizeof table / sizeof *table; at++)
		if (table[at].type == type) {
			*demand = table[at].demand;
			return true;
		}
	return false;
}

enum sr_code sr_role_allows(uint16_t roles, uint8_t type, struct sr_error *err)
{
	struct sr_demand demand;
	const char *name = sr_message_name(type);
	if (!sr_demand_of(type, &demand))
		return SR_FAIL(err, SR_DENIED, "no service may send this message");
	if (demand.roles && !(roles & demand.roles))
		return SR_FAIL(err, SR_DENIED, "this service's roles do not include %s", name ? name : "it");
	return SR_OK;
}
