#!/usr/bin/env bash
# Runs each fuzzer of a build for a while, from its seeds in tests/fuzz/corpus/<name>, two at a time.
#
#   tests/fuzz/run.sh BUILD-DIRECTORY [SECONDS-EACH]
#
# What a fuzzer finds is kept in BUILD-DIRECTORY/fuzz/<name>/. The closing line counts the fuzzers.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Runs fuzzer $2 of build $1 for $3 seconds; a line says how it went.
fuzz_one() {
	local build=$1 name=$2 seconds=$3
	local out=$build/fuzz/$name began=$SECONDS
	rm -rf "$out"
	mkdir -p "$out/found" "$out/corpus"
	# What is learnt goes to the first directory; the seeds are read only.
	local corpora=("$out/corpus")
	[ -d "$here/corpus/$name" ] && corpora+=("$here/corpus/$name")
	if timeout $((seconds + 60)) "$build/bin/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
		-print_final_stats=1 -artifact_prefix="$out/found/" "${corpora[@]}" >"$out/log" 2>&1; then
		local inputs
		inputs=$(awk '/number_of_executed_units/ { print $2 }' "$out/log")
		echo "ok fuzz_$name: $inputs inputs in $((SECONDS - began)) s"
	else
		echo "not ok fuzz_$name:"
		grep -nE 'ERROR|SUMMARY|runtime error|Test unit written' "$out/log" | sed 's/^/    /' || true
		tail -n 5 "$out/log" | sed 's/^/    /'
	fi
}

if [ "${1-}" = --one ]; then
	fuzz_one "$2" "$3" "$4"
	exit
fi

build=$1
seconds=${2:-10}
names=$(find "$here" -maxdepth 1 -name 'fuzz_*.c' -printf '%f\n' | sed -E 's/^fuzz_(.*)\.c$/\1/' | sort)
results=$(printf '%s' "${names:+$names$'\n'}" |
	xargs -r -P 2 -I NAME bash "$here/run.sh" --one "$build" NAME "$seconds")
printf '%s\n' "$results"
echo "$(grep -c '^ok ' <<<"$results" || true) passed, $(grep -c '^not ok ' <<<"$results" || true) failed, 0 skipped"
! grep -q '^not ok ' <<<"$results"
