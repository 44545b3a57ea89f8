/* Who may ask for what: the whole table of operations, for every set of roles and every type of message. */
#include "access/decide.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ANY 0

/* The design's table (access.md, "Protocol"), written here once more on purpose. */
static const struct {
	uint8_t type;
	uint16_t roles;
	unsigned scope;
} design[] = {
	{SR_MSG_RECORD_OPEN, SR_ROLE_INGEST, SR_SCOPE_RECORD},
	{SR_MSG_RECORD_TRACK, SR_ROLE_INGEST, SR_SCOPE_RECORD},
	{SR_MSG_RECORD_RESUME, SR_ROLE_INGEST, SR_SCOPE_RECORD},
	{SR_MSG_RECORD_FINISH, SR_ROLE_INGEST, SR_SCOPE_RECORD},
	/* These two are of a stream whose grant was judged when it was opened. */
	{SR_MSG_APPEND, SR_ROLE_INGEST, 0},
	{SR_MSG_SYNC, SR_ROLE_INGEST, 0},
	{SR_MSG_LIST, SR_ROLE_PLAYBACK, SR_SCOPE_LIST},
	{SR_MSG_INFO, SR_ROLE_PLAYBACK, SR_SCOPE_LIST},
	{SR_MSG_CHECK, SR_ROLE_PLAYBACK, SR_SCOPE_LIST},
	{SR_MSG_DELETE, SR_ROLE_PLAYBACK | SR_ROLE_OPERATE, SR_SCOPE_DELETE},
	{SR_MSG_UNDELETE, SR_ROLE_PLAYBACK | SR_ROLE_OPERATE, SR_SCOPE_DELETE},
	{SR_MSG_PLAY_OPEN, SR_ROLE_PLAYBACK, SR_SCOPE_PLAY},
	{SR_MSG_PLAY_START, SR_ROLE_PLAYBACK, SR_SCOPE_PLAY},
	{SR_MSG_PLAY_TABLE, SR_ROLE_PLAYBACK, 0},
	{SR_MSG_PLAY_READ, SR_ROLE_PLAYBACK, 0},
	{SR_MSG_SHOWN, SR_ROLE_PLAYBACK, SR_SCOPE_PLAY},
	/* Of both kinds of stream. */
	{SR_MSG_CLOSE, SR_ROLE_INGEST | SR_ROLE_PLAYBACK, 0},
	{SR_MSG_GRANT_RENEW, SR_ROLE_INGEST | SR_ROLE_PLAYBACK, 0},
	{SR_MSG_SERVICE_ADD, SR_ROLE_OPERATE, 0},
	{SR_MSG_SERVICE_REMOVE, SR_ROLE_OPERATE, 0},
	{SR_MSG_SERVICE_LIST, SR_ROLE_OPERATE, 0},
	{SR_MSG_SCRUB_START, SR_ROLE_OPERATE, 0},
	{SR_MSG_SCRUB_STATUS, SR_ROLE_OPERATE, 0},
	{SR_MSG_SCRUB_STOP, SR_ROLE_OPERATE, 0},
	{SR_MSG_SCRUB_DISCARD, SR_ROLE_OPERATE, 0},
	{SR_MSG_HOLD_PLACE, SR_ROLE_OPERATE, 0},
	{SR_MSG_HOLD_RELEASE, SR_ROLE_OPERATE, 0},
	{SR_MSG_HOLD_LIST, SR_ROLE_OPERATE, 0},
	{SR_MSG_PATIENT_ERASE, SR_ROLE_OPERATE, 0},
	{SR_MSG_FREEZE, SR_ROLE_OPERATE, 0},
	{SR_MSG_THAW, SR_ROLE_OPERATE, 0},
	{SR_MSG_FREEZE_LIST, SR_ROLE_OPERATE, 0},
	{SR_MSG_ALARM_LIST, SR_ROLE_AUDIT, 0},
	{SR_MSG_ALARM_TEST, SR_ROLE_OPERATE, 0},
	{SR_MSG_EPOCH_LIST, SR_ROLE_OPERATE, 0},
	{SR_MSG_EPOCH_NEW, SR_ROLE_OPERATE, 0},
	{SR_MSG_EPOCH_RETIRE, SR_ROLE_OPERATE, 0},
	{SR_MSG_ROTATE_STATUS, SR_ROLE_ROTATE, 0},
	{SR_MSG_ROTATE_STEP, SR_ROLE_ROTATE, 0},
	{SR_MSG_BACKUP_BEGIN, SR_ROLE_OPERATE, 0},
	{SR_MSG_BACKUP_ROWS, SR_ROLE_OPERATE, 0},
	{SR_MSG_BACKUP_READ, SR_ROLE_OPERATE, 0},
	{SR_MSG_BACKUP_LOG, SR_ROLE_OPERATE, 0},
	{SR_MSG_BACKUP_END, SR_ROLE_OPERATE, 0},
	{SR_MSG_AUDIT_READ, SR_ROLE_AUDIT, 0},
	{SR_MSG_AUDIT_SEARCH, SR_ROLE_AUDIT, 0},
	{SR_MSG_AUDIT_CHECKPOINT, SR_ROLE_AUDIT, 0},
	{SR_MSG_AUDIT_PROOF, SR_ROLE_AUDIT, 0},
	{SR_MSG_AUDIT_CONSISTENCY, SR_ROLE_AUDIT, 0},
	{SR_MSG_INCIDENT_NOTE, SR_ROLE_AUDIT, 0},
	{SR_MSG_AUDIT_TAG, SR_ROLE_AUDIT, 0},
	{SR_MSG_AUDIT_AUDITOR, SR_ROLE_AUDIT, 0},
	{SR_MSG_STATS, ANY, 0},
	{SR_MSG_PATIENT_REKEY, SR_ROLE_OPERATE, SR_SCOPE_MANAGE},
	{SR_MSG_ROTATE_DEEP, SR_ROLE_OPERATE, SR_SCOPE_MANAGE},
	{SR_MSG_PATIENT_RENAME, SR_ROLE_OPERATE, SR_SCOPE_MANAGE},
	{SR_MSG_PATIENT_MERGE, SR_ROLE_OPERATE, SR_SCOPE_MANAGE},
	{SR_MSG_PERSON_READ, SR_ROLE_AUDIT, 0},
	{SR_MSG_ROOT_NEW, SR_ROLE_OPERATE, 0},
	{SR_MSG_HEALTH, ANY, 0},
};

static int row_of(uint8_t type)
{
	for (size_t at = 0; at < sizeof design / sizeof *design; at++)
		if (design[at].type == type)
			return (int)at;
	return -1;
}

Test(decide, demands_of_every_type)
{
	for (int type = 0; type < 256; type++) {
		struct sr_demand demand = {0xffff, 0xffff};
		int row = row_of((uint8_t)type);
		bool known = sr_demand_of((uint8_t)type, &demand);
		cr_expect_eq(known, row >= 0, "type %#x", (unsigned)type);
		if (row < 0)
			continue;
		cr_expect_eq(demand.roles, design[row].roles, "type %#x", (unsigned)type);
		cr_expect_eq(demand.scope, design[row].scope, "type %#x", (unsigned)type);
	}
}

Test(decide, every_set_of_roles_for_every_type)
{
	for (unsigned roles = 0; roles <= SR_ROLES_ALL; roles++)
		for (int type = 0; type < 256; type++) {
			struct sr_error err = {.text = ""};
			int row = row_of((uint8_t)type);
			bool may = row >= 0 && (design[row].roles == ANY || (roles & design[row].roles) != 0);
			enum sr_code code = sr_role_allows((uint16_t)roles, (uint8_t)type, &err);
			cr_expect_eq(code, may ? SR_OK : SR_DENIED, "roles %#x type %#x", roles, (unsigned)type);
			cr_expect(may || err.text[0] != '\0');
		}
}

Test(decide, a_refusal_names_the_operation)
{
	struct sr_error err = {.text = ""};
	cr_expect_eq(sr_role_allows(SR_ROLE_PLAYBACK, SR_MSG_RECORD_OPEN, &err), SR_DENIED);
	cr_expect_not_null(strstr(err.text, "record.open"), "%s", err.text);
}
