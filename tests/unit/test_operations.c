/*
 * The table of operations beside the table of what they demand: nothing may be asked that nobody answers, and nothing
 * goes unsaid that is not named here.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "access/decide.h"
#include "serve/operations.h"

/* What a stream's writer or player takes; of these a renewal alone has an entry. */
static const uint8_t on_streams[] = {SR_MSG_APPEND,      SR_MSG_SYNC,       SR_MSG_CLOSE,
				     SR_MSG_GRANT_RENEW, SR_MSG_PLAY_TABLE, SR_MSG_PLAY_READ};

/* What touches no recording, tells of nobody and changes nothing. */
static const uint8_t silent[] = {
	SR_MSG_SERVICE_LIST, SR_MSG_SCRUB_STATUS, SR_MSG_FREEZE_LIST,      SR_MSG_EPOCH_LIST,  SR_MSG_ROTATE_STATUS,
	SR_MSG_STATS,        SR_MSG_HEALTH,       SR_MSG_AUDIT_CHECKPOINT, SR_MSG_AUDIT_PROOF, SR_MSG_AUDIT_CONSISTENCY,
	SR_MSG_AUDIT_AUDITOR};

static bool is_in(const uint8_t *list, size_t size, unsigned type)
{
	return memchr(list, (int)type, size) != NULL;
}

Test(operations, who_may_ask_is_answered)
{
	for (unsigned type = 0; type <= UINT8_MAX; type++) {
		struct sr_demand demand;
		bool asked = sr_demand_of((uint8_t)type, &demand);
		bool answered = sr_operation_of((uint8_t)type)->door != NULL;

		cr_expect_eq(answered, asked && !is_in(on_streams, sizeof on_streams, type), "type %02x", type);
	}
}

Test(operations, what_is_done_is_said)
{
	for (unsigned type = 0; type <= UINT8_MAX; type++) {
		const struct sr_operation *operation = sr_operation_of((uint8_t)type);
		bool said =
			type == SR_MSG_GRANT_RENEW || (operation->door != NULL && !is_in(silent, sizeof silent, type));

		cr_expect_eq(operation->entry != 0, said, "type %02x", type);
	}
}

/* What waits changes something, and so has an entry; what goes on in its grace was begun with a grant to record. */
Test(operations, facts_agree)
{
	for (unsigned type = 0; type <= UINT8_MAX; type++) {
		const struct sr_operation *operation = sr_operation_of((uint8_t)type);
		struct sr_demand demand = {0, 0};
		bool asked = sr_demand_of((uint8_t)type, &demand);

		cr_expect(!operation->waits || operation->entry == SR_AUDIT_OUTCOME, "type %02x", type);
		cr_expect(!operation->has_grace || (asked && demand.scope == SR_SCOPE_RECORD), "type %02x", type);
		cr_expect(!operation->brings_back || operation->waits, "type %02x", type);
	}
}
