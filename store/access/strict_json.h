/*
 * JSON from people who may wish us ill: one object, shallow, without doubled members or NUL, valid UTF-8 throughout.
 */
#ifndef SR_STRICT_JSON_H
#define SR_STRICT_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "error.h"

#define SR_JSON_DEPTH_MAX 8 /* objects and arrays inside each other, the outermost included */

/*
 * Parse `size` bytes at `text` as one JSON object (RFC 8259; I-JSON's rule against doubled members, RFC 7493 2.3).
 * Returns it, released by the caller with json_decref; or NULL, and *why (out) is then the end of a sentence that
 * says what is wrong ("has a member twice", …; static, without any of the text).
 */
json_t *sr_strict_json_object(const char *text, size_t size, const char **why) SR_MUST_USE;

#endif
