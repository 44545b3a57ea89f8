/*
 * Running the alarms' command: a few at once, each with a text on its standard input, none for longer than it may.
 */
#include "serve/accounting/telling.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "account/alarm.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* One command. Its place is free when all of its handles have closed and its end was told. */
struct teller {
	struct sr_tellers *all;
	bool used;
	bool spawned;     /* it runs, or its end is not yet known */
	bool killed;      /* it took too long */
	unsigned handles; /* not yet closed */
	uint64_t number, until;
	uv_process_t process;
	uv_pipe_t input;
	uv_write_t write;
	char text[SR_ALARM_JSON_MAX];
	char failed[128]; /* "": not */
};

struct sr_tellers {
	uv_loop_t *loop;
	sr_told *told;
	void *context;
	bool closed;
	struct teller places[SR_TELLERS];
};

struct sr_tellers *sr_tellers_new(uv_loop_t *loop, sr_told *told, void *context)
{
	struct sr_tellers *tellers = calloc(1, sizeof *tellers);
	if (!tellers)
		return NULL;
	tellers->loop = loop;
	tellers->told = told;
	tellers->context = context;
	return tellers;
}

void sr_tellers_free(struct sr_tellers *tellers)
{
	free(tellers);
}

bool sr_tellers_free_place(const struct sr_tellers *tellers)
{
	for (size_t at = 0; at < SR_TELLERS; at++)
		if (!tellers->places[at].used)
			return !tellers->closed;
	return false;
}

static void handle_closed(uv_handle_t *handle)
{
	struct teller *teller = handle->data;
	if (--teller->handles > 0)
		return;
	struct sr_tellers *all = teller->all;
	teller->used = false;
	if (!all->closed)
		all->told(all->context, teller->number, teller->failed[0] ? teller->failed : NULL);
}

static void close_handle(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, handle_closed);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	struct teller *teller = process->data;
	teller->spawned = false;
	if (teller->killed)
		snprintf(teller->failed, sizeof teller->failed, "the alarm_command took too long and was killed");
	else if (signal != 0)
		snprintf(teller->failed, sizeof teller->failed, "the alarm_command died of signal %d", signal);
	else if (status != 0)
		snprintf(teller->failed, sizeof teller->failed, "the alarm_command ended with %d", (int)status);
	close_handle(&teller->input);
	close_handle(&teller->process);
}

/* Whether it was read is the command's affair: its exit status counts. */
static void on_written(uv_write_t *write, int status)
{
	struct teller *teller = write->data;
	(void)status;
	close_handle(&teller->input);
}

static int spawn(struct teller *teller, const char *command)
{
	char path[1024];
	char shell[] = "/bin/sh", dash_c[] = "-c";
	char *own = strdup(command);
	char *arguments[] = {shell, dash_c, own, NULL}, *environment[] = {path, NULL};
	uv_stdio_container_t standard[3] = {
		{.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_READABLE_PIPE),
		 .data.stream = (uv_stream_t *)&teller->input},
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = shell,
		.args = arguments,
		.env = environment,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = standard,
	};
	const char *known = getenv("PATH");
	snprintf(path, sizeof path, "PATH=%s", known ? known : PATH_DEFAULT);
	/* Not every library opens its files so that a command does not get them. */
	(void)!close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	int failed = own ? uv_spawn(teller->all->loop, &teller->process, &options) : UV_ENOMEM;
	free(own);
	return failed;
}

void sr_tellers_tell(struct sr_tellers *tellers, const struct sr_telling *telling)
{
	struct teller *teller = tellers->places;
	while (teller->used)
		teller++;
	memset(teller, 0, sizeof *teller);
	teller->all = tellers;
	teller->used = true;
	teller->number = telling->number;
	teller->until = telling->until;
	memcpy(teller->text, telling->text, telling->size);
	(void)!uv_pipe_init(tellers->loop, &teller->input, 0);
	teller->input.data = teller->process.data = teller->write.data = teller;
	teller->handles = 2;
	int failed = spawn(teller, telling->command);
	teller->process.data = teller;
	if (failed) {
		snprintf(teller->failed, sizeof teller->failed, "the alarm_command cannot be run: %s",
			 uv_strerror(failed));
		if (teller->process.type == UV_PROCESS)
			close_handle(&teller->process);
		else
			teller->handles--;
		close_handle(&teller->input);
		return;
	}
	teller->spawned = true;
	uv_buf_t text = uv_buf_init(teller->text, (unsigned)telling->size);
	if (uv_write(&teller->write, (uv_stream_t *)&teller->input, &text, 1, on_written) != 0)
		close_handle(&teller->input);
}

/* It, and what it has started: it leads a group of its own. */
static void kill_group(const struct teller *teller)
{
	if (teller->spawned)
		(void)kill(-teller->process.pid, SIGKILL);
}

void sr_tellers_tick(struct sr_tellers *tellers, uint64_t now)
{
	for (struct teller *at = tellers->places; at < tellers->places + SR_TELLERS; at++)
		if (at->used && at->spawned && !at->killed && now >= at->until) {
			at->killed = true;
			kill_group(at);
		}
}

void sr_tellers_close(struct sr_tellers *tellers)
{
	tellers->closed = true;
	for (struct teller *at = tellers->places; at < tellers->places + SR_TELLERS; at++) {
		if (!at->used)
			continue;
		kill_group(at);
		close_handle(&at->input);
		close_handle(&at->process);
	}
}
