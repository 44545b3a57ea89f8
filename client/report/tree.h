/*
 * The root of the Merkle tree over entries that come one after the other: whether they are those of a checkpoint.
 */
#ifndef SR_REPORT_TREE_H
#define SR_REPORT_TREE_H

#include "cursor.h"
#include "merkle.h"

/* The complete subtrees of what came, the largest first. Zeros: nothing came. */
struct sr_report_tree {
	uint8_t hashes[64][SR_HASH];
	uint64_t size; /* leaves; its bits say which subtrees there are */
};

/* Take the next entry's bytes. False when memory is used up. */
bool sr_report_tree_add(struct sr_report_tree *tree, struct sr_span entry) SR_MUST_USE;

/* The root over all that came: RFC 6962, 2.1. */
void sr_report_tree_root(const struct sr_report_tree *tree, uint8_t root[SR_HASH]);

#endif
