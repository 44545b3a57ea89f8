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
#   Scenario: FILE: NAME     this test of this scenario goes red, which is run alone
#   Sequence: FILE: NAME     the same where it goes on from what the tests before it have left: the whole file is run
#
# A copy of the tree is built, in which every one of these tests must first pass. That build stays as it is: the sources
# that a patch changes (it may change no header) are compiled beside it, by the build's own commands, and the programs
# and the library that its test runs are linked with them before the whole ones. Two mutants are tried at once, each in
# a directory of its own. Each counts as one test. The last line is "N passed, N failed, N skipped".
#
#   SEALREEL_BUILD    where to build (default: .build in the repository)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
work=${SEALREEL_BUILD:-$repo/.build}/mutants
mkdir -p "$work"
work=$(cd "$work" && pwd -P)
tree=$work/tree
build=$work/build
results=$work/results

# ok NAME; not_ok NAME REASON [LOG]: what comes of a test, in one piece, since two are run at once.
ok() {
	echo "ok - $1"
}

not_ok() {
	local lines="not ok - $1: $2"
	[ $# -lt 3 ] || lines+=$'\n'$(tail -n 40 "$3" | sed 's/^/    /')
	echo "$lines"
	return 1
}

# Of a patch: what kind its test is, what it says of it, and what it changes.
kind_of() { sed -nE '/^---/q; s/^(Refused|Delivered|Unit|Scenario|Sequence):.*/\1/p' "$here/$1.patch"; }
test_of() { sed -nE '/^---/q; s/^(Refused|Delivered|Unit|Scenario|Sequence): *//p' "$here/$1.patch"; }
sources_of() { sed -nE 's,^\+\+\+ b/,,p' "$here/$1.patch"; }

# --- What is run ----------------------------------------------------------------------------------------------------

# run_test KIND TEST LOG: true if the test passes on what is built.
run_test() {
	local kind=$1 what=$2 log=$3
	case $kind in
	Unit)
		timeout -k 5 60 "$SEALREEL_BIN/${what%% *}" --filter "${what#* }" >"$log" 2>&1 &&
			grep -q 'Passing: 1 ' "$log"
		;;
	Scenario)
		run_scenario "${what%%:*}" "$log" --test-name-pattern "$(quoted "${what#*: }")$" &&
			is_green "${what#*: }" "$log"
		;;
	Sequence)
		run_scenario "${what%%:*}" "$log" || true
		is_green "${what#*: }" "$log"
		;;
	Refused) timeout -k 5 60 node "$tree/tests/mutants/delivery.mjs" "$played" refused ${what:+"$what"} >"$log" 2>&1 ;;
	Delivered) timeout -k 5 60 node "$tree/tests/mutants/delivery.mjs" "$played" refused >"$log" 2>&1 ;;
	esac
}

# run_scenario FILE LOG OPTION…
run_scenario() {
	SEALREEL_DEADLINE=$deadline timeout -k 5 180 node --test --test-reporter=tap "${@:3}" \
		"$tree/tests/scenario/$1" >"$2" 2>&1
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
	Scenario | Sequence) grep -qE "not ok .* - $(quoted "${what#*: }")" "$log" ;;
	Delivered) grep -q ' delivered' "$log" ;;
	esac
}

# --- The tree as it stands ------------------------------------------------------------------------------------------

# What scenarios help themselves with.
tools=(misfile damage mark-restored)

# Only files that differ are touched: a source that became older would not be built again.
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
	# -w: a mutant may leave something unused. A type of build of its own has nothing for a debugger, which is most of
	# what a linker would have to do.
	cmake -S "$tree" -B "$build" -G Ninja -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Mutant -DSR_SANITIZE=none \
		-DCMAKE_C_FLAGS="-w -O1" >"$work/build.log" 2>&1
}

# Each test that these mutants are to turn red, in a line of its own: KIND TEST.
tests_of() {
	local name kind
	for name in "$@"; do
		kind=$(kind_of "$name")
		case $kind in
		Unit | Scenario | Sequence) echo "$kind $(test_of "$name")" ;;
		esac
	done | sort -u
}

# try_whole KIND TEST: it passes on the tree as it stands, run just as it is going to be run on the broken one.
try_whole() {
	local log
	log=$work/whole-$(tr -c 'a-zA-Z0-9\n' - <<<"$2").log
	run_test "$1" "$2" "$log" || not_ok "the tree as it stands" "$2" "$log"
}

# try_honest NAME…: the tree as it stands is built, and every test that these mutants are to turn red passes.
try_honest() {
	local log=$work/honest.log name store targets=(sealreeld sealreel-cli "${tools[@]}")
	if ! copy_tree; then
		not_ok "the tree as it stands" "it cannot be configured" "$work/build.log"
		return
	fi
	for name in "$@"; do
		[ "$(kind_of "$name")" != Unit ] || targets+=("$(test_of "$name" | cut -d ' ' -f 1)")
	done
	# shellcheck disable=SC2046
	if ! ninja -C "$build" -j 2 $(printf '%s\n' "${targets[@]}" | sort -u) >"$work/build.log" 2>&1; then
		not_ok "the tree as it stands" "it does not build" "$work/build.log"
		return
	fi
	# A store for each of the two at once: a credential names its daemon's socket, so that one is no copy of the other.
	for store in "$played/0" "$played/1"; do
		mkdir "$store"
		if ! node "$tree/tests/mutants/delivery.mjs" "$store" prepare >"$log" 2>&1 ||
			! node "$tree/tests/mutants/delivery.mjs" "$store" whole >"$log" 2>&1; then
			not_ok "an honest daemon" "it does not deliver the whole" "$log"
			return
		fi
	done
	ok "an honest daemon delivers the whole"
	tests_of "$@" | two_at_once --whole
}

# --- One mutant -----------------------------------------------------------------------------------------------------

# fill_lane KIND TEST: this mutant's own copies of the sources and of what its test runs.
fill_lane() {
	local kind=$1 what=$2
	rm -rf "$lane"
	mkdir -p "$lane/tree" "$lane/bin"
	cp -a -t "$lane/tree" "$tree"/{client,proto,store}
	cp -a -t "$lane" "$build/lib"
	if [ "$kind" = Unit ]; then
		cp -a -t "$lane/bin" "$build/bin/${what%% *}"
	else
		cp -a -t "$lane/bin" "$build"/bin/{sealreeld,sealreel} "${tools[@]/#/$build/bin/}"
	fi
}

# command_of OUTPUT: what the build would run to make this file alone.
command_of() { ninja -C "$build" -t commands -s "$1"; }

# compile_mutant NAME: fills `objects`, from a whole object's place in the build to that of the broken one.
compile_mutant() {
	local source command object
	for source in $(sources_of "$1"); do
		if [[ $source != *.c ]]; then
			echo "$source: a mutant may change no more than C sources"
			return 1
		fi
		command=$(command_of "$tree/$source^")
		if ! [[ $command =~ \ -o\ ([^ ]+)\ -c\  ]]; then
			echo "$source: not compiled by: $command"
			return 1
		fi
		object=${BASH_REMATCH[1]}
		objects[$object]=../${lane##*/}/${object//\//_}
		command=${command//"$tree/"/"$lane/tree/"}
		(cd "$build" && sh -c "${command//"$object"/"${objects[$object]}"}") || return 1
	done
}

# link_mutant FILE…: those of these files of the build that have one of `objects` in them. One at least must.
link_mutant() {
	local target whole command object archive linked=0
	for target in "$@"; do
		whole=$(command_of "$target")
		command=$whole
		for object in "${!objects[@]}"; do
			archive=${object#CMakeFiles/}
			archive=lib${archive%%.dir/*}.a
			command=${command//" $object "/" ${objects[$object]} "}
			# Before the archive: what stands in it under the same names is then not looked for.
			command=${command/" $archive "/" ${objects[$object]} $archive "}
		done
		[ "$command" != "$whole" ] || continue
		rm "$lane/$target"
		(cd "$build" && sh -c "${command/" -o $target "/" -o ../${lane##*/}/$target "}") || return 1
		linked=1
	done
	if [ "$linked" -eq 0 ]; then
		echo "its test runs nothing of what it changes"
		return 1
	fi
}

try_mutant() {
	local name=$1 kind what log=$work/$1.log targets
	local -A objects=()
	kind=$(kind_of "$name")
	what=$(test_of "$name")
	if [ -z "$kind" ]; then
		not_ok "$name" "it names no test"
		return
	fi
	fill_lane "$kind" "$what"
	# Out of sight of any repository, which would take the paths for its own.
	if ! GIT_CEILING_DIRECTORIES=$lane git -C "$lane/tree" apply -p1 -C1 "$here/$name.patch" >"$log" 2>&1; then
		not_ok "$name" "the patch does not fit the tree" "$log"
		return
	fi
	targets=("lib/$(basename "$(readlink -f "$build/lib/libsealreel.so")")")
	case $kind in
	Unit) targets+=("bin/${what%% *}") ;;
	*) targets+=(bin/sealreeld bin/sealreel) ;;
	esac
	if ! compile_mutant "$name" >"$log" 2>&1 || ! link_mutant "${targets[@]}" >"$log" 2>&1; then
		not_ok "$name" "it does not build" "$log"
	elif run_test "$kind" "$what" "$log"; then
		if [ "$kind" = Refused ]; then
			ok "$name"
		else
			not_ok "$name" "nothing noticed it: ${what:-delivery.mjs}" "$log"
		fi
	elif [ "$kind" != Refused ] && is_red "$kind" "$what" "$log"; then
		ok "$name"
	else
		not_ok "$name" "it failed for another reason" "$log"
	fi
}

# --- All of them ----------------------------------------------------------------------------------------------------

# two_at_once TASK: this script with each line of standard input as TASK's argument. False if one of them is.
two_at_once() {
	tr '\n' '\0' | SR_PLAYED=$played xargs -0 -r -n 1 -P 2 --process-slot-var=SR_LANE bash "$here/run.sh" "$1"
}

case ${1-} in
--whole)
	deadline=60000
	try_whole "${2%% *}" "${2#* }"
	exit
	;;
--mutant)
	lane=$work/lane$SR_LANE
	played=$SR_PLAYED/$SR_LANE
	# What never happens any more need not be waited for as long as what ought to.
	deadline=15000
	export SEALREEL_BIN=$lane/bin SEALREEL_BIN_RELEASE=$lane/bin
	try_mutant "$2" | tee "$results/$2"
	exit
	;;
esac

if [ $# -eq 0 ]; then
	cd "$here"
	set -- *.patch
	set -- "${@%.patch}"
fi
# Short, because a daemon's socket lies in it.
played=$(mktemp -d)
trap 'rm -rf "$played"' EXIT
rm -rf "$results"
mkdir "$results"
export SEALREEL_BIN=$build/bin SEALREEL_BIN_RELEASE=$build/bin

if try_honest "$@" | tee "$results/0"; then
	printf '%s\n' "$@" | two_at_once --mutant || true
	for name in "$@"; do
		[ -s "$results/$name" ] || not_ok "$name" "it came to no end" | tee "$results/$name" || true
	done
elif ! grep -q '^not ok - ' "$results/0"; then
	not_ok "the tree as it stands" "its tests came to no end" | tee -a "$results/0" || true
fi
passed=$(cat "$results"/* | grep -c '^ok - ' || true)
failed=$(cat "$results"/* | grep -c '^not ok - ' || true)
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
