/*
 * Who is let in: the limits on connections, streams and requests. Each refusal is counted.
 */
#ifndef SR_ADMISSION_H
#define SR_ADMISSION_H

#include "serve/session.h"

/* True if one more connection may come from `address`. It cannot be told why not: nobody knows yet who it is. */
bool sr_admit_connection(const struct sr_daemon *daemon, const char *address);

/* True if the service that `session`, which counts already, has just proved to be may have it too. */
bool sr_admit_service(const struct sr_session *session);

/* SR_OK if a request of `type`, on stream 0 or to open another stream, may begin now; SR_BUSY: memory is scarce. */
enum sr_code sr_admit_request(const struct sr_daemon *daemon, uint8_t type, struct sr_error *err) SR_MUST_USE;

#endif
