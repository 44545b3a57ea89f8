/*
 * What init has made so far, so that it can say so, or take it back.
 */
#ifndef SR_MADE_H
#define SR_MADE_H

#include <stddef.h>

#include "error.h"

#define SR_MADE_MAX 16

/* Zeroed is empty. */
struct sr_made {
	struct {
		char *path;
		const char *what;
	} things[SR_MADE_MAX];
	size_t count;
};

/*
 * Note that `path` (in, copied) is about to be made; `what` (static) is what it is, for sr_made_print, or NULL to say
 * nothing. SR_CONFLICT if something is there; SR_IO if that cannot be seen; SR_INTERNAL when memory is used up. It is
 * then not noted.
 */
enum sr_code sr_made_note(struct sr_made *made, const char *path, const char *what, struct sr_error *err) SR_MUST_USE;

/* Print "made PATH: WHAT" for each thing on standard output. */
void sr_made_print(const struct sr_made *made);

/* Remove everything noted, the last first, with all that is in it. What is not there is passed over. */
void sr_made_remove(const struct sr_made *made);

void sr_made_free(struct sr_made *made);

#endif
