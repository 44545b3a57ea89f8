/*
 * The labels of all derivations and sealings, and the fields behind each.
 */
#include "context.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"

#define FIELD_MAX 255

void sr_context_wipe(struct sr_context *context)
{
	sodium_memzero(context, sizeof *context);
}

/* The label with its terminating NUL, which is the zero byte that ends every label. */
static struct sr_builder begin(struct sr_context *out, const char *label)
{
	struct sr_builder bytes = sr_builder_over(out->bytes, sizeof out->bytes);

	sr_put_bytes(&bytes, label, strlen(label) + 1);
	return bytes;
}

/* A context that does not fit would silently be another one: only a fault in sealreel can ask for it. */
static void end(struct sr_context *out, const struct sr_builder *bytes)
{
	if (bytes->failed)
		abort();
	out->size = bytes->used;
}

static void put_variable(struct sr_builder *bytes, const void *data, size_t size)
{
	if (size > FIELD_MAX)
		abort();
	sr_put_field(bytes, data, size);
}

static void label_only(struct sr_context *out, const char *label)
{
	struct sr_builder bytes = begin(out, label);

	end(out, &bytes);
}

static void with_variable(struct sr_context *out, const char *label, const void *data, size_t size)
{
	struct sr_builder bytes = begin(out, label);

	put_variable(&bytes, data, size);
	end(out, &bytes);
}

static void with_id(struct sr_context *out, const char *label, const uint8_t id[SR_UUID])
{
	struct sr_builder bytes = begin(out, label);

	sr_put_bytes(&bytes, id, SR_UUID);
	end(out, &bytes);
}

static void with_track(struct sr_context *out, const char *label, const uint8_t recording[SR_UUID], uint16_t track)
{
	struct sr_builder bytes = begin(out, label);

	sr_put_bytes(&bytes, recording, SR_UUID);
	sr_put_u16(&bytes, track);
	end(out, &bytes);
}

void sr_context_patient_key(struct sr_context *out, const uint8_t *identity, size_t size)
{
	with_variable(out, "sealreel v1 patient key", identity, size);
}

void sr_context_patient_tag(struct sr_context *out, const uint8_t *identity, size_t size)
{
	with_variable(out, "sealreel v1 patient tag", identity, size);
}

void sr_context_actor_tag(struct sr_context *out, const uint8_t *actor, size_t size)
{
	with_variable(out, "sealreel v1 actor tag", actor, size);
}

void sr_context_consultation(struct sr_context *out, const char *iss, size_t iss_size, const char *consultation,
			     size_t consultation_size)
{
	struct sr_builder bytes = begin(out, "sealreel v1 consultation");

	put_variable(&bytes, iss, iss_size);
	put_variable(&bytes, consultation, consultation_size);
	end(out, &bytes);
}

void sr_context_grant(struct sr_context *out, const char *iss, size_t iss_size, const char *jti, size_t jti_size)
{
	struct sr_builder bytes = begin(out, "sealreel v1 grant");

	put_variable(&bytes, iss, iss_size);
	put_variable(&bytes, jti, jti_size);
	end(out, &bytes);
}

void sr_context_outer_wrap(struct sr_context *out, const uint8_t recording[SR_UUID], uint32_t epoch)
{
	struct sr_builder bytes = begin(out, "sealreel v1 outer wrap");

	sr_put_bytes(&bytes, recording, SR_UUID);
	sr_put_u32(&bytes, epoch);
	end(out, &bytes);
}

void sr_context_inner_wrap(struct sr_context *out, const uint8_t recording[SR_UUID])
{
	with_id(out, "sealreel v1 inner wrap", recording);
}

void sr_context_entry_key(struct sr_context *out)
{
	label_only(out, "sealreel v1 entry key");
}

void sr_context_head_key(struct sr_context *out)
{
	label_only(out, "sealreel v1 head key");
}

void sr_context_manifest_key(struct sr_context *out)
{
	label_only(out, "sealreel v1 manifest key");
}

void sr_context_track_key(struct sr_context *out, uint16_t track)
{
	struct sr_builder bytes = begin(out, "sealreel v1 track key");

	sr_put_u16(&bytes, track);
	end(out, &bytes);
}

void sr_context_recording_entry(struct sr_context *out, const uint8_t recording[SR_UUID])
{
	with_id(out, "sealreel v1 recording entry", recording);
}

void sr_context_track_entry(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track)
{
	with_track(out, "sealreel v1 track entry", recording, track);
}

void sr_context_head(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track)
{
	with_track(out, "sealreel v1 head", recording, track);
}

void sr_context_manifest(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track)
{
	with_track(out, "sealreel v1 manifest", recording, track);
}

void sr_context_segment(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint32_t segment)
{
	struct sr_builder bytes = begin(out, "sealreel v1 segment");

	sr_put_bytes(&bytes, recording, SR_UUID);
	sr_put_u16(&bytes, track);
	sr_put_u32(&bytes, segment);
	end(out, &bytes);
}

void sr_context_chain(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track)
{
	with_track(out, "sealreel v1 chain", recording, track);
}

void sr_context_person(struct sr_context *out, const uint8_t tag[SR_TAG], uint32_t epoch)
{
	struct sr_builder bytes = begin(out, "sealreel v1 person");

	sr_put_bytes(&bytes, tag, SR_TAG);
	sr_put_u32(&bytes, epoch);
	end(out, &bytes);
}

void sr_context_keyring(struct sr_context *out, const uint8_t store[SR_UUID])
{
	with_id(out, "sealreel v1 keyring", store);
}

void sr_context_keyring_key(struct sr_context *out, const uint8_t store[SR_UUID])
{
	with_id(out, "sealreel v1 keyring key", store);
}

void sr_context_patient_row(struct sr_context *out, const uint8_t tag[SR_TAG])
{
	struct sr_builder bytes = begin(out, "sealreel v1 patient row");

	sr_put_bytes(&bytes, tag, SR_TAG);
	end(out, &bytes);
}

void sr_context_recording_row(struct sr_context *out, const uint8_t recording[SR_UUID])
{
	with_id(out, "sealreel v1 recording row", recording);
}

void sr_context_track_row(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track)
{
	with_track(out, "sealreel v1 track row", recording, track);
}

static void with_extent(struct sr_context *out, const char *label, const uint8_t recording[SR_UUID], uint16_t track,
			uint16_t file, uint32_t extent)
{
	struct sr_builder bytes = begin(out, label);

	sr_put_bytes(&bytes, recording, SR_UUID);
	sr_put_u16(&bytes, track);
	sr_put_u16(&bytes, file);
	sr_put_u32(&bytes, extent);
	end(out, &bytes);
}

void sr_context_extent_row(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			   uint32_t extent)
{
	with_extent(out, "sealreel v1 extent row", recording, track, file, extent);
}

void sr_context_control_row(struct sr_context *out, const char *name, size_t size)
{
	with_variable(out, "sealreel v1 control row", name, size);
}

void sr_context_extent_sum(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			   uint32_t extent)
{
	with_extent(out, "sealreel v1 extent sum", recording, track, file, extent);
}

void sr_context_extent_key(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			   uint32_t extent)
{
	with_extent(out, "sealreel v1 extent key", recording, track, file, extent);
}
