#!/usr/bin/env bash
# Many calls recorded at once, and how long their bytes take to be durable.
#
#   bench/calls.sh [--quick] [--streams N] [--seconds S] [--rate BITS] [--beside upload] [--check N] [--bound MS]
#                  [--transport tcp|unix] [--out FILE] [--bin DIRECTORY]
#
#   --quick       200 streams for 20 s
#   --streams     how many calls there are at once (default: 1000)
#   --seconds     how long they go on (default: 120)
#   --rate        what each records, in bit/s (default: 2000000)
#   --beside      with `upload`, recordings of 1 GiB are taken in beside them, one after the other, as fast as it goes
#   --check       how many recordings are read back and compared (default: 20)
#   --bound       what the 99th percentile may be, in ms (default: 1500); the exit status is 1 above it
#   --transport   how the calls connect (default: tcp)
#   --out         where the results go as JSON (default: calls.json beside the build)
#   --bin         where the programs are (default: they are built)
#
# How a number comes about is in bench/README.md. SEALREEL_BENCH_DIR names a directory on the disk to measure.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

streams=1000
seconds=120
rate=2000000
beside=none
check=20
bound=1500
transport=tcp
out=$bench_build/calls.json
flag_quick() { streams=200 seconds=20; }
options "$@"
[[ ($transport == tcp || $transport == unix) && ($beside == none || $beside == upload) ]] || usage

patients=100
uploader_pid=
watcher_pid=
end_others() {
	upload_stop
	end "$watcher_pid"
}

# grants FILE: one of each patient, a line each.
grants() {
	local which
	for ((which = 0; which < patients; which++)); do
		store_grant "bench|calls|$which"
		echo "$SEALREEL_GRANT" >>"$1"
	done
}

# ---- one upload after the other, until it is stopped ----

upload() {
	local turn=
	trap '[ -z "$turn" ] || kill "$turn"; exit 0' TERM
	while true; do
		"$bin/bench-write" "$work/source" >"$work/upload" &
		turn=$!
		wait "$turn" || exit 1
		tail -n 1 "$work/upload" >>"$work/uploads"
	done
}

upload_start() {
	[ "$beside" = upload ] || return 0
	store_grant 'bench|upload'
	upload 2>>"$work/upload.log" &
	uploader_pid=$!
}

upload_stop() {
	[ -n "$uploader_pid" ] || return 0
	kill "$uploader_pid" 2>/dev/null || true
	wait "$uploader_pid" || true
	uploader_pid=
}

# ---- the run ----

# follow: the generator's lines, with a look at the daemon when the pace begins and when it ends.
follow() {
	local line
	while IFS= read -r line; do
		case $line in
		begin)
			snapshot before
			upload_start
			;;
		end)
			snapshot after
			upload_stop
			;;
		*) echo "$line" ;;
		esac
	done
}

build_programs
mkdir -p "$(dirname "$out")"
make_work
needed=$(awk -v n="$streams" -v r="$rate" -v s="$seconds" 'BEGIN { printf "%d", n * r / 8 * s / 1048576 * 1.1 + 4096 }')
if [ "$(df --output=avail -BM "$work" | tail -n 1 | tr -dc 0-9)" -lt "$needed" ]; then
	echo "the disk of $work needs $needed MiB free; see --seconds" >&2
	exit 1
fi
[ "$beside" = none ] || make_source "$work/source" 1073741824
store_make "$transport"
store_start
store_service
grants "$work/grants"
load_before=$(cut -d ' ' -f 1 /proc/loadavg)
mkdir "$work/disk"
sync
disk=$("$bin/bench-disk" --streams "$streams" --rate "$rate" --seconds "$((seconds < 10 ? seconds : 10))" "$work/disk")
sync
watch_memory &
watcher_pid=$!
status=0
"$bin/bench-calls" --streams "$streams" --seconds "$seconds" --rate "$rate" --check "$check" "$work/grants" |
	follow >"$work/lines" || status=1
load_after=$(cut -d ' ' -f 1 /proc/loadavg)
if ! total=$(grep '^total ' "$work/lines") || [ ! -s "$work/after" ]; then
	tail -n 5 "$work/daemon.log" >&2
	exit 1
fi
before=$(<"$work/before") after=$(<"$work/after")
memory=$(cut -d ' ' -f 2 "$work/memory" | sort -n | tail -n 1)
uploads=$(awk '{ for (i = 1; i <= NF; i++) { split($i, w, "="); n[w[1]] += w[2] } }
	END { printf "%d %.1f", NR, NR ? n["bytes"] / 1048576 / n["seconds"] : 0 }' "$work/uploads" 2>/dev/null || echo "0 0")
{
	echo "$total $disk transport=$transport beside=$beside uploads=${uploads% *} upload_mib_s=${uploads#* }" \
		"memory_kib=$memory load_before=$load_before load_after=$load_after cores=$(nproc)"
	used_between
} | tr '\n' ' ' >"$work/result"
grep '^window ' "$work/lines" | awk -f "$repo/bench/calls.awk" -v json="$out" "$work/result" -

[ "$status" -eq 0 ] || echo "something failed: see above" >&2
awk -v p="$(value "$total" ack_p99)" -v bound="$bound" 'BEGIN { exit !(p > bound) }' && status=1
exit "$status"
