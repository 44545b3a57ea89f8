/*
 * Proofs from tiles.
 */
#include "account/proof.h"

#include <stdlib.h>
#include <string.h>

/*
 * The tree of the view's latest checkpoint, which must cover `size` entries. `reader` is released by the caller; NULL
 * when memory is used up.
 */
static enum sr_code tree_of(const struct sr_audit_view *view, uint64_t size, struct sr_merkle_tree *tree,
			    struct sr_tile_reader **reader, struct sr_error *err)
{
	struct sr_checkpoint claims;
	struct sr_span text = {(const uint8_t *)view->checkpoint, strlen(view->checkpoint)};
	enum sr_code code = sr_checkpoint_claims(text, &claims, err);
	*reader = code == SR_OK ? calloc(1, sizeof **reader) : NULL;
	if (code != SR_OK)
		return code;
	if (!*reader)
		return SR_FAIL_MEMORY(err);
	(*reader)->dir = view->dir;
	(*reader)->size = claims.size;
	*tree = (struct sr_merkle_tree){sr_tile_source, *reader, claims.size};
	if (size > claims.size)
		return SR_FAIL(err, SR_USAGE, "the checkpoint covers fewer entries than %llu",
			       (unsigned long long)size);
	return SR_OK;
}

enum sr_code sr_audit_root(const struct sr_audit_view *view, uint64_t size, uint8_t root[SR_HASH], struct sr_error *err)
{
	struct sr_merkle_tree tree;
	struct sr_tile_reader *reader;
	enum sr_code code = tree_of(view, size, &tree, &reader, err);
	tree.size = size;
	if (code == SR_OK)
		code = sr_merkle_root(&tree, root, err);
	free(reader);
	return code;
}

enum sr_code sr_audit_prove_consistency(const struct sr_audit_view *view, uint64_t old, uint64_t size,
					struct sr_merkle_proof *proof, struct sr_error *err)
{
	struct sr_merkle_tree tree;
	struct sr_tile_reader *reader;
	enum sr_code code = tree_of(view, size, &tree, &reader, err);
	if (size != 0)
		tree.size = size;
	if (code == SR_OK)
		code = sr_merkle_consistency(&tree, old, proof, err);
	free(reader);
	return code;
}

enum sr_code sr_audit_prove_inclusion(const struct sr_audit_view *view, uint64_t number, struct sr_merkle_proof *proof,
				      struct sr_error *err)
{
	struct sr_merkle_tree tree;
	struct sr_tile_reader *reader;
	enum sr_code code = tree_of(view, 0, &tree, &reader, err);
	if (code == SR_OK && number >= tree.size)
		code = SR_FAIL(err, SR_USAGE, "the checkpoint of %llu entries does not cover number %llu",
			       (unsigned long long)tree.size, (unsigned long long)number);
	if (code == SR_OK)
		code = sr_merkle_inclusion(&tree, number, proof, err);
	free(reader);
	return code;
}

enum sr_code sr_audit_prove(const struct sr_audit_view *view, uint64_t number, char text[SR_PROOF_TEXT_MAX],
			    struct sr_error *err)
{
	struct sr_merkle_proof proof;
	enum sr_code code = sr_audit_prove_inclusion(view, number, &proof, err);
	return code == SR_OK ? sr_tlog_proof_write(number, &proof, view->checkpoint, text, err) : code;
}
