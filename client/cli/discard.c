/* `sealreel scrub --discard`: end a recording whose row is beyond repair. */
#include <stdio.h>

#include "cli/discard.h"

struct heard {
	struct sr_result result;
	bool done;
};

static void on_done(void *context, const struct sr_result *result)
{
	struct heard *heard = context;
	heard->result = *result;
	heard->done = true;
}

int cli_discard(struct cli *cli, const uint8_t recording[SR_ID], const char *reason)
{
	struct heard heard = {.done = false};
	int status = CLI_DONE;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	enum sr_code code = sr_scrub_discard(sr_blocking_client(blocking), recording, reason, on_done, &heard, NULL);
	while (code == SR_OK && !heard.done)
		(void)uv_run(sr_blocking_loop(blocking), UV_RUN_ONCE);
	status = code == SR_OK ? cli_fail(&heard.result) : cli_fail_text(code, "the request makes no sense");
	sr_blocking_close(blocking);
	return status;
}
