/*
 * The grant a stream holds, and its replacement by a newer one.
 */
#ifndef SR_RENEWAL_H
#define SR_RENEWAL_H

#include "serve/session.h"

/* A grant with the settings that its issuer belongs to. Owned by a stream's writer or player. */
struct sr_held_grant {
	struct sr_settings *settings;
	struct sr_grant *grant;
	int64_t expires; /* seconds */
	uint8_t tag[SR_TAG];
	uint8_t actor[SR_TAG];
	bool renewing; /* a renewal is under way: one at a time */
};

/* Who holds it, and for whom, as an entry of the account. Borrowed from it. */
struct sr_audit_entry sr_held_words(const struct sr_held_grant *held);

/* Take over the verified grant of a request; drop what is held. */
void sr_held_grant_take(struct sr_held_grant *held, struct sr_request *request);
void sr_held_grant_drop(struct sr_held_grant *held);

/*
 * GRANT_RENEW on a stream with a writer or player: verify, compare, remember in a writer's recording, replace. Answers
 * RENEWED, or an ERROR that leaves stream and old grant as they are.
 */
void sr_renew_start(struct sr_session *session, const struct sr_message_head *head, const struct sr_cursor *fields,
		    const uint8_t recording[SR_UUID]);

/* The grant held by a stream: its writer's or its player's. NULL if it has neither any more. */
struct sr_held_grant *sr_stream_grant(struct sr_stream *stream);

#endif
