#!/usr/bin/env bash
# Everything at once: calls recorded, players, lists in a filled store, a rotation, the audit log; and whether every
# bound holds meanwhile.
#
#   bench/mixed.sh [--quick] [--hour] [--streams N] [--players N] [--seconds S] [--rate BITS] [--call S] [--lists N]
#                  [--rows N] [--rotate N] [--check N] [--transport tcp|unix] [--out FILE] [--bin DIRECTORY]
#
#   --quick      100 calls, 10 players, 10,000 recordings, 20 s
#   --hour       an hour
#   --streams    how many calls there are at once (default: 1000)
#   --players    how many players (default: 100)
#   --seconds    how long all of it goes on (default: 600)
#   --rate       what each call and each player takes, in bit/s (default: 2000000)
#   --call       how long a call is on average, in seconds, before another begins in its place (default: 120)
#   --lists      how many lists of 50 are asked for each second (default: 10)
#   --rows       how many recordings the store has before (default: 1000000, some minutes and 2 GB)
#   --rotate     how many rows each second are rotated at most; at the end a new epoch is made (default: 2000)
#   --check      how many of the calls' last recordings are read back and compared (default: 20)
#   --transport  how everybody connects (default: tcp)
#   --out        where the results go as JSON (default: mixed.json beside the build)
#   --bin        where the programs are (default: they are built)
#
# One table: what was measured, the design's bound and goal. The exit status is 1 if a bound is missed. A disk on which
# it all has no room loses what is finished and will not be read again. See bench/README.md.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

streams=1000
players=100
seconds=600
rate=2000000
call=120
lists=10
rows=1000000
rotate=2000
check=20
transport=tcp
out=$bench_build/mixed.json
flag_quick() {
	streams=100 players=10 rows=10000 seconds=20 call=10 check=5
}
flag_hour() { seconds=3600; }
options "$@"
[[ $transport == tcp || $transport == unix ]] || usage

media_seconds=60 # of each recording that is played
bound=1500       # ms: within these 99 of 100 are to be acknowledged
window=5         # seconds that are looked at by themselves, too
renewed=1200     # seconds after which grants, which live an hour, are replaced
calls_pid=
forgetter_pid=
watcher_pid=
readers=() # what runs beside the calls and ends by itself
beside=()  # what does until it is ended
end_others() {
	end "${readers[@]}"
	beside_end
	end "$calls_pid" "$forgetter_pid" "$watcher_pid"
}

operate() { "$bin/sealreel" --credential "$work/store/operator.cred" "$@"; }

beside_end() {
	local pid
	for pid in "${beside[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	beside=()
}

# until_ended COMMAND…: what runs in a background shell that is ended from outside: the command ends with it. Its process
# is known outside of this function too, where the signal may come as well.
turn=
until_ended() {
	"$@" &
	turn=$!
	trap 'kill "$turn" 2>/dev/null; wait "$turn" || true; exit 0' TERM
	wait "$turn"
}

# ---- who asks, and for whom ----

# mint FILE SCOPE PATIENT…: a grant of each patient, a line each; FILE is replaced at once.
mint() {
	local file=$1 scope=$2 patient
	shift 2
	for patient in "$@"; do
		"$bin/sealreel" grant --issuer-key "$work/store/dev-issuer.jwk" --patient "$patient" --scope "$scope" \
			--act system:bench --ttl 1h
	done >"$file.new"
	mv "$file.new" "$file"
}

# Which patients of a filled store have 50 recordings is bench-fill's choice: numbers that end in 50.
mint_all() {
	mint "$work/calls.grants" record,play "bench|calls|"{0..99}
	mint "$work/players.grants" record,play "bench|players|"{0..19}
	mapfile -t listed < <(seq -f 'bench|%.0f' 50 100 $((patients < 10000 ? patients - 1 : 9999)))
	mint "$work/lists.grants" list "${listed[@]}"
}

mint_again() {
	while until_ended sleep "$renewed"; do
		mint_all
	done
}

# A recording of each patient that is played.
record_played() {
	local grant
	make_source "$work/source" $((rate * media_seconds / 8))
	while read -r grant; do
		SEALREEL_GRANT=$grant "$bin/bench-write" "$work/source" | head -n 1
	done <"$work/players.grants" >"$work/played"
}

# ---- what goes on beside the calls ----

# rotate_all: to one new epoch after the other. Ends with what went wrong.
rotate_all() {
	while true; do
		operate epoch new >/dev/null
		until_ended "$bin/sealreel" --credential "$work/rotator.cred" --quiet rotate --rate "$rotate"
	done
}

# None of them keeps the forgetter's input open: it ends when the script has closed it.
beside_start() {
	rotate_all >/dev/null 2>"$work/rotate.errors" {forgetter}>&- &
	beside+=($!)
	mint_again 2>/dev/null {forgetter}>&- &
	beside+=($!)
	"$bin/bench-players" --players "$players" --rate "$rate" --seconds "$seconds" "$work/players.grants" \
		"$work/played" "$work/source" >"$work/players" {forgetter}>&- &
	readers+=($!)
	"$bin/bench-lists" "$work/lists.grants" $((seconds * lists)) 50 "$lists" >"$work/lists" {forgetter}>&- &
	readers+=($!)
}

# follow: the generator's lines; with the pace, all the rest begins and ends.
follow() {
	local line pid
	while IFS= read -r line; do
		case $line in
		begin)
			snapshot before
			beside_start
			;;
		end)
			snapshot after
			for pid in "${readers[@]}"; do
				wait "$pid" || status=1
			done
			readers=()
			beside_end
			;;
		over*) echo "${line#over }" >&"$forgetter" ;;
		*) echo "$line" ;;
		esac
	done
}

# late_windows: how many windows of the calls there were, and in how many of them more than 1 of 100 were acknowledged beyond
# the bound. How long a bad time lasted is not to be seen in a percentile of all.
late_windows() {
	awk -v window="$window" -v bound="$bound" '
		$1 == "window" {
			count++
			for (i = 2; i <= NF; i++)
				if (split($i, word, "=") == 2 && word[1] == "ack_p99" && word[2] + 0 > bound)
					late++
		}
		END { printf "ack_bound=%d window=%d windows=%d late_windows=%d", bound, window, count, late }' "$work/lines"
}

# ---- the run ----

build_programs
mkdir -p "$(dirname "$out")"
make_work
patients=$((rows * 23 / 100))
store_make "$transport"
"$bin/bench-fill" "$work/store" "$patients" "$rows" >"$work/filled" 2>"$work/fill.log"
needed=$((streams * rate * seconds / 8388608 + 8192))
trimmed=no
[ "$(df --output=avail -BM "$work" | tail -n 1 | tr -dc 0-9)" -ge "$needed" ] || trimmed=yes
store_start
store_service
operate service add rotator --role rotate -o "$work/rotator.cred" >/dev/null
mint_all
record_played
load_before=$(cut -d ' ' -f 1 /proc/loadavg)
sync
watch_memory &
watcher_pid=$!
status=0
exec {told}< <("$bin/bench-calls" --streams "$streams" --seconds "$seconds" --rate "$rate" --check "$check" \
	--call "$call" --window "$window" "$work/calls.grants")
calls_pid=$!
# Gives the disk back what nobody will read again, as the daemon does, which takes care that others need not wait for it.
if [ "$trimmed" = yes ]; then
	exec {forgetter}> >(exec "$bin/bench-forget" "$work/store/blobs")
	forgetter_pid=$!
else
	exec {forgetter}>/dev/null
fi
follow <&"$told" >"$work/lines"
wait "$calls_pid" || status=1
calls_pid=
exec {forgetter}>&-
[ -z "$forgetter_pid" ] || wait "$forgetter_pid" || status=1
forgetter_pid=
if ! total=$(grep '^total ' "$work/lines") || [ ! -s "$work/players" ] || [ ! -s "$work/lists" ]; then
	tail -n 5 "$work/daemon.log" >&2
	exit 1
fi
before=$(<"$work/before") after=$(<"$work/after")
sed -i '/stopped before the end/d' "$work/rotate.errors" # when it was ended
{
	echo "$total rows=$rows rotate=$rotate trimmed=$trimmed load_before=$load_before" \
		"load_after=$(cut -d ' ' -f 1 /proc/loadavg) cores=$(nproc) check=$check" \
		"began=$(($(value "$before" at) / 1000000000)) rotated=$(grown rotated_rows)" \
		"rotate_errors=$(wc -l <"$work/rotate.errors")" \
		"daemon_errors=$(grep -c 'level=error' "$work/daemon.log" || true)" \
		"account_failed=$(grown account_failed) requests=$(grown requests) lists=$lists"
	sed 's/\([a-z0-9_]*\)=/player_\1=/g' "$work/players"
	awk '{ printf "list_count=%d list_p50=%.2f list_p99=%.2f list_max=%.2f\n", $2, $3, $4, $5 }' "$work/lists"
	used_between
	late_windows
} | tr '\n' ' ' >"$work/result"
awk -f "$repo/bench/mixed.awk" -v json="$out" "$work/result" "$work/memory" || status=1
head -n 5 "$work/rotate.errors" >&2
exit "$status"
