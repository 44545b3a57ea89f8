/*
 * Grants from a file, a token on each line, which may be replaced by newer ones of the same patients during a run.
 */
#ifndef SR_BENCH_TOKENS_H
#define SR_BENCH_TOKENS_H

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct bench_tokens {
	const char *path;
	struct timespec written; /* the file that was read last */
	size_t count;
	char **text;
};

/* Read all tokens of the file at `path`, borrowed; dies if there is none. Released with bench_tokens_free. */
void bench_tokens_read(struct bench_tokens *tokens, const char *path);

/* What a grant callback does: write token `at` into `token`, as sr_grant_callback says. The file is read again first
 * if it was replaced; dies if the new one has fewer tokens. */
ssize_t bench_tokens_give(struct bench_tokens *tokens, size_t at, char *token, size_t capacity);

void bench_tokens_free(struct bench_tokens *tokens);

#endif
