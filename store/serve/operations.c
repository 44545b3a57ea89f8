/*
 * The table of operations: the only list of who answers what. What has no entry of its own touches no recording, tells
 * of nobody and changes nothing; or it comes on a stream, whose writer or player accounts for it.
 */
#include "serve/operations.h"

#include "serve/dispatch.h"

static const struct sr_operation table[UINT8_MAX + 1] = {
	[SR_MSG_RECORD_OPEN] = {.door = sr_serve_record_open,
				.entry = SR_AUDIT_OUTCOME,
				.waits = true,
				.brings_back = true},
	[SR_MSG_RECORD_TRACK] = {.door = sr_serve_track, .entry = SR_AUDIT_OUTCOME, .waits = true, .has_grace = true},
	[SR_MSG_RECORD_RESUME] = {.door = sr_serve_track, .entry = SR_AUDIT_OUTCOME, .waits = true, .has_grace = true},
	[SR_MSG_RECORD_FINISH] = {.door = sr_serve_record_finish,
				  .entry = SR_AUDIT_OUTCOME,
				  .waits = true,
				  .has_grace = true,
				  .relieves = true},
	[SR_MSG_GRANT_RENEW] = {.entry = SR_AUDIT_OUTCOME, .waits = true},

	[SR_MSG_LIST] = {.door = sr_serve_list, .entry = SR_AUDIT_PRESENTED},
	[SR_MSG_INFO] = {.door = sr_serve_info, .entry = SR_AUDIT_PRESENTED},
	[SR_MSG_CHECK] = {.door = sr_serve_check, .entry = SR_AUDIT_PRESENTED},
	[SR_MSG_PLAY_OPEN] = {.door = sr_serve_play_open, .entry = SR_AUDIT_PRESENTED},
	[SR_MSG_PLAY_START] = {.door = sr_serve_play_open, .entry = SR_AUDIT_PRESENTED},
	[SR_MSG_SHOWN] = {.door = sr_serve_shown, .entry = SR_AUDIT_SHOWN},
	[SR_MSG_DELETE] = {.door = sr_serve_delete, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_UNDELETE] = {.door = sr_serve_delete, .entry = SR_AUDIT_OUTCOME, .waits = true},

	[SR_MSG_SERVICE_ADD] = {.door = sr_serve_service_add, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_SERVICE_REMOVE] = {.door = sr_serve_service_remove,
				   .entry = SR_AUDIT_OUTCOME,
				   .waits = true,
				   .relieves = true},
	[SR_MSG_SERVICE_LIST] = {.door = sr_serve_service_list},
	[SR_MSG_STATS] = {.door = sr_serve_stats, .relieves = true},
	[SR_MSG_HEALTH] = {.door = sr_serve_health, .relieves = true},
	[SR_MSG_SCRUB_START] = {.door = sr_serve_scrub_start, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_SCRUB_STATUS] = {.door = sr_serve_scrub_status},
	[SR_MSG_SCRUB_STOP] = {.door = sr_serve_scrub_stop, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_SCRUB_DISCARD] = {.door = sr_serve_scrub_discard, .entry = SR_AUDIT_OUTCOME, .waits = true},

	[SR_MSG_FREEZE] = {.door = sr_serve_freeze, .entry = SR_AUDIT_OUTCOME, .waits = true, .relieves = true},
	[SR_MSG_THAW] = {.door = sr_serve_freeze, .entry = SR_AUDIT_OUTCOME, .waits = true, .relieves = true},
	[SR_MSG_FREEZE_LIST] = {.door = sr_serve_freeze_list, .relieves = true},
	[SR_MSG_ALARM_LIST] = {.door = sr_serve_alarm_list, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_ALARM_TEST] = {.door = sr_serve_alarm_test, .entry = SR_AUDIT_OUTCOME},

	[SR_MSG_HOLD_PLACE] = {.door = sr_serve_hold_place, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_HOLD_RELEASE] = {.door = sr_serve_hold_release, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_HOLD_LIST] = {.door = sr_serve_hold_list, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_PATIENT_ERASE] = {.door = sr_serve_patient_erase, .entry = SR_AUDIT_OUTCOME, .waits = true},

	[SR_MSG_EPOCH_LIST] = {.door = sr_serve_epoch_list},
	[SR_MSG_EPOCH_NEW] = {.door = sr_serve_epoch_new, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_EPOCH_RETIRE] = {.door = sr_serve_epoch_retire, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_ROTATE_STATUS] = {.door = sr_serve_rotate_status},
	[SR_MSG_ROTATE_STEP] = {.door = sr_serve_rotate_step, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_ROTATE_DEEP] = {.door = sr_serve_rotate_deep, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_ROOT_NEW] = {.door = sr_serve_root_new, .entry = SR_AUDIT_OUTCOME, .waits = true},

	[SR_MSG_PATIENT_REKEY] = {.door = sr_serve_patient_rekey, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_PATIENT_RENAME] = {.door = sr_serve_patient_move,
				   .entry = SR_AUDIT_OUTCOME,
				   .waits = true,
				   .brings_back = true},
	[SR_MSG_PATIENT_MERGE] = {.door = sr_serve_patient_move,
				  .entry = SR_AUDIT_OUTCOME,
				  .waits = true,
				  .brings_back = true},
	[SR_MSG_PERSON_READ] = {.door = sr_serve_person_read, .entry = SR_AUDIT_OUTCOME},

	[SR_MSG_BACKUP_BEGIN] = {.door = sr_serve_backup, .entry = SR_AUDIT_OUTCOME, .waits = true},
	[SR_MSG_BACKUP_ROWS] = {.door = sr_serve_backup, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_BACKUP_READ] = {.door = sr_serve_backup, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_BACKUP_LOG] = {.door = sr_serve_backup, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_BACKUP_END] = {.door = sr_serve_backup, .entry = SR_AUDIT_OUTCOME, .waits = true},

	[SR_MSG_AUDIT_READ] = {.door = sr_serve_audit_read, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_AUDIT_SEARCH] = {.door = sr_serve_audit_read, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_AUDIT_CHECKPOINT] = {.door = sr_serve_audit_proof},
	[SR_MSG_AUDIT_PROOF] = {.door = sr_serve_audit_proof},
	[SR_MSG_AUDIT_CONSISTENCY] = {.door = sr_serve_audit_proof},
	[SR_MSG_INCIDENT_NOTE] = {.door = sr_serve_incident, .entry = SR_AUDIT_CONTROL},
	[SR_MSG_AUDIT_TAG] = {.door = sr_serve_incident, .entry = SR_AUDIT_OUTCOME},
	[SR_MSG_AUDIT_AUDITOR] = {.door = sr_serve_incident},
};

const struct sr_operation *sr_operation_of(uint8_t type)
{
	return &table[type];
}
