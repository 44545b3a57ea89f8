/*
 * The messages of operating: services and their roles, counters, health. Encoders and decoders as message.h says.
 */
#ifndef SR_MESSAGE_OPERATE_H
#define SR_MESSAGE_OPERATE_H

#include "message.h"

#define SR_SERVICES_MAX 256
#define SR_STAT_NAME_MAX 63
#define SR_STATS_MAX 256

/* SERVICE_ADD: name (1 to 63 of a-z 0-9 . _ -), roles u16 (not 0), public key 32. SERVICE_ADDED: psk 32. */
struct sr_service_add {
	struct sr_span name;
	uint16_t roles;
	uint8_t key[32];
};
void sr_service_add_encode(struct sr_builder *out, const struct sr_service_add *message);
void sr_service_add_decode(struct sr_cursor *in, struct sr_service_add *message);
void sr_service_added_encode(struct sr_builder *out, const uint8_t psk[32]);
void sr_service_added_decode(struct sr_cursor *in, uint8_t psk[32]);

/* SERVICE_REMOVE: name. */
void sr_service_remove_encode(struct sr_builder *out, struct sr_span name);
void sr_service_remove_decode(struct sr_cursor *in, struct sr_span *name);

/* SERVICES: count u16 (at most SR_SERVICES_MAX), then each: name, roles u16, public key 32, added_ms u64. */
struct sr_service_row {
	struct sr_span name;
	uint16_t roles;
	uint8_t key[32];
	uint64_t added_ms;
};
void sr_services_encode(struct sr_builder *out, uint16_t count);
void sr_services_decode(struct sr_cursor *in, uint16_t *count);
void sr_service_row_encode(struct sr_builder *out, const struct sr_service_row *row);
void sr_service_row_decode(struct sr_cursor *in, struct sr_service_row *row);

/* STATS_REPLY: count u16 (at most SR_STATS_MAX), then each: name (a-z 0-9 _), value u64. */
struct sr_stat {
	struct sr_span name;
	uint64_t value;
};
void sr_stats_encode(struct sr_builder *out, uint16_t count);
void sr_stats_decode(struct sr_cursor *in, uint16_t *count);
void sr_stat_encode(struct sr_builder *out, const struct sr_stat *stat);
void sr_stat_decode(struct sr_cursor *in, struct sr_stat *stat);

/* HEALTH_REPLY: code u8 (SR_OK: able to do everything), text. */
struct sr_health {
	enum sr_code code;
	struct sr_span text;
};
void sr_health_encode(struct sr_builder *out, const struct sr_health *message);
void sr_health_decode(struct sr_cursor *in, struct sr_health *message);

#endif
