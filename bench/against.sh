#!/usr/bin/env bash
# What reading and lists cost the daemon in processor time, of two builds in turn: to see whether a change gains.
#
#   bench/against.sh [--rounds N] [--size SIZE] [--lists N] --bin DIRECTORY --against DIRECTORY
#
#   --rounds    how often each build has its turn (default: 5)
#   --size      how long the recording is that is read (default: 1G)
#   --lists     how many lists of 50 each turn asks for (default: 2000)
#   --bin       the programs of one build, which also make the store,
#   --against   and of the other, whose daemon serves the same store
#
# Prints tab-separated lines: `read`, build, the daemon's seconds for each GiB; `list`, build, its milliseconds for each
# list; then `median` of each. Processor time, user and system, of all threads: it holds on a machine that others use
# as well, where a clock's time does not.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

rounds=5
size=1G
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
	awk -v name="$1" -v ms=$((after - before)) -v n="$length" \
		'BEGIN { printf "read\t%s\t%.3f\n", name, ms / 1000 / (n / 1073741824) }' | tee -a "$work/turns"
	"$bin/bench-lists" "$work/tokens" 200 50 >/dev/null
	before=$(used)
	"$bin/bench-lists" "$work/tokens" "$lists" 50 >/dev/null
	after=$(used)
	awk -v name="$1" -v ms=$((after - before)) -v n="$lists" \
		'BEGIN { printf "list\t%s\t%.3f\n", name, ms / n }' | tee -a "$work/turns"
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
done
for what in read list; do
	for name in against bin; do
		awk -v what="$what" -v name="$name" '$1 == what && $2 == name { print $3 }' "$work/turns" | sort -n |
			awk -v what="$what" -v name="$name" \
				'{ v[NR] = $1 } END { printf "median\t%s\t%s\t%.3f\n", what, name, v[int((NR + 1) / 2)] }'
	done
done
