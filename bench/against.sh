#!/usr/bin/env bash
# What reading, ranges and lists cost the daemon in processor time, of two builds in turn: to see whether a change gains.
#
#   bench/against.sh [--rounds N] [--size SIZE] [--ranges N] [--lists N] --bin DIRECTORY --against DIRECTORY
#
#   --rounds    how often each build has its turn (default: 5)
#   --size      how long the recording is that is read (default: 1G)
#   --ranges    how many ranges of 64 KiB each turn reads from random places (default: 2000)
#   --lists     how many lists of 50 each turn asks for (default: 2000)
#   --bin       the programs of one build, which also make the store,
#   --against   and of the other, whose daemon serves the same store
#
# Prints tab-separated lines: `read`, build, the daemon's seconds for each GiB; `range` and `list`, build, its
# milliseconds for each; then `median` of each. The build `floor` of `read` is bench-floor: the same bytes by sendfile
# and nothing else. Processor time, user and system, of all threads: it holds on a machine
# that others use as well, where a clock's time does not. `wait` is a clock's: the median milliseconds of a range.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

rounds=5
size=1G
ranges=2000
lists=2000
against=
options "$@"
if [ -z "$bin" ] || [ -z "$against" ]; then
	usage
fi
length=$(numfmt --from=iec "$size")
recordings=10000
patients=$((recordings * 23 / 100))

# used: the daemon's processor time so far, in milliseconds.
used() {
	local line
	line=$(<"/proc/$daemon_pid/stat")
	read -r -a fields <<<"${line##*) }"
	echo $(((fields[11] + fields[12]) * 1000 / $(getconf CLK_TCK)))
}

# spent WHAT NAME MILLISECONDS COUNT: what each one took.
spent() {
	awk -v what="$1" -v name="$2" -v ms="$3" -v n="$4" 'BEGIN { printf "%s\t%s\t%.4f\n", what, name, ms / n }' |
		tee -a "$work/turns"
}

# ranges_of COUNT: read so many. Sets $line.
ranges_of() {
	line=$("$bin/bench-crowd" --turns "$1" range "$work/source" sealreel "$recording")
}

# turn NAME DIRECTORY: one turn of a build's daemon; the clients are always those of --bin.
turn() {
	local own=$bin before after
	bin=$2
	store_start
	bin=$own
	store_grant 'bench|speed'
	before=$(used)
	"$bin/bench-read" "$recording" >/dev/null
	after=$(used)
	spent read "$1" $((after - before)) $((length / 1073742))
	ranges_of 200
	before=$(used)
	ranges_of "$ranges"
	after=$(used)
	spent range "$1" $((after - before)) "$ranges"
	spent wait "$1" "$(value "$line" p50)" 1
	"$bin/bench-lists" "$work/tokens" 200 50 >/dev/null
	before=$(used)
	"$bin/bench-lists" "$work/tokens" "$lists" 50 >/dev/null
	after=$(used)
	spent list "$1" $((after - before)) $((lists + $(wc -l <"$work/tokens"))) # each patient is asked for once before
	store_stop
}

line=
# floor: what plain sendfile costs of the same bytes, to a client that opens as much.
floor() {
	local port before
	port=$(free_port)
	"$bin/bench-floor" serve "$work/source" "$port" &
	daemon_pid=$!
	until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		kill -0 "$daemon_pid"
	done
	before=$(used)
	"$bin/bench-floor" --open read "$port" >/dev/null
	spent read floor $(($(used) - before)) $((length / 1073742))
	store_stop
}

make_work
store_make unix
"$bin/bench-fill" "$work/store" "$patients" "$recordings" >"$work/filled" 2>"$work/fill.log"
# The patients of whom bench-fill makes 50.
for ((patient = 50; patient < patients; patient += 100)); do
	"$bin/sealreel" grant --issuer-key "$work/store/dev-issuer.jwk" --patient "bench|$patient" --scope list \
		--act system:bench --ttl 1h >>"$work/tokens"
done
make_source "$work/source" "$length"
store_start
store_service
export SEALREEL_SERVER
SEALREEL_SERVER=$(sed -n 's/^tcp = /tcp:/p' "$work/store/sealreel.ini")
store_grant 'bench|speed'
recording=$("$bin/bench-write" "$work/source" | head -n 1)
store_stop
for ((round = 0; round < rounds; round++)); do
	turn against "$against"
	turn bin "$bin"
	floor
done
for what in read range wait list; do
	for name in against bin floor; do
		[ "$what" = read ] || [ "$name" != floor ] || continue
		awk -v what="$what" -v name="$name" '$1 == what && $2 == name { print $3 }' "$work/turns" | sort -n |
			awk -v what="$what" -v name="$name" \
				'{ v[NR] = $1 } END { printf "median\t%s\t%s\t%.4f\n", what, name, v[int((NR + 1) / 2)] }'
	done
done
