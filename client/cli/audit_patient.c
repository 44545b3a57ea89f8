/* `sealreel audit patient`: who looked at a patient's recordings, and who tried to. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/audit_form.h"
#include "cli/identity.h"
#include "cli/parse.h"

#define PEOPLE_MAX 4096 /* opened names that are remembered */

enum { KEY_TAG = 1, KEY_AUDITOR, KEY_FROM, KEY_TO };

struct person {
	uint8_t tag[SR_TAG];
	char name[CLI_IDENTITY_MAX + 1]; /* "": not known */
};

struct patient {
	struct cli *cli;
	const char *key_path;
	struct sr_auditor_search query;
	uint8_t tag[SR_TAG];
	struct audit audit;
	struct cli_auditor *auditor;
	struct person *people; /* sodium_malloc */
	size_t people_count;
	uint8_t (*moved)[SR_UUID];
	size_t moved_count;
	bool collecting;          /* what came from another identity: nothing is printed */
	const uint8_t *following; /* one that came so; NULL: the patient's own entries are looked at */
	int status;
};

static const struct argp_option options[] = {
	{"patient-tag", KEY_TAG, "HEX", 0, "The patient by the tag", 1},
	{"auditor-key", KEY_AUDITOR, "FILE", 0, "The auditor's private key: print people by name, not by tag", 1},
	{"from", KEY_FROM, "TIME", 0, "From then on: 2026-11-21 or RFC 3339", 1},
	{"to", KEY_TO, "TIME", 0, "Before then", 1},
	{0},
};

static error_t take_identity(struct patient *patient, const char *value, bool tagged)
{
	if (patient->query.patient)
		return cli_wrong(patient->cli, "one patient at a time: IDENTITY or --patient-tag");
	if (tagged && !parse_key(value, patient->tag))
		return cli_wrong(patient->cli, "a tag is 64 hex digits");
	if (!tagged && !cli_identity_valid(value, strlen(value)))
		return cli_wrong(patient->cli, "an identity is 1 to %d bytes of UTF-8", CLI_IDENTITY_MAX);
	patient->query.patient = tagged ? (const void *)patient->tag : value;
	patient->query.patient_size = tagged ? SR_TAG : strlen(value);
	patient->query.patient_tagged = tagged;
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct patient *patient = state->input;
	switch (key) {
	case KEY_TAG:
		return take_identity(patient, value, true);
	case ARGP_KEY_ARG:
		return take_identity(patient, value, false);
	case KEY_AUDITOR:
		patient->key_path = value;
		return 0;
	case KEY_FROM:
		return parse_time(value, &patient->query.from_ms) ? 0 : cli_wrong(patient->cli, "--from is no time");
	case KEY_TO:
		return parse_time(value, &patient->query.to_ms) ? 0 : cli_wrong(patient->cli, "--to is no time");
	case ARGP_KEY_END:
		return patient->query.patient
			       ? 0
			       : cli_wrong(patient->cli, "audit patient needs an IDENTITY or --patient-tag");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "IDENTITY\n--patient-tag HEX",
	.doc = "Print who looked at a patient's recordings, when and how much of them, and who tried to and was "
	       "refused "
	       "or had them withheld: what a patient may ask for. Other patients' recordings are left out of it. What "
	       "came from another identity, by rename or merge, follows with what was done with it there.\v"
	       "What was done: listed, checked, described, opened; played, with the bytes that were handed over; "
	       "maybe_played, all that may have been before a crash; shown, as the service states it; refused; "
	       "withheld, from a list; alarm.\n\n"
	       "JSON: one line each: \"number\", \"time\" (RFC 3339), \"what\", and where known \"outcome\", "
	       "\"service\", \"role\", \"purpose\", \"actor_tag\", \"actor\" (with --auditor-key), \"request\", "
	       "\"moved\" (true: under another identity), \"recordings\": each with \"id\", \"withheld\", \"track\", "
	       "\"from\", \"to\" (bytes), \"media_from\", \"media_to\" (milliseconds).\n\n"
	       "Exits with 0, whether or not there is any; 1 if it failed or was refused, 2 wrong usage, 5 if the "
	       "store "
	       "is unavailable. That you ask is an entry too, and so is each name that is opened.\n\nExample:\n\n"
	       "  sealreel --credential auditor.cred audit patient 'urn:example:patient|4711' --auditor-key "
	       "auditor.key\n",
};

/* ---- people ---- */

/* The name under a tag, "" if it is not known; it is asked for once. */
static const char *name_of(struct patient *patient, const uint8_t *tag)
{
	struct sr_result result;
	if (!patient->auditor || !tag || patient->status != CLI_DONE)
		return "";
	for (size_t at = 0; at < patient->people_count; at++)
		if (memcmp(patient->people[at].tag, tag, SR_TAG) == 0)
			return patient->people[at].name;
	if (patient->people_count == PEOPLE_MAX)
		patient->people_count = 0;
	struct person *person = &patient->people[patient->people_count];
	enum sr_code code = cli_auditor_open(patient->auditor, patient->audit.blocking, tag, person->name, &result);
	if (code == SR_NOT_FOUND)
		person->name[0] = '\0'; /* erased since */
	else if (code != SR_OK)
		patient->status = cli_fail(&result);
	if (patient->status != CLI_DONE)
		return "";
	memcpy(person->tag, tag, SR_TAG);
	patient->people_count++;
	return person->name;
}

/* ---- what is told ---- */

/* What an entry says was done; NULL: nothing that a patient is told of. */
static const char *what_of(const struct sr_audit_entry *entry)
{
	static const struct {
		const char *operation, *what;
	} words[] = {{"list", "listed"}, {"check", "checked"}, {"info", "described"}, {"play.open", "opened"}};
	switch (entry->kind) {
	case SR_AUDIT_PRESENTED:
		for (size_t at = 0; at < sizeof words / sizeof *words; at++)
			if (strcmp(entry->operation, words[at].operation) == 0)
				return words[at].what;
		return "presented";
	case SR_AUDIT_SENT:
		return "played";
	case SR_AUDIT_RECOVERED:
		return strcmp(entry->operation, "play.read") == 0 ? "maybe_played" : NULL;
	case SR_AUDIT_SHOWN:
		return "shown";
	case SR_AUDIT_REFUSED:
		return "refused";
	case SR_AUDIT_ALARM:
		return "alarm";
	default:
		return NULL;
	}
}

static bool is_patient(const struct patient *patient, const uint8_t *tag)
{
	const uint8_t *own = patient->following ? patient->tag : patient->audit.patient;
	return tag && memcmp(tag, own, SR_TAG) == 0;
}

/* Is this recording the patient's, as far as the entry says? What belongs to others is not for a patient to know. */
static bool is_own(const struct patient *patient, const struct sr_audit_entry *entry,
		   const struct sr_audit_recording *recording)
{
	if (patient->following)
		return memcmp(recording->id, patient->following, SR_UUID) == 0;
	if (recording->owner)
		return is_patient(patient, recording->owner);
	bool nobodys = recording->withheld &&
		       (strcmp(recording->withheld, "not_found") == 0 || strcmp(recording->withheld, "misfiled") == 0 ||
			strcmp(recording->withheld, "foreign") == 0);
	return is_patient(patient, entry->tag) && !nobodys;
}

static json_t *recording_json(const struct sr_audit_recording *recording)
{
	char id[SR_UUID_TEXT];
	sr_uuid_format(recording->id, id);
	json_t *object = json_pack("{s:s}", "id", id);
	if (recording->withheld)
		(void)json_object_set_new(object, "withheld", json_string(recording->withheld));
	if (recording->has_track)
		(void)json_object_set_new(object, "track", json_integer(recording->track));
	if (recording->has_range) {
		(void)json_object_set_new(object, "from", json_integer((json_int_t)recording->from));
		(void)json_object_set_new(object, "to", json_integer((json_int_t)recording->to));
	}
	if (recording->has_media) {
		(void)json_object_set_new(object, "media_from", json_integer((json_int_t)recording->media_from));
		(void)json_object_set_new(object, "media_to", json_integer((json_int_t)recording->media_to));
	}
	return object;
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text && *text)
		(void)json_object_set_new(object, name, json_string(text));
}

/* One of what is told: an entry, as far as it concerns the patient. */
struct row {
	const struct sr_audit_entry *entry;
	const char *what;
	const uint8_t *actor;
	char time[TIME_TEXT];
	char actor_hex[2 * SR_TAG + 1];
	const char *actor_name;
};

static void print_json(struct patient *patient, const struct row *row)
{
	const struct sr_audit_entry *entry = row->entry;
	char request[17] = "";
	json_t *recordings = json_array();
	json_t *object =
		json_pack("{s:I, s:s, s:s}", "number", (json_int_t)entry->number, "time", row->time, "what", row->what);
	if (entry->request)
		(void)snprintf(request, sizeof request, "%016llx", (unsigned long long)entry->request);
	set_text(object, "outcome", entry->outcome);
	set_text(object, "service", entry->service);
	set_text(object, "role", entry->role);
	set_text(object, "purpose", entry->purpose);
	set_text(object, "actor_tag", row->actor_hex);
	set_text(object, "actor", row->actor_name);
	set_text(object, "request", request);
	if (patient->following)
		(void)json_object_set_new(object, "moved", json_true());
	for (size_t at = 0; at < entry->recording_count; at++)
		if (is_own(patient, entry, &entry->recordings[at]))
			(void)json_array_append_new(recordings, recording_json(&entry->recordings[at]));
	(void)json_object_set_new(object, "recordings", recordings);
	char *text = json_dumps(object, JSON_COMPACT);
	if (text)
		puts(text);
	free(text);
	json_decref(object);
}

static void put_pair(const char *name, const char *value)
{
	if (!value || !*value)
		return;
	printf(" %s=", name);
	audit_put_value(stdout, value);
}

static void print_text(struct patient *patient, const struct row *row)
{
	const struct sr_audit_entry *entry = row->entry;
	char id[SR_UUID_TEXT];
	printf("%s %s", row->time, row->what);
	put_pair("by", row->actor_name && *row->actor_name ? row->actor_name : row->actor_hex);
	put_pair("role", entry->role);
	put_pair("purpose", entry->purpose);
	put_pair("service", entry->service);
	if (entry->kind == SR_AUDIT_REFUSED)
		put_pair("outcome", entry->outcome);
	for (size_t at = 0; at < entry->recording_count; at++) {
		const struct sr_audit_recording *recording = &entry->recordings[at];
		if (!is_own(patient, entry, recording))
			continue;
		sr_uuid_format(recording->id, id);
		printf(" recording=%s", id);
		put_pair("withheld", recording->withheld);
		if (recording->has_range)
			printf(" track=%u bytes=%llu-%llu", recording->track, (unsigned long long)recording->from,
			       (unsigned long long)recording->to);
		if (recording->has_media)
			printf(" media=%llu-%llums", (unsigned long long)recording->media_from,
			       (unsigned long long)recording->media_to);
	}
	if (patient->following)
		printf(" moved=yes");
	printf(" entry=%llu\n", (unsigned long long)entry->number);
}

static void print_row(struct patient *patient, const struct sr_audit_entry *entry, const char *what)
{
	struct row row = {.entry = entry, .what = what};
	row.actor = entry->kind == SR_AUDIT_SHOWN && entry->linked ? entry->linked : entry->actor;
	format_time(entry->time_ms, row.time);
	if (row.actor)
		(void)sodium_bin2hex(row.actor_hex, sizeof row.actor_hex, row.actor, SR_TAG);
	row.actor_name = name_of(patient, row.actor);
	if (patient->status != CLI_DONE)
		return;
	if (patient->cli->json)
		print_json(patient, &row);
	else
		print_text(patient, &row);
}

/* ---- which entries ---- */

static bool is_noted(const struct patient *patient, const uint8_t id[SR_UUID])
{
	for (size_t at = 0; at < patient->moved_count; at++)
		if (memcmp(patient->moved[at], id, SR_UUID) == 0)
			return true;
	return false;
}

/* Recordings that came to the patient from another identity: what was done with them there concerns the patient too. */
static void note_moved(struct patient *patient, const struct sr_audit_entry *entry)
{
	bool came = (entry->kind == SR_AUDIT_OUTCOME || entry->kind == SR_AUDIT_RECOVERED) && entry->linked &&
		    is_patient(patient, entry->tag) && entry->outcome && strcmp(entry->outcome, "applied") == 0 &&
		    (strcmp(entry->operation, "patient.rename") == 0 || strcmp(entry->operation, "patient.merge") == 0);
	if (!came)
		return;
	void *more = reallocarray(patient->moved, patient->moved_count + entry->recording_count + 1, SR_UUID);
	if (!more) {
		patient->status = cli_fail_memory();
		return;
	}
	patient->moved = more;
	for (size_t at = 0; at < entry->recording_count; at++)
		if (!is_noted(patient, entry->recordings[at].id))
			memcpy(patient->moved[patient->moved_count++], entry->recordings[at].id, SR_UUID);
}

static bool concerns(const struct patient *patient, const struct sr_audit_entry *entry)
{
	if (!patient->following && is_patient(patient, entry->tag))
		return true;
	/* Under the patient's own identity it was told before. */
	if (patient->following && is_patient(patient, entry->tag))
		return false;
	for (size_t at = 0; at < entry->recording_count; at++)
		if (is_own(patient, entry, &entry->recordings[at]))
			return true;
	return false;
}

static bool visit(void *context, const struct sr_audit_entry *entry, struct sr_span json)
{
	struct patient *patient = context;
	const char *what = what_of(entry);
	(void)json;
	if (patient->collecting)
		note_moved(patient, entry);
	else if (what && patient->status == CLI_DONE && concerns(patient, entry))
		print_row(patient, entry, what);
	return patient->status == CLI_DONE;
}

/* Whenever it came: what is asked about may have been done before. */
static int collect_moved(struct patient *patient)
{
	struct sr_auditor_search query = patient->query;
	query.from_ms = query.to_ms = 0;
	query.kinds = 1u << SR_AUDIT_OUTCOME | 1u << SR_AUDIT_RECOVERED;
	patient->collecting = true;
	int status = audit_search(&patient->audit, &query, visit, patient);
	patient->collecting = false;
	return status == CLI_DONE ? patient->status : status;
}

static int follow_moved(struct patient *patient)
{
	int status = CLI_DONE;
	memcpy(patient->tag, patient->audit.patient, SR_TAG);
	for (size_t at = 0; at < patient->moved_count && status == CLI_DONE; at++) {
		struct sr_auditor_search query = {.from_ms = patient->query.from_ms,
						  .to_ms = patient->query.to_ms,
						  .recording = patient->moved[at]};
		patient->following = patient->moved[at];
		status = audit_search(&patient->audit, &query, visit, patient);
	}
	return status == CLI_DONE ? patient->status : status;
}

static int run(struct patient *patient)
{
	int status = patient->key_path ? cli_auditor_read(patient->key_path, &patient->auditor) : CLI_DONE;
	if (status == CLI_DONE && patient->auditor) {
		patient->people = sodium_allocarray(PEOPLE_MAX, sizeof *patient->people);
		if (!patient->people)
			status = cli_fail_memory();
	}
	if (status == CLI_DONE)
		status = audit_open(&patient->audit);
	if (status == CLI_DONE)
		status = collect_moved(patient);
	if (status == CLI_DONE)
		status = audit_search(&patient->audit, &patient->query, visit, patient);
	if (status == CLI_DONE)
		status = patient->status;
	if (status == CLI_DONE)
		status = follow_moved(patient);
	audit_close(&patient->audit);
	cli_auditor_free(patient->auditor);
	sodium_free(patient->people);
	free(patient->moved);
	return cli_flush(status);
}

int cli_audit_patient(struct cli *cli, int argc, char **argv)
{
	struct patient patient = {.cli = cli, .audit.cli = cli};
	int status = cli_parse_data(cli, &argp, argc, argv, &patient);
	return status >= 0 ? status : run(&patient);
}
