/*
 * The running daemon: what its rooms are, so that a request can be handed from one to the next.
 */
#ifndef SR_DAEMON_H
#define SR_DAEMON_H

#include <stdatomic.h>
#include <stdint.h>

#include <uv.h>

#include "access/services.h"
#include "account/audit.h"
#include "config.h"
#include "data/blob.h"
#include "data/flush.h"
#include "data/index.h"
#include "keys/keyring.h"
#include "keys/rows.h"
#include "serve/post.h"
#include "serve/record/share.h"
#include "serve/record/track_file.h"

/* The configuration in force, counted, because SIGHUP may replace it while requests still use the old one. */
struct sr_settings {
	_Atomic unsigned users;
	struct sr_config *config;
};

/* Take and give back a share of settings; the last one frees them. Any thread. */
struct sr_settings *sr_settings_share(struct sr_settings *settings);
void sr_settings_release(struct sr_settings *settings);

struct sr_session;
struct sr_writer;
struct sr_player;
struct sr_listener;
struct sr_scrub;
struct sr_claims;
struct sr_epoch_book;
struct sr_rotation;
struct sr_freezes;
struct sr_alarming;
struct sr_change;
struct sr_remover;
struct sr_sweeper;
struct sr_accounting;
struct sr_backups;
struct sr_crew;
struct sr_workers;

struct sr_daemon {
	uv_loop_t *loop;
	struct sr_settings *settings; /* the loop's share of the newest */
	struct sr_keyring *keyring;
	struct sr_index *index;
	struct sr_epoch_book *epochs;
	struct sr_blobs *blobs;
	struct sr_audit *audit;
	struct sr_flusher *flusher;
	struct sr_spoiled *spoiled;
	struct sr_witnesses *witnesses;
	struct sr_postbox *postbox;
	struct sr_workers *pool;    /* what waits for nobody for long */
	struct sr_workers *waiting; /* what waits for the index */
	struct sr_workers *sealing; /* what is recorded */
	struct sr_crew *crew;
	struct sr_rotation *rotation; /* the loop's, but for what serve/epochs/rotation.h says */
	struct sr_scrub *scrub;       /* has a lock of its own; begun and stopped on the loop alone */
	struct sr_remover *remover;
	struct sr_sweeper *sweeper;   /* has a lock of its own */
	struct sr_backups *backups;   /* as well */
	struct sr_alarming *alarming; /* has a lock of its own for what comes from other threads */
	struct sr_accounting *accounting;
	struct sr_claims *claims;
	char audience[33];
	/* What is opened in the place of a row that is not there. Immutable. */
	uint8_t decoy_id[SR_UUID];
	uint8_t decoy[SR_ROW_MAX];
	size_t decoy_size;
	/* Below: the loop's alone. */
	struct sr_services services;
	struct sr_session *sessions;
	unsigned session_count;
	unsigned half_open_count;
	uint64_t memory_used; /* serve/budget.h */
	struct sr_writer *writers;
	atomic_bool
		calls_late;    /* a call has waited for its closed segment so long that others stand back; any thread */
	unsigned uploads;      /* writers whose segments are full before they are old */
	struct sr_share share; /* what these may take beside the others */
	struct sr_player *players;
	struct sr_listener *listeners;
	struct sr_freezes *freezes; /* in force; requests have shares of their own */
	struct sr_change *changes;  /* freezes and thaws on their way, serve/freeze/freezing.c */
	struct sr_change **changes_last;
	unsigned jobs; /* what will come back to the loop: jobs of requests, their entries, posts that somebody waits
			  for */
	uint64_t started_ms;
	bool draining;
	struct sr_session *line, **line_last; /* those that bring what is recorded, and have something to read */
	uv_check_t turned;
	uv_timer_t tick;
	uv_signal_t on_term, on_int, on_hup;
};

/* Milliseconds since 1970, and since some fixed point. */
uint64_t sr_now_ms(void);
uint64_t sr_monotonic_ms(void);

/* Everything a running daemon is made from: opened by main, released by it afterwards. */
struct sr_daemon_parts {
	struct sr_config *config; /* handed over */
	struct sr_keyring *keyring;
	struct sr_index *index;
	struct sr_blobs *blobs;
	struct sr_audit *audit; /* NULL where nothing is served */
	struct sr_ledger *ledger;
};

/*
 * Serve until SIGTERM or SIGINT: says in one line what it serves and where, tells the service manager, runs the loop,
 * drains. SR_USAGE or SR_IO: it could not listen. `config` is released in any case.
 */
enum sr_code sr_daemon_run(const struct sr_daemon_parts *parts, struct sr_error *err) SR_MUST_USE;

/* Stop accepting, end every session once its writers have synced, leave the loop. Idempotent. */
void sr_daemon_drain(struct sr_daemon *daemon);

/* Something has ended: if the daemon drains and nothing is left, leave the loop. */
void sr_daemon_drained(struct sr_daemon *daemon);

/* Called from the index thread's fatal callback through the process: log and end at once with status 1. */
void sr_daemon_fatal(void *context, const struct sr_error *err);

#endif
