/*
 * Every derivation info and sealing context: frozen bytes, and no two alike.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>

#include "context.h"

static const uint8_t recording[SR_UUID] = {0x01, 0x8f, 0xa3, 0xc4, 0x5b, 0x6d, 0x7e, 0x8f,
					   0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07};
static const uint8_t tag[SR_TAG] = {1, 2, 3, [31] = 0xff};
static const uint8_t identity[] = "system|value";

#define IDENTITY_SIZE (sizeof identity - 1)
#define E "0102030405060708" /* track, file and number of an extent */
#define R "018fa3c45b6d7e8f90a1b2c3d4e5f607"
#define T "01020300000000000000000000000000000000000000000000000000000000ff"
#define I "000c73797374656d7c76616c7565"

/* All contexts, in the order of context.h, each with its label and what stands behind the label's zero byte. */
struct known {
	const char *label, *fields;
	struct sr_context made;
};

enum { CONTEXTS = 27 };

static void make_all(struct known known[CONTEXTS])
{
	struct known *next = known;

	*next = (struct known){.label = "sealreel v1 patient key", .fields = I};
	sr_context_patient_key(&next++->made, identity, IDENTITY_SIZE);
	*next = (struct known){.label = "sealreel v1 patient tag", .fields = I};
	sr_context_patient_tag(&next++->made, identity, IDENTITY_SIZE);
	*next = (struct known){.label = "sealreel v1 actor tag", .fields = I};
	sr_context_actor_tag(&next++->made, identity, IDENTITY_SIZE);
	*next = (struct known){.label = "sealreel v1 consultation",
			       .fields = "00026162"
					 "000163"};
	sr_context_consultation(&next++->made, "ab", 2, "c", 1);
	*next = (struct known){.label = "sealreel v1 grant",
			       .fields = "00026162"
					 "000163"};
	sr_context_grant(&next++->made, "ab", 2, "c", 1);
	*next = (struct known){.label = "sealreel v1 outer wrap", .fields = R "01020304"};
	sr_context_outer_wrap(&next++->made, recording, 0x01020304);
	*next = (struct known){.label = "sealreel v1 inner wrap", .fields = R};
	sr_context_inner_wrap(&next++->made, recording);
	*next = (struct known){.label = "sealreel v1 entry key", .fields = ""};
	sr_context_entry_key(&next++->made);
	*next = (struct known){.label = "sealreel v1 head key", .fields = ""};
	sr_context_head_key(&next++->made);
	*next = (struct known){.label = "sealreel v1 manifest key", .fields = ""};
	sr_context_manifest_key(&next++->made);
	*next = (struct known){.label = "sealreel v1 track key", .fields = "0102"};
	sr_context_track_key(&next++->made, 0x0102);
	*next = (struct known){.label = "sealreel v1 recording entry", .fields = R};
	sr_context_recording_entry(&next++->made, recording);
	*next = (struct known){.label = "sealreel v1 track entry", .fields = R "0102"};
	sr_context_track_entry(&next++->made, recording, 0x0102);
	*next = (struct known){.label = "sealreel v1 head", .fields = R "0102"};
	sr_context_head(&next++->made, recording, 0x0102);
	*next = (struct known){.label = "sealreel v1 manifest", .fields = R "0102"};
	sr_context_manifest(&next++->made, recording, 0x0102);
	*next = (struct known){.label = "sealreel v1 segment",
			       .fields = R "0102"
					   "03040506"};
	sr_context_segment(&next++->made, recording, 0x0102, 0x03040506);
	*next = (struct known){.label = "sealreel v1 chain", .fields = R "0102"};
	sr_context_chain(&next++->made, recording, 0x0102);
	*next = (struct known){.label = "sealreel v1 person", .fields = T "01020304"};
	sr_context_person(&next++->made, tag, 0x01020304);
	*next = (struct known){.label = "sealreel v1 keyring", .fields = R};
	sr_context_keyring(&next++->made, recording);
	*next = (struct known){.label = "sealreel v1 keyring key", .fields = R};
	sr_context_keyring_key(&next++->made, recording);
	*next = (struct known){.label = "sealreel v1 patient row", .fields = T};
	sr_context_patient_row(&next++->made, tag);
	*next = (struct known){.label = "sealreel v1 recording row", .fields = R};
	sr_context_recording_row(&next++->made, recording);
	*next = (struct known){.label = "sealreel v1 track row", .fields = R "0102"};
	sr_context_track_row(&next++->made, recording, 0x0102);
	*next = (struct known){.label = "sealreel v1 extent row", .fields = R E};
	sr_context_extent_row(&next++->made, recording, 0x0102, 0x0304, 0x05060708);
	*next = (struct known){.label = "sealreel v1 control row", .fields = "000473746f70"};
	sr_context_control_row(&next++->made, "stop", 4);
	*next = (struct known){.label = "sealreel v1 extent sum", .fields = R E};
	sr_context_extent_sum(&next++->made, recording, 0x0102, 0x0304, 0x05060708);
	*next = (struct known){.label = "sealreel v1 extent key", .fields = R E};
	sr_context_extent_key(&next++->made, recording, 0x0102, 0x0304, 0x05060708);
	cr_assert_eq(next - known, CONTEXTS);
}

Test(context, bytes_are_frozen)
{
	struct known known[CONTEXTS];

	make_all(known);
	for (size_t i = 0; i < CONTEXTS; i++) {
		size_t label = strlen(known[i].label) + 1;
		char hex[2 * SR_CONTEXT_MAX + 1];

		cr_assert_gt(known[i].made.size, label - 1, "%s", known[i].label);
		cr_assert_arr_eq(known[i].made.bytes, known[i].label, label, "%s", known[i].label);
		sodium_bin2hex(hex, sizeof hex, known[i].made.bytes + label, known[i].made.size - label);
		cr_assert_str_eq(hex, known[i].fields, "%s", known[i].label);
	}
}

Test(context, no_two_are_alike_nor_begin_alike)
{
	struct known known[CONTEXTS];

	make_all(known);
	for (size_t i = 0; i < CONTEXTS; i++) {
		for (size_t k = 0; k < CONTEXTS; k++) {
			size_t size = strlen(known[i].label) + 1;

			if (i != k && known[k].made.size >= size)
				cr_assert_neq(memcmp(known[k].made.bytes, known[i].label, size), 0, "%s, %s",
					      known[i].label, known[k].label);
		}
	}
}

Test(context, parts_of_a_consultation_cannot_move_into_each_other)
{
	struct sr_context one, other;

	sr_context_consultation(&one, "ab", 2, "c", 1);
	sr_context_consultation(&other, "a", 1, "bc", 2);
	cr_assert_eq(one.size, other.size);
	cr_assert_arr_neq(one.bytes, other.bytes, one.size);
}

Test(context, the_longest_fields_fit)
{
	static const char longest[255] = {1};
	struct sr_context context;

	sr_context_consultation(&context, longest, sizeof longest, longest, sizeof longest);
	cr_assert_eq(context.size, sizeof "sealreel v1 consultation" + 2 * (2 + sizeof longest));
	sr_context_patient_key(&context, (const uint8_t *)longest, sizeof longest);
	cr_assert_eq(context.size, sizeof "sealreel v1 patient key" + 2 + sizeof longest);
}

Test(context, a_longer_field_aborts, .signal = SIGABRT)
{
	static const uint8_t longer[256];
	struct sr_context context;

	sr_context_patient_tag(&context, longer, sizeof longer);
}

Test(context, wiping_leaves_zeros)
{
	static const struct sr_context zeros;
	struct sr_context context;

	memset(&context, 0xff, sizeof context);
	sr_context_patient_key(&context, identity, IDENTITY_SIZE);
	sr_context_wipe(&context);
	cr_assert_eq(memcmp(&context, &zeros, sizeof context), 0);
}
