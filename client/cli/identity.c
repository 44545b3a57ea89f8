/* The identity under a tag, opened with the auditor's private key. */
#include "cli/identity.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/proof.h"
#include "message_patient.h"

#define KEY_FILE_MAX 1024
#define KEY_FRONT "sealreel-auditor-key 1\nsecret "

/* Both halves of the auditor's pair, and what was heard. */
struct opening {
	uint8_t secret[32], public_key[32];
	uint8_t box[SR_PERSON_BOX_MAX];
	size_t box_size;
	struct sr_result result;
	bool done;
};

static void on_told(void *context, const struct sr_result *result, const uint8_t *box, size_t size)
{
	struct opening *opening = context;
	opening->result = *result;
	if (size <= sizeof opening->box && size > 0) {
		memcpy(opening->box, box, size);
		opening->box_size = size;
	}
	opening->done = true;
}

/* The private half from its file; the public one follows from it. */
static bool read_key(const char *path, struct opening *opening)
{
	size_t size = 0, got = 0;
	size_t front = sizeof KEY_FRONT - 1;
	char *text = cli_read_file(path, KEY_FILE_MAX, &size);
	bool well = text && size > front + 64 && memcmp(text, KEY_FRONT, front) == 0 && text[front + 64] == '\n' &&
		    sodium_hex2bin(opening->secret, sizeof opening->secret, text + front, 64, NULL, &got, NULL) == 0 &&
		    got == sizeof opening->secret && crypto_scalarmult_base(opening->public_key, opening->secret) == 0;
	if (text)
		sodium_memzero(text, size);
	free(text);
	return well;
}

static void print_identity(const struct cli *cli, const struct cli_unsealing *unsealing, const char *identity)
{
	char tag[65];
	(void)sodium_bin2hex(tag, sizeof tag, unsealing->tag, sizeof unsealing->tag);
	if (cli->json) {
		json_t *object = json_pack("{s:s, s:s}", "tag", tag, "identity", identity);
		(void)json_dumpf(object, stdout, JSON_INDENT(2));
		(void)putchar('\n');
		json_decref(object);
	} else {
		puts(identity);
	}
}

static int open_box(const struct cli *cli, const struct opening *opening, const struct cli_unsealing *unsealing)
{
	char identity[CLI_IDENTITY_MAX + 1];
	size_t size = opening->box_size - crypto_box_SEALBYTES;
	if (crypto_box_seal_open((uint8_t *)identity, opening->box, opening->box_size, opening->public_key,
				 opening->secret) != 0)
		return cli_fail_text(SR_UNAUTHENTICATED, "the key is not this store's auditor's");
	identity[size] = '\0';
	print_identity(cli, unsealing, identity);
	sodium_memzero(identity, sizeof identity);
	return CLI_DONE;
}

int cli_unseal_identity(const struct cli *cli, sr_blocking *blocking, const struct cli_unsealing *unsealing)
{
	struct opening *opening = sodium_malloc(sizeof *opening);
	int status;
	if (!opening)
		return cli_fail_text(SR_INTERNAL, "memory is used up");
	memset(opening, 0, sizeof *opening);
	if (!read_key(unsealing->key_path, opening)) {
		status = cli_fail_text(SR_USAGE, "--auditor-key is no auditor's private key that can be read");
	} else {
		enum sr_code code =
			sr_person_read(sr_blocking_client(blocking), unsealing->tag, on_told, opening, NULL);
		while (code == SR_OK && !opening->done)
			(void)uv_run(sr_blocking_loop(blocking), UV_RUN_ONCE);
		status = code != SR_OK ? cli_fail_text(code, "the request could not be sent")
				       : cli_fail(&opening->result);
		if (status == CLI_DONE)
			status = open_box(cli, opening, unsealing);
	}
	sodium_free(opening);
	return status;
}
