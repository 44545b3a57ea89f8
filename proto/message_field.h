/*
 * The fields that several messages share, with their limits. Only the message_*.c files and message.c include this.
 */
#ifndef SR_MESSAGE_FIELD_H
#define SR_MESSAGE_FIELD_H

#include "message.h"

/* Each takes one field and latches `in` when the value is out of its range; what is given then is harmless. */
bool sr_take_flag(struct sr_cursor *in);                     /* u8: 0 or 1 */
uint16_t sr_take_track(struct sr_cursor *in);                /* u16: at least 1 */
uint16_t sr_take_count(struct sr_cursor *in, uint16_t most); /* u16: at most `most` */
uint64_t sr_take_position(struct sr_cursor *in);             /* u64: at most SR_POSITION_MAX */
enum sr_track_state sr_take_state(struct sr_cursor *in);     /* u8 */
enum sr_code sr_take_code(struct sr_cursor *in);             /* u8: below SR_CODES */
uint16_t sr_take_roles(struct sr_cursor *in);                /* u16: known bits, at least one */
struct sr_span sr_take_grant(struct sr_cursor *in);          /* field: at most SR_TOKEN_MAX */
struct sr_span sr_take_label(struct sr_cursor *in);          /* field: at most SR_LABEL_MAX */
struct sr_span sr_take_media_type(struct sr_cursor *in);     /* field: 1 to SR_MEDIA_TYPE_MAX */
struct sr_span sr_take_text(struct sr_cursor *in);           /* field: at most SR_TEXT_MAX */
struct sr_span sr_take_service_name(struct sr_cursor *in);   /* field: as sr_service_name_valid */

/* Append a span as a field with its length in front. */
void sr_put_span(struct sr_builder *out, struct sr_span span);

#endif
