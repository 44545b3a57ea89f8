/* What the files of `sealreel rotate` share: what was asked for, what was heard, what came of it. */
#ifndef SR_CLI_ROTATING_H
#define SR_CLI_ROTATING_H

#include "cli/answer.h"
#include "cli/deep.h"

#define ROTATE_EPOCHS_MAX 512

struct rotate {
	struct cli *cli;
	bool dry_run;
	uint64_t rate; /* rows a second; 0: all it can */
	struct cli_deep deep;
	int64_t older_than; /* seconds; 0: however old */
	uint32_t back;      /* 0: to the current epoch */
	/* What was heard. */
	struct cli_answer answer;
	struct sr_rotated_info stepped;
	uint32_t current;
	struct sr_epoch_info epochs[ROTATE_EPOCHS_MAX];
	size_t count;
	uint64_t damaged;
	uint8_t place[SR_ROTATE_PLACE];
	size_t place_size;
	/* What is to be moved, and was. */
	uint32_t first, last;
	uint64_t moved, passed, left;
	uint8_t left_first[SR_ID];
	double began, drawn; /* of cli_now */
};

/* The next part of the census, added to rotate->epochs. False, with rotate->answer.result set, if it failed. */
bool rotate_census(struct rotate *rotate, sr_blocking *blocking);

/* Which epochs are to be moved, of those that the census named: -1, or the status to exit with when there is none. */
int rotate_choose(struct rotate *rotate);

/* The rest of the census, printed with an estimate; and what a rotation has done. */
int rotate_dry_run(struct rotate *rotate, sr_blocking *blocking);
void rotate_tell(const struct rotate *rotate, bool complete);

#endif
