#!/usr/bin/env bash
# What the account costs: lists, plays and a long read with its entries synced, and by the same build with entries that
# are not, in turn; beside the same disk's fdatasync.
#
#   bench/account.sh [--rounds N] [--count N] [--mib N]
#
#   --rounds  how often each is measured, in turn (default: 5)
#   --count   lists, and plays, of one round (default: 300)
#   --mib     size of the long read (default: 256)
#
# It prints a line for each round: entries (synced or not), p50 and p99 of a list of 20 and p50 of a short play from
# connecting to its last byte, in milliseconds, the long read in MiB/s, and the p50 of a write of 4 KiB with fdatasync in
# milliseconds; then the medians and their ratios. See bench/README.md.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

rounds=5
count=300
mib=256
options "$@"

rows=20

# A build of its own: only it has the switch.
build_switched() {
	bash "$repo/tests/install.sh" bench
	bash "$repo/tests/install.sh" build
	bench_build=$bench_build-account
	mkdir -p "$bench_build"
	if ! { cmake -S "$repo" -B "$bench_build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSR_TESTS=OFF -DSR_BENCH=ON &&
		ninja -C "$bench_build" sealreeld sealreel-cli bench-read bench-write bench-lists; } \
		>"$bench_build/build.log" 2>&1; then
		tail -n 30 "$bench_build/build.log" >&2
		return 1
	fi
	bin=$bench_build/bin
}

# record BYTES: a recording of the patient; sets $recording.
record() {
	make_source "$work/source" "$1"
	"$bin/bench-write" "$work/source" >"$work/written"
	recording=$(head -n 1 "$work/written")
}

median() {
	sort -g | awk '{ a[NR] = $1 } END { print NR ? (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 : "none" }'
}

# plays RECORDING COUNT: the seconds of wall time that each of so many reads of a recording told.
plays() {
	local which grant=$small_grant
	[ "$1" = "$small" ] || grant=$large_grant
	for ((which = 0; which < $2; which++)); do
		value "$(SEALREEL_GRANT=$grant "$bin/bench-read" "$1" 2>&1)" seconds
	done
}

# The p50 of one write of 4 KiB and its fdatasync on this disk, in milliseconds.
sync_ms() {
	local which
	dd if=/dev/zero of="$work/sync" bs=4096 count=64 conv=fsync 2>/dev/null
	for ((which = 0; which < 31; which++)); do
		dd if=/dev/zero of="$work/sync" bs=4096 count=16 oflag=dsync conv=notrunc 2>&1 |
			awk '/copied/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^s,?$/) print $i * 1000 / 16 }'
	done | median
}

# round synced|not: one line.
round() {
	local list play long
	if [ "$1" = not ]; then
		export SEALREEL_BENCH_NOT_SYNCED=1
	else
		unset SEALREEL_BENCH_NOT_SYNCED
	fi
	store_start
	list=$("$bin/bench-lists" "$work/tokens" "$count" "$rows")
	play=$(plays "$small" "$((count / 3))" | median)
	long=$(plays "$large" 3 | median)
	store_stop
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$(cut -f 3 <<<"$list")" "$(cut -f 4 <<<"$list")" \
		"$(awk -v s="$play" 'BEGIN { printf "%.2f", s * 1000 }')" \
		"$(awk -v s="$long" -v m="$mib" 'BEGIN { printf "%.0f", m / s }')" "$(sync_ms)"
}

build_switched
make_work
store_make unix
store_start
store_service
store_grant "bench|account"
for ((which = 0; which < rows; which++)); do
	record 65536
done
small=$recording small_grant=$SEALREEL_GRANT
printf '%s\n' "$small_grant" >"$work/tokens"
store_grant "bench|account|long"
record "$((mib << 20))"
large=$recording
large_grant=$SEALREEL_GRANT
store_stop
printf 'entries\tlist p50\tlist p99\tplay p50\tread MiB/s\tfdatasync p50\n'
for ((which = 0; which < rounds; which++)); do
	round synced
	round not
done | tee "$work/rounds"
for column in 2 3 4 5 6; do
	for kind in synced not; do
		awk -v k="$kind" -v c="$column" '$1 == k { print $c }' "$work/rounds" | median
	done | paste -s
done | awk 'BEGIN { split("list p50,list p99,play p50,read,fdatasync", name, ",") }
	{ printf "%s: %s synced, %s not: %.2f times, %+.2f\n", name[NR], $1, $2, $1 / $2, $1 - $2 }'
