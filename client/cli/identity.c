/* The identity under a tag, opened with the auditor's private key. */
#include "cli/identity.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/proof.h"
#include "cli/show.h"
#include "message_patient.h"

#define KEY_FILE_MAX 1024
#define KEY_FRONT "sealreel-auditor-key 1\nsecret "

/* Both halves of the auditor's pair, and what was heard. */
struct cli_auditor {
	uint8_t secret[32], public_key[32];
	uint8_t box[SR_PERSON_BOX_MAX];
	size_t box_size;
	struct cli_answer answer;
};

static void on_told(void *context, const struct sr_result *result, const uint8_t *box, size_t size)
{
	struct cli_auditor *auditor = context;
	auditor->box_size = 0;
	if (size <= sizeof auditor->box && size > 0) {
		memcpy(auditor->box, box, size);
		auditor->box_size = size;
	}
	cli_hear(&auditor->answer, result);
}

/* The private half from its file; the public one follows from it. */
static bool read_key(const char *path, struct cli_auditor *auditor)
{
	size_t size = 0, got = 0;
	size_t front = sizeof KEY_FRONT - 1;
	char *text = cli_read_file(path, KEY_FILE_MAX, &size);
	bool well = text && size > front + 64 && memcmp(text, KEY_FRONT, front) == 0 && text[front + 64] == '\n' &&
		    sodium_hex2bin(auditor->secret, sizeof auditor->secret, text + front, 64, NULL, &got, NULL) == 0 &&
		    got == sizeof auditor->secret && crypto_scalarmult_base(auditor->public_key, auditor->secret) == 0;
	if (text)
		sodium_memzero(text, size);
	free(text);
	return well;
}

int cli_auditor_read(const char *path, struct cli_auditor **out)
{
	struct cli_auditor *auditor = sodium_malloc(sizeof *auditor);
	*out = NULL;
	if (!auditor)
		return cli_fail_memory();
	memset(auditor, 0, sizeof *auditor);
	if (!read_key(path, auditor)) {
		sodium_free(auditor);
		return cli_fail_text(SR_USAGE, "--auditor-key is no auditor's private key that can be read");
	}
	*out = auditor;
	return CLI_DONE;
}

void cli_auditor_free(struct cli_auditor *auditor)
{
	sodium_free(auditor);
}

enum sr_code cli_auditor_open(struct cli_auditor *auditor, sr_blocking *blocking, const uint8_t tag[32],
			      char identity[CLI_IDENTITY_MAX + 1], struct sr_result *result)
{
	bool well = cli_await(&auditor->answer, blocking,
			      sr_person_read(sr_blocking_client(blocking), tag, on_told, auditor, NULL));
	*result = auditor->answer.result;
	if (!well)
		return result->code;
	size_t size = auditor->box_size - crypto_box_SEALBYTES;
	if (auditor->box_size < crypto_box_SEALBYTES || size > CLI_IDENTITY_MAX ||
	    crypto_box_seal_open((uint8_t *)identity, auditor->box, auditor->box_size, auditor->public_key,
				 auditor->secret) != 0) {
		result->code = SR_UNAUTHENTICATED;
		(void)snprintf(result->text, sizeof result->text, "the key is not this store's auditor's");
		return result->code;
	}
	identity[size] = '\0';
	return SR_OK;
}

bool cli_auditor_unseal(const struct cli_auditor *auditor, const uint8_t *box, size_t size, uint8_t *out)
{
	return size >= crypto_box_SEALBYTES &&
	       crypto_box_seal_open(out, box, size, auditor->public_key, auditor->secret) == 0;
}

static void print_identity(const struct cli *cli, const struct cli_unsealing *unsealing, const char *identity)
{
	char tag[65];
	(void)sodium_bin2hex(tag, sizeof tag, unsealing->tag, sizeof unsealing->tag);
	if (cli->json) {
		(void)show_json(json_pack("{s:s, s:s}", "tag", tag, "identity", identity));
	} else {
		puts(identity);
	}
}

int cli_unseal_identity(const struct cli *cli, sr_blocking *blocking, const struct cli_unsealing *unsealing)
{
	char identity[CLI_IDENTITY_MAX + 1];
	struct cli_auditor *auditor;
	struct sr_result result;
	int status = cli_auditor_read(unsealing->key_path, &auditor);
	if (status != CLI_DONE)
		return status;
	if (cli_auditor_open(auditor, blocking, unsealing->tag, identity, &result) == SR_OK)
		print_identity(cli, unsealing, identity);
	else
		status = cli_fail(&result);
	sodium_memzero(identity, sizeof identity);
	cli_auditor_free(auditor);
	return status;
}
