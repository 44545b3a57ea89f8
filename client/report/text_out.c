/*
 * The growing text and its JSON.
 */
#include "text_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the end. */
static bool grow(struct sr_report_out *out, size_t more)
{
	size_t wanted = out->room ? out->room : 4096;
	while (wanted < out->size + more + 1)
		wanted *= 2;
	if (out->failed || wanted == out->room)
		return !out->failed;
	char *data = realloc(out->data, wanted);
	if (!data) {
		out->failed = true;
		return false;
	}
	out->data = data;
	out->room = wanted;
	return true;
}

void sr_out_text(struct sr_report_out *out, const char *format, ...)
{
	va_list list, again;
	va_start(list, format);
	va_copy(again, list);
	int size = vsnprintf(NULL, 0, format, list);
	if (size >= 0 && grow(out, (size_t)size)) {
		(void)vsnprintf(out->data + out->size, (size_t)size + 1, format, again);
		out->size += (size_t)size;
	}
	va_end(again);
	va_end(list);
}

void sr_out_stated(struct sr_report_out *out, const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			sr_out_text(out, "\\x%02x", (unsigned char)*text);
		else
			sr_out_text(out, "%c", *text);
}

/* The civil date of a day since 1970, by the proleptic Gregorian calendar: years begin in March here. */
static void date_of(uint64_t day, unsigned long *year, unsigned *month, unsigned *date)
{
	uint64_t shifted = day + 719468;
	uint64_t era = shifted / 146097, of_era = shifted % 146097;
	uint64_t of_years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * of_years + of_years / 4 - of_years / 100);
	uint64_t turned = (5 * of_year + 2) / 153;
	*date = (unsigned)(of_year - (153 * turned + 2) / 5 + 1);
	*month = (unsigned)(turned < 10 ? turned + 3 : turned - 9);
	*year = (unsigned long)(of_years + era * 400 + (*month <= 2));
}

const char *sr_out_time(uint64_t ms, char text[SR_OUT_TIME])
{
	unsigned long year;
	unsigned month, date;
	uint64_t second = ms / 1000 % 86400;
	uint64_t day = ms / 86400000;
	/* No such time is ever noted; what is wider would not be one. */
	date_of(day < 2932896 ? day : 2932896, &year, &month, &date);
	(void)snprintf(text, SR_OUT_TIME, "%04lu-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, date,
		       (unsigned)(second / 3600), (unsigned)(second / 60 % 60), (unsigned)(second % 60),
		       (unsigned)(ms % 1000));
	return text;
}

static void put_string(struct sr_report_out *out, const char *text)
{
	sr_out_text(out, "\"");
	while (*text) {
		size_t plain = 0;
		while (text[plain] && (unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
			plain++;
		sr_out_text(out, "%.*s", (int)plain, text);
		text += plain;
		if (*text == '"' || *text == '\\')
			sr_out_text(out, "\\%c", *text++);
		else if (*text)
			sr_out_text(out, "\\u%04x", (unsigned char)*text++);
	}
	sr_out_text(out, "\"");
}

/* What stands before a value: a comma, the line's beginning, the member's name. */
static void before(struct sr_report_out *out, const char *name)
{
	if (out->some)
		sr_out_text(out, ",");
	if (out->depth > 0)
		sr_out_text(out, "\n%*s", (int)(2 * out->depth), "");
	if (name) {
		put_string(out, name);
		sr_out_text(out, ": ");
	}
	out->some = true;
}

void sr_json_begin(struct sr_report_out *out, const char *name, char bracket)
{
	before(out, name);
	sr_out_text(out, "%c", bracket);
	out->depth++;
	out->some = false;
}

void sr_json_end(struct sr_report_out *out, char bracket)
{
	out->depth--;
	if (out->some)
		sr_out_text(out, "\n%*s", (int)(2 * out->depth), "");
	sr_out_text(out, "%c", bracket);
	out->some = true;
	if (out->depth == 0)
		sr_out_text(out, "\n");
}

void sr_json_text(struct sr_report_out *out, const char *name, const char *text)
{
	if (!text) {
		sr_json_null(out, name);
		return;
	}
	before(out, name);
	put_string(out, text);
}

void sr_json_number(struct sr_report_out *out, const char *name, uint64_t number)
{
	before(out, name);
	sr_out_text(out, "%llu", (unsigned long long)number);
}

void sr_json_bool(struct sr_report_out *out, const char *name, bool value)
{
	before(out, name);
	sr_out_text(out, value ? "true" : "false");
}

void sr_json_time(struct sr_report_out *out, const char *name, uint64_t ms)
{
	char text[SR_OUT_TIME];
	sr_json_text(out, name, sr_out_time(ms, text));
}

void sr_json_null(struct sr_report_out *out, const char *name)
{
	before(out, name);
	sr_out_text(out, "null");
}

void sr_out_free(struct sr_report_out *out)
{
	free(out->data);
	*out = (struct sr_report_out){.data = NULL};
}
