/* `sealreel grant`: a grant signed with an issuer's key that lies at hand, for development and tests. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/mint.h"
#include "cli/parse.h"
#include "credential.h"

#define KEY_FILE_MAX 16384
#define DEFAULT_TTL 900
#define UNIX_SCHEME "unix:"

enum {
	KEY_ISSUER = 1,
	KEY_PATIENT,
	KEY_SCOPE,
	KEY_ACT,
	KEY_TTL,
	KEY_RECORDING,
	KEY_CONSULTATION,
	KEY_PURPOSE,
	KEY_JKT,
	KEY_AUDIENCE
};

struct order {
	struct cli *cli;
	const char *issuer_key;
	const char *audience;
	char scope[128];
	char role[32];
	uint8_t recording[SR_ID];
	uint8_t jkt[32];
	struct sr_mint mint;
};

static const struct argp_option options[] = {
	{"issuer-key", KEY_ISSUER, "FILE", 0, "The issuer's private key (JWK), as DIR/dev-issuer.jwk", 1},
	{"patient", KEY_PATIENT, "ID", 0, "The patient's identity, byte for byte", 1},
	{"scope", KEY_SCOPE, "SCOPE[,SCOPE]", 0, "What it allows: record, list, play, delete, manage", 1},
	{"act", KEY_ACT, "ROLE:ID", 0, "Who acts: patient, clinician, guardian or system, and their name", 1},
	{"ttl", KEY_TTL, "TIME", 0, "How long it lives: 90, 90s, 5m, 1h; by default 15m", 1},
	{"recording", KEY_RECORDING, "ID", 0, "For this recording only", 2},
	{"consultation", KEY_CONSULTATION, "ID", 0, "The consultation to bind to this patient", 2},
	{"purpose", KEY_PURPOSE, "TEXT", 0, "Why: \"break-glass\" raises an alarm", 2},
	{"service-key", KEY_JKT, "HEX", 0, "Only through the service whose key has this thumbprint (cnf.jkt)", 2},
	{"audience", KEY_AUDIENCE, "HEX", 0, "The store's id; by default the store of the credential", 2},
	{0},
};

static error_t take_scope(struct order *order, const char *value)
{
	if (strlen(value) >= sizeof order->scope)
		return cli_wrong(order->cli, "--scope is too long");
	(void)snprintf(order->scope, sizeof order->scope, "%s", value);
	for (char *at = order->scope; *at; at++) {
		if (*at == ',')
			*at = ' ';
	}
	order->mint.scope = order->scope;
	return 0;
}

static error_t take_act(struct order *order, const char *value)
{
	const char *colon = strchr(value, ':');
	if (!colon || colon == value || colon[1] == '\0' || (size_t)(colon - value) >= sizeof order->role)
		return cli_wrong(order->cli, "--act is ROLE:ID");
	(void)snprintf(order->role, sizeof order->role, "%.*s", (int)(colon - value), value);
	order->mint.role = order->role;
	order->mint.actor = colon + 1;
	return 0;
}

static error_t take_binary(struct order *order, int key, const char *value)
{
	if (key == KEY_RECORDING && !sr_id_parse(value, order->recording))
		return cli_wrong(order->cli, "--recording is not an id");
	if (key == KEY_JKT && !parse_key(value, order->jkt))
		return cli_wrong(order->cli, "--service-key has 64 hex digits");
	if (key == KEY_RECORDING)
		order->mint.recording = order->recording;
	else
		order->mint.jkt = order->jkt;
	return 0;
}

static error_t check_order(struct order *order)
{
	if (!order->issuer_key || !order->mint.identity || !order->mint.scope || !order->mint.role)
		return cli_wrong(order->cli, "grant needs --issuer-key, --patient, --scope and --act");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct order *order = state->input;
	switch (key) {
	case KEY_ISSUER:
		order->issuer_key = value;
		return 0;
	case KEY_PATIENT:
		order->mint.identity = (const uint8_t *)value;
		order->mint.identity_size = strlen(value);
		return 0;
	case KEY_SCOPE:
		return take_scope(order, value);
	case KEY_ACT:
		return take_act(order, value);
	case KEY_TTL:
		if (!parse_duration(value, &order->mint.ttl))
			return cli_wrong(order->cli, "--ttl is a time such as 90s or 5m");
		return 0;
	case KEY_RECORDING:
	case KEY_JKT:
		return take_binary(order, key, value);
	case KEY_CONSULTATION:
		order->mint.consultation = value;
		return 0;
	case KEY_PURPOSE:
		order->mint.purpose = value;
		return 0;
	case KEY_AUDIENCE:
		order->audience = value;
		return 0;
	case ARGP_KEY_END:
		return check_order(order);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Sign a grant and print it alone on a line. For development and tests: an identity provider does it in "
	       "earnest.\vThe audience is --audience, or the store that the credential (--credential, "
	       "SEALREEL_CREDENTIAL) is for; with only --server unix:DIR/sealreel.sock (SEALREEL_SERVER), the store of "
	       "the operator.cred beside that socket.\n\nExample:\n\n"
	       "  sealreel grant --issuer-key DIR/dev-issuer.jwk --patient 'urn:ward|7' --scope list,play \\\n"
	       "    --act patient:7 --ttl 5m\n",
};

/* Path of the credential that tells the audience, in `out`; false if nothing says. */
static bool audience_file(const struct order *order, char *out, size_t size)
{
	const char *server = order->cli->server ? order->cli->server : getenv("SEALREEL_SERVER");
	const char *credential = cli_credential(order->cli);
	if (credential)
		return (size_t)snprintf(out, size, "%s", credential) < size;
	if (!server || strncmp(server, UNIX_SCHEME, strlen(UNIX_SCHEME)) != 0)
		return false;
	const char *path = server + strlen(UNIX_SCHEME);
	const char *slash = strrchr(path, '/');
	int directory = slash ? (int)(slash - path + 1) : 0;
	return (size_t)snprintf(out, size, "%.*soperator.cred", directory, path) < size;
}

/* The store's id from a credential file. */
static enum sr_code read_audience(const struct order *order, char audience[33], struct sr_error *err)
{
	char path[4096];
	size_t size = 0;
	struct sr_credential credential;
	if (!audience_file(order, path, sizeof path))
		return SR_FAIL(err, SR_USAGE, "no store is given: use --audience, --credential or --server");
	char *text = cli_read_file(path, SR_CREDENTIAL_TEXT_MAX, &size);
	if (!text)
		return SR_FAIL(err, SR_IO, "the credential file cannot be read");
	enum sr_code code = sr_credential_parse(text, size, &credential, err);
	if (code == SR_OK)
		(void)sodium_bin2hex(audience, 33, credential.store, SR_UUID);
	sr_credential_wipe(&credential);
	sodium_memzero(text, size);
	free(text);
	return code;
}

/* jansson's memory holds the key: wiped when freed. The size stands in front. */
static void *wiping_malloc(size_t size)
{
	size_t *block = malloc(size + 2 * sizeof *block);
	if (!block)
		return NULL;
	*block = size;
	return block + 2;
}

static void wiping_free(void *memory)
{
	size_t *block = memory ? (size_t *)memory - 2 : NULL;
	if (block)
		sodium_memzero(memory, *block);
	free(block);
}

int cli_grant(struct cli *cli, int argc, char **argv)
{
	struct order order = {.cli = cli, .mint = {.ttl = DEFAULT_TTL, .now = (int64_t)time(NULL)}};
	struct sr_error err = {0};
	char audience[33];
	char *token = NULL;
	size_t size = 0;
	enum sr_code code = SR_OK;
	int status = cli_parse(cli, &argp, argc, argv, &order);
	if (status >= 0)
		return status;
	json_set_alloc_funcs(wiping_malloc, wiping_free);
	order.mint.audience = order.audience;
	if (!order.audience) {
		code = read_audience(&order, audience, &err);
		order.mint.audience = audience;
	}
	char *key = code == SR_OK ? cli_read_file(order.issuer_key, KEY_FILE_MAX, &size) : NULL;
	if (code == SR_OK && !key)
		code = SR_FAIL(&err, SR_IO, "the issuer's key cannot be read");
	if (code == SR_OK)
		code = sr_mint_grant(key, size, &order.mint, &token, &err);
	if (code == SR_OK)
		puts(token);
	else
		status = cli_fail_text(code, "%s", err.text);
	sr_mint_free(token);
	if (key)
		sodium_memzero(key, size);
	free(key);
	return code == SR_OK ? CLI_DONE : status;
}
