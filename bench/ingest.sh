#!/usr/bin/env bash
# One recording after the other, taken in durably as one stream, and the processor time of that.
#
#   bench/ingest.sh [--size SIZE] [--rounds N] [--transport tcp|unix] [--bin DIRECTORY]…
#
#   --size        how long a recording is (default: 1G)
#   --rounds      how many are counted, after one that is not (default: 5)
#   --transport   how the client connects (default: tcp)
#   --bin         where the programs are (default: they are built); said again, another build that takes turns with it
#
# Prints a line for each build, of medians: the rate, the processor time of the daemon (all of it, user, system, that of
# its loop) and of the client in seconds for each GiB, and how often a thread of the daemon waited or was set aside for
# each MiB. SEALREEL_BENCH_DIR names a directory on the disk to measure.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

size=1G
rounds=5
transport=tcp
bins=()
take_bin() { bins+=("$1"); }
options "$@"
[[ $transport == tcp || $transport == unix ]] || usage
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

# take_in BUILD: one recording into a new store; unless this is the round that does not count, a line of figures.
take_in() {
	local line
	work=$top/turn
	mkdir "$work"
	store_make "$transport"
	store_start
	store_service
	store_grant 'bench|ingest'
	sync
	used >"$work/before"
	line=$("$bin/bench-write" "$top/source" | tail -n 1)
	used >"$work/after"
	store_stop
	[ "$round" -eq 0 ] || awk -v n="$length" -v hz="$(getconf CLK_TCK)" -v seconds="$(value "$line" seconds)" \
		-v client="$(value "$line" user) $(value "$line" system)" -v loop="$(head -n 1 "$work/before")" '
		BEGIN { gib = n / 1073741824; split(client, c, " "); split(loop, l, " ") }
		NR == FNR { user -= $2; sys -= $3; switched -= $4; if ($1 == l[1]) own -= $2 + $3; next }
		{ user += $2; sys += $3; switched += $4; if ($1 == l[1]) own += $2 + $3 }
		END {
			printf "%.1f %.3f %.3f %.3f %.3f %.3f %.1f\n", n / 1048576 / seconds, (user + sys) / hz / gib,
				user / hz / gib, sys / hz / gib, own / hz / gib, (c[1] + c[2]) / gib, switched / gib / 1024
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
# The loop is the daemon's first thread; turns change their order, so that no build always comes first.
for ((round = 0; round <= rounds; round++)); do
	for ((turn = 0; turn < ${#bins[@]}; turn++)); do
		build=$(((turn + round) % ${#bins[@]}))
		bin=${bins[build]}
		take_in "$build"
	done
done
for ((build = 0; build < ${#bins[@]}; build++)); do
	names=(mib_s daemon user system loop client switches)
	printf 'bin=%s' "${bins[build]}"
	for ((column = 0; column < ${#names[@]}; column++)); do
		printf ' %s=%s' "${names[column]}" "$(median $((column + 1)) "$top/build.$build")"
	done
	echo
done
