/*
 * The identity under a tag, which only the auditor's private key opens. That key never leaves this program.
 */
#ifndef SR_CLI_IDENTITY_H
#define SR_CLI_IDENTITY_H

#include "cli/cli.h"
#include "cli/proof.h"

/* The auditor's private key, in guarded memory. */
struct cli_auditor;

/* Read it as `init` writes auditor.key. The exit status, with a failure's line printed; *out (out) is NULL then. */
int cli_auditor_read(const char *path, struct cli_auditor **out);
void cli_auditor_free(struct cli_auditor *auditor);

/*
 * Fetch the box under the tag and open it into `identity` (out, terminated; the caller wipes it). SR_NOT_FOUND: nobody
 * is known under the tag; SR_UNAUTHENTICATED: it is not this key's; others as the store answers. *result (out) tells.
 */
enum sr_code cli_auditor_open(struct cli_auditor *auditor, sr_blocking *blocking, const uint8_t tag[32],
			      char identity[CLI_IDENTITY_MAX + 1], struct sr_result *result) SR_MUST_USE;

/*
 * Open a box of `size` bytes that was sealed to the auditor: `out` takes so many less crypto_box_SEALBYTES. False: it
 * does not open.
 */
bool cli_auditor_unseal(const struct cli_auditor *auditor, const uint8_t *box, size_t size, uint8_t *out) SR_MUST_USE;

struct cli_unsealing {
	uint8_t tag[32];
	const char *key_path; /* as `init` writes auditor.key */
};

/* Fetch the box under the tag, open it, print the identity. The exit status, with its line printed. */
int cli_unseal_identity(const struct cli *cli, sr_blocking *blocking, const struct cli_unsealing *unsealing);

#endif
