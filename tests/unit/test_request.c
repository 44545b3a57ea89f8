/*
 * What requests share on the pool: a change is attempted again while others change the same rows, and an error that was
 * dealt with is told to nobody.
 */
#include "grant_world.h"
#include "serve_fixture.h"

/* Attempts that end as they are told to, and count themselves. */
struct play {
	enum sr_code ends[3]; /* of the first, the second, and all others */
	bool tells;           /* each has a text */
	unsigned attempts, with_error;
};

static enum sr_code attempt(struct sr_request *asked, void *context)
{
	struct play *play = context;
	enum sr_code code = play->ends[play->attempts < 2 ? play->attempts : 2];
	play->attempts++;
	play->with_error += asked->error.code != SR_OK;
	if (play->tells && code != SR_OK)
		return SR_FAIL(&asked->error, code, "as told");
	return code;
}

/* However it began, it ends with `code`, which the request's error has too, after so many attempts. */
static void expect_end(struct play play, enum sr_code code, unsigned attempts)
{
	struct sr_request asked = {.operation = "test"};
	(void)SR_FAIL(&asked.error, SR_EXPIRED, "was dealt with");
	cr_expect_eq(sr_request_attempts(&asked, attempt, &play), code);
	cr_expect_eq(asked.error.code, code, "%s", asked.error.text);
	cr_expect_eq(play.attempts, attempts);
	cr_expect_eq(play.with_error, 0u, "each begins without an error");
	cr_expect_eq(asked.retry_ms, code == SR_BUSY ? 50u : 0u);
}

Test(request, a_change_is_attempted_while_others_change_the_same_rows)
{
	expect_end((struct play){.ends = {SR_OK}}, SR_OK, 1);
	expect_end((struct play){.ends = {SR_CONFLICT, SR_OK}}, SR_OK, 2);
	expect_end((struct play){.ends = {SR_CONFLICT, SR_CONFLICT, SR_OK}}, SR_OK, 3);
	expect_end((struct play){.ends = {SR_CONFLICT, SR_CONFLICT, SR_CONFLICT}}, SR_BUSY, 64);
}

Test(request, a_conflict_with_a_text_and_any_other_failure_end_it)
{
	expect_end((struct play){.ends = {SR_CONFLICT}, .tells = true}, SR_CONFLICT, 1);
	expect_end((struct play){.ends = {SR_NOT_FOUND}, .tells = true}, SR_NOT_FOUND, 1);
	expect_end((struct play){.ends = {SR_CONFLICT, SR_IO}}, SR_IO, 2);
}

/* A grant that is over, but not by more than its grace, leaves nothing behind that says it is over. */
Test(request, a_grant_in_its_grace_leaves_no_error, .init = store_make, .fini = store_remove)
{
	world_make();
	struct sr_config config = {.issuer_count = 3, .record_grace_s = INT32_MAX};
	struct sr_settings settings = {.config = &config};
	uint8_t named[SR_UUID];
	char *token = forge_token(&world.keys[FORGE_ED], HEADER, PAYLOAD);
	struct sr_span span = {(const uint8_t *)token, strlen(token)};
	memcpy(config.issuers, world.issuers, sizeof world.issuers);
	cr_assert(sr_uuid_parse(RECORDING, strlen(RECORDING), named));
	memcpy(store.audience, STORE, sizeof STORE);
	memcpy(request.caller.key, world_service, sizeof world_service);
	request.settings = &settings;
	request.head.type = SR_MSG_RECORD_RESUME;
	cr_expect_eq(sr_request_grant(&request, span, named), SR_OK, "%s", request.error.text);
	cr_expect(request.in_grace);
	cr_expect_eq(request.error.code, SR_OK, "%s", request.error.text);
	sr_grant_free(request.grant);
	free(token);
	world_end();
}
