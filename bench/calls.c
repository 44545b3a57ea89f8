/*
 * A load of calls: one process and one loop of libsealreel's asynchronous face, recording many calls at once at a
 * steady pace, and how long their bytes take to be durable. Results on stdout, a line of NAME=VALUE words each: `begin`
 * and `end` when the pace begins and ends, a `window` for every few seconds, and the `total`.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "common.h"

#define CONTENT ((size_t)1048583) /* a prime, so that a piece that is misplaced by a round number shows */
#define ERRORS_TOLD 5

static uint8_t content[CONTENT + LOAD_PIECE];
static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

double load_random(void)
{
	return (double)(random_next() >> 11) / 9007199254740992.0;
}

double load_ms(void)
{
	return (double)uv_hrtime() / 1e6;
}

const uint8_t *load_content(const struct track *track, uint64_t position)
{
	const struct call *call = track->call;
	uint64_t own = 2u * call->number + (track != call->tracks);
	return content + (own * 65537 + position) % CONTENT;
}

static void make_content(void)
{
	for (size_t at = 0; at < CONTENT; at++)
		content[at] = (uint8_t)(random_next() >> 32);
	memcpy(content + CONTENT, content, LOAD_PIECE);
}

void load_error(struct load *load, const char *what, const struct sr_result *result)
{
	if (load->errors++ < ERRORS_TOLD)
		fprintf(stderr, "%s: %s: %s\n", what, sr_result_name(result->code), result->text);
}

/* ---- what came of it ---- */

static void tell_times(const char *name, const struct bench_histogram *histogram)
{
	printf(" %s_count=%" PRIu64 " %s_p50=%.1f %s_p95=%.1f %s_p99=%.1f %s_max=%.1f", name, histogram->count, name,
	       bench_histogram_at(histogram, 50), name, bench_histogram_at(histogram, 95), name,
	       bench_histogram_at(histogram, 99), name, histogram->max);
}

static void tell(const struct load *load)
{
	const struct plan *plan = &load->plan;
	for (unsigned at = 0; at < load->window_count; at++) {
		printf("window from=%.0f to=%.0f", plan->window * at, plan->window * (at + 1));
		tell_times("ack", &load->windows[at]);
		(void)putchar('\n');
	}
	printf("total streams=%u connections=%u seconds=%.1f bytes=%" PRIu64 " mbit=%.1f", plan->calls,
	       load->connection_count, plan->seconds, load->bytes, (double)load->bytes * 8e-6 / plan->seconds);
	printf(" recordings=%u errors=%u writes=%" PRIu64 " held_back=%" PRIu64 " checked=%u client_cpu=%.3f",
	       load->finished, load->errors, load->writes, load->held_back, load->calls_checked, load->cpu);
	tell_times("ack", &load->ack);
	tell_times("late", &load->late);
	tell_times("open", &load->opening);
	(void)putchar('\n');
}

/* ---- the run ---- */

void load_checked(struct load *load)
{
	for (unsigned at = 0; at < load->connection_count; at++)
		sr_client_close(load->connections[at].client, NULL, NULL);
}

void call_over(struct load *load)
{
	if (--load->calls_left == 0)
		check_begin(load);
}

static void say(const char *what)
{
	puts(what);
	(void)fflush(stdout);
}

static struct bench_clock pace_began;

static void on_pace_over(uv_timer_t *timer)
{
	struct load *load = timer->data;
	struct bench_clock now = bench_now();
	load->cpu = (now.user - pace_began.user + now.system - pace_began.system) / (now.wall - pace_began.wall);
	say("end");
	uv_close((uv_handle_t *)timer, NULL);
}

static void begin(struct load *load)
{
	static uv_timer_t pace;
	say("begin");
	pace_began = bench_now();
	uv_update_time(load->loop);
	load->began_ms = load_ms();
	load->end_ms = load->began_ms + 1000 * load->plan.seconds;
	pace.data = load;
	if (uv_timer_init(load->loop, &pace) != 0 ||
	    uv_timer_start(&pace, on_pace_over, (uint64_t)(1000 * load->plan.seconds), 0) != 0)
		bench_die("the loop cannot be prepared");
	for (unsigned at = 0; at < load->plan.calls; at++)
		call_begin(&load->calls[at]);
}

static void on_lost(void *context, const struct sr_result *result)
{
	const struct connection *connection = context;
	load_error(connection->load, "a connection was lost", result);
}

static void connect_next(struct load *load);

static void on_connected(void *context, const struct sr_result *result)
{
	struct connection *connection = context;
	bench_must(result->code, "connect", result);
	sr_client_on_lost(connection->client, on_lost, connection);
	connect_next(connection->load);
}

/* One after the other: how many may be on their way at once is limited. */
static void connect_next(struct load *load)
{
	if (load->connected == load->connection_count) {
		begin(load);
		return;
	}
	struct connection *connection = &load->connections[load->connected++];
	enum sr_code code = sr_connect(connection->client, on_connected, connection, NULL);
	if (code != SR_OK)
		bench_die("connect: %s", sr_result_name(code));
}

/* ---- what there is to run ---- */

static ssize_t give_grant(void *context, bool renewal, char *token, size_t capacity)
{
	const struct connection *connection = context;
	if (renewal)
		return -1; /* one connection has the grants of several calls, and a call is over before its grant is */
	return bench_tokens_give(&connection->load->grants, connection->grant, token, capacity);
}

static void *make(size_t count, size_t size)
{
	void *made = calloc(count, size);
	if (!made)
		bench_die("memory is used up");
	return made;
}

static void make_connections(struct load *load)
{
	const struct plan *plan = &load->plan;
	struct sr_result result = {0};
	load->connection_count = (plan->calls + plan->per_connection - 1) / plan->per_connection;
	load->connections = make(load->connection_count, sizeof *load->connections);
	for (unsigned at = 0; at < load->connection_count; at++) {
		struct connection *connection = &load->connections[at];
		const struct sr_client_options options = {
			.server = getenv("SEALREEL_SERVER"),
			.credential = getenv("SEALREEL_CREDENTIAL"),
			.grant_callback = give_grant,
			.grant_context = connection,
			.reconnect_ms = (uint32_t)(1000 * plan->reconnect),
		};
		if (!options.credential)
			bench_die("SEALREEL_CREDENTIAL must be set");
		connection->load = load;
		bench_must(sr_client_new(load->loop, &options, &connection->client, &result), "client", &result);
	}
}

static void make_calls(struct load *load)
{
	load->calls = make(load->plan.calls, sizeof *load->calls);
	load->calls_left = load->plan.calls;
	for (unsigned at = 0; at < load->plan.calls; at++) {
		struct call *call = &load->calls[at];
		call->load = load;
		call->number = at;
		call->connection = &load->connections[at / load->plan.per_connection];
		call->grant = at % load->grants.count;
		sr_id_new(call->recording);
		call->timer.data = call;
		for (size_t track = 0; track < TRACKS_MAX; track++)
			call->tracks[track].call = call;
		if (uv_timer_init(load->loop, &call->timer) != 0)
			bench_die("the loop cannot be prepared");
	}
	load->window_count = (unsigned)((load->plan.seconds + load->plan.window - 1) / load->plan.window);
	if (load->window_count > WINDOWS_MAX)
		bench_die("so many windows are too many");
	load->windows = make(load->window_count, sizeof *load->windows);
}

static void release(struct load *load)
{
	for (unsigned at = 0; at < load->plan.calls; at++)
		for (size_t track = 0; track < TRACKS_MAX; track++)
			free(load->calls[at].tracks[track].ranges);
	bench_tokens_free(&load->grants);
	free(load->calls);
	free(load->connections);
	free(load->windows);
}

/* ---- options ---- */

static const char usage[] =
	"usage: bench-calls [--streams N] [--per-connection N] [--rate BITS] [--seconds S] [--call S] [--spread S]\n"
	"                   [--write MS] [--switching PERCENT] [--check N] [--window S]\n"
	"                   [--reconnect S] FILE-OF-GRANTS";

static const struct option names[] = {
	{"streams", required_argument, NULL, 'n'},   {"per-connection", required_argument, NULL, 'c'},
	{"rate", required_argument, NULL, 'r'},      {"seconds", required_argument, NULL, 's'},
	{"spread", required_argument, NULL, 'b'},    {"write", required_argument, NULL, 'w'},
	{"switching", required_argument, NULL, 'a'}, {"check", required_argument, NULL, 'k'},
	{"window", required_argument, NULL, 'v'},    {"call", required_argument, NULL, 'l'},
	{"reconnect", required_argument, NULL, 'o'}, {0},
};

static double number(const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value >= least && value <= most))
		bench_die("%s is not a number from %g to %g\n%s", text, least, most, usage);
	return value;
}

static void read_option(struct plan *plan, int option)
{
	switch (option) {
	case 'n':
		plan->calls = (unsigned)number(optarg, 1, 100000);
		break;
	case 'c': /* a session has 64 streams, and a call two while it goes from one track to the next */
		plan->per_connection = (unsigned)number(optarg, 1, 32);
		break;
	case 'r':
		plan->bits_per_second = number(optarg, 80, 1e9);
		break;
	case 's':
		plan->seconds = number(optarg, 1, 86400);
		break;
	case 'b':
		plan->spread = number(optarg, 0, 3600);
		break;
	case 'w':
		plan->write_ms = number(optarg, 1, 10000);
		break;
	case 'a':
		plan->switching = (unsigned)number(optarg, 0, 100);
		break;
	case 'k':
		plan->checked = (unsigned)number(optarg, 0, 100000);
		break;
	case 'l':
		plan->call_seconds = number(optarg, 10, 1800);
		break;
	case 'o':
		plan->reconnect = number(optarg, 0, 3600);
		break;
	case 'v':
		plan->window = number(optarg, 1, 86400);
		break;
	default:
		bench_die("%s", usage);
	}
}

int main(int argc, char **argv)
{
	static uv_loop_t loop;
	struct load load = {
		.plan = {.calls = 1000,
			 .per_connection = 20,
			 .bits_per_second = 2e6,
			 .seconds = 120,
			 .spread = 5,
			 .write_ms = 100,
			 .switching = 10,
			 .checked = 20,
			 .window = 10},
		.loop = &loop,
	};
	int option;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		read_option(&load.plan, option);
	/* What is asked again after a loss asks for its grant again, which only one call's connection can tell. */
	if (load.plan.reconnect > 0 && load.plan.per_connection != 1)
		bench_die("--reconnect needs --per-connection 1");
	if (argc != optind + 1 || load.plan.spread >= load.plan.seconds || load.plan.checked > load.plan.calls)
		bench_die("%s", usage);
	(void)signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&loop) != 0)
		bench_die("the loop cannot be prepared");
	make_content();
	bench_tokens_read(&load.grants, argv[optind]);
	make_connections(&load);
	make_calls(&load);
	connect_next(&load);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&loop);
	tell(&load);
	release(&load);
	/* Every byte taken is acknowledged, and the sample is right; a failure has been told. */
	return load.errors == 0 && load.ack.count == load.writes && load.calls_checked == load.plan.checked ? 0 : 1;
}
