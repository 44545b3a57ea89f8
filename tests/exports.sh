#!/usr/bin/env bash
# Holds what libsealreel exports to what its headers declare: neither more nor less.
#
#   tests/exports.sh LIBRARY HEADER[,HEADER…] [INCLUDE-DIR…]
set -euo pipefail
library=$1
headers=${2//,/ }
shift 2

# The functions that the headers themselves declare: preprocessed to drop comments, only their own lines, no typedef.
declared=$(for header in $headers; do gcc -E "${@/#/-I}" "$header" | awk -v header="$header" '
	/^# [0-9]+ "/ { own = index($3, header); next }
	own { text = text " " $0 }
	END {
		# Bodies of structs and enums hold no declaration of a function.
		while (gsub(/\{[^{}]*\}/, "", text)) {}
		count = split(text, statement, ";")
		for (i = 1; i <= count; i++)
			if (statement[i] !~ /(^|[ \t])(typedef|static)[ \t]/ &&
			    match(statement[i], /sr_[a-z0-9_]+[ \t]*\(/)) {
				name = substr(statement[i], RSTART, RLENGTH)
				sub(/[ \t]*\($/, "", name)
				print name
			}
	}'; done | sort -u)
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)

if [ -z "$declared" ]; then
	echo "exports.sh: found no function in $headers"
	exit 1
fi
only_declared=$(comm -23 <(echo "$declared") <(echo "$exported"))
only_exported=$(comm -13 <(echo "$declared") <(echo "$exported"))
[ -z "$only_declared" ] || printf 'declared, not exported: %s\n' $only_declared
[ -z "$only_exported" ] || printf 'exported, not declared: %s\n' $only_exported
[ -z "$only_declared$only_exported" ]
