/*
 * What init has made so far, so that it can say so, or take it back.
 */
#include "made.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WALK_FILES 16

enum sr_code sr_made_note(struct sr_made *made, const char *path, const char *what, struct sr_error *err)
{
	struct stat st;
	char *copy;
	if (lstat(path, &st) == 0)
		return SR_FAIL(err, SR_CONFLICT, "%s exists already", path);
	if (errno != ENOENT)
		return SR_FAIL(err, SR_IO, "cannot make %s: %s", path, strerror(errno));
	copy = made->count < SR_MADE_MAX ? strdup(path) : NULL;
	if (!copy)
		return SR_FAIL_MEMORY(err);
	made->things[made->count].path = copy;
	made->things[made->count].what = what;
	made->count++;
	return SR_OK;
}

void sr_made_print(const struct sr_made *made)
{
	for (size_t at = 0; at < made->count; at++)
		if (made->things[at].what)
			printf("made %s: %s\n", made->things[at].path, made->things[at].what);
}

/* Goes on after a failure: what else can be removed is. */
static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	(void)!remove(path);
	return 0;
}

void sr_made_remove(const struct sr_made *made)
{
	for (size_t at = made->count; at-- > 0;)
		nftw(made->things[at].path, remove_one, WALK_FILES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void sr_made_free(struct sr_made *made)
{
	for (size_t at = 0; at < made->count; at++)
		free(made->things[at].path);
	memset(made, 0, sizeof *made);
}
