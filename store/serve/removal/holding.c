/*
 * Holds: what stops deleting, erasing and retention.
 */
#include "serve/removal/holding.h"

#include <string.h>
#include <time.h>

#include "serve/request.h"

struct sr_index_key sr_key_hold_recording(const uint8_t recording[SR_UUID])
{
	char name[SR_CONTROL_NAME];
	sr_hold_recording_name(recording, name);
	return sr_key_control(name);
}

struct sr_index_key sr_key_hold_patient(const uint8_t tag[SR_TAG])
{
	char name[SR_CONTROL_NAME];
	sr_hold_patient_name(tag, name);
	return sr_key_control(name);
}

bool sr_op_demand_unheld(struct sr_op *op, const uint8_t tag[SR_TAG], const uint8_t recording[SR_UUID])
{
	struct sr_index_key own = sr_key_hold_recording(recording), patient = sr_key_hold_patient(tag);
	return sr_op_check(op, SR_CHECK_ABSENT, &own, NULL, 0) && sr_op_check(op, SR_CHECK_ABSENT, &patient, NULL, 0);
}

enum sr_code sr_holds_look(struct sr_view *view, const uint8_t tag[SR_TAG], const uint8_t *recording, bool *held)
{
	struct sr_index_key key = sr_key_hold_patient(tag);
	struct sr_span value;
	enum sr_code code = sr_view_get(view, &key, &value);
	if (code == SR_NOT_FOUND && recording) {
		key = sr_key_hold_recording(recording);
		code = sr_view_get(view, &key, &value);
	}
	/* Whatever stands there, damaged or not, is a hold. */
	*held = code != SR_NOT_FOUND;
	return code == SR_NOT_FOUND ? SR_OK : code;
}

static enum sr_code refuse_until(struct sr_request *request, uint64_t until_ms)
{
	char text[32] = "a later time";
	time_t seconds = (time_t)(until_ms / 1000);
	struct tm parts;
	if (gmtime_r(&seconds, &parts))
		(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return SR_FAIL(&request->error, SR_CONFLICT, "it is to be kept until %s", text);
}

enum sr_code sr_holds_refuse(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			     const struct sr_recording_row *row)
{
	bool held;
	enum sr_code code = sr_holds_look(view, request->tag, recording, &held);
	if (code != SR_OK)
		return SR_FAIL(&request->error, code, "reading the index failed");
	if (held || row->held)
		return SR_FAIL(&request->error, SR_CONFLICT, "it is on hold; the operator can say why");
	if (row->retain_until_ms > sr_now_ms())
		return refuse_until(request, row->retain_until_ms);
	return SR_OK;
}

enum sr_code sr_recording_home(struct sr_request *request, struct sr_view *view, const uint8_t recording[SR_UUID],
			       uint8_t tag[SR_TAG], struct sr_recording_row *row, uint8_t mac[SR_ROW_MAC])
{
	struct sr_index_key key = sr_key_hint(recording);
	struct sr_span value;
	enum sr_code code = sr_view_get(view, &key, &value);
	if (code == SR_OK && value.size != SR_TAG)
		code = SR_CORRUPT;
	if (code == SR_OK) {
		memcpy(tag, value.data, SR_TAG);
		key = sr_key_recording(tag, recording);
		code = sr_view_get(view, &key, &value);
	}
	if (code == SR_OK)
		code = sr_recording_row_decode(request->daemon->keyring, recording, value, row);
	if (code == SR_OK)
		memcpy(mac, value.data + value.size - SR_ROW_MAC, SR_ROW_MAC);
	if (code == SR_NOT_FOUND || (code == SR_OK && row->epoch == SR_EPOCH_NONE))
		return SR_FAIL(&request->error, SR_NOT_FOUND, "there is no such recording");
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "the recording's row cannot be read");
}
