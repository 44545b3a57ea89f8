/*
 * bench-grants: how many grants one core checks in a second, with the daemon's own code and a store's own issuers: the
 * text taken apart, the signature verified, each claim and limit held against it. Nothing is remembered from one to the
 * next, in the daemon as here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "access/grant.h"
#include "config.h"

static void die(const char *what)
{
	fprintf(stderr, "bench-grants: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec time;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(const struct sr_grant_policy *policy, const char *token)
{
	struct sr_error err = {.text = ""};
	struct sr_grant *grant = NULL;
	if (sr_grant_verify(policy, token, strlen(token), &grant, &err) != SR_OK)
		die(err.text);
	sr_grant_free(grant);
}

/* A check that refuses nothing would be fast: the signature with its first character changed must be refused. */
static void check_refusal(const struct sr_grant_policy *policy, char *token)
{
	struct sr_error err = {.text = ""};
	struct sr_grant *grant = NULL;
	char *signature = strrchr(token, '.') + 1;
	*signature = *signature == 'A' ? 'B' : 'A';
	if (sr_grant_verify(policy, token, strlen(token), &grant, &err) == SR_OK)
		die("a grant with a wrong signature was taken");
}

int main(int argc, char **argv)
{
	struct sr_error err = {.text = ""};
	struct sr_config *config = NULL;
	char *token = getenv("SEALREEL_GRANT");
	unsigned long count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	if (count == 0 || !token || !strchr(token, '.'))
		die("usage: bench-grants STORE AUDIENCE COUNT, with a grant in SEALREEL_GRANT");
	if (sodium_init() < 0 || sr_config_load(argv[1], &config, &err) != SR_OK)
		die(err.text);
	const struct sr_grant_policy policy = {.issuers = config->issuers,
					       .issuer_count = config->issuer_count,
					       .audience = argv[2],
					       .now = time(NULL),
					       .skew = config->skew_s};
	check(&policy, token);
	double began = now();
	for (unsigned long at = 0; at < count; at++)
		check(&policy, token);
	double took = now() - began;
	check_refusal(&policy, token);
	printf("grants=%lu seconds=%.6f per_second=%.0f\n", count, took, (double)count / took);
	sr_config_free(config);
	return 0;
}
