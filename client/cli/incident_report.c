/* `sealreel audit incident report`: read the log, make the report, write it, and have it said that it was made. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/audit_key.h"
#include "cli/incident.h"
#include "cli/parse.h"
#include "digest.h"

#define PATH_SIZE 4096

/* A report being made, and the one that it is compared with. */
struct making {
	struct incident *incident;
	struct sr_incident notes;
	struct sr_report_arguments arguments;
	uint64_t number;
	char checkpoint[SR_CHECKPOINT_MAX], verifier[SR_VERIFIER_MAX];
	struct sr_report *report, *then;
	struct sr_report_reading *reading;
	struct sr_error err;
	struct sr_report_out json, text;
	uint8_t *contacts;
	size_t contacts_size;
};

static int failed(const struct making *making, enum sr_code code)
{
	return cli_fail_text(code, "%s", making->err.text);
}

/* ---- what is asked ---- */

static int check_words(const struct incident *incident)
{
	bool conditioned = incident->checkpoint || incident->since;
	for (size_t at = 0; at < INCIDENT_CONDITIONS; at++)
		conditioned |= incident->conditions[at] != NULL;
	if (incident->again && (incident->has_from || incident->has_to || conditioned))
		return cli_fail_text(SR_USAGE, "--again takes the report's own arguments, and no others");
	if (!incident->again && (!incident->has_from || !incident->has_to))
		return cli_fail_text(SR_USAGE, "report needs --from and --to, or --again");
	return CLI_DONE;
}

/* The checkpoint up to which, and the log's key as the store says it. */
static int take_checkpoint(struct making *making)
{
	struct incident *incident = making->incident;
	struct sr_checkpoint own;
	struct audit_key key;
	int status = audit_checkpoint(&incident->audit);
	if (status != CLI_DONE)
		return status;
	(void)snprintf(making->checkpoint, sizeof making->checkpoint, "%s", incident->audit.note);
	if (incident->checkpoint) {
		size_t size = 0;
		char *kept = cli_read_file(incident->checkpoint, SR_CHECKPOINT_MAX - 1, &size);
		if (!kept)
			return cli_fail_text(SR_IO, "%s cannot be read", incident->checkpoint);
		(void)snprintf(making->checkpoint, sizeof making->checkpoint, "%s", kept);
		free(kept);
	}
	memcpy(key.key, incident->audit.key, sizeof key.key);
	if (incident->verifier_key || getenv("SEALREEL_VERIFIER_KEY")) {
		status = audit_key_read(incident->verifier_key, &key);
		if (status != CLI_DONE)
			return status;
	}
	memcpy(incident->bytes, key.key, sizeof key.key);
	struct sr_span note = {(const uint8_t *)making->checkpoint, strlen(making->checkpoint)};
	if (sr_checkpoint_read(note, key.key, &own, &making->err) != SR_OK)
		return failed(making, SR_CORRUPT);
	sr_checkpoint_verifier(own.origin, key.key, making->verifier);
	return CLI_DONE;
}

/* The notes, which are looked for after the checkpoint was made: so all that it covers are found. */
static int take_notes(struct making *making)
{
	struct sr_span note = {(const uint8_t *)making->checkpoint, strlen(making->checkpoint)};
	struct sr_checkpoint own;
	(void)snprintf(making->notes.name, sizeof making->notes.name, "%s", making->incident->name);
	int status = incident_notes(making->incident, &making->notes);
	if (status != CLI_DONE)
		return status;
	if (!sr_incident_latest(&making->notes, SR_INCIDENT_OPENED, UINT64_MAX))
		return cli_fail_text(SR_NOT_FOUND, "there is no incident %s; open it first", making->incident->name);
	if (sr_checkpoint_claims(note, &own, &making->err) != SR_OK)
		return failed(making, SR_CORRUPT);
	making->number = sr_incident_reports(&making->notes, own.size) + 1;
	return CLI_DONE;
}

/* The same report again: what its note says. */
static int take_again(struct making *making)
{
	struct incident *incident = making->incident;
	const struct sr_stated *note = sr_incident_report(&making->notes, incident->again);
	const char *checkpoint = note ? sr_stated_fact(note, "checkpoint") : NULL;
	if (!note)
		return cli_fail_text(SR_NOT_FOUND, "there is no report %u of this incident", (unsigned)incident->again);
	if (!checkpoint || strlen(checkpoint) >= sizeof making->checkpoint ||
	    !sr_report_arguments_of(note, &making->arguments))
		return cli_fail_text(SR_CORRUPT, "what the log has of report %u is none", (unsigned)incident->again);
	(void)snprintf(making->checkpoint, sizeof making->checkpoint, "%s", checkpoint);
	struct sr_span text = {(const uint8_t *)making->checkpoint, strlen(making->checkpoint)};
	struct sr_checkpoint own;
	if (sr_checkpoint_read(text, incident->bytes, &own, &making->err) != SR_OK)
		return failed(making, SR_CORRUPT);
	making->number = incident->again;
	return CLI_DONE;
}

static int take_arguments(struct making *making)
{
	struct incident *incident = making->incident;
	if (incident->again)
		return take_again(making);
	making->arguments = (struct sr_report_arguments){
		.from_ms = incident->from_ms, .to_ms = incident->to_ms, .since = incident->since};
	int status = incident_conditions(incident);
	for (size_t at = 0; at < incident->detail_count && status == CLI_DONE; at++)
		if (!sr_report_filter_set(&making->arguments.filter, incident->details[at].name,
					  incident->details[at].value))
			status = cli_fail_text(SR_USAGE, "a condition is none");
	return status;
}

static int begin(struct making *making)
{
	const struct sr_report_request request = {.incident = &making->notes,
						  .arguments = making->arguments,
						  .number = making->number,
						  .checkpoint = making->checkpoint,
						  .verifier = making->verifier};
	enum sr_code code = sr_report_new(&request, &making->report, &making->err);
	if (code != SR_OK || making->arguments.since == 0)
		return code == SR_OK ? CLI_DONE : failed(making, code);
	const struct sr_stated *note = sr_incident_report(&making->notes, making->arguments.since);
	struct sr_report_request then = request;
	then.number = making->arguments.since;
	then.checkpoint = note ? sr_stated_fact(note, "checkpoint") : NULL;
	if (!then.checkpoint || !sr_report_arguments_of(note, &then.arguments))
		return cli_fail_text(SR_NOT_FOUND, "there is no report %u of this incident",
				     (unsigned)making->arguments.since);
	code = sr_report_new(&then, &making->then, &making->err);
	if (code == SR_OK && sr_report_checkpoint(making->then)->size > sr_report_checkpoint(making->report)->size)
		code = SR_FAIL(&making->err, SR_USAGE, "--since names a report that goes further than this one");
	return code == SR_OK ? CLI_DONE : failed(making, code);
}

/* ---- reading ---- */

static bool take(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct making *making = context;
	return sr_report_reading_take(making->reading, entry, json, &making->err) == SR_OK;
}

static int read_log(struct making *making)
{
	struct sr_report *const reports[] = {making->report, making->then};
	uint64_t size = sr_report_checkpoint(making->report)->size;
	making->reading = sr_report_reading_new(reports, making->then ? 2 : 1);
	if (!making->reading)
		return cli_fail_memory();
	int status = size > 0 ? audit_read(&making->incident->audit, 0, size, take, making) : CLI_DONE;
	if (status != CLI_DONE)
		return status;
	enum sr_code code = making->err.code;
	if (code == SR_OK)
		code = sr_report_count(making->report, &making->err);
	if (code == SR_OK && making->then)
		code = sr_report_count(making->then, &making->err);
	return code == SR_OK ? CLI_DONE : failed(making, code);
}

/* ---- writing ---- */

/* Whole or not at all; what a contact list is may be read by its owner alone. */
static int write_file(const char *path, const void *data, size_t size)
{
	char fresh[PATH_SIZE + 8];
	(void)snprintf(fresh, sizeof fresh, "%s.new", path);
	int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;
	bool well = file >= 0;
	while (well && done < size) {
		ssize_t wrote = write(file, (const char *)data + done, size - done);
		if (wrote > 0)
			done += (size_t)wrote;
		well = wrote > 0 || (wrote < 0 && errno == EINTR);
	}
	well = well && fsync(file) == 0;
	if (file >= 0)
		well = close(file) == 0 && well;
	if (well && rename(fresh, path) == 0)
		return CLI_DONE;
	(void)unlink(fresh);
	return cli_fail_text(SR_IO, "%s cannot be written", path);
}

static int write_files(const struct making *making)
{
	const struct incident *incident = making->incident;
	const char *directory = incident->out ? incident->out : ".";
	const struct {
		const char *ending;
		const void *data;
		size_t size;
	} files[] = {{"txt", making->text.data, making->text.size},
		     {"json", making->json.data, making->json.size},
		     {"contacts", making->contacts, making->contacts_size}};
	int status = CLI_DONE;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return cli_fail_text(SR_IO, "%s cannot be made", directory);
	for (size_t at = 0; at < sizeof files / sizeof *files && status == CLI_DONE; at++) {
		char path[PATH_SIZE];
		int length = snprintf(path, sizeof path, "%s/%s-%llu.%s", directory, incident->name,
				      (unsigned long long)making->number, files[at].ending);
		if (length < 0 || (size_t)length >= sizeof path)
			return cli_fail_text(SR_USAGE, "the path is too long");
		status = write_file(path, files[at].data, files[at].size);
		if (status == CLI_DONE && !incident->cli->json && !incident->cli->quiet)
			puts(path);
	}
	return status;
}

/* ---- saying so ---- */

struct words {
	struct sr_incident_detail list[SR_INCIDENT_FACTS_MAX];
	size_t count;
};

static void add_word(struct words *words, const char *name, const char *value)
{
	size_t at = words->count++;
	for (; at > 0 && strcmp(words->list[at - 1].name, name) > 0; at--)
		words->list[at] = words->list[at - 1];
	words->list[at] = (struct sr_incident_detail){name, value};
}

/* An older checkpoint does not cover the reports behind it: another of their number would take their place. */
static bool is_taken(const struct making *making, const char *regulator)
{
	const struct sr_stated *made = sr_incident_report(&making->notes, making->number);
	const char *then = made ? sr_stated_fact(made, "regulator") : NULL;
	return then && strcmp(then, regulator) != 0;
}

/* Durable before anybody has the report: what was made of whom is accounted for like any look into the log. */
static int state_report(struct making *making)
{
	struct incident *incident = making->incident;
	struct words words = {.count = 0};
	char from[24], to[24], since[24], number[24], hex[2 * SR_DIGEST + 1];
	uint8_t hash[SR_DIGEST];
	if (incident->again)
		return CLI_DONE; /* nobody learns what report N did not say; reading the log had its entry */
	if (!sr_digest_of((const uint8_t *)making->json.data, making->json.size, hash))
		return cli_fail_memory();
	if (is_taken(making, sodium_bin2hex(hex, sizeof hex, hash, sizeof hash)))
		return cli_fail_text(SR_CONFLICT, "report %llu is another one, made after this checkpoint",
				     (unsigned long long)making->number);
	(void)snprintf(from, sizeof from, "%llu", (unsigned long long)making->arguments.from_ms);
	(void)snprintf(to, sizeof to, "%llu", (unsigned long long)making->arguments.to_ms);
	(void)snprintf(since, sizeof since, "%llu", (unsigned long long)making->arguments.since);
	(void)snprintf(number, sizeof number, "%llu", (unsigned long long)making->number);
	for (size_t at = 0; at < incident->detail_count; at++)
		add_word(&words, incident->details[at].name, incident->details[at].value);
	add_word(&words, "from", from);
	add_word(&words, "to", to);
	add_word(&words, "number", number);
	add_word(&words, "checkpoint", making->checkpoint);
	if (making->arguments.since)
		add_word(&words, "since", since);
	/* Where all conditions are given there is no room left for the hash. */
	if (words.count < SR_INCIDENT_FACTS_MAX)
		add_word(&words, "regulator", hex);
	const struct sr_incident_statement statement = {
		.incident = incident->name, .what = "report", .details = words.list, .count = words.count};
	return incident_state(incident, &statement);
}

static int give(struct making *making)
{
	const struct incident *incident = making->incident;
	int status = CLI_DONE;
	if (!sr_report_json(making->report, making->then, &making->json) ||
	    !sr_report_text(making->report, making->then, &making->text))
		return cli_fail_memory();
	bool files = !incident->cli->json || incident->out;
	if (files)
		status = incident_seal(making->incident, making->report, &making->contacts, &making->contacts_size);
	if (status == CLI_DONE)
		status = state_report(making);
	if (status == CLI_DONE && files)
		status = write_files(making);
	if (status == CLI_DONE && incident->cli->json)
		(void)fwrite(making->json.data, 1, making->json.size, stdout);
	return cli_flush(status);
}

static int make(struct making *making)
{
	int status = take_checkpoint(making);
	if (status == CLI_DONE)
		status = take_notes(making);
	if (status == CLI_DONE)
		status = take_arguments(making);
	if (status == CLI_DONE)
		status = begin(making);
	if (status == CLI_DONE)
		status = read_log(making);
	return status == CLI_DONE ? give(making) : status;
}

int incident_report(struct incident *incident)
{
	struct making *making = calloc(1, sizeof *making);
	if (!making)
		return cli_fail_memory();
	making->incident = incident;
	int status = check_words(incident);
	if (status == CLI_DONE)
		status = make(making);
	sr_report_reading_free(making->reading);
	sr_report_free(making->report);
	sr_report_free(making->then);
	sr_incident_free(&making->notes);
	sr_out_free(&making->json);
	sr_out_free(&making->text);
	free(making->contacts);
	free(making);
	return status;
}
