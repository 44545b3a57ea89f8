#!/usr/bin/env bash
# Holds each room to what it may touch: its #includes, and for proto/ the calls that reach files, sockets or the clock.
#
#   tests/layers.sh [TREE]   prints a line per violation in TREE (default: this repository); exits 1 if there is any
#   tests/layers.sh --bite   plants every kind of violation in a copy, one at a time, and exits 1 unless each is found
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Every room of C, and which rooms it may include from. store stands for its main and configuration; of the rooms under
# it only serve, which puts the others together, may know the configuration.
serving="store store/account store/data store/access store/keys proto store/serve"
for room in record play accounting freeze epochs patients removal; do
	serving+=" store/serve/$room"
done
declare -A may_include=(
	[proto]="proto"
	[store/keys]="store/keys proto"
	[store/data]="store/data proto"
	[store/access]="store/access proto"
	[store/account]="store/account store/data proto"
	[store/serve]="$serving store/serve/backup store/serve/scrub"
	[store/serve/record]="$serving"
	[store/serve/play]="$serving"
	[store/serve/accounting]="$serving"
	[store/serve/freeze]="$serving"
	[store/serve/epochs]="$serving store/serve/backup"
	[store/serve/patients]="$serving"
	[store/serve/removal]="$serving store/serve/backup"
	[store/serve/scrub]="$serving store/serve/scrub"
	[store/serve/backup]="$serving store/serve/backup"
	[store]="$serving store/serve/backup store/serve/scrub"
	[client/lib]="client/lib proto"
	[client/report]="client/report proto"
	[client/cli]="client/cli client/report client/lib proto"
)
# Headers of the system that only some rooms may include.
lmdb='lmdb\.h'
loop='uv\.h'
sockets='(sys/(socket|un)|netinet/.*|arpa/inet|netdb)\.h'
declare -A may_not_see=(
	[store/keys]="$lmdb|$loop|$sockets"
	[store/data]="$loop|$sockets"
	[store/access]="$lmdb|$loop|$sockets"
	[store/account]="$lmdb|$loop|$sockets"
	[store/serve]="$lmdb"
	[store/serve/record]="$lmdb|$loop|$sockets"
	[store/serve/play]="$lmdb|$loop|$sockets"
	[store/serve/accounting]="$lmdb|$sockets"
	[store/serve/freeze]="$lmdb|$loop|$sockets"
	[store/serve/epochs]="$lmdb|$loop|$sockets"
	[store/serve/patients]="$lmdb|$loop|$sockets"
	[store/serve/removal]="$lmdb|$loop|$sockets"
	[store/serve/scrub]="$lmdb|$loop|$sockets"
	[store/serve/backup]="$lmdb|$loop|$sockets"
	[store]="$lmdb"
	[client/lib]="$lmdb"
	[client/report]="$lmdb|$loop|$sockets"
	[client/cli]="$lmdb"
)
# proto is the other way round: all it may include, and what it may not call of the headers it has.
proto_headers='(assert|ctype|endian|errno|inttypes|limits|std(align|arg|bool|def|int|io|lib)|string|sodium)\.h|openssl/.*\.h'
proto_calls='f?open(at|dir)?|fdopen|tmpfile|remove|rename|unlink|f(read|write)|p?(read|write)v?|mmap'
proto_calls+='|v?f?printf|f?put[cs]|putchar|perror|socket|connect|send|recv'
proto_calls+='|time|clock(_gettime)?|gettimeofday|getenv'

# The file of the tree that `#include <or "$2">` in file $1 means; nothing if it is the system's. Run in the tree.
included() {
	local dir
	for dir in "${1%/*}" proto store client/lib client; do
		if [ -f "$dir/$2" ]; then
			case $2 in
			*..*) realpath --relative-to=. "$dir/$2" ;;
			*) echo "$dir/$2" ;;
			esac
			return
		fi
	done
}

# The room that a file of the tree belongs to. What of a public header lies in sealreel/ is its room's.
room_of() {
	local room=${1%/*}
	room=${room%/sealreel}
	echo "$room"
}

# One line per violation of file $1.
check_file() {
	local file=$1 room number line header target allowed
	room=$(room_of "$file")
	allowed=" ${may_include[$room]-} "
	if [ "$allowed" = "  " ]; then
		echo "$file: is in no room of the design"
		return
	fi
	while IFS=: read -r number line; do
		[[ $line =~ [\<\"]([^\>\"]*) ]]
		header=${BASH_REMATCH[1]}
		target=$(included "$file" "$header")
		if [ -n "$target" ]; then
			[[ $allowed == *" $(room_of "$target") "* ]] ||
				echo "$file:$number: $room may not include $target"
		elif [[ $line == *'"'* ]]; then
			echo "$file:$number: $header is in no room that includes start from"
		elif [ "$room" = proto ]; then
			[[ $header =~ ^($proto_headers)$ ]] || echo "$file:$number: proto may not include <$header>"
		elif [[ $header =~ ^(${may_not_see[$room]})$ ]]; then
			echo "$file:$number: $room may not include <$header>"
		fi
	done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file" || true)
	if [ "$room" = proto ]; then
		# Comments and strings may name a call; only the preprocessed text counts.
		gcc -fpreprocessed -dD -E -P "$file" 2>/dev/null | sed -E 's/"([^"\\]|\\.)*"//g' |
			grep -oE "(^|[^A-Za-z0-9_>.])($proto_calls)[[:space:]]*\(" |
			sed -E "s|^[^a-z]*|$file: proto may not call |; s/[[:space:]]*\($//" || true
	fi
}

check_tree() {
	local found
	cd "$1"
	found=$(find proto store client -name '*.[ch]' | sort | while read -r file; do check_file "$file"; done)
	if [ -n "$found" ]; then
		printf '%s\n' "$found"
		return 1
	fi
}

# Plants line $3 in a new file $2 of a copy of the tree at $1, which must then be found in violation.
plant() {
	mkdir -p "$(dirname "$1/$2")"
	printf '%s\n' "$3" >"$1/$2"
	if (cd "$1" && check_file "$2") >"$1/found" && ! [ -s "$1/found" ]; then
		echo "not found: $2: $3"
		missed=$((missed + 1))
	elif ! grep -q "^$2:" "$1/found"; then
		echo "found, but not where it was planted: $2: $3"
		missed=$((missed + 1))
	fi
	planted=$((planted + 1))
	rm "$1/$2" "$1/found"
}

bite() {
	local tree room other violation
	tree=$(mktemp -d)
	# shellcheck disable=SC2064
	trap "rm -rf '$tree'" EXIT
	missed=0
	planted=0
	# A small tree with one header per room is enough, and every pair of rooms is tried.
	for room in "${!may_include[@]}"; do
		mkdir -p "$tree/$room"
		echo >"$tree/$room/$(basename "$room")_room.h"
	done
	if ! (check_tree "$tree"); then
		echo "a tree without violations is found in violation"
		return 1
	fi
	for room in "${!may_include[@]}"; do
		for other in "${!may_include[@]}"; do
			[[ " ${may_include[$room]} " == *" $other "* ]] && continue
			violation=$tree/$other/$(basename "$other")_room.h
			violation=$(realpath -m --relative-to="$tree/$room" "$violation")
			plant "$tree" "$room/planted.c" "#include \"$violation\""
		done
	done
	plant "$tree" store/data/planted.h '#  include "keys/keys_room.h"'
	plant "$tree" store/data/planted.h '#include <keys/keys_room.h>'
	plant "$tree" store/keys/planted.c '#include <lmdb.h>'
	plant "$tree" store/serve/planted.c '#include <lmdb.h>'
	plant "$tree" store/data/planted.c '#include <uv.h>'
	plant "$tree" store/access/planted.c '#include <sys/socket.h>'
	plant "$tree" store/account/planted.c '#include <netinet/in.h>'
	plant "$tree" proto/planted.c '#include <time.h>'
	plant "$tree" proto/planted.c '#include <fcntl.h>'
	plant "$tree" proto/planted.c 'int main(void) { return fopen("a", "r") != 0; }'
	plant "$tree" proto/planted.c 'long f(void) { return time(0); }'
	plant "$tree" store/elsewhere/planted.c '#include <string.h>'
	plant "$tree" store/serve/planted.c '#include "no_such_room.h"'
	echo "$planted planted, $missed missed"
	[ "$missed" -eq 0 ]
}

if [ "${1-}" = --bite ]; then
	bite
else
	check_tree "${1:-$here}"
fi
