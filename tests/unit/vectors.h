/*
 * Published vectors for tests: finding their file, and taking bytes out of it.
 */
#ifndef SR_TEST_VECTORS_H
#define SR_TEST_VECTORS_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bytes {
	uint8_t *data;
	size_t size;
};

/* Bytes on the heap, exactly as long as they are, so that a sanitizer sees the first byte read or written beyond. */
static inline struct bytes bytes_of(const char *hex)
{
	struct bytes bytes = {.size = strlen(hex) / 2};
	size_t size;

	bytes.data = malloc(bytes.size == 0 ? 1 : bytes.size);
	cr_assert_not_null(bytes.data);
	cr_assert_eq(sodium_hex2bin(bytes.data, bytes.size, hex, strlen(hex), NULL, &size, NULL), 0);
	cr_assert_eq(size, bytes.size, "not hex: %s", hex);
	return bytes;
}

static inline struct bytes bytes_in(const json_t *vector, const char *field)
{
	const char *hex = json_string_value(json_object_get(vector, field));

	cr_assert_not_null(hex, "vector without %s", field);
	return bytes_of(hex);
}

static inline json_int_t number_in(const json_t *vector, const char *field)
{
	const json_t *number = json_object_get(vector, field);

	cr_assert(json_is_integer(number), "vector without %s", field);
	return json_integer_value(number);
}

/* The file `name` of the shared vectors; skips the test, visibly, where they are not at hand. Released by json_decref.
 */
static inline json_t *vectors_load(const char *name)
{
	const char *shared = getenv("SEALREEL_SHARED");
	char path[4096];
	json_t *root;

	snprintf(path, sizeof path, "%s/vectors/%s", shared != NULL ? shared : SR_SHARED_DIR, name);
	if (access(path, R_OK) != 0)
		cr_skip_test("no %s: set SEALREEL_SHARED", path);
	root = json_load_file(path, 0, NULL);
	cr_assert_not_null(root, "%s does not parse", path);
	cr_assert_gt(json_array_size(json_object_get(root, "vectors")), 0);
	return root;
}

#endif
