/* A client's life: made, connected, failed, closed; and the one timer that drives what is due. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the connection that failed leaves behind: `goes_on` if another is to be made, and some of it can wait for that.
 */
static void sort_out(struct sr_client *client, bool goes_on)
{
	struct sr_call *call, *next_call;
	struct sr_stream *stream;
	struct sr_streams *const tables[] = {&client->streams, &client->waiting};
	for (size_t i = 0; i < (goes_on ? 1 : 2); i++) {
		while ((stream = LIST_FIRST(tables[i]))) {
			if (goes_on && sr_reconnect_keeps_stream(stream))
				continue;
			LIST_REMOVE(stream, link);
			LIST_INSERT_HEAD(&client->ending, stream, link);
			stream->waiting = false;
		}
	}
	for (call = LIST_FIRST(&client->calls); call; call = next_call) {
		next_call = LIST_NEXT(call, link);
		if (goes_on && sr_reconnect_keeps_call(call))
			continue;
		LIST_REMOVE(call, link);
		LIST_INSERT_HEAD(&client->failing, call, link);
	}
}

/* Everything that was under way fails with the connection's failure, but what waits for the next connection. */
static void settle(struct sr_client *client)
{
	const struct sr_result failure = client->failure;
	bool established = client->established;
	bool goes_on = sr_reconnect_takes(client);
	struct sr_call *call;
	struct sr_stream *stream;
	sr_socket_close(client);
	sr_conn_free(client->conn);
	client->conn = NULL;
	client->phase = goes_on ? SR_PHASE_WAITING : SR_PHASE_IDLE;
	client->established = goes_on;
	client->connect_call = NULL;
	client->body_of = NULL;
	client->connect_by = 0;
	client->pauses = 0;
	sort_out(client, goes_on);
	while ((stream = LIST_FIRST(&client->ending)))
		sr_stream_over(stream, &failure);
	while ((call = LIST_FIRST(&client->failing))) {
		struct sr_result own = failure;
		own.request = call->request;
		sr_call_finish(call, &own, NULL);
	}
	if (client->phase == SR_PHASE_CLOSED)
		return;
	if (goes_on) {
		sr_reconnect_began(client);
		return;
	}
	client->retry = (struct sr_retry){0};
	client->trying = false;
	if (established && client->lost)
		client->lost(client->lost_context, &failure);
}

static void pump(struct sr_client *client)
{
	client->pump = false;
	sr_dispatch(client);
}

static void on_tick(uv_timer_t *timer)
{
	struct sr_client *client = timer->data;
	if (client->connect_by != 0 && uv_now(client->loop) >= client->connect_by)
		sr_client_fail(client, SR_UNAVAILABLE, "the store did not answer in time");
	/* A loop turned once at a time sleeps after its timers, whatever these did: let it wake and see. */
	client->wake = true;
	if (client->phase == SR_PHASE_FAILED)
		settle(client);
	else if (client->pump && client->pauses == 0)
		pump(client);
	else if (sr_streams_due(client))
		sr_streams_run_due(client);
	else if (sr_reconnect_due(client) <= uv_now(client->loop))
		sr_reconnect_run(client);
	else
		client->wake = false;
	sr_client_arm(client);
}

void sr_client_arm(struct sr_client *client)
{
	if (client->phase == SR_PHASE_CLOSED)
		return;
	uint64_t now = uv_now(client->loop);
	uint64_t due = sr_grant_renew_due(client);
	if (client->connect_by != 0 && client->connect_by < due)
		due = client->connect_by;
	if (sr_reconnect_due(client) < due)
		due = sr_reconnect_due(client);
	if (client->phase == SR_PHASE_FAILED || (client->pump && client->pauses == 0) || sr_streams_due(client))
		due = now;
	else if (client->wake && due > now + 1)
		due = now + 1;
	if (due == UINT64_MAX)
		(void)uv_timer_stop(&client->tick);
	else
		(void)uv_timer_start(&client->tick, on_tick, due > now ? due - now : 0, 0);
}

void sr_client_fail(struct sr_client *client, enum sr_code code, const char *text)
{
	if (client->phase == SR_PHASE_CLOSED || client->phase == SR_PHASE_FAILED || client->phase == SR_PHASE_IDLE ||
	    client->phase == SR_PHASE_WAITING)
		return;
	sr_result_set(&client->failure, code, 0, text);
	client->phase = SR_PHASE_FAILED;
	sr_socket_close(client);
	sr_client_arm(client);
}

void sr_client_broken(struct sr_client *client, const char *text)
{
	sr_client_fail(client, SR_CORRUPT, text);
}

/* Read a file that nobody else may read. */
static enum sr_code read_private(const char *path, char text[SR_CREDENTIAL_TEXT_MAX], size_t *size,
				 struct sr_result *result)
{
	struct stat info;
	ssize_t got = 0;
	char why[256];
	enum sr_code code = SR_OK;
	*size = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &info) != 0) {
		(void)snprintf(why, sizeof why, "the credential file cannot be read: %s", strerror(errno));
		code = SR_IO;
	} else if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0) {
		(void)snprintf(why, sizeof why, "the credential file can be read by others: make it 0600");
		code = SR_USAGE;
	}
	while (code == SR_OK && *size < SR_CREDENTIAL_TEXT_MAX) {
		got = read(fd, text + *size, SR_CREDENTIAL_TEXT_MAX - *size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*size += (size_t)got;
	}
	if (code == SR_OK && got < 0) {
		(void)snprintf(why, sizeof why, "the credential file cannot be read: %s", strerror(errno));
		code = SR_IO;
	}
	sr_result_set(result, code, 0, why);
	if (fd >= 0)
		close(fd);
	return code;
}

static enum sr_code read_credential(struct sr_client *client, const char *path, struct sr_result *result)
{
	char text[SR_CREDENTIAL_TEXT_MAX];
	struct sr_error err = {0};
	size_t size;
	enum sr_code code = read_private(path, text, &size, result);
	if (code == SR_OK) {
		code = sr_credential_parse(text, size, client->credential, &err);
		sr_result_set(result, code, 0, err.text);
	}
	sodium_memzero(text, sizeof text);
	return code;
}

/* What of the options outlives the call; false when memory is used up. */
static bool keep_grants(struct sr_client *client, const struct sr_client_options *options)
{
	client->grant_callback = options->grant_callback;
	client->grant_context = options->grant_context;
	if (options->grant) {
		size_t size = strlen(options->grant) + 1;
		client->grant = sodium_malloc(size);
		if (client->grant)
			memcpy(client->grant, options->grant, size);
	} else if (options->grant_callback) {
		client->token = sodium_malloc(SR_TOKEN_MAX);
	}
	return (!options->grant || client->grant) && (options->grant || !options->grant_callback || client->token);
}

static void free_client(struct sr_client *client)
{
	struct sr_call *call;
	struct sr_stream *stream;
	while ((call = LIST_FIRST(&client->calls)) || (call = LIST_FIRST(&client->failing))) {
		LIST_REMOVE(call, link);
		sr_call_free(call);
	}
	while ((stream = LIST_FIRST(&client->streams)) || (stream = LIST_FIRST(&client->ending)) ||
	       (stream = LIST_FIRST(&client->held)) || (stream = LIST_FIRST(&client->waiting))) {
		LIST_REMOVE(stream, link);
		stream->kind->release(stream);
	}
	sr_conn_free(client->conn);
	sodium_free(client->token);
	sodium_free(client->grant);
	sodium_free(client->credential);
	free(client);
}

enum sr_code sr_client_new(uv_loop_t *loop, const struct sr_client_options *options, sr_client **out,
			   struct sr_result *result)
{
	enum sr_code code = SR_INTERNAL;
	*out = NULL;
	sr_result_set(result, SR_INTERNAL, 0, NULL);
	if (sodium_init() < 0)
		return SR_INTERNAL;
	struct sr_client *client = calloc(1, sizeof *client);
	if (!client)
		return SR_INTERNAL;
	client->loop = loop;
	LIST_INIT(&client->calls);
	LIST_INIT(&client->failing);
	LIST_INIT(&client->streams);
	LIST_INIT(&client->ending);
	LIST_INIT(&client->held);
	LIST_INIT(&client->waiting);
	client->reconnect_ms = options->reconnect_ms;
	client->credential = sodium_malloc(sizeof *client->credential);
	if (client->credential && keep_grants(client, options))
		code = read_credential(client, options->credential, result);
	if (code == SR_OK) {
		const char *address = options->server ? options->server : client->credential->address;
		if (!sr_address_valid(address)) {
			code = SR_USAGE;
			sr_result_set(result, code, 0, "a server is unix:PATH or tcp:HOST:PORT");
		} else {
			(void)snprintf(client->address, sizeof client->address, "%s", address);
		}
	}
	if (code == SR_OK && uv_timer_init(loop, &client->tick) != 0)
		code = SR_INTERNAL;
	if (code != SR_OK) {
		free_client(client);
		return code;
	}
	client->tick.data = client;
	client->holds = 1;
	*out = client;
	return SR_OK;
}

const char *sr_client_server(const sr_client *client)
{
	return client->address;
}

void sr_client_audience(const sr_client *client, char text[33])
{
	(void)sodium_bin2hex(text, 33, client->credential->store, SR_UUID);
}

static void deliver_connected(struct sr_call *call, const struct sr_result *result, struct sr_cursor *fields)
{
	(void)fields;
	call->callback.done(call->context, result);
}

static enum sr_code begin_connecting(struct sr_client *client)
{
	client->phase = SR_PHASE_CONNECTING;
	client->next_stream = 1;
	enum sr_code code = sr_socket_open(client);
	if (code != SR_OK) {
		client->phase = SR_PHASE_IDLE;
		return code;
	}
	client->connect_by = uv_now(client->loop) + SR_CONNECT_MS;
	sr_client_arm(client);
	return SR_OK;
}

enum sr_code sr_connect(sr_client *client, sr_done *done, void *context, sr_call **handle)
{
	if (client->phase != SR_PHASE_IDLE)
		return SR_CONFLICT;
	struct sr_call *call = sr_call_new(client, 0, deliver_connected, context);
	if (!call)
		return SR_INTERNAL;
	call->callback.done = done;
	/* No message answers it: READY does, or a failure. */
	call->request = 0;
	enum sr_code code = begin_connecting(client);
	if (code == SR_OK)
		client->connect_call = call;
	return sr_call_start(call, code, handle);
}

void sr_client_try(struct sr_client *client)
{
	enum sr_code code = begin_connecting(client);
	if (code == SR_OK)
		return;
	client->phase = SR_PHASE_CONNECTING;
	sr_client_fail(client, SR_UNAVAILABLE, "no connection can be made now");
}

void sr_client_on_trying(sr_client *client, sr_done *trying, void *context)
{
	client->on_trying = trying;
	client->trying_context = context;
}

void sr_client_on_lost(sr_client *client, sr_done *lost, void *context)
{
	client->lost = lost;
	client->lost_context = context;
}

void sr_client_release(struct sr_client *client)
{
	if (--client->holds != 0)
		return;
	void (*closed)(void *) = client->closed;
	void *context = client->closed_context;
	free_client(client);
	if (closed)
		closed(context);
}

static void on_tick_closed(uv_handle_t *handle)
{
	sr_client_release(handle->data);
}

static void say_goodbye(struct sr_client *client)
{
	struct sr_outgoing *out = sr_outgoing_new(SR_MSG_GOODBYE, 0, sr_request_new(), SR_LABEL_MAX + 3);
	if (!out)
		return;
	sr_goodbye_encode(&out->fields, &(struct sr_goodbye){.code = SR_OK});
	/* Best effort: the connection ends either way. */
	enum sr_code ignored = sr_outgoing_send(client, NULL, out);
	(void)ignored;
}

void sr_client_close(sr_client *client, void (*closed)(void *context), void *context)
{
	if (client->phase == SR_PHASE_CLOSED)
		return;
	if (client->phase == SR_PHASE_OPEN)
		say_goodbye(client);
	client->phase = SR_PHASE_CLOSED;
	client->closed = closed;
	client->closed_context = context;
	sr_socket_close(client);
	uv_close((uv_handle_t *)&client->tick, on_tick_closed);
}
