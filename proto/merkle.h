/*
 * The Merkle tree over the log's entries, as RFC 6962, 2.1 has it, with SHA-256: hashes, roots, proofs and their
 * checks. Pure functions; where the hashes of subtrees come from is the caller's.
 */
#ifndef SR_MERKLE_H
#define SR_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SR_HASH 32
#define SR_PROOF_MAX 66 /* hashes of any proof in a tree of up to 2^64 - 1 leaves */

/* The hash of a leaf, of a node over two subtrees (`out` may be either of them), and of the empty tree. */
void sr_merkle_leaf(const uint8_t *data, size_t size, uint8_t out[SR_HASH]);
void sr_merkle_node(const uint8_t left[SR_HASH], const uint8_t right[SR_HASH], uint8_t out[SR_HASH]);
void sr_merkle_empty(uint8_t out[SR_HASH]);

/* The hash of the complete subtree over `count` hashes side by side; `count` is a power of two up to 256. */
void sr_merkle_complete(const uint8_t (*hashes)[SR_HASH], size_t count, uint8_t out[SR_HASH]);

/*
 * Gives the hash of the complete subtree over the leaves index * 2^height to (index + 1) * 2^height, which the tree
 * asked about has. Its failures are handed on.
 */
typedef enum sr_code sr_merkle_source(void *context, unsigned height, uint64_t index, uint8_t out[SR_HASH],
				      struct sr_error *err);

/* A tree: its first `size` leaves, through their subtrees. */
struct sr_merkle_tree {
	sr_merkle_source *source;
	void *context;
	uint64_t size;
};

/* Hashes from the leaf's side to the root's, in the order of RFC 6962, 2.1.1 and 2.1.2. */
struct sr_merkle_proof {
	uint8_t hashes[SR_PROOF_MAX][SR_HASH];
	size_t count;
};

/* The root of `tree`. The source's codes. */
enum sr_code sr_merkle_root(const struct sr_merkle_tree *tree, uint8_t root[SR_HASH], struct sr_error *err) SR_MUST_USE;

/* The proof that leaf `number` is in `tree`. SR_USAGE: it has no such leaf; the source's codes. */
enum sr_code sr_merkle_inclusion(const struct sr_merkle_tree *tree, uint64_t number, struct sr_merkle_proof *proof,
				 struct sr_error *err) SR_MUST_USE;

/*
 * The proof that the tree of the first `old` leaves is where `tree` began; empty for 0 and for all of them. SR_USAGE:
 * `tree` has fewer; the source's codes.
 */
enum sr_code sr_merkle_consistency(const struct sr_merkle_tree *tree, uint64_t old, struct sr_merkle_proof *proof,
				   struct sr_error *err) SR_MUST_USE;

/*
 * A tree that grows leaf by leaf, from which only its root is wanted: the hashes of its complete subtrees, the largest
 * first. Zeroed: no leaves.
 */
struct sr_merkle_stack {
	uint64_t size;
	uint8_t hashes[65][SR_HASH];
};
void sr_merkle_stack_add(struct sr_merkle_stack *stack, const uint8_t leaf[SR_HASH]);
void sr_merkle_stack_root(const struct sr_merkle_stack *stack, uint8_t root[SR_HASH]);

/* Does `proof` prove that the leaf with this hash is number `number` of the `size` under `root`? RFC 9162, 2.1.3.2. */
bool sr_merkle_included(const struct sr_merkle_proof *proof, const uint8_t leaf[SR_HASH], uint64_t number,
			uint64_t size, const uint8_t root[SR_HASH]) SR_MUST_USE;

/* Does it prove that the `old` leaves under `old_root` are the first of the `size` under `root`? RFC 9162, 2.1.4.2. */
bool sr_merkle_consistent(const struct sr_merkle_proof *proof, uint64_t old, const uint8_t old_root[SR_HASH],
			  uint64_t size, const uint8_t root[SR_HASH]) SR_MUST_USE;

#endif
