/*
 * Results that cannot be dropped: a code, a text for a person, and the place it arose, travelling together.
 */
#ifndef SR_ERROR_H
#define SR_ERROR_H

#include "sealreel/code.h"

#define SR_MUST_USE __attribute__((warn_unused_result))
#define SR_ERROR_TEXT_MAX 256

/* One failure. `file` and `line` say where in sealreel it arose; they are logged, never sent. */
struct sr_error {
	enum sr_code code;
	const char *file;
	int line;
	char text[SR_ERROR_TEXT_MAX];
};

/*
 * The stable lower-case name of a code ("ok", "not_found", …), or "internal" for a number that is none.
 * The string is static.
 */
const char *sr_code_name(enum sr_code code);

/*
 * Fill *err (out, may be NULL: then nothing is kept) with `code`, the place, and a printf-style text, cut at
 * SR_ERROR_TEXT_MAX - 1 bytes. The arguments may quote err->text itself. The text must hold no key, identity, token or
 * media byte. Returns `code`.
 */
enum sr_code sr_fail_at(struct sr_error *err, enum sr_code code, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#define SR_FAIL(err, code, ...) sr_fail_at((err), (code), __FILE__, __LINE__, __VA_ARGS__)

/* The same where an allocation failed: SR_INTERNAL, in one wording. */
#define SR_FAIL_MEMORY(err) SR_FAIL((err), SR_INTERNAL, "memory is used up")

#endif
