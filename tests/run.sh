#!/usr/bin/env bash
# The whole test suite, from a fresh clone to one closing line:
#
#   tests/run.sh [--long]     --long also runs what takes more than a quarter of an hour, and under ThreadSanitizer
#
# It installs what is missing, builds with gcc and clang (ASan and UBSan) and once as released, and runs the unit tests
# under both compilers, the scenarios and the second-language client against the clang build, the faults against the
# released one, each fuzzer for a moment, and the mutants. The last line is "N passed, N failed, N skipped"; the exit
# status is 0 if something passed and nothing failed.
#
#   SEALREEL_BUILD    where to build (default: .build in the repository)
#   SEALREEL_SHARED   where the published test vectors are (default: ../shared beside the repository)
#   SEALREEL_FUZZ     seconds for each fuzzer (default: 10; 120 with --long)
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repo"
case "$*" in
"") ;;
--long) export SEALREEL_LONG=1 ;;
*)
	sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac

build=${SEALREEL_BUILD:-$repo/.build}
mkdir -p "$build"
build=$(cd "$build" && pwd)
export SEALREEL_SRC=$repo SEALREEL_SHARED=${SEALREEL_SHARED:-$repo/../shared}
fuzz_seconds=${SEALREEL_FUZZ:-$([ -n "${SEALREEL_LONG-}" ] && echo 120 || echo 10)}

passed=0
failed=0
skipped=0
part=
part_began=0

# begin NAME: a part starts.
begin() {
	part=$1
	part_began=$SECONDS
	echo "== $part"
}

# count PASSED FAILED SKIPPED: the part ends with these counts.
count() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
	echo "-- $part: $1 passed, $2 failed, $3 skipped ($((SECONDS - part_began)) s)"
}

# build_as NAME CMAKE-OPTION…: build the tree into $build/NAME. It counts only if it fails.
build_as() {
	local name=$1
	shift
	begin "build: $name"
	if cmake -S "$repo" -B "$build/$name" -G Ninja "$@" >"$build/$name.log" 2>&1 &&
		ninja -C "$build/$name" -j 2 -k 20 >>"$build/$name.log" 2>&1; then
		count 0 0 0
		return 0
	fi
	grep -nE 'error:|^FAILED|CMake Error|undefined reference' "$build/$name.log" | awk 'NR <= 40' ||
		tail -n 40 "$build/$name.log"
	echo "the whole of it: $build/$name.log"
	count 0 1 0
	return 1
}

# run_ctest NAME: run the tests of $build/NAME. Criterion's own counts stand for a unit test, one for any other.
run_ctest() {
	local tree=$build/$1 total
	begin "unit tests: $1"
	rm -rf "$tree/tap" "$tree/junit.xml"
	mkdir -p "$tree/tap"
	ctest --test-dir "$tree" -j 2 --output-on-failure --no-tests=ignore --output-junit "$tree/junit.xml" \
		>"$tree/ctest.log" 2>&1 ||
		grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed|^ +Start ' "$tree/ctest.log" || true
	# One line per ctest test: its name and how it ended.
	total=$(sed -nE 's/.*<testcase name="([^"]+)".* status="([a-z]+)".*/\1 \2/p' "$tree/junit.xml" |
		while read -r name status; do
			tally "$tree/tap/$name.tap" "$status"
		done | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
	grep -hE '^ok .*# SKIP' "$tree"/tap/*.tap 2>/dev/null | sed 's/^ok - /skipped: /' || true
	# shellcheck disable=SC2086
	count $total
}

# tally TAP STATUS: the counts of one ctest test. A failure that no single test owns up to (a leak, a crash) is one
# more.
tally() {
	local p=0 f=0 s=0
	if [ -s "$1" ]; then
		s=$(grep -cE '^ok .*# SKIP' "$1" || true)
		p=$(($(grep -c '^ok ' "$1" || true) - s))
		f=$(grep -c '^not ok ' "$1" || true)
	elif [ "$2" = run ]; then
		p=1
	fi
	if [ "$2" != run ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	echo "$p $f $s"
}

# run_node NAME FILE…: Node tests of the programs, two files at once, since most of them wait more than they work. A
# sanitizer's report by any program they start is a failure.
run_node() {
	local name=$1 log=$build/$1.log reports=$build/$1.reports p f s
	shift
	begin "$name"
	rm -rf "$reports"
	mkdir -p "$reports"
	local options=log_path=$reports/report
	ASAN_OPTIONS=detect_leaks=1:$options UBSAN_OPTIONS=print_stacktrace=1:$options TSAN_OPTIONS=$options:suppressions=$repo/tests/thread.supp \
		timeout -k 10 "${SEALREEL_LONG:+10}800" node --test --test-concurrency=2 --test-reporter=tap \
		"$@" >"$log" 2>&1 || true
	p=$(node_count pass "$log")
	f=$(($(node_count fail "$log") + $(node_count cancelled "$log")))
	s=$(($(node_count skipped "$log") + $(node_count todo "$log")))
	if ! grep -q '^# pass ' "$log"; then
		echo "the tests did not come to an end; the last lines:"
		tail -n 20 "$log"
		f=$((f + 1))
	elif [ "$f" -gt 0 ]; then
		# awk reads to the end: a pipe that is closed early would end this script.
		grep -A 25 -E '^ *not ok ' "$log" | awk 'NR <= 400'
	fi
	grep -E '^ *ok .*# SKIP' "$log" | sed -E 's/^ *ok [0-9]+ - /skipped: /' || true
	for report in "$reports"/*; do
		[ -e "$report" ] || continue
		# A process that a test kills while it looks for leaks leaves a report of nothing, or of this.
		grep -qvE '^==[0-9]+==Unable to get registers from thread [0-9]+\.$' "$report" || continue
		head -n 40 "$report"
		f=$((f + 1))
	done
	count "$p" "$f" "$s"
}

node_count() {
	awk -v what="$1" '$1 == "#" && $2 == what { n = $3 } END { print n + 0 }' "$2"
}

# run_counted NAME COMMAND…: a script whose last line is its counts, as here.
run_counted() {
	local name=$1 log=$build/$1.log last status=0
	shift
	begin "$name"
	"$@" >"$log" 2>&1 || status=$?
	last=$(tail -n 1 "$log")
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		local p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
		sed '$d' "$log"
		[ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
		count "$p" "$f" "$s"
	else
		tail -n 40 "$log"
		count 0 1 0
	fi
}

# run_one NAME COMMAND…: a script that is one test.
run_one() {
	local name=$1 log=$build/$1.log
	shift
	begin "$name"
	if "$@" >"$log" 2>&1; then
		count 1 0 0
	else
		tail -n 40 "$log"
		count 0 1 0
	fi
}

begin "install"
bash tests/install.sh test
count 0 0 0

if build_as gcc -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug; then
	run_ctest gcc
fi
clang_built=
if build_as clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DSR_FUZZ=ON; then
	clang_built=yes
	run_ctest clang
	if compgen -G 'tests/fuzz/fuzz_*.c' >/dev/null; then
		run_counted fuzz bash tests/fuzz/run.sh "$build/clang" "$fuzz_seconds"
	fi
fi
if build_as release -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release -DSR_TESTS=OFF; then
	run_ctest release
fi

# The programs themselves: with sanitizers, and as released for what is about memory or time. It is clang's build
# because gcc's UBSan writes to stderr alone, where a test that expects a program to fail would not notice it.
export SEALREEL_BIN=$build/clang/bin SEALREEL_BIN_RELEASE=$build/release/bin
if [ -n "$clang_built" ]; then
	shopt -s nullglob
	scenarios=(tests/scenario/*.test.mjs)
	peers=(tests/peer/*.test.mjs)
	faults=(tests/faults/*.test.mjs)
	shopt -u nullglob
	[ ${#scenarios[@]} -eq 0 ] || run_node scenario "${scenarios[@]}"
	[ ${#peers[@]} -eq 0 ] || run_node peer "${peers[@]}"
	[ ${#faults[@]} -eq 0 ] || run_node faults "${faults[@]}"
	[ ! -f tests/mutants/run.sh ] || run_counted mutants bash tests/mutants/run.sh
	[ ! -f client/demo.sh ] || run_one demo timeout -k 10 300 bash client/demo.sh
	[ ! -f client/demo-june.sh ] || run_one demo-june timeout -k 10 300 bash client/demo.sh --june-2020
	if [ -n "${SEALREEL_LONG-}" ] && [ ${#scenarios[@]} -gt 0 ] &&
		build_as thread -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DSR_SANITIZE=thread; then
		SEALREEL_BIN=$build/thread/bin run_node scenario-thread "${scenarios[@]}"
	fi
fi

echo "all of it took $SECONDS s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
