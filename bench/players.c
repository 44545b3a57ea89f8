/*
 * A load of players: one process and one loop, each player on a connection of its own. A player opens a recording,
 * watches somewhere in it at the recording's own pace, jumps a few times, closes it and goes on with another. One line
 * of NAME=VALUE words tells how long first bytes took, and how often a player had to stop because its bytes were late.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "data/thread.h"
#include "histogram.h"
#include "tokens.h"

#define PIECE_MS 1000 /* what a player asks for at a time, of media time; it keeps so much ahead */
#define WATCH_MIN 3   /* pieces between two jumps, at least and at most */
#define WATCH_MAX 12
#define WATCHES_MAX 4 /* of one recording: the first and up to three jumps */
#define PAUSE_MS 2000 /* between two recordings, at most */
#define ERRORS_TOLD 5
#define TRACK 1 /* of each recording, which has no other */

struct plan {
	unsigned players;
	double bits_per_second;
	double seconds;
	double spread; /* seconds within which they begin */
};

struct load;

struct player {
	struct load *load;
	sr_client *client;
	sr_player *open; /* NULL: none */
	size_t recording;
	uv_timer_t timer;
	unsigned watches;        /* that are left of this recording, the present one among them */
	unsigned pieces, played; /* of this watch: how many there are to be, and are there */
	uint64_t position, wanted;
	double asked_ms; /* when the watch was asked for */
	double began_ms; /* when playing began: piece N of the watch is due N * PIECE_MS later */
	double due_ms;   /* of the timer */
	bool jumped;
	bool waits_for_first;
};

struct load {
	struct plan plan;
	uv_loop_t loop;
	struct bench_tokens tokens;
	size_t recordings; /* as many as tokens, one of each token's patient */
	uint8_t (*ids)[SR_ID];
	const uint8_t *content; /* every recording is the same bytes */
	uint64_t length;
	size_t piece; /* bytes */
	struct player *players;
	unsigned connected, left;
	double end_ms;
	uint64_t bytes, pieces, stalls;
	unsigned errors;
	struct bench_histogram first, seek, read, stalled, late;
};

static double now_ms(void)
{
	return (double)uv_hrtime() / 1e6;
}

/* From `least` to `most`, all equally likely. */
static unsigned between(unsigned least, unsigned most)
{
	return least + (unsigned)((unsigned long)random() % (most - least + 1));
}

static void failed(struct player *player, const char *what, const struct sr_result *result)
{
	if (player->load->errors++ < ERRORS_TOLD)
		fprintf(stderr, "player: %s: %s: %s\n", what, sr_result_name(result->code), result->text);
}

/* ---- what a player does, and when ---- */

static void choose_recording(struct player *player);
static void read_piece(struct player *player);

static void player_closed(uv_handle_t *timer)
{
	struct player *player = timer->data;
	struct load *load = player->load;
	if (--load->left == 0)
		for (unsigned at = 0; at < load->plan.players; at++)
			sr_client_close(load->players[at].client, NULL, NULL);
}

static void on_timer(uv_timer_t *timer)
{
	struct player *player = timer->data;
	bench_histogram_add(&player->load->late, now_ms() - player->due_ms);
	if (player->open)
		read_piece(player);
	else
		choose_recording(player);
}

static void wait_until(struct player *player, double due_ms)
{
	double wait = ceil(due_ms) - (double)uv_now(&player->load->loop);
	player->due_ms = due_ms;
	(void)uv_timer_start(&player->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

/* Close what is open, and look at another recording in a while, or at none when the time is over. */
static void leave(struct player *player)
{
	if (player->open)
		sr_player_close(player->open);
	player->open = NULL;
	double next = now_ms() + between(0, PAUSE_MS);
	if (next < player->load->end_ms)
		wait_until(player, next);
	else
		uv_close((uv_handle_t *)&player->timer, player_closed);
}

/* ---- one piece ---- */

static void begin_watch(struct player *player, bool jumped)
{
	const struct load *load = player->load;
	player->jumped = jumped;
	player->waits_for_first = true;
	player->played = 0;
	player->pieces = between(WATCH_MIN, WATCH_MAX);
	player->position = (uint64_t)random() % (load->length - (uint64_t)player->pieces * load->piece + 1);
}

static void on_data(void *context, const uint8_t *data, size_t size)
{
	struct player *player = context;
	struct load *load = player->load;
	if (player->waits_for_first)
		bench_histogram_add(player->jumped ? &load->seek : &load->first, now_ms() - player->asked_ms);
	player->waits_for_first = false;
	if (size > load->length - player->position || memcmp(load->content + player->position, data, size) != 0)
		bench_die("a player was given other bytes than were recorded");
	player->position += size;
	load->bytes += size;
}

/* A piece is there: playing begins with the first, and stops where one is later than the end of the one before. */
static void account(struct player *player)
{
	struct load *load = player->load;
	double now = now_ms();
	load->pieces++;
	if (player->played++ == 0) {
		player->began_ms = now;
		return;
	}
	double stalled = now - (player->began_ms + (player->played - 1) * (double)PIECE_MS);
	if (stalled <= 0)
		return;
	load->stalls++;
	bench_histogram_add(&load->stalled, stalled);
	player->began_ms += stalled;
}

static void on_read(void *context, const struct sr_result *result, uint64_t bytes, bool finished)
{
	struct player *player = context;
	struct load *load = player->load;
	(void)finished;
	if (result->code != SR_OK || bytes != load->piece || player->position != player->wanted) {
		failed(player, "read", result);
		leave(player);
		return;
	}
	if (player->played > 0 || player->jumped)
		bench_histogram_add(&load->read, now_ms() - player->asked_ms);
	account(player);
	if (now_ms() >= load->end_ms || (player->played == player->pieces && --player->watches == 0)) {
		leave(player);
	} else if (player->played == player->pieces) {
		begin_watch(player, true);
		read_piece(player);
	} else {
		wait_until(player, player->began_ms + (player->played - 1) * (double)PIECE_MS);
	}
}

static struct sr_read_options next_piece(struct player *player)
{
	player->wanted = player->position + player->load->piece;
	return (struct sr_read_options){
		.track = TRACK, .from = player->position, .length = player->load->piece, .data = on_data};
}

static void read_piece(struct player *player)
{
	const struct sr_read_options options = next_piece(player);
	player->asked_ms = now_ms();
	enum sr_code code = sr_play_read(player->open, &options, on_read, player, NULL);
	if (code != SR_OK) {
		const struct sr_result result = {.code = code};
		failed(player, "read", &result);
		leave(player);
	}
}

/* ---- a recording ---- */

static void on_started(void *context, const struct sr_result *result, sr_player *opened)
{
	struct player *player = context;
	player->open = opened;
	if (result->code != SR_OK) {
		failed(player, "play", result);
		leave(player);
		return;
	}
	const struct sr_recording_info *info = sr_player_info(opened);
	if (info->track_count != 1 || info->tracks[0].track != TRACK || info->tracks[0].length != player->load->length)
		bench_die("a recording is not what was recorded");
}

static void choose_recording(struct player *player)
{
	struct load *load = player->load;
	player->recording = (size_t)random() % load->recordings;
	player->watches = between(1, WATCHES_MAX);
	begin_watch(player, false);
	player->asked_ms = now_ms();
	const struct sr_read_options options = next_piece(player);
	enum sr_code code = sr_play_start(player->client, load->ids[player->recording], &options, on_started, on_read,
					  player, NULL);
	if (code != SR_OK) {
		const struct sr_result result = {.code = code};
		failed(player, "play", &result);
		leave(player);
	}
}

/* ---- the run ---- */

static void on_lost(void *context, const struct sr_result *result)
{
	failed(context, "a connection was lost", result);
}

static void connect_next(struct load *load);

static void on_connected(void *context, const struct sr_result *result)
{
	struct player *player = context;
	bench_must(result->code, "connect", result);
	sr_client_on_lost(player->client, on_lost, player);
	connect_next(player->load);
}

/* One after the other: how many may be on their way at once is limited. */
static void connect_next(struct load *load)
{
	if (load->connected < load->plan.players) {
		struct player *player = &load->players[load->connected++];
		enum sr_code code = sr_connect(player->client, on_connected, player, NULL);
		if (code != SR_OK)
			bench_die("connect: %s", sr_result_name(code));
		return;
	}
	uv_update_time(&load->loop);
	double now = now_ms();
	load->end_ms = now + 1000 * load->plan.seconds;
	for (unsigned at = 0; at < load->plan.players; at++)
		wait_until(&load->players[at], now + between(0, (unsigned)(1000 * load->plan.spread)));
}

static ssize_t give_grant(void *context, bool renewal, char *token, size_t capacity)
{
	const struct player *player = context;
	(void)renewal;
	return bench_tokens_give(&player->load->tokens, player->recording, token, capacity);
}

static void make_players(struct load *load)
{
	struct sr_result result = {0};
	load->players = calloc(load->plan.players, sizeof *load->players);
	if (!load->players)
		bench_die("memory is used up");
	load->left = load->plan.players;
	for (unsigned at = 0; at < load->plan.players; at++) {
		struct player *player = &load->players[at];
		const struct sr_client_options options = {
			.server = getenv("SEALREEL_SERVER"),
			.credential = getenv("SEALREEL_CREDENTIAL"),
			.grant_callback = give_grant,
			.grant_context = player,
		};
		if (!options.credential)
			bench_die("SEALREEL_CREDENTIAL must be set");
		player->load = load;
		player->timer.data = player;
		bench_must(sr_client_new(&load->loop, &options, &player->client, &result), "client", &result);
		if (uv_timer_init(&load->loop, &player->timer) != 0)
			bench_die("the loop cannot be prepared");
	}
}

/* The id of a recording on each line. */
static void read_recordings(struct load *load, const char *path)
{
	char line[SR_ID_TEXT + 1];
	FILE *file = fopen(path, "re");
	load->ids = calloc(load->tokens.count, sizeof *load->ids);
	if (!file || !load->ids)
		bench_die("%s cannot be read", path);
	while (load->recordings < load->tokens.count && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!sr_id_parse(line, load->ids[load->recordings++]))
			bench_die("%s has a line that is no id", path);
	}
	(void)fclose(file);
	if (load->recordings < load->tokens.count)
		bench_die("%s has fewer recordings than there are tokens", path);
}

static void map_content(struct load *load, const char *path)
{
	struct stat status;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) != 0)
		bench_die("%s cannot be read", path);
	load->length = (uint64_t)status.st_size;
	load->piece = (size_t)(load->plan.bits_per_second / 8000 * PIECE_MS);
	if (load->length < WATCH_MAX * (uint64_t)load->piece)
		bench_die("%s is shorter than %d s", path, WATCH_MAX * PIECE_MS / 1000);
	void *content = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (content == MAP_FAILED)
		bench_die("%s cannot be mapped", path);
	load->content = content;
	(void)close(file);
}

static void tell_times(const char *name, const struct bench_histogram *times)
{
	printf(" %s_count=%" PRIu64 " %s_p50=%.2f %s_p99=%.2f %s_max=%.2f", name, times->count, name,
	       bench_histogram_at(times, 50), name, bench_histogram_at(times, 99), name, times->max);
}

static void tell(const struct load *load, double cpu)
{
	printf("players=%u bytes=%" PRIu64 " pieces=%" PRIu64 " stalls=%" PRIu64 " errors=%u client_cpu=%.3f",
	       load->plan.players, load->bytes, load->pieces, load->stalls, load->errors, cpu);
	tell_times("first", &load->first);
	tell_times("seek", &load->seek);
	tell_times("piece", &load->read);
	tell_times("stalled", &load->stalled);
	tell_times("late", &load->late);
	(void)putchar('\n');
}

/* ---- options ---- */

static const char usage[] = "usage: bench-players [--players N] [--rate BITS] [--seconds S] [--spread S]\n"
			    "                     FILE-OF-GRANTS FILE-OF-RECORDINGS SOURCE\n"
			    "Line N of the recordings belongs to grant N; each recording is SOURCE in one track.";

static const struct option names[] = {
	{"players", required_argument, NULL, 'n'},
	{"rate", required_argument, NULL, 'r'},
	{"seconds", required_argument, NULL, 's'},
	{"spread", required_argument, NULL, 'b'},
	{0},
};

static void read_option(struct plan *plan, int option)
{
	double value = option == '?' ? 0 : strtod(optarg, NULL);
	if (option == 'n' && value >= 1 && value <= 2000)
		plan->players = (unsigned)value;
	else if (option == 'r' && value >= 8000 && value <= 1e9)
		plan->bits_per_second = value;
	else if (option == 's' && value >= 1 && value <= 86400)
		plan->seconds = value;
	else if (option == 'b' && value >= 0 && value <= 3600)
		plan->spread = value;
	else
		bench_die("%s", usage);
}

int main(int argc, char **argv)
{
	static struct load load = {.plan = {.players = 100, .bits_per_second = 2e6, .seconds = 120, .spread = 5}};
	int option;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		read_option(&load.plan, option);
	if (argc != optind + 3)
		bench_die("%s", usage);
	(void)signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&load.loop) != 0)
		bench_die("the loop cannot be prepared");
	sr_thread_prompt(); /* a wait for its own turn is not the daemon's */
	bench_tokens_read(&load.tokens, argv[optind]);
	read_recordings(&load, argv[optind + 1]);
	map_content(&load, argv[optind + 2]);
	make_players(&load);
	struct bench_clock began = bench_now();
	connect_next(&load);
	(void)uv_run(&load.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&load.loop);
	struct bench_clock now = bench_now();
	tell(&load, (now.user - began.user + now.system - began.system) / (now.wall - began.wall));
	bench_tokens_free(&load.tokens);
	free(load.ids);
	free(load.players);
	return load.errors == 0 ? 0 : 1;
}
