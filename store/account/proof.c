/*
 * Proofs from tiles, and their text.
 */
#include "account/proof.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE "c2sp.org/tlog-proof@v1\n"
#define INDEX "index "
#define HASH_TEXT 44
#define BASE64 sodium_base64_VARIANT_ORIGINAL

/* The tree of the view's latest checkpoint. `reader` is released by the caller; NULL when memory is used up. */
static enum sr_code tree_of(const struct sr_audit_view *view, struct sr_merkle_tree *tree,
			    struct sr_tile_reader **reader, struct sr_error *err)
{
	struct sr_checkpoint claims;
	struct sr_span text = {(const uint8_t *)view->checkpoint, strlen(view->checkpoint)};
	enum sr_code code = sr_checkpoint_claims(text, &claims, err);
	*reader = code == SR_OK ? calloc(1, sizeof **reader) : NULL;
	if (code != SR_OK)
		return code;
	if (!*reader)
		return SR_FAIL(err, SR_INTERNAL, "memory is used up");
	(*reader)->dir = view->dir;
	(*reader)->size = claims.size;
	*tree = (struct sr_merkle_tree){sr_tile_source, *reader, claims.size};
	return SR_OK;
}

enum sr_code sr_audit_root(const struct sr_audit_view *view, uint64_t size, uint8_t root[SR_HASH], struct sr_error *err)
{
	struct sr_merkle_tree tree;
	struct sr_tile_reader *reader;
	enum sr_code code = tree_of(view, &tree, &reader, err);
	if (code == SR_OK && size > tree.size)
		code = SR_FAIL(err, SR_USAGE, "the checkpoint covers fewer entries than %llu",
			       (unsigned long long)size);
	tree.size = size;
	if (code == SR_OK)
		code = sr_merkle_root(&tree, root, err);
	free(reader);
	return code;
}

enum sr_code sr_audit_prove_consistency(const struct sr_audit_view *view, uint64_t old, struct sr_merkle_proof *proof,
					struct sr_error *err)
{
	struct sr_merkle_tree tree;
	struct sr_tile_reader *reader;
	enum sr_code code = tree_of(view, &tree, &reader, err);
	if (code == SR_OK)
		code = sr_merkle_consistency(&tree, old, proof, err);
	free(reader);
	return code;
}

enum sr_code sr_audit_prove(const struct sr_audit_view *view, uint64_t number, char text[SR_PROOF_TEXT_MAX],
			    struct sr_error *err)
{
	struct sr_merkle_tree tree;
	struct sr_tile_reader *reader;
	struct sr_merkle_proof proof;
	char base[HASH_TEXT + 1];
	enum sr_code code = tree_of(view, &tree, &reader, err);
	if (code == SR_OK && number >= tree.size)
		code = SR_FAIL(err, SR_USAGE, "the checkpoint of %llu entries does not cover number %llu",
			       (unsigned long long)tree.size, (unsigned long long)number);
	if (code == SR_OK)
		code = sr_merkle_inclusion(&tree, number, &proof, err);
	free(reader);
	if (code != SR_OK)
		return code;
	struct sr_builder out = sr_builder_over((uint8_t *)text, SR_PROOF_TEXT_MAX);
	char line[64];
	int size = snprintf(line, sizeof line, INDEX "%llu\n", (unsigned long long)number);
	sr_put_bytes(&out, TITLE, sizeof TITLE - 1);
	sr_put_bytes(&out, line, (size_t)size);
	for (size_t at = 0; at < proof.count; at++) {
		sodium_bin2base64(base, sizeof base, proof.hashes[at], SR_HASH, BASE64);
		sr_put_bytes(&out, base, HASH_TEXT);
		sr_put_u8(&out, '\n');
	}
	sr_put_u8(&out, '\n');
	sr_put_bytes(&out, view->checkpoint, strlen(view->checkpoint) + 1);
	return out.failed ? SR_FAIL(err, SR_INTERNAL, "a proof is longer than any can be") : SR_OK;
}

/* ---- checking ---- */

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

enum sr_code sr_audit_proof_check(struct sr_span text, struct sr_span json, const uint8_t key[SR_AUDIT_KEY],
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
