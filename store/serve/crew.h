/*
 * Threads that help a job along whose work falls into parts: it goes as fast as there are processors free, and never
 * waits for one that is not.
 */
#ifndef SR_CREW_H
#define SR_CREW_H

#include <stdbool.h>

#include "error.h"

#define SR_CREW_LANES_MAX 4 /* that one job can have, its own thread's among them */

struct sr_crew;

/*
 * Start `helpers` threads (0 to SR_CREW_LANES_MAX - 1; more are not started). NULL when memory or threads are used up.
 */
struct sr_crew *sr_crew_new(unsigned helpers) SR_MUST_USE;

/* Stop and release, when no job is under way. NULL is allowed. */
void sr_crew_free(struct sr_crew *crew);

/*
 * A lane of a job: takes parts, by an atomic count of the job's own, until none is left. `lane` is below
 * SR_CREW_LANES_MAX, and no two lanes of a job have the same.
 */
typedef void sr_crew_lane(void *context, unsigned lane);

/*
 * Run lane 0 on the calling thread, and further ones on helpers as far as they come to it before lane 0 returns, but no
 * more lanes of all jobs together than there are helpers and one. Returns once all have: what they wrote is the
 * caller's to read. With `alone`, or no `crew`, lane 0 does it all. Any thread but a helper; never fails.
 */
void sr_crew_run(struct sr_crew *crew, bool alone, sr_crew_lane *run, void *context);

#endif
