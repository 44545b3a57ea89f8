#!/usr/bin/env bash
# What is taken in durably, as one stream or as several at once, and the processor time of that.
#
#   bench/ingest.sh [--size SIZE] [--streams N] [--rounds N] [--transport tcp|unix] [--bin DIRECTORY]…
#
#   --size        how much is recorded in a turn (default: 1G)
#   --streams     in how many recordings, each by a process of its own, all at once (default: 1)
#   --rounds      how many are counted, after one that is not (default: 5)
#   --transport   how the client connects (default: tcp)
#   --bin         where the programs are (default: they are built); said again, another build that takes turns with it
#
# Prints a line for each build, of medians: the rate, from before the clients start until the last has ended; the
# processor time of the daemon (all of it, user, system, that of its loop) and of the clients in seconds for each GiB; how
# often a thread of the daemon waited or was set aside for each MiB; how often a file was synced, and how often the index
# was, for each GiB. SEALREEL_BENCH_DIR names a directory on the disk to measure.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

size=1G
rounds=5
streams=1
transport=tcp
bins=()
take_bin() { bins+=("$1"); }
options "$@"
[[ ($transport == tcp || $transport == unix) && $streams =~ ^[1-9][0-9]?$ ]] || usage
length=$(numfmt --from=iec "$size")

top=
end_others() { work=${top:-$work}; } # which is of one turn otherwise

# used: a line for each thread of the daemon: its number, user and system time in ticks, how often it was switched.
used() {
	local task line fields
	for task in "/proc/$daemon_pid/task/"*; do
		line=$(<"$task/stat")
		read -r -a fields <<<"${line##*) }"
		echo "${task##*/} ${fields[11]} ${fields[12]} $(awk '/ctxt/ { n += $2 } END { print n }' "$task/status")"
	done
}

# record_all: every part of the source, all at once; the clients' lines are in $work/clients. Sets $seconds.
record_all() {
	local part pid pids=() failed=0 began=$EPOCHREALTIME
	for part in "$top"/parts/*; do
		"$bin/bench-write" "$part" >"$work/client.${part##*/}" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	seconds=$(awk -v from="$began" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }')
	tail -q -n 1 "$work"/client.* >"$work/clients"
	return "$failed"
}

# take_in BUILD: all of it into a new store; unless this is the round that does not count, a line of figures.
take_in() {
	local seconds before after
	work=$top/turn
	mkdir "$work"
	store_make "$transport"
	store_start
	store_service
	store_grant 'bench|ingest'
	sync
	snapshot first
	used >"$work/before"
	record_all
	used >"$work/after"
	snapshot last
	before=$(<"$work/first") after=$(<"$work/last")
	store_stop
	[ "$round" -eq 0 ] || awk -v n="$length" -v hz="$(getconf CLK_TCK)" -v seconds="$seconds" \
		-v flushes="$(grown flushes)" -v commits="$(grown index_commits)" \
		-v client="$(awk '{ gsub(/[a-z]+=/, ""); s += $3 + $4 } END { print s }' "$work/clients")" \
		-v loop="$(head -n 1 "$work/before")" '
		BEGIN { gib = n / 1073741824; split(loop, l, " ") }
		NR == FNR { user -= $2; sys -= $3; switched -= $4; if ($1 == l[1]) own -= $2 + $3; next }
		{ user += $2; sys += $3; switched += $4; if ($1 == l[1]) own += $2 + $3 }
		END {
			printf "%.1f %.3f %.3f %.3f %.3f %.3f %.1f %.0f %.0f\n", n / 1048576 / seconds, (user + sys) / hz / gib,
				user / hz / gib, sys / hz / gib, own / hz / gib, client / gib, switched / gib / 1024,
				flushes / gib, commits / gib
		}' "$work/before" "$work/after" >>"$top/build.$1"
	rm -rf --one-file-system "$work"
}

# median COLUMN FILE
median() {
	awk -v at="$1" '{ print $at }' "$2" | sort -n |
		awk '{ v[NR] = $1 } END { m = int((NR + 1) / 2); print NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2 }'
}

if [ ${#bins[@]} -eq 0 ]; then
	build_programs
	bins=("$bin")
fi
make_work
top=$work
make_source "$top/source" "$length"
mkdir "$top/parts"
split -n "$streams" "$top/source" "$top/parts/"
rm "$top/source"
# The loop is the daemon's first thread; turns change their order, so that no build always comes first.
for ((round = 0; round <= rounds; round++)); do
	for ((turn = 0; turn < ${#bins[@]}; turn++)); do
		build=$(((turn + round) % ${#bins[@]}))
		bin=${bins[build]}
		take_in "$build"
	done
done
for ((build = 0; build < ${#bins[@]}; build++)); do
	names=(mib_s daemon user system loop client switches syncs commits)
	printf 'bin=%s' "${bins[build]}"
	for ((column = 0; column < ${#names[@]}; column++)); do
		printf ' %s=%s' "${names[column]}" "$(median $((column + 1)) "$top/build.$build")"
	done
	echo
done
