#!/usr/bin/env bash
# Holds the sources to a size that can be read and to one layout, and README's map to the sources.
#
#   tests/shape.sh [TREE]   prints a line per violation in TREE (default: this repository); exits 1 if there is any
#   tests/shape.sh --bite   plants every kind of violation in a copy, one at a time, and exits 1 unless each is found
#
# A file has at most 600 lines and a function of C at most 70; C is laid out as .clang-format says, of which each version
# of that program has a reading of its own; each file of proto/ and store/ belongs to a group that the map names in a line.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lines_of_file=600
lines_of_function=70

sources() {
	find proto store client tests bench -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.mjs' -o -name '*.awk' \) \
		-not -path '*/node_modules/*' | sort
}

long_files() {
	sources | while read -r file; do
		awk -v most="$lines_of_file" -v file="$file" 'END { if (NR > most) print file ": " NR " lines" }' "$file"
	done
}

# By the layout that .clang-format decides, a function's braces stand alone in the first column.
long_functions() {
	sources | grep '\.[ch]$' | while read -r file; do
		awk -v most="$lines_of_function" -v file="$file" '
			$0 == "{" { from = NR }
			$0 == "}" && from { if (NR - from - 1 > most) print file ":" from ": a function of " NR - from - 1 " lines"; from = 0 }
		' "$file"
	done
}

not_laid_out() {
	{ sources | grep '\.[ch]$' | xargs -r clang-format-14 --dry-run --style=file 2>&1 || true; } |
		sed -nE 's/^([^:]+:[0-9]+):[0-9]+: warning: code should be clang-formatted.*/\1: not the layout/p; /error:/p' |
		sort -u
}

# What the map names: words in backticks in the section's rows, in which * stands for anything.
unmapped() {
	local groups group file name
	mapfile -t groups < <(sed -n '/^## A map$/,/^## [^A]/p' README.md | grep '^|' | grep -oE '`[^`]+`' | tr -d '`')
	find proto store -name '*.c' | sort | while read -r file; do
		name=$(basename "$file" .c)
		for group in "${groups[@]}"; do
			# shellcheck disable=SC2053
			[[ $name == $group ]] && continue 2
		done
		echo "$file: is in no group of README's map"
	done
}

check_tree() {
	local found
	cd "$1"
	found=$(long_files && long_functions && not_laid_out && unmapped)
	if [ -n "$found" ]; then
		printf '%s\n' "$found"
		return 1
	fi
}

# plant FILE WHAT: what comes on stdin, in FILE of the copy, must be found; WHAT is what its line has in it.
plant() {
	local found
	mkdir -p "$tree/$(dirname "$1")"
	cat >"$tree/$1"
	found=$(check_tree "$tree" || true)
	if [[ $found != "$1"*"$2" ]]; then
		echo "not found: $1: $2"
		missed=$((missed + 1))
	fi
	rm "$tree/$1"
}

# function_of LINES: one that has so many between its braces.
function_of() {
	printf 'void known(void)\n{\n'
	awk -v most="$1" 'BEGIN { while (line++ < most) print "\tknown();" }'
	printf '}\n'
}

bite() {
	tree=$(mktemp -d)
	missed=0
	# shellcheck disable=SC2064
	trap "rm -rf '$tree'" EXIT
	mkdir -p "$tree"/{proto,store,client,tests,bench}
	cp "$here/.clang-format" "$tree"
	printf '## A map\n\n| `known*` | it |\n\n## B\n\n| `elsewhere` | |\n' >"$tree/README.md"
	function_of "$lines_of_function" >"$tree/proto/known.c"
	seq "$lines_of_file" >"$tree/tests/known.sh"
	if ! (check_tree "$tree"); then
		echo "a tree without violations is found in violation"
		return 1
	fi
	seq $((lines_of_file + 1)) | plant tests/longer.mjs "lines"
	function_of $((lines_of_function + 1)) | plant store/keys/known_longer.c "lines"
	echo 'int  known;' | plant client/known.h "layout"
	echo | plant store/data/elsewhere.c "map"
	echo "4 planted, $missed missed"
	[ "$missed" -eq 0 ]
}

if ! command -v clang-format-14 >/dev/null; then
	echo "shape.sh: clang-format-14 is missing, which tests/install.sh test installs"
	exit 1
fi
if [ "${1-}" = --bite ]; then
	bite
else
	check_tree "${1:-$here}"
fi
