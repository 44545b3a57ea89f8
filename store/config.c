/*
 * Reading sealreel.ini: libinih finds names and values; here each meets its option, with its line for the message.
 */
#include "config.h"

#include <ini.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "keys/guarded_file.h"
#include "message.h"
#include "options.h"

#define BLANKS " \t\r\n\v\f"
#define ISSUER_PREFIX SR_ISSUER_SECTION " "
#define SECTIONS_MAX 8

/* The file on its way through libinih, a line at a time. */
struct reading {
	struct sr_config *config;
	const char *next;
	const char *end;
	unsigned line;             /* of what is being read, from 1 */
	const char *section;       /* the current one's name in the table, or NULL before any */
	unsigned section_line;     /* where it began */
	bool begun[SECTIONS_MAX];  /* sections that have been */
	bool said[SR_OPTIONS_MAX]; /* options of the current section that have been */
	unsigned unix_line;        /* where the socket's path was said, or 0 */
	enum sr_code code;         /* the first failure, which ends the reading, and its line */
	unsigned failed_line;
	struct sr_error *err;
};

/* Line 0 is for what no line says. */
__attribute__((format(printf, 4, 5))) static bool refuse(struct reading *reading, enum sr_code code, unsigned line,
							 const char *format, ...)
{
	char text[SR_ERROR_TEXT_MAX];
	va_list arguments;
	if (reading->code != SR_OK)
		return false;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	reading->code = code;
	reading->failed_line = line;
	if (line > 0)
		SR_FAIL(reading->err, code, SR_CONFIG_FILE ":%u: %s", line, text);
	else
		SR_FAIL(reading->err, code, SR_CONFIG_FILE ": %s", text);
	return false;
}

static struct sr_issuer *current_issuer(const struct reading *reading)
{
	struct sr_config *config = reading->config;
	return config->issuer_count > 0 ? &config->issuers[config->issuer_count - 1] : NULL;
}

static bool is_issuers(const char *section)
{
	return strcmp(section, SR_ISSUER_SECTION) == 0;
}

/* Set an option; a failure is told with the line that is being read. */
static bool set(struct reading *reading, const struct sr_option *option, const char *text)
{
	struct sr_error why = {.text = ""};
	struct sr_issuer *issuer = is_issuers(option->section) ? current_issuer(reading) : NULL;
	enum sr_code code = sr_config_value_set(reading->config, issuer, option, text, &why);
	return code == SR_OK || refuse(reading, code, reading->line, "%s: %s", option->name, why.text);
}

/* Give the newest issuer the defaults. */
static bool set_presets(struct reading *reading)
{
	size_t count;
	const struct sr_option *options = sr_options(&count);
	for (size_t at = 0; at < count; at++)
		if (is_issuers(options[at].section) && options[at].preset &&
		    !set(reading, &options[at], options[at].preset))
			return false;
	return true;
}

/* The section that ends here must have said what it has to. */
static bool close_section(struct reading *reading)
{
	size_t count;
	const struct sr_option *options = sr_options(&count);
	for (size_t at = 0; reading->section && at < count; at++)
		if (options[at].required && strcmp(options[at].section, reading->section) == 0 && !reading->said[at])
			return refuse(reading, SR_USAGE, reading->section_line, "this section does not say %s",
				      options[at].name);
	return true;
}

static bool open_issuer(struct reading *reading, const char *name)
{
	struct sr_config *config = reading->config;
	size_t size = strlen(name);
	if (size > SR_ISSUER_NAME_MAX || !sr_service_name_valid(name, size))
		return refuse(reading, SR_USAGE, reading->line, "an issuer's name is 1 to %d of a-z 0-9 . _ -",
			      SR_ISSUER_NAME_MAX);
	for (size_t at = 0; at < config->issuer_count; at++)
		if (strcmp(config->issuers[at].name, name) == 0)
			return refuse(reading, SR_USAGE, reading->line, "[" ISSUER_PREFIX "%s] is there twice", name);
	if (config->issuer_count == SR_ISSUERS_MAX)
		return refuse(reading, SR_USAGE, reading->line, "there are more than %d issuers", SR_ISSUERS_MAX);
	struct sr_issuer *issuer = &config->issuers[config->issuer_count];
	issuer->name = strdup(name);
	if (!issuer->name)
		return refuse(reading, SR_INTERNAL, reading->line, "memory is used up");
	config->issuer_count++;
	reading->section = SR_ISSUER_SECTION;
	return set_presets(reading);
}

static bool open_section(struct reading *reading, const char *name)
{
	size_t count;
	const struct sr_section *sections = sr_sections(&count);
	if (!close_section(reading))
		return false;
	memset(reading->said, 0, sizeof reading->said);
	reading->section_line = reading->line;
	if (strncmp(name, ISSUER_PREFIX, strlen(ISSUER_PREFIX)) == 0)
		return open_issuer(reading, name + strlen(ISSUER_PREFIX));
	for (size_t at = 0; at < count && at < SECTIONS_MAX; at++) {
		if (strcmp(sections[at].name, name) != 0 || is_issuers(name))
			continue;
		if (reading->begun[at])
			return refuse(reading, SR_USAGE, reading->line, "[%s] is there twice", name);
		reading->begun[at] = true;
		reading->section = sections[at].name;
		return true;
	}
	return refuse(reading, SR_USAGE, reading->line, "there is no section of that name");
}

/* libinih says nothing of a section before its first option, so that an empty one is seen here only. */
static bool look_for_section(struct reading *reading, const char *line)
{
	char name[SR_CONFIG_LINE_MAX + 1];
	const char *end = strchr(line, ']');
	if (line[0] != '[' || !end)
		return true; /* libinih will say what is wrong with the latter */
	const char *rest = end + 1 + strspn(end + 1, BLANKS);
	if (*rest != '\0' && *rest != ';' && *rest != '#')
		return refuse(reading, SR_USAGE, reading->line, "there is something behind the section's name");
	memcpy(name, line + 1, (size_t)(end - line - 1));
	name[end - line - 1] = '\0';
	return open_section(reading, name);
}

static bool has_control(const char *line, size_t size)
{
	for (size_t at = 0; at < size; at++)
		if (((unsigned char)line[at] < 0x20 && !strchr(BLANKS, line[at])) || line[at] == 0x7f || !line[at])
			return true;
	return false;
}

/*
 * Hands libinih a line without its indentation, which it would take for the last value's continuation. NULL ends the
 * file, also after a failure.
 */
static char *next_line(char *line, int room, void *context)
{
	struct reading *reading = context;
	size_t left = (size_t)(reading->end - reading->next);
	if (reading->code != SR_OK || left == 0)
		return NULL;
	const char *newline = memchr(reading->next, '\n', left);
	size_t size = newline ? (size_t)(newline - reading->next) : left;
	const char *text = reading->next;
	reading->next += newline ? size + 1 : size;
	reading->line++;
	while (size > 0 && strchr(" \t", *text) && *text) {
		text++;
		size--;
	}
	if (room < 3 || size > (size_t)room - 3 || size > SR_CONFIG_LINE_MAX) {
		refuse(reading, SR_USAGE, reading->line, "this line is too long");
		return NULL;
	}
	if (has_control(text, size)) {
		refuse(reading, SR_USAGE, reading->line, "this line has a control character");
		return NULL;
	}
	memcpy(line, text, size);
	line[size] = '\0';
	return look_for_section(reading, line) ? line : NULL;
}

/* libinih's handler: one name and its value. `section` is what look_for_section has seen. */
static int take_option(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	size_t count;
	const struct sr_option *options = sr_options(&count);
	(void)section;
	if (!reading->section)
		return refuse(reading, SR_USAGE, reading->line, "this stands before any section");
	for (size_t at = 0; at < count; at++) {
		if (strcmp(options[at].section, reading->section) != 0 || strcmp(options[at].name, name) != 0)
			continue;
		if (reading->said[at])
			return refuse(reading, SR_USAGE, reading->line, "%s is there twice", name);
		if (*value == '\0')
			return refuse(reading, SR_USAGE, reading->line, "%s has no value", name);
		reading->said[at] = true;
		if (options[at].kind == SR_OPTION_UNIX)
			reading->unix_line = reading->line;
		return set(reading, &options[at], value);
	}
	return refuse(reading, SR_USAGE, reading->line, "[%s] has no option of that name", reading->section);
}

/* What no single line can break. */
static bool check_whole(struct reading *reading)
{
	const struct sr_config *config = reading->config;
	if (!close_section(reading))
		return false;
	if (!config->listen_unix && !config->listen_tcp)
		return refuse(reading, SR_USAGE, reading->unix_line, "there is nothing to listen on");
	if (config->listen_unix && !sr_unix_path_fits(config->listen_unix))
		return refuse(reading, SR_USAGE, reading->unix_line,
			      "unix: the path is too long for a socket; say a shorter one, outside the store");
	return true;
}

static enum sr_code parse(struct reading *reading)
{
	ini_max_line = SR_CONFIG_LINE_MAX + 3;
	int failed = ini_parse_stream(next_line, reading, take_option, reading);
	/* A malformed line never reaches the handler, and what came after it may have failed as well. */
	if (failed > 0 && (reading->code == SR_OK || (unsigned)failed < reading->failed_line)) {
		reading->code = SR_OK;
		refuse(reading, SR_USAGE, (unsigned)failed, "this line is neither [section] nor name = value");
	} else if (failed < 0) {
		refuse(reading, SR_INTERNAL, 0, "memory is used up");
	}
	if (reading->code == SR_OK)
		check_whole(reading);
	return reading->code;
}

enum sr_code sr_config_load(const char *directory, struct sr_config **out, struct sr_error *err)
{
	/* Whoever may write it says whom the store believes. */
	const struct sr_guard guard = {"configuration", 0, SR_CONFIG_FILE_MAX, 0022};
	struct reading reading = {.err = err};
	uint8_t *text = NULL;
	char *whole = NULL;
	char *path = NULL;
	size_t size;
	enum sr_code code;
	*out = NULL;
	if (sodium_init() < 0)
		return SR_FAIL(err, SR_INTERNAL, "libsodium cannot be set up");
	whole = realpath(directory, NULL);
	if (!whole)
		return SR_FAIL(err, SR_IO, "cannot open store %s: %m", directory);
	code = sr_config_new(whole, NULL, &reading.config, err);
	if (code != SR_OK)
		goto out;
	path = sr_path_under(whole, SR_CONFIG_FILE);
	if (!path) {
		code = SR_FAIL_MEMORY(err);
		goto out;
	}
	code = sr_guarded_read(path, &guard, &text, &size, err);
	if (code != SR_OK)
		goto out;
	reading.next = (const char *)text;
	reading.end = reading.next + size;
	code = parse(&reading);
	if (code != SR_OK)
		goto out;
	*out = reading.config;
	reading.config = NULL;
out:
	sr_config_free(reading.config);
	sodium_free(text);
	free(path);
	free(whole);
	return code;
}
