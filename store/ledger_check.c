/*
 * The erasure ledger at start: opened, and held against what this store has seen of it.
 */
#include "ledger_check.h"

#include "data/ledger.h"
#include "keys/control_rows.h"

/* The number in a control row, 0 where there is none: *there (out). */
static enum sr_code read_number(const struct sr_daemon_parts *parts, const char *name, uint64_t *count, bool *there,
				struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(name);
	struct sr_view *view;
	struct sr_span value;
	enum sr_code code = sr_view_begin(parts->index, &view, err);
	*count = 0;
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	if (code == SR_OK)
		code = sr_number_row_open(parts->keyring, name, value, count);
	sr_view_end(view);
	*there = code == SR_OK;
	if (code == SR_OK || code == SR_NOT_FOUND)
		return SR_OK;
	return SR_FAIL(err, code, "the control row %s does not verify", name);
}

enum sr_code sr_store_restored(const struct sr_daemon_parts *parts, bool *restored, struct sr_error *err)
{
	uint64_t when;
	return read_number(parts, SR_RESTORED_NAME, &when, restored, err);
}

/* A line holds for its place in this store's ledger alone. */
static enum sr_code check_line(const struct sr_daemon_parts *parts, uint64_t number, struct sr_error *err)
{
	uint8_t bytes[SR_LEDGER_LINE];
	struct sr_ledger_line line;
	enum sr_code code = sr_ledger_read(parts->ledger, number, bytes, err);
	if (code != SR_OK)
		return code;
	code = sr_ledger_line_open(parts->keyring, number, bytes, &line);
	return code == SR_OK ? SR_OK
			     : SR_FAIL(err, SR_USAGE, "%s: line %llu is not one of this store's erasure ledger",
				       parts->config->ledger, (unsigned long long)number + 1);
}

enum sr_code sr_store_open_ledger(struct sr_daemon_parts *parts, struct sr_error *err)
{
	uint64_t seen;
	bool there;
	enum sr_code code = read_number(parts, SR_LEDGER_NAME, &seen, &there, err);
	if (code == SR_OK)
		code = sr_ledger_open(parts->config->ledger, SR_LEDGER_LINE, &parts->ledger, err);
	if (code != SR_OK)
		return code;
	uint64_t count = sr_ledger_count(parts->ledger);
	if (count < seen)
		return SR_FAIL(
			err, SR_USAGE,
			"%s: the erasure ledger has %llu lines, and this store has seen %llu: put the newest one "
			"there",
			parts->config->ledger, (unsigned long long)count, (unsigned long long)seen);
	return seen > 0 ? check_line(parts, seen - 1, err) : SR_OK;
}
