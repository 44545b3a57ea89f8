/* Results, ids and the version: what needs no client. */
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "client.h"

static const char *const words[SR_CODES] = {
	[SR_OK] = "",
	[SR_USAGE] = "the request makes no sense",
	[SR_UNAUTHENTICATED] = "there is no valid grant or credential",
	[SR_DENIED] = "this is not allowed",
	[SR_EXPIRED] = "the grant's time is over",
	[SR_NOT_FOUND] = "no such recording or track",
	[SR_FROZEN] = "stopped by a freeze",
	[SR_CONFLICT] = "it exists already, or is somebody else's",
	[SR_BUSY] = "busy: try again soon",
	[SR_NO_SPACE] = "there is no space left",
	[SR_IO] = "a file or socket failed",
	[SR_CORRUPT] = "what came does not verify",
	[SR_UNAVAILABLE] = "there is no connection to the store",
	[SR_INTERNAL] = "out of memory, or a fault of sealreel's own",
};

void sr_result_set(struct sr_result *result, enum sr_code code, uint64_t request, const char *text)
{
	*result = (struct sr_result){.code = code, .request = request};
	if (code != SR_OK)
		(void)snprintf(result->text, sizeof result->text, "%s", text ? text : words[code]);
}

const char *sr_result_name(enum sr_code code)
{
	return sr_code_name(code);
}

const char *sr_version(void)
{
	return SR_VERSION;
}

void sr_id_new(uint8_t id[SR_ID])
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	sr_uuid7((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, id);
}

bool sr_id_parse(const char *text, uint8_t id[SR_ID])
{
	return sr_uuid_parse(text, strlen(text), id);
}

void sr_id_format(const uint8_t id[SR_ID], char text[SR_ID_TEXT])
{
	sr_uuid_format(id, text);
}
