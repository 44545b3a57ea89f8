/*
 * One option's text into its member: what each kind of value may be.
 */
#ifndef SR_CONFIG_VALUE_H
#define SR_CONFIG_VALUE_H

#include "config.h"
#include "options.h"

/*
 * Set the member of `option` in `config`, or in `issuer` for an option of its section, from `text`; what was there is
 * released. SR_USAGE with what the value should have been ("must be 1 to 60"), without saying the value, or for a JWKS
 * file what is wrong with it; SR_INTERNAL when memory is used up. The member is then as it was, but prefixes may have
 * been added.
 */
enum sr_code sr_config_value_set(struct sr_config *config, struct sr_issuer *issuer, const struct sr_option *option,
				 const char *text, struct sr_error *err) SR_MUST_USE;

/*
 * What `words` (in, NULL allowed) say of an option, NULL where they are silent. The text is theirs. A listen word sets
 * unix and tcp, one of them to "none".
 */
const char *sr_config_word(const struct sr_config_words *words, const struct sr_option *option);

#endif
