/* Where grants come from, and when a stream's is renewed. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define RENEW_LEAST_MS 1000u
#define EXPIRES_MEMBER "\"exp\""

enum sr_code sr_grant_take(struct sr_client *client, bool renewal, struct sr_span *grant)
{
	ssize_t size = -1;
	*grant = (struct sr_span){0};
	if (client->grant) {
		*grant = (struct sr_span){(const uint8_t *)client->grant, strlen(client->grant)};
	} else if (client->grant_callback) {
		size = client->grant_callback(client->grant_context, renewal, client->token, SR_TOKEN_MAX);
		if (size > 0 && (size_t)size <= SR_TOKEN_MAX)
			*grant = (struct sr_span){(const uint8_t *)client->token, (size_t)size};
	}
	return grant->size > 0 && grant->size <= SR_TOKEN_MAX ? SR_OK : SR_UNAUTHENTICATED;
}

void sr_grant_done(struct sr_client *client)
{
	if (client->token)
		sodium_memzero(client->token, SR_TOKEN_MAX);
}

void sr_grant_plan(struct sr_stream *stream, uint64_t expires)
{
	struct timespec now;
	uint64_t left = 0;
	if (!stream->client->grant_callback)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (expires > (uint64_t)now.tv_sec)
		left = (expires - (uint64_t)now.tv_sec) * 1000 / 2;
	stream->renew_at = uv_now(stream->client->loop) + (left > RENEW_LEAST_MS ? left : RENEW_LEAST_MS);
	sr_client_arm(stream->client);
}

/*
 * The `exp` of a grant's claims, 0 if it is not found. A guess is enough, as it only says when to ask for the next
 * grant: hence no parser of JSON, which would be one more thing that programs with this library must link.
 */
static uint64_t read_expires(struct sr_span grant)
{
	uint64_t expires = 0;
	size_t size = 0;
	const uint8_t *first = memchr(grant.data, '.', grant.size);
	if (!first)
		return 0;
	size_t left = grant.size - (size_t)(first + 1 - grant.data);
	const uint8_t *second = memchr(first + 1, '.', left);
	char *claims = sodium_malloc(SR_TOKEN_MAX);
	if (second && claims &&
	    sodium_base642bin((uint8_t *)claims, SR_TOKEN_MAX - 1, (const char *)first + 1,
			      (size_t)(second - first - 1), NULL, &size, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0) {
		claims[size] = '\0';
		const char *found = strstr(claims, EXPIRES_MEMBER);
		if (found)
			found += strlen(EXPIRES_MEMBER) + strspn(found + strlen(EXPIRES_MEMBER), " \t:");
		if (found)
			expires = strtoull(found, NULL, 10);
	}
	sodium_free(claims);
	return expires;
}

void sr_grant_plan_from(struct sr_stream *stream, struct sr_span grant)
{
	if (!stream->client->grant_callback)
		return;
	uint64_t expires = read_expires(grant);
	if (expires != 0)
		sr_grant_plan(stream, expires);
}

/* Ask for one renewal; a stream in a state where that may not be said waits for the next round. */
static void renew(struct sr_stream *stream)
{
	struct sr_client *client = stream->client;
	struct sr_span grant;
	struct sr_outgoing *out = NULL;
	uint64_t request = sr_request_new();
	stream->renew_at = uv_now(client->loop) + RENEW_LEAST_MS;
	if (sr_stream_is_opening(stream->state))
		return;
	if (sr_grant_take(client, true, &grant) == SR_OK)
		out = sr_outgoing_new(SR_MSG_GRANT_RENEW, stream->id, request, grant.size + 2);
	if (out) {
		sr_grant_renew_encode(&out->fields, grant);
		if (sr_outgoing_send(client, stream, out) == SR_OK) {
			stream->renew_request = request;
			stream->renew_at = 0;
		}
	}
	sr_grant_done(client);
}

uint64_t sr_grant_renew_due(struct sr_client *client)
{
	uint64_t next = UINT64_MAX;
	struct sr_stream *stream;
	if (client->phase != SR_PHASE_OPEN)
		return UINT64_MAX;
	LIST_FOREACH(stream, &client->streams, link)
	{
		if (stream->renew_at != 0 && stream->renew_at <= uv_now(client->loop) && !stream->dropped)
			renew(stream);
		if (stream->renew_at != 0 && stream->renew_at < next && !stream->dropped)
			next = stream->renew_at;
	}
	return next;
}

void sr_grant_renewed(struct sr_stream *stream, struct sr_cursor *fields)
{
	uint64_t expires;
	sr_renewed_decode(fields, &expires);
	if (!sr_take_done(fields)) {
		sr_client_broken(stream->client, "the store's answer is malformed");
		return;
	}
	stream->renew_request = 0;
	sr_grant_plan(stream, expires);
}

void sr_grant_not_renewed(struct sr_stream *stream)
{
	stream->renew_request = 0;
	stream->renew_at = uv_now(stream->client->loop) + RENEW_LEAST_MS;
	sr_client_arm(stream->client);
}
