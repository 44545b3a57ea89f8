/*
 * Verification finds whatever was done to a log, and proofs prove what is in it and nothing else.
 */
#include "account/proof.h"
#include "account/verify.h"
#include "audit_world.h"

#define COUNT 530 /* two full tiles and a partial one */

static unsigned faults; /* bits of what was found */
static uint8_t world_key[SR_AUDIT_KEY];

static void note(void *context, const struct sr_audit_finding *finding)
{
	(void)context;
	cr_assert_gt(strlen(finding->text), 0);
	faults |= 1u << finding->fault;
}

static struct sr_audit_verdict verify(const struct sr_checkpoint *kept, size_t count)
{
	struct sr_audit_view view;
	struct sr_audit_verdict verdict = {.findings = 0};
	struct sr_error err = {.text = ""};
	sr_checkpoint_key(world_seed, world_key);
	faults = 0;
	enum sr_code code = sr_audit_view_open(at_place("audit"), &view, &err);
	if (code == SR_CORRUPT) {
		faults = 1u << SR_FAULT_CHECKPOINT;
		return verdict;
	}
	cr_assert_eq(code, SR_OK, "%s", err.text);
	struct sr_audit_verification work = {
		.view = &view, .key = world_key, .kept = kept, .kept_count = count, .found = note};
	cr_assert_eq(sr_audit_verify(&work, &verdict, &err), SR_OK, "%s", err.text);
	sr_audit_view_close(&view);
	return verdict;
}

static struct sr_checkpoint latest(void)
{
	return world_checkpoint(get_file("audit/checkpoint", NULL));
}

TestSuite(audit_verify, .fini = place_remove, .timeout = 120);

/* ---- files changed in place ---- */

static char *copy;
static size_t copy_size;

static void keep(const char *name)
{
	FILE *file = fopen(at_place(name), "r");
	struct stat st;
	cr_assert_not_null(file, "%s", name);
	cr_assert_eq(fstat(fileno(file), &st), 0);
	copy_size = (size_t)st.st_size;
	copy = malloc(copy_size + 1);
	cr_assert_eq(fread(copy, 1, copy_size, file), copy_size);
	fclose(file);
}

static void put_back(const char *name)
{
	FILE *file = fopen(at_place(name), "w");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(copy, 1, copy_size, file), copy_size);
	cr_assert_eq(fclose(file), 0);
}

Test(audit_verify, a_sound_log_has_no_findings)
{
	world_log(COUNT);
	struct sr_checkpoint kept = latest();
	struct sr_audit_verdict verdict = verify(&kept, 1);
	cr_expect_eq(verdict.findings, 0);
	cr_expect_eq(verdict.entries, COUNT);
	cr_expect_eq(verdict.checkpoint.size, COUNT);
	struct sr_audit *audit = world_open();
	world_fill(audit, COUNT, COUNT + 300);
	sr_audit_close(audit);
	cr_expect_eq(verify(&kept, 1).findings, 0);
}

/* A flipped bit in each of the files, here and there. */
Test(audit_verify, a_flipped_bit_is_found_in_every_region)
{
	static const char *const names[] = {
		"audit/records",        "audit/checkpoint",     "audit/tile/0/000",       "audit/tile/0/001",
		"audit/tile/0/002.p/3", "audit/tile/1/000.p/2", "audit/tile/entries/000", "audit/tile/entries/002.p/3"};
	world_log(515);
	for (size_t name = 0; name < sizeof names / sizeof *names; name++) {
		keep(names[name]);
		size_t end = copy_size;
		while (end > 0 && copy[end - 1] == '\0')
			end--;
		for (size_t at = name % 7; at < end; at += end / 20 + 1) {
			copy[at] ^= (char)(1 << at % 8);
			put_back(names[name]);
			(void)verify(NULL, 0);
			cr_expect_neq(faults, 0, "%s, byte %zu", names[name], at);
			copy[at] ^= (char)(1 << at % 8);
		}
		copy_size--;
		put_back(names[name]);
		(void)verify(NULL, 0);
		if (name > 0) /* of the record file only zeros went */
			cr_expect_neq(faults, 0, "%s cut", names[name]);
		copy_size++;
		put_back(names[name]);
		free(copy);
	}
	cr_expect_eq(verify(NULL, 0).findings, 0);
}

/* ---- entries forged by somebody who makes sound records, but has no key ---- */

/* Where each record begins, behind the last the end. */
static size_t places[COUNT + 2];

static void find_places(void)
{
	size_t at = SR_RECORDS_FRONT;
	for (size_t number = 0; number <= COUNT; number++) {
		places[number] = at;
		at += SR_RECORD_HEAD + ((size_t)(uint8_t)copy[at] << 8 | (uint8_t)copy[at + 1]);
	}
}

/* Write the records in another order: `order` of `count` numbers, each with a head that fits its new place. */
static void forge(const size_t *order, size_t count)
{
	FILE *file = fopen(at_place("audit/records"), "w");
	uint8_t head[SR_RECORD_HEAD];
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(copy, 1, SR_RECORDS_FRONT, file), SR_RECORDS_FRONT);
	for (size_t at = 0; at < count; at++) {
		const char *json = copy + places[order[at]] + SR_RECORD_HEAD;
		size_t size = places[order[at] + 1] - places[order[at]] - SR_RECORD_HEAD;
		sr_record_head(at, (const uint8_t *)json, size, head);
		cr_assert_eq(fwrite(head, 1, sizeof head, file), sizeof head);
		cr_assert_eq(fwrite(json, 1, size, file), size);
	}
	cr_assert_eq(fclose(file), 0);
}

Test(audit_verify, a_removed_added_swapped_or_cut_entry_is_found)
{
	size_t order[COUNT + 1];
	world_log(COUNT);
	keep("audit/records");
	find_places();
	for (size_t way = 0; way < 4; way++)
		for (size_t victim = 1; victim < COUNT; victim += 97) {
			size_t count = 0;
			for (size_t at = 0; at < COUNT; at++) {
				if (way == 0 && at == victim)
					continue; /* removed */
				if (way == 1 && at == victim)
					order[count++] = 0;                                  /* added */
				order[count++] = way == 2 && at == victim       ? victim - 1 /* swapped */
						 : way == 2 && at == victim - 1 ? victim
										: at;
			}
			forge(order, way == 3 ? victim : count); /* cut */
			(void)verify(NULL, 0);
			cr_expect_neq(faults & (1u << SR_FAULT_ROOT | 1u << SR_FAULT_RECORD), 0, "way %zu of %zu", way,
				      victim);
		}
	free(copy);
}

/* ---- a log rebuilt and signed again with the stolen key ---- */

static void make_anew(uint64_t count, uint64_t other)
{
	cr_assert_eq(nftw(at_place("audit"), place_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	struct sr_audit_options options = world_options();
	cr_assert_eq(sr_audit_create(&options, NULL), SR_OK);
	struct sr_audit *audit = world_open();
	struct sr_audit_entry entry = {.kind = SR_AUDIT_INTENT, .operation = "another"};
	for (uint64_t at = 0; at < count; at++) {
		if (at == other)
			cr_assert_eq(sr_audit_append(audit, &entry, SR_AUDIT_ORDINARY, NULL, NULL), SR_OK);
		else
			cr_assert_eq(world_append(audit, at, NULL), SR_OK);
	}
	sr_audit_close(audit);
}

Test(audit_verify, a_log_signed_again_is_found_by_a_kept_checkpoint)
{
	world_log(20);
	struct sr_checkpoint kept[2] = {latest()};
	make_anew(30, 7);
	cr_expect_eq(verify(NULL, 0).findings, 0, "nothing shows without a kept checkpoint");
	(void)verify(kept, 1);
	cr_expect_eq(faults, 1u << SR_FAULT_REWRITTEN);
	make_anew(19, 100);
	(void)verify(kept, 1);
	cr_expect_eq(faults, 1u << SR_FAULT_SHORTER);
	make_anew(20, 3);
	kept[1] = latest();
	(void)verify(kept, 2);
	cr_expect_eq(faults, 1u << SR_FAULT_DIVERGED | 1u << SR_FAULT_REWRITTEN);
	snprintf(kept[0].origin, sizeof kept[0].origin, "sealreel/ff");
	(void)verify(kept, 1);
	cr_expect_eq(faults, 1u << SR_FAULT_OTHER_LOG);
}

static bool stop_at_once(void *context, uint64_t done, uint64_t all)
{
	(void)context;
	cr_assert_leq(done, all);
	return false;
}

Test(audit_verify, is_stopped_by_whoever_watches_it)
{
	world_log(5);
	struct sr_audit_view view;
	struct sr_audit_verdict verdict;
	sr_checkpoint_key(world_seed, world_key);
	cr_assert_eq(sr_audit_view_open(at_place("audit"), &view, NULL), SR_OK);
	struct sr_audit_verification work = {.view = &view, .key = world_key, .found = note, .progress = stop_at_once};
	cr_assert_eq(sr_audit_verify(&work, &verdict, NULL), SR_OK);
	cr_expect(verdict.stopped);
	sr_audit_view_close(&view);
}

/* ---- proofs ---- */

struct entry_copy {
	uint64_t number;
	size_t size;
	uint8_t json[SR_AUDIT_ENTRY_MAX];
};

static bool copy_entry(void *context, uint64_t number, struct sr_span json)
{
	struct entry_copy *entry = context;
	entry->number = number;
	entry->size = json.size;
	memcpy(entry->json, json.data, json.size);
	return false;
}

Test(audit_verify, a_proof_proves_its_entry_alone)
{
	static char text[SR_PROOF_TEXT_MAX];
	static struct entry_copy entry;
	struct sr_audit_view view;
	struct sr_checkpoint checkpoint;
	uint64_t number;
	world_log(COUNT);
	sr_checkpoint_key(world_seed, world_key);
	cr_assert_eq(sr_audit_view_open(at_place("audit"), &view, NULL), SR_OK);
	for (uint64_t at = 0; at < COUNT; at += 23) {
		cr_assert_eq(sr_audit_view_read(&view, at, at + 1, copy_entry, &entry, NULL), SR_OK);
		cr_assert_eq(sr_audit_prove(&view, at, text, NULL), SR_OK);
		struct sr_span proof = {(const uint8_t *)text, strlen(text)}, json = {entry.json, entry.size};
		cr_assert_eq(sr_tlog_proof_check(proof, json, world_key, &number, &checkpoint, NULL), SR_OK);
		cr_expect_eq(number, at);
		cr_expect_eq(checkpoint.size, COUNT);
		entry.json[at % entry.size] ^= 1;
		cr_expect_eq(sr_tlog_proof_check(proof, json, world_key, &number, &checkpoint, NULL), SR_CORRUPT);
		entry.json[at % entry.size] ^= 1;
		for (size_t byte = 0; byte < proof.size; byte += 5) {
			text[byte] ^= 1;
			cr_expect_eq(sr_tlog_proof_check(proof, json, world_key, &number, &checkpoint, NULL),
				     SR_CORRUPT, "byte %zu", byte);
			text[byte] ^= 1;
		}
	}
	cr_expect_eq(sr_audit_prove(&view, COUNT, text, NULL), SR_USAGE);
	sr_audit_view_close(&view);
}

Test(audit_verify, odd_proofs_are_refused)
{
	static const char *const odd[] = {
		"",
		"c2sp.org/tlog-proof@v1\n",
		"c2sp.org/tlog-proof@v1\nindex 99999999999999999999999\n\n",
		"c2sp.org/tlog-proof@v1\nindex 00\n\n",
		"c2sp.org/tlog-proof@v1\nindex -1\n\n",
		"c2sp.org/tlog-proof@v1\nextra",
		"c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n47DEQpj8HBSa\n\n",
	};
	struct sr_checkpoint checkpoint;
	uint64_t number;
	place_make();
	for (size_t at = 0; at < sizeof odd / sizeof *odd; at++)
		cr_expect_eq(sr_tlog_proof_check((struct sr_span){(const uint8_t *)odd[at], strlen(odd[at])},
						 (struct sr_span){(const uint8_t *)"{}", 2}, world_key, &number,
						 &checkpoint, NULL),
			     SR_CORRUPT, "proof %zu", at);
}

/* Between every two sizes that a log of this one had checkpoints of. */
Test(audit_verify, earlier_checkpoints_are_proved_consistent)
{
	static uint8_t roots[300][SR_HASH];
	struct sr_audit_view view;
	struct sr_merkle_proof proof;
	uint8_t root[SR_HASH];
	world_log(299);
	struct sr_checkpoint checkpoint = latest();
	cr_assert_eq(sr_audit_view_open(at_place("audit"), &view, NULL), SR_OK);
	for (uint64_t size = 0; size < 300; size++)
		cr_assert_eq(sr_audit_root(&view, size, roots[size], NULL), SR_OK);
	cr_expect_arr_eq(roots[299], checkpoint.root, SR_HASH);
	for (uint64_t old = 0; old < 300; old++) {
		cr_assert_eq(sr_audit_prove_consistency(&view, old, 0, &proof, NULL), SR_OK);
		cr_expect(sr_merkle_consistent(&proof, old, roots[old], 299, checkpoint.root));
		cr_expect_not(old > 0 && sr_merkle_consistent(&proof, old, roots[old - 1], 299, checkpoint.root));
	}
	/* The latest need not be one of the two. */
	for (uint64_t size = 250; size < 260; size++)
		for (uint64_t old = 1; old <= size; old++) {
			cr_assert_eq(sr_audit_prove_consistency(&view, old, size, &proof, NULL), SR_OK);
			cr_expect(sr_merkle_consistent(&proof, old, roots[old], size, roots[size]));
		}
	cr_expect_eq(sr_audit_prove_consistency(&view, 300, 0, &proof, NULL), SR_USAGE);
	cr_expect_eq(sr_audit_prove_consistency(&view, 7, 300, &proof, NULL), SR_USAGE);
	cr_expect_eq(sr_audit_prove_consistency(&view, 7, 6, &proof, NULL), SR_USAGE);
	cr_expect_eq(sr_audit_root(&view, 300, root, NULL), SR_USAGE);
	sr_audit_view_close(&view);
}
