/*
 * A log restored from an old copy: it does not go on as if nothing had been lost, but as a new one that names the lost.
 */
#include "account/restart.h"
#include "audit_world.h"

TestSuite(audit_restart, .fini = place_remove);

static char kept[SR_CHECKPOINT_MAX];

static void keep_checkpoint(void)
{
	size_t size;
	const char *text = get_file("audit/checkpoint", &size);
	cr_assert_lt(size, sizeof kept);
	memcpy(kept, text, size + 1);
}

static enum sr_code restart(struct sr_error *err)
{
	struct sr_audit_options options = world_options();
	return sr_audit_restart(&options, (struct sr_span){(const uint8_t *)kept, strlen(kept)}, err);
}

static void fill(uint64_t from, uint64_t to)
{
	struct sr_audit *audit = world_open();
	world_fill(audit, from, to);
	sr_audit_close(audit);
}

/* Ten entries are backed up, twenty were there: the copy comes back. */
static void lose_half(void)
{
	world_log(20);
	keep_checkpoint();
	cr_assert_eq(rename(at_place("audit"), at_place("lost")), 0);
	struct sr_audit_options options = world_options();
	cr_assert_eq(sr_audit_create(&options, NULL), SR_OK);
	fill(0, 10);
}

static bool look(void *context, uint64_t number, struct sr_span json)
{
	static struct sr_audit_room room;
	struct sr_audit_entry entry;
	cr_assert_eq(sr_audit_entry_parse(json.data, json.size, &room, &entry, NULL), SR_OK);
	if (number > 0)
		return false;
	cr_expect_eq(entry.kind, SR_AUDIT_RESTARTED);
	cr_expect_str_eq(entry.text, kept);
	cr_expect_eq(entry.fact_count, 1);
	*(bool *)context = true;
	return true;
}

Test(audit_restart, a_new_log_names_the_lost_one)
{
	struct sr_error err = {.text = ""};
	bool seen = false;
	lose_half();
	cr_assert_eq(restart(&err), SR_OK, "%s", err.text);
	cr_expect_neq(mode_of("audit.1/records"), (mode_t)-1);
	struct sr_audit *audit = world_open();
	cr_expect_eq(sr_audit_size(audit), 1);
	cr_assert_eq(sr_audit_read(audit, 0, look, &seen, NULL), SR_OK);
	cr_expect(seen);
	sr_audit_close(audit);
	struct sr_checkpoint checkpoint = world_checkpoint(get_file("audit/checkpoint", NULL));
	cr_expect_str_eq(checkpoint.origin, "sealreel/000102030405060708090a0b0c0d0e0f/2");
	/* Once more: the third. */
	fill(1, 5);
	keep_checkpoint();
	cr_assert_eq(nftw(at_place("audit"), place_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	cr_assert_eq(rename(at_place("audit.1"), at_place("audit")), 0);
	cr_assert_eq(restart(&err), SR_OK, "%s", err.text);
	checkpoint = world_checkpoint(get_file("audit/checkpoint", NULL));
	cr_expect_str_eq(checkpoint.origin, "sealreel/000102030405060708090a0b0c0d0e0f/3");
	cr_expect_neq(mode_of("audit.2/records"), (mode_t)-1);
}

Test(audit_restart, a_log_that_lost_nothing_stays)
{
	struct sr_error err = {.text = ""};
	world_log(20);
	keep_checkpoint();
	cr_expect_eq(restart(&err), SR_CONFLICT);
	fill(20, 30);
	cr_expect_eq(restart(&err), SR_CONFLICT);
	cr_expect_eq(mode_of("audit.1"), (mode_t)-1);
	fill(30, 31);
}

Test(audit_restart, a_checkpoint_of_somebody_elses_restarts_nothing)
{
	struct sr_error err = {.text = ""};
	struct sr_checkpoint other = {.origin = "sealreel/ff", .size = 100};
	lose_half();
	kept[20] ^= 1;
	cr_expect_eq(restart(&err), SR_CORRUPT);
	sr_checkpoint_sign(&other, world_seed, kept);
	cr_expect_eq(restart(&err), SR_CORRUPT);
	cr_expect_eq(mode_of("audit.1"), (mode_t)-1);
	fill(10, 12);
}
