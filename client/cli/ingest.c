/* `sealreel ingest` and `finish`: files and pipes become tracks of a recording. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/parse.h"
#include "cli/progress.h"
#include "cli/source.h"

#define SOURCES_MAX 64
#define RETRY_S 600

enum {
	KEY_TYPE = 1,
	KEY_LABEL,
	KEY_RECORDING,
	KEY_START_AT,
	KEY_NO_FINISH,
	KEY_RETRY,
	KEY_RESUME,
	KEY_TRACK,
	KEY_RETAIN
};

struct ingest {
	struct cli *cli;
	const char *type;
	const char *label;
	bool adds;      /* to a recording that is there */
	bool resumes;   /* a track of it */
	uint16_t track; /* which; 0: not said */
	bool no_finish;
	uint64_t start_ms;
	uint64_t retain_until_ms;
	uint8_t recording[SR_ID];
	const char *names[SOURCES_MAX];
	size_t count;
	struct source sources[SOURCES_MAX];
	sr_blocking *blocking;
	struct progress progress;
	uv_signal_t signals[2];
	bool interrupted;
};

static const struct argp_option options[] = {
	{"type", KEY_TYPE, "MIME", 0,
	 "The media type; else it is guessed from the file's name or first bytes, and application/octet-stream for "
	 "what "
	 "says nothing, such as a pipe",
	 1},
	{"label", KEY_LABEL, "TEXT", 0, "A label: of the new recording, or with --recording of the track", 1},
	{"recording", KEY_RECORDING, "ID", 0, "Add to this recording instead of making one", 1},
	{"start-at", KEY_START_AT, "S", 0, "Where in the recording the tracks start, in seconds (as 12.5)", 1},
	{"retain-until", KEY_RETAIN, "TIME", 0,
	 "Nobody may delete the new recording before: 2036-12-31 (its midnight, UTC) or 2036-12-31T09:30:00Z; a rule "
	 "of the store may keep it longer",
	 1},
	{"no-finish", KEY_NO_FINISH, NULL, 0, "Leave the recording unfinished: more will come", 1},
	{"retry", KEY_RETRY, "DURATION", 0,
	 "How long to try again when the connection is lost or the daemon is away (default 10m; 0: give up at once)",
	 1},
	{"resume", KEY_RESUME, "ID", 0, "Go on with a track of this recording, which FILE was recorded to before", 1},
	{"track", KEY_TRACK, "N", 0, "With --resume: the track's number (default 1)", 1},
	{0},
};

static error_t take_file(struct ingest *ingest, const char *name)
{
	if (ingest->count == SOURCES_MAX)
		return cli_wrong(ingest->cli, "there are more than %d files", SOURCES_MAX);
	ingest->names[ingest->count++] = name;
	return 0;
}

static error_t take_track(struct ingest *ingest, const char *value)
{
	uint64_t number;
	if (!parse_number(value, UINT16_MAX, &number) || number == 0)
		return cli_wrong(ingest->cli, "--track is no number from 1 to 65535");
	ingest->track = (uint16_t)number;
	return 0;
}

/* What fits together of what was said. */
static error_t judge(struct ingest *ingest)
{
	if (ingest->count == 0)
		return cli_wrong(ingest->cli, "there is no FILE");
	if (ingest->track != 0 && !ingest->resumes)
		return cli_wrong(ingest->cli, "--track goes with --resume");
	if (ingest->adds && ingest->retain_until_ms != 0)
		return cli_wrong(ingest->cli, "--retain-until is said when a recording is made");
	if (ingest->resumes && (ingest->count > 1 || ingest->type || ingest->label || ingest->start_ms != 0))
		return cli_wrong(ingest->cli, "--resume takes one FILE, and no new type, label or start");
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct ingest *ingest = state->input;
	switch (key) {
	case KEY_TYPE:
		ingest->type = value;
		return 0;
	case KEY_LABEL:
		ingest->label = value;
		return 0;
	case KEY_RECORDING:
		ingest->adds = true;
		return sr_id_parse(value, ingest->recording) ? 0 : cli_wrong(ingest->cli, "--recording is not an id");
	case KEY_START_AT:
		return parse_offset(value, &ingest->start_ms) ? 0 : cli_wrong(ingest->cli, "--start-at is no time");
	case KEY_RETAIN:
		return parse_time(value, &ingest->retain_until_ms) && ingest->retain_until_ms != 0
			       ? 0
			       : cli_wrong(ingest->cli, "--retain-until is no time");
	case KEY_NO_FINISH:
		ingest->no_finish = true;
		return 0;
	case KEY_RETRY:
		return cli_take_retry(ingest->cli, value);
	case KEY_RESUME:
		ingest->adds = ingest->resumes = true;
		return sr_id_parse(value, ingest->recording) ? 0 : cli_wrong(ingest->cli, "--resume is not an id");
	case KEY_TRACK:
		return take_track(ingest, value);
	case ARGP_KEY_ARG:
		return take_file(ingest, value);
	case ARGP_KEY_END:
		return judge(ingest);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE...",
	.doc = "Record files, each as a track of one recording; \"-\" is standard input. What comes is sent at once.\v"
	       "Prints the recording's id alone on a line as soon as it is open, then records until the files end and "
	       "finishes the recording. On SIGINT or SIGTERM what was read is made durable, the recording stays "
	       "unfinished, and the status is 6; a second one ends it at once.\n\n"
	       "When the connection is lost, or the daemon ends and comes back, the recording goes on from what is "
	       "durable without a gap or a repeat; what the grant's end then allows, the store's record_grace says. If "
	       "nothing comes of that for --retry, the status is 6, and --resume goes on with a FILE from what is "
	       "durable of it.\n\nExample:\n\n"
	       "  ffmpeg -i rtsp://camera -c copy -f webm - | sealreel ingest --type video/webm -\n",
};

static uint64_t all_durable(const struct ingest *ingest)
{
	uint64_t durable = 0;
	for (size_t i = 0; i < ingest->count; i++)
		durable += ingest->sources[i].durable;
	return durable;
}

static void on_changed(void *context)
{
	struct ingest *ingest = context;
	progress_show(&ingest->progress, all_durable(ingest));
}

static void end_all(struct ingest *ingest)
{
	for (size_t i = 0; i < ingest->count; i++)
		source_end(&ingest->sources[i]);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct ingest *ingest = handle->data;
	/* With the daemon away the first may take as long as --retry says. */
	if (ingest->interrupted) {
		(void)uv_signal_stop(handle);
		(void)raise(number);
	}
	ingest->interrupted = true;
	end_all(ingest);
}

/* The connection is lost and tried again, or stands again (SR_OK). */
static void on_trying(void *context, const struct sr_result *result)
{
	struct ingest *ingest = context;
	if (ingest->cli->quiet)
		return;
	progress_clear(&ingest->progress);
	cli_say_trying(result);
}

/* Open every file before anything is made in the store. */
static int open_sources(struct ingest *ingest)
{
	uint64_t total = 0;
	bool known = true;
	for (size_t i = 0; i < ingest->count; i++)
		ingest->sources[i].fd = -1;
	for (size_t i = 0; i < ingest->count; i++) {
		struct source *source = &ingest->sources[i];
		if (!source_open(source, ingest->names[i]))
			return cli_fail_text(SR_IO, "%.128s cannot be read: %s", ingest->names[i], strerror(errno));
		source->changed = on_changed;
		source->context = ingest;
		known = known && source->is_file;
		total += source->size;
	}
	progress_start(&ingest->progress, "recording", known ? total : 0, ingest->cli->quiet);
	return CLI_DONE;
}

/* It ends before its time, and the recording is there. */
static int fail_incomplete(const struct ingest *ingest, const struct sr_result *result)
{
	char id[SR_ID_TEXT];
	char next[128];
	sr_id_format(ingest->recording, id);
	(void)snprintf(next, sizeof next,
		       "recording %s stays as far as it is durable: go on with --resume, or finish it", id);
	return cli_fail_incomplete(result, next);
}

/* Make or name the recording, and print its id. */
static int open_recording(struct ingest *ingest)
{
	char id[SR_ID_TEXT];
	struct sr_result result;
	struct sr_recording_options recording = {.label = ingest->label, .retain_until_ms = ingest->retain_until_ms};
	if (!ingest->adds) {
		sr_id_new(ingest->recording);
		memcpy(recording.recording, ingest->recording, SR_ID);
		if (sr_blocking_record_open(ingest->blocking, &recording, &result) != SR_OK)
			return cli_fail(&result);
	}
	sr_id_format(ingest->recording, id);
	if (puts(id) == EOF || fflush(stdout) != 0)
		return cli_fail_output();
	return CLI_DONE;
}

/* Go on with the track that the file was recorded to before. */
static int resume_track(struct ingest *ingest)
{
	struct source *source = &ingest->sources[0];
	struct sr_result result;
	sr_writer *writer;
	uint16_t track = ingest->track ? ingest->track : 1;
	if (!source->is_file)
		return cli_fail_text(SR_USAGE, "only a file can be gone on with: a pipe does not come again");
	if (sr_blocking_track_resume(ingest->blocking, ingest->recording, track, &writer, &result) != SR_OK)
		return cli_fail(&result);
	if (!source_skip(source, sr_writer_durable(writer)))
		return cli_fail_text(SR_CONFLICT, "more of the track is stored than the file has");
	enum sr_code code = source_start(source, sr_blocking_loop(ingest->blocking), writer);
	return code == SR_OK ? CLI_DONE : cli_fail_text(code, "the file cannot be watched");
}

static int open_tracks(struct ingest *ingest)
{
	for (size_t i = 0; i < ingest->count; i++) {
		struct source *source = &ingest->sources[i];
		struct sr_result result;
		sr_writer *writer;
		struct sr_track_options track = {.start_ms = ingest->start_ms, .media_type = ingest->type};
		memcpy(track.recording, ingest->recording, SR_ID);
		if (!track.media_type)
			track.media_type = guess_media_type(source->front, source->front_size, source->name);
		if (ingest->adds)
			track.label = ingest->label;
		if (sr_blocking_track_open(ingest->blocking, &track, &writer, &result) != SR_OK)
			return result.code == SR_UNAVAILABLE ? fail_incomplete(ingest, &result) : cli_fail(&result);
		enum sr_code code = source_start(source, sr_blocking_loop(ingest->blocking), writer);
		if (code != SR_OK)
			return cli_fail_text(code, "the file cannot be watched");
	}
	return CLI_DONE;
}

/* The first source that failed; NULL while none has. *over (out): none is under way. */
static const struct source *look(const struct ingest *ingest, bool *over)
{
	const struct source *failed = NULL;
	*over = true;
	for (size_t i = 0; i < ingest->count; i++) {
		*over = *over && ingest->sources[i].over;
		if (!failed && ingest->sources[i].over && ingest->sources[i].result.code != SR_OK)
			failed = &ingest->sources[i];
	}
	return failed;
}

/* Record until all is durable, or something fails: the rest is made durable then. */
static int record(struct ingest *ingest)
{
	const struct source *failed;
	bool over;
	while (failed = look(ingest, &over), !over) {
		if (failed)
			end_all(ingest);
		(void)uv_run(sr_blocking_loop(ingest->blocking), UV_RUN_ONCE);
	}
	progress_end(&ingest->progress);
	if (failed && (all_durable(ingest) > 0 || failed->result.code == SR_UNAVAILABLE))
		return fail_incomplete(ingest, &failed->result);
	if (failed)
		return cli_fail(&failed->result);
	if (ingest->interrupted)
		return fail_incomplete(ingest, &(struct sr_result){.code = SR_UNAVAILABLE, .text = "interrupted"});
	return CLI_DONE;
}

/* Finish the recording; that all of it is durable is no less true if nobody is there to finish it. */
static int finish_all(struct ingest *ingest)
{
	struct sr_result result;
	if (sr_blocking_finish(ingest->blocking, ingest->recording, &result) == SR_OK)
		return CLI_DONE;
	return result.code == SR_UNAVAILABLE ? fail_incomplete(ingest, &result) : cli_fail(&result);
}

static int finish(sr_blocking *blocking, const uint8_t recording[SR_ID])
{
	struct sr_result result;
	return sr_blocking_finish(blocking, recording, &result) == SR_OK ? CLI_DONE : cli_fail(&result);
}

static void watch_signals(struct ingest *ingest)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	for (size_t i = 0; i < 2; i++) {
		(void)uv_signal_init(sr_blocking_loop(ingest->blocking), &ingest->signals[i]);
		ingest->signals[i].data = ingest;
		(void)uv_signal_start(&ingest->signals[i], on_signal, numbers[i]);
	}
}

static int run(struct ingest *ingest)
{
	int status = open_sources(ingest);
	if (status == CLI_DONE)
		ingest->blocking = cli_connect(ingest->cli, &status);
	if (!ingest->blocking)
		return status;
	sr_client_on_trying(sr_blocking_client(ingest->blocking), on_trying, ingest);
	watch_signals(ingest);
	status = open_recording(ingest);
	if (status == CLI_DONE)
		status = ingest->resumes ? resume_track(ingest) : open_tracks(ingest);
	if (status == CLI_DONE)
		status = record(ingest);
	if (status == CLI_DONE && !ingest->no_finish)
		status = finish_all(ingest);
	for (size_t i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&ingest->signals[i], NULL);
	return status;
}

int cli_ingest(struct cli *cli, int argc, char **argv)
{
	static struct ingest ingest;
	ingest.cli = cli;
	cli->reconnect_ms = RETRY_S * 1000u;
	int status = cli_parse(cli, &argp, argc, argv, &ingest);
	if (status >= 0)
		return status;
	status = run(&ingest);
	for (size_t i = 0; i < ingest.count; i++)
		source_close(&ingest.sources[i]);
	sr_blocking_close(ingest.blocking);
	return status;
}

static error_t parse_finish(int key, char *value, struct argp_state *state)
{
	struct ingest *ingest = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		if (ingest->adds || !sr_id_parse(value, ingest->recording))
			return cli_wrong(ingest->cli, "finish takes one recording's id");
		ingest->adds = true;
		return 0;
	case ARGP_KEY_END:
		return ingest->adds ? 0 : cli_wrong(ingest->cli, "there is no RECORDING");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp finish_argp = {
	.parser = parse_finish,
	.args_doc = "RECORDING",
	.doc = "Finish a recording: it never opens again.\vA recording that is finished already stays as it is, and "
	       "the "
	       "status is 0. 5: a track is still being written.\n\nExample:\n\n"
	       "  sealreel finish 01936f6e-8c3a-7000-8000-000000000001\n",
};

int cli_finish(struct cli *cli, int argc, char **argv)
{
	static struct ingest ingest;
	ingest.cli = cli;
	int status = cli_parse(cli, &finish_argp, argc, argv, &ingest);
	if (status >= 0)
		return status;
	sr_blocking *blocking = cli_connect(cli, &status);
	if (blocking)
		status = finish(blocking, ingest.recording);
	sr_blocking_close(blocking);
	return status;
}
