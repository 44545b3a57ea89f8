#!/usr/bin/env bash
# How start-up and lists grow with the number of recordings.
#
#   bench/scale.sh [--recordings "N …"] [--starts N] [--lists N] [--rounds N] [--bin DIRECTORY]
#
#   --recordings   how large the stores are, one after the other (default: "10000 1000000"); 10 million take 20 GB
#   --starts       how often each store's daemon is started, cold and warm (default: 9)
#   --lists        how many lists of each length are asked for in a round (default: 1000)
#   --rounds       how many rounds of lists, each of all lengths (default: 5)
#   --bin          where the programs are (default: they are built)
#
# Each store is filled through the daemon's own index code by bench-fill, 100 recordings to 23 patients. It prints
# tab-separated lines: `fill`, recordings, seconds, MiB of index; `start`, recordings, cold or warm, then smallest,
# median and largest milliseconds; `list`, recordings, rows, count, p50, p99 and the largest milliseconds, p50 and the
# largest of those that were the first for their patient, whose part of the index may lie on the disk alone, and the
# smallest and the largest p99 of a round: p50 and p99 are the rounds' medians; `lists`, recordings, rows, and how many
# lists there are in a second when four clients ask at once.
# The exit status is 1 if a median start takes a second. See bench/README.md.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

recordings="10000 1000000"
starts=9
lists=1000
rounds=5
options "$@"

slow=0

# Milliseconds from the start of the daemon until it says that it serves.
start_once() {
	local log=$work/start.log begin
	: >"$log"
	begin=$(date +%s%N)
	"$bin/sealreeld" "$work/store" 2>"$log" &
	daemon_pid=$!
	until grep -q event=ready "$log"; do
		kill -0 "$daemon_pid"
	done
	echo "$begin $(date +%s%N)" | awk '{ printf "%.1f\n", ($2 - $1) / 1e6 }' >>"$1"
	store_stop
}

# Out of the page cache with the index: what a start after a reboot finds.
cool() {
	sync "$work/store/index/data.mdb"
	dd if="$work/store/index/data.mdb" iflag=nocache count=0 status=none
}

starts_of() {
	local kind times=$work/times median
	for kind in cold warm; do
		: >"$times"
		for ((turn = 0; turn < starts; turn++)); do
			[ "$kind" = warm ] || cool
			start_once "$times"
		done
		sort -n "$times" -o "$times"
		median=$(sed -n "$(((starts + 1) / 2))p" "$times")
		printf 'start\t%s\t%s\t%s\t%s\t%s\n' "$1" "$kind" "$(head -n 1 "$times")" "$median" \
			"$(tail -n 1 "$times")"
		awk -v median="$median" 'BEGIN { exit median >= 1000 }' || slow=1
	done
}

# tokens_of PATIENTS ROWS FIRST STEP: grants for up to 100 of the patients FIRST, FIRST + STEP, …, in $work/tokens.ROWS
tokens_of() {
	local patient made=0
	: >"$work/tokens.$2"
	for ((patient = $3; patient < $1 && made < 100; patient += $4, made++)); do
		"$bin/sealreel" grant --issuer-key "$work/store/dev-issuer.jwk" --patient "bench|$patient" \
			--scope list --act system:bench --ttl 1h >>"$work/tokens.$2"
	done
}

# at_once_of RECORDINGS ROWS: four clients, with the tokens there are. What each warms up with counts as well.
at_once_of() {
	local client pid pids=() began
	began=$(date +%s%N)
	for client in 1 2 3 4; do
		"$bin/bench-lists" "$work/tokens.$2" "$lists" "$2" >"$work/at_once.$client" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	printf 'lists\t%s\t%s\t%s\n' "$1" "$2" "$(awk -v n="$lists" -v asked="$(wc -l <"$work/tokens.$2")" -v from="$began" -v to="$(date +%s%N)" \
		'BEGIN { printf "%.0f", 4 * (n + asked) / ((to - from) / 1e9) }')"
}

# nth ROWS COLUMN PLACE: what stands at a place, the smallest being the first, of a column of the rounds' lines.
nth() { cut -f "$2" "$work/lists.$1" | sort -n | sed -n "$3p"; }

# list_line RECORDINGS ROWS: of the rounds; who asks for the first time does so in the first of them.
list_line() {
	local middle=$(((rounds + 1) / 2))
	printf 'list\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" $((rounds * lists)) "$(nth "$2" 3 $middle)" \
		"$(nth "$2" 4 $middle)" "$(nth "$2" 5 "$rounds")" "$(head -n 1 "$work/lists.$2" | cut -f 6,7)" \
		"$(nth "$2" 4 1)" "$(nth "$2" 4 "$rounds")"
}

# lists_of RECORDINGS PATIENTS: the daemon runs. Which patients have how many is bench-fill's choice.
lists_of() {
	local rows first step round
	rm -f "$work"/lists.*
	for rows in 1:1:100 50:50:100 500:0:10000; do
		IFS=: read -r rows first step <<<"$rows"
		tokens_of "$2" "$rows" "$first" "$step"
	done
	for ((round = 0; round < rounds; round++)); do
		for rows in 1 50 500; do
			"$bin/bench-lists" "$work/tokens.$rows" "$lists" "$rows" >>"$work/lists.$rows"
		done
	done
	for rows in 1 50 500; do
		list_line "$1" "$rows"
		[ "$rows" != 50 ] || at_once_of "$1" "$rows"
	done
}

build_programs
make_work
for count in $recordings; do
	patients=$((count * 23 / 100))
	store_make unix
	"$bin/bench-fill" "$work/store" "$patients" "$count" >"$work/filled" 2>"$work/fill.log"
	printf 'fill\t%s\t%s\t%s\n' "$count" "$(value "$(cat "$work/filled")" seconds)" \
		"$(du -m "$work/store/index/data.mdb" | cut -f 1)"
	starts_of "$count"
	store_start
	store_service
	lists_of "$count" "$patients"
	store_stop
	rm -rf "$work/store" "$work/bench.cred"
done
exit "$slow"
