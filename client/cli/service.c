/* `sealreel service`: add, remove and list the programs that may call a store. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/show.h"
#include "message.h"

enum { KEY_ROLE = 1 };

enum verb { VERB_NONE, VERB_ADD, VERB_REMOVE, VERB_LIST };

struct service {
	struct cli *cli;
	enum verb verb;
	const char *name;
	uint16_t roles;
	const char *path;
};

static const struct argp_option options[] = {
	{"role", KEY_ROLE, "ROLE[,ROLE]", 0, "What it may do: ingest, playback, rotate, operate, audit", 1},
	{"output", 'o', "FILE", 0, "Where its new credential file goes", 1},
	{0},
};

static error_t take_word(struct service *service, const char *word)
{
	static const char *const verbs[] = {[VERB_ADD] = "add", [VERB_REMOVE] = "remove", [VERB_LIST] = "list"};
	if (service->verb != VERB_NONE) {
		if (service->name || service->verb == VERB_LIST)
			return cli_wrong(service->cli, "there is a word too much");
		service->name = word;
		return 0;
	}
	for (enum verb verb = VERB_ADD; verb <= VERB_LIST; verb++) {
		if (strcmp(verbs[verb], word) == 0)
			service->verb = verb;
	}
	return service->verb ? 0 : cli_wrong(service->cli, "service needs add, remove or list");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct service *service = state->input;
	switch (key) {
	case KEY_ROLE:
		if (!sr_roles_parse(value, strlen(value), &service->roles) || service->roles == 0)
			return cli_wrong(service->cli, "roles are ingest, playback, rotate, operate, audit");
		return 0;
	case 'o':
		service->path = value;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(service, value);
	case ARGP_KEY_END:
		if (service->verb == VERB_NONE)
			return cli_wrong(service->cli, "service needs add, remove or list");
		if (service->verb != VERB_LIST && !service->name)
			return cli_wrong(service->cli, "there is no NAME");
		if (service->verb == VERB_ADD && (service->roles == 0 || !service->path))
			return cli_wrong(service->cli, "service add needs --role and -o FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "add NAME --role ROLE[,ROLE] -o FILE\nremove NAME\nlist",
	.doc = "Say which programs may call the store. Needs a credential with the role operate.\vJSON of list: an "
	       "object "
	       "with \"services\", each with \"name\", \"roles\" (array), \"key\" (hex), \"added\" (RFC 3339).\n\n"
	       "Example:\n\n"
	       "  sealreel --credential DIR/operator.cred service add clinic --role ingest,playback -o clinic.cred\n",
};

/* What a callback heard: all there is is printed in it. */
struct heard {
	struct cli *cli;
	struct cli_answer answer;
};

static json_t *roles_json(unsigned roles)
{
	json_t *array = json_array();
	for (unsigned bit = 1; bit <= SR_ROLES_ALL; bit <<= 1) {
		if (roles & bit)
			(void)json_array_append_new(array, json_string(sr_role_name((enum sr_role)bit)));
	}
	return array;
}

static void print_json(const struct sr_service_info *services, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		char added[TIME_TEXT];
		char key[65];
		format_time(services[i].added_ms, added);
		(void)sodium_bin2hex(key, sizeof key, services[i].key, sizeof services[i].key);
		(void)json_array_append_new(array,
					    json_pack("{s:s, s:o, s:s, s:s}", "name", services[i].name, "roles",
						      roles_json(services[i].roles), "key", key, "added", added));
	}
	(void)show_json(json_pack("{s:o}", "services", array));
}

static void on_services(void *context, const struct sr_result *result, const struct sr_service_info *services,
			size_t count)
{
	struct heard *heard = context;
	if (result->code == SR_OK && heard->cli->json)
		print_json(services, count);
	for (size_t i = 0; result->code == SR_OK && !heard->cli->json && i < count; i++) {
		char added[TIME_TEXT];
		const char *comma = "";
		format_time(services[i].added_ms, added);
		printf("%-24s %s  ", services[i].name, added);
		for (unsigned bit = 1; bit <= SR_ROLES_ALL; bit <<= 1) {
			if (services[i].roles & bit) {
				printf("%s%s", comma, sr_role_name((enum sr_role)bit));
				comma = ",";
			}
		}
		(void)putchar('\n');
	}
	cli_hear(&heard->answer, result);
}

static enum sr_code start(const struct service *service, sr_client *client, struct heard *heard)
{
	switch (service->verb) {
	case VERB_ADD:
		return sr_service_create(client, service->name, service->roles, service->path, cli_hear_done,
					 &heard->answer, NULL);
	case VERB_REMOVE:
		return sr_service_remove(client, service->name, cli_hear_done, &heard->answer, NULL);
	default:
		return sr_service_list(client, on_services, heard, NULL);
	}
}

int cli_service(struct cli *cli, int argc, char **argv)
{
	struct service service = {.cli = cli};
	struct heard heard = {.cli = cli};
	int status = cli_parse_data(cli, &argp, argc, argv, &service);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (!blocking)
		return status;
	enum sr_code code = start(&service, sr_blocking_client(blocking), &heard);
	if (code == SR_CONFLICT || code == SR_IO)
		status = cli_fail_text(code, "%s",
				       code == SR_IO ? "the credential file cannot be made"
						     : "the credential file exists already");
	else
		status = cli_await_status(&heard.answer, blocking, code);
	if (status == CLI_DONE && !cli->quiet && service.verb == VERB_ADD)
		printf("made %s: keep it secret, and give it to %s alone\n", service.path, service.name);
	sr_blocking_close(blocking);
	return status;
}
