/*
 * What becomes of each call. The environment says it:
 *
 *   FAULT_ROOT      the store's directory: files elsewhere are let alone
 *   FAULT_CONTROL   a file that the test shares with the daemon: four numbers of 8 bytes, which are how many calls were
 *                   counted, how many got a fault, not 0 while faults are off, and how many entries the trace has;
 *                   then 224 bytes for the name and the path of the last call that got a fault
 *   FAULT           kill (before the call), tear (half of it, then kill), EIO, ENOSPC, EINTR, ENOMEM, short,
 *                   skip (it does nothing and claims success), deny (it is done and said to have failed with EIO;
 *                   only of write-synced)
 *   FAULT_AT        the number of the call that gets it, from 1; FAULT_EVERY: this one and each n-th after it
 *   FAULT_CALL      count only these calls, by the names below with commas, or allocations of memory: allocate
 *   FAULT_PATH      count only calls of paths that contain this
 *   FAULT_SKIP      CALL:PATH,... these calls do nothing and claim success; a path ending in / stands for all below it
 *   FAULT_LATE      CALL:PATH,... fdatasyncs that count as done only after the index has been committed
 *   FAULT_TRACE     a file for the trace
 *
 * Standard error and whatever is neither of the store nor a socket (wake-ups of the loop) are let alone.
 */
#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const verb_names[SR_VERBS] = {
	[SR_WRITE] = "write",
	[SR_WRITE_SYNCED] = "write-synced",
	[SR_SEND] = "send",
	[SR_FSYNC] = "fsync",
	[SR_FSYNC_DIRECTORY] = "fsync-directory",
	[SR_FDATASYNC] = "fdatasync",
	[SR_SYNCFS] = "syncfs",
	[SR_TRUNCATE] = "truncate",
	[SR_CREATE] = "create",
	[SR_RENAME] = "rename",
	[SR_UNLINK] = "unlink",
	[SR_MKDIR] = "mkdir",
};

struct control {
	_Atomic uint64_t counted, hits, off, traced;
	char hit[224];
};

static struct {
	const char *root, *calls, *path, *skip, *late;
	struct control *control;
	enum sr_fault fault;
	bool kills;
	int error;
	uint64_t at, every;
	bool allocations;
} plan;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER; /* of the trace */

/* ---- the plan ---- */

static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : 0;
}

static void read_fault(const char *name)
{
	static const struct {
		const char *name;
		enum sr_fault fault;
		bool kills;
		int error;
	} known[] = {
		{"kill", SR_FAIL, true, 0},         {"tear", SR_TEAR, true, 0},
		{"short", SR_SHORT, false, 0},      {"EIO", SR_FAIL, false, EIO},
		{"ENOSPC", SR_FAIL, false, ENOSPC}, {"EINTR", SR_FAIL, false, EINTR},
		{"ENOMEM", SR_FAIL, false, ENOMEM}, {"deny", SR_DENY, false, EIO},
		{"skip", SR_SKIP, false, 0},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(known[i].name, name) != 0)
			continue;
		plan.fault = known[i].fault;
		plan.kills = known[i].kills;
		plan.error = known[i].error;
		return;
	}
	abort();
}

static void read_plan(void)
{
	const char *control = getenv("FAULT_CONTROL"), *fault = getenv("FAULT");
	plan.root = getenv("FAULT_ROOT");
	plan.calls = getenv("FAULT_CALL");
	plan.path = getenv("FAULT_PATH");
	plan.skip = getenv("FAULT_SKIP");
	plan.late = getenv("FAULT_LATE");
	plan.at = number_of("FAULT_AT");
	plan.every = number_of("FAULT_EVERY");
	plan.allocations = plan.calls && strcmp(plan.calls, "allocate") == 0;
	if (fault)
		read_fault(fault);
	if (control) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDWR | O_CLOEXEC, 0);
		void *shared = mmap(NULL, sizeof *plan.control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (fd < 0 || shared == MAP_FAILED)
			abort();
		(void)close(fd);
		plan.control = shared;
		sr_trace_count_at(&plan.control->traced);
	}
	sr_trace_open();
}

/* Is `name` one of the names in `list`, which commas part? */
static bool listed(const char *list, const char *name)
{
	size_t size = strlen(name);
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
			return true;
	}
	return false;
}

/* Does an element CALL:PATH of the list fit this call? */
static bool fits(const char *list, const struct sr_call *call)
{
	size_t size = strlen(verb_names[call->verb]);
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, verb_names[call->verb], size) != 0 || at[size] != ':')
			continue;
		const char *path = at + size + 1;
		size_t path_size = strcspn(path, ",");
		bool below = path_size > 0 && path[path_size - 1] == '/';
		if (strncmp(call->path, path, path_size) == 0 && (below || call->path[path_size] == '\0'))
			return true;
	}
	return false;
}

/* Counts a call that the plan is about, and says whether its turn has come. */
static bool is_turn(void)
{
	uint64_t number = atomic_fetch_add(&plan.control->counted, 1) + 1;
	if (plan.at == 0 || number < plan.at || atomic_load(&plan.control->off))
		return false;
	return number == plan.at || (plan.every > 0 && (number - plan.at) % plan.every == 0);
}

static bool is_hit(const struct sr_call *call)
{
	return plan.control && (!plan.calls || listed(plan.calls, verb_names[call->verb])) &&
	       (!plan.path || strstr(call->path, plan.path)) && is_turn();
}

/* Memory is asked for before the environment is there. */
__attribute__((constructor)) static void begin_early(void)
{
	(void)pthread_once(&once, read_plan);
}

bool sr_allocation_fails(const void *caller)
{
	Dl_info place;
	if (!plan.allocations || !plan.control || !is_turn())
		return false;
	bool known = dladdr(caller, &place) != 0 && place.dli_fname != NULL;
	const char *name = known ? strrchr(place.dli_fname, '/') : NULL;
	(void)snprintf(plan.control->hit, sizeof plan.control->hit, "allocate %.100s+0x%lx", name ? name + 1 : "?",
		       known ? (unsigned long)((const char *)caller - (const char *)place.dli_fbase) : 0);
	atomic_fetch_add(&plan.control->hits, 1);
	return true;
}

void sr_call_die(void)
{
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

static void choose(struct sr_call *call)
{
	bool moves = call->verb == SR_WRITE || call->verb == SR_WRITE_SYNCED || call->verb == SR_SEND;
	call->fault = SR_PASS;
	if (!call->watched)
		return;
	if (fits(plan.skip, call)) {
		call->fault = SR_SKIP;
	} else if (fits(plan.late, call)) {
		call->fault = SR_LATE;
	} else if (is_hit(call)) {
		(void)snprintf(plan.control->hit, sizeof plan.control->hit, "%s %.190s", verb_names[call->verb],
			       call->path);
		atomic_fetch_add(&plan.control->hits, 1);
		if (plan.kills && (plan.fault == SR_FAIL || !moves))
			sr_call_die();
		if (plan.fault != SR_SHORT || moves)
			call->fault = plan.fault;
	}
}

/* ---- what a call is of ---- */

/* Cuts the store's directory off an absolute path; false if it is elsewhere. */
static bool below_root(char *path)
{
	size_t size = plan.root ? strlen(plan.root) : 0;
	if (size == 0 || strncmp(path, plan.root, size) != 0 || (path[size] != '/' && path[size] != '\0'))
		return false;
	const char *rest = path[size] == '/' ? path + size + 1 : path + size;
	memmove(path, rest, strlen(rest) + 1);
	return true;
}

static bool path_of(int fd, char path[PATH_MAX])
{
	char link[32];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, PATH_MAX - 1);
	path[size > 0 ? size : 0] = '\0';
	return size > 0;
}

static void find_descriptor(struct sr_call *call)
{
	struct stat found;
	if (call->fd <= STDERR_FILENO || fstat(call->fd, &found) != 0)
		return;
	if (S_ISSOCK(found.st_mode)) {
		call->verb = SR_SEND;
		(void)strcpy(call->path, "socket");
		call->watched = true;
		return;
	}
	if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
		return;
	if (call->verb == SR_WRITE && (fcntl(call->fd, F_GETFL) & O_DSYNC))
		call->verb = SR_WRITE_SYNCED;
	if (S_ISDIR(found.st_mode) && call->verb == SR_FSYNC)
		call->verb = SR_FSYNC_DIRECTORY;
	call->watched = path_of(call->fd, call->path) && below_root(call->path);
}

bool sr_name_find(char path[PATH_MAX], int directory, const char *name)
{
	char base[PATH_MAX] = "";
	if (name[0] != '/' && directory != AT_FDCWD && !path_of(directory, base))
		return false;
	if (name[0] != '/' && directory == AT_FDCWD && !getcwd(base, sizeof base))
		return false;
	int size = snprintf(path, PATH_MAX, "%s%s%s", base, base[0] ? "/" : "", name);
	return size > 0 && size < PATH_MAX && below_root(path);
}

/* ---- the frame around every call ---- */

static void begin(struct sr_call *call)
{
	int saved = errno;
	if (sr_trace_on())
		(void)pthread_mutex_lock(&order);
	choose(call);
	errno = saved;
}

void sr_call_begin(struct sr_call *call, enum sr_verb verb, int fd)
{
	int saved = errno;
	(void)pthread_once(&once, read_plan);
	call->verb = verb;
	call->fd = fd;
	call->watched = false;
	call->path[0] = '\0';
	find_descriptor(call);
	errno = saved;
	begin(call);
}

void sr_call_begin_name(struct sr_call *call, enum sr_verb verb, int directory, const char *name)
{
	int saved = errno;
	(void)pthread_once(&once, read_plan);
	call->verb = verb;
	call->fd = -1;
	call->watched = sr_name_find(call->path, directory, name);
	errno = saved;
	begin(call);
}

void sr_call_end(void)
{
	if (sr_trace_on())
		(void)pthread_mutex_unlock(&order);
}

int sr_call_fail(void)
{
	errno = plan.error;
	return -1;
}

bool sr_call_loses(void)
{
	return plan.error != EINTR;
}
