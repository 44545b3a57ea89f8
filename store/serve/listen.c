/*
 * Listening sockets: the Unix socket inside the store, and TCP where it is configured.
 */
#include "serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "account/log.h"
#include "serve/session.h"

#define UNSENT_MAX (256 << 10) /* bytes that the kernel takes and has not sent yet: what a freeze has to wait for */
#define ACCEPTS_AT_ONCE 64
#define BACKLOG 512
#define UNPACED "reno"

struct sr_listener {
	struct sr_listener *next;
	struct sr_daemon *daemon;
	int fd;
	uv_poll_t poll;
	bool waits; /* for a descriptor to become free */
	bool told;  /* in the log, since the last one was */
	char *path; /* of a Unix socket */
};

/* The peer's address without its port; on a Unix socket the peer's user stands for it. */
static void name_peer(int fd, const struct sockaddr_storage *peer, char *out, size_t size)
{
	struct ucred user;
	socklen_t length = sizeof user;
	if (peer->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, out, (socklen_t)size);
	else if (peer->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, out,
			  (socklen_t)size);
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &length) == 0)
		snprintf(out, size, "uid:%u", user.uid);
	else
		snprintf(out, size, "unix");
}

/* The waiting connection would wake the loop again at once, and again. */
static void wait_for_descriptor(struct sr_listener *listener)
{
	if (!listener->told)
		sr_log(SR_LOG_WARN, "descriptors_used_up", "a connection waits until one is free");
	listener->told = listener->waits = true;
	uv_poll_stop(&listener->poll);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct sr_listener *listener = poll->data;
	(void)events;
	for (int at = 0; status == 0 && at < ACCEPTS_AT_ONCE; at++) {
		struct sockaddr_storage peer = {0};
		socklen_t size = sizeof peer;
		char address[64];
		int one = 1, unsent = UNSENT_MAX;
		int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				wait_for_descriptor(listener);
			return;
		}
		listener->told = false;
		if (peer.ss_family != AF_UNIX) {
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
		}
		name_peer(fd, &peer, address, sizeof address);
		sr_session_accept(listener->daemon, fd, address);
	}
}

void sr_listen_tick(struct sr_daemon *daemon)
{
	for (struct sr_listener *listener = daemon->listeners; listener; listener = listener->next)
		if (listener->waits) {
			listener->waits = false;
			uv_poll_start(&listener->poll, UV_READABLE, on_connection);
		}
}

static enum sr_code add(struct sr_daemon *daemon, int fd, const char *path, struct sr_error *err)
{
	struct sr_listener *listener = calloc(1, sizeof *listener);
	if (listener)
		listener->path = path ? strdup(path) : NULL;
	if (!listener || (path && !listener->path) || uv_poll_init(daemon->loop, &listener->poll, fd) != 0) {
		if (listener)
			free(listener->path);
		free(listener);
		close(fd);
		return SR_FAIL(err, SR_IO, "the loop does not take a listening socket");
	}
	listener->daemon = daemon;
	listener->fd = fd;
	listener->poll.data = listener;
	uv_poll_start(&listener->poll, UV_READABLE, on_connection);
	listener->next = daemon->listeners;
	daemon->listeners = listener;
	return SR_OK;
}

/* True if somebody accepts connections there: then it is not ours to replace. */
static bool answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool connected = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
	close(fd);
	return connected;
}

static enum sr_code listen_unix(struct sr_daemon *daemon, const char *path, struct sr_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat there;
	if (strlen(path) >= sizeof address.sun_path)
		return SR_FAIL(err, SR_USAGE, "%s: a Unix socket's path has at most %zu bytes", path,
			       sizeof address.sun_path - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (answers(&address))
		return SR_FAIL(err, SR_IO, "%s: somebody else answers there", path);
	if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode))
		(void)unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0660) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		int why = errno;
		if (fd >= 0)
			close(fd);
		return SR_FAIL(err, SR_IO, "%s: %s", path, strerror(why));
	}
	return add(daemon, fd, path, err);
}

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *ip4 = (const void *)address;
		return ntohl(ip4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	return address->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/*
 * Who comes by loopback shares no line with anybody. A kernel whose congestion control paces what it sends (BBR) would
 * set a timer for nearly every send, which cost as much as the rest of sending. Said before anybody connects, as
 * pacing, once begun, stays. Every kernel has Reno, and lets everybody choose it.
 */
static void unpace(int fd, const struct sockaddr *address)
{
	if (is_loopback(address))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, UNPACED, sizeof UNPACED - 1);
}

static enum sr_code bind_one(const struct addrinfo *address, const char *text, int *out, struct sr_error *err)
{
	int one = 1;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		unpace(fd, address->ai_addr);
	}
	if (fd < 0 || bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		int why = errno;
		if (fd >= 0)
			close(fd);
		return SR_FAIL(err, SR_IO, "tcp:%s: %s", text, strerror(why));
	}
	*out = fd;
	return SR_OK;
}

/* Where it really listens: port 0 asks the kernel for one. */
static void announce(int fd)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof bound;
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct sr_log_line line;
	if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0 ||
	    getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	sr_log_begin(&line, SR_LOG_INFO, "listening");
	sr_log_text(&line, "host", host);
	sr_log_text(&line, "port", port);
	sr_log_end(&line);
}

static enum sr_code listen_tcp(struct sr_daemon *daemon, const char *text, struct sr_error *err)
{
	char host[256];
	const char *colon = strrchr(text, ':');
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found;
	int fd = -1;
	if (!colon || colon == text || (size_t)(colon - text) >= sizeof host)
		return SR_FAIL(err, SR_USAGE, "tcp:%s: not HOST:PORT", text);
	bool bracketed = text[0] == '[' && colon[-1] == ']';
	snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * bracketed, text + bracketed);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return SR_FAIL(err, SR_USAGE, "tcp:%s: no such address", text);
	enum sr_code code = bind_one(found, text, &fd, err);
	freeaddrinfo(found);
	if (code != SR_OK)
		return code;
	announce(fd);
	return add(daemon, fd, NULL, err);
}

enum sr_code sr_listen_start(struct sr_daemon *daemon, struct sr_error *err)
{
	const struct sr_config *config = daemon->settings->config;
	enum sr_code code = SR_OK;
	if (!config->listen_unix && !config->listen_tcp)
		return SR_FAIL(err, SR_USAGE, "neither a Unix socket nor TCP is configured");
	if (config->listen_unix)
		code = listen_unix(daemon, config->listen_unix, err);
	if (code == SR_OK && config->listen_tcp)
		code = listen_tcp(daemon, config->listen_tcp, err);
	if (code != SR_OK)
		sr_listen_stop(daemon);
	return code;
}

static void closed(uv_handle_t *handle)
{
	struct sr_listener *listener = handle->data;
	free(listener->path);
	free(listener);
}

void sr_listen_stop(struct sr_daemon *daemon)
{
	while (daemon->listeners) {
		struct sr_listener *listener = daemon->listeners;
		daemon->listeners = listener->next;
		if (listener->path)
			(void)unlink(listener->path);
		uv_poll_stop(&listener->poll);
		uv_close((uv_handle_t *)&listener->poll, closed);
		close(listener->fd);
	}
}
