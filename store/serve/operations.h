/*
 * What each operation is to this room: who answers it, which threads work on it, and what the account has of it. Which
 * roles may ask for it, and with which scope, is access/decide.h's.
 */
#ifndef SR_OPERATIONS_H
#define SR_OPERATIONS_H

#include "audit_entry.h"
#include "serve/request.h"

struct sr_operation {
	sr_request_step *door; /* takes the request; NULL: the writer or player of its stream does */
	enum sr_audit_kind
		entry;    /* of its answer, unless that is a refusal, which has one of its own; 0: it has none */
	bool waits;       /* for the index: nobody who only reads is to queue behind it (serve/workers.h) */
	bool has_grace;   /* goes on with what a grant began: a call must not lose its recording over a token */
	bool brings_back; /* whoever was erased comes back with a recording, a new one or another identity's */
	bool relieves;    /* ends something, or tells an operator what goes on: let in when memory is scarce */
};

/* Of a message's type. Never NULL; zeros for what is no request. Any thread. */
const struct sr_operation *sr_operation_of(uint8_t type);

#endif
