/*
 * The codecs of what becomes of a patient, for message_codecs.h alone.
 */
#ifndef SR_MESSAGE_CODECS_PATIENT_H
#define SR_MESSAGE_CODECS_PATIENT_H

#include "message_patient.h"

static void fill_rotate_deep(struct sr_rotate_deep *m, bool greatest)
{
	m->grant = span(greatest ? SR_TOKEN_MAX : 0);
	memset(m->after, greatest ? 0xff : 0, sizeof m->after);
}
PAIR(rotate_deep, sr_rotate_deep_decode)

static void fill_rotate_deepened(struct sr_rotate_deepened *m, bool greatest)
{
	m->recordings = greatest ? UINT32_MAX : 0;
	m->left = greatest ? UINT32_MAX - 1 : 0;
	m->bytes = greatest ? UINT64_MAX : 0;
	memset(m->place, greatest ? 0xff : 0, sizeof m->place);
	m->more = greatest;
}
PAIR(rotate_deepened, sr_rotate_deepened_decode)

static void make_patient_rekey(struct sr_builder *out, bool greatest)
{
	sr_patient_rekey_encode(out, span(greatest ? SR_TOKEN_MAX : 0));
}

static void again_patient_rekey(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span grant;

	sr_patient_rekey_decode(in, &grant);
	sr_patient_rekey_encode(out, grant);
}

static void fill_patient_pair(struct sr_patient_pair *m, bool greatest)
{
	m->from = span(greatest ? SR_TOKEN_MAX : 0);
	m->to = span(greatest ? SR_TOKEN_MAX : 0);
	fill(m->recording, sizeof m->recording, 0x11);
}
PAIR(patient_pair, sr_patient_pair_decode)

static void fill_patient_moved(struct sr_patient_moved *m, bool greatest)
{
	m->recordings = greatest ? UINT32_MAX : 0;
	m->left = greatest ? UINT32_MAX : 0;
	m->root_version = greatest ? UINT32_MAX : 0;
	m->more = greatest;
}
PAIR(patient_moved, sr_patient_moved_decode)

static void make_person_read(struct sr_builder *out, bool greatest)
{
	uint8_t tag[SR_TAG];

	fill(tag, sizeof tag, greatest ? 0xff : 0x77);
	sr_person_read_encode(out, tag);
}

static void again_person_read(struct sr_cursor *in, struct sr_builder *out)
{
	uint8_t tag[SR_TAG] = {0};

	sr_person_read_decode(in, tag);
	sr_person_read_encode(out, tag);
}

static void make_person_box(struct sr_builder *out, bool greatest)
{
	sr_person_box_encode(out, span(greatest ? SR_PERSON_BOX_MAX : SR_PERSON_BOX_MIN));
}

static void again_person_box(struct sr_cursor *in, struct sr_builder *out)
{
	struct sr_span box;

	sr_person_box_decode(in, &box);
	sr_person_box_encode(out, box);
}

static void make_root_made(struct sr_builder *out, bool greatest)
{
	sr_root_made_encode(out, greatest ? UINT32_MAX : 1);
}

static void again_root_made(struct sr_cursor *in, struct sr_builder *out)
{
	uint32_t version;

	sr_root_made_decode(in, &version);
	sr_root_made_encode(out, version);
}

#endif
