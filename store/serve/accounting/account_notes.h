/*
 * What a request has noted for the entry that is written next, as account_request.c puts it there. Nobody else includes
 * this: how notes are made is in account_request.h.
 */
#ifndef SR_ACCOUNT_NOTES_H
#define SR_ACCOUNT_NOTES_H

#include "serve/accounting/account_request.h"

/* Put all that is noted into `entry` (out), which borrows it. */
void sr_account_notes_put(const struct sr_request *request, struct sr_audit_entry *entry);

/* The request is refused: every recording that is noted, and not withheld yet, is withheld for `why` (static). */
void sr_account_notes_withhold(struct sr_request *request, const char *why);

/* Note how many of the recordings are presented, and how many withheld. */
void sr_account_notes_count_shown(struct sr_request *request);

/* Facts and counts stand in an entry now: they are not said again with the next. Recordings, names and reasons are. */
void sr_account_notes_said(struct sr_request *request);

/* What an event says of a recording is to stand in the place of its bare name, if that is noted. */
void sr_account_notes_forget_bare(struct sr_request *request, const uint8_t recording[SR_UUID]);

/* Forget and free everything. */
void sr_account_notes_free(struct sr_request *request);

#endif
