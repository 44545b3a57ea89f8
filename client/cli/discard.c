/* `sealreel scrub --discard`: end a recording whose row is beyond repair. */
#include "cli/discard.h"
#include "cli/answer.h"

int cli_discard(struct cli *cli, const uint8_t recording[SR_ID], const char *reason)
{
	struct cli_answer answer = {.heard = false};
	int status = CLI_DONE;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	status = cli_await_status(
		&answer, blocking,
		sr_scrub_discard(sr_blocking_client(blocking), recording, reason, cli_hear_done, &answer, NULL));
	sr_blocking_close(blocking);
	return status;
}
