/*
 * The Merkle tree against a naive one, for every small size: roots, every inclusion, every consistency, and that no
 * proof proves anything else.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "account/tile.h"

#define MOST 300

static uint8_t leaves[MOST][SR_HASH];
static uint8_t roots[MOST + 1][SR_HASH];

/* RFC 6962, 2.1, word for word. */
static void naive_root(size_t from, size_t size, uint8_t out[SR_HASH])
{
	uint8_t left[SR_HASH], right[SR_HASH], both[1 + 2 * SR_HASH] = {1};
	size_t split = 1;
	if (size == 1) {
		memcpy(out, leaves[from], SR_HASH);
		return;
	}
	while (2 * split < size)
		split *= 2;
	naive_root(from, split, left);
	naive_root(from + split, size - split, right);
	memcpy(both + 1, left, SR_HASH);
	memcpy(both + 1 + SR_HASH, right, SR_HASH);
	crypto_hash_sha256(out, both, sizeof both);
}

/* The same for proofs: PATH of 2.1.1 and SUBPROOF of 2.1.2. */
static void naive_path(size_t number, size_t from, size_t size, struct sr_merkle_proof *proof)
{
	size_t split = 1;
	if (size == 1)
		return;
	while (2 * split < size)
		split *= 2;
	if (number < split) {
		naive_path(number, from, split, proof);
		naive_root(from + split, size - split, proof->hashes[proof->count++]);
	} else {
		naive_path(number - split, from + split, size - split, proof);
		naive_root(from, split, proof->hashes[proof->count++]);
	}
}

static void naive_subproof(size_t old, size_t from, size_t size, bool known, struct sr_merkle_proof *proof)
{
	size_t split = 1;
	if (old == size) {
		if (!known)
			naive_root(from, size, proof->hashes[proof->count++]);
		return;
	}
	while (2 * split < size)
		split *= 2;
	if (old <= split) {
		naive_subproof(old, from, split, known, proof);
		naive_root(from + split, size - split, proof->hashes[proof->count++]);
	} else {
		naive_subproof(old - split, from + split, size - split, false, proof);
		naive_root(from, split, proof->hashes[proof->count++]);
	}
}

static enum sr_code from_leaves(void *context, unsigned height, uint64_t index, uint8_t out[SR_HASH],
				struct sr_error *err)
{
	(void)err;
	size_t from = (size_t)index << height, size = (size_t)1 << height;
	cr_assert_leq(from + size, *(const uint64_t *)context, "asked for a subtree that is not there");
	naive_root(from, size, out);
	return SR_OK;
}

static void setup(void)
{
	cr_assert_geq(sodium_init(), 0);
	for (size_t at = 0; at < MOST; at++) {
		uint8_t entry[2] = {(uint8_t)at, (uint8_t)(at >> 8)};
		sr_merkle_leaf(entry, sizeof entry, leaves[at]);
	}
	sr_merkle_empty(roots[0]);
	for (size_t size = 1; size <= MOST; size++)
		naive_root(0, size, roots[size]);
}

TestSuite(merkle, .init = setup);

/* SHA-256 of nothing, and of 00 and nothing: the roots that RFC 6962's own tests begin with. */
Test(merkle, the_empty_tree_and_the_empty_leaf_are_known)
{
	static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const char leaf[] = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
	uint8_t hash[SR_HASH];
	char hex[65];
	sr_merkle_empty(hash);
	cr_expect_str_eq(sodium_bin2hex(hex, sizeof hex, hash, sizeof hash), empty);
	sr_merkle_leaf(NULL, 0, hash);
	cr_expect_str_eq(sodium_bin2hex(hex, sizeof hex, hash, sizeof hash), leaf);
}

/* The eight leaves, and the roots over the first of them, that implementations of RFC 6962 are tested with. */
Test(merkle, published_roots_come_out)
{
	static const char *const data[] = {
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
	static const char *const published[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
						"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
						"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
						"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
						"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
						"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
						"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
						"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
	struct sr_tile_builder *builder = calloc(1, sizeof *builder);
	uint8_t bytes[16], leaf[SR_HASH], root[SR_HASH];
	char hex[65];
	for (size_t at = 0; at < 8; at++) {
		size_t size = 0;
		cr_assert_eq(sodium_hex2bin(bytes, sizeof bytes, data[at], strlen(data[at]), NULL, &size, NULL), 0);
		sr_merkle_leaf(bytes, size, leaf);
		cr_assert_eq(sr_tile_add(builder, leaf, NULL, NULL, NULL), SR_OK);
		sr_tile_builder_root(builder, root);
		cr_expect_str_eq(sodium_bin2hex(hex, sizeof hex, root, sizeof root), published[at]);
	}
	free(builder);
}

Test(merkle, every_root_is_right)
{
	struct sr_tile_builder *builder = calloc(1, sizeof *builder);
	uint8_t root[SR_HASH];
	for (uint64_t size = 0; size <= MOST; size++) {
		struct sr_merkle_tree tree = {from_leaves, &size, size};
		cr_assert_eq(sr_merkle_root(&tree, root, NULL), SR_OK);
		cr_expect_arr_eq(root, roots[size], SR_HASH, "size %zu", (size_t)size);
		sr_tile_builder_root(builder, root);
		cr_expect_arr_eq(root, roots[size], SR_HASH, "builder of size %zu", (size_t)size);
		if (size < MOST)
			cr_assert_eq(sr_tile_add(builder, leaves[size], NULL, NULL, NULL), SR_OK);
	}
	free(builder);
}

Test(merkle, a_tree_that_grows_has_every_root)
{
	struct sr_merkle_stack stack = {.size = 0};
	uint8_t root[SR_HASH];
	for (size_t size = 0; size <= MOST; size++) {
		sr_merkle_stack_root(&stack, root);
		cr_expect_arr_eq(root, roots[size], SR_HASH, "%zu leaves", size);
		if (size < MOST)
			sr_merkle_stack_add(&stack, leaves[size]);
	}
}

static void expect_same(const struct sr_merkle_proof *one, const struct sr_merkle_proof *other)
{
	cr_assert_eq(one->count, other->count);
	if (one->count > 0)
		cr_assert_arr_eq(one->hashes, other->hashes, one->count * SR_HASH);
}

/* All pairs up to a size beyond the first full tile would take minutes: all up to 80, then some around 256. */
static bool is_tried(size_t size)
{
	return size <= 80 || (size >= 254 && size <= 258) || size == MOST;
}

Test(merkle, every_inclusion_is_proved_and_no_other)
{
	for (uint64_t size = 1; size <= MOST; size++) {
		struct sr_merkle_tree tree = {from_leaves, &size, size};
		struct sr_merkle_proof proof, naive;
		for (uint64_t number = 0; number < size && is_tried(size); number++) {
			cr_assert_eq(sr_merkle_inclusion(&tree, number, &proof, NULL), SR_OK);
			naive.count = 0;
			naive_path(number, 0, size, &naive);
			expect_same(&proof, &naive);
			cr_assert(sr_merkle_included(&proof, leaves[number], number, size, roots[size]));
			cr_assert_not(sr_merkle_included(&proof, leaves[number], number, size, roots[size - 1]));
			for (uint64_t other = 0; other < size; other++)
				if (other != number)
					cr_assert_not(
						sr_merkle_included(&proof, leaves[number], other, size, roots[size]));
			proof.count++;
			cr_assert_not(sr_merkle_included(&proof, leaves[number], number, size, roots[size]));
			proof.count -= proof.count > 1 ? 2 : 1;
			if (size > 1)
				cr_assert_not(sr_merkle_included(&proof, leaves[number], number, size, roots[size]));
		}
		cr_assert_eq(sr_merkle_inclusion(&tree, size, &proof, NULL), SR_USAGE);
	}
}

Test(merkle, every_consistency_is_proved_and_no_other)
{
	for (uint64_t size = 0; size <= MOST; size++) {
		struct sr_merkle_tree tree = {from_leaves, &size, size};
		struct sr_merkle_proof proof, naive;
		for (uint64_t old = 0; old <= size && is_tried(size); old++) {
			cr_assert_eq(sr_merkle_consistency(&tree, old, &proof, NULL), SR_OK);
			naive.count = 0;
			if (old > 0)
				naive_subproof(old, 0, size, true, &naive);
			expect_same(&proof, &naive);
			cr_assert(sr_merkle_consistent(&proof, old, roots[old], size, roots[size]));
			if (old == 0)
				continue;
			cr_assert_not(sr_merkle_consistent(&proof, old, roots[old - 1], size, roots[size]));
			cr_assert_not(sr_merkle_consistent(&proof, old, roots[old], size, roots[size - 1]));
			for (size_t at = 0; at < proof.count; at++) {
				proof.hashes[at][at % SR_HASH] ^= 1;
				cr_assert_not(sr_merkle_consistent(&proof, old, roots[old], size, roots[size]));
				proof.hashes[at][at % SR_HASH] ^= 1;
			}
		}
		cr_assert_eq(sr_merkle_consistency(&tree, size + 1, &proof, NULL), SR_USAGE);
	}
}

Test(merkle, tiles_have_the_names_of_the_specification)
{
	char path[SR_TILE_PATH_MAX];
	sr_tile_path(path, 0, 1234067, 256);
	cr_expect_str_eq(path, "tile/0/x001/x234/067");
	sr_tile_path(path, 1, 0, 17);
	cr_expect_str_eq(path, "tile/1/000.p/17");
	sr_tile_path(path, SR_TILE_ENTRIES, 1000, 255);
	cr_expect_str_eq(path, "tile/entries/x001/000.p/255");
	sr_tile_path(path, 7, UINT64_MAX >> 8, 1);
	cr_expect_str_eq(path, "tile/7/x072/x057/x594/x037/x927/935.p/1");
	/* The specification's own examples. */
	cr_expect_eq(sr_tile_width(70000, 0, 272), 256);
	cr_expect_eq(sr_tile_width(70000, 0, 273), 112);
	cr_expect_eq(sr_tile_width(70000, 0, 274), 0);
	cr_expect_eq(sr_tile_width(70000, 1, 0), 256);
	cr_expect_eq(sr_tile_width(70000, 1, 1), 17);
	cr_expect_eq(sr_tile_width(70000, 2, 0), 1);
	cr_expect_eq(sr_tile_width(256, 1, 0), 1);
	cr_expect_eq(sr_tile_width(256, 0, 1), 0);
}
