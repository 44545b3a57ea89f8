#!/usr/bin/env bash
# A whole store rotates while calls are recorded and lists and plays go on; the tool and the daemon are killed on the way.
#
#   bench/rotating.sh [--full] [--rows N] [--kills N] [--gap S] [--calls N] [--rate BITS] [--reads N] [--sample N]
#                     [--idle S] [--bin DIRECTORY]
#
#   --full     a million recordings, 50 kills of each, 100 calls, a sample of 1,000: about ten minutes, and 8 GB of disk
#   --rows     how many recordings the store has before, 100 to 23 patients (default: 20000)
#   --kills    how often the tool, and how often the daemon, is killed (default: 3)
#   --gap      seconds from one kill to the next, on average (default: 4)
#   --calls    how many calls are recorded meanwhile (default: 20)
#   --rate     what each records, in bit/s (default: 500000)
#   --reads    how many lists, and how many plays, are asked for each second (default: 25)
#   --sample   how many of the store's recordings are real and are played (default: 200)
#   --idle     for how many seconds reads are timed with nothing beside them, then with the calls alone (default: 20)
#   --bin      where the programs are (default: they are built)
#
# One table: what was measured, and its bound. The exit status is 1 if a bound is missed. See bench/README.md.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

rows=20000
kills=3
gap=4
calls=20
rate=500000
reads=25
sample=200
idle=20
flag_full() {
	rows=1000000 kills=50 gap=3.2 calls=100 sample=1000 idle=30
}
options "$@"

settle=3 # seconds after a kill of the daemon in which all that was cut off comes back at once
tool_pid=
calls_pid=
reads_pid=
end_others() { end "$tool_pid" "$calls_pid" "$reads_pid"; }

operate() { "$bin/sealreel" --credential "$work/store/operator.cred" "$@"; }

# mint SCOPE PATIENT: a grant, on a line.
mint() {
	"$bin/sealreel" grant --issuer-key "$work/store/dev-issuer.jwk" --patient "$2" --scope "$1" --act system:bench \
		--ttl 1h
}

# ---- the tool ----

tool_start() {
	"$bin/sealreel" --credential "$work/rotator.cred" rotate --json "$@" >>"$work/told" 2>>"$work/rotate.errors" &
	tool_pid=$!
}

# tool_ended: wait for it; its status in $ended.
tool_ended() {
	ended=0
	wait "$tool_pid" 2>/dev/null || ended=$?
	tool_pid=
}

# tool_killed: by us, or it had stopped as the daemon went: 6, or 5 and 1 while no daemon could be reached.
tool_killed() {
	[ "$ended" -eq 137 ] || [ "$ended" -eq 6 ] || [ "$ended" -eq 5 ] || [ "$ended" -eq 1 ]
}

# nap: a random while around $gap, so that a kill may meet anything.
nap() {
	sleep "$(awk -v gap="$gap" -v r="$RANDOM" 'BEGIN { print gap * (0.5 + r / 32768) }')"
}

# kill_both: by turns the daemon and the tool, while the rotation goes on at the pace that lets it last so long.
kill_both() {
	local turn
	for ((turn = 0; turn < 2 * kills; turn++)); do
		nap
		if ! kill -0 "$tool_pid" 2>/dev/null; then
			tool_ended
			[ "$ended" -ne 0 ] || early=$((early + 1))
			[ "$ended" -eq 0 ] || tool_killed || return 1
			tool_start --rate "$pace"
		fi
		if [ $((turn % 2)) -eq 0 ]; then
			kill -KILL "$tool_pid" 2>/dev/null || continue
			tool_ended
			tool_kills=$((tool_kills + 1))
		else
			echo "$EPOCHREALTIME" >>"$work/killed"
			kill -KILL "$daemon_pid"
			wait "$daemon_pid" 2>/dev/null || true
			daemon_pid=
			daemon_kills=$((daemon_kills + 1))
			store_start || return 1
			tool_ended
		fi
		tool_killed || return 1
		tool_start --rate "$pace"
	done
}

# rotate_rest: all that is left, without a pace; the daemon may still take the last tool for there.
rotate_rest() {
	local tries=0
	kill -INT "$tool_pid" 2>/dev/null || true
	tool_ended
	while [ $((tries++)) -lt 20 ]; do
		tool_start
		tool_ended
		[ "$ended" -ne 0 ] || return 0
		[ "$ended" -eq 5 ] || [ "$ended" -eq 6 ] || return 1
		sleep 0.5
	done
	return 1
}

# ---- what came of it ----

# times FILE KIND NEAR: the times of a kind in what bench-reads has said, sorted: those that were asked for within $settle
# seconds after a kill of the daemon (NEAR is 1), or all others (0).
times() {
	awk -v kind="$2" -v near="$3" -v settle="$settle" -v list="$work/killed" 'FILENAME == list { killed[NR] = $1; kills = NR; next }
		$1 != kind { next }
		{
			is_near = 0
			for (k = 1; k <= kills; k++)
				is_near = is_near || ($3 >= killed[k] && $3 < killed[k] + settle)
			if (is_near == near)
				print $2
		}' "$work/killed" "$1" | sort -n
}

# percentile P: of sorted times; how many there are first.
percentile() {
	awk -v p="$1" '{ at[NR] = $1 } END { i = int(NR * p / 100 + 0.9999); printf "%d %.2f\n", NR, NR ? at[i ? i : 1] : 0 }'
}

# tell WHAT VALUE [BOUND HOLDS]: a line of the table; HOLDS is 0 if it does.
tell() {
	local verdict=
	if [ $# -gt 2 ]; then
		verdict=yes
		[ "$4" -eq 0 ] || verdict=NO status=1
	fi
	printf '| %-50s | %14s | %-12s | %-3s |\n' "$1" "$2" "${3-}" "$verdict"
}

# holds EXPRESSION: 0 if awk finds it true.
holds() { awk "BEGIN { exit !($1) }" && echo 0 || echo 1; }

tell_reads() {
	local kind before while_ other n
	for kind in list play; do
		read -r n before < <(times "$work/idle" "$kind" 0 | percentile 99)
		tell "$kind, idle: p99 of $n, ms" "$before"
		read -r n other < <(times "$work/beside" "$kind" 0 | percentile 99)
		tell "$kind, beside the calls alone: p99 of $n, ms" "$other"
		read -r n while_ < <(times "$work/reads" "$kind" 0 | percentile 99)
		tell "$kind, beside the rotation too: p99 of $n, ms" "$while_" "<=2 x idle" \
			"$(holds "$while_ <= 2 * $before")"
		read -r n other < <(times "$work/reads" "$kind" 1 | percentile 99)
		tell "$kind, within $settle s after a kill: p99 of $n, ms" "$other"
		read -r n other < <(grep "^${kind}_cut" "$work/reads" | cut -d ' ' -f 2 | sort -n | percentile 100)
		tell "$kind, cut by a kill: longest of $n, ms" "$other"
	done
}

# ---- the run ----

build_programs
make_work
ulimit -c 0
store_make unix
"$bin/bench-fill" "$work/store" $((rows * 23 / 100)) "$rows" 0 $((rows / sample)) "$work/playable" >"$work/filled" \
	2>"$work/fill.log"
store_start
store_service
operate service add rotator --role rotate -o "$work/rotator.cred" >/dev/null
head -n "$sample" "$work/playable" >"$work/sampled"
while read -r patient _; do mint list,play "$patient"; done <"$work/sampled" >"$work/reads.grants"
cut -d ' ' -f 2 "$work/sampled" >"$work/ids"
for ((which = 0; which < calls; which++)); do mint record,play "bench|calls|$which"; done >"$work/calls.grants"
pace=$(awk -v rows="$rows" -v kills="$kills" -v gap="$gap" \
	'BEGIN { print int(rows * 1.23 / (2 * kills * gap) * 0.8) + 1 }')
lasts=$(awk -v kills="$kills" -v gap="$gap" 'BEGIN { print int(2 * kills * gap * 1.2) + 15 }')
: >"$work/killed"
sync

"$bin/bench-reads" "$work/reads.grants" "$work/ids" "$reads" $((idle * reads)) >"$work/idle"

"$bin/bench-calls" --streams "$calls" --seconds "$lasts" --rate "$rate" --check $((calls < 10 ? calls : 10)) \
	--per-connection 1 --spread 2 --reconnect 60 "$work/calls.grants" >"$work/calls" &
calls_pid=$!
until grep -q '^begin' "$work/calls" 2>/dev/null; do
	kill -0 "$calls_pid"
	sleep 0.1
done
sleep 2 # so that each call has its row under the first epoch
"$bin/bench-reads" "$work/reads.grants" "$work/ids" "$reads" $((idle * reads)) >"$work/beside"
operate epoch new >/dev/null
"$bin/bench-reads" "$work/reads.grants" "$work/ids" "$reads" >"$work/reads" &
reads_pid=$!

status=0
early=0
tool_kills=0
daemon_kills=0
began=$EPOCHREALTIME
tool_start --rate "$pace"
kill_both || { status=1 && echo "the rotation stopped with $ended" >&2; }
rotate_rest || { status=1 && echo "the rotation does not end: $ended" >&2; }
took=$(awk -v began="$began" -v ended="$EPOCHREALTIME" 'BEGIN { printf "%.0f", ended - began }')
kill -TERM "$reads_pid"
wait "$reads_pid" || { status=1 && echo "the reads failed" >&2; }
reads_pid=
calls_status=0
wait "$calls_pid" || calls_status=$?
calls_pid=

census=$("$bin/sealreel" --credential "$work/rotator.cred" rotate --dry-run --json)
left=$(tr -d ' \n' <<<"$census" | sed 's/.*"to_move":\([0-9]*\).*/\1/')
damaged=$(tr -d ' \n' <<<"$census" | sed 's/.*"damaged":\([0-9]*\).*/\1/')
played=0
"$bin/bench-reads" "$work/reads.grants" "$work/ids" 1000 "$sample" >"$work/played" || true
played=$(grep -c '^play ' "$work/played" || true)
total=$(grep '^total ' "$work/calls" || echo "total recordings=0 errors=1 checked=0 ack_p99=0")

tell "recordings rotated, beside $calls calls" "$rows"
tell "  in seconds, at $pace rows/s at most" "$took"
tell "kills of the tool" "$tool_kills" "=$kills" "$((tool_kills != kills))"
tell "kills of the daemon" "$daemon_kills" "=$kills" "$((daemon_kills != kills))"
tell "kills that came after the end" "$early" "=0" "$((early != 0))"
tell "rows left under an old epoch" "$left" "=0" "$((left != 0))"
tell "rows damaged" "$damaged" "=0" "$((damaged != 0))"
tell "sampled recordings that play" "$played" "=$sample" "$((played != sample))"
tell "calls finished" "$(value "$total" recordings)" "=$calls" "$(($(value "$total" recordings) != calls))"
tell "  errors" "$(value "$total" errors)" "=0" "$(value "$total" errors)"
tell "  read back, byte by byte" "$(value "$total" checked)" "all" "$calls_status"
tell "  durable: p99 of a write, ms" "$(value "$total" ack_p99)"
tell_reads
[ "$status" -eq 0 ] || tail -n 3 "$work/rotate.errors" >&2
exit "$status"
