/* Sealing a track anew: the numbers of its files, which no two of a track may share. */
#define put put_sealed /* the index's own tests have the short name */
#include "serve/epochs/reseal.c"
#undef put

#include "serve_fixture.h"

TestSuite(reseal, .init = store_make, .fini = store_remove);

static enum sr_code make_after(uint16_t number, struct sr_blob_name *name)
{
	struct sr_track_row row = {.track = TRACK, .file_count = 1, .files = {{.number = number}}};
	struct sr_reseal_job job = {.request = &request, .recording = recording, .row = &row};
	struct resealing resealing = {.job = &job, .row = row};
	enum sr_code code = make_file(&resealing);
	*name = resealing.name;
	sr_blob_close(resealing.blob);
	return code;
}

Test(reseal, a_file_has_the_next_number_up_to_the_last)
{
	struct sr_blob_name name;
	cr_assert_eq(make_after(7, &name), SR_OK, "%s", request.error.text);
	cr_expect_eq(name.file, 8);
	cr_assert_eq(make_after(UINT16_MAX - 1, &name), SR_OK, "%s", request.error.text);
	cr_expect_eq(name.file, UINT16_MAX);
	cr_assert_eq(make_after(UINT16_MAX, &name), SR_CONFLICT, "the number of another file is used again");
	cr_expect_not_null(strstr(request.error.text, "has used up the numbers of its files"));
}
