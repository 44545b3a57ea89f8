/*
 * Every derivation info and sealing context there is: a label, a zero byte, fixed-width big-endian fields; variable
 * fields carry a u16 length and have at most 255 bytes; more aborts, as only a fault in sealreel can ask for it.
 * One function each, in the order of PROTOCOL.md's table. None fails otherwise.
 */
#ifndef SR_CONTEXT_H
#define SR_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "chunked.h"
#include "uuid.h"

#define SR_TAG 32 /* a patient's or an actor's tag */
#define SR_CONTEXT_MAX 640

/* A context being made: bytes ready to be handed on. May hold an identity; wipe with sr_context_wipe. */
struct sr_context {
	uint8_t bytes[SR_CONTEXT_MAX];
	size_t size;
};

void sr_context_wipe(struct sr_context *context);

/* "sealreel v1 patient key": info of HKDF, before the identity's patient key. `size` 1 to 255. */
void sr_context_patient_key(struct sr_context *out, const uint8_t *identity, size_t size);

/* "sealreel v1 patient tag", "sealreel v1 actor tag": HMAC input under K_tag. */
void sr_context_patient_tag(struct sr_context *out, const uint8_t *identity, size_t size);
void sr_context_actor_tag(struct sr_context *out, const uint8_t *actor, size_t size);

/* "sealreel v1 consultation": HMAC input under K_tag; both parts carry a length (each at most 255 bytes). */
void sr_context_consultation(struct sr_context *out, const char *iss, size_t iss_size, const char *consultation,
			     size_t consultation_size);

/* "sealreel v1 grant": HMAC input under K_tag, for the hash a row keeps of a grant; parts as above. */
void sr_context_grant(struct sr_context *out, const char *iss, size_t iss_size, const char *jti, size_t jti_size);

/* "sealreel v1 outer wrap": recording, epoch u32. "sealreel v1 inner wrap": recording. */
void sr_context_outer_wrap(struct sr_context *out, const uint8_t recording[SR_UUID], uint32_t epoch);
void sr_context_inner_wrap(struct sr_context *out, const uint8_t recording[SR_UUID]);

/* Infos of HKDF-Expand on the DEK: "sealreel v1 entry key", "… head key", "… manifest key"; "… track key": track u16.
 */
void sr_context_entry_key(struct sr_context *out);
void sr_context_head_key(struct sr_context *out);
void sr_context_manifest_key(struct sr_context *out);
void sr_context_track_key(struct sr_context *out, uint16_t track);

/* "sealreel v1 recording entry": recording. "sealreel v1 track entry": recording, track u16. */
void sr_context_recording_entry(struct sr_context *out, const uint8_t recording[SR_UUID]);
void sr_context_track_entry(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track);

/* "sealreel v1 head", "sealreel v1 manifest": recording, track u16. "sealreel v1 segment": and segment u32. */
void sr_context_head(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track);
void sr_context_manifest(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track);
void sr_context_segment(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint32_t segment);

/* "sealreel v1 chain": hashed with SHA-512 to h_0 of a track: recording, track u16. */
void sr_context_chain(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track);

/* "sealreel v1 person": tag (32 bytes), epoch u32. "sealreel v1 keyring": store id. */
void sr_context_person(struct sr_context *out, const uint8_t tag[SR_TAG], uint32_t epoch);
void sr_context_keyring(struct sr_context *out, const uint8_t store[SR_UUID]);

/* "sealreel v1 keyring key": info of HKDF, from a key file's bytes to the key that seals the keyring: store id. */
void sr_context_keyring_key(struct sr_context *out, const uint8_t store[SR_UUID]);

/*
 * What a row's HMAC under K_row begins with, before the row's bytes. "sealreel v1 patient row": tag.
 * "sealreel v1 recording row": recording. "sealreel v1 track row": recording, track u16. "sealreel v1 extent row":
 * recording, track u16, file u16, extent u32. "sealreel v1 control row": name, with a length (at most 255 bytes).
 */
void sr_context_patient_row(struct sr_context *out, const uint8_t tag[SR_TAG]);
void sr_context_recording_row(struct sr_context *out, const uint8_t recording[SR_UUID]);
void sr_context_track_row(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track);
void sr_context_extent_row(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			   uint32_t extent);
void sr_context_control_row(struct sr_context *out, const char *name, size_t size);

/*
 * "sealreel v1 extent sum": what the HMAC under K_row of an extent's checksum begins with. "sealreel v1 extent key":
 * HMAC input under K_row, to the key of the Poly1305 in it. Both: recording, track u16, file u16, extent u32.
 */
void sr_context_extent_sum(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			   uint32_t extent);
void sr_context_extent_key(struct sr_context *out, const uint8_t recording[SR_UUID], uint16_t track, uint16_t file,
			   uint32_t extent);

#endif
