/*
 * The table of options: every fact about one that the parser, the written template and the tests share.
 */
#ifndef SR_OPTIONS_H
#define SR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SR_CONFIG_FILE "sealreel.ini"
#define SR_ISSUER_SECTION "issuer"
#define SR_ISSUER_NAME_MAX 32
#define SR_OPTIONS_MAX 64
#define SR_CONFIG_LINE_MAX 4096 /* bytes, without its end */
#define SR_NONE "none"          /* the value that turns a way to listen off */

/* What a value is, and the type of the member it goes to. */
enum sr_option_kind {
	SR_OPTION_TEXT,     /* char * */
	SR_OPTION_PATH,     /* char *, made absolute under the store's directory */
	SR_OPTION_UNIX,     /* char *, a path, or NULL for "none" */
	SR_OPTION_TCP,      /* char *, HOST:PORT, or NULL for "none" */
	SR_OPTION_NUMBER,   /* uint32_t */
	SR_OPTION_LARGE,    /* uint64_t */
	SR_OPTION_LIFE,     /* int64_t */
	SR_OPTION_FLAG,     /* bool: yes or no */
	SR_OPTION_LEVEL,    /* enum sr_log_level */
	SR_OPTION_RATE,     /* struct sr_rate: N/MINUTES, or "none" */
	SR_OPTION_MISFILED, /* enum sr_on_misfiled */
	SR_OPTION_FOREIGN,  /* enum sr_on_foreign */
	SR_OPTION_SCOPES,   /* unsigned, bits */
	SR_OPTION_ROLES,    /* unsigned, bits */
	SR_OPTION_PREFIXES, /* the issuer's prefixes */
	SR_OPTION_CLAIM,    /* char *, a path of claim names */
	SR_OPTION_ISS,      /* char *, no other issuer's */
	SR_OPTION_JWKS      /* struct sr_jwks *, of a file under the store's directory */
};

/* One option. `offset` is into struct sr_config, or into struct sr_issuer for the issuer section. */
struct sr_option {
	const char *section;
	const char *name;
	enum sr_option_kind kind;
	size_t offset;
	uint64_t least; /* the range of a number */
	uint64_t most;
	const char *preset; /* the default, as it would be written; NULL: there is none */
	bool required;
	const char *about; /* the comment in the template: one line */
};

/* A section, with its comment. */
struct sr_section {
	const char *name;
	const char *about;
};

/* The tables, in the order of the template: the options of a section stand together. *count (out): how many. */
const struct sr_option *sr_options(size_t *count);
const struct sr_section *sr_sections(size_t *count);

/* True for kinds with a range. */
bool sr_option_is_number(enum sr_option_kind kind);

/* `name`, or `directory`/`name` if it is relative. Released with free; NULL when memory is used up. */
char *sr_path_under(const char *directory, const char *name);

/* True if `path` fits the address of a Unix socket. */
bool sr_unix_path_fits(const char *path);

#endif
