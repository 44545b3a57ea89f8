/*
 * One option's text into its member: what each kind of value may be.
 */
#include "config_value.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/grant.h"
#include "credential.h"
#include "keys/guarded_file.h"

#define CLAIM_NAME_MAX 255

/* What a setter works on. `member` is where the value goes. */
struct setting {
	struct sr_config *config;
	struct sr_issuer *issuer;
	const struct sr_option *option;
	void *member;
};

typedef enum sr_code set_value(const struct setting *setting, const char *text, struct sr_error *err);

static enum sr_code used_up(struct sr_error *err)
{
	return SR_FAIL_MEMORY(err);
}

/* Takes over `text`, which may be NULL for "none". */
static void replace(const struct setting *setting, char *text)
{
	char **member = setting->member;
	free(*member);
	*member = text;
}

static enum sr_code set_text(const struct setting *setting, const char *text, struct sr_error *err)
{
	char *copy = strdup(text);
	if (!copy)
		return used_up(err);
	replace(setting, copy);
	return SR_OK;
}

static enum sr_code set_path(const struct setting *setting, const char *text, struct sr_error *err)
{
	char *path = sr_path_under(setting->config->directory, text);
	if (!path)
		return used_up(err);
	replace(setting, path);
	return SR_OK;
}

static enum sr_code set_unix(const struct setting *setting, const char *text, struct sr_error *err)
{
	if (strcmp(text, SR_NONE) != 0)
		return set_path(setting, text, err);
	replace(setting, NULL);
	return SR_OK;
}

/* Digits alone: no sign, no blank, and never an overflow. */
static bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
	*value = 0;
	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9' || *value > most)
			return false;
		*value = *value * 10 + (uint64_t)(*at - '0');
	}
	return *text != '\0' && *value <= most;
}

/* A host, of which the system will judge the rest, a colon, and a port. */
static bool is_host_and_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;
	if (!colon || colon == text || strlen(text) > SR_ADDRESS_MAX - strlen("tcp:"))
		return false;
	return strcspn(text, " \t") == strlen(text) && parse_number(colon + 1, 65535, &port);
}

static enum sr_code set_tcp(const struct setting *setting, const char *text, struct sr_error *err)
{
	if (strcmp(text, SR_NONE) == 0) {
		replace(setting, NULL);
		return SR_OK;
	}
	if (!is_host_and_port(text))
		return SR_FAIL(err, SR_USAGE, "must be HOST:PORT or " SR_NONE);
	return set_text(setting, text, err);
}

static enum sr_code set_number(const struct setting *setting, const char *text, struct sr_error *err)
{
	const struct sr_option *option = setting->option;
	uint64_t value;
	if (!parse_number(text, option->most, &value) || value < option->least)
		return SR_FAIL(err, SR_USAGE, "must be %" PRIu64 " to %" PRIu64, option->least, option->most);
	if (option->kind == SR_OPTION_LARGE)
		*(uint64_t *)setting->member = value;
	else if (option->kind == SR_OPTION_LIFE)
		*(int64_t *)setting->member = (int64_t)value;
	else
		*(uint32_t *)setting->member = (uint32_t)value;
	return SR_OK;
}

static enum sr_code set_flag(const struct setting *setting, const char *text, struct sr_error *err)
{
	bool yes = strcmp(text, "yes") == 0;
	if (!yes && strcmp(text, "no") != 0)
		return SR_FAIL(err, SR_USAGE, "must be yes or no");
	*(bool *)setting->member = yes;
	return SR_OK;
}

static enum sr_code set_level(const struct setting *setting, const char *text, struct sr_error *err)
{
	if (!sr_log_level_parse(text, setting->member))
		return SR_FAIL(err, SR_USAGE, "must be error, warn, info or debug");
	return SR_OK;
}

static enum sr_code set_rate(const struct setting *setting, const char *text, struct sr_error *err)
{
	if (!sr_rate_parse(text, setting->member))
		return SR_FAIL(err, SR_USAGE, "must be N/MINUTES, 1 to %d and 1 to 1440, or " SR_NONE,
			       SR_CROWD_LIMIT_MAX);
	return SR_OK;
}

static enum sr_code set_misfiled(const struct setting *setting, const char *text, struct sr_error *err)
{
	enum sr_on_misfiled *member = setting->member;
	if (strcmp(text, "alarm") == 0)
		*member = SR_ON_MISFILED_ALARM;
	else if (strcmp(text, "freeze-patient") == 0)
		*member = SR_ON_MISFILED_FREEZE_PATIENT;
	else if (strcmp(text, "freeze-all") == 0)
		*member = SR_ON_MISFILED_FREEZE_ALL;
	else
		return SR_FAIL(err, SR_USAGE, "must be alarm, freeze-patient or freeze-all");
	return SR_OK;
}

static enum sr_code set_foreign(const struct setting *setting, const char *text, struct sr_error *err)
{
	bool freezes = strcmp(text, "freeze-service") == 0;
	if (!freezes && strcmp(text, "alarm") != 0)
		return SR_FAIL(err, SR_USAGE, "must be alarm or freeze-service");
	*(enum sr_on_foreign *)setting->member = freezes ? SR_ON_FOREIGN_FREEZE_SERVICE : SR_ON_FOREIGN_ALARM;
	return SR_OK;
}

static enum sr_code set_scopes(const struct setting *setting, const char *text, struct sr_error *err)
{
	if (!sr_scopes_parse(text, strlen(text), setting->member))
		return SR_FAIL(err, SR_USAGE, "must be some of record, list, play, delete, manage, each once");
	return SR_OK;
}

static enum sr_code set_roles(const struct setting *setting, const char *text, struct sr_error *err)
{
	if (!sr_act_roles_parse(text, strlen(text), setting->member))
		return SR_FAIL(err, SR_USAGE, "must be some of patient, clinician, guardian, system, each once");
	return SR_OK;
}

static enum sr_code set_prefixes(const struct setting *setting, const char *text, struct sr_error *err)
{
	struct sr_issuer *issuer = setting->issuer;
	for (const char *at = text + strspn(text, " \t"); *at; at += strspn(at, " \t")) {
		size_t size = strcspn(at, " \t");
		if (issuer->prefix_count == SR_ISSUER_PREFIXES_MAX || size > SR_IDENTITY_MAX)
			return SR_FAIL(err, SR_USAGE, "must be at most %d prefixes of at most %d bytes",
				       SR_ISSUER_PREFIXES_MAX, SR_IDENTITY_MAX);
		char *prefix = strndup(at, size);
		if (!prefix)
			return used_up(err);
		issuer->prefixes[issuer->prefix_count++] = prefix;
		at += size;
	}
	return SR_OK;
}

/* Names of 1 to CLAIM_NAME_MAX bytes between dots; a backslash only before a dot or another. */
static bool is_claim_path(const char *path)
{
	size_t size = 0;
	for (; *path; path++) {
		if (*path == '.') {
			if (size == 0)
				return false;
			size = 0;
			continue;
		}
		if (*path == '\\' && *++path != '.' && *path != '\\')
			return false;
		if (++size > CLAIM_NAME_MAX)
			return false;
	}
	return size > 0;
}

static enum sr_code set_claim(const struct setting *setting, const char *text, struct sr_error *err)
{
	if (!is_claim_path(text))
		return SR_FAIL(err, SR_USAGE,
			       "must be names separated by dots, with \\. for a dot and \\\\ for a "
			       "backslash in a name");
	return set_text(setting, text, err);
}

static enum sr_code set_iss(const struct setting *setting, const char *text, struct sr_error *err)
{
	const struct sr_config *config = setting->config;
	for (size_t at = 0; at < config->issuer_count; at++)
		if (config->issuers[at].iss && strcmp(config->issuers[at].iss, text) == 0)
			return SR_FAIL(err, SR_USAGE, "is that of [" SR_ISSUER_SECTION " %s] already",
				       config->issuers[at].name);
	return set_text(setting, text, err);
}

static enum sr_code set_jwks(const struct setting *setting, const char *text, struct sr_error *err)
{
	/* Whoever may write it may vouch for every patient. */
	const struct sr_guard guard = {"JWKS file", 1, SR_JWKS_FILE_MAX, 0022};
	struct sr_jwks *keys = NULL;
	uint8_t *data = NULL;
	size_t size;
	enum sr_code code;
	char *path = sr_path_under(setting->config->directory, text);
	if (!path)
		return used_up(err);
	code = sr_guarded_read(path, &guard, &data, &size, err);
	if (code == SR_IO)
		code = SR_FAIL(err, SR_USAGE, "%s", err ? err->text : "");
	if (code != SR_OK)
		goto out;
	code = sr_jwks_parse((const char *)data, size, &keys, err);
	if (code != SR_OK) {
		code = SR_FAIL(err, code, "%s: %s", path, err ? err->text : "");
		goto out;
	}
	sr_jwks_free(setting->issuer->keys);
	setting->issuer->keys = keys;
out:
	sodium_free(data);
	free(path);
	return code;
}

static set_value *const setters[] = {
	[SR_OPTION_TEXT] = set_text,     [SR_OPTION_PATH] = set_path,         [SR_OPTION_UNIX] = set_unix,
	[SR_OPTION_TCP] = set_tcp,       [SR_OPTION_NUMBER] = set_number,     [SR_OPTION_LARGE] = set_number,
	[SR_OPTION_LIFE] = set_number,   [SR_OPTION_FLAG] = set_flag,         [SR_OPTION_LEVEL] = set_level,
	[SR_OPTION_RATE] = set_rate,     [SR_OPTION_MISFILED] = set_misfiled, [SR_OPTION_FOREIGN] = set_foreign,
	[SR_OPTION_SCOPES] = set_scopes, [SR_OPTION_ROLES] = set_roles,       [SR_OPTION_PREFIXES] = set_prefixes,
	[SR_OPTION_CLAIM] = set_claim,   [SR_OPTION_ISS] = set_iss,           [SR_OPTION_JWKS] = set_jwks,
};

enum sr_code sr_config_value_set(struct sr_config *config, struct sr_issuer *issuer, const struct sr_option *option,
				 const char *text, struct sr_error *err)
{
	bool of_issuer = strcmp(option->section, SR_ISSUER_SECTION) == 0;
	char *base = of_issuer ? (char *)issuer : (char *)config;
	struct setting setting = {config, issuer, option, base + option->offset};
	return setters[option->kind](&setting, text, err);
}
