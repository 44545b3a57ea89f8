/*
 * What may stand where people will read it: labels and media types, judged before they are stored.
 */
#ifndef SR_TEXT_H
#define SR_TEXT_H

#include <stdbool.h>

#include "cursor.h"
#include "error.h"

/* True if `text` is UTF-8 (RFC 3629: shortest forms, no surrogates, up to U+10FFFF) without a NUL. Empty is fine. */
bool sr_text_is_utf8(struct sr_span text) SR_MUST_USE;

/* True if `text` is printable ASCII and not empty: what a media type may be made of. */
bool sr_text_is_printable(struct sr_span text) SR_MUST_USE;

#endif
