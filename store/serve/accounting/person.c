/*
 * person.read: the box in which the identity under a tag lies, for who has the auditor's offline key.
 */
#include <string.h>

#include <sodium.h>

#include "keys/opening.h"
#include "message_patient.h"
#include "serve/accounting/account_request.h"
#include "serve/dispatch.h"
#include "serve/play/lookup.h"

static enum sr_code read_box(struct sr_request *request, const uint8_t tag[SR_TAG], uint8_t box[SR_PERSON_BOX_MAX],
			     size_t *size)
{
	struct sr_index_key key = sr_key_person(tag);
	sr_account_linked(request, tag);
	struct sr_span value;
	struct sr_view *view;
	enum sr_code code = sr_request_view(request, &view);
	if (code != SR_OK)
		return code;
	code = sr_view_get(view, &key, &value);
	if (code == SR_OK)
		code = sr_person_open(request->daemon->keyring, tag, value, box, size);
	sr_request_view_end(request, view);
	if (code == SR_NOT_FOUND)
		return SR_FAIL(&request->error, code, "nobody is known under this tag");
	if (code == SR_CORRUPT)
		return sr_request_corrupt(request, NULL, "person's row");
	return code == SR_OK ? SR_OK : SR_FAIL(&request->error, code, "the person's row cannot be opened now");
}

static void run(struct sr_request *request)
{
	uint8_t tag[SR_TAG], box[SR_PERSON_BOX_MAX];
	size_t size;
	struct sr_cursor in = sr_request_fields(request);
	sr_person_read_decode(&in, tag);
	if (sr_request_decoded(request, &in) == SR_OK && read_box(request, tag, box, &size) == SR_OK &&
	    sr_request_reply(request, SR_MSG_PERSON, 2 + size))
		sr_person_box_encode(&request->reply.fields, (struct sr_span){box, size});
}

void sr_serve_person_read(struct sr_request *request)
{
	sr_request_start(request, run, NULL);
}
