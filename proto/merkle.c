/*
 * The Merkle tree of RFC 6962: hashes, roots, proofs and their checks.
 */

/* SHA256_CTX, as SHA512_CTX in hmac.c: no allocation, so that nothing here can fail. Whoever verifies a log of ten
 * million entries hashes every byte of it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "merkle.h"

#include <openssl/sha.h>
#include <string.h>

_Static_assert(SR_HASH == SHA256_DIGEST_LENGTH, "the tree is made of SHA-256");

void sr_merkle_leaf(const uint8_t *data, size_t size, uint8_t out[SR_HASH])
{
	static const uint8_t mark = 0x00;
	SHA256_CTX sum;
	(void)SHA256_Init(&sum);
	(void)SHA256_Update(&sum, &mark, 1);
	(void)SHA256_Update(&sum, data, size);
	(void)SHA256_Final(out, &sum);
}

void sr_merkle_node(const uint8_t left[SR_HASH], const uint8_t right[SR_HASH], uint8_t out[SR_HASH])
{
	uint8_t both[1 + 2 * SR_HASH] = {0x01};
	SHA256_CTX sum;
	memcpy(both + 1, left, SR_HASH);
	memcpy(both + 1 + SR_HASH, right, SR_HASH);
	(void)SHA256_Init(&sum);
	(void)SHA256_Update(&sum, both, sizeof both);
	(void)SHA256_Final(out, &sum);
}

void sr_merkle_empty(uint8_t out[SR_HASH])
{
	SHA256_CTX sum;
	(void)SHA256_Init(&sum);
	(void)SHA256_Final(out, &sum);
}

void sr_merkle_complete(const uint8_t (*hashes)[SR_HASH], size_t count, uint8_t out[SR_HASH])
{
	uint8_t row[256][SR_HASH];
	memcpy(row, hashes, count * SR_HASH);
	for (; count > 1; count /= 2)
		for (size_t at = 0; at < count / 2; at++)
			sr_merkle_node(row[2 * at], row[2 * at + 1], row[at]);
	memcpy(out, row[0], SR_HASH);
}

static unsigned height_of(uint64_t size)
{
	return 63u - (unsigned)__builtin_clzll(size);
}

static bool is_complete(uint64_t size)
{
	return (size & (size - 1)) == 0;
}

/* The largest power of two below `size`, which is 2 or more: where the RFC splits. */
static uint64_t split_of(uint64_t size)
{
	return (uint64_t)1 << height_of(size - 1);
}

/* The hash of `size` leaves from `from`, which the RFC's splitting comes to. */
static enum sr_code hash_range(const struct sr_merkle_tree *tree, uint64_t from, uint64_t size, uint8_t out[SR_HASH],
			       struct sr_error *err)
{
	uint8_t rights[64][SR_HASH];
	size_t count = 0;
	enum sr_code code = SR_OK;
	/* Complete subtrees from the left, each half as large at most; folded from the right. */
	while (code == SR_OK && size > 0) {
		unsigned height = height_of(size);
		code = tree->source(tree->context, height, from >> height, rights[count++], err);
		from += (uint64_t)1 << height;
		size -= (uint64_t)1 << height;
	}
	if (code != SR_OK)
		return code;
	for (; count > 1; count--)
		sr_merkle_node(rights[count - 2], rights[count - 1], rights[count - 2]);
	memcpy(out, rights[0], SR_HASH);
	return SR_OK;
}

enum sr_code sr_merkle_root(const struct sr_merkle_tree *tree, uint8_t root[SR_HASH], struct sr_error *err)
{
	if (tree->size > 0)
		return hash_range(tree, 0, tree->size, root, err);
	sr_merkle_empty(root);
	return SR_OK;
}

/* The siblings on the way down, the root's child first: a proof is these from the last to the first. */
struct sibling {
	uint64_t from;
	uint64_t size;
};

static enum sr_code hash_siblings(const struct sr_merkle_tree *tree, const struct sibling *siblings, size_t count,
				  struct sr_merkle_proof *proof, struct sr_error *err)
{
	enum sr_code code = SR_OK;
	proof->count = 0;
	while (count > 0 && code == SR_OK) {
		count--;
		code = hash_range(tree, siblings[count].from, siblings[count].size, proof->hashes[proof->count++], err);
	}
	return code;
}

enum sr_code sr_merkle_inclusion(const struct sr_merkle_tree *tree, uint64_t number, struct sr_merkle_proof *proof,
				 struct sr_error *err)
{
	struct sibling siblings[SR_PROOF_MAX];
	uint64_t from = 0, size = tree->size;
	size_t count = 0;
	if (number >= size)
		return SR_FAIL(err, SR_USAGE, "a tree of %llu entries has no number %llu", (unsigned long long)size,
			       (unsigned long long)number);
	while (size > 1) {
		uint64_t split = split_of(size);
		if (number - from < split) {
			siblings[count++] = (struct sibling){from + split, size - split};
			size = split;
		} else {
			siblings[count++] = (struct sibling){from, split};
			from += split;
			size -= split;
		}
	}
	return hash_siblings(tree, siblings, count, proof, err);
}

enum sr_code sr_merkle_consistency(const struct sr_merkle_tree *tree, uint64_t old, struct sr_merkle_proof *proof,
				   struct sr_error *err)
{
	struct sibling siblings[SR_PROOF_MAX];
	uint64_t from = 0, size = tree->size;
	size_t count = 0;
	proof->count = 0;
	if (old > size)
		return SR_FAIL(err, SR_USAGE, "a tree of %llu entries cannot have begun with %llu",
			       (unsigned long long)size, (unsigned long long)old);
	if (old == 0)
		return SR_OK;
	while (old - from != size) {
		uint64_t split = split_of(size);
		if (old - from <= split) {
			siblings[count++] = (struct sibling){from + split, size - split};
			size = split;
		} else {
			siblings[count++] = (struct sibling){from, split};
			from += split;
			size -= split;
		}
	}
	/* The old root itself is known to whoever asks; a later part of it is not. */
	if (from > 0)
		siblings[count++] = (struct sibling){from, size};
	return hash_siblings(tree, siblings, count, proof, err);
}

bool sr_merkle_included(const struct sr_merkle_proof *proof, const uint8_t leaf[SR_HASH], uint64_t number,
			uint64_t size, const uint8_t root[SR_HASH])
{
	uint8_t hash[SR_HASH];
	if (number >= size || proof->count > SR_PROOF_MAX)
		return false;
	uint64_t first = number, second = size - 1;
	memcpy(hash, leaf, SR_HASH);
	for (size_t at = 0; at < proof->count; at++) {
		if (second == 0)
			return false;
		if ((first & 1) != 0 || first == second) {
			sr_merkle_node(proof->hashes[at], hash, hash);
			while ((first & 1) == 0 && first != 0) {
				first >>= 1;
				second >>= 1;
			}
		} else {
			sr_merkle_node(hash, proof->hashes[at], hash);
		}
		first >>= 1;
		second >>= 1;
	}
	return second == 0 && memcmp(hash, root, SR_HASH) == 0;
}

/* Climb from both trees' last common subtree, `start`, to both roots. */
static bool climb(const struct sr_merkle_proof *proof, size_t at, const uint8_t start[SR_HASH], uint64_t first,
		  uint64_t second, uint8_t old_hash[SR_HASH], uint8_t hash[SR_HASH])
{
	memcpy(old_hash, start, SR_HASH);
	memcpy(hash, start, SR_HASH);
	for (; at < proof->count; at++) {
		if (second == 0)
			return false;
		if ((first & 1) != 0 || first == second) {
			sr_merkle_node(proof->hashes[at], old_hash, old_hash);
			sr_merkle_node(proof->hashes[at], hash, hash);
			while ((first & 1) == 0 && first != 0) {
				first >>= 1;
				second >>= 1;
			}
		} else {
			sr_merkle_node(hash, proof->hashes[at], hash);
		}
		first >>= 1;
		second >>= 1;
	}
	return second == 0;
}

bool sr_merkle_consistent(const struct sr_merkle_proof *proof, uint64_t old, const uint8_t old_root[SR_HASH],
			  uint64_t size, const uint8_t root[SR_HASH])
{
	uint8_t old_hash[SR_HASH], hash[SR_HASH];
	if (old > size || proof->count > SR_PROOF_MAX)
		return false;
	if (old == 0) {
		sr_merkle_empty(hash);
		return proof->count == 0 && memcmp(hash, old_root, SR_HASH) == 0 &&
		       (size > 0 || memcmp(hash, root, SR_HASH) == 0);
	}
	if (old == size)
		return proof->count == 0 && memcmp(old_root, root, SR_HASH) == 0;
	if (proof->count == 0)
		return false;
	uint64_t first = old - 1, second = size - 1;
	while ((first & 1) != 0) {
		first >>= 1;
		second >>= 1;
	}
	/* Where the old tree is complete its root is the start, and not sent. */
	size_t at = is_complete(old) ? 0 : 1;
	return climb(proof, at, at == 0 ? old_root : proof->hashes[0], first, second, old_hash, hash) &&
	       memcmp(old_hash, old_root, SR_HASH) == 0 && memcmp(hash, root, SR_HASH) == 0;
}

/* How many complete subtrees a tree of `size` leaves has. */
static unsigned subtrees(uint64_t size)
{
	unsigned count = 0;
	for (; size > 0; size &= size - 1)
		count++;
	return count;
}

void sr_merkle_stack_add(struct sr_merkle_stack *stack, const uint8_t leaf[SR_HASH])
{
	unsigned top = subtrees(stack->size);
	memcpy(stack->hashes[top], leaf, SR_HASH);
	for (uint64_t size = stack->size; (size & 1) != 0; size >>= 1, top--)
		sr_merkle_node(stack->hashes[top - 1], stack->hashes[top], stack->hashes[top - 1]);
	stack->size++;
}

void sr_merkle_stack_root(const struct sr_merkle_stack *stack, uint8_t root[SR_HASH])
{
	unsigned count = subtrees(stack->size);
	if (count == 0) {
		sr_merkle_empty(root);
		return;
	}
	memcpy(root, stack->hashes[--count], SR_HASH);
	while (count > 0)
		sr_merkle_node(stack->hashes[--count], root, root);
}
