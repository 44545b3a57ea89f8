#!/usr/bin/env bash
# How long three kinds of refusal take: of an id that never existed, of another patient's recording, and of another
# patient's recording whose rows were copied under the asking patient's tag.
#
#   bench/refusals.sh [--count N] [--bin DIRECTORY]
#
#   --count   how many of each kind (default: 2000)
#   --bin     where the programs are (default: they are built)
#
# It prints a line for each request and kind, tab-separated: request, kind, count, the 1st, 10th, 25th, 50th, 75th, 90th
# and 99th percentile in microseconds, and the distance from the first kind's distribution. See bench/README.md.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

count=2000
options "$@"

each=16 # recordings of other patients, of each kind

# record_others FILE: recordings of other patients; their ids, one on a line.
record_others() {
	local which
	for ((which = 0; which < each; which++)); do
		store_grant "bench|other|$1|$which"
		"$bin/bench-write" "$work/source" >"$work/written"
		head -n 1 "$work/written" >>"$1"
	done
}

# The asking patient's tag, as the log has it once a foreign id was asked for.
asking_tag() {
	"$bin/bench-read" "$(head -n 1 "$work/foreign")" >/dev/null 2>&1 || true
	grep -F 'foreign' "$work/daemon.log" | sed -nE 's/.*\btag=([0-9a-f]{64}).*/\1/p' | tail -n 1
}

build_programs
make_work
make_source "$work/source" 65536
store_make unix
store_start
store_service
record_others "$work/foreign"
record_others "$work/misfiled"
store_grant 'bench|asking'
tag=$(asking_tag)
store_stop
while read -r recording; do
	"$bin/misfile" "$work/store" "$recording" "$tag" >/dev/null
done <"$work/misfiled"
store_start
for request in play info; do
	"$bin/bench-refusals" "$request" "$count" "$work/foreign" "$work/misfiled"
done
