/*
 * bench-reads: a list and a play in turn, of one patient after another, so many each second, timed from when each is
 * due. It outlives the daemon: a read that met the loss of its connection is made again until it succeeds, and is told
 * apart from the others. One line for each on stdout: `list` or `play` (`list_cut`, `play_cut` for those), ms, and when
 * it was asked for, in seconds since 1970.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"
#include "tokens.h"

#define PAGE 50
#define RETRY_S 0.05
#define GIVE_UP_S 60.0

static const char usage[] =
	"usage: bench-reads GRANTS IDS PER-SECOND [COUNT]\n"
	"Line N of the ids is a recording of the patient of grant N. COUNT of each, or until ended.";

struct reads {
	struct bench_tokens grants;
	uint8_t (*ids)[SR_ID];
	size_t at;             /* whose turn it is */
	sr_blocking *blocking; /* NULL: the connection is lost */
	struct sr_result result;
};

static volatile sig_atomic_t over;

static void on_signal(int number)
{
	(void)number;
	over = 1;
}

static ssize_t give_grant(void *context, bool renewal, char *token, size_t capacity)
{
	struct reads *reads = context;
	(void)renewal;
	return bench_tokens_give(&reads->grants, reads->at, token, capacity);
}

static void pause_for(double seconds)
{
	const struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	if (seconds > 0)
		(void)nanosleep(&pause, NULL);
}

static enum sr_code connect_once(struct reads *reads)
{
	const struct sr_client_options options = {
		.server = getenv("SEALREEL_SERVER"),
		.credential = getenv("SEALREEL_CREDENTIAL"),
		.grant_callback = give_grant,
		.grant_context = reads,
	};
	return sr_blocking_open(&options, &reads->blocking, &reads->result);
}

static enum sr_code list_once(struct reads *reads)
{
	const struct sr_list_options page = {.limit = PAGE};
	struct sr_listing_info *listing = NULL;
	enum sr_code code = sr_blocking_list(reads->blocking, &page, &listing, &reads->result);
	if (code == SR_OK && listing->count == 0)
		bench_die("a list is empty");
	if (code == SR_OK)
		sr_listing_free(listing);
	return code;
}

/* All of its first track, which every such recording has; its bytes were opened and checked. */
static enum sr_code play_once(struct reads *reads)
{
	static uint8_t media[1 << 16];
	sr_player *player = NULL;
	size_t got = 0;
	enum sr_code code = sr_blocking_play_open(reads->blocking, reads->ids[reads->at], &player, &reads->result);
	if (code != SR_OK)
		return code;
	code = sr_blocking_read(reads->blocking, player, 1, 0, media, sizeof media, &got, &reads->result);
	if (code == SR_OK && got == 0)
		bench_die("a recording has no bytes");
	if (code == SR_OK)
		sr_player_close(player);
	return code; /* after a loss the player goes with its client */
}

/* Does a failure say no more than that the daemon is not there? */
static bool is_loss(enum sr_code code)
{
	/* A connection that ends in the middle of its handshake cannot be told from one that was refused. */
	return code == SR_UNAVAILABLE || code == SR_IO || code == SR_BUSY || code == SR_UNAUTHENTICATED;
}

/* One read, until it succeeds; its time in ms from `due` on. True if its connection was lost on the way. */
static bool read_once(struct reads *reads, enum sr_code (*read)(struct reads *), double due, double *ms)
{
	bool cut = false;
	enum sr_code code;
	while ((code = reads->blocking ? SR_OK : connect_once(reads)) != SR_OK || (code = read(reads)) != SR_OK) {
		if (!is_loss(code) || bench_now().wall - due > GIVE_UP_S)
			bench_must(code, read == list_once ? "list" : "play", &reads->result);
		if (reads->blocking)
			sr_blocking_close(reads->blocking);
		reads->blocking = NULL;
		cut = true;
		pause_for(RETRY_S);
	}
	*ms = (bench_now().wall - due) * 1e3;
	return cut;
}

static void read_ids(struct reads *reads, const char *path)
{
	char line[SR_ID_TEXT + 1];
	FILE *file = fopen(path, "re");
	reads->ids = calloc(reads->grants.count, SR_ID);
	if (!file || !reads->ids)
		bench_die("%s cannot be read", path);
	for (size_t at = 0; at < reads->grants.count; at++) {
		if (!fgets(line, sizeof line, file))
			bench_die("%s has fewer lines than there are grants", path);
		line[strcspn(line, "\n")] = '\0';
		if (!sr_id_parse(line, reads->ids[at]))
			bench_die("%s: line %zu is no id", path, at + 1);
	}
	(void)fclose(file);
}

static double since_1970(void)
{
	struct timespec time;
	(void)clock_gettime(CLOCK_REALTIME, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(struct reads *reads, double pace, size_t count)
{
	double due = bench_now().wall, ms;
	for (size_t turn = 0; !over && (count == 0 || turn < count); turn++) {
		reads->at = turn % reads->grants.count;
		for (int plays = 0; plays < 2; plays++) {
			pause_for(due - bench_now().wall);
			bool cut = read_once(reads, plays ? play_once : list_once, due, &ms);
			printf("%s%s %.3f %.3f\n", plays ? "play" : "list", cut ? "_cut" : "", ms,
			       since_1970() - ms / 1e3);
			/* What could not be asked for during a loss is left out, not asked for all at once. */
			due = (cut ? bench_now().wall : due) + 0.5 / pace;
		}
	}
}

int main(int argc, char **argv)
{
	static struct reads reads;
	const struct sigaction action = {.sa_handler = on_signal};
	double pace = argc >= 4 ? strtod(argv[3], NULL) : 0;
	size_t count = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	if (argc < 4 || argc > 5 || !(pace > 0) || (argc == 5 && count == 0))
		bench_die("%s", usage);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	bench_tokens_read(&reads.grants, argv[1]);
	read_ids(&reads, argv[2]);
	run(&reads, pace, count);
	if (reads.blocking)
		sr_blocking_close(reads.blocking);
	bench_tokens_free(&reads.grants);
	free(reads.ids);
	return 0;
}
