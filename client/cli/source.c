/* Reading a source as fast as it comes and the window allows. */
#include "cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256u * 1024u)

bool source_open(struct source *source, const char *name)
{
	struct stat info;
	*source = (struct source){.name = name, .fd = -1};
	source->fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (source->fd < 0 || fstat(source->fd, &info) != 0)
		return false;
	source->is_file = S_ISREG(info.st_mode);
	if (S_ISDIR(info.st_mode)) {
		errno = EISDIR;
		return false;
	}
	if (source->is_file) {
		ssize_t got = pread(source->fd, source->front, SOURCE_FRONT, lseek(source->fd, 0, SEEK_CUR));
		source->front_size = got > 0 ? (size_t)got : 0;
		source->size = (uint64_t)info.st_size;
	}
	source->buffer = malloc(BUFFER);
	return source->buffer != NULL;
}

bool source_skip(struct source *source, uint64_t size)
{
	return source->is_file && size <= source->size && lseek(source->fd, (off_t)size, SEEK_SET) == (off_t)size;
}

static void fail(struct source *source, enum sr_code code, const char *text)
{
	source->result.code = code;
	(void)snprintf(source->result.text, sizeof source->result.text, "%s", text);
}

static void on_closed(void *context, const struct sr_result *result)
{
	struct source *source = context;
	if (source->result.code == SR_OK)
		source->result = *result;
	source->over = true;
	source->changed(source->context);
}

static void stop(struct source *source)
{
	if (source->is_file)
		(void)uv_idle_stop(&source->uv.idle);
	else
		(void)uv_poll_stop(&source->uv.poll);
}

void source_end(struct source *source)
{
	if (source->ended || !source->writer)
		return;
	source->ended = true;
	stop(source);
	sr_writer *writer = source->writer;
	if (source->result.code == SR_OK)
		source->durable = sr_writer_durable(writer) + sr_writer_pending(writer);
	source->writer = NULL;
	enum sr_code code = sr_writer_close(writer, on_closed, source);
	if (code != SR_OK) {
		if (source->result.code == SR_OK)
			fail(source, code, "the stream has ended");
		source->over = true;
	}
}

/* Read once and send what came. */
static void move(struct source *source)
{
	size_t room = sr_writer_room(source->writer);
	if (room == 0) {
		stop(source);
		return;
	}
	ssize_t got = read(source->fd, source->buffer, room < BUFFER ? room : BUFFER);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got < 0)
		fail(source, SR_IO, strerror(errno));
	if (got > 0 && sr_write(source->writer, source->buffer, (size_t)got, SR_NO_TIME) != SR_OK)
		return; /* the stream's own end tells why */
	if (got <= 0)
		source_end(source);
}

static void on_idle(uv_idle_t *idle)
{
	move(idle->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status == 0) {
		move(poll->data);
	} else {
		fail(poll->data, SR_IO, uv_strerror(status));
		source_end(poll->data);
	}
}

static void go_on(void *context)
{
	struct source *source = context;
	if (source->ended)
		return;
	if (source->is_file)
		(void)uv_idle_start(&source->uv.idle, on_idle);
	else
		(void)uv_poll_start(&source->uv.poll, UV_READABLE | UV_DISCONNECT, on_poll);
}

static void on_durable(void *context, uint64_t durable)
{
	struct source *source = context;
	source->durable = durable;
	source->changed(source->context);
}

/* The stream ended by itself: the connection, the store, or a freeze did it. */
static void on_ended(void *context, const struct sr_result *result)
{
	struct source *source = context;
	source->result = *result;
	source->ended = true;
	stop(source);
	source->durable = sr_writer_durable(source->writer);
	(void)sr_writer_close(source->writer, NULL, NULL);
	source->writer = NULL;
	source->over = true;
	source->changed(source->context);
}

enum sr_code source_start(struct source *source, uv_loop_t *loop, sr_writer *writer)
{
	int status;
	source->writer = writer;
	source->durable = sr_writer_durable(writer);
	/* A device such as /dev/zero cannot be waited for, but is always ready, as a file is. */
	if (!source->is_file && uv_poll_init(loop, &source->uv.poll, source->fd) == 0) {
		status = 0;
	} else {
		source->is_file = true;
		status = uv_idle_init(loop, &source->uv.idle);
	}
	if (status != 0)
		return SR_INTERNAL;
	source->has_handle = true;
	source->uv.handle.data = source;
	sr_writer_on_room(writer, go_on, source);
	sr_writer_on_durable(writer, on_durable, source);
	sr_writer_on_ended(writer, on_ended, source);
	go_on(source);
	return SR_OK;
}

void source_close(struct source *source)
{
	if (source->has_handle)
		uv_close(&source->uv.handle, NULL);
	source->has_handle = false;
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
	/* Media. */
	if (source->buffer)
		sodium_memzero(source->buffer, BUFFER);
	free(source->buffer);
	source->buffer = NULL;
}
