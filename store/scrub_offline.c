/*
 * Scrubbing a store that no daemon serves: a parent with the lock, a child that reads.
 */
#include "scrub_offline.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scrub_text.h"
#include "serve/daemon.h"
#include "serve/scrub/scrub.h"
#include "start.h"

#define LOOK_MS 200

/* The child's own exit statuses: an outcome or a code above these. Any other is not its own doing. */
enum { CHILD_DONE = 50, CHILD_FAILED = 100 };

static volatile sig_atomic_t asked;
static volatile pid_t reader; /* the child */

static void on_signal(int number)
{
	asked = 1;
	if (reader > 0)
		(void)kill(reader, number);
}

static void hear_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

/* ---- in the child ---- */

static void print_finding(void *context, const struct sr_finding *finding, uint32_t number)
{
	const struct sr_scrub_offline *order = context;
	char line[SR_SCRUB_LINE_MAX];
	(void)number;
	sr_finding_line(finding, order->json, line);
	puts(line);
	(void)fflush(stdout);
}

/* How things stand; the place points into `bytes`. */
static void look(struct sr_scrub *scrub, uint8_t bytes[SR_SCRUB_REPORT_MAX], struct sr_scrub_report *report)
{
	struct sr_builder out = sr_builder_over(bytes, SR_SCRUB_REPORT_MAX);
	sr_scrub_report(scrub, UINT32_MAX, &out);
	struct sr_cursor in = sr_cursor_over(bytes, out.used);
	sr_scrub_report_decode(&in, report);
}

static void follow(struct sr_scrub *scrub, bool progress, uint8_t bytes[SR_SCRUB_REPORT_MAX],
		   struct sr_scrub_report *report)
{
	while (!sr_scrub_wait(scrub, LOOK_MS)) {
		if (asked)
			sr_scrub_stop(scrub);
		look(scrub, bytes, report);
		if (progress)
			(void)fprintf(stderr, "\rscrub %llu rows, %.1f MiB, %u findings\033[K",
				      (unsigned long long)report->rows, (double)report->bytes / (1 << 20),
				      report->findings);
	}
	if (progress)
		(void)fputs("\r\033[K", stderr);
	look(scrub, bytes, report);
}

static enum sr_code scrub_all(const struct sr_scrub_offline *order, struct sr_daemon_parts *parts, int *status,
			      struct sr_error *err)
{
	static uint8_t bytes[SR_SCRUB_REPORT_MAX];
	uint8_t place[SR_SCRUB_PLACE_MAX];
	char line[SR_SCRUB_LINE_MAX];
	struct sr_scrub_report report;
	struct sr_scrub_start start = {.rate = order->rate, .after = {place, 0}};
	if (order->resume && !sr_scrub_place_parse(order->resume, place, &start.after.size))
		return SR_FAIL(err, SR_USAGE, "--resume is no place that a scrub gave");
	enum sr_code code = sr_store_open_data(parts, err);
	if (code != SR_OK)
		return code;
	struct sr_scrub_parts own = {.keyring = parts->keyring,
				     .index = parts->index,
				     .blobs = parts->blobs,
				     .hear = print_finding,
				     .context = (void *)(uintptr_t)order};
	struct sr_scrub *scrub = sr_scrub_new(&own);
	code = scrub ? sr_scrub_begin(scrub, &start, err) : SR_FAIL_MEMORY(err);
	if (code == SR_OK) {
		follow(scrub, !order->quiet && isatty(STDERR_FILENO), bytes, &report);
		sr_scrub_end_line(&report, order->json, line);
		if (order->json || !order->quiet)
			puts(line);
		*status = report.state == SR_SCRUB_STOPPED ? SR_SCRUB_INCOMPLETE
			  : report.findings > 0            ? SR_SCRUB_FOUND
							   : SR_SCRUB_CLEAN;
		if (fflush(stdout) != 0)
			code = SR_FAIL(err, SR_IO, "standard output cannot be written");
	}
	sr_scrub_free(scrub);
	return code;
}

/* Its failures reach the parent as a code, and people as the one line. */
static _Noreturn void be_child(const struct sr_scrub_offline *order, struct sr_daemon_parts *parts)
{
	struct sr_error err = {.text = ""};
	int status = SR_SCRUB_CLEAN;
	sr_process_dies_plainly(); /* by a page that cannot be read, or is damaged: the parent says so */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	enum sr_code code = scrub_all(order, parts, &status, &err);
	if (code != SR_OK)
		(void)fprintf(stderr, "sealreeld: %s\n", err.text);
	_exit(code == SR_OK ? CHILD_DONE + status : CHILD_FAILED + (int)code);
}

/* ---- in the parent ---- */

/* The child was ended by what it read: the index's map is the only thing there that can do so. */
static void tell_death(const struct sr_scrub_offline *order, int status)
{
	char text[SR_TEXT_MAX + 1], line[SR_SCRUB_LINE_MAX], how[64];
	struct sr_finding finding = {.kind = SR_FINDING_INDEX};
	if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof how, "by signal %d (%.40s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(how, sizeof how, "with status %d", WEXITSTATUS(status));
	(void)snprintf(text, sizeof text,
		       "reading the index ended the scrub %s: its own pages are damaged or cut; nothing was changed, "
		       "and what was found before stands",
		       how);
	finding.text = (struct sr_span){(const uint8_t *)text, strlen(text)};
	sr_finding_line(&finding, order->json, line);
	puts(line);
	(void)fflush(stdout);
}

static enum sr_code judge_end(const struct sr_scrub_offline *order, int status, enum sr_scrub_outcome *outcome,
			      struct sr_error *err)
{
	int own = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	if (own > CHILD_FAILED && own < CHILD_FAILED + SR_CODES) {
		/* The child has said why. */
		err->text[0] = '\0';
		return (enum sr_code)(own - CHILD_FAILED);
	}
	if (own >= CHILD_DONE && own <= CHILD_DONE + SR_SCRUB_INCOMPLETE) {
		*outcome = (enum sr_scrub_outcome)(own - CHILD_DONE);
		return SR_OK;
	}
	tell_death(order, status);
	*outcome = SR_SCRUB_FOUND;
	return SR_OK;
}

static enum sr_code with_child(const struct sr_scrub_offline *order, struct sr_daemon_parts *parts,
			       enum sr_scrub_outcome *outcome, struct sr_error *err)
{
	int status = 0;
	hear_signals();
	pid_t child = fork();
	if (child == 0)
		be_child(order, parts);
	if (child < 0)
		return SR_FAIL(err, SR_INTERNAL, "no process: %s", strerror(errno));
	reader = child;
	if (asked)
		(void)kill(child, SIGTERM);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	reader = 0;
	return judge_end(order, status, outcome, err);
}

enum sr_code sr_store_scrub(const struct sr_scrub_offline *order, enum sr_scrub_outcome *outcome, struct sr_error *err)
{
	struct sr_daemon_parts parts = {.config = NULL};
	bool development;
	int lock = -1;
	enum sr_code code = sr_store_take(order->directory, &parts, &lock, &development, err);
	if (code == SR_OK)
		code = with_child(order, &parts, outcome, err);
	sr_store_close(&parts, lock);
	return code;
}
