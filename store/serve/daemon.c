/*
 * The running daemon: its beginning, its clock, its signals, its end.
 */
#include "serve/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "account/log.h"
#include "data/thread.h"
#include "keys/opening.h"
#include "serve/accounting/accounting.h"
#include "serve/accounting/alarming.h"
#include "serve/backup/backup.h"
#include "serve/crew.h"
#include "serve/epochs/epochs.h"
#include "serve/epochs/rotation.h"
#include "serve/freeze/freezing.h"
#include "serve/listen.h"
#include "serve/patients/claims.h"
#include "serve/patients/moving.h"
#include "serve/play/play.h"
#include "serve/ready.h"
#include "serve/record/witness.h"
#include "serve/record/writer.h"
#include "serve/removal/sweeper.h"
#include "serve/scrub/operate_scrub.h"
#include "serve/session.h"
#include "serve/workers.h"

#define TICK_MS 25
#define WAITING_PER_POOL 2 /* who waits takes no processor, and those who wait together share a commit */
#define SEALING_NICE 10    /* what a thousand calls have brought keeps no list from a processor */

uint64_t sr_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t sr_monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- settings ---- */

struct sr_settings *sr_settings_share(struct sr_settings *settings)
{
	atomic_fetch_add(&settings->users, 1);
	return settings;
}

void sr_settings_release(struct sr_settings *settings)
{
	if (atomic_fetch_sub(&settings->users, 1) > 1)
		return;
	sr_config_free(settings->config);
	free(settings);
}

static struct sr_settings *settings_new(struct sr_config *config)
{
	struct sr_settings *settings = malloc(sizeof *settings);
	if (!settings)
		return NULL;
	atomic_init(&settings->users, 1);
	settings->config = config;
	return settings;
}

/* ---- services ---- */

struct loading {
	struct sr_daemon *daemon;
	enum sr_code code;
	struct sr_error *err;
};

static bool load_service(void *context, struct sr_span key, struct sr_span value)
{
	struct loading *loading = context;
	char name[SR_SERVICE_NAME_MAX + 16];
	const char *own = name + strlen("service/");
	struct sr_service_state state;
	struct sr_service service;
	if (key.size <= strlen("service/") || key.size >= sizeof name)
		loading->code = SR_FAIL(loading->err, SR_CORRUPT, "a service's control row has an impossible name");
	if (loading->code != SR_OK)
		return false;
	memcpy(name, key.data, key.size);
	name[key.size] = '\0';
	loading->code = sr_service_row_open(loading->daemon->keyring, name, value, &state);
	if (loading->code != SR_OK) {
		(void)SR_FAIL(loading->err, loading->code, "the control row %s does not verify", name);
		return false;
	}
	memset(&service, 0, sizeof service);
	memcpy(service.name, own, strnlen(own, SR_SERVICE_NAME_MAX));
	memcpy(service.key, state.key, sizeof service.key);
	service.roles = state.roles;
	service.added_ms = state.added_ms;
	loading->code = sr_services_add(&loading->daemon->services, &service, loading->err);
	return loading->code == SR_OK;
}

static enum sr_code load_services(struct sr_daemon *daemon, struct sr_error *err)
{
	struct loading loading = {daemon, SR_OK, err};
	struct sr_index_key from = sr_key_control("service/");
	struct sr_view *view;
	enum sr_code code = sr_view_begin(daemon->index, &view, err);
	if (code != SR_OK)
		return code;
	code = sr_view_walk(view, &from, from.size, load_service, &loading);
	sr_view_end(view);
	return code == SR_OK ? loading.code : SR_FAIL(err, code, "the services cannot be read from the index");
}

/* ---- ending ---- */

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void sr_daemon_drained(struct sr_daemon *daemon)
{
	if (!daemon->draining || daemon->session_count || daemon->writers || daemon->players || daemon->jobs)
		return;
	sr_alarming_close(daemon->alarming);
	close_handle((uv_handle_t *)&daemon->turned);
	close_handle((uv_handle_t *)&daemon->tick);
	close_handle((uv_handle_t *)&daemon->on_term);
	close_handle((uv_handle_t *)&daemon->on_int);
	close_handle((uv_handle_t *)&daemon->on_hup);
	if (daemon->postbox)
		sr_postbox_close(daemon->postbox);
	daemon->postbox = NULL;
}

void sr_daemon_drain(struct sr_daemon *daemon)
{
	struct sr_session *next;
	if (daemon->draining)
		return;
	daemon->draining = true;
	sr_ready_tell("STOPPING=1");
	sr_scrub_stop(daemon->scrub);
	sr_rotation_stop(daemon->rotation);
	sr_log(SR_LOG_INFO, "ending", "what was received is made durable first");
	sr_listen_stop(daemon);
	for (struct sr_session *session = daemon->sessions; session; session = next) {
		next = sr_session_next(session);
		sr_session_end(session, SR_UNAVAILABLE, "the daemon is ending");
	}
}

void sr_daemon_fatal(void *context, const struct sr_error *err)
{
	(void)context;
	sr_log_error(SR_LOG_ALARM, "fatal", err);
	_exit(1);
}

/* ---- signals and time ---- */

static void on_end(uv_signal_t *signal, int number)
{
	(void)number;
	sr_daemon_drain(signal->data);
}

static void on_reload(uv_signal_t *signal, int number)
{
	struct sr_daemon *daemon = signal->data;
	struct sr_config *config;
	struct sr_error err;
	(void)number;
	enum sr_code code = sr_config_load(daemon->settings->config->directory, &config, &err);
	struct sr_settings *settings = code == SR_OK ? settings_new(config) : NULL;
	if (!settings) {
		if (code == SR_OK)
			sr_config_free(config);
		sr_log(SR_LOG_ERROR, "reload_failed", code == SR_OK ? "memory is used up" : err.text);
		return;
	}
	sr_settings_release(daemon->settings);
	daemon->settings = settings;
	sr_log_level_set(config->log_level);
	sr_log(SR_LOG_INFO, "reloaded", "issuers, limits and log level are in force; addresses need a restart");
}

static void on_tick(uv_timer_t *timer)
{
	struct sr_daemon *daemon = timer->data;
	uint64_t now = sr_monotonic_ms();
	sr_writers_tick(daemon, now);
	sr_players_tick(daemon, now);
	sr_sessions_tick(daemon, now);
	sr_alarming_tick(daemon->alarming, now);
	sr_accounting_tick(daemon->accounting, now);
	sr_listen_tick(daemon);
	sr_backups_tick(daemon);
	sr_rotation_tick(daemon->rotation, now);
	sr_daemon_drained(daemon);
}

static void on_turned(uv_check_t *turned)
{
	sr_sessions_read_line(turned->data);
}

static enum sr_code start_handles(struct sr_daemon *daemon, struct sr_error *err)
{
	daemon->turned.data = daemon->tick.data = daemon->on_term.data = daemon->on_int.data = daemon->on_hup.data =
		daemon;
	if (uv_check_init(daemon->loop, &daemon->turned) != 0 || uv_check_start(&daemon->turned, on_turned) != 0 ||
	    uv_timer_init(daemon->loop, &daemon->tick) != 0 || uv_signal_init(daemon->loop, &daemon->on_term) != 0 ||
	    uv_signal_init(daemon->loop, &daemon->on_int) != 0 || uv_signal_init(daemon->loop, &daemon->on_hup) != 0 ||
	    uv_timer_start(&daemon->tick, on_tick, TICK_MS, TICK_MS) != 0 ||
	    uv_signal_start(&daemon->on_term, on_end, SIGTERM) != 0 ||
	    uv_signal_start(&daemon->on_int, on_end, SIGINT) != 0 ||
	    uv_signal_start(&daemon->on_hup, on_reload, SIGHUP) != 0)
		return SR_FAIL(err, SR_INTERNAL, "the event loop cannot be prepared");
	return SR_OK;
}

/* ---- beginning ---- */

/* A move that a crash had cut off goes into the account, so that both tags stand there. */
static void tell_move(void *context, const struct sr_move *move, bool moved)
{
	struct sr_daemon *daemon = context;
	struct sr_audit_recording recording = {.withheld = NULL};
	struct sr_audit_entry entry = {
		.kind = SR_AUDIT_OUTCOME,
		.operation = "patient.merge",
		.tag = move->to,
		.linked = move->from,
		.outcome = moved ? "applied" : "not_applied",
		.recordings = &recording,
		.recording_count = 1,
	};
	memcpy(recording.id, move->recording, SR_UUID);
	sr_account_say(daemon->accounting, &entry, SR_AUDIT_ORDINARY);
	sr_log(SR_LOG_INFO, "move_recovered",
	       moved ? "a recording's move was finished" : "a recording's move was undone");
}

/* What a crash left of moves. One that cannot be finished stands as it is: it is served under exactly one patient. */
static enum sr_code finish_moves(struct sr_daemon *daemon, struct sr_error *err)
{
	struct sr_moving_recovery recovery = {
		.index = daemon->index,
		.keyring = daemon->keyring,
		.now_ms = daemon->started_ms,
		.told = tell_move,
		.context = daemon,
	};
	enum sr_code code = sr_moving_recover(&recovery, err);
	if (code != SR_CORRUPT && code != SR_UNAVAILABLE)
		return code;
	sr_log_error(SR_LOG_ALARM, "moves_left", err);
	return SR_OK;
}

static void say_ready(const struct sr_daemon *daemon)
{
	const struct sr_config *config = daemon->settings->config;
	struct sr_log_line line;
	sr_log_begin(&line, SR_LOG_INFO, "ready");
	sr_log_text(&line, "store", daemon->audience);
	sr_log_text(&line, "directory", config->directory);
	if (config->listen_unix)
		sr_log_text(&line, "unix", config->listen_unix);
	if (config->listen_tcp)
		sr_log_text(&line, "tcp", config->listen_tcp);
	sr_log_number(&line, "services", daemon->services.count);
	sr_log_number(&line, "issuers", config->issuer_count);
	sr_log_end(&line);
	sr_ready_tell("READY=1");
}

static bool start_workers(struct sr_daemon *daemon, unsigned pool_threads)
{
	daemon->pool = sr_workers_new("pool", 0, pool_threads, daemon->postbox);
	daemon->waiting = sr_workers_new("waiting", 0, WAITING_PER_POOL * pool_threads, daemon->postbox);
	daemon->sealing = sr_workers_new("sealing", SEALING_NICE, pool_threads, daemon->postbox);
	return daemon->pool && daemon->waiting && daemon->sealing;
}

static enum sr_code build(struct sr_daemon *daemon, const struct sr_daemon_parts *parts, struct sr_error *err)
{
	daemon->keyring = parts->keyring;
	daemon->index = parts->index;
	daemon->blobs = parts->blobs;
	daemon->audit = parts->audit;
	daemon->started_ms = sr_now_ms();
	daemon->share.rate = SR_SHARE_ALL;
	sodium_bin2hex(daemon->audience, sizeof daemon->audience, sr_keyring_store(daemon->keyring), SR_UUID);
	sr_uuid7(daemon->started_ms, daemon->decoy_id);
	daemon->decoy_size = sr_row_decoy(daemon->keyring, daemon->decoy_id, daemon->decoy);
	daemon->flusher = sr_flusher_new(parts->config->flush_threads);
	daemon->postbox = sr_postbox_new(daemon->loop);
	if (daemon->postbox && !start_workers(daemon, parts->config->pool_threads))
		return SR_FAIL(err, SR_INTERNAL, "memory or threads are used up");
	daemon->crew = sr_crew_new(uv_available_parallelism() - 1);
	daemon->spoiled = sr_spoiled_new();
	daemon->witnesses = sr_witnesses_new();
	daemon->claims = sr_claims_new();
	daemon->scrub = sr_daemon_scrub_new(parts, daemon);
	daemon->remover = sr_remover_new(parts->keyring, parts->index, parts->blobs, parts->ledger);
	daemon->alarming = sr_alarming_new(daemon);
	daemon->rotation = sr_rotation_new(daemon);
	daemon->backups = sr_backups_new();
	if (!daemon->flusher || !daemon->postbox || !daemon->crew || !daemon->spoiled || !daemon->witnesses ||
	    !daemon->claims || !daemon->scrub || !daemon->remover || !daemon->alarming || !daemon->rotation ||
	    !daemon->backups || !daemon->decoy_size)
		return SR_FAIL(err, SR_INTERNAL, "memory or threads are used up");
	enum sr_code code =
		sr_epoch_book_open(daemon->keyring, daemon->index, daemon->started_ms, &daemon->epochs, err);
	struct sr_accounting_parts account = {parts->audit, parts->index, parts->keyring, daemon->epochs};
	if (code == SR_OK)
		code = sr_accounting_new(&account, &daemon->accounting, err);
	if (code == SR_OK)
		code = load_services(daemon, err);
	if (code == SR_OK)
		code = sr_freezing_load(daemon, err);
	if (code == SR_OK)
		code = finish_moves(daemon, err);
	if (code == SR_OK)
		code = start_handles(daemon, err);
	if (code == SR_OK)
		daemon->sweeper = sr_sweeper_new(daemon->remover, parts->config->undelete_window_s, daemon->accounting);
	if (code == SR_OK && !daemon->sweeper)
		code = SR_FAIL(err, SR_INTERNAL, "memory or threads are used up");
	if (code == SR_OK)
		code = sr_listen_start(daemon, err);
	return code;
}

static void close_left(uv_handle_t *handle, void *context)
{
	(void)context;
	close_handle(handle);
}

enum sr_code sr_daemon_run(const struct sr_daemon_parts *parts, struct sr_error *err)
{
	uv_loop_t loop;
	struct sr_daemon *daemon = calloc(1, sizeof *daemon);
	struct sr_settings *settings = daemon ? settings_new(parts->config) : NULL;
	if (!settings || uv_loop_init(&loop) != 0) {
		free(settings);
		free(daemon);
		sr_config_free(parts->config);
		return SR_FAIL_MEMORY(err);
	}
	sr_log_level_set(parts->config->log_level);
	sr_thread_prompt();
	daemon->loop = &loop;
	daemon->line_last = &daemon->line;
	daemon->settings = settings;
	enum sr_code code = build(daemon, parts, err);
	if (code == SR_OK) {
		say_ready(daemon);
		sr_rotation_resume(daemon->rotation);
		uv_run(&loop, UV_RUN_DEFAULT);
		sr_log(SR_LOG_INFO, "ended", "everything received is durable");
	} else {
		sr_listen_stop(daemon);
		if (daemon->postbox)
			sr_postbox_close(daemon->postbox);
		uv_walk(&loop, close_left, NULL);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	uv_loop_close(&loop);
	sr_backups_free(daemon->backups, daemon);
	sr_sweeper_free(daemon->sweeper);
	sr_remover_free(daemon->remover);
	sr_scrub_free(daemon->scrub);
	sr_accounting_free(daemon->accounting);
	sr_workers_free(daemon->sealing);
	sr_workers_free(daemon->waiting);
	sr_workers_free(daemon->pool);
	sr_crew_free(daemon->crew);
	sr_flusher_free(daemon->flusher);
	sr_spoiled_free(daemon->spoiled);
	sr_witnesses_free(daemon->witnesses);
	sr_rotation_free(daemon->rotation);
	sr_epoch_book_free(daemon->epochs);
	sr_alarming_free(daemon->alarming);
	sr_freezes_release(daemon->freezes);
	sr_claims_free(daemon->claims);
	sr_settings_release(daemon->settings);
	sodium_memzero(daemon, sizeof *daemon);
	free(daemon);
	return code;
}
