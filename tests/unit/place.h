/*
 * A directory of a test's own, removed with all that is in it; and files in it.
 */
#ifndef SR_TEST_PLACE_H
#define SR_TEST_PLACE_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory, absolute. */
static char place[64];

static inline void place_make(void)
{
	snprintf(place, sizeof place, "/tmp/sealreel-test-XXXXXX");
	cr_assert_not_null(mkdtemp(place));
}

static inline int place_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void place_remove(void)
{
	cr_expect_eq(nftw(place, place_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path of `name` in the directory. Each call gives another of a few buffers. */
static inline const char *at_place(const char *name)
{
	static char paths[8][256];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", place, name);
	return path;
}

static inline void put_file(const char *name, const char *text, size_t size, mode_t mode)
{
	const char *path = at_place(name);
	FILE *file = fopen(path, "w");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(text, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

/* The whole of a small file, terminated; its size in *size unless NULL. */
static inline char *get_file(const char *name, size_t *size)
{
	static char text[65536];
	FILE *file = fopen(at_place(name), "r");
	cr_assert_not_null(file, "%s is missing", name);
	size_t got = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[got] = '\0';
	if (size)
		*size = got;
	return text;
}

static inline mode_t mode_of(const char *name)
{
	struct stat st;
	return lstat(at_place(name), &st) == 0 ? st.st_mode & 07777 : (mode_t)-1;
}

#endif
