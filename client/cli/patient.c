/* `sealreel patient`: a patient's key and identity: rekey, rename, merge, and the name under a tag. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/identity.h"
#include "cli/map.h"
#include "cli/moving.h"
#include "cli/parse.h"
#include "cli/proof.h"
#include "cli/show.h"

#define MAP_MOST ((size_t)256 << 20)

enum { KEY_MAP = 1, KEY_RECORDING, KEY_NEW_ROOT, KEY_ISSUER, KEY_TO_GRANT, KEY_TAG, KEY_AUDITOR };

enum verb { VERB_NONE, VERB_REKEY, VERB_RENAME, VERB_MERGE, VERB_IDENTITY };

struct patient {
	struct cli *cli;
	enum verb verb;
	const char *identities[2];
	unsigned count;
	const char *map;
	bool single, new_root;
	uint8_t recording[SR_ID];
	struct cli_proofs proofs;
	struct cli_unsealing unsealing;
	bool has_tag;
};

static const struct argp_option options[] = {
	{"map", KEY_MAP, "FILE", 0, "rename, merge: a pair of identities on each line, with a tab between", 1},
	{"recording", KEY_RECORDING, "ID", 0, "merge: this recording alone, filed under the wrong patient", 1},
	{"new-root", KEY_NEW_ROOT, NULL, 0, "rekey: first make a new root version; without ID, only that", 1},
	{"to-grant", KEY_TO_GRANT, "TOKEN|@FILE", 0, "The grant for B, where --grant gives A's", 2},
	{"issuer-key", KEY_ISSUER, "FILE", 0, "Sign the grants with this issuer's private key (development)", 2},
	{"tag", KEY_TAG, "HEX", 0, "identity: the tag, as the log has it", 3},
	{"auditor-key", KEY_AUDITOR, "FILE", 0, "identity: the auditor's private key", 3},
	{0},
};

static error_t take_word(struct patient *patient, const char *word)
{
	static const char *const verbs[] = {
		[VERB_REKEY] = "rekey", [VERB_RENAME] = "rename", [VERB_MERGE] = "merge", [VERB_IDENTITY] = "identity"};
	for (enum verb verb = VERB_REKEY; patient->verb == VERB_NONE && verb <= VERB_IDENTITY; verb++) {
		if (strcmp(verbs[verb], word) == 0) {
			patient->verb = verb;
			return 0;
		}
	}
	if (patient->verb == VERB_NONE)
		return cli_wrong(patient->cli, "patient needs erase, rekey, rename, merge or identity");
	if (patient->count == 2)
		return cli_wrong(patient->cli, "there is a word too much");
	if (!cli_identity_valid(word, strlen(word)))
		return cli_wrong(patient->cli, "an identity is 1 to 255 bytes of UTF-8 without control characters");
	patient->identities[patient->count++] = word;
	return 0;
}

static error_t check_pair(struct patient *patient)
{
	bool given = patient->proofs.given[0] || patient->proofs.given[1];
	if (patient->map ? patient->count != 0 : patient->count != 2)
		return cli_wrong(patient->cli, "it needs two identities, or --map FILE");
	if (!patient->map && strcmp(patient->identities[0], patient->identities[1]) == 0)
		return cli_wrong(patient->cli, "both identities are the same");
	if (patient->single && (patient->verb != VERB_MERGE || patient->map))
		return cli_wrong(patient->cli, "--recording goes with merge A B");
	if (patient->map && given && !patient->proofs.issuer_key && !patient->cli->grant_command)
		return cli_wrong(patient->cli, "--map needs --grant-command or --issuer-key");
	return 0;
}

static error_t check(struct patient *patient)
{
	patient->proofs.given[0] = patient->cli->grant ? patient->cli->grant : getenv("SEALREEL_GRANT");
	switch (patient->verb) {
	case VERB_NONE:
		return cli_wrong(patient->cli, "patient needs erase, rekey, rename, merge or identity");
	case VERB_REKEY:
		if (patient->count > 1 || (patient->count == 0 && !patient->new_root))
			return cli_wrong(patient->cli, "rekey needs one identity, or --new-root");
		break;
	case VERB_IDENTITY:
		if (patient->count != 0 || !patient->has_tag || !patient->unsealing.key_path)
			return cli_wrong(patient->cli, "identity needs --tag and --auditor-key");
		return 0;
	default:
		return check_pair(patient);
	}
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct patient *patient = state->input;
	switch (key) {
	case KEY_MAP:
		patient->map = value;
		return 0;
	case KEY_RECORDING:
		patient->single = true;
		return sr_id_parse(value, patient->recording) ? 0 : cli_wrong(patient->cli, "--recording is not an id");
	case KEY_NEW_ROOT:
		patient->new_root = true;
		return 0;
	case KEY_ISSUER:
		patient->proofs.issuer_key = value;
		return 0;
	case KEY_TO_GRANT:
		patient->proofs.given[1] = value;
		return 0;
	case KEY_TAG:
		patient->has_tag = true;
		return parse_key(value, patient->unsealing.tag) ? 0
								: cli_wrong(patient->cli, "--tag has 64 hex digits");
	case KEY_AUDITOR:
		patient->unsealing.key_path = value;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(patient, value);
	case ARGP_KEY_END:
		return check(patient);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc =
		"rekey ID [--new-root]\nrename A B\nmerge A B [--recording ID]\nrename --map FILE\nmerge --map FILE\n"
		"identity --tag HEX --auditor-key FILE",
	.doc = "Give a patient a new key, move recordings from identity A to identity B, or find the identity under a "
	       "tag. Needs a credential with the role operate (identity: audit) and, for each identity, a grant with "
	       "scope manage: from --grant-command, which is run for each and finds it in SEALREEL_PATIENT, from "
	       "--grant and --to-grant, or signed with --issuer-key.\v"
	       "rename moves everything to an identity that has nothing yet, merge also to one that has. Each "
	       "recording "
	       "is listed and played under exactly one of the two at every moment. Both can be stopped and run again: "
	       "what is done is done. A map is checked as a whole before anything is changed. A recording that is not "
	       "finished is refused.\n\n"
	       "rekey wraps all recordings of a patient anew, under a new salt and the newest root version, at "
	       "once.\n\n"
	       "Exit status 4: rows stay behind that do not open for A, or are deleted. 6: pairs of the map were "
	       "refused, "
	       "or it was cut off; run it again to go on.\n\n"
	       "JSON: \"recordings\" (moved, or wrapped anew), \"left\" (rows that stay), \"root_version\"; of a map "
	       "\"pairs\", \"done\", \"refused\" (array of \"line\", \"code\", \"text\"), \"recordings\", \"left\"; of "
	       "--new-root alone \"root_version\"; of identity \"tag\", \"identity\".\n\n"
	       "Example:\n\n"
	       "  sealreel --credential DIR/operator.cred patient merge 'urn:ward|7' 'urn:ward|12' \\\n"
	       "    --issuer-key DIR/dev-issuer.jwk\n",
};

/* ---- one patient, or one pair ---- */

static int print_info(const struct patient *patient, const struct sr_patient_info *info)
{
	if (patient->cli->json) {
		(void)show_json(json_pack("{s:I, s:I, s:I}", "recordings", (json_int_t)info->recordings, "left",
					  (json_int_t)info->left, "root_version", (json_int_t)info->root_version));
	} else if (!patient->cli->quiet) {
		printf("%u recordings %s, root version %u\n", info->recordings,
		       patient->verb == VERB_REKEY ? "wrapped anew" : "moved", info->root_version);
		if (info->left)
			(void)fprintf(stderr,
				      "sealreel: %u rows stay: they do not open for this patient, or are deleted\n",
				      info->left);
	}
	return info->left ? CLI_WITHHELD : CLI_DONE;
}

static int make_root(const struct patient *patient, sr_blocking *blocking)
{
	uint32_t version = 0;
	int status = cli_root_new(blocking, &version);
	if (status != CLI_DONE || patient->count == 1)
		return status;
	if (patient->cli->json)
		printf("{\n  \"root_version\": %u\n}\n", version);
	else if (!patient->cli->quiet)
		printf("root version %u\n", version);
	return CLI_DONE;
}

static int run_rekey(const struct patient *patient, sr_blocking *blocking)
{
	struct sr_patient_info info = {0};
	struct sr_error err;
	char *token = NULL;
	int status = patient->new_root ? make_root(patient, blocking) : CLI_DONE;
	if (status != CLI_DONE || patient->count == 0)
		return status;
	enum sr_code code = cli_proof(&patient->proofs, patient->identities[0], 0, &token, &err);
	status = code == SR_OK ? cli_rekey(blocking, token, &info) : cli_fail_text(code, "%s", err.text);
	cli_proof_free(token);
	return status == CLI_DONE ? print_info(patient, &info) : status;
}

static int run_pair(const struct patient *patient, sr_blocking *blocking)
{
	struct sr_patient_info info = {0};
	struct sr_result result = {0};
	const struct cli_move move = {
		.renames = patient->verb == VERB_RENAME,
		.from = patient->identities[0],
		.to = patient->identities[1],
		.recording = patient->single ? patient->recording : NULL,
	};
	if (cli_move(blocking, &patient->proofs, &move, &info, &result) == SR_OK)
		return print_info(patient, &info);
	return info.recordings > 0 ? cli_fail_incomplete(&result, "run it again to go on") : cli_fail(&result);
}

/* ---- a map ---- */

static int run_map(const struct patient *patient, sr_blocking **blocking)
{
	struct cli_map map = {0};
	struct sr_error err;
	size_t size = 0;
	int status = CLI_DONE;
	char *text = cli_read_file(patient->map, MAP_MOST, &size);
	if (!text)
		return cli_fail_text(SR_IO, "the map cannot be read");
	enum sr_code code = cli_map_parse(text, size, patient->verb == VERB_RENAME, &map, &err);
	if (code != SR_OK)
		status = cli_fail_text(code, "%s: %s", patient->map, err.text);
	if (code == SR_OK)
		*blocking = cli_connect(patient->cli, &status);
	if (*blocking) {
		struct cli_map_run run = {.cli = patient->cli,
					  .blocking = *blocking,
					  .proofs = &patient->proofs,
					  .map = &map,
					  .renames = patient->verb == VERB_RENAME};
		status = cli_move_map(&run);
	}
	cli_map_free(&map);
	return status;
}

int cli_patient(struct cli *cli, int argc, char **argv)
{
	/* Erasing is a room of its own. */
	if (argc > 1 && strcmp(argv[1], "erase") == 0)
		return cli_patient_erase(cli, argc, argv);
	struct patient patient = {.cli = cli, .proofs = {.cli = cli}};
	sr_blocking *blocking = NULL;
	int status = cli_parse_data(cli, &argp, argc, argv, &patient);
	if (status >= 0)
		return status;
	if (patient.map) {
		status = run_map(&patient, &blocking);
	} else {
		blocking = cli_connect(cli, &status);
		if (blocking && patient.verb == VERB_REKEY)
			status = run_rekey(&patient, blocking);
		else if (blocking && patient.verb == VERB_IDENTITY)
			status = cli_unseal_identity(cli, blocking, &patient.unsealing);
		else if (blocking)
			status = run_pair(&patient, blocking);
	}
	sr_blocking_close(blocking);
	return cli_flush(status);
}
