/*
 * Alarms at work: taken from whatever thread they come, answered with freezes where the configuration says so, told to
 * its command.
 */
#include "serve/accounting/alarming.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "access/crowd.h"
#include "account/alarm.h"
#include "account/log.h"
#include "serve/accounting/alarms_past.h"
#include "serve/accounting/telling.h"
#include "serve/dispatch.h"
#include "serve/freeze/freezing.h"

#define INCOMING_MAX 512 /* events between two ticks; more are counted, logged and not told */
#define TESTS_MAX 16     /* under way at once */

/* Somebody who waits to hear whether the command was told of alarm `number`. */
struct test {
	struct sr_request *request; /* NULL: free */
	uint64_t number;
};

struct sr_alarming {
	struct sr_daemon *daemon;
	pthread_mutex_t lock; /* of the next four */
	struct sr_alarm *incoming;
	size_t count;
	uint64_t missed;
	struct sr_crowd *patients; /* through each actor and service */
	/* Below: the loop's alone. */
	struct sr_alarm *taken;
	struct sr_alarms *alarms;
	struct sr_crowd *owners; /* through each service, of what was foreign to it */
	struct sr_tellers *tellers;
	struct test tests[TESTS_MAX];
	bool closed;
};

/* ---- from any thread ---- */

static void on_event(void *context, const struct sr_event *event)
{
	struct sr_alarming *alarming = context;
	struct sr_alarm alarm;
	if (!sr_alarm_of(event, &alarm))
		return;
	pthread_mutex_lock(&alarming->lock);
	if (alarming->count < INCOMING_MAX)
		alarming->incoming[alarming->count++] = alarm;
	else
		alarming->missed++;
	pthread_mutex_unlock(&alarming->lock);
}

static void watch(struct sr_request *request, const void *key, size_t size, const struct sr_rate *rate,
		  const char *what)
{
	struct sr_alarming *alarming = request->daemon->alarming;
	if (rate->most == 0)
		return;
	pthread_mutex_lock(&alarming->lock);
	bool many = sr_crowd_see(alarming->patients, key, size, request->tag, rate, sr_monotonic_ms());
	pthread_mutex_unlock(&alarming->lock);
	if (many) {
		struct sr_event event = {.kind = SR_EVENT_UNUSUAL, .what = what};
		sr_request_event(request, &event);
	}
}

void sr_alarming_watch(struct sr_request *request)
{
	const struct sr_config *config = request->settings->config;
	uint8_t actor[1 + SR_TAG] = {'a'};
	char service[1 + sizeof request->caller.name] = "s";
	if (!request->daemon->alarming)
		return;
	memcpy(actor + 1, request->actor, SR_TAG);
	strcat(service, request->caller.name);
	watch(request, actor, sizeof actor, &config->unusual_actor, "actor");
	watch(request, service, strlen(service), &config->unusual_service, "service");
}

/* ---- what the configuration answers with ---- */

static void freeze(struct sr_alarming *alarming, enum sr_freeze_scope scope, const void *subject, size_t size,
		   const char *reason)
{
	struct sr_freeze_entry entry = {.scope = scope, .subject_size = (uint8_t)size};
	if (size > 0)
		memcpy(entry.subject, subject, size);
	entry.reason_size = (uint8_t)strlen(reason);
	memcpy(entry.reason, reason, entry.reason_size);
	sr_freeze_by_store(alarming->daemon, &entry);
}

static void answer_misfiled(struct sr_alarming *alarming, const struct sr_alarm *alarm)
{
	switch (alarming->daemon->settings->config->on_misfiled) {
	case SR_ON_MISFILED_FREEZE_ALL:
		freeze(alarming, SR_FREEZE_ALL, NULL, 0, "on_misfiled: a list had a row that is another patient's");
		break;
	case SR_ON_MISFILED_FREEZE_PATIENT:
		freeze(alarming, SR_FREEZE_PATIENT, alarm->patient, SR_TAG,
		       "on_misfiled: the list had a row that is another patient's");
		break;
	case SR_ON_MISFILED_ALARM:
		break;
	}
}

/* Only the service that asks, and only once it has named the recordings of many: nobody stops a clinic by a URL. */
static void answer_foreign(struct sr_alarming *alarming, const struct sr_alarm *alarm, uint64_t now)
{
	const struct sr_config *config = alarming->daemon->settings->config;
	if (!alarm->has_owner || !alarm->service[0])
		return;
	bool many = sr_crowd_see(alarming->owners, alarm->service, strlen(alarm->service), alarm->owner,
				 &config->foreign_rate, now);
	if (many && config->on_foreign == SR_ON_FOREIGN_FREEZE_SERVICE)
		freeze(alarming, SR_FREEZE_SERVICE, alarm->service, strlen(alarm->service),
		       "on_foreign: it named the recordings of more patients than foreign_rate allows");
}

/* ---- telling ---- */

static struct sr_alarm_rules rules_of(const struct sr_alarming *alarming)
{
	const struct sr_config *config = alarming->daemon->settings->config;
	return (struct sr_alarm_rules){.told = strcmp(config->alarm_command, SR_NONE) != 0,
				       .window_ms = 1000ull * config->alarm_window_s,
				       .tries_max = config->alarm_tries};
}

static void answer_tests(struct sr_alarming *alarming, uint64_t number, const char *failed)
{
	for (size_t at = 0; at < TESTS_MAX; at++) {
		struct sr_request *request = alarming->tests[at].request;
		if (!request || alarming->tests[at].number != number)
			continue;
		alarming->tests[at].request = NULL;
		alarming->daemon->jobs--;
		if (failed)
			(void)SR_FAIL(&request->error, SR_IO, "%s", failed);
		else
			(void)!sr_request_reply(request, SR_MSG_DONE, 0);
		sr_request_answer(request, false);
	}
}

static void log_failure(const char *event, enum sr_log_level level, uint64_t number, const char *why)
{
	struct sr_log_line line;
	sr_log_begin(&line, level, event);
	sr_log_number(&line, "alarm", number);
	sr_log_text(&line, "text", why);
	sr_log_end(&line);
}

/* A command has ended, well if `failed` is NULL. */
static void on_told(void *context, uint64_t number, const char *failed)
{
	struct sr_alarming *alarming = context;
	struct sr_alarm_rules rules = rules_of(alarming);
	bool given_up;
	sr_alarms_told(alarming->alarms, number, !failed, &rules, sr_monotonic_ms(), &given_up);
	sr_count(failed ? SR_COUNT_ALARMS_FAILED : SR_COUNT_ALARMS_TOLD, 1);
	if (failed)
		log_failure("alarm_untold", given_up ? SR_LOG_ERROR : SR_LOG_WARN, number,
			    given_up ? "it is given up" : failed);
	answer_tests(alarming, number, failed);
}

static void tell_due(struct sr_alarming *alarming, uint64_t now)
{
	const struct sr_config *config = alarming->daemon->settings->config;
	char json[SR_ALARM_JSON_MAX];
	while (sr_tellers_free_place(alarming->tellers)) {
		const struct sr_alarm *alarm = sr_alarms_next(alarming->alarms, now);
		if (!alarm)
			return;
		struct sr_telling telling = {
			.number = alarm->number,
			.command = config->alarm_command,
			.text = json,
			.size = sr_alarm_json(alarm, alarming->daemon->audience, json),
			.until = now + 1000ull * config->alarm_timeout_s,
		};
		sr_tellers_tell(alarming->tellers, &telling);
	}
}

static void take_in(struct sr_alarming *alarming, const struct sr_alarm *alarm, uint64_t now)
{
	struct sr_alarm_rules rules = rules_of(alarming);
	uint64_t number = sr_alarms_note(alarming->alarms, alarm, &rules, sr_now_ms(), now);
	if (alarm->kind == SR_ALARM_MISFILED)
		answer_misfiled(alarming, alarm);
	else if (alarm->kind == SR_ALARM_FOREIGN)
		answer_foreign(alarming, alarm, now);
	for (size_t at = 0; alarm->kind == SR_ALARM_TEST && at < TESTS_MAX; at++)
		if (alarming->tests[at].request && alarming->tests[at].number == 0 &&
		    alarming->tests[at].request->head.request == alarm->request)
			alarming->tests[at].number = number;
}

void sr_alarming_tick(struct sr_alarming *alarming, uint64_t now)
{
	pthread_mutex_lock(&alarming->lock);
	struct sr_alarm *taken = alarming->incoming;
	size_t count = alarming->count;
	uint64_t missed = alarming->missed;
	alarming->incoming = alarming->taken;
	alarming->taken = taken;
	alarming->count = 0;
	alarming->missed = 0;
	pthread_mutex_unlock(&alarming->lock);
	if (alarming->closed)
		return;
	for (size_t at = 0; at < count; at++)
		take_in(alarming, &taken[at], now);
	if (missed > 0) {
		sr_count(SR_COUNT_ALARMS_MISSED, (int64_t)missed);
		log_failure("alarms_missed", SR_LOG_ERROR, missed, "more came at once than can be told");
	}
	sr_tellers_tick(alarming->tellers, now);
	tell_due(alarming, now);
}

/* ---- alarm.list, alarm.test ---- */

#define ROW_ROOM                                                                                                       \
	(8 + 1 + 1 + 2 + 8 + 8 + 4 + 8 + 3 * (2 + SR_SERVICE_NAME_MAX) + 2 + SR_ALARM_JTI_MAX + 2 + SR_TEXT_MAX +      \
	 2 * SR_TAG + SR_UUID)

static struct sr_span span_of(const char *text)
{
	return (struct sr_span){(const uint8_t *)text, strlen(text)};
}

static void put_alarm(struct sr_builder *out, const struct sr_alarm *alarm)
{
	struct sr_alarm_row row = {
		.number = alarm->number,
		.kind = alarm->kind,
		.delivery = alarm->delivery,
		.tries = (uint16_t)(alarm->tries < UINT16_MAX ? alarm->tries : UINT16_MAX),
		.first_ms = alarm->first_ms,
		.last_ms = alarm->last_ms,
		.count = alarm->count,
		.request = alarm->request,
		.operation = span_of(alarm->operation),
		.service = span_of(alarm->service),
		.issuer = span_of(alarm->issuer),
		.jti = span_of(alarm->jti),
		.what = span_of(alarm->what),
	};
	memcpy(row.patient, alarm->patient, SR_TAG);
	memcpy(row.actor, alarm->actor, SR_TAG);
	memcpy(row.recording, alarm->recording, SR_UUID);
	sr_alarm_row_encode(out, &row);
}

static void list_alarms(struct sr_request *request, uint64_t after)
{
	const struct sr_alarms *alarms = request->daemon->alarming->alarms;
	struct sr_alarms_reply reply = {.lost = sr_alarms_lost(alarms)};
	const struct sr_alarm *alarm;
	if (!sr_request_reply(request, SR_MSG_ALARMS, 8 + 2 + SR_ALARMS_PAGE_MAX * ROW_ROOM))
		return;
	struct sr_builder *out = &request->reply.fields;
	sr_alarms_reply_encode(out, &reply);
	while (reply.count < SR_ALARMS_PAGE_MAX && (alarm = sr_alarms_after(alarms, after)) != NULL) {
		put_alarm(out, alarm);
		after = alarm->number;
		reply.count++;
	}
	/* The front again, with the count known now; it has the same size. */
	struct sr_builder front = sr_builder_over(out->data, out->used);
	sr_alarms_reply_encode(&front, &reply);
}

void sr_serve_alarm_list(struct sr_request *request)
{
	uint64_t after;
	struct sr_cursor in = sr_request_fields(request);
	sr_alarm_list_decode(&in, &after);
	if (sr_request_decoded(request, &in) == SR_OK)
		list_alarms(request, after);
	sr_request_answer(request, false);
}

static struct test *free_test(struct sr_alarming *alarming)
{
	for (size_t at = 0; at < TESTS_MAX; at++)
		if (!alarming->tests[at].request)
			return &alarming->tests[at];
	return NULL;
}

void sr_serve_alarm_test(struct sr_request *request)
{
	struct sr_event event = {.kind = SR_EVENT_TEST};
	struct sr_alarming *alarming = request->daemon->alarming;
	struct test *test = free_test(alarming);
	if (sr_request_bare(request) && !test)
		(void)SR_FAIL(&request->error, SR_BUSY, "%d tests are under way", TESTS_MAX);
	if (request->error.code == SR_OK)
		sr_request_event(request, &event);
	if (request->error.code == SR_OK && !rules_of(alarming).told)
		(void)SR_FAIL(&request->error, SR_UNAVAILABLE,
			      "there is no alarm_command; the alarm went to log, counters and list alone");
	if (request->error.code != SR_OK) {
		sr_request_answer(request, false);
		return;
	}
	*test = (struct test){request, 0};
	request->daemon->jobs++;
}

/* ---- beginning and end ---- */

/* An account that cannot be read stops the start elsewhere: here it only leaves the list shorter. */
static void recall(struct sr_alarming *alarming)
{
	struct sr_error err = {.text = ""};
	struct sr_alarm_rules rules = rules_of(alarming);
	if (alarming->daemon->audit &&
	    sr_alarms_past(alarming->daemon->audit, rules.window_ms, alarming->alarms, &err) != SR_OK)
		sr_log_error(SR_LOG_WARN, "alarms_not_recalled", &err);
}

struct sr_alarming *sr_alarming_new(struct sr_daemon *daemon)
{
	struct sr_alarming *alarming = calloc(1, sizeof *alarming);
	if (!alarming)
		return NULL;
	if (pthread_mutex_init(&alarming->lock, NULL) != 0) {
		free(alarming);
		return NULL;
	}
	alarming->daemon = daemon;
	alarming->incoming = calloc(INCOMING_MAX, sizeof *alarming->incoming);
	alarming->taken = calloc(INCOMING_MAX, sizeof *alarming->taken);
	alarming->alarms = sr_alarms_new();
	alarming->patients = sr_crowd_new();
	alarming->owners = sr_crowd_new();
	alarming->tellers = sr_tellers_new(daemon->loop, on_told, alarming);
	if (!alarming->incoming || !alarming->taken || !alarming->alarms || !alarming->patients || !alarming->owners ||
	    !alarming->tellers) {
		sr_alarming_free(alarming);
		return NULL;
	}
	recall(alarming);
	sr_event_listen(on_event, alarming);
	return alarming;
}

void sr_alarming_close(struct sr_alarming *alarming)
{
	if (!alarming || alarming->closed)
		return;
	alarming->closed = true;
	sr_tellers_close(alarming->tellers);
}

void sr_alarming_free(struct sr_alarming *alarming)
{
	if (!alarming)
		return;
	sr_event_listen(NULL, NULL);
	sr_tellers_free(alarming->tellers);
	sr_crowd_free(alarming->owners);
	sr_crowd_free(alarming->patients);
	sr_alarms_free(alarming->alarms);
	free(alarming->taken);
	free(alarming->incoming);
	pthread_mutex_destroy(&alarming->lock);
	free(alarming);
}
