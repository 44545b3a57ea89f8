#!/usr/bin/env bash
# Shows the point of sealreel on real media, from a fresh clone to a summary: a call is recorded while it runs and turns
# to video in the middle, is listed and played back to its own patient, and stays closed to another one, also when the
# index itself is wrong.
#
#   bash client/demo.sh
#   bash client/demo.sh --june-2020   the fault of June 2020 in each way it can come about, and what the report says of it
#
# Needs root once, to install what is missing (Debian 12). Exits 0 only if every step was proved; leaves nothing behind
# but the build.
#
#   SEALREEL_BUILD    where to build: in its subdirectory demo (default: .build in the repository)
set -euo pipefail

mode=${1-}
if [ $# -gt 1 ] || { [ -n "$mode" ] && [ "$mode" != --june-2020 ]; }; then
	echo "usage: bash client/demo.sh [--june-2020]" >&2
	exit 2
fi

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${SEALREEL_BUILD:-$repo/.build}/demo
audio=$repo/tests/media/call-audio.webm
video=$repo/tests/media/call-video.webm
call_seconds=24 # as tests/media/make.sh made it
speed=8         # how much faster than life the call is
turns_at=12     # the second of the call at which it turns to video

unset SEALREEL_SERVER SEALREEL_CREDENTIAL SEALREEL_GRANT
place=
daemon=
step=start
steps=0
proofs=0

bold='' green='' red='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
fi

# begin TITLE: a step starts.
begin() {
	steps=$((steps + 1))
	step=$1
	printf '\n%s%d. %s%s\n' "$bold" "$steps" "$1" "$plain"
}

# proved WORDS: what the step has just shown.
proved() {
	proofs=$((proofs + 1))
	printf '   %sok%s  %s\n' "$green" "$plain" "$1"
}

# show: lines of a program, set apart from ours.
show() {
	sed "s/^/       ${dim}| /; s/\$/${plain}/"
}

fail() {
	printf '   %sNOT PROVED%s  %s\n' "$red" "$plain" "$1"
	exit 1
}

# end PID: ask a child to end, and make it after 10 s.
end() {
	local tries=0
	kill -TERM "$1" 2>/dev/null || true
	while kill -0 "$1" 2>/dev/null && [ "$((tries += 1))" -le 200 ]; do
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

clean_up() {
	local status=$? pid
	trap '' INT TERM HUP
	trap - EXIT
	exec 3>&- 4<&- || true
	# The daemon last: recorders have it make durable what they have sent.
	for pid in $(jobs -p | grep -vx "${daemon:-0}") $(jobs -p); do
		end "$pid"
	done
	if [ "$status" -ne 0 ]; then
		printf '\n%sThe demo stopped in step "%s" (status %d).%s\n' "$red" "$step" "$status" "$plain"
		[ "$status" -ge 128 ] || [ ! -s "$place/log" ] || tail -n 5 "$place/log" | show
	fi
	# A program that was interrupted while it made files may not be quite gone yet.
	[ -z "$place" ] || rm -rf "$place" 2>/dev/null || { sleep 0.5 && rm -rf "$place"; }
	exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# quietly COMMAND…: its output only if it fails.
quietly() {
	"$@" >"$place/out" 2>&1 || {
		tail -n 20 "$place/out" | show
		fail "this command failed: $*"
	}
}

# start_daemon: sealreeld, until it says that it is ready. Its log goes on in $place/log.
start_daemon() {
	local before deadline=$((SECONDS + 30))
	before=$(grep -c ' event=ready ' "$place/log" || true)
	# In a session of its own: Ctrl-C is for this script, which then ends the daemon in order.
	setsid "$bin/sealreeld" "$store" 2>>"$place/log" 3>&- 4<&- &
	daemon=$!
	until [ "$(grep -c ' event=ready ' "$place/log")" -gt "$before" ]; do
		kill -0 "$daemon" 2>/dev/null || fail "sealreeld ended at once"
		[ "$SECONDS" -lt "$deadline" ] || fail "sealreeld was not ready within 30 s"
		sleep 0.05
	done
}

stop_daemon() {
	local status=0
	kill -TERM "$daemon"
	wait "$daemon" || status=$?
	daemon=
	[ "$status" -eq 0 ] || fail "sealreeld ended with status $status"
}

# grant FILE PATIENT ROLE:NAME: a token that lets that person record, list and play for that patient.
grant() {
	"$bin/sealreel" grant --issuer-key "$store/dev-issuer.jwk" --credential "$store/operator.cred" \
		--patient "$2" --act "$3" --scope record,list,play --ttl 15m >"$place/$1"
}

# expect STATUS COMMAND…: run it, its output in $place/out and $place/err.
expect() {
	local want=$1 status=0
	shift
	"$@" >"$place/out" 2>"$place/err" || status=$?
	[ "$status" -eq "$want" ] || {
		show <"$place/err"
		fail "exit status $status instead of $want from: $(basename "$1") ${*:2}"
	}
}

# said PATTERN: the last expected command printed such a line.
said() {
	grep -qE -- "$1" "$place/out" || {
		show <"$place/out"
		fail "the answer has no line with: $1"
	}
}

# count PATTERN: how many lines of the last answer have it.
count() {
	grep -cE -- "$1" "$place/out" || true
}

# alarms EVENT: the alarm lines of this kind about our recording. Long hashes are cut to be read.
alarms() {
	grep -E " level=alarm event=$1 .*recording=$id" "$place/log" || true
}

show_alarm() {
	alarms "$1" | tail -n 1 |
		sed -E 's/^time=[^ ]+ //; s/ (request|actor|issuer|jti)=[^ ]+//g; s/([0-9a-f]{12})[0-9a-f]{52}/\1../g' | show
}

# speak FROM TO: what is said in the call between these seconds, at its pace.
speak() {
	local second
	for ((second = $1; second < $2; second++)); do
		dd bs="$piece" count=1 status=none <&5 >&3 || fail "the recorder ended in mid-call"
		[ ! -t 1 ] || printf '\r       the call: %2d s of %d s ' $((second + 1)) "$call_seconds"
		sleep "$(printf '0.%03d' $((1000 / speed)))"
	done
	[ ! -t 1 ] || printf '\r\e[K'
}

# plays_back TRACK FILE: what comes out of the store is what went in.
plays_back() {
	local want got
	want=$(sha256sum <"$2")
	got=$("${anna[@]}" play "$id" --track "$1" -o - | sha256sum)
	printf '%s  in   %s\n%s  out  track %s\n' "${want%% *}" "$(basename "$2")" "${got%% *}" "$1" | show
	[ "$want" = "$got" ] || fail "track $1 differs from what was recorded"
}

[ -n "$mode" ] || printf '%ssealreel: one call, recorded once, played back to its own patient, closed to everybody else%s\n' "$bold" "$plain"
place=$(mktemp -d "${TMPDIR:-/tmp}/sealreel-demo.XXXXXX")
store=$place/store
: >"$place/log"

begin "Build the release"
bash "$repo/tests/install.sh" run
quietly cmake -S "$repo" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSR_TESTS=OFF
quietly ninja -C "$build" sealreeld sealreel-cli misfile
bin=$(cd "$build/bin" && pwd)
proved "$("$bin/sealreeld" --version) and its command line are built"

begin "Make a store and two services"
quietly "$bin/sealreel" init --key-source file:keyring.key "$store"
# The default keeps 2 GiB of the disk free; a demo needs less.
sed -i 's/^# reserve_min_mib = .*/reserve_min_mib = 64/' "$store/sealreel.ini"
start_daemon
operator=("$bin/sealreel" --credential "$store/operator.cred")
quietly "${operator[@]}" service add recorder --role ingest -o "$place/recorder.cred"
quietly "${operator[@]}" service add player --role playback -o "$place/player.cred"
if [ "$mode" = --june-2020 ]; then
	. "$repo/client/demo-june.sh"
	exit 0
fi
grant call.grant 'urn:example:patient|anna' clinician:17
grant anna.grant 'urn:example:patient|anna' patient:anna
grant ben.grant 'urn:example:patient|ben' patient:ben
# The command line as the recording service, and as the playback service for either patient. Arrays and not functions:
# what runs in the background must be the program itself, so that it can be ended.
recorder=("$bin/sealreel" --credential "$place/recorder.cred" --grant "@$place/call.grant")
anna=("$bin/sealreel" --credential "$place/player.cred" --grant "@$place/anna.grant")
ben=("$bin/sealreel" --credential "$place/player.cred" --grant "@$place/ben.grant")
expect 0 "${operator[@]}" health
expect 1 "${recorder[@]}" list
grep -q '^sealreel: denied: ' "$place/err" || fail "the recorder may list"
expect 1 "${anna[@]}" ingest "$audio"
grep -q '^sealreel: denied: ' "$place/err" || fail "the player may record"
proved "the store is served on a Unix socket; one service may only record, the other only look and play"

begin "Record Anna's call while it runs, at $speed times its pace"
piece=$((($(stat -c %s "$audio") + call_seconds - 1) / call_seconds))
mkfifo "$place/call" "$place/said"
"${recorder[@]}" ingest --type audio/webm - <"$place/call" >"$place/said" 2>"$place/recorder.err" &
recording=$!
exec 3>"$place/call" 4<"$place/said" 5<"$audio"
read -r -t 30 -u 4 id || fail "the recorder printed no id: $(head -n 1 "$place/recorder.err")"
[[ $id =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] || fail "'$id' is no recording's id"
speak 0 "$turns_at"
deadline=$((SECONDS + 30))
until expect 0 "${anna[@]}" play "$id" -o "$place/so-far" && [ -s "$place/so-far" ]; do
	[ "$SECONDS" -lt "$deadline" ] || fail "nothing of the call became durable within 30 s"
	sleep 0.1
done
cmp -s -n "$(stat -c %s "$place/so-far")" "$place/so-far" "$audio" || fail "what can be played so far is not the call"
expect 0 "${anna[@]}" list --json
said '"state": "unfinished"'
proved "after $turns_at s of $call_seconds s the recording is listed as unfinished, and what is durable of it plays"

begin "The call turns to video: a second process adds a track in mid-call"
"${recorder[@]}" ingest --recording "$id" --start-at "$turns_at" --no-finish "$video" >"$place/video.id" 2>"$place/video.err" \
	3>&- 4<&- 5<&- &
adding=$!
speak "$turns_at" $((call_seconds - 1))
wait "$adding" || fail "the video track was not added: $(head -n 1 "$place/video.err")"
[ "$(cat "$place/video.id")" = "$id" ] || fail "the second process names another recording"
kill -0 "$recording" 2>/dev/null || fail "the recorder did not outlast the video"
expect 0 "${anna[@]}" list --json
said '"state": "unfinished"'
[ "$(count '"track": ')" -eq 2 ] || fail "there are not two tracks"
proved "the recording had two tracks while its sound was still streaming"
speak $((call_seconds - 1)) "$call_seconds"
exec 3>&-
wait "$recording" || fail "the recording was not finished: $(head -n 1 "$place/recorder.err")"
exec 4<&- 5<&-
proved "the call ended, and the recording was finished"

begin "Anna lists and plays it"
expect 0 "${anna[@]}" list
show <"$place/out"
expect 0 "${anna[@]}" list --json
[ "$(count '"state": "finished"')" -eq 3 ] || fail "recording and tracks are not all finished"
[ "$(count "\"start_ms\": ${turns_at}000")" -eq 1 ] || fail "the video does not start at $turns_at s"
said '"withheld": 0'
plays_back 1 "$audio"
plays_back 2 "$video"
proved "both tracks come back byte for byte: each chunk was opened and checked by the player"

begin "Ben, another patient, with a grant of his own"
expect 0 "${ben[@]}" list --json
[ "$(count '"id": ')" -eq 0 ] || fail "his list has a recording"
said '"withheld": 0'
proved "his list is empty"
expect 1 "${ben[@]}" play "$id" -o "$place/stolen"
show <"$place/err"
grep -q '^sealreel: not_found: ' "$place/err" || fail "the refusal is not not_found"
[ ! -e "$place/stolen" ] || fail "something was written"
before=$(head -n 1 "$place/err")
expect 1 "${ben[@]}" play 00000000-0000-7000-8000-000000000000 -o "$place/stolen"
[ "${before% (request *}" = "$(head -n 1 "$place/err" | sed 's/ (request .*//')" ] ||
	fail "an id that never existed is refused in other words"
show_alarm foreign
[ "$(alarms foreign | grep -c ' own_tag=no ')" -eq 1 ] || fail "there is not one alarm"
proved "even knowing the id he gets not_found, as for an id that never existed; the store's log has the alarm"

begin "The fault of June 2020: the index files Anna's recording under Ben"
tag=$(alarms foreign | sed -E 's/.* tag=([0-9a-f]{64})( .*|$)/\1/')
[[ $tag =~ ^[0-9a-f]{64}$ ]] || fail "the alarm does not name a tag"
stop_daemon
quietly "$bin/misfile" "$store" "$id" "$tag"
start_daemon
proved "with the daemon stopped, every row of the recording was copied into Ben's list; the daemon serves again"
expect 4 "${ben[@]}" list --json
[ "$(count '"id": ')" -eq 0 ] || fail "the list shows it"
! grep -q -- "$id" "$place/out" "$place/err" || fail "the reply names the recording"
said '"withheld": 1'
show <"$place/err"
show_alarm misfiled
[ "$(alarms misfiled | wc -l)" -eq 1 ] || fail "there is not one alarm"
proved "Ben's list withholds it (exit status 4) and says nothing of it but the count: harmless, and visible"
expect 1 "${ben[@]}" play "$id" -o "$place/stolen"
show <"$place/err"
grep -q '^sealreel: not_found: ' "$place/err" || fail "the refusal is not not_found"
[ ! -e "$place/stolen" ] || fail "something was written"
show_alarm foreign
[ "$(alarms foreign | grep -c ' own_tag=yes ')" -eq 1 ] || fail "there is not one alarm"
proved "playing it is refused: the key comes from who Ben has proved to be, and the row is sealed for Anna"
expect 0 "${anna[@]}" list --json
said "\"id\": \"$id\""
expect 0 "${anna[@]}" play "$id" --track 2 -o "$place/again"
cmp -s "$place/again" "$video" || fail "Anna's video differs"
proved "Anna still has it"
stop_daemon

printf '\n%sProved, in %d steps and %d checks:%s\n' "$bold" "$steps" "$proofs" "$plain"
cat <<'WORDS'
   A call is stored while it runs, and a track can join in the middle.
   Its own patient gets back every byte; another gets none, and the answer that an id which never was gets.
   A wrong index gives nothing away: the wrong row is withheld and raises an alarm.
WORDS
