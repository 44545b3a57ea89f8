/*
 * What a request's grant proves: which patient it is for, who acts, and that this may be asked of it.
 */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "access/decide.h"
#include "account/event.h"
#include "serve/accounting/account_request.h"
#include "serve/freeze/freezing.h"
#include "serve/operations.h"
#include "serve/renewal.h"

static enum sr_code refuse(struct sr_request *request)
{
	struct sr_event event = {.kind = SR_EVENT_REFUSED, .code = request->error.code, .text = request->error.text};
	sr_request_event(request, &event);
	if (!request->proven) {
		request->account.merged = true;
		sr_account_refusal(request->daemon->accounting, request->caller.name, request->operation,
				   &request->error);
	}
	return request->error.code;
}

/* Verify; a grant that is merely too old is held once more against the longer time, where there is one. */
static enum sr_code verify(struct sr_request *request, struct sr_grant_policy *policy, struct sr_span token)
{
	const char *text = (const char *)token.data;
	enum sr_code code = sr_grant_verify(policy, text, token.size, &request->grant, &request->error);
	if (code != SR_EXPIRED || !sr_operation_of(request->head.type)->has_grace)
		return code;
	policy->skew += request->settings->config->record_grace_s;
	request->in_grace = true;
	request->error = (struct sr_error){.code = SR_OK}; /* forgiven, unless the longer time is over as well */
	return sr_grant_verify(policy, text, token.size, &request->grant, &request->error);
}

enum sr_code sr_request_grace(struct sr_request *request, const struct sr_recording_row *row)
{
	uint8_t hash[SR_TAG];
	if (!request->in_grace)
		return SR_OK;
	sr_grant_hash(request->daemon->keyring, request->grant->issuer->iss, request->grant->jti, hash);
	if (sodium_memcmp(hash, row->opened_by.hash, SR_TAG) == 0 ||
	    sodium_memcmp(hash, row->renewed_by.hash, SR_TAG) == 0)
		return SR_OK;
	(void)SR_FAIL(&request->error, SR_EXPIRED, "the grant has expired");
	return refuse(request);
}

static void name_grant(struct sr_request *request, const struct sr_grant *grant)
{
	struct sr_grant_words *words = &request->words;
	snprintf(words->sid, sizeof words->sid, "%s", grant->sid);
	snprintf(words->purpose, sizeof words->purpose, "%s", grant->purpose);
	words->role = sr_act_role_name(grant->role);
	snprintf(words->issuer, sizeof words->issuer, "%s", grant->issuer->name);
	snprintf(words->jti, sizeof words->jti, "%s", grant->jti);
}

void sr_request_stand_in(struct sr_request *request, const struct sr_held_grant *held)
{
	memcpy(request->tag, held->tag, SR_TAG);
	memcpy(request->actor, held->actor, SR_TAG);
	name_grant(request, held->grant);
	request->proven = true;
}

enum sr_code sr_request_grant(struct sr_request *request, struct sr_span token, const uint8_t *recording)
{
	const struct sr_config *config = request->settings->config;
	struct sr_demand demand = {0, 0};
	struct sr_grant_policy policy = {
		.issuers = config->issuers,
		.issuer_count = config->issuer_count,
		.audience = request->daemon->audience,
		.now = (int64_t)(sr_now_ms() / 1000),
		.skew = config->skew_s,
	};
	if (!sr_demand_of(request->head.type, &demand))
		return SR_FAIL(&request->error, SR_INTERNAL, "no demand is known for this message");
	if (verify(request, &policy, token) != SR_OK)
		return refuse(request);
	sr_patient_tag(request->daemon->keyring, request->grant->identity, request->grant->identity_size, request->tag,
		       &request->work);
	sr_actor_tag(request->daemon->keyring, request->grant->actor, request->grant->actor_size, request->actor);
	name_grant(request, request->grant);
	request->proven = true;
	/* A renewal has no scope of its own: it must have its stream's, which the stream's owner checks. */
	if (demand.scope && sr_grant_allows(request->grant, demand.scope, request->caller.key, recording, policy.now,
					    policy.skew, &request->error) != SR_OK) {
		if (recording)
			sr_account_met(request, recording, NULL);
		return refuse(request);
	}
	if (strcmp(request->grant->purpose, "break-glass") == 0) {
		struct sr_event event = {.kind = SR_EVENT_BREAK_GLASS, .recording = recording};
		sr_request_event(request, &event);
	}
	/* Where a recording is named, whose it is comes first: another's is never told to be frozen. */
	return recording ? SR_OK : sr_request_frozen(request, NULL);
}
