/*
 * The store's audit log, begun and opened: where it lies, whose key signs it, and that it may not go missing.
 */
#ifndef SR_START_AUDIT_H
#define SR_START_AUDIT_H

#include "account/audit.h"
#include "config.h"
#include "data/index.h"
#include "keys/keyring.h"

/* What the log is opened with. The store's; borrowed. */
struct sr_store_audit {
	const struct sr_config *config;
	const struct sr_keyring *keyring;
	struct sr_index *index;
};

/* Those of sr_audit_open for this store. `origin` (out) is borrowed by them, as config and keyring are. */
struct sr_audit_options sr_store_audit_options(const struct sr_store_audit *store, char origin[SR_AUDIT_ORIGIN_MAX]);

/*
 * Begin the log of a store that has none: its files, then the control row `audit` that says so. SR_CONFLICT: something
 * is in its place; SR_IO, SR_NO_SPACE, SR_INTERNAL.
 */
enum sr_code sr_store_audit_begin(const struct sr_store_audit *store, struct sr_error *err) SR_MUST_USE;

/*
 * Open the log. One that is missing is begun if the control row does not say that there was one: the store is of a
 * sealreel without. SR_CORRUPT: it is missing, or not what its checkpoint says; codes of sr_audit_open otherwise.
 */
enum sr_code sr_store_audit_open(const struct sr_store_audit *store, struct sr_audit **out,
				 struct sr_error *err) SR_MUST_USE;

#endif
