/* Entries of the audit log as FHIR R4 AuditEvents, after IHE's Basic Audit Log Patterns where one fits. */
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "cli/audit_about.h"
#include "cli/audit_form.h"
#include "cli/parse.h"

#define TERMS "http://terminology.hl7.org/CodeSystem/"
#define REST "http://hl7.org/fhir/restful-interaction"
#define DCM "http://dicom.nema.org/resources/ontology/DCM"
#define BALP "https://profiles.ihe.net/ITI/BALP/"
#define SOURCE_ROLE "110153"
#define DESTINATION_ROLE "110152"

/* An event being made of an entry, and of one recording of it or none. */
struct event {
	const char *store;
	const struct sr_audit_entry *entry;
	const struct sr_audit_recording *recording;
	enum audit_doing doing;
	bool query; /* the asking itself, apart from what it gave */
	enum audit_result result;
};

/* What each doing is in the terms of FHIR. */
static const struct {
	const char *action, *interaction, *profile;
	bool to_client; /* what is handed over goes to the client */
} doings[] = {
	[AUDIT_READS] = {"R", "read", "PatientRead", true},
	[AUDIT_CREATES] = {"C", "create", "PatientCreate", false},
	[AUDIT_UPDATES] = {"U", "update", "PatientUpdate", false},
	[AUDIT_DELETES] = {"D", "delete", "PatientDelete", false},
	[AUDIT_OTHER] = {"E", NULL, NULL, false},
};

static json_t *coding(const char *system, const char *code)
{
	return json_pack("{s:s, s:s}", "system", system, "code", code);
}

static json_t *identifier(const char *system, const char *value)
{
	return json_pack("{s:{s:s, s:s}}", "identifier", "system", system, "value", value);
}

/* Somebody or something by a name of this store's own: urn:sealreel:STORE:WHAT. */
static json_t *own_identifier(const struct event *event, const char *what, const char *value)
{
	return json_pack("{s:{s:o, s:s}}", "identifier", "system",
			 json_sprintf("urn:sealreel:%s:%s", event->store, what), "value", value);
}

static json_t *own_hash(const struct event *event, const char *what, const uint8_t *hash)
{
	char hex[2 * SR_TAG + 1];
	return own_identifier(event, what, sodium_bin2hex(hex, sizeof hex, hash, SR_TAG));
}

static void append(json_t *list, json_t *value)
{
	(void)json_array_append_new(list, value);
}

static void set(json_t *object, const char *name, json_t *value)
{
	(void)json_object_set_new(object, name, value);
}

/* ---- agents ---- */

static json_t *network_agent(const char *role, json_t *who, json_t *address)
{
	return json_pack("{s:{s:[o]}, s:o, s:b, s:{s:o, s:s}}", "type", "coding", coding(DCM, role), "who", who,
			 "requestor", 0, "network", "address", address, "type", "5");
}

static json_t *user_agent(const struct event *event)
{
	const struct sr_audit_entry *entry = event->entry;
	bool looks = entry->kind == SR_AUDIT_SHOWN && entry->linked;
	const char *part = event->query || event->doing == AUDIT_READS || event->doing == AUDIT_OTHER ? "IRCP" : "AUT";
	json_t *agent =
		json_pack("{s:{s:[o]}, s:o, s:b}", "type", "coding", coding(TERMS "v3-ParticipationType", part), "who",
			  own_hash(event, "actor", looks ? entry->linked : entry->actor), "requestor", 1);
	if (entry->role)
		set(agent, "role", json_pack("[{s:s}]", "text", entry->role));
	if (entry->purpose)
		set(agent, "purposeOfUse", json_pack("[{s:s}]", "text", entry->purpose));
	return agent;
}

static json_t *agents_of(const struct event *event)
{
	bool to_client = !event->query && doings[event->doing].to_client;
	const char *service = event->entry->service ? event->entry->service : "-";
	json_t *agents = json_array();
	append(agents,
	       network_agent(to_client ? DESTINATION_ROLE : SOURCE_ROLE, own_identifier(event, "service", service),
			     json_sprintf("urn:sealreel:%s:service:%s", event->store, service)));
	append(agents,
	       network_agent(to_client ? SOURCE_ROLE : DESTINATION_ROLE, identifier("urn:sealreel:store", event->store),
			     json_sprintf("urn:sealreel:%s", event->store)));
	if (event->entry->actor)
		append(agents, user_agent(event));
	return agents;
}

/* ---- entities ---- */

static json_t *entity(const char *type, const char *role, json_t *what)
{
	json_t *object = json_pack("{s:o, s:o}", "type", coding(TERMS "audit-entity-type", type), "role",
				   coding(TERMS "object-role", role));
	if (what)
		set(object, "what", what);
	return object;
}

static void put_detail(json_t *details, const char *type, json_t *value)
{
	append(details, json_pack("{s:s, s:o}", "type", type, "valueString", value));
}

static json_t *recording_entity(const struct sr_audit_recording *recording)
{
	char id[SR_UUID_TEXT], hex[2 * SR_TAG + 1];
	sr_uuid_format(recording->id, id);
	json_t *what = json_pack("{s:{s:s, s:o}}", "identifier", "system", "urn:ietf:rfc:3986", "value",
				 json_sprintf("urn:uuid:%s", id));
	json_t *object = entity("2", "4", what), *details = json_array();
	if (recording->withheld)
		put_detail(details, "withheld", json_string(recording->withheld));
	if (recording->owner)
		put_detail(details, "owner", json_string(sodium_bin2hex(hex, sizeof hex, recording->owner, SR_TAG)));
	if (recording->has_track)
		put_detail(details, "track", json_sprintf("%u", recording->track));
	if (recording->has_range)
		put_detail(details, "bytes",
			   json_sprintf("%llu-%llu", (unsigned long long)recording->from,
					(unsigned long long)recording->to));
	if (recording->has_media)
		put_detail(details, "media_ms",
			   json_sprintf("%llu-%llu", (unsigned long long)recording->media_from,
					(unsigned long long)recording->media_to));
	if (json_array_size(details) > 0)
		set(object, "detail", details);
	else
		json_decref(details);
	return object;
}

/* What was asked, as the pattern of a query has it: base 64 of its words. */
static json_t *query_entity(const struct event *event)
{
	const struct sr_audit_entry *entry = event->entry;
	char base[128];
	size_t size = strlen(entry->operation);
	if (size > 64)
		size = 64;
	(void)sodium_bin2base64(base, sizeof base, (const uint8_t *)entry->operation, size,
				sodium_base64_VARIANT_ORIGINAL);
	json_t *object = entity("2", "24", NULL), *words = json_string("");
	for (size_t at = 0; at < entry->count_count; at++) {
		json_t *more = json_sprintf("%s%s%s=%llu", json_string_value(words), at ? " " : "",
					    entry->counts[at].name, (unsigned long long)entry->counts[at].value);
		json_decref(words);
		words = more;
	}
	set(object, "query", json_string(base));
	if (*json_string_value(words))
		set(object, "description", json_incref(words));
	json_decref(words);
	return object;
}

/* What is said of an entry that touches no recording. */
static json_t *words_entity(const struct event *event)
{
	const struct sr_audit_entry *entry = event->entry;
	json_t *object = entity("2", "4", own_identifier(event, "operation", entry->operation));
	json_t *details = json_array();
	if (entry->name)
		put_detail(details, "name", json_string(entry->name));
	if (entry->reason)
		put_detail(details, "reason", json_string(entry->reason));
	for (size_t at = 0; at < entry->count_count; at++)
		put_detail(details, entry->counts[at].name,
			   json_sprintf("%llu", (unsigned long long)entry->counts[at].value));
	for (size_t at = 0; at < entry->fact_count; at++)
		put_detail(details, entry->facts[at].name,
			   json_string(*entry->facts[at].value ? entry->facts[at].value : "-"));
	if (json_array_size(details) > 0)
		set(object, "detail", details);
	else
		json_decref(details);
	return object;
}

static json_t *entities_of(const struct event *event)
{
	const struct sr_audit_entry *entry = event->entry;
	json_t *entities = json_array();
	if (entry->tag) {
		json_t *who = own_hash(event, "patient", entry->tag);
		set(who, "type", json_string("Patient"));
		append(entities, entity("1", "1", who));
	}
	append(entities, event->query       ? query_entity(event)
			 : event->recording ? recording_entity(event->recording)
					    : words_entity(event));
	if (entry->request)
		append(entities,
		       json_pack("{s:o, s:{s:{s:o}}}", "type",
				 coding(BALP "CodeSystem/BasicAuditEntityType", "XrequestId"), "what", "identifier",
				 "value", json_sprintf("%016llx", (unsigned long long)entry->request)));
	return entities;
}

/* ---- events ---- */

/* What a pattern of BALP has fits a success with a patient and a recording; other things are not said to follow one. */
static const char *profile_of(const struct event *event)
{
	if (event->result != AUDIT_DONE_WELL || !event->entry->tag)
		return NULL;
	return event->query ? "PatientQuery" : event->recording ? doings[event->doing].profile : NULL;
}

static void set_type(const struct event *event, json_t *object)
{
	const struct sr_audit_entry *entry = event->entry;
	const char *interaction = event->query ? "search" : doings[event->doing].interaction;
	json_t *subtypes = json_array();
	bool reads_log = strncmp(entry->operation, "audit.", 6) == 0 || strcmp(entry->operation, "alarm.list") == 0 ||
			 strcmp(entry->operation, "person.read") == 0;
	if (interaction && !reads_log && (event->recording || event->query)) {
		set(object, "type", coding(TERMS "audit-event-type", "rest"));
		append(subtypes, coding(REST, interaction));
	} else {
		set(object, "type",
		    coding(DCM, reads_log                         ? "110101"
				: entry->kind == SR_AUDIT_ALARM   ? "110113"
				: entry->kind == SR_AUDIT_REFUSED ? "110113"
								  : "110100"));
	}
	append(subtypes, json_pack("{s:o, s:s}", "system", json_sprintf("urn:sealreel:%s:operation", event->store),
				   "code", entry->operation));
	set(object, "subtype", subtypes);
	set(object, "action", json_string(event->query ? "E" : doings[event->doing].action));
}

static void set_outcome(const struct event *event, json_t *object)
{
	const struct sr_audit_entry *entry = event->entry;
	const char *alarm = audit_alarm_of(entry);
	const char *why = event->recording && event->recording->withheld ? event->recording->withheld : entry->outcome;
	set(object, "outcome",
	    json_string(event->result == AUDIT_DENIED   ? "4"
			: event->result == AUDIT_FAILED ? "8"
							: "0"));
	if (event->result != AUDIT_DONE_WELL || alarm)
		set(object, "outcomeDesc",
		    json_sprintf("%s%s%s%s%s", why ? why : sr_audit_kind_name(entry->kind), entry->text ? ": " : "",
				 entry->text ? entry->text : "", alarm ? "; alarm: " : "", alarm ? alarm : ""));
}

static bool print_event(FILE *out, const struct event *event, size_t part)
{
	char time[TIME_TEXT];
	const char *profile = profile_of(event);
	format_time(event->entry->time_ms, time);
	json_t *object =
		json_pack("{s:s, s:o}", "resourceType", "AuditEvent", "id",
			  json_sprintf("%.8s-%llu-%zu", event->store, (unsigned long long)event->entry->number, part));
	if (profile)
		set(object, "meta",
		    json_pack("{s:[o]}", "profile",
			      json_sprintf(BALP "StructureDefinition/IHE.BasicAudit.%s", profile)));
	set_type(event, object);
	set(object, "recorded", json_string(time));
	set_outcome(event, object);
	set(object, "agent", agents_of(event));
	set(object, "source",
	    json_pack("{s:o, s:o, s:[o]}", "site", json_sprintf("urn:sealreel:%s", event->store), "observer",
		      identifier("urn:sealreel:store", event->store), "type",
		      coding(TERMS "security-source-type", "4")));
	set(object, "entity", entities_of(event));
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text)
		(void)fprintf(out, "%s\n", text);
	free(text);
	return text != NULL;
}

static bool asks(const struct sr_audit_entry *entry)
{
	return strcmp(entry->operation, "list") == 0 || strcmp(entry->operation, "check") == 0;
}

bool audit_fhir(FILE *out, const char *store, const struct sr_audit_entry *entry)
{
	struct event event = {
		.store = store, .entry = entry, .doing = audit_doing_of(entry), .result = audit_result_of(entry)};
	size_t part = 0;
	bool well = true;
	if (event.result == AUDIT_INTENDED)
		return true; /* what became of it is an entry of its own */
	event.query = asks(entry);
	if (event.query || entry->recording_count == 0)
		well = print_event(out, &event, part++);
	event.query = false;
	for (size_t at = 0; at < entry->recording_count && well; at++) {
		event.recording = &entry->recordings[at];
		event.result = audit_result_of(entry);
		if (event.result == AUDIT_DONE_WELL && event.recording->withheld)
			event.result = AUDIT_DENIED;
		well = print_event(out, &event, part++);
	}
	return well;
}
