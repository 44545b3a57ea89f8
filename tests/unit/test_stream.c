/*
 * Streams: the whole table, state by type by side, against rules written down a second time and differently; and what
 * both sides make of messages that cross on the way.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "stream.h"

/* One line for each message that may pass: state, sender, type, what follows. `E` is an ERROR that ends the stream. */
static const char rules[] = "free      client record.track      writer-opening\n"
			    "free      client record.resume     writer-opening\n"
			    "free      client play.open         player-opening\n"
			    "free      client play.start        player-starting\n"
			    "unary     client goodbye           unary\n"
			    "unary     client ping              unary\n"
			    "unary     client pong              unary\n"
			    "unary     client record.open       unary\n"
			    "unary     client record.finish     unary\n"
			    "unary     client list              unary\n"
			    "unary     client info              unary\n"
			    "unary     client check             unary\n"
			    "unary     client shown             unary\n"
			    "unary     client delete            unary\n"
			    "unary     client undelete          unary\n"
			    "unary     client service.add       unary\n"
			    "unary     client service.remove    unary\n"
			    "unary     client service.list      unary\n"
			    "unary     client stats             unary\n"
			    "unary     client health            unary\n"
			    "unary     client scrub.start       unary\n"
			    "unary     client scrub.status      unary\n"
			    "unary     client scrub.stop        unary\n"
			    "unary     client scrub.discard     unary\n"
			    "unary     client freeze            unary\n"
			    "unary     client thaw              unary\n"
			    "unary     client freeze.list       unary\n"
			    "unary     client alarm.list        unary\n"
			    "unary     client alarm.test        unary\n"
			    "unary     daemon freeze.made       unary\n"
			    "unary     client hold.place        unary\n"
			    "unary     client hold.release      unary\n"
			    "unary     client hold.list         unary\n"
			    "unary     client epoch.list        unary\n"
			    "unary     client epoch.new         unary\n"
			    "unary     client epoch.retire      unary\n"
			    "unary     client rotate.status     unary\n"
			    "unary     client rotate.step       unary\n"
			    "unary     client patient.rekey     unary\n"
			    "unary     client patient.rename    unary\n"
			    "unary     client patient.merge     unary\n"
			    "unary     client patient.erase     unary\n"
			    "unary     client rotate.deep       unary\n"
			    "unary     client person.read       unary\n"
			    "unary     client root.new          unary\n"
			    "unary     client backup.begin      unary\n"
			    "unary     client backup.rows       unary\n"
			    "unary     client backup.read       unary\n"
			    "unary     client backup.log        unary\n"
			    "unary     client backup.end        unary\n"
			    "unary     client audit.read        unary\n"
			    "unary     client audit.search      unary\n"
			    "unary     client audit.checkpoint  unary\n"
			    "unary     client audit.proof       unary\n"
			    "unary     client audit.consistency unary\n"
			    "unary     client incident.note     unary\n"
			    "unary     client audit.tag         unary\n"
			    "unary     client audit.auditor     unary\n"
			    "unary     daemon goodbye           unary\n"
			    "unary     daemon ping              unary\n"
			    "unary     daemon pong              unary\n"
			    "unary     daemon error             unary\n"
			    "unary     daemon done              unary\n"
			    "unary     daemon record.opened     unary\n"
			    "unary     daemon record.finished   unary\n"
			    "unary     daemon listing           unary\n"
			    "unary     daemon info.reply        unary\n"
			    "unary     daemon check.reply       unary\n"
			    "unary     daemon deleted           unary\n"
			    "unary     daemon service.added     unary\n"
			    "unary     daemon services          unary\n"
			    "unary     daemon stats.reply       unary\n"
			    "unary     daemon health.reply      unary\n"
			    "unary     daemon scrub.report      unary\n"
			    "unary     daemon freezes           unary\n"
			    "unary     daemon alarms            unary\n"
			    "unary     daemon holds             unary\n"
			    "unary     daemon epochs            unary\n"
			    "unary     daemon epoch.made        unary\n"
			    "unary     daemon epoch.retired     unary\n"
			    "unary     daemon rotate.census     unary\n"
			    "unary     daemon rotate.stepped    unary\n"
			    "unary     daemon patient.erased    unary\n"
			    "unary     daemon patient.moved     unary\n"
			    "unary     daemon rotate.deepened   unary\n"
			    "unary     daemon person            unary\n"
			    "unary     daemon root.made         unary\n"
			    "unary     daemon backup.begun      unary\n"
			    "unary     daemon backup.page       unary\n"
			    "unary     daemon backup.bytes      unary\n"
			    "unary     daemon backup.records    unary\n"
			    "unary     daemon audit.entries     unary\n"
			    "unary     daemon audit.signed      unary\n"
			    "unary     daemon audit.proved      unary\n"
			    "unary     daemon audit.consistent  unary\n"
			    "unary     daemon audit.tagged      unary\n"
			    "unary     daemon audit.auditor_key unary\n"
			    "writer-opening daemon record.ready writer\n"
			    "writer-opening daemon E            ended\n"
			    "writer    client record.append     writer\n"
			    "writer    client record.sync       syncing\n"
			    "writer    client grant.renew       writer\n"
			    "writer    client close             closing\n"
			    "writer    daemon record.ack        writer\n"
			    "writer    daemon grant.renewed     writer\n"
			    "writer    daemon error             writer\n"
			    "writer    daemon E                 ended\n"
			    "syncing   client record.append     syncing\n"
			    "syncing   client grant.renew       syncing\n"
			    "syncing   client close             closing\n"
			    "syncing   daemon record.ack        syncing\n"
			    "syncing   daemon record.synced     writer\n"
			    "syncing   daemon grant.renewed     syncing\n"
			    "syncing   daemon error             syncing\n"
			    "syncing   daemon E                 ended\n"
			    "player-opening daemon play.opened  player\n"
			    "player-opening daemon E            ended\n"
			    "player-starting daemon play.opened  player-started\n"
			    "player-starting daemon E            ended\n"
			    "player-started  client grant.renew  player-started\n"
			    "player-started  client close        closing\n"
			    "player-started  daemon play.table.reply reading\n"
			    "player-started  daemon play.table.part  player-started\n"
			    "player-started  daemon grant.renewed    player-started\n"
			    "player-started  daemon error        player\n"
			    "player-started  daemon E            ended\n"
			    "player    client play.table        tabling\n"
			    "player    client play.read         reading\n"
			    "player    client grant.renew       player\n"
			    "player    client close             closing\n"
			    "player    daemon grant.renewed     player\n"
			    "player    daemon error             player\n"
			    "player    daemon E                 ended\n"
			    "tabling   client grant.renew       tabling\n"
			    "tabling   client close             closing\n"
			    "tabling   daemon play.table.reply  player\n"
			    "tabling   daemon play.table.part   tabling\n"
			    "tabling   daemon grant.renewed     tabling\n"
			    "tabling   daemon error             player\n"
			    "tabling   daemon E                 ended\n"
			    "reading   client grant.renew       reading\n"
			    "reading   client close             closing\n"
			    "reading   daemon play.key          reading\n"
			    "reading   daemon play.body         reading\n"
			    "reading   daemon play.done         player\n"
			    "reading   daemon grant.renewed     reading\n"
			    "reading   daemon error             player\n"
			    "reading   daemon E                 ended\n"
			    "closing   daemon record.ack        closing\n"
			    "closing   daemon record.synced     closing\n"
			    "closing   daemon play.table.reply  closing\n"
			    "closing   daemon play.table.part   closing\n"
			    "closing   daemon play.key          closing\n"
			    "closing   daemon play.body         closing\n"
			    "closing   daemon play.done         closing\n"
			    "closing   daemon grant.renewed     closing\n"
			    "closing   daemon error             closing\n"
			    "closing   daemon closed            ended\n"
			    "closing   daemon E                 ended\n"
			    "ended     client record.append     ended\n"
			    "ended     client record.sync       ended\n"
			    "ended     client grant.renew       ended\n"
			    "ended     client close             ended\n"
			    "ended     client play.table        ended\n"
			    "ended     client play.read         ended\n";

static const char *const state_names[SR_STREAM_STATES] = {
	[SR_STREAM_FREE] = "free",
	[SR_STREAM_UNARY] = "unary",
	[SR_STREAM_WRITER_OPENING] = "writer-opening",
	[SR_STREAM_WRITER] = "writer",
	[SR_STREAM_WRITER_SYNCING] = "syncing",
	[SR_STREAM_PLAYER_OPENING] = "player-opening",
	[SR_STREAM_PLAYER] = "player",
	[SR_STREAM_PLAYER_STARTING] = "player-starting",
	[SR_STREAM_PLAYER_STARTED] = "player-started",
	[SR_STREAM_PLAYER_TABLING] = "tabling",
	[SR_STREAM_PLAYER_READING] = "reading",
	[SR_STREAM_CLOSING] = "closing",
	[SR_STREAM_ENDED] = "ended",
};

/* The rule for this message in this state: the name of what follows, or NULL. */
static const char *rule(const char *state, const char *sender, const char *type)
{
	static char follows[32];
	char line_state[32], line_sender[32], line_type[32];

	for (const char *line = rules; *line != '\0'; line = strchr(line, '\n') + 1) {
		cr_assert_eq(sscanf(line, "%31s %31s %31s %31s", line_state, line_sender, line_type, follows), 4);
		if (strcmp(line_state, state) == 0 && strcmp(line_sender, sender) == 0 && strcmp(line_type, type) == 0)
			return follows;
	}
	return NULL;
}

static size_t check_one(enum sr_stream_state state, unsigned type, bool from_client, bool ended)
{
	const char *name = sr_message_name((uint8_t)type);
	const char *expected = NULL;
	enum sr_stream_state next = SR_STREAM_STATES;

	if (name != NULL)
		expected = rule(state_names[state], from_client ? "client" : "daemon",
				type == SR_MSG_ERROR && ended ? "E" : name);
	if (!sr_stream_step(state, (uint8_t)type, from_client, ended, &next)) {
		cr_assert_null(expected, "%s refuses %u", state_names[state], type);
		cr_assert_eq(next, SR_STREAM_STATES, "a refusal touches nothing");
		return 0;
	}
	cr_assert_not_null(expected, "%s lets %u pass", state_names[state], type);
	cr_assert_str_eq(state_names[next], expected, "%s, %u", state_names[state], type);
	return 1;
}

Test(stream, the_whole_table)
{
	size_t passed = 0, lines = 0;

	for (unsigned state = 0; state < SR_STREAM_STATES; state++) {
		for (unsigned type = 0; type < 256; type++) {
			for (unsigned side = 0; side < 2; side++) {
				passed += check_one((enum sr_stream_state)state, type, side == 0, false);
				(void)check_one((enum sr_stream_state)state, type, side == 0, true);
			}
		}
	}
	for (const char *at = rules; *at != '\0'; at++)
		lines += *at == '\n';
	/* Only steps without the flag were counted. */
	for (unsigned state = 0; state < SR_STREAM_STATES; state++)
		lines -= rule(state_names[state], "daemon", "E") != NULL;
	cr_assert_eq(passed, lines, "each rule was met once");
}

Test(stream, a_stream_is_opening_until_it_is_answered)
{
	for (unsigned state = 0; state < SR_STREAM_STATES; state++) {
		const char *name = state_names[state];
		bool opening = strstr(name, "-opening") != NULL || strcmp(name, "player-starting") == 0;
		cr_assert_eq(sr_stream_is_opening((enum sr_stream_state)state), opening, "%s", name);
	}
}

Test(stream, numbers_that_are_no_state_let_nothing_pass)
{
	enum sr_stream_state next;

	for (unsigned type = 0; type < 256; type++)
		cr_assert(!sr_stream_step(SR_STREAM_STATES, (uint8_t)type, true, false, &next));
}

/* A message on its way, and how one side's view of the stream moves with it. */
static enum sr_stream_state pass(enum sr_stream_state state, enum sr_message_type type, bool from_client, bool ended)
{
	enum sr_stream_state next = SR_STREAM_STATES;

	cr_assert(sr_stream_step(state, (uint8_t)type, from_client, ended, &next), "%s in %s",
		  sr_message_name((uint8_t)type), state_names[state]);
	return next;
}

Test(stream, an_end_that_crosses_what_the_client_sent_leaves_both_in_ended)
{
	static const enum sr_message_type sent[] = {SR_MSG_APPEND, SR_MSG_SYNC, SR_MSG_GRANT_RENEW, SR_MSG_CLOSE};
	enum sr_stream_state client = SR_STREAM_WRITER, daemon = SR_STREAM_WRITER;

	daemon = pass(daemon, SR_MSG_ERROR, false, true);
	for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
		client = pass(client, sent[i], true, false);
		daemon = pass(daemon, sent[i], true, false);
	}
	client = pass(client, SR_MSG_ERROR, false, true);
	cr_assert_eq(client, SR_STREAM_ENDED);
	cr_assert_eq(daemon, SR_STREAM_ENDED);
}

Test(stream, a_close_that_crosses_a_read_leaves_both_in_ended)
{
	static const enum sr_message_type sent[] = {SR_MSG_SEGMENT_KEY, SR_MSG_BODY, SR_MSG_BODY};
	enum sr_stream_state client = SR_STREAM_PLAYER_READING, daemon = SR_STREAM_PLAYER_READING;

	client = pass(client, SR_MSG_CLOSE, true, false);
	for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
		daemon = pass(daemon, sent[i], false, false);
		client = pass(client, sent[i], false, false);
	}
	daemon = pass(daemon, SR_MSG_CLOSE, true, false);
	daemon = pass(daemon, SR_MSG_CLOSED, false, false);
	client = pass(client, SR_MSG_CLOSED, false, false);
	cr_assert_eq(client, SR_STREAM_ENDED);
	cr_assert_eq(daemon, SR_STREAM_ENDED);
}
