/*
 * service.add, service.remove, service.list, stats, health: what operators ask.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "access/decide.h"
#include "account/event.h"
#include "account/log.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"

static void log_change(const struct sr_request *request, const char *event, const char *name)
{
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, event);
	sr_log_text(&line, "name", name);
	sr_log_text(&line, "by", request->caller.name);
	sr_log_end(&line);
}

/* ---- service.add: keyring, then index, then the answer ---- */

static void control_key(const char *name, struct sr_index_key *key, char row_name[SR_SERVICE_NAME_MAX + 16])
{
	snprintf(row_name, SR_SERVICE_NAME_MAX + 16, "service/%s", name);
	*key = sr_key_control(row_name);
}

static enum sr_code put_service(struct sr_request *request, const struct sr_service *service)
{
	char name[SR_SERVICE_NAME_MAX + 16];
	uint8_t row[SR_ROW_MAX];
	struct sr_index_key key;
	struct sr_service_state state = {.roles = service->roles, .added_ms = service->added_ms, .revision = 1};
	size_t failed;
	memcpy(state.key, service->key, sizeof state.key);
	control_key(service->name, &key, name);
	size_t size = sr_service_row_seal(request->daemon->keyring, name, &state, row);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT, &key, NULL, 0) || !sr_op_put(op, &key, row, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	if (sr_account_run(request, sr_no_patient, op, &failed) != SR_OK)
		return SR_FAIL(&request->error, SR_CONFLICT, "a service of that name exists");
	return SR_OK;
}

static enum sr_code add_both(struct sr_request *request, const struct sr_service *service, uint8_t psk[32])
{
	struct sr_error ignored;
	enum sr_code code = sr_keyring_service_add(request->daemon->keyring, service->key, psk, &request->error);
	if (code != SR_OK)
		return code;
	code = put_service(request, service);
	if (code != SR_OK)
		(void)!sr_keyring_service_remove(request->daemon->keyring, service->key, &ignored);
	return code;
}

static enum sr_code parse_add(struct sr_request *request, struct sr_service *service)
{
	struct sr_service_add message;
	struct sr_cursor in = sr_request_fields(request);
	sr_service_add_decode(&in, &message);
	if (sr_request_decoded(request, &in) != SR_OK)
		return request->error.code;
	memcpy(service->name, message.name.data, message.name.size);
	memcpy(service->key, message.key, sizeof service->key);
	service->roles = message.roles;
	service->added_ms = sr_now_ms();
	return SR_OK;
}

static void add_on_pool(struct sr_request *request)
{
	const struct sr_service *service = request->owner;
	uint8_t psk[32];
	sr_account_name(request, service->name);
	sr_account_count(request, "roles", service->roles);
	if (sr_account_intent(request) == SR_OK && add_both(request, service, psk) == SR_OK &&
	    sr_request_reply(request, SR_MSG_SERVICE_ADDED, sizeof psk))
		sr_service_added_encode(&request->reply.fields, psk);
	sodium_memzero(psk, sizeof psk);
}

static void added(struct sr_request *request)
{
	struct sr_service *service = request->owner;
	struct sr_error ignored;
	if (request->error.code == SR_OK)
		log_change(request, "service_added", service->name);
	else
		(void)!sr_services_remove(&request->daemon->services, service->name, &ignored);
	free(service);
	sr_request_answer(request, false);
}

/* The table takes the service first, so that it has the last word on names, keys and room; a failure takes it out. */
void sr_serve_service_add(struct sr_request *request)
{
	struct sr_service *service = calloc(1, sizeof *service);
	enum sr_code code = service ? parse_add(request, service) : SR_FAIL_MEMORY(&request->error);
	if (code == SR_OK)
		code = sr_services_add(&request->daemon->services, service, &request->error);
	if (code != SR_OK) {
		free(service);
		sr_request_answer(request, false);
		return;
	}
	request->owner = service;
	sr_request_start(request, add_on_pool, added);
}

/* ---- service.remove: index, then keyring, then its sessions ---- */

/* A service on its way out. */
struct removal {
	struct sr_service service;
	bool row_gone;
};

/* Erase the row if it is still the one that was looked up. */
static enum sr_code erase_row(struct sr_request *request, const struct sr_service *service)
{
	char name[SR_SERVICE_NAME_MAX + 16];
	uint8_t row[SR_ROW_MAX];
	struct sr_index_key key;
	struct sr_view *view;
	struct sr_span value = {NULL, 0};
	size_t failed, size = 0;
	control_key(service->name, &key, name);
	if (sr_view_begin(request->daemon->index, &view, &request->error) != SR_OK)
		return request->error.code;
	if (sr_view_get(view, &key, &value) == SR_OK && value.size <= sizeof row) {
		size = value.size;
		memcpy(row, value.data, size);
	}
	sr_view_end(view);
	if (size == 0)
		return SR_FAIL(&request->error, SR_NOT_FOUND, "no service has that name");
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_EQUALS, &key, row, size) || !sr_op_erase(op, &key)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(&request->error);
	}
	if (sr_account_run(request, sr_no_patient, op, &failed) != SR_OK)
		return SR_FAIL(&request->error, SR_CONFLICT, "somebody else is changing this service");
	return SR_OK;
}

static void remove_on_pool(struct sr_request *request)
{
	struct removal *removal = request->owner;
	sr_account_may_use_reserve(request);
	sr_account_name(request, removal->service.name);
	if (sr_account_intent(request) != SR_OK || erase_row(request, &removal->service) != SR_OK)
		return;
	removal->row_gone = true;
	if (sr_keyring_service_remove(request->daemon->keyring, removal->service.key, &request->error) == SR_OK)
		(void)!sr_request_reply(request, SR_MSG_DONE, 0);
}

static void removed(struct sr_request *request)
{
	struct removal *removal = request->owner;
	struct sr_error ignored;
	/* Without its row the service is over, whatever became of its key. */
	if (removal->row_gone) {
		(void)!sr_services_remove(&request->daemon->services, removal->service.name, &ignored);
		sr_sessions_drop_service(request->daemon, removal->service.key);
		log_change(request, "service_removed", removal->service.name);
	}
	free(removal);
	sr_request_answer(request, false);
}

/* Look the service up on the loop, where the table lives. */
static struct removal *named_service(struct sr_request *request)
{
	struct sr_span name;
	char text[SR_SERVICE_NAME_MAX + 1] = "";
	struct sr_cursor in = sr_request_fields(request);
	sr_service_remove_decode(&in, &name);
	if (!sr_take_done(&in) || name.size > SR_SERVICE_NAME_MAX) {
		(void)sr_request_malformed(request);
		return NULL;
	}
	memcpy(text, name.data, name.size);
	const struct sr_service *found = sr_services_by_name(&request->daemon->services, text);
	struct removal *removal = found ? calloc(1, sizeof *removal) : NULL;
	if (!found)
		(void)SR_FAIL(&request->error, SR_NOT_FOUND, "no service has that name");
	else if (!removal)
		(void)SR_FAIL_MEMORY(&request->error);
	else
		removal->service = *found;
	return removal;
}

void sr_serve_service_remove(struct sr_request *request)
{
	request->owner = named_service(request);
	if (request->owner)
		sr_request_start(request, remove_on_pool, removed);
	else
		sr_request_answer(request, false);
}

/* ---- what needs no pool ---- */

void sr_serve_service_list(struct sr_request *request)
{
	const struct sr_services *services = &request->daemon->services;
	size_t room = 2 + services->count * (2 + SR_SERVICE_NAME_MAX + 2 + 32 + 8);
	if (sr_request_bare(request) && sr_request_reply(request, SR_MSG_SERVICES, room)) {
		sr_services_encode(&request->reply.fields, (uint16_t)services->count);
		for (size_t at = 0; at < services->count; at++) {
			const struct sr_service *service = &services->rows[at];
			struct sr_service_row row = {
				.name = {(const uint8_t *)service->name, strlen(service->name)},
				.roles = service->roles,
				.added_ms = service->added_ms,
			};
			memcpy(row.key, service->key, sizeof row.key);
			sr_service_row_encode(&request->reply.fields, &row);
		}
	}
	sr_request_answer(request, false);
}

static void put_stat(struct sr_builder *out, const char *name, uint64_t value)
{
	struct sr_stat stat = {{(const uint8_t *)name, strlen(name)}, value};
	sr_stat_encode(out, &stat);
}

void sr_serve_stats(struct sr_request *request)
{
	enum { OWN = 5 };
	struct sr_index_stats index;
	if (sr_request_bare(request) &&
	    sr_request_reply(request, SR_MSG_STATS_REPLY, 2 + (SR_COUNTERS + OWN) * (2 + SR_STAT_NAME_MAX + 8))) {
		struct sr_builder *out = &request->reply.fields;
		sr_index_stats(request->daemon->index, &index);
		sr_stats_encode(out, SR_COUNTERS + OWN);
		for (int at = 0; at < SR_COUNTERS; at++)
			put_stat(out, sr_counter_name((enum sr_counter)at), sr_counted((enum sr_counter)at));
		put_stat(out, "index_commits", index.commits);
		put_stat(out, "index_operations", index.operations);
		put_stat(out, "index_conflicts", index.conflicts);
		put_stat(out, "epoch", sr_keyring_epoch(request->daemon->keyring));
		put_stat(out, "uptime_ms", sr_now_ms() - request->daemon->started_ms);
	}
	sr_request_answer(request, false);
}

void sr_serve_health(struct sr_request *request)
{
	struct sr_error err = {.code = SR_OK};
	struct sr_health health = {.code = SR_OK};
	if (sr_request_bare(request) && sr_request_reply(request, SR_MSG_HEALTH_REPLY, 1 + 2 + 255)) {
		health.code = sr_blobs_space(request->daemon->blobs, &err);
		if (health.code == SR_OK && request->daemon->draining)
			health.code = SR_FAIL(&err, SR_UNAVAILABLE, "the daemon is ending");
		const char *text = health.code == SR_OK ? "serving" : err.text;
		health.text = (struct sr_span){(const uint8_t *)text, strnlen(text, 255)};
		sr_health_encode(&request->reply.fields, &health);
	}
	sr_request_answer(request, false);
}
