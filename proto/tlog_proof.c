/*
 * A proof's text, written and checked.
 */
#include "tlog_proof.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define TITLE "c2sp.org/tlog-proof@v1\n"
#define INDEX "index "
#define HASH_TEXT 44
#define BASE64 sodium_base64_VARIANT_ORIGINAL

enum sr_code sr_tlog_proof_write(uint64_t number, const struct sr_merkle_proof *proof, const char *checkpoint,
				 char text[SR_PROOF_TEXT_MAX], struct sr_error *err)
{
	struct sr_builder out = sr_builder_over((uint8_t *)text, SR_PROOF_TEXT_MAX);
	char base[HASH_TEXT + 1];
	char line[64];
	int size = snprintf(line, sizeof line, INDEX "%llu\n", (unsigned long long)number);
	sr_put_bytes(&out, TITLE, sizeof TITLE - 1);
	sr_put_bytes(&out, line, (size_t)size);
	for (size_t at = 0; at < proof->count; at++) {
		sodium_bin2base64(base, sizeof base, proof->hashes[at], SR_HASH, BASE64);
		sr_put_bytes(&out, base, HASH_TEXT);
		sr_put_u8(&out, '\n');
	}
	sr_put_u8(&out, '\n');
	sr_put_bytes(&out, checkpoint, strlen(checkpoint) + 1);
	return out.failed ? SR_FAIL(err, SR_INTERNAL, "a proof is longer than any can be") : SR_OK;
}

static bool take_literal(struct sr_cursor *in, const char *literal)
{
	size_t size = strlen(literal);
	if (in->left < size || memcmp(in->at, literal, size) != 0)
		return false;
	(void)sr_take_span(in, size);
	return true;
}

static uint64_t take_number(struct sr_cursor *in)
{
	uint64_t value = 0;
	size_t digits = 0;
	bool zero = in->left > 0 && in->at[0] == '0';
	while (!in->failed && in->left > 0 && in->at[0] >= '0' && in->at[0] <= '9') {
		unsigned digit = sr_take_u8(in) - (unsigned)'0';
		if (value > (UINT64_MAX - digit) / 10)
			sr_take_fail(in);
		value = value * 10 + digit;
		digits++;
	}
	if (digits == 0 || (zero && digits > 1))
		sr_take_fail(in);
	return value;
}

/* Opaque data that the format allows and nobody may trust. */
static void skip_extra(struct sr_cursor *in)
{
	if (take_literal(in, "extra "))
		while (!in->failed && in->left > 0 && sr_take_u8(in) != '\n')
			;
}

static bool take_proof(struct sr_cursor *in, uint64_t *number, struct sr_merkle_proof *proof)
{
	size_t got;
	proof->count = 0;
	if (!take_literal(in, TITLE))
		return false;
	skip_extra(in);
	if (!take_literal(in, INDEX))
		return false;
	*number = take_number(in);
	if (!take_literal(in, "\n"))
		return false;
	while (!in->failed && !take_literal(in, "\n")) {
		struct sr_span line = sr_take_span(in, HASH_TEXT);
		if (in->failed || proof->count == SR_PROOF_MAX || !take_literal(in, "\n") ||
		    sodium_base642bin(proof->hashes[proof->count], SR_HASH, (const char *)line.data, line.size, NULL,
				      &got, NULL, BASE64) != 0 ||
		    got != SR_HASH)
			return false;
		proof->count++;
	}
	return !in->failed;
}

enum sr_code sr_tlog_proof_check(struct sr_span text, struct sr_span json, const uint8_t key[SR_AUDIT_KEY],
				 uint64_t *number, struct sr_checkpoint *checkpoint, struct sr_error *err)
{
	struct sr_cursor in = sr_cursor_over(text.data, text.size);
	struct sr_merkle_proof proof;
	uint8_t leaf[SR_HASH];
	if (!take_proof(&in, number, &proof))
		return SR_FAIL(err, SR_CORRUPT, "this is no proof of an audit log");
	enum sr_code code = sr_checkpoint_read(sr_take_rest(&in), key, checkpoint, err);
	if (code != SR_OK)
		return code;
	sr_merkle_leaf(json.data, json.size, leaf);
	if (!sr_merkle_included(&proof, leaf, *number, checkpoint->size, checkpoint->root))
		return SR_FAIL(err, SR_CORRUPT, "the proof does not lead from this entry to its checkpoint");
	return SR_OK;
}
