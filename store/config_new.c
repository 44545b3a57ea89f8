/*
 * A configuration of defaults and of what init was told; and its release.
 */
#include <stdlib.h>
#include <string.h>

#include "config_value.h"

#define WORD_MAX (SR_CONFIG_LINE_MAX - 64) /* leaves room for the name in front */

/* What follows `way` in the listen word; "none" if it names another way; NULL if it is not said. */
static const char *listen_word(const struct sr_config_words *words, const char *way)
{
	size_t size = strlen(way);
	if (!words->listen)
		return NULL;
	return strncmp(words->listen, way, size) == 0 ? words->listen + size : SR_NONE;
}

const char *sr_config_word(const struct sr_config_words *words, const struct sr_option *option)
{
	if (!words)
		return NULL;
	if (option->kind == SR_OPTION_UNIX)
		return listen_word(words, "unix:");
	if (option->kind == SR_OPTION_TCP)
		return listen_word(words, "tcp:");
	if (strcmp(option->section, "store") != 0)
		return NULL;
	if (strcmp(option->name, "keyring") == 0)
		return words->keyring;
	if (strcmp(option->name, "key_source") == 0)
		return words->key_source;
	if (strcmp(option->name, "ledger") == 0)
		return words->ledger;
	return NULL;
}

/* Whether the file can say a word so that it is read back the same: no comment, no blank that would be cut. */
static bool can_be_written(const char *word)
{
	size_t size = strlen(word);
	if (size == 0 || size > WORD_MAX || word[0] == ';' || word[0] == ' ' || word[size - 1] == ' ')
		return false;
	for (size_t at = 0; at < size; at++)
		if ((unsigned char)word[at] < 0x20 || word[at] == 0x7f)
			return false;
	return !strstr(word, " ;");
}

static enum sr_code fill(struct sr_config *config, const struct sr_config_words *words, struct sr_error *err)
{
	size_t count;
	const struct sr_option *options = sr_options(&count);
	for (size_t at = 0; at < count; at++) {
		const char *word = sr_config_word(words, &options[at]);
		struct sr_error why = {.text = ""};
		if (strcmp(options[at].section, SR_ISSUER_SECTION) == 0 || (!word && !options[at].preset))
			continue;
		if (word && !can_be_written(word))
			return SR_FAIL(err, SR_USAGE, "%s: this cannot be written into " SR_CONFIG_FILE,
				       options[at].name);
		enum sr_code code =
			sr_config_value_set(config, NULL, &options[at], word ? word : options[at].preset, &why);
		if (code != SR_OK)
			return SR_FAIL(err, code, "%s: %s", options[at].name, why.text);
	}
	if (!config->listen_unix && !config->listen_tcp)
		return SR_FAIL(err, SR_USAGE, "an address is unix:PATH or tcp:HOST:PORT");
	/* The kernel may choose a port at run time, but credentials must name one. */
	if (config->listen_tcp && words && words->listen && strcmp(strrchr(config->listen_tcp, ':'), ":0") == 0)
		return SR_FAIL(err, SR_USAGE, "a new store's address needs a port of its own");
	return SR_OK;
}

enum sr_code sr_config_new(const char *directory, const struct sr_config_words *words, struct sr_config **out,
			   struct sr_error *err)
{
	struct sr_config *config = calloc(1, sizeof *config);
	enum sr_code code;
	*out = NULL;
	if (!config)
		return SR_FAIL_MEMORY(err);
	config->directory = strdup(directory);
	code = config->directory ? fill(config, words, err) : SR_FAIL_MEMORY(err);
	if (code == SR_OK)
		*out = config;
	else
		sr_config_free(config);
	return code;
}

void sr_config_free(struct sr_config *config)
{
	if (!config)
		return;
	for (size_t at = 0; at < config->issuer_count; at++)
		sr_issuer_clear(&config->issuers[at]);
	free(config->alarm_command);
	free(config->listen_tcp);
	free(config->listen_unix);
	free(config->audit);
	free(config->ledger);
	free(config->key_source);
	free(config->keyring);
	free(config->directory);
	free(config);
}
