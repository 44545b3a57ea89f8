/*
 * Grants for identities that a command names: one for each, from a command, an issuer's key at hand, or given.
 */
#ifndef SR_PROOF_H
#define SR_PROOF_H

#include "cli/cli.h"
#include "error.h"

#define CLI_IDENTITY_MAX 255

/* Where they come from. One of `issuer_key`, the client's `grant_command`, or given tokens. */
struct cli_proofs {
	struct cli *cli;
	const char *issuer_key; /* path of a private key for development, or NULL */
	const char *given[2];   /* TOKEN or @FILE for the first and the second identity, or NULL */
};

/* Exactly the bytes of an identity: 1 to CLI_IDENTITY_MAX of UTF-8 without control characters. */
bool cli_identity_valid(const char *text, size_t size) SR_MUST_USE;

/*
 * A grant with scope `manage` for `identity` (terminated); `which` is its place among the given ones, 0 or 1. *token
 * (out) is terminated and released with cli_proof_free; NULL on failure. SR_USAGE: no grant is given, or a given one is
 * for somebody else; SR_UNAUTHENTICATED: the command gave none; SR_IO; the text is in *err. The command finds the
 * identity in the environment as SEALREEL_PATIENT.
 */
enum sr_code cli_proof(const struct cli_proofs *proofs, const char *identity, int which, char **token,
		       struct sr_error *err) SR_MUST_USE;
void cli_proof_free(char *token);

#endif
