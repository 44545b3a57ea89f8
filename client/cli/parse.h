/* Reading what people type: durations, times, ranges, ids, who acts; and guessing media types. Pure functions. */
#ifndef SR_CLI_PARSE_H
#define SR_CLI_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "90", "90s", "5m", "1h", "90d": seconds, at least 1. False if it is nothing like that. */
bool parse_duration(const char *text, int64_t *seconds);

/* "12" or "12.5", seconds of at most nine digits: milliseconds. */
bool parse_offset(const char *text, uint64_t *milliseconds);

/* "2026-11-21" (its midnight, UTC) or RFC 3339 "2026-11-21T09:30:00[.123]Z" or "+02:00": milliseconds since 1970. */
bool parse_time(const char *text, uint64_t *milliseconds);

/* "A-B" (both included) or "A-" (to the end): *length is UINT64_MAX then. False if B is below A. */
bool parse_range(const char *text, uint64_t *from, uint64_t *length);

/* 64 hex digits to 32 bytes. */
bool parse_key(const char *text, uint8_t key[32]);

/* A decimal number of at most `most`. */
bool parse_number(const char *text, uint64_t most, uint64_t *value);

/*
 * The media type of a file whose first `size` bytes are at `front` (size may be 0) and whose name is `name` (may be
 * NULL). By its name's ending, else by its first bytes; "application/octet-stream" if neither says. A WebM file in
 * whose first bytes only codecs of sound are named is "audio/webm". Static.
 */
const char *guess_media_type(const uint8_t *front, size_t size, const char *name);

/* RFC 3339 in UTC with milliseconds, "" for 0. `out` takes TIME_TEXT bytes. */
#define TIME_TEXT 32
void format_time(uint64_t milliseconds, char out[TIME_TEXT]);

/* A number of bytes, with K, M or G behind it for 2^10, 2^20 or 2^30 of them. False: it is none, or too large. */
bool parse_rate(const char *text, uint64_t *rate);

#endif
