/*
 * The hashed table: open places, one after the other, at most half of them taken.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* The seed is random: whoever chooses ids must not choose where they fall. Numbers do not depend on it. */
static size_t place_of(const struct sr_report_table *table, const void *key)
{
	uint64_t hash;
	_Static_assert(crypto_shorthash_BYTES == sizeof hash && crypto_shorthash_KEYBYTES == 16, "SipHash-2-4");
	(void)crypto_shorthash((uint8_t *)&hash, key, table->key_size, table->seed);
	return (size_t)hash & (table->slot_count - 1);
}

/* The place that has `key`, or the free one where it belongs. There is at least one free place. */
static size_t look(const struct sr_report_table *table, const void *key)
{
	size_t at = place_of(table, key);
	while (table->slots[at] &&
	       memcmp(table->keys + (table->slots[at] - 1) * table->key_size, key, table->key_size) != 0)
		at = (at + 1) & (table->slot_count - 1);
	return at;
}

uint32_t sr_report_find(const struct sr_report_table *table, const void *key)
{
	if (table->slot_count == 0)
		return SR_REPORT_NONE;
	return table->slots[look(table, key)] - 1; /* 0 becomes SR_REPORT_NONE */
}

static bool widen(struct sr_report_table *table)
{
	size_t wanted = table->slot_count ? 2 * table->slot_count : 64;
	uint32_t *slots = calloc(wanted, sizeof *slots);
	if (!slots)
		return false;
	if (table->slot_count == 0)
		randombytes_buf(table->seed, sizeof table->seed);
	free(table->slots);
	table->slots = slots;
	table->slot_count = wanted;
	for (uint32_t number = 0; number < table->count; number++)
		slots[look(table, sr_report_key(table, number))] = number + 1;
	return true;
}

uint32_t sr_report_number(struct sr_report_table *table, const void *key)
{
	if (2 * ((size_t)table->count + 1) > table->slot_count && !widen(table))
		return SR_REPORT_NONE;
	size_t at = look(table, key);
	if (table->slots[at])
		return table->slots[at] - 1;
	uint8_t *keys = sr_report_grown(table->keys, &table->room, table->count, table->key_size);
	if (!keys || table->count == SR_REPORT_NONE - 1)
		return SR_REPORT_NONE;
	table->keys = keys;
	memcpy(keys + table->count * table->key_size, key, table->key_size);
	table->slots[at] = ++table->count;
	return table->count - 1;
}

const uint8_t *sr_report_key(const struct sr_report_table *table, uint32_t number)
{
	return table->keys + number * table->key_size;
}

void *sr_report_grown(void *array, size_t *room, size_t count, size_t size)
{
	if (count < *room)
		return array;
	size_t wanted = *room ? 2 * *room : 16;
	while (wanted <= count)
		wanted *= 2;
	uint8_t *more = reallocarray(array, wanted, size);
	if (!more)
		return NULL;
	memset(more + *room * size, 0, (wanted - *room) * size);
	*room = wanted;
	return more;
}

void sr_report_table_free(struct sr_report_table *table)
{
	free(table->keys);
	free(table->slots);
	*table = (struct sr_report_table){.key_size = table->key_size};
}
