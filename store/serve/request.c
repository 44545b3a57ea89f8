/*
 * One request on its way: parsed on the loop, worked on by the pool, answered on the loop.
 */
#include "serve/request.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "account/event.h"
#include "serve/accounting/account_request.h"
#include "serve/budget.h"
#include "serve/freeze/freezing.h"
#include "serve/operations.h"
#include "serve/session.h"
#include "text.h"

/* What a request takes beside its fields: itself, its grant, what its owner learns on the way; about. */
#define REQUEST_COST (16u << 10)

/*
 * Of a change whose rows others change as well. A rotation that goes over few rows changes one as often as anybody can
 * look at it, so that an attempt may well lose more often than not: a patient's request is not to fail for that.
 */
#define TRIES 64

/* With its own copy of the message's fields, and nothing else yet; NULL: memory is used up. */
static struct sr_request *with_fields(const struct sr_cursor *fields)
{
	struct sr_request *request = calloc(1, sizeof *request);
	if (!request || !fields->left)
		return request;
	request->fields = malloc(fields->left);
	if (!request->fields) {
		free(request);
		return NULL;
	}
	memcpy(request->fields, fields->at, fields->left);
	request->fields_size = fields->left;
	return request;
}

struct sr_request *sr_request_new(struct sr_session *session, const struct sr_message_head *head,
				  const struct sr_cursor *fields)
{
	struct sr_daemon *daemon = sr_session_daemon(session);
	struct sr_request *request = with_fields(fields);
	if (!request) {
		sr_session_drop(session, "memory is used up");
		return NULL;
	}
	request->daemon = daemon;
	sr_budget_set(daemon, &request->memory, REQUEST_COST + request->fields_size);
	request->session = sr_session_hold(session);
	request->settings = sr_settings_share(daemon->settings);
	request->freezes = sr_freezes_share(daemon->freezes);
	request->caller = *sr_session_caller(session);
	request->head = *head;
	request->operation = sr_message_name(head->type);
	sr_count(SR_COUNT_REQUESTS, 1);
	return request;
}

struct sr_late_event {
	struct sr_late_event *next;
	struct sr_event event;
	uint8_t recording[SR_UUID];
	uint8_t owner[SR_TAG];
};

/* Log and count it, with what the request knows. */
static void send_event(const struct sr_request *request, struct sr_event *event)
{
	event->operation = request->operation;
	event->request = request->head.request;
	event->service = request->caller.name;
	if (request->proven) {
		event->issuer = request->words.issuer;
		event->jti = request->words.jti;
		event->tag = request->tag;
		event->actor = request->actor;
	}
	sr_event(event);
}

void sr_request_event_late(struct sr_request *request, const struct sr_event *event)
{
	struct sr_late_event *late = malloc(sizeof *late);
	struct sr_event now = *event;
	sr_account_event(request, event);
	if (!late) {
		send_event(request, &now);
		return;
	}
	late->event = *event;
	memcpy(late->recording, event->recording, SR_UUID);
	late->event.recording = late->recording;
	if (event->owner)
		late->event.owner = memcpy(late->owner, event->owner, SR_TAG);
	late->next = request->late;
	request->late = late;
}

static void send_late_events(struct sr_request *request)
{
	while (request->late) {
		struct sr_late_event *late = request->late;
		request->late = late->next;
		send_event(request, &late->event);
		free(late);
	}
}

void sr_request_free(struct sr_request *request)
{
	send_late_events(request);
	sr_account_end(request);
	sr_budget_set(request->daemon, &request->memory, 0);
	sr_grant_free(request->grant);
	sr_reply_free(&request->reply);
	if (request->fields)
		sodium_memzero(request->fields, request->fields_size);
	free(request->fields);
	sr_freezes_release(request->freezes);
	sr_settings_release(request->settings);
	sr_session_release(request->session);
	sodium_memzero(request, sizeof *request);
	free(request);
}

static void count_work(const struct sr_work *work)
{
	sr_count(SR_COUNT_INDEX_READS, (int64_t)work->index_reads);
	sr_count(SR_COUNT_DERIVATIONS, (int64_t)work->derivations);
	sr_count(SR_COUNT_OPENS, (int64_t)work->opens);
}

static void run_step(struct sr_request *request)
{
	request->run(request);
	count_work(&request->work);
}

static void account_for(struct sr_request *request)
{
	request->account.waits = sr_account_step(request);
	if (request->last_look && !request->account.waits && request->error.code == SR_OK)
		request->last_look(request);
}

static void on_pool(struct sr_workers_job *job)
{
	struct sr_request *request = job->data;
	run_step(request);
	request->account.step_left = sr_account_step_waits(request);
	if (!request->account.step_left)
		account_for(request);
}

static void on_waiting_thread(struct sr_workers_job *job)
{
	struct sr_request *request = job->data;
	if (!request->account.step_left)
		run_step(request);
	request->account.step_left = false;
	account_for(request);
}

/* Its entry is durable, if it has one, and no job of it runs. */
static void go_on(struct sr_request *request)
{
	request->daemon->jobs--;
	if (request->account.waits)
		sr_account_take_result(request);
	request->account.waits = request->account.job_back = request->account.entry_back = false;
	if (request->after)
		request->after(request);
	else
		sr_request_answer(request, request->head.stream != 0);
}

/* Whichever of job and entry comes second goes on. */
static void entry_on_loop(struct sr_post *post)
{
	struct sr_request *request = (struct sr_request *)((char *)post - offsetof(struct sr_request, account.post));
	request->account.entry_back = true;
	if (request->account.job_back)
		go_on(request);
}

static void job_back(struct sr_workers_job *job);

static void run_on(struct sr_request *request, struct sr_workers *workers, sr_workers_step *run)
{
	request->job.run = run;
	request->job.done = job_back;
	request->job.data = request;
	sr_workers_run(workers, &request->job);
}

static void job_back(struct sr_workers_job *job)
{
	struct sr_request *request = job->data;
	if (request->account.step_left) {
		run_on(request, request->daemon->waiting, on_waiting_thread);
		return;
	}
	memset(&request->work, 0, sizeof request->work);
	request->account.job_back = true;
	if (!request->account.waits || request->account.entry_back)
		go_on(request);
}

void sr_request_start(struct sr_request *request, sr_request_step *run, sr_request_step *after)
{
	request->run = run;
	request->after = after;
	request->account.post.run = entry_on_loop;
	request->daemon->jobs++;
	if (sr_operation_of(request->head.type)->waits)
		run_on(request, request->daemon->waiting, on_waiting_thread);
	else
		run_on(request, request->daemon->pool, on_pool);
}

void *sr_request_own(struct sr_request *request, size_t size)
{
	request->owner = calloc(1, size);
	if (request->owner)
		return request->owner;
	sr_session_drop(request->session, "memory is used up");
	sr_request_free(request);
	return NULL;
}

void sr_request_begin(struct sr_request *request, size_t owner_size, sr_request_step *run, sr_request_step *after)
{
	if (sr_request_own(request, owner_size))
		sr_request_start(request, run, after);
}

static void answer_on_loop(struct sr_post *post)
{
	struct sr_request *request = (struct sr_request *)((char *)post - offsetof(struct sr_request, account.post));
	request->daemon->jobs--;
	sr_account_take_result(request);
	sr_request_answer(request, request->account.ended);
}

/* True if the answer waits for its entry. */
static bool waits_for_entry(struct sr_request *request, bool ended)
{
	request->account.post.run = answer_on_loop;
	request->account.ended = ended;
	if (!sr_account_answer(request))
		return false;
	request->daemon->jobs++;
	return true;
}

void sr_request_answer(struct sr_request *request, bool ended)
{
	struct sr_session *session = request->session;
	if (waits_for_entry(request, ended))
		return;
	if (request->error.code == SR_OK && !request->reply.frame)
		(void)SR_FAIL(&request->error, SR_INTERNAL, "the request ended without an answer");
	(void)!sr_request_overtaken(request);
	sr_session_cork(session);
	if (request->malformed)
		sr_session_end(session, SR_USAGE, request->error.text);
	else if (request->error.code != SR_OK)
		sr_session_send_error(session, request->head.stream, request->head.request, &request->error, ended,
				      request->retry_ms);
	else
		sr_session_send(session, request->head.stream, request->head.request, &request->reply, false);
	if (request->reads)
		sr_session_note_data(session);
	sr_session_uncork(session); /* before the late events, which take time */
	sr_request_free(request);
}

void sr_request_turn_away(struct sr_request *request, uint32_t retry_ms)
{
	sr_session_send_error(request->session, request->head.stream, request->head.request, &request->error,
			      request->head.stream != 0, retry_ms);
	sr_request_free(request);
}

struct sr_cursor sr_request_fields(const struct sr_request *request)
{
	return sr_cursor_over(request->fields, request->fields_size);
}

bool sr_request_reply(struct sr_request *request, uint8_t type, size_t room)
{
	sr_reply_free(&request->reply);
	if (sr_reply_begin(&request->reply, type, room))
		return true;
	(void)SR_FAIL_MEMORY(&request->error);
	return false;
}

enum sr_code sr_request_malformed(struct sr_request *request)
{
	request->malformed = true;
	return SR_FAIL(&request->error, SR_USAGE, "malformed %s", request->operation);
}

bool sr_request_bare(struct sr_request *request)
{
	return request->fields_size == 0 || sr_request_malformed(request) == SR_OK;
}

enum sr_code sr_request_decoded(struct sr_request *request, const struct sr_cursor *fields)
{
	return sr_take_done(fields) ? SR_OK : sr_request_malformed(request);
}

enum sr_code sr_request_text(struct sr_request *request, struct sr_span text, const char *what)
{
	return sr_text_is_utf8(text) ? SR_OK : SR_FAIL(&request->error, SR_USAGE, "%s is UTF-8 without NUL", what);
}

enum sr_code sr_request_attempts(struct sr_request *request, sr_request_attempt *attempt, void *context)
{
	for (int tries = 0; tries < TRIES; tries++) {
		request->error = (struct sr_error){.code = SR_OK};
		enum sr_code code = attempt(request, context);
		if (code == SR_OK || request->error.code != SR_OK)
			return code;
		if (code != SR_CONFLICT)
			return SR_FAIL(&request->error, code, "the index cannot be written");
	}
	request->retry_ms = 50;
	return SR_FAIL(&request->error, SR_BUSY, "others are changing the same rows");
}

void sr_request_event(struct sr_request *request, struct sr_event *event)
{
	sr_account_event(request, event);
	send_event(request, event);
}
