/* Reading what people type, without guessing at what they meant. */
#include "cli/parse.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DIGITS "0123456789"

bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
	char *end;
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || number > most)
		return false;
	*value = number;
	return true;
}

bool parse_duration(const char *text, int64_t *seconds)
{
	size_t digits = strspn(text, DIGITS);
	int64_t unit = 1;
	if (digits < 1 || digits > 9)
		return false;
	if (strcmp(text + digits, "m") == 0)
		unit = 60;
	else if (strcmp(text + digits, "h") == 0)
		unit = 3600;
	else if (strcmp(text + digits, "d") == 0)
		unit = 86400;
	else if (strcmp(text + digits, "s") != 0 && text[digits] != '\0')
		return false;
	*seconds = strtoll(text, NULL, 10) * unit;
	return *seconds > 0;
}

bool parse_offset(const char *text, uint64_t *milliseconds)
{
	size_t digits = strspn(text, DIGITS);
	uint64_t part = 0;
	if (digits < 1 || digits > 9)
		return false;
	const char *rest = text + digits;
	if (*rest == '.') {
		size_t decimals = strspn(++rest, DIGITS);
		uint64_t weight = 100;
		if (decimals < 1)
			return false;
		for (size_t i = 0; i < decimals; i++, weight /= 10)
			part += (uint64_t)(rest[i] - '0') * weight;
		rest += decimals;
	}
	*milliseconds = strtoull(text, NULL, 10) * 1000 + part;
	return *rest == '\0';
}

/* "Z" or "+hh:mm" or "-hh:mm": seconds to take away. */
static bool parse_zone(const char *text, int64_t *seconds)
{
	unsigned hours;
	unsigned minutes;
	int used = 0;
	*seconds = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return true;
	if ((text[0] != '+' && text[0] != '-') || sscanf(text + 1, "%2u:%2u%n", &hours, &minutes, &used) != 2 ||
	    used != 5 || text[6] != '\0' || hours > 23 || minutes > 59)
		return false;
	*seconds = (int64_t)(hours * 3600 + minutes * 60) * (text[0] == '-' ? -1 : 1);
	return true;
}

bool parse_time(const char *text, uint64_t *milliseconds)
{
	struct tm broken = {0};
	struct tm back;
	uint64_t part = 0;
	int64_t zone = 0;
	const char *rest = strptime(text, "%Y-%m-%d", &broken);
	if (!rest || rest != text + 10)
		return false;
	if (*rest != '\0') {
		const char *clock = rest + 1;
		if ((*rest != 'T' && *rest != 't' && *rest != ' ') || strspn(clock, DIGITS) != 2)
			return false;
		rest = strptime(clock, "%H:%M:%S", &broken);
		if (!rest || rest != clock + 8)
			return false;
		if (*rest == '.') {
			char decimals[16] = "0.";
			size_t size = strspn(rest + 1, DIGITS);
			if (size < 1 || size > 9)
				return false;
			memcpy(decimals + 2, rest + 1, size);
			(void)parse_offset(decimals, &part);
			rest += 1 + size;
		}
		if (!parse_zone(rest, &zone))
			return false;
	}
	struct tm copy = broken;
	time_t seconds = timegm(&copy);
	/* timegm makes the 31st of February a day in March. */
	if (!gmtime_r(&seconds, &back) || back.tm_mday != broken.tm_mday || back.tm_mon != broken.tm_mon ||
	    seconds - zone < 0)
		return false;
	*milliseconds = (uint64_t)(seconds - zone) * 1000 + part;
	return true;
}

bool parse_range(const char *text, uint64_t *from, uint64_t *length)
{
	char first[24];
	uint64_t last;
	const char *dash = strchr(text, '-');
	size_t size = dash ? (size_t)(dash - text) : sizeof first;
	if (size >= sizeof first)
		return false;
	memcpy(first, text, size);
	first[size] = '\0';
	if (!parse_number(first, INT64_MAX, from))
		return false;
	*length = UINT64_MAX;
	if (dash[1] == '\0')
		return true;
	if (!parse_number(dash + 1, INT64_MAX, &last) || last < *from)
		return false;
	*length = last - *from + 1;
	return true;
}

bool parse_key(const char *text, uint8_t key[32])
{
	size_t size = 0;
	return strlen(text) == 64 && sodium_hex2bin(key, 32, text, 64, NULL, &size, NULL) == 0 && size == 32;
}

static bool begins(const uint8_t *front, size_t size, size_t at, const char *magic, size_t magic_size)
{
	return size >= at + magic_size && memcmp(front + at, magic, magic_size) == 0;
}

/* Codecs of Matroska's tracks are named in plain text, sound by A_ and pictures by V_. */
static const char *webm_type(const uint8_t *front, size_t size)
{
	if (size == 0)
		return "video/webm";
	bool sound = memmem(front, size, "A_OPUS", 6) || memmem(front, size, "A_VORBIS", 8);
	bool pictures = memmem(front, size, "V_VP", 4) || memmem(front, size, "V_AV1", 5);
	return sound && !pictures ? "audio/webm" : "video/webm";
}

const char *guess_media_type(const uint8_t *front, size_t size, const char *name)
{
	static const struct {
		const char *ending;
		const char *type;
	} endings[] = {
		{".weba", "audio/webm"}, {".mkv", "video/x-matroska"}, {".ogg", "audio/ogg"},  {".oga", "audio/ogg"},
		{".opus", "audio/ogg"},  {".ogv", "video/ogg"},        {".mp4", "video/mp4"},  {".m4a", "audio/mp4"},
		{".wav", "audio/wav"},   {".flac", "audio/flac"},      {".mp3", "audio/mpeg"},
	};
	const char *dot = name ? strrchr(name, '.') : NULL;
	for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++) {
		if (strcasecmp(dot, endings[i].ending) == 0)
			return endings[i].type;
	}
	if (dot && strcasecmp(dot, ".webm") == 0)
		return webm_type(front, size);
	if (begins(front, size, 0, "\x1a\x45\xdf\xa3", 4))
		return webm_type(front, size);
	if (begins(front, size, 0, "OggS", 4))
		return "audio/ogg";
	if (begins(front, size, 4, "ftyp", 4))
		return "video/mp4";
	if (begins(front, size, 0, "fLaC", 4))
		return "audio/flac";
	if (begins(front, size, 0, "RIFF", 4) && begins(front, size, 8, "WAVE", 4))
		return "audio/wav";
	return "application/octet-stream";
}

void format_time(uint64_t milliseconds, char out[TIME_TEXT])
{
	struct tm broken;
	time_t seconds = (time_t)(milliseconds / 1000);
	out[0] = '\0';
	if (milliseconds == 0 || !gmtime_r(&seconds, &broken))
		return;
	size_t used = strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &broken);
	(void)snprintf(out + used, TIME_TEXT - used, ".%03uZ", (unsigned)(milliseconds % 1000));
}

bool parse_rate(const char *text, uint64_t *rate)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long number = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	if (*text < '0' || *text > '9' || (*end && (!unit || end[1])) || number > UINT64_MAX >> 30)
		return false;
	*rate = number << (unit ? 10 * (unit - units + 1) : 0);
	return true;
}
