/* Grants for identities that a command names. */
#include "cli/proof.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/mint.h"
#include "credential.h"
#include "message.h"
#include "text.h"

#define KEY_FILE_MAX 16384
#define TTL 300

bool cli_identity_valid(const char *text, size_t size)
{
	if (size < 1 || size > CLI_IDENTITY_MAX || !sr_text_is_utf8((struct sr_span){(const uint8_t *)text, size}))
		return false;
	for (size_t at = 0; at < size; at++) {
		if ((unsigned char)text[at] < 0x20 || text[at] == 0x7f)
			return false;
	}
	return true;
}

void cli_proof_free(char *token)
{
	if (token)
		sodium_memzero(token, strlen(token));
	free(token);
}

/* The store's id, which the credential names. */
static enum sr_code read_audience(const struct cli *cli, char audience[33], struct sr_error *err)
{
	const char *path = cli_credential(cli);
	struct sr_credential credential;
	size_t size = 0;
	char *text = path ? cli_read_file(path, SR_CREDENTIAL_TEXT_MAX, &size) : NULL;
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

static enum sr_code mint(const struct cli_proofs *proofs, const char *identity, char **token, struct sr_error *err)
{
	char audience[33];
	size_t size = 0;
	struct sr_mint order = {
		.identity = (const uint8_t *)identity,
		.identity_size = strlen(identity),
		.audience = audience,
		.scope = "manage",
		.role = "system",
		.actor = "sealreel-patient",
		.now = (int64_t)time(NULL),
		.ttl = TTL,
	};
	enum sr_code code = read_audience(proofs->cli, audience, err);
	if (code != SR_OK)
		return code;
	char *key = cli_read_file(proofs->issuer_key, KEY_FILE_MAX, &size);
	if (!key)
		return SR_FAIL(err, SR_IO, "the issuer's key cannot be read");
	code = sr_mint_grant(key, size, &order, token, err);
	sodium_memzero(key, size);
	free(key);
	return code;
}

/* Read what a command prints, without the line end behind it. NULL: it failed, or printed no token. */
static char *run_command(const char *command, const char *identity)
{
	char *token = calloc(1, SR_TOKEN_MAX + 2);
	if (!token || setenv("SEALREEL_PATIENT", identity, 1) != 0) {
		free(token);
		return NULL;
	}
	FILE *pipe = popen(command, "re");
	size_t size = pipe ? fread(token, 1, SR_TOKEN_MAX + 1, pipe) : 0;
	bool well = pipe && pclose(pipe) == 0;
	(void)unsetenv("SEALREEL_PATIENT");
	while (size > 0 && strchr(" \t\r\n", token[size - 1]))
		token[--size] = '\0';
	if (well && size > 0 && size <= SR_TOKEN_MAX && strlen(token) == size)
		return token;
	sodium_memzero(token, SR_TOKEN_MAX + 2);
	free(token);
	return NULL;
}

/* A token's claims, as far as they can be read without its issuer's key; NULL if they cannot. */
static json_t *claims_of(const char *token)
{
	const char *first = strchr(token, '.');
	const char *second = first ? strchr(first + 1, '.') : NULL;
	size_t size = 0;
	char *text = second ? malloc((size_t)(second - first)) : NULL;
	json_t *claims = NULL;
	if (text &&
	    sodium_base642bin((uint8_t *)text, (size_t)(second - first), first + 1, (size_t)(second - first - 1), NULL,
			      &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0)
		claims = json_loadb(text, size, 0, NULL);
	free(text);
	return claims;
}

/* Whether a token is for this identity. The claim may have any name: an issuer's configuration says which counts. */
static bool is_for(const char *token, const char *identity)
{
	json_t *claims = claims_of(token), *value;
	const char *name;
	bool found = false;
	json_object_foreach(claims, name, value)
	{
		found = found || (json_is_string(value) && strcmp(json_string_value(value), identity) == 0);
	}
	json_decref(claims);
	return found;
}

static enum sr_code take_given(const char *given, const char *identity, char **token, struct sr_error *err)
{
	size_t size = strlen(given);
	*token = given[0] == '@' ? cli_read_file(given + 1, SR_TOKEN_MAX + 2, &size) : strdup(given);
	if (!*token)
		return SR_FAIL(err, SR_IO, "the grant's file cannot be read");
	while (size > 0 && strchr(" \t\r\n", (*token)[size - 1]))
		(*token)[--size] = '\0';
	if (is_for(*token, identity))
		return SR_OK;
	cli_proof_free(*token);
	*token = NULL;
	return SR_FAIL(err, SR_USAGE, "a grant that is given is not for the identity that is named");
}

enum sr_code cli_proof(const struct cli_proofs *proofs, const char *identity, int which, char **token,
		       struct sr_error *err)
{
	*token = NULL;
	if (proofs->issuer_key)
		return mint(proofs, identity, token, err);
	if (proofs->cli->grant_command) {
		*token = run_command(proofs->cli->grant_command, identity);
		return *token ? SR_OK : SR_FAIL(err, SR_UNAUTHENTICATED, "the grant command gave no grant");
	}
	if (!proofs->given[which])
		return SR_FAIL(err, SR_USAGE, "there is no grant for each identity");
	return take_given(proofs->given[which], identity, token, err);
}
