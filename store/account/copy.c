/*
 * The audit log's records as they lie on the disk, piece by piece: for backups, while others append.
 */
#include "account/copy.h"

#include <string.h>

#include "account/record.h"
#include "account/view.h"

static void put(struct sr_audit_piece *piece, const void *bytes, size_t size)
{
	memcpy(piece->out + piece->size, bytes, size);
	piece->size += size;
	piece->position += size;
}

static enum sr_code copy_records(const struct sr_audit_view *view, uint64_t end, struct sr_audit_piece *piece,
				 struct sr_error *err)
{
	struct sr_record_reader reader;
	struct sr_span json = {0};
	enum sr_code code = SR_OK;

	if (!sr_record_reader_begin(&reader, view->records, piece->number, piece->position))
		return SR_FAIL_MEMORY(err);
	while (code == SR_OK && piece->number < end) {
		uint8_t head[SR_RECORD_HEAD];

		code = sr_record_next(&reader, &json, err);
		if (code != SR_OK || piece->room - piece->size < sizeof head + json.size)
			break;
		sr_record_head(piece->number, json.data, json.size, head);
		put(piece, head, sizeof head);
		put(piece, json.data, json.size);
		piece->number++;
	}
	sr_record_reader_end(&reader);
	if (code == SR_CORRUPT || code == SR_NOT_FOUND)
		return SR_FAIL(err, SR_USAGE, "no record of the audit log begins there");
	return code;
}

enum sr_code sr_audit_copy_end(struct sr_audit *audit, struct sr_audit_end *end, struct sr_error *err)
{
	struct sr_audit_view view;
	enum sr_code code = sr_audit_view_live(audit, &view, err);

	if (code != SR_OK)
		return code;
	end->size = view.size;
	memcpy(end->checkpoint, view.checkpoint, sizeof end->checkpoint);
	sr_audit_view_close(&view);
	return SR_OK;
}

enum sr_code sr_audit_copy(struct sr_audit *audit, const struct sr_audit_end *end, struct sr_audit_piece *piece,
			   struct sr_error *err)
{
	struct sr_audit_view view;
	uint8_t front[SR_RECORDS_FRONT];
	enum sr_code code = sr_audit_view_live(audit, &view, err);

	piece->size = 0;
	if (code != SR_OK)
		return code;
	if (piece->number > end->size || end->size > view.size ||
	    (piece->position < SR_RECORDS_FRONT && piece->number + piece->position > 0))
		code = SR_FAIL(err, SR_USAGE, "no record of the audit log begins there");
	if (code == SR_OK && piece->position == 0) {
		sr_records_front(front);
		put(piece, front, sizeof front);
	}
	if (code == SR_OK)
		code = copy_records(&view, end->size, piece, err);
	piece->more = piece->number < end->size;
	sr_audit_view_close(&view);
	return code;
}
