/* Entries of the audit log as OCSF events of the class API Activity, with the entry itself in `unmapped`. */
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit_about.h"
#include "cli/audit_form.h"
#include "cli/parse.h"
#include "sealreel.h"

#define VERSION "1.3.0"
#define CLASS 6003

static const struct {
	int id;
	const char *name;
} activities[] = {
	[AUDIT_READS] = {2, "Read"},     [AUDIT_CREATES] = {1, "Create"}, [AUDIT_UPDATES] = {3, "Update"},
	[AUDIT_DELETES] = {4, "Delete"}, [AUDIT_OTHER] = {99, "Other"},
};

static void set(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value);
}

static json_t *hash_json(const uint8_t *hash)
{
	char hex[2 * SR_TAG + 1];
	return json_string(sodium_bin2hex(hex, sizeof hex, hash, SR_TAG));
}

/* The most severe of an entry's alarms: what is wrong in the store, what was tried, what is to be looked at. */
static int severity_of(const struct sr_audit_entry *entry)
{
	const char *alarm = audit_alarm_of(entry);
	if (alarm && (strstr(alarm, "misfiled") || strstr(alarm, "corrupt") || strstr(alarm, "consultation_conflict")))
		return 5;
	if (alarm && (strstr(alarm, "foreign") || strstr(alarm, "unusual")))
		return 4;
	if (alarm)
		return 3;
	return audit_result_of(entry) == AUDIT_FAILED ? 3 : audit_result_of(entry) == AUDIT_DENIED ? 2 : 1;
}

static const char *severity_name(int severity)
{
	static const char *const names[] = {"", "Informational", "Low", "Medium", "High", "Critical"};
	return names[severity];
}

static void set_status(json_t *object, const struct sr_audit_entry *entry)
{
	enum audit_result result = audit_result_of(entry);
	int severity = severity_of(entry);
	int id = result == AUDIT_DONE_WELL ? 1 : result == AUDIT_INTENDED ? 99 : 2;
	set(object, "severity_id", json_integer(severity));
	set(object, "severity", json_string(severity_name(severity)));
	set(object, "status_id", json_integer(id));
	set(object, "status", json_string(id == 1 ? "Success" : id == 2 ? "Failure" : "Other"));
	if (entry->outcome)
		set(object, "status_code", json_string(entry->outcome));
	if (entry->text)
		set(object, "status_detail", json_string(entry->text));
}

static json_t *metadata_of(const char *store, const struct sr_audit_entry *entry)
{
	json_t *metadata = json_pack("{s:s, s:{s:s, s:s, s:s}, s:s, s:o, s:I}", "version", VERSION, "product", "name",
				     "sealreel", "vendor_name", "sealreel", "version", sr_version(), "log_name",
				     "audit", "uid", json_sprintf("%s/%llu", store, (unsigned long long)entry->number),
				     "sequence", (json_int_t)entry->number);
	if (entry->request)
		set(metadata, "correlation_uid", json_sprintf("%016llx", (unsigned long long)entry->request));
	return metadata;
}

static json_t *actor_of(const struct sr_audit_entry *entry)
{
	json_t *actor = json_pack("{s:s}", "app_name", entry->service ? entry->service : "sealreeld");
	if (entry->actor) {
		json_t *user = json_pack("{s:o}", "uid", hash_json(entry->actor));
		if (entry->role)
			set(user, "type", json_string(entry->role));
		set(actor, "user", user);
	}
	if (entry->session)
		set(actor, "session", json_pack("{s:s}", "uid", entry->session));
	if (entry->issuer)
		set(actor, "idp", json_pack("{s:s}", "name", entry->issuer));
	return actor;
}

static json_t *resources_of(const struct sr_audit_entry *entry)
{
	json_t *list = json_array();
	char id[SR_UUID_TEXT];
	for (size_t at = 0; at < entry->recording_count; at++) {
		const struct sr_audit_recording *recording = &entry->recordings[at];
		const uint8_t *owner = recording->owner ? recording->owner : entry->tag;
		sr_uuid_format(recording->id, id);
		json_t *resource = json_pack("{s:s, s:s}", "type", "recording", "uid", id);
		if (owner)
			set(resource, "owner", json_pack("{s:o}", "uid", hash_json(owner)));
		if (recording->withheld)
			set(resource, "labels", json_pack("[o]", json_sprintf("withheld:%s", recording->withheld)));
		(void)json_array_append_new(list, resource);
	}
	if (entry->recording_count == 0 && entry->tag)
		(void)json_array_append_new(list,
					    json_pack("{s:s, s:o}", "type", "patient", "uid", hash_json(entry->tag)));
	return list;
}

bool audit_ocsf(FILE *out, const char *store, const struct sr_audit_entry *entry, struct sr_span json)
{
	enum audit_doing doing = audit_doing_of(entry);
	int activity = activities[doing].id;
	json_t *api = json_pack("{s:s, s:{s:s}}", "operation", entry->operation, "service", "name", "sealreel");
	if (entry->request)
		set(api, "request",
		    json_pack("{s:o}", "uid", json_sprintf("%016llx", (unsigned long long)entry->request)));
	json_t *object = json_pack(
		"{s:i, s:s, s:i, s:s, s:i, s:s, s:i, s:o, s:I, s:o, s:o, s:o, s:{s:s}}", "class_uid", CLASS,
		"class_name", "API Activity", "category_uid", CLASS / 1000, "category_name", "Application Activity",
		"activity_id", activity, "activity_name", activities[doing].name, "type_uid", CLASS * 100 + activity,
		"type_name", json_sprintf("API Activity: %s", activities[doing].name), "time",
		(json_int_t)entry->time_ms, "metadata", metadata_of(store, entry), "actor", actor_of(entry), "api", api,
		"src_endpoint", "name", entry->service ? entry->service : "sealreeld");
	json_t *resources = resources_of(entry);
	set_status(object, entry);
	set(object, "message", json_sprintf("%s %s", sr_audit_kind_name(entry->kind), entry->operation));
	if (json_array_size(resources) > 0)
		set(object, "resources", json_incref(resources));
	json_decref(resources);
	/* Numbers up to 2^64 - 1 stand in it, which JSON libraries bend: the entry goes as the text that it is. */
	set(object, "unmapped", json_pack("{s:s%}", "entry", (const char *)json.data, json.size));
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text)
		(void)fprintf(out, "%s\n", text);
	free(text);
	return text != NULL;
}
