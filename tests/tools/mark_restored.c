/*
 * mark_restored: mark a store as restored from a backup, as reading one back does. For tests of what follows.
 */
#include <stdio.h>

#include "keys/control_rows.h"
#include "serve/daemon.h"
#include "start.h"

static const char usage[] = "Usage: mark-restored STORE\nMark STORE, which no daemon serves, as restored.\n"
			    "\nExample: mark-restored /tmp/store\n";

static enum sr_code mark(const struct sr_daemon_parts *parts, struct sr_error *err)
{
	struct sr_index_key key = sr_key_control(SR_RESTORED_NAME);
	uint8_t bytes[SR_ROW_MAX];
	size_t failed, size = sr_number_row_seal(parts->keyring, SR_RESTORED_NAME, 1, bytes);
	struct sr_op *op = sr_op_new();
	if (!op || !sr_op_put(op, &key, bytes, size)) {
		sr_op_free(op);
		return SR_FAIL_MEMORY(err);
	}
	return sr_index_run(parts->index, op, &failed);
}

int main(int argc, char **argv)
{
	struct sr_daemon_parts parts = {.config = NULL};
	struct sr_error err = {.text = ""};
	bool development;
	int lock = -1;
	if (argc != 2) {
		fputs(usage, stderr);
		return 2;
	}
	enum sr_code code = sr_process_prepare(&err);
	if (code == SR_OK)
		code = sr_store_take(argv[1], &parts, &lock, &development, &err);
	if (code == SR_OK)
		code = sr_store_open_data(&parts, &err);
	if (code == SR_OK)
		code = mark(&parts, &err);
	sr_store_close(&parts, lock);
	if (code != SR_OK)
		fprintf(stderr, "mark-restored: %s\n", err.text);
	return code == SR_OK ? 0 : 1;
}
