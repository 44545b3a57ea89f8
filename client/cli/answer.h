/* The answer to one request: what its callback hears, and the loop turned until it has. */
#ifndef SR_CLI_ANSWER_H
#define SR_CLI_ANSWER_H

#include "cli/cli.h"

/* Zeroed at first; serves one request after another. */
struct cli_answer {
	struct sr_result result; /* of the last request that was waited for */
	bool heard;
};

/* In the callback of a request: it is answered. */
void cli_hear(struct cli_answer *answer, const struct sr_result *result);

/* A callback for requests whose answer says no more; its context is the struct cli_answer. */
void cli_hear_done(void *context, const struct sr_result *result);

/*
 * Wait for the answer to the request that was started on `blocking` with `code`; false if it is a failure, which
 * answer->result then says. A `code` other than SR_OK says that none was started, and is that failure.
 */
bool cli_await(struct cli_answer *answer, sr_blocking *blocking, enum sr_code code);

/* The same; gives the exit status, with a failure's line printed. */
int cli_await_status(struct cli_answer *answer, sr_blocking *blocking, enum sr_code code);

#endif
