#!/usr/bin/env bash
# Rotation against rewriting the same rows with bare LMDB in the same batches.
#
#   bench/rotate.sh [--recordings N] [--runs N] [--bin DIRECTORY]
#
#   --recordings   how many there are (default: 100000), 100 to 23 patients
#   --runs         how often each is measured, by turns (default: 5)
#   --bin          where the programs are (default: they are built)
#
# Prints tab-separated lines: `rotate` or `lmdb`, rows, then the smallest, median and largest rows a second; `cpu`, the same
# with the rows that the daemon moves in a second of its processor time, whoever else has the machine; and `ratio`, each
# rotation to the rewriting after it, the same three. The exit status is 1 if its median is below 0.25.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

recordings=100000
runs=5
options "$@"

operate() { "$bin/sealreel" --credential "$work/store/operator.cred" "$@"; }

# tell NAME: its line, of the rates in $work/NAME.
tell() {
	sort -n "$work/$1" | awk -v name="$1" -v rows="$(cat "$work/rows")" '{ rate[NR] = $1 }
		END { printf "%s\t%d\t%.0f\t%.0f\t%.0f\n", name, rows, rate[1], rate[int((NR + 1) / 2)], rate[NR] }'
}

build_programs
make_work
store_make unix
"$bin/bench-fill" "$work/store" $((recordings * 23 / 100)) "$recordings" >/dev/null 2>"$work/fill.log"
store_start
operate service add rotator --role rotate -o "$work/rotator.cred" >/dev/null
for ((run = 0; run < runs; run++)); do
	operate epoch new >/dev/null
	began=$(ticks "/proc/$daemon_pid/stat")
	"$bin/sealreel" --credential "$work/rotator.cred" rotate --json >"$work/told"
	used=$(($(ticks "/proc/$daemon_pid/stat") - began))
	sed -n 's/.*"moved": \([0-9]*\).*/\1/p' "$work/told" >"$work/rows"
	sed -n 's/.*"seconds": \([0-9.]*\).*/\1/p' "$work/told" |
		awk -v rows="$(cat "$work/rows")" '{ print rows / $1 }' >>"$work/rotate"
	awk -v rows="$(cat "$work/rows")" -v used="$used" -v second="$(getconf CLK_TCK)" \
		'BEGIN { print rows * second / (used ? used : 1) }' >>"$work/cpu"
	rm -rf "$work/copy"
	mkdir "$work/copy"
	store_stop
	cp "$work/store/index/data.mdb" "$work/copy/"
	sync "$work/copy/data.mdb"
	"$bin/bench-rewrite" "$work/copy" | sed 's/[a-z]*=//g' | awk '{ print $1 / $2 }' >>"$work/lmdb"
	store_start
done
tell rotate
tell lmdb
tell cpu
paste "$work/rotate" "$work/lmdb" | awk '{ print $1 / $2 }' | sort -n | awk '{ ratio[NR] = $1 } END {
	median = ratio[int((NR + 1) / 2)]
	printf "ratio\t%.2f\t%.2f\t%.2f\n", ratio[1], median, ratio[NR]
	exit median < 0.25
}'
