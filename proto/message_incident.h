/*
 * The messages of incidents: what people state of one, for the audit log; under which tag somebody stands there; to
 * whom contact lists are sealed. Encoders and decoders as message.h says.
 */
#ifndef SR_MESSAGE_INCIDENT_H
#define SR_MESSAGE_INCIDENT_H

#include "context.h"
#include "message.h"

#define SR_INCIDENT_NAME_MAX 63
#define SR_INCIDENT_TEXT_MAX 4096
#define SR_INCIDENT_FACTS_MAX 12
#define SR_INCIDENT_VALUE_MAX 4096

/* What a note states. The numbers are those of the wire; the log has their words. */
enum sr_incident_what {
	SR_INCIDENT_OPENED = 1,   /* there is an incident of this name */
	SR_INCIDENT_AWARE,        /* since when it is known: the regulator's hours run from there */
	SR_INCIDENT_NOTICED,      /* by whom, as a role */
	SR_INCIDENT_CAUSE,        /* what led to it */
	SR_INCIDENT_CONTAINED,    /* when it could go on no longer */
	SR_INCIDENT_AUTHORITY,    /* when the authority was notified */
	SR_INCIDENT_PEOPLE,       /* when the people concerned were contacted */
	SR_INCIDENT_NOT_REPORTED, /* that it is not reported, and why */
	SR_INCIDENT_CONTACT,      /* where more can be learned */
	SR_INCIDENT_CONSEQUENCES, /* which are likely */
	SR_INCIDENT_MEASURES,     /* taken or proposed */
	SR_INCIDENT_REMARK,       /* whatever else */
	SR_INCIDENT_WRONG,        /* which accesses were unintended although a grant vouched for them: the facts */
	SR_INCIDENT_REPORT,       /* a report was made: the facts say of what */
	SR_INCIDENT_WHATS
};

/* The word of it ("opened", "aware_at", …; static), NULL for a number that is none; and the number of a word, 0. */
const char *sr_incident_what_name(enum sr_incident_what what);
enum sr_incident_what sr_incident_what_parse(const char *word);

/* May an incident be called this? 1 to 63 of a-z 0-9 . _ - */
bool sr_incident_name_valid(struct sr_span name) SR_MUST_USE;

/* The word of a fact that a note may have (static): what accesses it is about, what a report was made of. NULL: none.
 */
const char *sr_incident_fact_word(struct sr_span name);

struct sr_incident_fact;
/*
 * Is it a condition on accesses: service, issuer, grant (any text), actor, patient, except_patient (a tag in hex), or
 * recording (an id)? A note `wrong` consists of these alone.
 */
bool sr_incident_condition_valid(const struct sr_incident_fact *fact) SR_MUST_USE;

/* A fact of a note: name field (one of these words), value field (UTF-8). */
struct sr_incident_fact {
	struct sr_span name;
	struct sr_span value;
};

/*
 * INCIDENT_NOTE: name field, what u8, at_ms u64 (0: says no time), text field (at most SR_INCIDENT_TEXT_MAX bytes of
 * UTF-8), count u8 (at most SR_INCIDENT_FACTS_MAX), then so many facts, ascending by their names.
 */
struct sr_incident_note {
	struct sr_span name;
	enum sr_incident_what what;
	uint64_t at_ms;
	struct sr_span text;
	uint8_t count;
	struct sr_incident_fact facts[SR_INCIDENT_FACTS_MAX];
};
void sr_incident_note_encode(struct sr_builder *out, const struct sr_incident_note *message);
void sr_incident_note_decode(struct sr_cursor *in, struct sr_incident_note *message);

/* AUDIT_TAG: actor u8 (0 a patient's, 1 an actor's), identity field (1 to 255 bytes). AUDIT_TAGGED: tag 32. */
struct sr_audit_tag {
	bool actor;
	struct sr_span identity;
};
void sr_audit_tag_encode(struct sr_builder *out, const struct sr_audit_tag *message);
void sr_audit_tag_decode(struct sr_cursor *in, struct sr_audit_tag *message);
void sr_audit_tagged_encode(struct sr_builder *out, const uint8_t tag[SR_TAG]);
void sr_audit_tagged_decode(struct sr_cursor *in, uint8_t tag[SR_TAG]);

/* AUDIT_AUDITOR has no fields. AUDIT_AUDITOR_KEY: key 32, the auditor's public key (X25519). */
#define SR_AUDITOR_KEY 32
void sr_auditor_key_encode(struct sr_builder *out, const uint8_t key[SR_AUDITOR_KEY]);
void sr_auditor_key_decode(struct sr_cursor *in, uint8_t key[SR_AUDITOR_KEY]);

#endif
