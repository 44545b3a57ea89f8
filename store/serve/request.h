/*
 * One request on its way: parsed on the loop, worked on by the pool, answered on the loop.
 */
#ifndef SR_REQUEST_H
#define SR_REQUEST_H

#include "access/grant.h"
#include "keys/derive.h"
#include "message.h"
#include "options.h"
#include "serve/accounting/accounting.h"
#include "serve/daemon.h"
#include "serve/workers.h"

/* Who asks: copied from the services' table, so that the pool needs no look at the loop's state. */
struct sr_caller {
	char name[SR_SERVICE_NAME_MAX + 1];
	uint8_t key[32];
	uint16_t roles;
};

/*
 * What log and account say of a grant. Copied from it, because a renewal may replace the grant while an event about it
 * is on its way.
 */
struct sr_grant_words {
	char issuer[SR_ISSUER_NAME_MAX + 1];
	char jti[SR_JTI_MAX + 1];
	char sid[SR_SID_MAX + 1];         /* may be empty */
	char purpose[SR_PURPOSE_MAX + 1]; /* may be empty */
	const char *role;                 /* a static word */
};

/* A message being made inside its frame: sealed in place when it is sent. Wiped and freed with sr_reply_free. */
struct sr_reply {
	uint8_t *frame;
	size_t capacity;
	struct sr_builder fields; /* behind the message's head; put fields here */
	uint8_t type;
	bool slotless;    /* it refuses a stream that has no state */
	uint8_t steps_as; /* the type that the stream's state sees, where it is not `type`; 0 otherwise */
};

/*
 * A request's part of the account: account_request.h's, and at its end how request.c waits for it. Others may read
 * `number` and the intent's.
 */
struct sr_account_notes;
struct sr_request_account {
	struct sr_account_notes *notes; /* what the next entry will name; NULL: nothing yet */
	struct sr_intent intent;
	bool applied;       /* the operation that decides went through */
	bool reserve;       /* its entries may use the account's reserve */
	bool without_reply; /* this pool step is to be accounted for, although it makes no reply */
	bool merged;        /* refused without proof: counted with others like it */
	bool failed;        /* memory was used up: no entry would be true */
	bool goes_on;       /* an earlier entry says already what it does: only a refusal is one more */
	const struct sr_audit_entry *behind; /* another one that goes with it, unless it is a refusal; may be NULL */
	bool is_written;
	unsigned alarms; /* 1 << enum sr_event_kind */
	uint64_t number; /* of its entry, once the answer may leave */
	enum sr_code result;
	/* How request.c waits for the entry. */
	bool step_left; /* its part of the pool step that has just run is to be done where it may wait */
	struct sr_post post;
	bool waits, job_back, entry_back; /* an answer leaves when both are */
	bool ended;                       /* as sr_request_answer was told */
};

struct sr_request;
typedef void sr_request_step(struct sr_request *request);

struct sr_request {
	struct sr_daemon *daemon;
	struct sr_session *session; /* held until the request is freed; the loop's alone */
	struct sr_settings *settings;
	struct sr_freezes *freezes; /* as they were when it came */
	struct sr_caller caller;
	struct sr_message_head head;
	const char *operation; /* the design's name of head.type */
	uint8_t *fields;       /* the message's own copy of its fields, wiped when freed */
	size_t fields_size;
	size_t memory;          /* its share of the budget */
	struct sr_grant *grant; /* set by sr_request_grant */
	bool in_grace;          /* the grant has expired, but not by more than record_grace */
	bool proven;            /* the three below are known: the grant's patient, who acts, and which grant it was */
	uint8_t tag[SR_TAG];
	uint8_t actor[SR_TAG];
	struct sr_grant_words words;
	bool judged;     /* sr_request_frozen has been asked, */
	bool judged_one; /* and about one recording, which follows */
	uint8_t judged_recording[SR_UUID];
	bool reads; /* it passed, and its answer is read out of the store */
	struct sr_request_account account;
	struct sr_work work;
	struct sr_reply reply; /* what to answer, unless `error` has a code */
	struct sr_error error;
	uint32_t retry_ms;
	bool malformed;             /* the message did not decode: the connection ends */
	void *owner;                /* whoever it works for */
	void *work_result;          /* what `run` leaves for `after` beside a reply */
	struct sr_late_event *late; /* events to be sent once the answer is on its way */
	sr_request_step *run;       /* on the pool */
	sr_request_step *last_look; /* by the thread that has made the entry of a granted answer durable, if one has */
	sr_request_step *after;     /* on the loop, afterwards; NULL: answer and free */
	struct sr_workers_job job;
};

/*
 * A request for a message that just came: copies its fields, holds the session. NULL when memory is used up: the
 * session is dropped. Loop.
 */
struct sr_request *sr_request_new(struct sr_session *session, const struct sr_message_head *head,
				  const struct sr_cursor *fields) SR_MUST_USE;

/* Wipe and free; gives back the session and settings. On the loop. */
void sr_request_free(struct sr_request *request);

/*
 * Run it on the pool, then `after` on the loop (or answer), once its entry, if `run` made the answer, is durable. What
 * changes the store, and so waits for the index, is run by workers of its own (serve/workers.h); "on the pool" means
 * either.
 */
void sr_request_start(struct sr_request *request, sr_request_step *run, sr_request_step *after);

/*
 * `size` bytes of zeros at request->owner, also returned, for the caller to free. NULL when memory is used up: the
 * session is dropped and the request freed. Loop.
 */
void *sr_request_own(struct sr_request *request, size_t size) SR_MUST_USE;

/*
 * Begin what works for an owner of its own: as sr_request_own, which `after` frees, then sr_request_start. When memory
 * is used up, neither step runs.
 */
void sr_request_begin(struct sr_request *request, size_t owner_size, sr_request_step *run, sr_request_step *after);

/*
 * Answer with its error, to be tried again in `retry_ms`, and free it: turned away before it was looked at, so that
 * there is nothing to account for. Loop.
 */
void sr_request_turn_away(struct sr_request *request, uint32_t retry_ms);

/*
 * Answer with its reply, or its error (`ended`: the stream is over), if the session still stands; then free it. What
 * has no entry yet waits for it first.
 */
void sr_request_answer(struct sr_request *request, bool ended);

/* A cursor over its fields. */
struct sr_cursor sr_request_fields(const struct sr_request *request);

/*
 * Begin its reply of `type` with room for `room` bytes of fields; false (and SR_INTERNAL in request->error) when memory
 * is used up. A later call replaces the reply.
 */
bool sr_request_reply(struct sr_request *request, uint8_t type, size_t room) SR_MUST_USE;

/*
 * SR_OK if what was decoded through `fields` is all of it, and well formed; else SR_USAGE in request->error, and
 * answering it ends the connection.
 */
enum sr_code sr_request_decoded(struct sr_request *request, const struct sr_cursor *fields) SR_MUST_USE;

/* SR_OK if `text` is UTF-8 without NUL; else SR_USAGE in request->error, which calls it `what` ("a reason"). */
enum sr_code sr_request_text(struct sr_request *request, struct sr_span text, const char *what) SR_MUST_USE;

/* The same refusal as of what does not decode, for what the decoder cannot see. */
enum sr_code sr_request_malformed(struct sr_request *request);

/* True if it has no fields, as its type must; else that refusal, and false. */
bool sr_request_bare(struct sr_request *request) SR_MUST_USE;

/*
 * One look at the rows, and one attempt at changing them, by operations that demand them as they were seen. It begins
 * without an error. SR_CONFLICT without a text in request->error: others have changed the rows in between. Another code
 * without a text is the index's. Pool.
 */
typedef enum sr_code sr_request_attempt(struct sr_request *request, void *context);

/*
 * Attempts, each with `context`, until one meets rows that nobody else is changing: its result, with a text in
 * request->error if it failed. After 64 of them SR_BUSY, to be tried again soon. What request->error had before is
 * gone: it was dealt with. Pool.
 */
enum sr_code sr_request_attempts(struct sr_request *request, sr_request_attempt *attempt, void *context) SR_MUST_USE;

/*
 * Verify the grant `token`, and that it may be used for the request's operation, by this service, on `recording`
 * (NULL: none). Sets grant, tag, actor. A refusal is an event; the code and text are in request->error. Pool.
 * For the operations that go on with a recording, a grant that expired within record_grace passes with `in_grace` set:
 * the caller must then hold it against the grants that the recording's row remembers (sr_request_grace). SR_FROZEN only
 * where no recording is named: where one is, sr_lookup asks once it is known to be the patient's; whoever does without
 * sr_lookup must call sr_request_frozen.
 */
enum sr_code sr_request_grant(struct sr_request *request, struct sr_span token, const uint8_t *recording) SR_MUST_USE;

/*
 * SR_OK unless the request's grant is in its grace and is none of those that opened or last renewed the recording
 * `row`: SR_EXPIRED, an event. Pool.
 */
struct sr_recording_row;
enum sr_code sr_request_grace(struct sr_request *request, const struct sr_recording_row *row) SR_MUST_USE;

/* The request is made for a stream: who and for whom is what the stream's held grant proved. Loop. */
struct sr_held_grant;
void sr_request_stand_in(struct sr_request *request, const struct sr_held_grant *held);

/* Send an event about this request with what it knows: fill in `event`'s kind and particulars only. */
struct sr_event;
void sr_request_event(struct sr_request *request, struct sr_event *event);

/*
 * The same for a `foreign` event, sent only when the request is freed, after its answer: writing it first would let the
 * requester tell by the clock somebody else's recording from one that never was. In the request's entry it stands as
 * any other.
 */
void sr_request_event_late(struct sr_request *request, const struct sr_event *event);

#endif
