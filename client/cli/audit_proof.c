/* `sealreel audit checkpoint` and `audit proof`: what an auditor takes away. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/audit_key.h"
#include "cli/parse.h"
#include "cli/show.h"
#include "tlog_proof.h"

enum { KEY_VERIFIER = 1, KEY_SHOW_KEY };

struct order {
	struct cli *cli;
	const char *key_text;
	const char *out;
	bool shows_key;
	bool numbered;
	uint64_t number;
	struct audit_key key;
	/* Of a proof. */
	char *json;
	size_t size;
};

/* ---- checkpoint ---- */

static const struct argp_option checkpoint_options[] = {
	{"verifier-key", KEY_VERIFIER, "KEY|@FILE", 0, AUDIT_KEY_OPTION ". Without it the signature is not checked", 1},
	{"output", 'o', "FILE", 0, "Write it to FILE, in place of what is there", 1},
	{"show-key", KEY_SHOW_KEY, NULL, 0,
	 "Print the verifier key that the store says it signs with, for whoever has none: compare it with another "
	 "way to it",
	 1},
	{0},
};

static error_t parse_checkpoint(int key, char *value, struct argp_state *state)
{
	struct order *order = state->input;
	switch (key) {
	case KEY_VERIFIER:
		order->key_text = value;
		return 0;
	case 'o':
		order->out = value;
		return 0;
	case KEY_SHOW_KEY:
		order->shows_key = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp checkpoint_argp = {
	.options = checkpoint_options,
	.parser = parse_checkpoint,
	.doc = "Have everything that is in the audit log now covered by a checkpoint, and print it: a C2SP signed-note "
	       "(tlog-checkpoint). Keep it where nobody who runs the store can change it.\v"
	       "JSON: \"origin\", \"size\", \"root\" (base 64), \"note\" (the checkpoint's text), \"verifier_key\" (as "
	       "the store says), \"checked\" (true if --verifier-key was given).\n\n"
	       "Exits with 0; 1 if the key has not signed it, or it failed; 5 the store is unavailable.\n\n"
	       "Example:\n\n"
	       "  sealreel --credential auditor.cred audit checkpoint --verifier-key @auditor.vkey -o "
	       "$(date +%F).note\n",
};

static int print_checkpoint(const struct order *order, const struct audit *audit, const struct sr_checkpoint *own)
{
	char verifier[SR_VERIFIER_MAX], root[64];
	sr_checkpoint_verifier(own->origin, audit->key, verifier);
	if (order->cli->json) {
		(void)sodium_bin2base64(root, sizeof root, own->root, SR_HASH, sodium_base64_VARIANT_ORIGINAL);
		(void)show_json(json_pack("{s:s, s:I, s:s, s:s, s:s, s:b}", "origin", own->origin, "size",
					  (json_int_t)own->size, "root", root, "note", audit->note, "verifier_key",
					  verifier, "checked", order->key_text != NULL));
		return cli_flush(CLI_DONE);
	}
	if (order->shows_key)
		puts(verifier);
	else if (!order->out)
		(void)fputs(audit->note, stdout);
	return cli_flush(CLI_DONE);
}

static int take_checkpoint(struct order *order, struct audit *audit)
{
	struct sr_checkpoint own = {.size = 0};
	struct sr_error err = {.text = ""};
	struct sr_span text = {(const uint8_t *)audit->note, 0};
	int status = order->key_text ? audit_key_read(order->key_text, &order->key) : CLI_DONE;
	if (status == CLI_DONE)
		status = audit_open(audit);
	if (status == CLI_DONE)
		status = audit_checkpoint(audit);
	if (status != CLI_DONE)
		return status;
	text.size = strlen(audit->note);
	enum sr_code code = order->key_text ? audit_note_read(audit->note, &order->key, &own, &err)
					    : sr_checkpoint_claims(text, &own, &err);
	if (code != SR_OK)
		return cli_fail_text(code, "%s", err.text);
	if (order->out)
		status = audit_keep(order->out, audit->note);
	return status == CLI_DONE ? print_checkpoint(order, audit, &own) : status;
}

int cli_audit_checkpoint(struct cli *cli, int argc, char **argv)
{
	struct order order = {.cli = cli};
	struct audit audit = {.cli = cli};
	int status = cli_parse_data(cli, &checkpoint_argp, argc, argv, &order);
	if (status >= 0)
		return status;
	if (!order.key_text)
		order.key_text = getenv("SEALREEL_VERIFIER_KEY");
	status = take_checkpoint(&order, &audit);
	audit_close(&audit);
	return status;
}

/* ---- proof ---- */

static const struct argp_option proof_options[] = {
	{"verifier-key", KEY_VERIFIER, "KEY|@FILE", 0, AUDIT_KEY_OPTION, 1},
	{"output", 'o', "FILE", 0, "Write the proof to FILE, in place of what is there", 1},
	{0},
};

static error_t parse_proof(int key, char *value, struct argp_state *state)
{
	struct order *order = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		if (order->numbered || !parse_number(value, UINT64_MAX - 1, &order->number))
			return cli_wrong(order->cli, "proof needs one NUMBER of an entry");
		order->numbered = true;
		return 0;
	case ARGP_KEY_END:
		return order->numbered ? 0 : cli_wrong(order->cli, "proof needs the NUMBER of an entry");
	default:
		return key == KEY_SHOW_KEY ? ARGP_ERR_UNKNOWN : parse_checkpoint(key, value, state);
	}
}

static const struct argp proof_argp = {
	.options = proof_options,
	.parser = parse_proof,
	.args_doc = "NUMBER",
	.doc = "Print the proof that an entry is in the audit log: a C2SP tlog-proof, which anybody can check with the "
	       "verifier key, the entry's JSON and no store. It is checked before it is printed.\v"
	       "JSON: \"number\", \"entry\" (its JSON, as text), \"proof\" (the tlog-proof's text).\n\n"
	       "Exits with 0; 1 if the proof does not hold, or it failed; 2 there is no such entry, or wrong usage; 5 "
	       "the store is unavailable.\n\nExample:\n\n"
	       "  sealreel --credential auditor.cred audit proof 4711 --verifier-key @auditor.vkey -o 4711.proof\n",
};

static bool take_entry(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct order *order = context;
	(void)entry;
	order->json = malloc(json.size + 1);
	if (!order->json)
		return false;
	memcpy(order->json, json.data, json.size);
	order->json[json.size] = '\0';
	order->size = json.size;
	return false;
}

static int print_proof(const struct order *order, const struct audit *audit)
{
	struct sr_merkle_proof proof = {.count = audit->count};
	struct sr_checkpoint covered;
	struct sr_error err = {.text = ""};
	char text[SR_PROOF_TEXT_MAX];
	uint64_t number = 0;
	memcpy(proof.hashes, audit->hashes, sizeof proof.hashes);
	enum sr_code code = sr_tlog_proof_write(order->number, &proof, audit->note, text, &err);
	if (code == SR_OK)
		code = sr_tlog_proof_check((struct sr_span){(const uint8_t *)text, strlen(text)},
					   (struct sr_span){(const uint8_t *)order->json, order->size}, order->key.key,
					   &number, &covered, &err);
	if (code == SR_OK && !sr_checkpoint_origin_fits(covered.origin, order->key.name))
		code = SR_FAIL(&err, SR_CORRUPT, "the checkpoint is of %s, the key of %s", covered.origin,
			       order->key.name);
	if (code != SR_OK)
		return cli_fail_text(code, "%s", err.text);
	if (!order->cli->json)
		return audit_keep(order->out, text);
	(void)show_json(
		json_pack("{s:I, s:s, s:s}", "number", (json_int_t)order->number, "entry", order->json, "proof", text));
	return order->out ? audit_keep(order->out, text) : cli_flush(CLI_DONE);
}

int cli_audit_proof(struct cli *cli, int argc, char **argv)
{
	struct order order = {.cli = cli};
	struct audit audit = {.cli = cli};
	int status = cli_parse_data(cli, &proof_argp, argc, argv, &order);
	if (status >= 0)
		return status;
	status = audit_key_read(order.key_text, &order.key);
	if (status == CLI_DONE)
		status = audit_open(&audit);
	if (status == CLI_DONE)
		status = audit_prove(&audit, order.number);
	if (status == CLI_DONE)
		status = audit_read(&audit, order.number, order.number + 1, take_entry, &order);
	if (status == CLI_DONE && !order.json)
		status = cli_fail_text(SR_CORRUPT, "the store does not give entry %llu",
				       (unsigned long long)order.number);
	if (status == CLI_DONE)
		status = print_proof(&order, &audit);
	free(order.json);
	audit_close(&audit);
	return status;
}
