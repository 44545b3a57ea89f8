/*
 * Comparing in constant time: every size around the blocks that are compared at once, and every bit of each.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "equal.h"

#define SIZE_MAX_TRIED 133

Test(equal, is_so_only_while_no_bit_differs)
{
	uint8_t one[SIZE_MAX_TRIED], other[SIZE_MAX_TRIED];

	randombytes_buf(one, sizeof one);
	memcpy(other, one, sizeof one);
	for (size_t size = 0; size <= sizeof one; size++) {
		cr_assert(sr_equal(one, other, size), "%zu", size);
		for (size_t bit = 0; bit < size * 8; bit++) {
			other[bit / 8] ^= (uint8_t)(1u << bit % 8);
			cr_assert_not(sr_equal(one, other, size), "%zu of %zu", bit, size);
			other[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

Test(equal, looks_at_nothing_behind)
{
	uint8_t one[SIZE_MAX_TRIED] = {0}, other[SIZE_MAX_TRIED] = {0};

	for (size_t size = 0; size < sizeof one; size++) {
		other[size] = 1;
		cr_assert(sr_equal(one, other, size), "%zu", size);
		other[size] = 0;
	}
}

Test(equal, two_differences_do_not_make_one_good)
{
	uint8_t one[64] = {0}, other[64] = {0};

	other[3] = other[40] = 0x80;
	cr_assert_not(sr_equal(one, other, sizeof one));
	cr_assert_not(sr_equal(one, other, 41));
	cr_assert_not(sr_equal(one, other, 4));
}
