/*
 * The daemon's configuration: sealreel.ini read into plain values, and the commented file that `init` writes.
 */
#ifndef SR_CONFIG_H
#define SR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/crowd.h"
#include "access/issuer.h"
#include "account/log.h"
#include "error.h"

#define SR_CONFIG_FILE_MAX 262144
#define SR_ISSUERS_MAX 64

/* What the store does when a list has a row that is another patient's, and when a service keeps asking for others'. */
enum sr_on_misfiled { SR_ON_MISFILED_ALARM, SR_ON_MISFILED_FREEZE_PATIENT, SR_ON_MISFILED_FREEZE_ALL };
enum sr_on_foreign { SR_ON_FOREIGN_ALARM, SR_ON_FOREIGN_FREEZE_SERVICE };

struct sr_config {
	char *directory;       /* the store's, absolute */
	char *keyring;         /* path */
	char *key_source;      /* as sr_key_source_read takes it */
	char *ledger;          /* path of the erasure ledger */
	char *audit;           /* path of the audit log's directory */
	char *listen_unix;     /* path, or NULL */
	char *listen_tcp;      /* "HOST:PORT", or NULL */
	uint32_t max_delay_ms; /* a segment closes at half of it */
	uint32_t record_grace_s;
	uint32_t undelete_window_s; /* how long a deleted recording can come back */
	uint32_t backup_horizon_s;  /* how long a retired epoch's key is kept for recovery */
	uint32_t window_kib;        /* what a writer may have in flight */
	uint32_t reserve_percent;
	uint64_t reserve_min_mib;
	uint32_t audit_reserve_mib;
	uint32_t flush_threads;
	uint32_t pool_threads;
	uint32_t memory_mib;
	uint32_t sessions_max;
	uint32_t sessions_per_address;
	uint32_t sessions_per_service;
	uint32_t half_open_max;
	uint32_t half_open_per_address;
	uint32_t half_open_s;
	uint32_t frame_s; /* a frame that has begun is whole within it */
	uint32_t idle_s;
	uint32_t silent_s;   /* the same as idle_s with a stream open */
	uint32_t stall_s;    /* a peer that takes nothing for so long is dropped */
	uint32_t skew_s;     /* on grants */
	char *alarm_command; /* SR_NONE: there is none */
	uint32_t alarm_timeout_s;
	uint32_t alarm_tries;
	uint32_t alarm_window_s;
	struct sr_rate unusual_actor;
	struct sr_rate unusual_service;
	enum sr_on_misfiled on_misfiled;
	enum sr_on_foreign on_foreign;
	struct sr_rate foreign_rate;
	enum sr_log_level log_level;
	struct sr_issuer issuers[SR_ISSUERS_MAX];
	size_t issuer_count;
};

/* What the file that `init` writes should say beside the defaults. NULL: the default. */
struct sr_config_words {
	const char *keyring;
	const char *key_source;
	const char *ledger;
	const char *listen; /* "unix:PATH" or "tcp:HOST:PORT"; the default is unix:sealreel.sock */
	const char *
		recovery; /* where init puts the private half of a recovery key; NULL: there is none. Not in the file */
	bool bare;        /* without the issuer for development */
};

/*
 * The configuration of the store `directory` (absolute) that the defaults and `words` (NULL: none) make, without
 * issuers. SR_USAGE: a word that cannot be written or is out of its option's range; SR_INTERNAL when memory is used up.
 * *out is released with sr_config_free; NULL on failure.
 */
enum sr_code sr_config_new(const char *directory, const struct sr_config_words *words, struct sr_config **out,
			   struct sr_error *err) SR_MUST_USE;

/*
 * Read DIR/sealreel.ini and the JWKS files it names. Unknown sections and options, values out of range, a repeated
 * option, a missing or unfit JWKS file: SR_USAGE with "sealreel.ini:LINE: what", LINE from 1. A file that group or
 * others may write: SR_USAGE. SR_IO: it cannot be read; SR_INTERNAL when memory is used up. Relative paths are under
 * `directory`. One call at a time: libinih's line length is the process's. *out is owned by the caller, released with
 * sr_config_free; NULL on failure.
 */
enum sr_code sr_config_load(const char *directory, struct sr_config **out, struct sr_error *err) SR_MUST_USE;
void sr_config_free(struct sr_config *config);

/*
 * Write a new DIR/sealreel.ini (0600, synced, there whole or not at all) with every option and its default in comments,
 * what `words` (NULL: nothing) say, and an [issuer dev] section for `iss = sealreel-dev` with issuers/dev.jwks, which
 * is to be put there. SR_CONFLICT if it exists; SR_USAGE as sr_config_new; SR_IO, SR_NO_SPACE, SR_INTERNAL: nothing is
 * left.
 */
enum sr_code sr_config_write(const char *directory, const struct sr_config_words *words,
			     struct sr_error *err) SR_MUST_USE;

#endif
