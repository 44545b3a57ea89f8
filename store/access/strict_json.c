/* Strict JSON: a depth bound in front of jansson, and its strictest settings. */
#include "access/strict_json.h"

#include <stdbool.h>

/* Brackets are counted before parsing, because jansson's own bound on its recursion is 2,048. */
static bool shallow(const char *text, size_t size)
{
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > SR_JSON_DEPTH_MAX)
				return false;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return true;
}

static const char *reason(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_duplicate_key:
		return "has a member twice";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "has a NUL in a string";
	case json_error_numeric_overflow:
		return "has a number out of range";
	case json_error_invalid_utf8:
		return "is not UTF-8";
	default:
		return "is not JSON";
	}
}

json_t *sr_strict_json_object(const char *text, size_t size, const char **why)
{
	if (!shallow(text, size)) {
		*why = "is nested too deep";
		return NULL;
	}
	json_error_t error;
	json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!value) {
		*why = reason(&error);
	} else if (!json_is_object(value)) {
		*why = "is not a JSON object";
		json_decref(value);
		value = NULL;
	}
	return value;
}
