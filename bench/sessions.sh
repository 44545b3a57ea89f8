#!/usr/bin/env bash
# What a session costs the daemon in memory: idle, and with a stream that is read slowly.
#
#   bench/sessions.sh [--sessions N] [--bin DIRECTORY]
#
#   --sessions   how many there are at once (default: 1000)
#   --bin        where the programs are (default: they are built)
#
# It prints `session_idle` and `session_streaming`, `sealreel`, and KiB for each session, tab-separated. The exit status
# is 1 above the bounds, 64 and 256 KiB. See bench/README.md.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

sessions=1000
options "$@"

sessions_pid=
end_others() { end "$sessions_pid"; }

# resident: the daemon's RssAnon in KiB, the largest of two seconds.
resident() {
	for _ in {1..20}; do
		awk '$1 == "RssAnon:" { print $2 }' "/proc/$daemon_pid/status"
		sleep 0.1
	done | sort -n | tail -n 1
}

# wait_for WORD: until bench-sessions says so.
wait_for() {
	local word
	read -r word <&"$said"
	[ "$word" = "$1" ] || {
		echo "the sessions did not become $1" >&2
		return 1
	}
}

# each AMOUNT: KiB of each session, of what is there more than without them.
each() {
	awk -v kib="$(($1 - without))" -v n="$sessions" 'BEGIN { printf "%.1f", kib / n }'
}

build_programs
make_work
make_source "$work/source" 268435456
store_make tcp
store_start
store_service
store_grant 'bench|sessions'
recording=$("$bin/bench-write" "$work/source" | head -n 1)
# Recording has left memory behind that sessions would be given: a daemon that has done nothing has none.
store_stop
store_start
without=$(resident)
mkfifo "$work/ask" "$work/say"
"$bin/bench-sessions" "$sessions" "$recording" <"$work/ask" >"$work/say" &
sessions_pid=$!
exec {ask}>"$work/ask" {said}<"$work/say"
wait_for idle
idle=$(each "$(resident)")
echo "go on" >&"$ask"
wait_for streaming
streaming=$(each "$(resident)")
echo "go on" >&"$ask"
wait "$sessions_pid"
sessions_pid=
printf 'session_idle\tsealreel\t%s\nsession_streaming\tsealreel\t%s\n' "$idle" "$streaming"
awk -v idle="$idle" -v streaming="$streaming" 'BEGIN { exit !(idle <= 64 && streaming <= 256) }'
