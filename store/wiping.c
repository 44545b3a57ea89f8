/*
 * Memory that is wiped before it is given back: for libraries that hold secrets in memory of their own making.
 */
#include "wiping.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stands in front of every piece; as wide as the strictest alignment. */
union head {
	size_t size;
	max_align_t align;
};

/*
 * The libraries would go on without it and say that a row does not verify, or that a grant is malformed: an alarm, or a
 * refusal, that is not true. Clients resume.
 */
static _Noreturn void memory_is_used_up(void)
{
	static const char line[] = "level=alarm event=fatal code=internal text=\"memory is used up\"\n";
	(void)!write(STDERR_FILENO, line, sizeof line - 1);
	_exit(1);
}

void *sr_wiping_malloc(size_t size)
{
	union head *head = size > SIZE_MAX - sizeof *head ? NULL : malloc(sizeof *head + size);
	if (!head)
		memory_is_used_up();
	head->size = size;
	return head + 1;
}

void sr_wiping_free(void *memory)
{
	union head *head = memory;
	if (!head)
		return;
	head--;
	sodium_memzero(head, sizeof *head + head->size);
	free(head);
}

void *sr_wiping_realloc(void *memory, size_t size)
{
	union head *old = memory;
	void *made;
	if (!old)
		return sr_wiping_malloc(size);
	if (size == 0) {
		sr_wiping_free(memory);
		return NULL;
	}
	made = sr_wiping_malloc(size);
	old--;
	memcpy(made, memory, old->size < size ? old->size : size);
	sr_wiping_free(memory);
	return made;
}

/* libcrypto says where in its source each call stands. */
static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size == 0 ? NULL : sr_wiping_malloc(size);
}

static void *crypto_realloc(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return sr_wiping_realloc(memory, size);
}

static void crypto_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	sr_wiping_free(memory);
}

bool sr_wiping_install(void)
{
	json_set_alloc_funcs(sr_wiping_malloc, sr_wiping_free);
	return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;
}
