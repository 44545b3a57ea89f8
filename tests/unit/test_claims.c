/*
 * Claims on patients: who goes with whom, and that none is left over.
 */
#include <criterion/criterion.h>

#include "serve/patients/claims.h"

static const uint8_t one[SR_TAG] = {1}, other[SR_TAG] = {2};
static struct sr_claims *claims;

static void set_up(void)
{
	claims = sr_claims_new();
	cr_assert_not_null(claims);
}

static void tear_down(void)
{
	sr_claims_free(claims);
}

TestSuite(claims, .init = set_up, .fini = tear_down);

Test(claims, adding_goes_with_adding_and_changing_with_nothing)
{
	static const struct {
		enum sr_claim_kind first, second;
		enum sr_code code;
	} cases[] = {
		{SR_CLAIM_ADDING, SR_CLAIM_ADDING, SR_OK},
		{SR_CLAIM_ADDING, SR_CLAIM_CHANGING, SR_BUSY},
		{SR_CLAIM_CHANGING, SR_CLAIM_ADDING, SR_BUSY},
		{SR_CLAIM_CHANGING, SR_CLAIM_CHANGING, SR_BUSY},
	};

	for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
		cr_assert_eq(sr_claim(claims, one, cases[at].first), SR_OK);
		cr_expect_eq(sr_claim(claims, one, cases[at].second), cases[at].code, "case %zu", at);
		cr_expect_eq(sr_claim(claims, other, cases[at].second), SR_OK, "another patient");
		sr_claim_end(claims, other, cases[at].second);
		if (cases[at].code == SR_OK)
			sr_claim_end(claims, one, cases[at].second);
		sr_claim_end(claims, one, cases[at].first);
		/* Nothing is left: whoever changes all comes in. */
		cr_expect_eq(sr_claim(claims, one, SR_CLAIM_CHANGING), SR_OK);
		sr_claim_end(claims, one, SR_CLAIM_CHANGING);
	}
}

Test(claims, the_last_of_those_who_add_lets_the_change_in)
{
	cr_assert_eq(sr_claim(claims, one, SR_CLAIM_ADDING), SR_OK);
	cr_assert_eq(sr_claim(claims, one, SR_CLAIM_ADDING), SR_OK);
	sr_claim_end(claims, one, SR_CLAIM_ADDING);
	cr_expect_eq(sr_claim(claims, one, SR_CLAIM_CHANGING), SR_BUSY);
	sr_claim_end(claims, one, SR_CLAIM_ADDING);
	cr_expect_eq(sr_claim(claims, one, SR_CLAIM_CHANGING), SR_OK);
	sr_claim_end(claims, one, SR_CLAIM_CHANGING);
}
