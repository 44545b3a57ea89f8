/*
 * The low mark: the number below which no entry is open, so that a start reads no more of the log than it must.
 */
#include "account/log.h"
#include "keys/rows.h"
#include "serve/accounting/accounting_internal.h"

#define ROW_NAME "account"

bool sr_low_put(const struct sr_keyring *keyring, uint64_t low, struct sr_op *op)
{
	uint8_t fields[8], row[SR_ROW_MAX];
	struct sr_builder out = sr_builder_over(fields, sizeof fields);
	struct sr_index_key key = sr_key_control(ROW_NAME);
	sr_put_u64(&out, low);
	size_t size = sr_control_row_seal(keyring, ROW_NAME, (struct sr_span){fields, sizeof fields}, row);
	return sr_op_put(op, &key, row, size);
}

enum sr_code sr_low_read(const struct sr_keyring *keyring, struct sr_view *view, uint64_t *low)
{
	struct sr_index_key key = sr_key_control(ROW_NAME);
	struct sr_cursor fields;
	struct sr_span value;
	*low = 0;
	enum sr_code code = sr_view_get(view, &key, &value);
	if (code != SR_OK)
		return code == SR_NOT_FOUND ? SR_OK : code;
	code = sr_control_row_open(keyring, ROW_NAME, value, &fields);
	if (code == SR_OK)
		*low = sr_take_u64(&fields);
	if (code == SR_OK && sr_take_done(&fields))
		return SR_OK;
	*low = 0;
	sr_log(SR_LOG_ALARM, "account_row", "the control row of the account does not verify: the whole log is read");
	return SR_OK;
}
