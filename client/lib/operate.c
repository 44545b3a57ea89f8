/* Operating: services and their credential files, counters, health. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "message_operate.h"

/* A service being made; its credential is secret, so all of this lies in guarded memory. */
struct creation {
	struct sr_credential credential;
	char *path;
	int fd;
	bool kept;
};

static void release_creation(void *own)
{
	struct creation *creation = own;
	if (!creation)
		return;
	if (creation->fd >= 0) {
		close(creation->fd);
		if (!creation->kept)
			(void)unlink(creation->path);
	}
	free(creation->path);
	sodium_free(creation);
}

static bool sync_directory(const char *path)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');
	int size = slash ? (int)(slash - path) : 1;
	(void)snprintf(parent, sizeof parent, "%.*s", size ? size : 1, slash ? path : ".");
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool synced = fsync(fd) == 0;
	close(fd);
	return synced;
}

static bool write_credential(struct creation *creation)
{
	char text[SR_CREDENTIAL_TEXT_MAX];
	size_t size;
	size_t done = 0;
	bool ok = true;
	sr_credential_format(&creation->credential, text, &size);
	while (ok && done < size) {
		ssize_t put = write(creation->fd, text + done, size - done);
		if (put > 0)
			done += (size_t)put;
		else
			ok = put < 0 && errno == EINTR;
	}
	sodium_memzero(text, sizeof text);
	return ok && fsync(creation->fd) == 0 && sync_directory(creation->path);
}

static enum sr_code send_remove(struct sr_client *client, uint64_t request, const char *name)
{
	struct sr_span span = {(const uint8_t *)name, strlen(name)};
	if (span.size < 1 || span.size > SR_SERVICE_NAME_MAX)
		return SR_USAGE;
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_SERVICE_REMOVE, 0, request, span.size + 2);
	if (!out)
		return SR_INTERNAL;
	sr_service_remove_encode(&out->fields, span);
	return sr_outgoing_send(client, NULL, out);
}

/* The store has a service whose credential nobody has: take it away again. Nobody waits for the answer. */
static void remove_again(struct sr_client *client, const char *name)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, NULL);
	if (!call)
		return;
	call->cancelled = true;
	enum sr_code ignored = sr_call_start(call, send_remove(client, call->request, name), NULL);
	(void)ignored;
}

static void deliver_added(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct creation *creation = call->own;
	if (fields) {
		sr_service_added_decode(fields, creation->credential.psk);
		if (sr_decoded(call, fields, &own)) {
			creation->kept = write_credential(creation);
			if (!creation->kept)
				sr_result_set(&own, SR_IO, call->request,
					      "the credential file cannot be written; the service was removed again");
		}
		if (!creation->kept)
			remove_again(call->client, creation->credential.name);
	}
	if (!call->cancelled)
		call->callback.done(call->context, &own);
}

/* The address for others' credentials: a path that does not depend on where they stand. */
static void absolute_address(struct sr_client *client, char out[SR_ADDRESS_MAX + 1])
{
	char *path = NULL;
	(void)snprintf(out, SR_ADDRESS_MAX + 1, "%s", client->address);
	if (strncmp(out, "unix:", 5) == 0)
		path = realpath(out + 5, NULL);
	if (path && strlen(path) + 5 <= SR_ADDRESS_MAX)
		(void)snprintf(out + 5, SR_ADDRESS_MAX + 1 - 5, "%s", path);
	free(path);
}

/* Make the key pair and the empty file; *key (out) is the public half. */
static enum sr_code begin_creation(struct sr_client *client, const char *name, const char *path, uint8_t key[32],
				   struct creation **out)
{
	struct creation *creation = sodium_malloc(sizeof *creation);
	*out = creation;
	if (!creation)
		return SR_INTERNAL;
	memset(creation, 0, sizeof *creation);
	creation->fd = -1;
	creation->path = strdup(path);
	if (!creation->path)
		return SR_INTERNAL;
	creation->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (creation->fd < 0)
		return errno == EEXIST ? SR_CONFLICT : SR_IO;
	(void)snprintf(creation->credential.name, sizeof creation->credential.name, "%s", name);
	absolute_address(client, creation->credential.address);
	memcpy(creation->credential.store, client->credential->store, SR_UUID);
	memcpy(creation->credential.server_key, client->credential->server_key, 32);
	crypto_box_keypair(key, creation->credential.secret_key);
	return SR_OK;
}

enum sr_code sr_service_create(sr_client *client, const char *name, unsigned roles, const char *path, sr_done *done,
			       void *context, sr_call **handle)
{
	struct sr_service_add add = {.name = {(const uint8_t *)name, strlen(name)}, .roles = (uint16_t)roles};
	if (add.name.size < 1 || add.name.size > SR_SERVICE_NAME_MAX || roles == 0 || roles > SR_ROLES_ALL)
		return SR_USAGE;
	struct creation *creation = NULL;
	struct sr_call *call = sr_call_new(client, SR_MSG_SERVICE_ADDED, deliver_added, context);
	enum sr_code code = call ? begin_creation(client, name, path, add.key, &creation) : SR_INTERNAL;
	if (!call)
		return SR_INTERNAL;
	call->own = creation;
	call->release = release_creation;
	/* Given up or not, the file must be written or taken away. */
	call->sees_all = true;
	call->callback.done = done;
	if (code == SR_OK) {
		struct sr_outgoing *out =
			sr_outgoing_new(SR_MSG_SERVICE_ADD, 0, call->request, add.name.size + 2 + 2 + sizeof add.key);
		code = SR_INTERNAL;
		if (out) {
			sr_service_add_encode(&out->fields, &add);
			code = sr_outgoing_send(client, NULL, out);
		}
	}
	return sr_call_start(call, code, handle);
}

enum sr_code sr_service_remove(sr_client *client, const char *name, sr_done *done, void *context, sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_DONE, sr_deliver_done, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	return sr_call_start(call, send_remove(client, call->request, name), handle);
}

/* Send a message without fields. */
static enum sr_code send_empty(struct sr_client *client, uint8_t type, uint64_t request)
{
	struct sr_outgoing *out = sr_outgoing_new(type, 0, request, 0);
	return out ? sr_outgoing_send(client, NULL, out) : SR_INTERNAL;
}

static struct sr_service_info *read_services(struct sr_cursor *fields, uint16_t *count)
{
	sr_services_decode(fields, count);
	if (fields->failed)
		return NULL;
	struct sr_service_info *services = calloc(*count ? *count : 1u, sizeof *services);
	for (uint16_t i = 0; services && i < *count; i++) {
		struct sr_service_row row;
		sr_service_row_decode(fields, &row);
		(void)snprintf(services[i].name, sizeof services[i].name, "%.*s", (int)row.name.size,
			       row.name.data ? (const char *)row.name.data : "");
		services[i].roles = row.roles;
		memcpy(services[i].key, row.key, sizeof row.key);
		services[i].added_ms = row.added_ms;
	}
	return services;
}

static void deliver_services(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	uint16_t count = 0;
	struct sr_service_info *services = fields ? read_services(fields, &count) : NULL;
	if (fields && !services)
		sr_take_fail(fields);
	if (fields && !sr_decoded(call, fields, &own))
		count = 0;
	call->callback.services_listed(call->context, &own, own.code == SR_OK ? services : NULL, count);
	free(services);
}

enum sr_code sr_service_list(sr_client *client, sr_services_listed *done, void *context, sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_SERVICES, deliver_services, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.services_listed = done;
	return sr_call_start(call, send_empty(client, SR_MSG_SERVICE_LIST, call->request), handle);
}

static struct sr_stat_info *read_stats(struct sr_cursor *fields, uint16_t *count)
{
	sr_stats_decode(fields, count);
	if (fields->failed)
		return NULL;
	struct sr_stat_info *stats = calloc(*count ? *count : 1u, sizeof *stats);
	for (uint16_t i = 0; stats && i < *count; i++) {
		struct sr_stat stat;
		sr_stat_decode(fields, &stat);
		(void)snprintf(stats[i].name, sizeof stats[i].name, "%.*s", (int)stat.name.size,
			       stat.name.data ? (const char *)stat.name.data : "");
		stats[i].value = stat.value;
	}
	return stats;
}

static void deliver_stats(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	uint16_t count = 0;
	struct sr_stat_info *stats = fields ? read_stats(fields, &count) : NULL;
	if (fields && !stats)
		sr_take_fail(fields);
	if (fields && !sr_decoded(call, fields, &own))
		count = 0;
	call->callback.stats_told(call->context, &own, own.code == SR_OK ? stats : NULL, count);
	free(stats);
}

enum sr_code sr_stats(sr_client *client, sr_stats_told *done, void *context, sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_STATS_REPLY, deliver_stats, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.stats_told = done;
	return sr_call_start(call, send_empty(client, SR_MSG_STATS, call->request), handle);
}

static void deliver_health(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	struct sr_result own = *result;
	struct sr_health health = {.code = SR_UNAVAILABLE};
	char text[SR_LABEL_MAX + 1] = "";
	if (fields) {
		sr_health_decode(fields, &health);
		if (sr_decoded(call, fields, &own))
			(void)snprintf(text, sizeof text, "%.*s", (int)health.text.size,
				       (const char *)health.text.data);
	}
	call->callback.health_told(call->context, &own, health.code, text);
}

enum sr_code sr_health(sr_client *client, sr_health_told *done, void *context, sr_call **handle)
{
	struct sr_call *call = sr_call_new(client, SR_MSG_HEALTH_REPLY, deliver_health, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.health_told = done;
	return sr_call_start(call, send_empty(client, SR_MSG_HEALTH, call->request), handle);
}
