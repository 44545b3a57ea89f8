/*
 * A log of the audit tests: made, opened, appended to, and looked at, in a directory of the test's own.
 */
#ifndef SR_TEST_AUDIT_WORLD_H
#define SR_TEST_AUDIT_WORLD_H

#include <sodium.h>

#include "account/audit.h"
#include "account/view.h"
#include "checkpoint.h"
#include "place.h"

static const uint8_t world_seed[SR_AUDIT_SEED] = {7, 1, 2};
static const char world_origin[] = "sealreel/000102030405060708090a0b0c0d0e0f";

static inline struct sr_audit_options world_options(void)
{
	return (struct sr_audit_options){.directory = at_place("audit"),
					 .origin = world_origin,
					 .seed = world_seed,
					 .reserve = 65536,
					 .interval_ms = 1000};
}

static inline void world_make(void)
{
	struct sr_error err = {.text = ""};
	cr_assert_geq(sodium_init(), 0);
	place_make();
	struct sr_audit_options options = world_options();
	cr_assert_eq(sr_audit_create(&options, &err), SR_OK, "%s", err.text);
}

static inline struct sr_audit *world_open(void)
{
	struct sr_audit_options options = world_options();
	struct sr_error err = {.text = ""};
	struct sr_audit *audit;
	cr_assert_eq(sr_audit_open(&options, &audit, &err), SR_OK, "%s", err.text);
	return audit;
}

/* Append an entry of which every byte depends on `number`, and whose patient is number % 7, actor number % 3. */
static inline enum sr_code world_append(struct sr_audit *audit, uint64_t number, struct sr_error *err)
{
	uint8_t tag[SR_TAG] = {1, (uint8_t)(number % 7)}, actor[SR_TAG] = {2, (uint8_t)(number % 3)};
	struct sr_audit_recording recording = {.id = {9, [6] = 0x70, [8] = 0x80, [15] = (uint8_t)(number % 11)}};
	char name[32];
	snprintf(name, sizeof name, "entry %llu", (unsigned long long)number);
	struct sr_audit_entry entry = {.kind = SR_AUDIT_PRESENTED,
				       .operation = "list",
				       .service = "player",
				       .tag = tag,
				       .actor = actor,
				       .name = name,
				       .recordings = &recording,
				       .recording_count = 1};
	uint64_t given;
	enum sr_code code = sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, &given, err);
	if (code == SR_OK)
		cr_assert_eq(given, number);
	return code;
}

static inline void world_fill(struct sr_audit *audit, uint64_t from, uint64_t to)
{
	struct sr_error err = {.text = ""};
	for (; from < to; from++)
		cr_assert_eq(world_append(audit, from, &err), SR_OK, "%s", err.text);
}

/* A log of `count` entries, closed. */
static inline void world_log(uint64_t count)
{
	world_make();
	struct sr_audit *audit = world_open();
	world_fill(audit, 0, count);
	sr_audit_close(audit);
}

static inline struct sr_checkpoint world_checkpoint(const char *text)
{
	struct sr_checkpoint checkpoint;
	struct sr_error err = {.text = ""};
	uint8_t key[SR_AUDIT_KEY];
	sr_checkpoint_key(world_seed, key);
	cr_assert_eq(sr_checkpoint_read((struct sr_span){(const uint8_t *)text, strlen(text)}, key, &checkpoint, &err),
		     SR_OK, "%s", err.text);
	return checkpoint;
}

#endif
