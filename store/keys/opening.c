/*
 * The five steps of opening a recording's row, what a new row is wrapped with, and the sealed texts under its DEK.
 */
#include "keys/opening.h"

#include <sodium.h>
#include <string.h>

#include "message.h"

#define INNER (SR_KEY + SR_SEALED_SMALL) /* a DEK under the patient's key alone */

_Static_assert(SR_WRAP == INNER + SR_SEALED_SMALL, "the outer wrap is one seal around the inner one");

static const char *const names[] = {
	[SR_ROW_OPEN] = "open",
	[SR_ROW_CORRUPT] = "corrupt",
	[SR_ROW_UNKNOWN_EPOCH] = "unknown_epoch",
	[SR_ROW_NOT_THEIRS] = "not_theirs",
	[SR_ROW_UNAVAILABLE] = "unavailable",
};

const char *sr_row_verdict_name(enum sr_row_verdict verdict)
{
	return (size_t)verdict < sizeof names / sizeof names[0] ? names[verdict] : "unavailable";
}

static void count(struct sr_work *work, unsigned derivations, unsigned opens)
{
	if (work == NULL)
		return;
	work->derivations += derivations;
	work->opens += opens;
}

/* The key of an epoch; of SR_EPOCH_NONE that of decoys, so that a row that says so costs what any other costs. */
static bool key_of(const struct sr_keyring *keyring, uint32_t epoch, uint8_t key[SR_KEY])
{
	if (epoch != SR_EPOCH_NONE)
		return sr_keyring_epoch_key(keyring, epoch, key);
	sr_keyring_decoy_key(keyring, key);
	return true;
}

void sr_row_opener_begin(struct sr_row_opener *opener, const struct sr_keyring *keyring,
			 const uint8_t patient_key[SR_KEY])
{
	*opener = (struct sr_row_opener){.keyring = keyring};
	memcpy(opener->patient_key, patient_key, SR_KEY);
}

void sr_row_opener_wipe(struct sr_row_opener *opener)
{
	sr_input_free(opener->inner);
	sr_input_free(opener->outer);
	sodium_memzero(opener, sizeof *opener);
}

/* Step 2: have the epoch's key taken in. */
static enum sr_row_verdict take_epoch(struct sr_row_opener *opener, uint32_t epoch)
{
	uint8_t key[SR_KEY];

	if (opener->outer != NULL && opener->epoch == epoch)
		return SR_ROW_OPEN;
	if (!key_of(opener->keyring, epoch, key))
		return SR_ROW_UNKNOWN_EPOCH;
	if (opener->outer != NULL)
		sr_input_take(opener->outer, key);
	else
		opener->outer = sr_input_new(key);
	opener->epoch = epoch;
	sodium_memzero(key, sizeof key);
	return opener->outer != NULL ? SR_ROW_OPEN : SR_ROW_UNAVAILABLE;
}

/* Steps 2 and 3: the epoch's key, and the outer wrap under it. */
static enum sr_row_verdict open_outer(struct sr_row_opener *opener, const uint8_t recording[SR_UUID],
				      const struct sr_recording_row *row, uint8_t inner[INNER], struct sr_work *work)
{
	struct sr_context context;
	enum sr_row_verdict verdict = take_epoch(opener, row->epoch);
	enum sr_opening opening;

	if (verdict != SR_ROW_OPEN)
		return verdict;
	sr_context_outer_wrap(&context, recording, row->epoch);
	opening = sr_input_open(opener->outer, (struct sr_span){context.bytes, context.size},
				(struct sr_span){row->wrap, SR_WRAP}, inner);
	count(work, 1, 1);
	if (opening == SR_OPEN_FAILED)
		return SR_ROW_UNAVAILABLE;
	return opening == SR_OPENED ? SR_ROW_OPEN : SR_ROW_CORRUPT;
}

/*
 * Steps 4 and 5: the outer seal has vouched for these bytes, so a commitment of another key means another patient,
 * and only behind the right one can a tag that fails mean damage.
 */
static enum sr_row_verdict open_inner(struct sr_row_opener *opener, const uint8_t recording[SR_UUID],
				      const uint8_t inner[INNER], uint8_t dek[SR_KEY], struct sr_work *work)
{
	struct sr_context context;
	enum sr_opening opening;

	if (opener->inner == NULL)
		opener->inner = sr_input_new(opener->patient_key);
	if (opener->inner == NULL)
		return SR_ROW_UNAVAILABLE;
	sr_context_inner_wrap(&context, recording);
	opening = sr_input_open(opener->inner, (struct sr_span){context.bytes, context.size},
				(struct sr_span){inner, INNER}, dek);
	count(work, 1, opening == SR_OTHER_KEY ? 0 : 1);
	if (opening == SR_OTHER_KEY)
		return SR_ROW_NOT_THEIRS;
	if (opening == SR_OPEN_FAILED)
		return SR_ROW_UNAVAILABLE;
	return opening == SR_OPENED ? SR_ROW_OPEN : SR_ROW_CORRUPT;
}

enum sr_row_verdict sr_row_open_with(struct sr_row_opener *opener, const uint8_t recording[SR_UUID],
				     struct sr_span value, struct sr_recording_row *row, uint8_t dek[SR_KEY],
				     struct sr_work *work)
{
	enum sr_code code = sr_recording_row_decode(opener->keyring, recording, value, row);
	enum sr_row_verdict verdict;
	uint8_t inner[INNER];

	sodium_memzero(dek, SR_KEY);
	if (code != SR_OK)
		return code == SR_CORRUPT ? SR_ROW_CORRUPT : SR_ROW_UNAVAILABLE;
	verdict = open_outer(opener, recording, row, inner, work);
	if (verdict == SR_ROW_OPEN)
		verdict = open_inner(opener, recording, inner, dek, work);
	if (verdict == SR_ROW_CORRUPT || verdict == SR_ROW_UNAVAILABLE)
		memset(row, 0, sizeof *row);
	sodium_memzero(inner, sizeof inner);
	return verdict;
}

enum sr_row_verdict sr_row_open(const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
				const uint8_t recording[SR_UUID], struct sr_span value, struct sr_recording_row *row,
				uint8_t dek[SR_KEY], struct sr_work *work)
{
	struct sr_row_opener opener;
	enum sr_row_verdict verdict;

	sr_row_opener_begin(&opener, keyring, patient_key);
	verdict = sr_row_open_with(&opener, recording, value, row, dek, work);
	sr_row_opener_wipe(&opener);
	return verdict;
}

enum sr_row_verdict sr_row_outer(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID],
				 const struct sr_recording_row *row)
{
	struct sr_row_opener opener = {.keyring = keyring};
	uint8_t inner[INNER];
	enum sr_row_verdict verdict = open_outer(&opener, recording, row, inner, NULL);

	sodium_memzero(inner, sizeof inner);
	sr_row_opener_wipe(&opener);
	return verdict;
}

enum sr_code sr_dek_wrap(const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
			 const uint8_t recording[SR_UUID], const uint8_t dek[SR_KEY], uint32_t epoch,
			 uint8_t wrap[SR_WRAP])
{
	struct sr_context context;
	uint8_t epoch_key[SR_KEY];
	uint8_t inner[INNER];
	enum sr_code code = SR_UNAVAILABLE;

	if (!key_of(keyring, epoch, epoch_key))
		goto out;
	sr_context_inner_wrap(&context, recording);
	code = sr_seal(patient_key, context.bytes, context.size, dek, SR_KEY, inner);
	if (code != SR_OK)
		goto out;
	sr_context_outer_wrap(&context, recording, epoch);
	code = sr_seal(epoch_key, context.bytes, context.size, inner, sizeof inner, wrap);
out:
	sodium_memzero(inner, sizeof inner);
	sodium_memzero(epoch_key, sizeof epoch_key);
	if (code != SR_OK)
		sodium_memzero(wrap, SR_WRAP);
	return code;
}

enum sr_code sr_dek_make(const struct sr_keyring *keyring, const uint8_t patient_key[SR_KEY],
			 const uint8_t recording[SR_UUID], uint32_t epoch, uint8_t wrap[SR_WRAP], uint8_t dek[SR_KEY])
{
	enum sr_code code;

	randombytes_buf(dek, SR_KEY);
	code = sr_dek_wrap(keyring, patient_key, recording, dek, epoch, wrap);
	if (code != SR_OK)
		sodium_memzero(dek, SR_KEY);
	return code;
}

size_t sr_row_decoy(const struct sr_keyring *keyring, const uint8_t recording[SR_UUID], uint8_t *out)
{
	struct sr_recording_row row = {
		.life = SR_LIFE_LIVE,
		.writing = SR_WRITING_FINISHED,
		.wrap_revision = 1,
		.writer_revision = 1,
		.life_revision = 1,
		.epoch = SR_EPOCH_NONE,
	};
	uint8_t nobody[SR_KEY];
	uint8_t dek[SR_KEY];
	size_t size = 0;

	randombytes_buf(nobody, sizeof nobody);
	if (sr_dek_make(keyring, nobody, recording, row.epoch, row.wrap, dek) == SR_OK)
		size = sr_recording_row_encode(keyring, recording, &row, out);
	sodium_memzero(dek, sizeof dek);
	sodium_memzero(nobody, sizeof nobody);
	return size;
}
