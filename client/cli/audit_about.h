/* What an entry of the audit log is about, whatever the form it is printed in. */
#ifndef SR_CLI_AUDIT_ABOUT_H
#define SR_CLI_AUDIT_ABOUT_H

#include "audit_entry.h"

/* What was done. */
enum audit_doing { AUDIT_READS, AUDIT_CREATES, AUDIT_UPDATES, AUDIT_DELETES, AUDIT_OTHER };
enum audit_doing audit_doing_of(const struct sr_audit_entry *entry);

/* Done, refused to whoever asked, failed in the store; or only intended. */
enum audit_result { AUDIT_DONE_WELL, AUDIT_DENIED, AUDIT_FAILED, AUDIT_INTENDED };
enum audit_result audit_result_of(const struct sr_audit_entry *entry);

/* Was an alarm raised: the names of its kinds, or NULL. */
const char *audit_alarm_of(const struct sr_audit_entry *entry);

#endif
