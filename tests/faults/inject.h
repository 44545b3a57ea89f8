/*
 * libfaults.so: a library to preload into the daemon, which counts its calls that change a file or send, lets chosen
 * ones fail, and writes down what each of them did, so that every state a power cut could leave can be built from it.
 */
#ifndef SR_INJECT_H
#define SR_INJECT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/* What is intercepted. Calls that do the same thing are one: pwrite, writev and write are SR_WRITE. */
enum sr_verb {
	SR_WRITE,
	SR_WRITE_SYNCED, /* through a descriptor of O_SYNC or O_DSYNC */
	SR_SEND,
	SR_FSYNC,
	SR_FSYNC_DIRECTORY,
	SR_FDATASYNC,
	SR_SYNCFS,
	SR_TRUNCATE,
	SR_CREATE,
	SR_RENAME,
	SR_UNLINK,
	SR_MKDIR,
	SR_VERBS
};

/* What happens to a call. */
enum sr_fault {
	SR_PASS,  /* nothing */
	SR_FAIL,  /* it does nothing and gives the error of FAULT */
	SR_SHORT, /* half of it is done and said to be done; only of writes and SR_SEND */
	SR_SKIP,  /* it does nothing and claims success */
	SR_LATE,  /* like SR_SKIP, but it counts as done after the next commit of the index; only of SR_FDATASYNC */
	SR_TEAR,  /* half of it is done, then the process is killed */
	SR_DENY,  /* it is done, perhaps on the disk too, and said to have failed; only of SR_WRITE_SYNCED */
};

/* One call. */
struct sr_call {
	enum sr_verb verb;
	int fd; /* -1 for calls of names */
	enum sr_fault fault;
	bool watched;        /* it is of the store, or of a socket */
	char path[PATH_MAX]; /* below the store's directory, or "socket" */
};

/*
 * Begins a call of a descriptor, or of a name below the descriptor `directory`: fills *call (out), whose fault the
 * caller then obeys, and holds the trace's lock until sr_call_end. Does not come back when the call's fault is to be
 * killed before it. errno stays.
 */
void sr_call_begin(struct sr_call *call, enum sr_verb verb, int fd);
void sr_call_begin_name(struct sr_call *call, enum sr_verb verb, int directory, const char *name);
void sr_call_end(void);

/*
 * Counts an allocation that `caller` (a return address) asks for, and says whether it is to fail. They count only where
 * FAULT_CALL is "allocate", when nothing else does.
 */
bool sr_allocation_fails(const void *caller);

/* Sets errno as FAULT says, and gives -1. */
int sr_call_fail(void);

/* Kills the process. */
_Noreturn void sr_call_die(void);

/* Is what a sync failed to write lost? Not if it was only interrupted. */
bool sr_call_loses(void);

/* Puts the path below the store's directory of `name` below `directory` into `path` (out); false if it is elsewhere. */
bool sr_name_find(char path[PATH_MAX], int directory, const char *name);

/* What the trace says of one call. The numbers stand in the file. */
enum sr_trace_kind {
	SR_TRACE_WRITE = 1,
	SR_TRACE_WRITE_SYNCED = 2,
	SR_TRACE_TRUNCATE = 3,
	SR_TRACE_SYNC = 4,
	SR_TRACE_SYNC_NAMES = 5, /* of the directory `path` */
	SR_TRACE_CREATE = 6,
	SR_TRACE_RENAME = 7, /* data: the new path */
	SR_TRACE_UNLINK = 8,
	SR_TRACE_MKDIR = 9,
	SR_TRACE_SEND = 10,
	SR_TRACE_LOST = 11,     /* a sync of the file failed: what it should have written will never be */
	SR_TRACE_SYNC_ALL = 12, /* syncfs: all files and names of the disk */
};

/* Opens the trace that FAULT_TRACE names, to be added to. Does nothing if it is not set. */
void sr_trace_open(void);

/* Is there a trace? */
bool sr_trace_on(void);

/*
 * Adds what `call` has done, before sr_call_end. `offset` is the place of a write or the length of a truncation;
 * `iov` (may be NULL) holds its bytes, of which `size` count.
 */
void sr_trace_add(enum sr_trace_kind kind, const struct sr_call *call, uint64_t offset, const struct iovec *iov,
		  uint64_t size);

/* The same of what a call said it had done and had not: it is added when the next write to the index is synced. */
void sr_trace_add_late(const struct sr_call *call);

/* How many entries this process and those before it have added to the trace; kept where the tests can read it. */
void sr_trace_count_at(_Atomic uint64_t *count);

#endif
