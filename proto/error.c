/*
 * The names of the error codes, and the one function that fills in a failure.
 */
#include "error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const char *const names[SR_CODES] = {
	[SR_OK] = "ok",
	[SR_USAGE] = "usage",
	[SR_UNAUTHENTICATED] = "unauthenticated",
	[SR_DENIED] = "denied",
	[SR_EXPIRED] = "expired",
	[SR_NOT_FOUND] = "not_found",
	[SR_FROZEN] = "frozen",
	[SR_CONFLICT] = "conflict",
	[SR_BUSY] = "busy",
	[SR_NO_SPACE] = "no_space",
	[SR_IO] = "io",
	[SR_CORRUPT] = "corrupt",
	[SR_UNAVAILABLE] = "unavailable",
	[SR_INTERNAL] = "internal",
};

const char *sr_code_name(enum sr_code code)
{
	size_t index = (size_t)code;

	return index < SR_CODES ? names[index] : names[SR_INTERNAL];
}

enum sr_code sr_fail_at(struct sr_error *err, enum sr_code code, const char *file, int line, const char *format, ...)
{
	struct sr_error made = {.code = code, .file = file, .line = line};
	va_list args;

	if (err == NULL)
		return code;
	/* Made apart and then copied whole: the arguments may quote the text of the failure being replaced. */
	va_start(args, format);
	(void)vsnprintf(made.text, sizeof made.text, format, args);
	va_end(args);
	*err = made;
	return code;
}
