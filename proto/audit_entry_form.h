/*
 * The form of an entry's JSON that its writer, its reader and the log's thread share. Internal to this room.
 */
#ifndef SR_AUDIT_ENTRY_FORM_H
#define SR_AUDIT_ENTRY_FORM_H

#include "audit_entry.h"

/* The members, in their order, with what stands before their value. */
#define SR_MEMBER_NUMBER "{\"number\":"
#define SR_MEMBER_TIME ",\"time\":"
#define SR_MEMBER_KIND ",\"kind\":"
#define SR_MEMBER_OPERATION ",\"operation\":"
#define SR_MEMBER_REQUEST ",\"request\":"
#define SR_MEMBER_OF ",\"of\":"
#define SR_MEMBER_SERVICE ",\"service\":"
#define SR_MEMBER_ISSUER ",\"issuer\":"
#define SR_MEMBER_JTI ",\"jti\":"
#define SR_MEMBER_SESSION ",\"session\":"
#define SR_MEMBER_TAG ",\"tag\":"
#define SR_MEMBER_ACTOR ",\"actor\":"
#define SR_MEMBER_LINKED ",\"linked\":"
#define SR_MEMBER_ROLE ",\"role\":"
#define SR_MEMBER_PURPOSE ",\"purpose\":"
#define SR_MEMBER_OUTCOME ",\"outcome\":"
#define SR_MEMBER_TEXT ",\"text\":"
#define SR_MEMBER_REASON ",\"reason\":"
#define SR_MEMBER_NAME ",\"name\":"
#define SR_MEMBER_MANIFEST ",\"manifest\":" /* also of a recording */
#define SR_MEMBER_RECORDINGS ",\"recordings\":"
#define SR_MEMBER_COUNTS ",\"counts\":"
#define SR_MEMBER_FACTS ",\"facts\":"

/* Those of a recording, behind its id. */
#define SR_MEMBER_ID "{\"id\":"
#define SR_MEMBER_WITHHELD ",\"withheld\":"
#define SR_MEMBER_OWNER ",\"owner\":"
#define SR_MEMBER_OWN_TAG ",\"own_tag\":"
#define SR_MEMBER_TRACK ",\"track\":"
#define SR_MEMBER_FROM ",\"from\":"
#define SR_MEMBER_TO ",\"to\":"
#define SR_MEMBER_LENGTH ",\"length\":"
#define SR_MEMBER_MEDIA_FROM ",\"media_from\":"
#define SR_MEMBER_MEDIA_TO ",\"media_to\":"
#define SR_MEMBER_GENERATION ",\"generation\":"

#define SR_AUDIT_NAME_MAX 32 /* of a count or a fact */

/* The most bytes of number and time with their members, and what is left for the rest. */
#define SR_AUDIT_HEAD_MAX 64
#define SR_AUDIT_TAIL_MAX (SR_AUDIT_ENTRY_MAX - SR_AUDIT_HEAD_MAX)

/* May a count or a fact be called this? */
bool sr_audit_name_fits(const char *name, size_t size) SR_MUST_USE;

/* Write the first two members: what the log knows only when it takes the entry. At most SR_AUDIT_HEAD_MAX bytes. */
void sr_audit_entry_head(struct sr_builder *out, uint64_t number, uint64_t time_ms);

/*
 * Write all that follows them. *of_at (out) is how many bytes of it come before the place of the member `of`, which is
 * written if `entry` has it. SR_USAGE as sr_audit_entry_write, also when `out` is too small; `out` is then undefined.
 */
enum sr_code sr_audit_entry_tail(const struct sr_audit_entry *entry, struct sr_builder *out, size_t *of_at,
				 struct sr_error *err) SR_MUST_USE;

/* Write the member `of` alone, at most SR_AUDIT_OF_MAX bytes: for an entry whose `of` the log knows no sooner. */
#define SR_AUDIT_OF_MAX (sizeof SR_MEMBER_OF - 1 + 20)
void sr_audit_entry_of(struct sr_builder *out, uint64_t of);

#endif
