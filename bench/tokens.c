/*
 * Grants from a file, a token on each line, which may be replaced by newer ones of the same patients during a run.
 */
#include "tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common.h"

static struct timespec written(const char *path)
{
	struct stat file;
	if (stat(path, &file) != 0)
		bench_die("%s cannot be looked at", path);
	return file.st_mtim;
}

void bench_tokens_read(struct bench_tokens *tokens, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	*tokens = (struct bench_tokens){.path = path, .written = written(path)};
	FILE *file = fopen(path, "re");
	if (!file)
		bench_die("%s cannot be read", path);
	while (getline(&line, &room, file) > 0) {
		char **text = realloc(tokens->text, (tokens->count + 1) * sizeof *text);
		line[strcspn(line, "\n")] = '\0';
		if (!text || !(text[tokens->count++] = strdup(line)))
			bench_die("memory is used up");
		tokens->text = text;
	}
	free(line);
	(void)fclose(file);
	if (tokens->count == 0)
		bench_die("%s holds no token", path);
}

static void renew(struct bench_tokens *tokens)
{
	struct timespec now = written(tokens->path);
	size_t before = tokens->count;
	if (now.tv_sec == tokens->written.tv_sec && now.tv_nsec == tokens->written.tv_nsec)
		return;
	bench_tokens_free(tokens);
	bench_tokens_read(tokens, tokens->path);
	if (tokens->count < before)
		bench_die("%s holds fewer tokens than before", tokens->path);
}

ssize_t bench_tokens_give(struct bench_tokens *tokens, size_t at, char *token, size_t capacity)
{
	renew(tokens);
	size_t size = strlen(tokens->text[at]);
	if (size > capacity)
		return -1;
	memcpy(token, tokens->text[at], size);
	return (ssize_t)size;
}

void bench_tokens_free(struct bench_tokens *tokens)
{
	for (size_t at = 0; at < tokens->count; at++)
		free(tokens->text[at]);
	free(tokens->text);
	tokens->text = NULL;
	tokens->count = 0;
}
