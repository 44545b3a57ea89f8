/*
 * Requests about patients, waited for: a pair of identities until nothing more moves, a whole map, a new key.
 */
#ifndef SR_CLI_MOVING_H
#define SR_CLI_MOVING_H

#include "cli/cli.h"
#include "cli/map.h"
#include "cli/proof.h"

/* One pair; all terminated. */
struct cli_move {
	bool renames;
	const char *from, *to;
	const uint8_t *recording; /* NULL: all */
};

/*
 * Repeat the request, with new grants each time, until nothing more moves. *info (out): how many in all, also when it
 * fails on the way. The code and text of a failure are in *result.
 */
enum sr_code cli_move(sr_blocking *blocking, const struct cli_proofs *proofs, const struct cli_move *move,
		      struct sr_patient_info *info, struct sr_result *result) SR_MUST_USE;

/* Every pair of a map in its order, with what is refused named by its line; prints what came of it. The exit status. */
struct cli_map_run {
	struct cli *cli;
	sr_blocking *blocking;
	const struct cli_proofs *proofs;
	const struct cli_map *map;
	bool renames;
};
int cli_move_map(const struct cli_map_run *run);

/*
 * Rekey the patient of the token `grant`, *info (out) says how many recordings; make a root version, *version (out).
 * The exit status, with a failure's line printed; what is out is zeros then.
 */
int cli_rekey(sr_blocking *blocking, const char *grant, struct sr_patient_info *info);
int cli_root_new(sr_blocking *blocking, uint32_t *version);

#endif
