/*
 * The service manager's readiness protocol: one datagram to the socket that it names.
 */
#ifndef SR_READY_H
#define SR_READY_H

/*
 * Send `state` ("READY=1", "STOPPING=1"; sd_notify(3)) to $NOTIFY_SOCKET: a path, or with a leading @ an abstract name.
 * Nothing happens where none is set; a failure is ignored, since the manager times it and nobody else waits. Never
 * blocks.
 */
void sr_ready_tell(const char *state);

#endif
