/*
 * The tree's right edge, kept as a binary counter. It is hashed with libcrypto, which is several times as fast.
 */
#include "tree.h"

#include <string.h>

#include "audit_entry.h"
#include "digest.h"

/* As sr_merkle_node. */
static bool node(const uint8_t left[SR_HASH], uint8_t right[SR_HASH])
{
	uint8_t both[1 + 2 * SR_HASH] = {0x01};
	memcpy(both + 1, left, SR_HASH);
	memcpy(both + 1 + SR_HASH, right, SR_HASH);
	return sr_digest_of(both, sizeof both, right);
}

bool sr_report_tree_add(struct sr_report_tree *tree, struct sr_span entry)
{
	uint8_t leaf[1 + SR_AUDIT_ENTRY_MAX];
	uint8_t hash[SR_HASH];
	unsigned depth = (unsigned)__builtin_popcountll(tree->size);
	if (entry.size > SR_AUDIT_ENTRY_MAX)
		return false;
	leaf[0] = 0x00;
	memcpy(leaf + 1, entry.data, entry.size);
	bool done = sr_digest_of(leaf, 1 + entry.size, hash);
	for (uint64_t full = tree->size; done && full & 1; full >>= 1)
		done = node(tree->hashes[--depth], hash);
	if (!done)
		return false;
	memcpy(tree->hashes[depth], hash, SR_HASH);
	tree->size++;
	return true;
}

void sr_report_tree_root(const struct sr_report_tree *tree, uint8_t root[SR_HASH])
{
	unsigned depth = (unsigned)__builtin_popcountll(tree->size);
	if (depth == 0) {
		sr_merkle_empty(root);
		return;
	}
	memcpy(root, tree->hashes[--depth], SR_HASH);
	while (depth > 0)
		sr_merkle_node(tree->hashes[--depth], root, root);
}
