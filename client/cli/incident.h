/*
 * What the commands of `sealreel audit incident` share.
 */
#ifndef SR_CLI_INCIDENT_H
#define SR_CLI_INCIDENT_H

#include "cli/audit.h"
#include "report/report.h"

#define INCIDENT_CONDITIONS 7 /* service, issuer, grant, actor, patient, except-patient, recording */

/* One run. Texts are borrowed from argv. */
struct incident {
	struct cli *cli;
	struct audit audit;
	const char *verb, *name, *what, *text; /* the words, in their order */
	uint64_t at_ms, from_ms, to_ms;
	bool has_at, has_from, has_to;
	const char *conditions[INCIDENT_CONDITIONS]; /* as given: people by their identity */
	uint64_t since, again;                       /* numbers of reports; 0: none */
	const char *checkpoint, *verifier_key, *out, *auditor_key;
	/* Of its conditions as the log has them: facts, ascending by name. */
	struct sr_incident_detail details[INCIDENT_CONDITIONS];
	size_t detail_count;
	char tags[INCIDENT_CONDITIONS][65];
	/* What was heard last. */
	struct cli_answer answer;
	uint8_t bytes[32];
};

/* Turn conditions into details: people's tags are asked for. The exit status, with its line printed. */
int incident_conditions(struct incident *incident);

/* State something of the incident `name`. The exit status, with its line printed. */
int incident_state(struct incident *incident, const struct sr_incident_statement *statement);

/* Read the notes of the incident called notes->name from the log, "": of all. The exit status, its line printed. */
int incident_notes(struct incident *incident, struct sr_incident *notes);

/* `report`; `contacts`: open a contact list. The exit status. */
int incident_report(struct incident *incident);
int incident_contacts(struct incident *incident);

/*
 * Seal a contact list to the auditor: the people of `report` with the boxes that the store has for them. *sealed (out)
 * is allocated. The exit status, with its line printed.
 */
int incident_seal(struct incident *incident, const struct sr_report *report, uint8_t **sealed, size_t *size);

/* Print a text of others' making: no control character of it reaches the terminal, and it ends no line. */
void incident_put_text(const char *text);

#endif
