/* The table of services: found by key and by name, never two of either, never more than there is room for. */
#include "access/services.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct sr_services services;

static struct sr_service service(unsigned number)
{
	struct sr_service made = {.roles = SR_ROLE_INGEST, .added_ms = number};
	snprintf(made.name, sizeof made.name, "service-%u", number);
	memset(made.key, 0x55, sizeof made.key);
	/* Only the last bytes differ, so that a comparison that stops early is caught. */
	made.key[30] = (uint8_t)(number >> 8);
	made.key[31] = (uint8_t)number;
	return made;
}

static void expect_there(unsigned number)
{
	struct sr_service want = service(number);
	const struct sr_service *by_name = sr_services_by_name(&services, want.name);
	cr_assert_not_null(by_name);
	cr_expect_eq(by_name, sr_services_by_key(&services, want.key));
	cr_expect_arr_eq(by_name->key, want.key, sizeof want.key);
	cr_expect_eq(by_name->roles, want.roles);
	cr_expect_eq(by_name->added_ms, number);
}

Test(services, an_empty_table_has_none)
{
	struct sr_service one = service(1);
	struct sr_error err = {.text = ""};
	cr_expect_null(sr_services_by_key(&services, one.key));
	cr_expect_null(sr_services_by_name(&services, one.name));
	cr_expect_null(sr_services_by_name(&services, ""));
	cr_expect_eq(sr_services_remove(&services, one.name, &err), SR_NOT_FOUND);
}

Test(services, names_and_keys_are_one_service_each)
{
	struct sr_service one = service(1), two = service(2);
	struct sr_error err = {.text = ""};
	cr_assert_eq(sr_services_add(&services, &one, &err), SR_OK);
	memcpy(two.name, one.name, sizeof two.name);
	cr_expect_eq(sr_services_add(&services, &two, &err), SR_CONFLICT);
	cr_expect_not_null(strstr(err.text, "name"));
	two = service(2);
	memcpy(two.key, one.key, sizeof two.key);
	cr_expect_eq(sr_services_add(&services, &two, &err), SR_CONFLICT);
	cr_expect_not_null(strstr(err.text, "key"));
	cr_expect_eq(services.count, 1);
	expect_there(1);
}

Test(services, every_place_fills_and_empties)
{
	struct sr_error err = {.text = ""};
	for (unsigned at = 0; at < SR_SERVICES_MAX; at++) {
		struct sr_service one = service(at);
		cr_assert_eq(sr_services_add(&services, &one, &err), SR_OK);
	}
	struct sr_service more = service(SR_SERVICES_MAX);
	cr_expect_eq(sr_services_add(&services, &more, &err), SR_BUSY);
	cr_expect_eq(services.count, SR_SERVICES_MAX);
	/* From the front, the back and the middle: all others stay. */
	unsigned gone[] = {0, SR_SERVICES_MAX - 1, SR_SERVICES_MAX / 2};
	for (size_t i = 0; i < 3; i++) {
		struct sr_service one = service(gone[i]);
		cr_expect_eq(sr_services_remove(&services, one.name, &err), SR_OK);
		cr_expect_null(sr_services_by_name(&services, one.name));
		cr_expect_null(sr_services_by_key(&services, one.key));
	}
	for (unsigned at = 0; at < SR_SERVICES_MAX; at++)
		if (at != gone[0] && at != gone[1] && at != gone[2])
			expect_there(at);
	cr_expect_eq(sr_services_add(&services, &more, &err), SR_OK);
	expect_there(SR_SERVICES_MAX);
}
