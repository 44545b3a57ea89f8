#!/usr/bin/env bash
# A long recording in and out, and the most anonymous memory that the daemon had resident meanwhile.
#
#   bench/memory.sh [--size SIZE] [--bound MIB] [--bin DIRECTORY]
#
#   --size    how long the recording is (default: 2G)
#   --bound   what the daemon may have, in MiB (default: 64); the exit status is 1 if it had more
#   --bin     where the programs are (default: they are built)
#
# It prints one line of NAME=VALUE words, in MiB: bench/README.md says what they are.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

size=2G
bound=64
options "$@"

watcher_pid=
end_others() { end "$watcher_pid"; }

# watch PID FILE: every 5 ms the process's RssAnon in KiB, until it or this ends; the maximum is the file's last line.
watch() {
	local most=0 name amount unit tick
	exec {tick}<> <(:)
	while [ -r "/proc/$1/status" ]; do
		while read -r name amount unit; do
			if [ "$name" = RssAnon: ] && [ "$unit" = kB ] && [ "$amount" -gt "$most" ]; then
				most=$amount
				echo "$most" >>"$2"
			fi
		done <"/proc/$1/status"
		read -r -t 0.005 -u "$tick" || true
	done 2>/dev/null
}

# watched FILE COMMAND…: run it and leave the maximum in the file.
watched() {
	local file=$1 status=0
	shift
	watch "$daemon_pid" "$file" &
	watcher_pid=$!
	"$@" || status=$?
	kill "$watcher_pid" 2>/dev/null || true
	wait "$watcher_pid" 2>/dev/null || true
	watcher_pid=
	return "$status"
}

# KiB in MiB, with one digit.
mib() {
	awk -v kib="$1" 'BEGIN { printf "%.1f", kib / 1024 }'
}

build_programs
make_work
make_source "$work/source" "$(numfmt --from=iec "$size")"
store_make tcp
store_start
store_service
store_grant 'bench|memory'
idle=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$daemon_pid/status")
watched "$work/in" "$bin/bench-write" "$work/source" >"$work/written"
recording=$(head -n 1 "$work/written")
watched "$work/out" "$bin/bench-read" "$recording" >"$work/read"
resident=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$daemon_pid/status")
same_bytes "$work/source" "$bin/bench-read" "$recording" -

in=$(tail -n 1 "$work/in")
out=$(tail -n 1 "$work/out")
echo "size=$size idle=$(mib "$idle") in=$(mib "$in") out=$(mib "$out") resident=$(mib "$resident") bound=$bound"
if [ $((in > out ? in : out)) -ge $((bound * 1024)) ]; then
	echo "the daemon had more than $bound MiB" >&2
	exit 1
fi
