/*
 * The table of options: every fact about one that the parser, the written template and the tests share.
 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config.h"

#define AT(member) offsetof(struct sr_config, member)
#define ISSUER(member) offsetof(struct sr_issuer, member)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct sr_section sections[] = {
	{"store", "Where the secrets are, and how recordings are kept."},
	{"listen", "Where clients connect. Each may be \"" SR_NONE "\", but not both."},
	{"limits", "What the daemon spends on its clients."},
	{"grants", "How grants are judged."},
	{"alarms",
	 "Who is told of alarms, and what the store does about them by itself. SIGHUP reads all of these again."},
	{"log", "What is written to standard error."},
	{SR_ISSUER_SECTION, "Who may vouch for patients: one section [issuer NAME] for each."},
};

/* clang-format off */
static const struct sr_option options[] = {
	{"store", "keyring", SR_OPTION_PATH, AT(keyring), 0, 0, "keyring", false,
	 "The daemon's long-lived secrets, sealed. Better on another disk than the recordings."},
	{"store", "key_source", SR_OPTION_TEXT, AT(key_source), 0, 0, "file:keyring.key", false,
	 "What opens the keyring: passphrase, passphrase:FILE, credential:NAME, or (development only) file:PATH."},
	{"store", "ledger", SR_OPTION_PATH, AT(ledger), 0, 0, "ledger", false,
	 "The erasure ledger. Better on another disk than the recordings."},
	{"store", "audit", SR_OPTION_PATH, AT(audit), 0, 0, "audit", false,
	 "The directory of the audit log. Better on another disk than the recordings; move it with the daemon stopped."},
	{"store", "audit_reserve_mib", SR_OPTION_NUMBER, AT(audit_reserve_mib), 1, 1024, "8", false,
	 "What is kept of that disk for the ends of what has begun, freezes and erasures, when it is full; MiB."},
	{"store", "max_delay_ms", SR_OPTION_NUMBER, AT(max_delay_ms), 100, 10000, "1000", false,
	 "How much of a stream's newest media a power cut may cost, beside one flush; milliseconds."},
	{"store", "record_grace_s", SR_OPTION_NUMBER, AT(record_grace_s), 0, 604800, "21600", false,
	 "How long past its grant's expiry a recording may be resumed and finished; seconds."},
	{"store", "undelete_window_s", SR_OPTION_NUMBER, AT(undelete_window_s), 0, 31536000, "604800", false,
	 "How long a deleted recording can come back; seconds. 0: not at all."},
	{"store", "backup_horizon_s", SR_OPTION_NUMBER, AT(backup_horizon_s), 0, 315360000, "0", false,
	 "How long a retired epoch's key stays in the keyring, sealed to the recovery key, for restoring backups; seconds."},
	{"store", "reserve_percent", SR_OPTION_NUMBER, AT(reserve_percent), 0, 90, "1", false,
	 "Recording stops when less of the file system is free than this; percent. The larger reserve counts."},
	{"store", "reserve_min_mib", SR_OPTION_LARGE, AT(reserve_min_mib), 0, 1073741824, "2048", false,
	 "The same in MiB."},
	{"listen", "unix", SR_OPTION_UNIX, AT(listen_unix), 0, 0, "sealreel.sock", false,
	 "A Unix socket."},
	{"listen", "tcp", SR_OPTION_TCP, AT(listen_tcp), 0, 0, SR_NONE, false,
	 "HOST:PORT."},
	{"limits", "memory_mib", SR_OPTION_NUMBER, AT(memory_mib), 16, 1048576, "512", false,
	 "Memory for all clients together; MiB. From three quarters of it on, whatever is new is busy."},
	{"limits", "sessions", SR_OPTION_NUMBER, AT(sessions_max), 1, 65536, "4096", false,
	 "Connections at once."},
	{"limits", "sessions_per_address", SR_OPTION_NUMBER, AT(sessions_per_address), 1, 65536, "4096", false,
	 "The same from one address. On the Unix socket a user stands for an address."},
	{"limits", "sessions_per_service", SR_OPTION_NUMBER, AT(sessions_per_service), 1, 65536, "2048", false,
	 "The same of one service; those beyond it are busy."},
	{"limits", "half_open", SR_OPTION_NUMBER, AT(half_open_max), 1, 65536, "256", false,
	 "Connections at once that have not shown a credential yet."},
	{"limits", "half_open_per_address", SR_OPTION_NUMBER, AT(half_open_per_address), 1, 65536, "64", false,
	 "The same from one address."},
	{"limits", "half_open_s", SR_OPTION_NUMBER, AT(half_open_s), 1, 60, "5", false,
	 "How long a connection may take to show one; seconds."},
	{"limits", "frame_s", SR_OPTION_NUMBER, AT(frame_s), 1, 3600, "30", false,
	 "A connection whose frame, once begun, is not whole after so long is ended; seconds."},
	{"limits", "idle_s", SR_OPTION_NUMBER, AT(idle_s), 1, 86400, "300", false,
	 "A connection without streams that is silent for so long is ended; seconds."},
	{"limits", "silent_s", SR_OPTION_NUMBER, AT(silent_s), 1, 604800, "3600", false,
	 "The same with streams: calls have long silences; seconds."},
	{"limits", "stall_s", SR_OPTION_NUMBER, AT(stall_s), 1, 3600, "60", false,
	 "A connection that takes nothing for so long is ended; seconds."},
	{"limits", "window_kib", SR_OPTION_NUMBER, AT(window_kib), 1024, 1048576, "16384", false,
	 "How much a recording may have on its way that is not acknowledged; KiB."},
	{"limits", "flush_threads", SR_OPTION_NUMBER, AT(flush_threads), 1, 16, "4", false,
	 "Threads that flush recordings to disk."},
	{"limits", "pool_threads", SR_OPTION_NUMBER, AT(pool_threads), 1, 128, "8", false,
	 "Threads that read and open recordings; as many seal what is recorded, twice as many wait for the index."},
	{"grants", "skew_s", SR_OPTION_NUMBER, AT(skew_s), 0, 300, "60", false,
	 "How far an issuer's clock may be off; seconds."},
	{"alarms", "alarm_command", SR_OPTION_TEXT, AT(alarm_command), 0, 0, SR_NONE, false,
	 "A command that the shell runs for each alarm, with a JSON object on its standard input; not 0 means try again."},
	{"alarms", "alarm_timeout_s", SR_OPTION_NUMBER, AT(alarm_timeout_s), 1, 300, "10", false,
	 "How long it may take before it is killed; seconds."},
	{"alarms", "alarm_tries", SR_OPTION_NUMBER, AT(alarm_tries), 1, 1000, "20", false,
	 "After how many failures an alarm is given up. The pause doubles from 0.2 s to a minute."},
	{"alarms", "alarm_window_s", SR_OPTION_NUMBER, AT(alarm_window_s), 0, 86400, "60", false,
	 "Alarms of one kind about the same within this time are told as one, with a count, after the first; seconds."},
	{"alarms", "unusual_actor", SR_OPTION_RATE, AT(unusual_actor), 0, 0, "100/60", false,
	 "Alarm when one actor reads of more than N patients within MINUTES: N/MINUTES, at most 1000/1440, or none."},
	{"alarms", "unusual_service", SR_OPTION_RATE, AT(unusual_service), 0, 0, SR_NONE, false,
	 "The same of one service."},
	{"alarms", "on_misfiled", SR_OPTION_MISFILED, AT(on_misfiled), 0, 0, "alarm", false,
	 "When a list has a row that is another patient's: alarm, freeze-patient (whose list it is), or freeze-all."},
	{"alarms", "on_foreign", SR_OPTION_FOREIGN, AT(on_foreign), 0, 0, "alarm", false,
	 "When one service has named recordings of more others than foreign_rate: alarm, or freeze-service (just this one)."},
	{"alarms", "foreign_rate", SR_OPTION_RATE, AT(foreign_rate), 0, 0, "20/10", false,
	 "How many different patients' N/MINUTES must be to count as that, or none."},
	{"log", "level", SR_OPTION_LEVEL, AT(log_level), 0, 0, "info", false,
	 "error, warn, info or debug. Alarms are always written."},
	{SR_ISSUER_SECTION, "iss", SR_OPTION_ISS, ISSUER(iss), 0, 0, NULL, true,
	 "The issuer as its grants name it. Required."},
	{SR_ISSUER_SECTION, "jwks", SR_OPTION_JWKS, ISSUER(keys), 0, 0, NULL, true,
	 "The file of its public keys (JWKS). Required."},
	{SR_ISSUER_SECTION, "typ", SR_OPTION_TEXT, ISSUER(typ), 0, 0, "sealreel-grant+jwt", false,
	 "The header \"typ\" of its grants."},
	{SR_ISSUER_SECTION, "identity_prefix", SR_OPTION_PREFIXES, 0, 0, 0, NULL, false,
	 "Identities it may name begin with one of these, separated by spaces. Not said: any."},
	{SR_ISSUER_SECTION, "scopes", SR_OPTION_SCOPES, ISSUER(scopes), 0, 0, "record list play", false,
	 "What its grants may allow: record, list, play, delete, manage."},
	{SR_ISSUER_SECTION, "roles", SR_OPTION_ROLES, ISSUER(roles), 0, 0, "patient clinician guardian system", false,
	 "Who may act by its grants: patient, clinician, guardian, system."},
	{SR_ISSUER_SECTION, "max_life_s", SR_OPTION_LIFE, ISSUER(life_max), 1, SR_GRANT_LIFE_MAX, "3600", false,
	 "The longest life of its grants; seconds."},
	{SR_ISSUER_SECTION, "recording_required", SR_OPTION_FLAG, ISSUER(recording_required), 0, 0, "no", false,
	 "Whether each of its grants must name one recording: yes or no."},
	{SR_ISSUER_SECTION, "retain_days", SR_OPTION_NUMBER, ISSUER(retain_days), 0, 36500, "0", false,
	 "How long what is recorded by its grants cannot be deleted; days. A recorder may say longer."},
	{SR_ISSUER_SECTION, "claim_sub", SR_OPTION_CLAIM, ISSUER(claims.sub), 0, 0, NULL, false,
	 "Its own names of claims. Dots reach into objects; a dot within a name is \\. and a backslash \\\\."},
	{SR_ISSUER_SECTION, "claim_scope", SR_OPTION_CLAIM, ISSUER(claims.scope), 0, 0, NULL, false, NULL},
	{SR_ISSUER_SECTION, "claim_act_sub", SR_OPTION_CLAIM, ISSUER(claims.act_sub), 0, 0, NULL, false, NULL},
	{SR_ISSUER_SECTION, "claim_act_role", SR_OPTION_CLAIM, ISSUER(claims.act_role), 0, 0, NULL, false, NULL},
	{SR_ISSUER_SECTION, "claim_consultation", SR_OPTION_CLAIM, ISSUER(claims.consultation), 0, 0, NULL, false, NULL},
	{SR_ISSUER_SECTION, "claim_recording", SR_OPTION_CLAIM, ISSUER(claims.recording), 0, 0, NULL, false, NULL},
};
/* clang-format on */

_Static_assert(COUNT(options) <= SR_OPTIONS_MAX, "the parser keeps a line number for each option of a section");

const struct sr_option *sr_options(size_t *count)
{
	*count = COUNT(options);
	return options;
}

const struct sr_section *sr_sections(size_t *count)
{
	*count = COUNT(sections);
	return sections;
}

bool sr_option_is_number(enum sr_option_kind kind)
{
	return kind == SR_OPTION_NUMBER || kind == SR_OPTION_LARGE || kind == SR_OPTION_LIFE;
}

char *sr_path_under(const char *directory, const char *name)
{
	char *path;
	if (name[0] == '/')
		return strdup(name);
	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

bool sr_unix_path_fits(const char *path)
{
	return strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}
