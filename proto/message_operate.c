/*
 * The messages of operating: services and their roles, counters, health.
 */
#include "message_operate.h"

#include "message_field.h"

#include <string.h>

static const struct {
	enum sr_role role;
	const char *name;
} roles_known[] = {
	{SR_ROLE_INGEST, "ingest"},   {SR_ROLE_PLAYBACK, "playback"}, {SR_ROLE_ROTATE, "rotate"},
	{SR_ROLE_OPERATE, "operate"}, {SR_ROLE_AUDIT, "audit"},
};
#define ROLES_KNOWN (sizeof roles_known / sizeof roles_known[0])

const char *sr_role_name(enum sr_role role)
{
	for (size_t i = 0; i < ROLES_KNOWN; i++) {
		if (roles_known[i].role == role)
			return roles_known[i].name;
	}
	return NULL;
}

/* The bit of the role with this name, or 0. */
static uint16_t role_bit(const char *name, size_t size)
{
	for (size_t i = 0; i < ROLES_KNOWN; i++) {
		if (strlen(roles_known[i].name) == size && memcmp(roles_known[i].name, name, size) == 0)
			return (uint16_t)roles_known[i].role;
	}
	return 0;
}

bool sr_roles_parse(const char *text, size_t size, uint16_t *roles)
{
	uint16_t found = 0;
	size_t start = 0;

	*roles = 0;
	for (size_t i = 0; i <= size; i++) {
		uint16_t bit;

		if (i < size && text[i] != ',')
			continue;
		bit = role_bit(text + start, i - start);
		if (bit == 0)
			return false;
		found |= bit;
		start = i + 1;
	}
	*roles = found;
	return true;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool sr_service_name_valid(const char *name, size_t size)
{
	if (size < 1 || size > SR_SERVICE_NAME_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!is_word(name[i]) && name[i] != '.' && name[i] != '-')
			return false;
	}
	return true;
}

struct sr_span sr_take_service_name(struct sr_cursor *in)
{
	struct sr_span name = sr_take_field(in, SR_SERVICE_NAME_MAX);

	if (!sr_service_name_valid((const char *)name.data, name.size))
		sr_take_fail(in);
	return name;
}

uint16_t sr_take_roles(struct sr_cursor *in)
{
	uint16_t roles = sr_take_u16(in);

	if (roles == 0 || (roles & ~SR_ROLES_ALL) != 0)
		sr_take_fail(in);
	return roles;
}

void sr_service_add_encode(struct sr_builder *out, const struct sr_service_add *message)
{
	sr_put_span(out, message->name);
	sr_put_u16(out, message->roles);
	sr_put_bytes(out, message->key, sizeof message->key);
}

void sr_service_add_decode(struct sr_cursor *in, struct sr_service_add *message)
{
	message->name = sr_take_service_name(in);
	message->roles = sr_take_roles(in);
	sr_take_copy(in, message->key, sizeof message->key);
}

void sr_service_added_encode(struct sr_builder *out, const uint8_t psk[32])
{
	sr_put_bytes(out, psk, 32);
}

void sr_service_added_decode(struct sr_cursor *in, uint8_t psk[32])
{
	sr_take_copy(in, psk, 32);
}

void sr_service_remove_encode(struct sr_builder *out, struct sr_span name)
{
	sr_put_span(out, name);
}

void sr_service_remove_decode(struct sr_cursor *in, struct sr_span *name)
{
	*name = sr_take_service_name(in);
}

void sr_services_encode(struct sr_builder *out, uint16_t count)
{
	sr_put_u16(out, count);
}

void sr_services_decode(struct sr_cursor *in, uint16_t *count)
{
	*count = sr_take_count(in, SR_SERVICES_MAX);
}

void sr_service_row_encode(struct sr_builder *out, const struct sr_service_row *row)
{
	sr_put_span(out, row->name);
	sr_put_u16(out, row->roles);
	sr_put_bytes(out, row->key, sizeof row->key);
	sr_put_u64(out, row->added_ms);
}

void sr_service_row_decode(struct sr_cursor *in, struct sr_service_row *row)
{
	row->name = sr_take_service_name(in);
	row->roles = sr_take_roles(in);
	sr_take_copy(in, row->key, sizeof row->key);
	row->added_ms = sr_take_u64(in);
}

void sr_stats_encode(struct sr_builder *out, uint16_t count)
{
	sr_put_u16(out, count);
}

void sr_stats_decode(struct sr_cursor *in, uint16_t *count)
{
	*count = sr_take_count(in, SR_STATS_MAX);
}

void sr_stat_encode(struct sr_builder *out, const struct sr_stat *stat)
{
	sr_put_span(out, stat->name);
	sr_put_u64(out, stat->value);
}

void sr_stat_decode(struct sr_cursor *in, struct sr_stat *stat)
{
	stat->name = sr_take_field(in, SR_STAT_NAME_MAX);
	if (stat->name.size == 0)
		sr_take_fail(in);
	for (size_t i = 0; i < stat->name.size; i++) {
		if (!is_word((char)stat->name.data[i]))
			sr_take_fail(in);
	}
	stat->value = sr_take_u64(in);
}

void sr_health_encode(struct sr_builder *out, const struct sr_health *message)
{
	sr_put_u8(out, (uint8_t)message->code);
	sr_put_span(out, message->text);
}

void sr_health_decode(struct sr_cursor *in, struct sr_health *message)
{
	message->code = sr_take_code(in);
	message->text = sr_take_text(in);
}
