#!/usr/bin/env bash
# Breaks the important rules one at a time, and expects each break to be noticed.
#
#   tests/mutants/run.sh [NAME…]   only these mutants; by default all
#
# A mutant is a patch NAME.patch beside this script, whose first lines say which rule it breaks, and then one of:
#
#   Refused: [late]          a daemon built so, played from: both clients refuse (delivery.mjs)
#   Delivered:               the same with a library that has lost a check: a wrong byte gets through, which shows that
#                            the check is needed, and that delivery.mjs would see it
#   Unit: NAME SUITE/TEST    this test of this unit test goes red
#   Scenario: FILE: NAME     this test of this scenario goes red
#
# It builds a copy of the tree, in which every one of these tests must first pass. Each mutant counts as one test. The
# last line is "N passed, N failed, N skipped".
#
#   SEALREEL_BUILD    where to build (default: .build in the repository)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
work=${SEALREEL_BUILD:-$repo/.build}/mutants
mkdir -p "$work"
work=$(cd "$work" && pwd)
tree=$work/tree
build=$work/build
# Short, because a daemon's socket lies in it.
played=$(mktemp -d)
trap 'rm -rf "$played"' EXIT
export SEALREEL_BIN=$build/bin SEALREEL_BIN_RELEASE=$build/bin

passed=0
failed=0
if [ $# -eq 0 ]; then
	cd "$here"
	set -- *.patch
	set -- "${@%.patch}"
fi

pass() {
	passed=$((passed + 1))
	echo "ok - $1"
}

# fail NAME REASON [LOG]
fail() {
	failed=$((failed + 1))
	echo "not ok - $1: $2"
	[ $# -lt 3 ] || tail -n 15 "$3" | sed 's/^/    /'
}

finish() {
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

# Of a patch: what kind its test is, and what it says of it.
kind_of() { sed -nE '/^---/q; s/^(Refused|Delivered|Unit|Scenario):.*/\1/p' "$here/$1.patch"; }
test_of() { sed -nE '/^---/q; s/^(Refused|Delivered|Unit|Scenario): *//p' "$here/$1.patch"; }

# The targets that a kind of test needs.
targets_of() {
	case $1 in
	Unit) echo "${2%% *}" ;;
	Scenario) echo "sealreeld sealreel-cli misfile damage mark-restored" ;;
	*) echo "sealreeld sealreel-cli" ;;
	esac
}

build() {
	# shellcheck disable=SC2048,SC2086
	ninja -C "$build" -j 2 $* >"$work/build.log" 2>&1
}

# run_test KIND TEST LOG: true if the test passes on what is built.
run_test() {
	local kind=$1 what=$2 log=$3
	case $kind in
	Unit)
		timeout -k 5 60 "$build/bin/${what%% *}" --filter "${what#* }" >"$log" 2>&1 &&
			grep -q 'Passing: 1 ' "$log"
		;;
	Scenario)
		# What never happens any more need not be waited for as long as what ought to.
		SEALREEL_DEADLINE=15000 run_scenario "${what%%:*}" "$log" --test-name-pattern "$(quoted "${what#*: }")$" &&
			 is_green "${what#*: }" "$log"
		;;
	Refused) timeout -k 5 60 node "$tree/tests/mutants/delivery.mjs" "$played" refused ${what:+"$what"} >"$log" 2>&1 ;;
	Delivered) timeout -k 5 60 node "$tree/tests/mutants/delivery.mjs" "$played" refused >"$log" 2>&1 ;;
	esac
}

# run_scenario FILE LOG OPTION…
run_scenario() {
	timeout -k 5 180 node --test --test-reporter=tap "${@:3}" "$tree/tests/scenario/$1" >"$2" 2>&1
}

# is_green NAME LOG: a test that was left out is "ok" too, but says so.
is_green() {
	grep -qE "^ *ok [0-9]+ - $(quoted "$1")$" "$2"
}

quoted() { sed 's/[][\.*^$+?(){}|/]/\\&/g' <<<"$1"; }

# is_red KIND TEST LOG: the test has failed, and as a test, rather than for something else around it.
is_red() {
	local kind=$1 what=$2 log=$3
	case $kind in
	Unit) grep -qE "\[.*FAIL.*\].*$(quoted "$(sed 's,/,::,' <<<"${what#* }")")" "$log" && ! grep -q CRASH "$log" ;;
	Scenario) grep -qE "not ok .* - $(quoted "${what#*: }")" "$log" ;;
	Delivered) grep -q ' delivered' "$log" ;;
	esac
}

# apply_patch NAME [--reverse]: out of sight of any repository, which would take the paths for its own.
apply_patch() {
	GIT_CEILING_DIRECTORIES=$work git -C "$tree" apply -p1 -C1 "${@:2}" "$here/$1.patch"
}

try_mutant() {
	local name=$1 kind what log=$work/$1.log
	kind=$(kind_of "$name")
	what=$(test_of "$name")
	if [ -z "$kind" ]; then
		fail "$name" "it names no test"
		return
	fi
	if ! apply_patch "$name" >"$log" 2>&1; then
		fail "$name" "the patch does not fit the tree" "$log"
		return
	fi
	# shellcheck disable=SC2046
	if ! build $(targets_of "$kind" "$what"); then
		fail "$name" "it does not build" "$work/build.log"
	elif run_test "$kind" "$what" "$log"; then
		if [ "$kind" = Refused ]; then
			pass "$name"
		else
			fail "$name" "nothing noticed it: ${what:-delivery.mjs}" "$log"
		fi
	elif [ "$kind" != Refused ] && is_red "$kind" "$what" "$log"; then
		pass "$name"
	else
		fail "$name" "it failed for another reason" "$log"
	fi
	apply_patch "$name" --reverse
}

# The tree as it stands. Only files that differ are touched: a source that became older would not be built again.
copy_tree() {
	local file
	mkdir -p "$tree"
	(cd "$repo" && git ls-files -co --exclude-standard) >"$work/files"
	(cd "$tree" && find . -type f -printf '%P\n') | sort | comm -23 - <(sort "$work/files") |
		while IFS= read -r file; do rm "$tree/$file"; done
	while IFS= read -r file; do
		[ -f "$repo/$file" ] || continue
		cmp -s "$repo/$file" "$tree/$file" || (cd "$repo" && cp --parents -t "$tree" "$file")
	done <"$work/files"
	# -w: a mutant may leave something unused.
	cmake -S "$tree" -B "$build" -G Ninja -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DSR_SANITIZE=none \
		-DCMAKE_C_FLAGS=-w >"$work/build.log" 2>&1
}

# Every test that a mutant is to turn red, on the tree as it stands.
try_honest() {
	rm -f "$work"/honest*.log
	local log=$work/honest.log targets=() tests=() name kind what
	for name in "$@"; do
		kind=$(kind_of "$name")
		what=$(test_of "$name")
		targets+=($(targets_of "$kind" "$what"))
		case $kind in
		Unit | Scenario) tests+=("$kind $what") ;;
		esac
	done
	# shellcheck disable=SC2046
	if ! build sealreeld sealreel-cli $(printf '%s\n' "${targets[@]}" | sort -u); then
		fail "the tree as it stands" "it does not build" "$work/build.log"
		return
	fi
	if ! node "$tree/tests/mutants/delivery.mjs" "$played" prepare >"$log" 2>&1 ||
		! node "$tree/tests/mutants/delivery.mjs" "$played" whole >"$log" 2>&1; then
		fail "an honest daemon" "it does not deliver the whole" "$log"
	else
		pass "an honest daemon delivers the whole"
	fi
	while read -r kind what; do
		case $kind in
		Unit) run_test Unit "$what" "$log" || fail "the tree as it stands" "$what" "$log" ;;
		Scenario)
			# Once for all that is asked of a file.
			log=$work/honest-${what%%:*}.log
			[ -f "$log" ] || run_scenario "${what%%:*}" "$log" || true
			is_green "${what#*: }" "$log" || fail "the tree as it stands" "$what" "$log"
			;;
		esac
	done < <(printf '%s\n' "${tests[@]}" | sort -u)
}

copy_tree || {
	fail "the tree as it stands" "it cannot be configured" "$work/build.log"
	finish
}
try_honest "$@"
[ "$failed" -eq 0 ] || finish
for name in "$@"; do
	try_mutant "$name"
done
finish
