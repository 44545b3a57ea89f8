/*
 * When a writer counts as one that waits for its segment: in every state that a commit can find it in as it comes back.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "serve/record/writer_pipeline.c"

/* What is under way behind the commit that comes back. */
struct under_way {
	bool job, closes, due, flush, another, filled;
};

static struct under_way of_bits(unsigned bits)
{
	return (struct under_way){.job = bits & 1,
				  .closes = bits & 2,
				  .due = bits & 4,
				  .flush = bits & 8,
				  .another = bits & 16,
				  .filled = bits & 32};
}

/* The first of what is under way, or nothing that any commit will come for. */
static bool waits(const struct under_way *now)
{
	bool at_work = now->job || now->flush || now->another;

	if ((now->job && now->closes) || now->flush || now->another)
		return true;
	/* What is due to close is something, or nothing any more. */
	return now->due && (at_work || now->filled);
}

static bool late_after_commit(const struct under_way *now)
{
	struct sr_settings settings = {.users = 1};
	struct sr_daemon daemon = {.settings = &settings};
	struct sr_writer writer = {.daemon = &daemon,
				   .life = LIVE,
				   .job_runs = now->job,
				   .job_closes = now->closes,
				   .close_due = now->due,
				   .flush_runs = now->flush,
				   .committing = 1 + now->another,
				   .late_since = 1};
	struct arrival *arrival = calloc(1, sizeof *arrival);

	cr_assert_not_null(arrival);
	writer.filling.used = now->filled ? 100 : 0;
	*arrival = (struct arrival){.writer = &writer, .durable = 7, .bytes = 7, .code = SR_OK};
	arrived(&arrival->post);
	cr_assert_eq(writer.durable, 7u);
	cr_assert(writer.late_since != 1, "it has not been late since before its commit");
	return writer.late_since != 0;
}

Test(writer_late, only_while_a_commit_is_to_come)
{
	for (unsigned bits = 0; bits < 64; bits++) {
		struct under_way now = of_bits(bits);

		cr_expect_eq(late_after_commit(&now), waits(&now), "state %u", bits);
	}
}

/* A call that brings a job's worth while its segment is committed: its next segment is young, and nobody waits for it.
 */
Test(writer_late, not_while_an_open_segment_grows)
{
	struct under_way now = {.job = true, .filled = true};

	cr_assert_not(late_after_commit(&now));
}
