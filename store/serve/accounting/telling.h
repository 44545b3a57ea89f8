/*
 * Running the alarms' command: a few at once, each with a text on its standard input, none for longer than it may.
 */
#ifndef SR_TELLING_H
#define SR_TELLING_H

#include <stdbool.h>

#include <uv.h>

#include "error.h"

#define SR_TELLERS 4 /* commands at once */

struct sr_tellers;

/* The command for `number` has ended: with 0 if `failed` is NULL, else why not (a text that may be shown). */
typedef void sr_told(void *context, uint64_t number, const char *failed);

/* None running. NULL when memory is used up. */
struct sr_tellers *sr_tellers_new(uv_loop_t *loop, sr_told *told, void *context) SR_MUST_USE;

/* Kill what runs, without a call of `told`; the handles close on the loop. Free once the loop has been left; NULL too.
 */
void sr_tellers_close(struct sr_tellers *tellers);
void sr_tellers_free(struct sr_tellers *tellers);

/* True if another command may run now. */
bool sr_tellers_free_place(const struct sr_tellers *tellers) SR_MUST_USE;

/*
 * Run `command` by the shell, in a process group of its own, without any of our descriptors, with PATH alone in its
 * environment and its output thrown away; `text` (copied) comes on its standard input. Killed, with all its group, at
 * `until` (monotonic ms). `told` is called once, and not from within this. There must be a free place.
 */
struct sr_telling {
	uint64_t number;
	const char *command;
	const char *text;
	size_t size;
	uint64_t until;
};
void sr_tellers_tell(struct sr_tellers *tellers, const struct sr_telling *telling);

/* Time has passed. */
void sr_tellers_tick(struct sr_tellers *tellers, uint64_t now);

#endif
