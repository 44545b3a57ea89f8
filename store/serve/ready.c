/*
 * The service manager's readiness protocol: one datagram to the socket that it names.
 */
#include "serve/ready.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void sr_ready_tell(const char *state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *name = getenv("NOTIFY_SOCKET");
	size_t size = name ? strlen(name) : 0;
	if (size < 2 || size > sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
		return;
	memcpy(address.sun_path, name, size);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* The length ends the name: an abstract one may not have a NUL behind it. */
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	ssize_t sent =
		sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, length);
	(void)sent;
	close(fd);
}
