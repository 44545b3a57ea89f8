/* The answer to one request, waited for. */
#include "cli/answer.h"

#include <stdio.h>

void cli_hear(struct cli_answer *answer, const struct sr_result *result)
{
	answer->result = *result;
	answer->heard = true;
}

void cli_hear_done(void *context, const struct sr_result *result)
{
	cli_hear(context, result);
}

/* Nothing was started: the library has said no more than the code. */
static void not_started(struct cli_answer *answer, enum sr_code code)
{
	const char *text = code == SR_USAGE      ? "the request makes no sense"
			   : code == SR_INTERNAL ? "memory is used up"
						 : "the request could not be sent";
	answer->result = (struct sr_result){.code = code};
	(void)snprintf(answer->result.text, sizeof answer->result.text, "%s", text);
}

bool cli_await(struct cli_answer *answer, sr_blocking *blocking, enum sr_code code)
{
	if (code != SR_OK)
		not_started(answer, code);
	while (code == SR_OK && !answer->heard)
		(void)uv_run(sr_blocking_loop(blocking), UV_RUN_ONCE);
	answer->heard = false;
	return answer->result.code == SR_OK;
}

int cli_await_status(struct cli_answer *answer, sr_blocking *blocking, enum sr_code code)
{
	(void)cli_await(answer, blocking, code);
	return cli_fail(&answer->result);
}
