/* The configuration: the written template gives the defaults; what is wrong is refused with its line. */
#include "config.h"

#include "options.h"
#include "place.h"

#define JWKS                                                                                                           \
	"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"1\","                                               \
	"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"
#define ISSUER(name, iss) "[issuer " name "]\niss = " iss "\njwks = keys.jwks\n"

static void setup(void)
{
	place_make();
	put_file("keys.jwks", JWKS, strlen(JWKS), 0600);
}

TestSuite(config, .init = setup, .fini = place_remove);

static struct sr_config *accepted(const char *text)
{
	struct sr_config *config = NULL;
	struct sr_error err = {.text = ""};
	put_file("sealreel.ini", text, strlen(text), 0600);
	cr_assert_eq(sr_config_load(place, &config, &err), SR_OK, "%.80s: %s", text, err.text);
	cr_assert_not_null(config);
	return config;
}

static void refused_bytes(const char *text, size_t size, const char *why)
{
	struct sr_config *config = (struct sr_config *)place;
	struct sr_error err = {.text = ""};
	put_file("sealreel.ini", text, size, 0600);
	cr_expect_eq(sr_config_load(place, &config, &err), SR_USAGE, "accepted: %.80s", text);
	cr_expect_null(config);
	cr_expect_eq(strncmp(err.text, why, strlen(why)), 0, "%.80s: \"%s\", not \"%s\"", text, err.text, why);
}

static void refused(const char *text, const char *why)
{
	refused_bytes(text, strlen(text), why);
}

static void expect_defaults(const struct sr_config *config)
{
	cr_expect_str_eq(config->directory, place);
	cr_expect_str_eq(config->keyring, at_place("keyring"));
	cr_expect_str_eq(config->key_source, "file:keyring.key");
	cr_expect_str_eq(config->ledger, at_place("ledger"));
	cr_expect_str_eq(config->audit, at_place("audit"));
	cr_expect_str_eq(config->listen_unix, at_place("sealreel.sock"));
	cr_expect_null(config->listen_tcp);
	cr_expect_eq(config->max_delay_ms, 1000);
	cr_expect_eq(config->record_grace_s, 21600);
	cr_expect_eq(config->reserve_percent, 1);
	cr_expect_eq(config->reserve_min_mib, 2048);
	cr_expect_eq(config->memory_mib, 512);
	cr_expect_eq(config->sessions_max, 4096);
	cr_expect_eq(config->sessions_per_address, 4096);
	cr_expect_eq(config->sessions_per_service, 2048);
	cr_expect_eq(config->half_open_max, 256);
	cr_expect_eq(config->half_open_per_address, 64);
	cr_expect_eq(config->half_open_s, 5);
	cr_expect_eq(config->frame_s, 30);
	cr_expect_eq(config->silent_s, 3600);
	cr_expect_eq(config->idle_s, 300);
	cr_expect_eq(config->stall_s, 60);
	cr_expect_eq(config->window_kib, 16384);
	cr_expect_eq(config->flush_threads, 4);
	cr_expect_eq(config->pool_threads, 8);
	cr_expect_eq(config->skew_s, 60);
	cr_expect_eq(config->log_level, SR_LOG_INFO);
}

Test(config, empty_file_is_the_defaults)
{
	struct sr_config *config = accepted("");
	expect_defaults(config);
	cr_expect_eq(config->issuer_count, 0);
	sr_config_free(config);
}

Test(config, template_is_the_defaults_and_the_issuer_for_development)
{
	struct sr_config *config = NULL;
	struct sr_error err = {.text = ""};
	cr_assert_eq(sr_config_write(place, NULL, &err), SR_OK, "%s", err.text);
	cr_expect_eq(mode_of("sealreel.ini"), 0600);
	cr_assert_eq(mkdir(at_place("issuers"), 0700), 0);
	put_file("issuers/dev.jwks", JWKS, strlen(JWKS), 0600);
	cr_assert_eq(sr_config_load(place, &config, &err), SR_OK, "%s", err.text);
	expect_defaults(config);
	cr_assert_eq(config->issuer_count, 1);
	const struct sr_issuer *issuer = &config->issuers[0];
	cr_expect_str_eq(issuer->name, "dev");
	cr_expect_str_eq(issuer->iss, "sealreel-dev");
	cr_expect_str_eq(issuer->typ, "sealreel-grant+jwt");
	cr_expect_eq(issuer->prefix_count, 0);
	cr_expect_eq(issuer->scopes, 0x1f);
	cr_expect_eq(issuer->roles, 0xf);
	cr_expect_eq(issuer->life_max, 3600);
	cr_expect_not(issuer->recording_required);
	cr_expect_null(issuer->claims.sub);
	cr_expect_eq(sr_jwks_count(issuer->keys), 1);
	sr_config_free(config);
}

Test(config, template_names_every_option_with_its_default)
{
	char line[256];
	size_t count;
	const struct sr_option *options = sr_options(&count);
	cr_assert_eq(sr_config_write(place, NULL, NULL), SR_OK);
	const char *text = get_file("sealreel.ini", NULL);
	for (size_t at = 0; at < count; at++) {
		snprintf(line, sizeof line, "\n# %s =%s%s\n", options[at].name, options[at].preset ? " " : "",
			 options[at].preset ? options[at].preset : "");
		cr_expect_not_null(strstr(text, line), "%s", line);
	}
	/* What is commented out is what would be read. */
	char *said = strdup(text);
	for (char *at = said; (at = strstr(at, "\n# ")) != NULL; at++) {
		char *equals = strpbrk(at + 1, "=\n");
		if (*equals == '=' && equals[1] == ' ' && strcspn(at + 3, " ") == (size_t)(equals - at - 4))
			memcpy(at + 1, "  ", 2);
	}
	*strstr(said, "\n[issuer") = '\0';
	struct sr_config *config = accepted(said);
	expect_defaults(config);
	sr_config_free(config);
	free(said);
}

Test(config, template_is_written_once)
{
	struct sr_error err = {.text = ""};
	put_file("sealreel.ini", "# mine\n", 7, 0600);
	cr_expect_eq(sr_config_write(place, NULL, &err), SR_CONFLICT);
	cr_expect_str_eq(get_file("sealreel.ini", NULL), "# mine\n");
}

Test(config, words_are_read_back)
{
	static const struct sr_config_words words = {"/keys/one two",  "passphrase", "books/ledger",
						     "tcp:[::1]:7000", NULL,         false};
	struct sr_config *config = NULL;
	cr_assert_eq(sr_config_write(place, &words, NULL), SR_OK);
	char *text = strdup(get_file("sealreel.ini", NULL));
	*strstr(text, "\n[issuer") = '\0';
	config = accepted(text);
	cr_expect_str_eq(config->keyring, "/keys/one two");
	cr_expect_str_eq(config->key_source, "passphrase");
	cr_expect_str_eq(config->ledger, at_place("books/ledger"));
	cr_expect_null(config->listen_unix);
	cr_expect_str_eq(config->listen_tcp, "[::1]:7000");
	sr_config_free(config);
	free(text);
}

Test(config, words_that_would_be_read_otherwise_are_refused)
{
	static const char *const bad[] = {"", " a", "a ", "a ;b", ";a", "a\nlevel = debug", "a\tb", "a\x7f"};
	for (size_t at = 0; at < sizeof bad / sizeof *bad; at++) {
		struct sr_config_words words = {.keyring = bad[at]};
		cr_expect_eq(sr_config_write(place, &words, NULL), SR_USAGE, "%zu", at);
	}
	static const char *const addresses[] = {
		"",       "sealreel.sock", "unix:",     "tcp:",     "tcp:host", "tcp:host:0", "tcp:host:65536",
		"tcp::7", "http:a:80",     "unix:none", "tcp:a b:7"};
	for (size_t at = 0; at < sizeof addresses / sizeof *addresses; at++) {
		struct sr_config_words words = {.listen = addresses[at]};
		cr_expect_eq(sr_config_write(place, &words, NULL), SR_USAGE, "%s", addresses[at]);
	}
	cr_expect_eq(mode_of("sealreel.ini"), (mode_t)-1);
}

/* A file that says one option, on line 3, or line 5 for an issuer's. */
static unsigned say(char *text, size_t room, const struct sr_option *option, const char *value)
{
	bool of_issuer = strcmp(option->section, SR_ISSUER_SECTION) == 0;
	snprintf(text, room, "\n%s%s%s%s = %s\n", of_issuer ? ISSUER("a", "x") : "[", of_issuer ? "" : option->section,
		 of_issuer ? "" : "]\n", option->name, value);
	return of_issuer ? 5 : 3;
}

Test(config, numbers_at_and_past_their_ends)
{
	char text[512], value[32], why[128];
	size_t count;
	const struct sr_option *options = sr_options(&count);
	unsigned numbers = 0;
	for (size_t at = 0; at < count; at++) {
		const struct sr_option *option = &options[at];
		if (!sr_option_is_number(option->kind))
			continue;
		numbers++;
		const uint64_t good[] = {option->least, option->most};
		for (size_t i = 0; i < 2; i++) {
			snprintf(value, sizeof value, "%ju", (uintmax_t)good[i]);
			say(text, sizeof text, option, value);
			struct sr_config *config = accepted(text);
			bool of_issuer = strcmp(option->section, SR_ISSUER_SECTION) == 0;
			const char *base = of_issuer ? (char *)&config->issuers[0] : (char *)config;
			uint64_t got = 0;
			memcpy(&got, base + option->offset, option->kind == SR_OPTION_NUMBER ? 4 : 8);
			cr_expect_eq(got, good[i], "%s", option->name);
			sr_config_free(config);
		}
		char past[32], below[32];
		snprintf(past, sizeof past, "%ju", (uintmax_t)option->most + 1);
		snprintf(below, sizeof below, "%jd", (intmax_t)option->least - 1);
		const char *const bad[] = {
			past, below, "x", "1x", "0x10", "+1", "1.5", "1 000", "18446744073709551617"};
		for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
			unsigned line = say(text, sizeof text, option, bad[i]);
			snprintf(why, sizeof why, "sealreel.ini:%u: %s: must be %ju to %ju", line, option->name,
				 (uintmax_t)option->least, (uintmax_t)option->most);
			refused(text, why);
		}
	}
	cr_expect_eq(numbers, 27);
}

Test(config, every_option_twice_or_without_a_value)
{
	char text[512], twice[1024], why[128];
	size_t count;
	const struct sr_option *options = sr_options(&count);
	for (size_t at = 0; at < count; at++) {
		unsigned line = say(text, sizeof text, &options[at], "");
		bool is_there = options[at].required; /* say() has said it already */
		snprintf(why, sizeof why, "sealreel.ini:%u: %s %s", line, options[at].name,
			 is_there ? "is there twice" : "has no value");
		refused(text, why);
		if (is_there || !options[at].preset)
			continue;
		say(text, sizeof text, &options[at], options[at].preset);
		snprintf(twice, sizeof twice, "%s\n%s = %s\n", text, options[at].name, options[at].preset);
		snprintf(why, sizeof why, "sealreel.ini:%u: %s is there twice", line + 2, options[at].name);
		refused(twice, why);
	}
}

Test(config, every_option_in_every_other_section)
{
	char text[512], why[128];
	size_t count, sections_count;
	const struct sr_option *options = sr_options(&count);
	const struct sr_section *sections = sr_sections(&sections_count);
	for (size_t at = 0; at < count; at++)
		for (size_t in = 0; in < sections_count; in++) {
			if (strcmp(sections[in].name, options[at].section) == 0)
				continue;
			struct sr_option moved = options[at];
			moved.section = sections[in].name;
			unsigned line = say(text, sizeof text, &moved, "1");
			snprintf(why, sizeof why, "sealreel.ini:%u: [%s] has no option of that name", line,
				 moved.section);
			refused(text, why);
		}
}

Test(config, what_alarms_bring_about)
{
	struct sr_config *config = accepted("[alarms]\n");
	cr_expect_str_eq(config->alarm_command, "none");
	cr_expect_eq(config->on_misfiled, SR_ON_MISFILED_ALARM);
	cr_expect_eq(config->on_foreign, SR_ON_FOREIGN_ALARM);
	cr_expect(config->foreign_rate.most == 20 && config->foreign_rate.minutes == 10);
	cr_expect(config->unusual_actor.most == 100 && config->unusual_actor.minutes == 60);
	cr_expect_eq(config->unusual_service.most, 0);
	sr_config_free(config);
	config = accepted("[alarms]\nalarm_command = page 'somebody else'\non_misfiled = freeze-patient\n"
			  "on_foreign = freeze-service\nforeign_rate = 1000/1440\nunusual_actor = none\n"
			  "unusual_service = 1/1\n");
	cr_expect_str_eq(config->alarm_command, "page 'somebody else'");
	cr_expect_eq(config->on_misfiled, SR_ON_MISFILED_FREEZE_PATIENT);
	cr_expect_eq(config->on_foreign, SR_ON_FOREIGN_FREEZE_SERVICE);
	cr_expect(config->foreign_rate.most == 1000 && config->foreign_rate.minutes == 1440);
	cr_expect_eq(config->unusual_actor.most, 0);
	cr_expect(config->unusual_service.most == 1 && config->unusual_service.minutes == 1);
	sr_config_free(config);
	config = accepted("[alarms]\non_misfiled = freeze-all\n");
	cr_expect_eq(config->on_misfiled, SR_ON_MISFILED_FREEZE_ALL);
	sr_config_free(config);
	refused("[alarms]\non_misfiled = freeze\n",
		"sealreel.ini:2: on_misfiled: must be alarm, freeze-patient or freeze-all");
	refused("[alarms]\non_foreign = freeze-all\n", "sealreel.ini:2: on_foreign: must be alarm or freeze-service");
	static const char *const rates[] = {"0/1",
					    "1/0",
					    "1001/1",
					    "1/1441",
					    "1",
					    "1/",
					    "/1",
					    "1/1 ",
					    "1/1x",
					    "-1/1",
					    "1 /1",
					    "None",
					    "99999999999999999999/1"};
	for (size_t at = 0; at < sizeof rates / sizeof *rates; at++) {
		struct sr_rate rate = {7, 8};
		cr_expect_not(sr_rate_parse(rates[at], &rate), "%s", rates[at]);
		cr_expect(rate.most == 7 && rate.minutes == 8);
	}
	refused("[alarms]\nforeign_rate = 5\n",
		"sealreel.ini:2: foreign_rate: must be N/MINUTES, 1 to 1000 and 1 to 1440, or none");
}

Test(config, malformed_lines)
{
	refused("keyring = a\n", "sealreel.ini:1: this stands before any section");
	refused("\n\n[shop]\n", "sealreel.ini:3: there is no section of that name");
	refused("[issuer]\n", "sealreel.ini:1: there is no section of that name");
	refused("[log]\n[store]\n[log]\n", "sealreel.ini:3: [log] is there twice");
	refused("[log\n", "sealreel.ini:1: this line is neither [section] nor name = value");
	refused("[log] level = info\n", "sealreel.ini:1: there is something behind the section's name");
	refused("[log]\nlevel\n", "sealreel.ini:2: this line is neither [section] nor name = value");
	refused("[log]\nlevel\nlevel = loud\n", "sealreel.ini:2: this line is neither [section] nor name = value");
	refused("[log]\nlevel = loud\nlevel\n", "sealreel.ini:2: level: must be error, warn, info or debug");
	refused("[log]\nlevel = alarm\n", "sealreel.ini:2: level: must be");
	refused("[log]\n= info\n", "sealreel.ini:2: [log] has no option of that name");
	refused("[log]\nlevels = info\n", "sealreel.ini:2: [log] has no option of that name");
	refused("[log]\nlevel = in\x01"
		"fo\n",
		"sealreel.ini:2: this line has a control character");
	refused_bytes("[log]\nlevel = info\0\n", 20, "sealreel.ini:2: this line has a control character");
	refused("[listen]\nunix = none\n", "sealreel.ini:2: there is nothing to listen on");
	refused("[listen]\ntcp = here\n", "sealreel.ini:2: tcp: must be HOST:PORT or none");
}

Test(config, blanks_comments_and_line_ends)
{
	struct sr_config *config = accepted("# one\r\n  ; two\r\n  [log] ; three\r\n\tlevel=debug ; four\r\n"
					    "[limits]\r\n idle_s : 7\r\n stall_s = 8");
	cr_expect_eq(config->log_level, SR_LOG_DEBUG);
	cr_expect_eq(config->idle_s, 7);
	cr_expect_eq(config->stall_s, 8);
	sr_config_free(config);
}

Test(config, long_lines)
{
	static char text[SR_CONFIG_LINE_MAX + 64];
	int size = snprintf(text, sizeof text, "[store]\nkeyring = /");
	size_t whole = strlen("[store]\n") + SR_CONFIG_LINE_MAX;
	memset(text + size, 'k', whole - (size_t)size);
	struct sr_config *config = accepted(text);
	cr_expect_eq(strlen(config->keyring), SR_CONFIG_LINE_MAX - strlen("keyring = "));
	sr_config_free(config);
	text[whole] = 'k';
	refused(text, "sealreel.ini:2: this line is too long");
}

Test(config, socket_paths_that_do_not_fit)
{
	char text[256], path[128];
	memset(path, 's', sizeof path);
	path[0] = '/';
	path[107] = '\0';
	snprintf(text, sizeof text, "[listen]\nunix = %s\n", path);
	struct sr_config *config = accepted(text);
	cr_expect_str_eq(config->listen_unix, path);
	sr_config_free(config);
	path[107] = 's';
	path[108] = '\0';
	snprintf(text, sizeof text, "[listen]\nunix = %s\n", path);
	refused(text, "sealreel.ini:2: unix: the path is too long");
}

Test(config, issuers_limits)
{
	struct sr_config *config = accepted(
		ISSUER("clinic", "https://id.example/a") "typ = at+jwt\n"
							 "identity_prefix = urn:a|  urn:b|\nscopes = list play\nroles "
							 "= patient, guardian\n"
							 "max_life_s = 900\nrecording_required = yes\nclaim_sub = "
							 "https://id\\.example/p\n"
							 "claim_scope = s\nclaim_act_sub = realm.act\nclaim_act_role = "
							 "r\nclaim_consultation = c\n"
							 "claim_recording = d\\\\e\n" ISSUER("b", "y"));
	cr_assert_eq(config->issuer_count, 2);
	const struct sr_issuer *issuer = &config->issuers[0];
	cr_expect_str_eq(issuer->iss, "https://id.example/a");
	cr_expect_str_eq(issuer->typ, "at+jwt");
	cr_assert_eq(issuer->prefix_count, 2);
	cr_expect_str_eq(issuer->prefixes[0], "urn:a|");
	cr_expect_str_eq(issuer->prefixes[1], "urn:b|");
	cr_expect_eq(issuer->scopes, SR_SCOPE_LIST | SR_SCOPE_PLAY);
	cr_expect_eq(issuer->roles, 1U << SR_ACT_PATIENT | 1U << SR_ACT_GUARDIAN);
	cr_expect_eq(issuer->life_max, 900);
	cr_expect(issuer->recording_required);
	cr_expect_str_eq(issuer->claims.sub, "https://id\\.example/p");
	cr_expect_str_eq(issuer->claims.scope, "s");
	cr_expect_str_eq(issuer->claims.act_sub, "realm.act");
	cr_expect_str_eq(issuer->claims.act_role, "r");
	cr_expect_str_eq(issuer->claims.consultation, "c");
	cr_expect_str_eq(issuer->claims.recording, "d\\\\e");
	/* Limits of one issuer are not another's. */
	cr_expect_eq(config->issuers[1].prefix_count, 0);
	cr_expect_eq(config->issuers[1].scopes, SR_SCOPE_RECORD | SR_SCOPE_LIST | SR_SCOPE_PLAY);
	cr_expect_null(config->issuers[1].claims.sub);
	sr_config_free(config);
}

Test(config, issuers_that_are_refused)
{
	refused("[issuer a]\njwks = keys.jwks\n[log]\n", "sealreel.ini:1: this section does not say iss");
	refused("\n[issuer a]\niss = x\n", "sealreel.ini:2: this section does not say jwks");
	refused(ISSUER("a", "x") ISSUER("a", "y"), "sealreel.ini:4: [issuer a] is there twice");
	refused(ISSUER("a", "x") ISSUER("b", "x"), "sealreel.ini:5: iss: is that of [issuer a] already");
	refused(ISSUER("A b", "x"), "sealreel.ini:1: an issuer's name is 1 to 32 of a-z 0-9 . _ -");
	refused(ISSUER("", "x"), "sealreel.ini:1: ");
	refused(ISSUER("a12345678901234567890123456789012", "x"), "sealreel.ini:1: an issuer's name is 1 to 32");
	refused(ISSUER("a", "x") "scopes = list fly\n", "sealreel.ini:4: scopes: must be some of");
	refused(ISSUER("a", "x") "scopes = list list\n", "sealreel.ini:4: scopes: must be some of");
	refused(ISSUER("a", "x") "roles = nobody\n", "sealreel.ini:4: roles: must be some of");
	refused(ISSUER("a", "x") "recording_required = true\n",
		"sealreel.ini:4: recording_required: must be yes or no");
	static const char *const paths[] = {".", "a.", ".a", "a..b", "a\\", "a\\b", "\\"};
	for (size_t at = 0; at < sizeof paths / sizeof *paths; at++) {
		char text[256];
		snprintf(text, sizeof text, ISSUER("a", "x") "claim_sub = %s\n", paths[at]);
		refused(text, "sealreel.ini:4: claim_sub: must be names separated by dots");
	}
	refused(ISSUER("a", "x") "identity_prefix = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
		"sealreel.ini:4: identity_prefix: must be at most 16 prefixes");
}

Test(config, as_many_issuers_as_there_is_room_for)
{
	static char text[16384];
	size_t size = 0;
	for (int at = 0; at < SR_ISSUERS_MAX; at++)
		size += (size_t)snprintf(text + size, sizeof text - size, ISSUER("i%d", "%d"), at, at);
	struct sr_config *config = accepted(text);
	cr_expect_eq(config->issuer_count, SR_ISSUERS_MAX);
	sr_config_free(config);
	snprintf(text + size, sizeof text - size, ISSUER("more", "more"));
	refused(text, "sealreel.ini:193: there are more than 64 issuers");
}

Test(config, key_sets_that_are_refused)
{
	refused("[issuer a]\niss = x\njwks = none.jwks\n", "sealreel.ini:3: jwks: cannot open ");
	put_file("keys.jwks", "{}", 2, 0600);
	refused(ISSUER("a", "x"), "sealreel.ini:3: jwks: ");
	put_file("keys.jwks", JWKS, strlen(JWKS), 0622);
	refused(ISSUER("a", "x"), "sealreel.ini:3: jwks: JWKS file ");
	put_file("keys.jwks", JWKS, strlen(JWKS), 0644);
	sr_config_free(accepted(ISSUER("a", "x")));
	static char big[SR_JWKS_FILE_MAX + 1];
	memset(big, ' ', sizeof big);
	put_file("keys.jwks", big, sizeof big, 0600);
	refused(ISSUER("a", "x"), "sealreel.ini:3: jwks: JWKS file ");
	put_file("keys.jwks", JWKS, strlen(JWKS), 0600);
	cr_assert_eq(rename(at_place("keys.jwks"), at_place("real.jwks")), 0);
	cr_assert_eq(symlink("real.jwks", at_place("keys.jwks")), 0);
	refused(ISSUER("a", "x"), "sealreel.ini:3: jwks: JWKS file ");
}

Test(config, files_that_are_refused)
{
	struct sr_config *config;
	struct sr_error err = {.text = ""};
	cr_expect_eq(sr_config_load(place, &config, &err), SR_IO);
	cr_expect_null(config);
	cr_expect_eq(sr_config_load(at_place("nowhere"), &config, &err), SR_IO);
	cr_expect_null(config);
	static const mode_t modes[] = {0620, 0602, 0622, 0666};
	for (size_t at = 0; at < sizeof modes / sizeof *modes; at++) {
		put_file("sealreel.ini", "", 0, modes[at]);
		cr_expect_eq(sr_config_load(place, &config, &err), SR_USAGE, "%o", modes[at]);
		cr_expect_null(config);
	}
	static char big[SR_CONFIG_FILE_MAX + 1];
	memset(big, '\n', sizeof big);
	refused_bytes(big, sizeof big, "configuration ");
	put_file("sealreel.ini", big, SR_CONFIG_FILE_MAX, 0644);
	cr_assert_eq(sr_config_load(place, &config, &err), SR_OK, "%s", err.text);
	sr_config_free(config);
}
