/*
 * The daemon's configuration: the input is sealreel.ini, in a directory of its own that holds a key set as keys.jwks.
 * What is taken must be within its options' ranges; what is refused must name the file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "options.h"

/* RFC 8037, appendix A.2. */
static const char key_set[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\","
			      "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

/* In memory, where there is such a place: thousands of files are written each second. */
static char in_memory[] = "/dev/shm/sealreel-fuzz-XXXXXX";
static char on_disk[] = "/tmp/sealreel-fuzz-XXXXXX";
static char *directory;
static int place;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void put_file(const char *name, const void *data, size_t size)
{
	int fd = openat(place, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void clean_up(void)
{
	(void)unlinkat(place, SR_CONFIG_FILE, 0);
	(void)unlinkat(place, "keys.jwks", 0);
	(void)rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	directory = mkdtemp(in_memory);
	if (directory == NULL)
		directory = mkdtemp(on_disk);
	must(directory != NULL);
	place = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(place >= 0);
	(void)atexit(clean_up);
	put_file("keys.jwks", key_set, sizeof key_set - 1);
	return 0;
}

static uint64_t number_of(const struct sr_option *option, const void *in)
{
	const uint8_t *member = (const uint8_t *)in + option->offset;

	switch (option->kind) {
	case SR_OPTION_NUMBER:
		return *(const uint32_t *)(const void *)member;
	case SR_OPTION_LARGE:
		return *(const uint64_t *)(const void *)member;
	default:
		return (uint64_t) * (const int64_t *)(const void *)member;
	}
}

static void check_ranges(const struct sr_config *config)
{
	size_t count;
	const struct sr_option *options = sr_options(&count);

	for (size_t i = 0; i < count; i++) {
		const struct sr_option *option = &options[i];
		bool issuers = strcmp(option->section, SR_ISSUER_SECTION) == 0;

		for (size_t at = 0; sr_option_is_number(option->kind) && at < (issuers ? config->issuer_count : 1);
		     at++) {
			uint64_t number = number_of(option, issuers ? (const void *)&config->issuers[at] : config);

			must(number >= option->least && number <= option->most);
		}
	}
}

static void check_issuers(const struct sr_config *config)
{
	must(config->issuer_count <= SR_ISSUERS_MAX);
	for (size_t i = 0; i < config->issuer_count; i++) {
		must(config->issuers[i].iss != NULL && config->issuers[i].keys != NULL);
		for (size_t j = 0; j < i; j++)
			must(strcmp(config->issuers[i].iss, config->issuers[j].iss) != 0 &&
			     strcmp(config->issuers[i].name, config->issuers[j].name) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sr_config *config;
	struct sr_error err = {.text = ""};
	enum sr_code code;

	put_file(SR_CONFIG_FILE, data, size);
	code = sr_config_load(directory, &config, &err);
	if (code == SR_OK) {
		must(config->listen_unix != NULL || config->listen_tcp != NULL);
		must(config->listen_unix == NULL || sr_unix_path_fits(config->listen_unix));
		check_ranges(config);
		check_issuers(config);
	} else {
		must(config == NULL && err.code == code && strstr(err.text, SR_CONFIG_FILE) != NULL);
	}
	sr_config_free(config);
	return 0;
}
