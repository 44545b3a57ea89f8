/*
 * The store's audit log, begun and opened.
 */
#include "start_audit.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "account/log.h"
#include "keys/rows.h"
#include "serve/daemon.h"

#define ROW_NAME "audit"
#define INTERVAL_MS 1000
#define NOT_SYNCED "SEALREEL_BENCH_NOT_SYNCED"
#define MIB 1048576u

struct sr_audit_options sr_store_audit_options(const struct sr_store_audit *store, char origin[SR_AUDIT_ORIGIN_MAX])
{
	char hex[2 * SR_UUID + 1];
	sodium_bin2hex(hex, sizeof hex, sr_keyring_store(store->keyring), SR_UUID);
	snprintf(origin, SR_AUDIT_ORIGIN_MAX, "sealreel/%s", hex);
	return (struct sr_audit_options){.directory = store->config->audit,
					 .origin = origin,
					 .seed = sr_keyring_audit_seed(store->keyring),
					 .reserve = (uint64_t)store->config->audit_reserve_mib * MIB,
					 .interval_ms = INTERVAL_MS};
}

/* Only a build for measuring may call an entry durable that is not. */
static enum sr_code take_switch(struct sr_audit_options *options, struct sr_error *err)
{
	const char *value = getenv(NOT_SYNCED);
	if (!value || !*value)
		return SR_OK;
#ifdef SR_BENCH
	(void)err;
	options->not_synced = true;
	sr_log(SR_LOG_WARN, "audit_not_synced", "entries are not synced: for measuring alone");
	return SR_OK;
#else
	(void)options;
	return SR_FAIL(err, SR_USAGE, NOT_SYNCED " is for builds with SR_BENCH alone");
#endif
}

/* The row says since when there is a log. */
static enum sr_code put_row(const struct sr_store_audit *store, struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(ROW_NAME);
	uint8_t fields[8], row[SR_ROW_MAX];
	struct sr_builder out = sr_builder_over(fields, sizeof fields);
	sr_put_u64(&out, sr_now_ms());
	size_t size = sr_control_row_seal(store->keyring, ROW_NAME, (struct sr_span){fields, sizeof fields}, row);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_check(op, SR_CHECK_ABSENT, &key, NULL, 0) || !sr_op_put(op, &key, row, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	enum sr_code code = sr_index_run(store->index, op, NULL);
	return code == SR_OK ? SR_OK : SR_FAIL(err, code, "the control row of the audit log cannot be written");
}

static enum sr_code read_row(const struct sr_store_audit *store, bool *begun, struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(ROW_NAME);
	struct sr_cursor fields;
	struct sr_span value;
	struct sr_view *view;
	enum sr_code code = sr_view_begin(store->index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	*begun = code == SR_OK;
	if (code == SR_OK)
		code = sr_control_row_open(store->keyring, ROW_NAME, value, &fields);
	sr_view_end(view);
	if (code == SR_OK || code == SR_NOT_FOUND)
		return SR_OK;
	return SR_FAIL(err, code, "the control row of the audit log cannot be read, or does not verify");
}

enum sr_code sr_store_audit_begin(const struct sr_store_audit *store, struct sr_error *err)
{
	char origin[SR_AUDIT_ORIGIN_MAX];
	struct sr_audit_options options = sr_store_audit_options(store, origin);
	enum sr_code code = sr_audit_create(&options, err);
	return code == SR_OK ? put_row(store, err) : code;
}

enum sr_code sr_store_audit_open(const struct sr_store_audit *store, struct sr_audit **out, struct sr_error *err)
{
	char origin[SR_AUDIT_ORIGIN_MAX];
	struct sr_audit_options options = sr_store_audit_options(store, origin);
	bool begun;
	*out = NULL;
	enum sr_code code = take_switch(&options, err);
	if (code == SR_OK)
		code = read_row(store, &begun, err);
	if (code != SR_OK)
		return code;
	code = sr_audit_open(&options, out, err);
	if (code == SR_NOT_FOUND && begun)
		return SR_FAIL(err, SR_CORRUPT, "the audit log is missing from %s: restore it", options.directory);
	if (code == SR_NOT_FOUND) {
		sr_log(SR_LOG_WARN, "audit_begun", "this store had no audit log: one begins now");
		code = sr_audit_create(&options, err);
		if (code == SR_OK)
			code = sr_audit_open(&options, out, err);
	}
	if (code == SR_OK && !begun)
		code = put_row(store, err);
	if (code != SR_OK) {
		sr_audit_close(*out);
		*out = NULL;
	}
	return code;
}
