/*
 * The configuration file that init writes: every option, its meaning and its default, from the table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_value.h"
#include "keys/guarded_file.h"

/* What the issuer for development says; all else is as by default. */
static const struct {
	const char *name;
	const char *value;
} dev_words[] = {
	{"iss", "sealreel-dev"},
	{"jwks", "issuers/dev.jwks"},
	{"scopes", "record list play delete manage"},
};

static const char *dev_word(const struct sr_option *option)
{
	for (size_t at = 0; at < sizeof dev_words / sizeof *dev_words; at++)
		if (strcmp(option->section, SR_ISSUER_SECTION) == 0 && strcmp(option->name, dev_words[at].name) == 0)
			return dev_words[at].value;
	return NULL;
}

static void write_option(FILE *file, const struct sr_option *option, const char *word)
{
	if (option->about)
		fprintf(file, "\n# %s", option->about);
	if (sr_option_is_number(option->kind))
		fprintf(file, " (%" PRIu64 " to %" PRIu64 ")", option->least, option->most);
	fprintf(file, "\n# %s =%s%s", option->name, option->preset ? " " : "", option->preset ? option->preset : "");
	if (word)
		fprintf(file, "\n%s = %s", option->name, word);
}

static void write_section(FILE *file, const struct sr_section *section, const struct sr_config_words *words)
{
	size_t count;
	const struct sr_option *options = sr_options(&count);
	fprintf(file, "\n\n# %s\n", section->about);
	if (strcmp(section->name, SR_ISSUER_SECTION) == 0)
		fprintf(file, "# This one is for development: whoever has dev-issuer.jwk is every patient. Remove it "
			      "before real use.\n[" SR_ISSUER_SECTION " dev]");
	else
		fprintf(file, "[%s]", section->name);
	for (size_t at = 0; at < count; at++) {
		if (strcmp(options[at].section, section->name) != 0)
			continue;
		const char *word = sr_config_word(words, &options[at]);
		write_option(file, &options[at], word ? word : dev_word(&options[at]));
	}
}

/* The whole text. NULL when memory is used up; released with free. */
static char *compose(const struct sr_config_words *words, size_t *size)
{
	size_t count;
	const struct sr_section *sections = sr_sections(&count);
	char *text = NULL;
	FILE *file = open_memstream(&text, size);
	if (!file)
		return NULL;
	fprintf(file, "# The configuration of a sealreel store. What is commented out is the default.\n"
		      "# Relative paths are under the store's directory. A value ends at \" ;\".\n"
		      "# SIGHUP has the daemon read issuers, limits, alarms and the log's level again; all else waits "
		      "for a start.");
	for (size_t at = 0; at < count; at++)
		if (!words || !words->bare || strcmp(sections[at].name, SR_ISSUER_SECTION) != 0)
			write_section(file, &sections[at], words);
	fputc('\n', file);
	bool failed = ferror(file) != 0;
	if (fclose(file) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

enum sr_code sr_config_write(const char *directory, const struct sr_config_words *words, struct sr_error *err)
{
	struct sr_config *config = NULL;
	char *path = NULL;
	char *text = NULL;
	struct stat found;
	size_t size;
	enum sr_code code = sr_config_new(directory, words, &config, err);
	if (code != SR_OK)
		return code;
	path = sr_path_under(directory, SR_CONFIG_FILE);
	text = compose(words, &size);
	if (path && text)
		/* Not made in its place: cut short there it would be a configuration too, of other defaults. */
		code = lstat(path, &found) == 0 ? SR_FAIL(err, SR_CONFLICT, "%s exists already", path)
						: sr_guarded_replace(path, (const uint8_t *)text, size, err);
	else
		code = SR_FAIL_MEMORY(err);
	free(text);
	free(path);
	sr_config_free(config);
	return code;
}
