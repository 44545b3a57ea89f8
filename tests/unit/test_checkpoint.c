/*
 * Checkpoints as signed notes: the specification's examples read, ours written and read, every change refused.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "checkpoint.h"

static const uint8_t seed[SR_AUDIT_SEED] = {1, 2, 3};
static uint8_t key[SR_AUDIT_KEY];
static char text[SR_CHECKPOINT_MAX];

static void setup(void)
{
	struct sr_checkpoint checkpoint = {.origin = "sealreel/00ff", .size = 20852163, .root = {9, 8, 7}};
	cr_assert_geq(sodium_init(), 0);
	sr_checkpoint_key(seed, key);
	sr_checkpoint_sign(&checkpoint, seed, text);
}

TestSuite(note, .init = setup);

static enum sr_code read_note(const char *note, struct sr_checkpoint *out)
{
	return sr_checkpoint_read((struct sr_span){(const uint8_t *)note, strlen(note)}, key, out, NULL);
}

Test(note, is_written_as_specified_and_read_back)
{
	struct sr_checkpoint checkpoint;
	cr_expect_eq(strncmp(text,
			     "sealreel/00ff\n20852163\nCQgHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"
			     "\xe2\x80\x94 sealreel/00ff ",
			     87),
		     0, "%s", text);
	cr_expect_eq(read_note(text, &checkpoint), SR_OK);
	cr_expect_str_eq(checkpoint.origin, "sealreel/00ff");
	cr_expect_eq(checkpoint.size, 20852163);
	cr_expect_eq(checkpoint.root[2], 7);
}

/* The key's id: SHA-256 of name, newline, 01 and key, as signed-note has it. */
Test(note, has_the_verifier_key_of_the_convention)
{
	char verifier[SR_VERIFIER_MAX], hex[9];
	uint8_t bytes[13 + 2 + SR_AUDIT_KEY] = "sealreel/00ff\n\x01", hash[32];
	memcpy(bytes + 15, key, sizeof key);
	crypto_hash_sha256(hash, bytes, sizeof bytes);
	sodium_bin2hex(hex, sizeof hex, hash, 4);
	sr_checkpoint_verifier("sealreel/00ff", key, verifier);
	cr_expect_eq(strncmp(verifier, "sealreel/00ff+", 14), 0);
	cr_expect_eq(strncmp(verifier + 14, hex, 8), 0);
	cr_expect_eq(verifier[22], '+');
	cr_expect_eq(strncmp(verifier + 23, "A", 1), 0);
	cr_expect_eq(strlen(verifier), 23 + 44);
}

/* The verifier key that the documentation of Go's package for signed notes has. */
Test(note, a_published_verifier_key_comes_out)
{
	static const char published[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	char verifier[SR_VERIFIER_MAX];
	uint8_t typed[1 + SR_AUDIT_KEY];
	size_t size;
	cr_assert_eq(sodium_base642bin(typed, sizeof typed, strrchr(published, '+') + 1, 44, NULL, &size, NULL,
				       sodium_base64_VARIANT_ORIGINAL),
		     0);
	sr_checkpoint_verifier("PeterNeumann", typed + 1, verifier);
	cr_expect_str_eq(verifier, published);
}

Test(note, every_changed_byte_and_every_truncation_is_refused)
{
	struct sr_checkpoint checkpoint;
	char changed[SR_CHECKPOINT_MAX];
	size_t size = strlen(text);
	for (size_t at = 0; at < size; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(changed, text, size + 1);
			changed[at] = (char)(changed[at] ^ 1 << bit);
			cr_assert_neq(
				sr_checkpoint_read((struct sr_span){(uint8_t *)changed, size}, key, &checkpoint, NULL),
				SR_OK, "byte %zu bit %u", at, bit);
		}
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_neq(sr_checkpoint_read((struct sr_span){(uint8_t *)text, cut}, key, &checkpoint, NULL),
			      SR_OK);
}

Test(note, another_key_does_not_pass)
{
	struct sr_checkpoint checkpoint;
	uint8_t other[SR_AUDIT_SEED] = {4};
	sr_checkpoint_key(other, key);
	cr_expect_eq(read_note(text, &checkpoint), SR_CORRUPT);
	cr_expect_eq(sr_checkpoint_claims((struct sr_span){(uint8_t *)text, strlen(text)}, &checkpoint, NULL), SR_OK);
}

Test(note, signatures_of_witnesses_are_passed_over)
{
	struct sr_checkpoint checkpoint;
	char more[2 * SR_CHECKPOINT_MAX];
	int size = snprintf(more, sizeof more, "%s", text);
	for (int at = 0; at < 16; at++)
		size += snprintf(more + size, sizeof more - (size_t)size, "\xe2\x80\x94 witness.example AAAAAAAA\n");
	cr_expect_eq(read_note(more, &checkpoint), SR_OK);
	/* The same name and id as the log's, with a signature that is not: all of it is refused. */
	char *base = strrchr(text, ' ') + 1;
	char wrong[128];
	snprintf(wrong, sizeof wrong, "%.20sAAAAAAAA%s", base, base + 28);
	size += snprintf(more + size, sizeof more - (size_t)size, "\xe2\x80\x94 sealreel/00ff %s", wrong);
	cr_expect_eq(read_note(more, &checkpoint), SR_CORRUPT);
}

Test(note, the_specifications_example_is_read)
{
	static const char example[] = "example.com/behind-the-sofa\n20852163\n"
				      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
				      "\xe2\x80\x94 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/"
				      "5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
	struct sr_checkpoint checkpoint;
	struct sr_span whole = {(const uint8_t *)example, sizeof example - 1};
	cr_expect_eq(sr_checkpoint_claims(whole, &checkpoint, NULL), SR_OK);
	cr_expect_str_eq(checkpoint.origin, "example.com/behind-the-sofa");
	cr_expect_eq(checkpoint.size, 20852163);
	cr_expect_eq(checkpoint.root[0], 0x0a);
}

Test(note, odd_texts_are_refused)
{
	static const char *const odd[] = {
		"",
		"\n\n",
		"a\n0\n",
		"a\n00\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAA\n",
		"a\n18446744073709551616\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAA\n",
		"a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF=\n\n\xe2\x80\x94 a AAAA\n",
		"\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAA\n",
		"a\r\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAA\n",
		"a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAA",
	};
	struct sr_checkpoint checkpoint;
	for (size_t at = 0; at < sizeof odd / sizeof *odd; at++) {
		struct sr_span whole = {(const uint8_t *)odd[at], strlen(odd[at])};
		cr_expect_eq(sr_checkpoint_claims(whole, &checkpoint, NULL), SR_CORRUPT, "text %zu", at);
	}
}

Test(note, two_stories_are_told_apart)
{
	struct sr_checkpoint one = {.origin = "a", .size = 5, .root = {1}}, other = one;
	cr_expect_not(sr_checkpoints_diverge(&one, &other));
	other.root[0] = 2;
	cr_expect(sr_checkpoints_diverge(&one, &other));
	other.size = 6;
	cr_expect_not(sr_checkpoints_diverge(&one, &other));
}

Test(note, a_verifier_key_is_read_in_its_one_form)
{
	char verifier[SR_VERIFIER_MAX], name[SR_AUDIT_ORIGIN_MAX];
	uint8_t read[SR_AUDIT_KEY];
	sr_checkpoint_verifier("sealreel/0123", key, verifier);
	size_t size = strlen(verifier);
	struct sr_span whole = {(const uint8_t *)verifier, size};
	cr_assert_eq(sr_checkpoint_verifier_read(whole, read, name, NULL), SR_OK);
	cr_expect_str_eq(name, "sealreel/0123");
	cr_expect_arr_eq(read, key, SR_AUDIT_KEY);
	for (size_t cut = 0; cut < size; cut++)
		cr_expect_eq(sr_checkpoint_verifier_read((struct sr_span){whole.data, cut}, read, name, NULL),
			     SR_CORRUPT, "%zu bytes", cut);
	/* Another name has another id, and so has another key. */
	for (size_t at = 0; at < size; at++) {
		char changed[SR_VERIFIER_MAX];
		memcpy(changed, verifier, size);
		changed[at] = changed[at] == 'A' ? 'B' : 'A';
		cr_expect_eq(sr_checkpoint_verifier_read((struct sr_span){(uint8_t *)changed, size}, read, name, NULL),
			     SR_CORRUPT, "byte %zu", at);
	}
}

Test(note, a_key_is_for_its_log_and_those_that_go_on_for_it)
{
	static const struct {
		const char *origin;
		bool fits;
	} cases[] = {{"sealreel/ab", true},
		     {"sealreel/ab/2", true},
		     {"sealreel/ab/10", true},
		     {"sealreel/ab/1", false},
		     {"sealreel/ab/0", false},
		     {"sealreel/ab/02", false},
		     {"sealreel/abc", false},
		     {"sealreel/ab/", false},
		     {"sealreel/a", false},
		     {"sealreel/ab/2x", false},
		     {"", false}};
	for (size_t at = 0; at < sizeof cases / sizeof *cases; at++)
		cr_expect_eq(sr_checkpoint_origin_fits(cases[at].origin, "sealreel/ab"), cases[at].fits, "%s",
			     cases[at].origin);
}
