/*
 * The error codes: few, stable, the same on the wire, in logs, in exit texts and in the library.
 * Nothing else lives here: this is the one part of proto/ that is installed, beside sealreel.h.
 */
#ifndef SEALREEL_CODE_H
#define SEALREEL_CODE_H

enum sr_code {
	SR_OK = 0,
	SR_USAGE = 1,           /* the request or the command line makes no sense */
	SR_UNAUTHENTICATED = 2, /* unknown service, or a grant that is not valid */
	SR_DENIED = 3,          /* known, but not allowed this */
	SR_EXPIRED = 4,         /* the grant's time is over */
	SR_NOT_FOUND = 5,       /* no such recording for this patient */
	SR_FROZEN = 6,          /* stopped by a freeze */
	SR_CONFLICT = 7,        /* another writer, another patient, or a finished recording has it */
	SR_BUSY = 8,            /* try again soon */
	SR_NO_SPACE = 9,        /* the disk's reserve is reached */
	SR_IO = 10,             /* a file or a socket failed */
	SR_CORRUPT = 11,        /* stored bytes do not verify */
	SR_UNAVAILABLE = 12,    /* this daemon cannot do it now */
	SR_INTERNAL = 13        /* a fault of sealreel's own */
};

/* How many codes there are: a byte on the wire at or above this is malformed. */
#define SR_CODES 14

#endif
