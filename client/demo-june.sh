# June 2020, replayed on real media: what `bash client/demo.sh --june-2020` does once the release is built. Sourced by
# demo.sh, whose functions and variables it uses.

# shellcheck shell=bash disable=SC2154
readonly fifty=50
prefix='urn:example:patient|'
ids=()

# sign FILE PATIENT ROLE:NAME SCOPE [ARGUMENT…]: a grant of any kind.
sign() {
	"$bin/sealreel" grant --issuer-key "$store/dev-issuer.jwk" --credential "$store/operator.cred" \
		--patient "$prefix$2" --act "$3" --scope "$4" --ttl 15m "${@:5}" >"$place/$1"
}

# as FILE: the command line as the playback service with that grant.
as() {
	viewer=("$bin/sealreel" --credential "$place/player.cred" --grant "@$place/$1")
}

now() {
	date -u +%Y-%m-%dT%H:%M:%S.%3NZ
}

# alarmed KIND: an alarm of this kind has come within a second of $began.
alarmed() {
	local line delay
	line=$(tail -c "+$((log_size + 1))" "$place/log" | grep -m 1 -E " level=alarm event=$1 ") || fail "there is no alarm $1"
	delay=$(($(date -d "$(sed -E 's/^time=([^ ]+) .*/\1/' <<<"$line")" +%s%3N) - $(date -d "$began" +%s%3N)))
	[ "$delay" -lt 1000 ] || fail "the alarm came after $delay ms"
	proved "an alarm, $1, within a second of the beginning ($delay ms)"
}

# goes_wrong: what follows is the fault; alarms are looked for from here on.
goes_wrong() {
	log_size=$(stat -c %s "$place/log")
	began=$(now)
}

# freeze_it ARGUMENT…: the first hour's first command, and what Anna gets then. It is thawed again.
freeze_it() {
	local begun
	expect 0 "${operator[@]}" freeze "$@" --reason 'June 2020'
	begun=$(date +%s%3N)
	expect 3 "$bin/sealreel" --credential "$place/player.cred" --grant "@$place/anna.grant" list
	proved "sealreel freeze $*: $(($(date +%s%3N) - begun)) ms after it returned Anna's session gets nothing"
	expect 0 "${operator[@]}" thaw "$@" --reason 'the demo goes on'
}

# figure ROW COLUMN: a number of the last report.
figure() {
	sed -n "/^      \"$1\": {/,/}/s/^ *\"$2\": \([0-9]*\),*$/\1/p" "$place/reports/$incident-1.json"
}

# report NAME: note what is known of the incident, make the report on everything since $from, and print its figures.
report() {
	incident=$1
	expect 0 "${auditor[@]}" note "$1" aware_at --at "$from"
	expect 0 "${auditor[@]}" report "$1" --from "$from" --to "$(date -u -d '+1 second' +%Y-%m-%dT%H:%M:%S.%3NZ)" \
		-o "$place/reports"
	sed -n '/^ *presented  *opened/,/^ *recipients/p' "$place/reports/$1-1.txt" | show
}

# figures ROW PRESENTED OPENED DELIVERED WITHHELD DENIED: the report's row is exactly this.
figures() {
	local row=$1 column
	shift
	for column in presented opened delivered withheld denied; do
		[ "$(figure "$row" "$column")" = "$1" ] ||
			fail "the report says $row $column $(figure "$row" "$column"), and it was $1"
		shift
	done
	[ "$(figure "$row" delivered_at_most)" = "$(figure "$row" delivered)" ] || fail "the bounds are apart"
}

begin "52 patients; Anna's call turns from audio to video"
auditor=("$bin/sealreel" --credential "$store/operator.cred" audit incident)
sign anna.grant anna patient:anna list,play
sign call.grant anna system:calls record --consultation visit-anna
recorder=("$bin/sealreel" --credential "$place/recorder.cred" --grant)
hers=$("${recorder[@]}" "@$place/call.grant" ingest --no-finish "$audio")
quietly "${recorder[@]}" "@$place/call.grant" ingest --recording "$hers" --start-at "$turns_at" "$video"
for ((other = 1; other <= 51; other++)); do
	sign other.grant "other-$other" system:calls record --consultation "visit-$other"
	ids+=("$("${recorder[@]}" "@$place/other.grant" ingest --quiet "$audio")")
done
proved "each has one recording; hers has sound and, from second $turns_at on, video"

begin "(a) The index lists 50 others' recordings under Anna"
from=$(now)
as anna.grant
expect 0 "${auditor[@]}" open a 'wrong rows in the index'
expect 1 "${viewer[@]}" info "${ids[50]}"
tag=$(grep -E ' level=alarm event=foreign ' "$place/log" | tail -n 1 | sed -E 's/.* tag=([0-9a-f]{64})( .*|$)/\1/')
stop_daemon
for ((other = 0; other < fifty; other++)); do
	quietly "$bin/misfile" "$store" "${ids[other]}" "$tag"
done
start_daemon
goes_wrong
expect 4 "${viewer[@]}" list --json
[ "$(count '"id": ')" -eq 1 ] || fail "the list does not have her recording alone"
said "\"id\": \"$hers\""
said "\"withheld\": $fifty"
proved "Anna sees her own recording; 50 rows are withheld, and nothing is said of them but the count"
alarmed misfiled
freeze_it --patient "${prefix}anna"
report a
figures recordings 0 0 0 50 1
figures people 0 0 0 50 1
figures recipients 0 0 0 1 1
proved "the report: presented 0, opened 0, delivered 0, withheld 50; the 51st was asked for by its id, and denied"

begin "(b) The application asks for 50 others' ids"
from=$(now)
expect 0 "${auditor[@]}" open b 'wrong ids in the application'
goes_wrong
for ((other = 0; other < fifty; other++)); do
	expect 1 "${viewer[@]}" play "${ids[other]}" -o "$place/stolen"
	grep -q '^sealreel: not_found: ' "$place/err" || fail "the refusal is not not_found"
done
[ ! -e "$place/stolen" ] || fail "something was written"
proved "Anna gets not_found 50 times, as for ids that never were"
alarmed foreign
freeze_it --service player
report b
figures recordings 0 0 0 0 50
figures people 0 0 0 0 50
figures recipients 0 0 0 0 1
proved "the report: presented 0, opened 0, delivered 0, denied 50"

begin "(c) The switch to video binds the new track to the wrong patient"
from=$(now)
expect 0 "${auditor[@]}" open c 'a call about to be recorded for the wrong patient'
sign wrong.grant other-1 system:calls record --consultation visit-anna
goes_wrong
expect 1 "${recorder[@]}" "@$place/wrong.grant" ingest "$video"
grep -q '^sealreel: conflict: ' "$place/err" || fail "the refusal is not conflict"
show <"$place/err"
proved "it is refused: this consultation is Anna's for good; nothing comes to stand in the other's list"
alarmed consultation_conflict
expect 0 "${operator[@]}" freeze --service recorder --ingest --reason 'June 2020'
expect 3 "${recorder[@]}" "@$place/wrong.grant" ingest "$video"
expect 0 "${operator[@]}" thaw --service recorder --reason 'the demo goes on'
proved "sealreel freeze --service recorder --ingest: the recorder gets nothing in any more"
report c
figures recordings 0 0 0 0 1
figures people 0 0 0 0 1
figures recipients 0 0 0 0 1
proved "the report: presented 0, opened 0, delivered 0, denied 1"

begin "(d) The issuer takes Anna for four others; she watches one of them for five seconds"
from=$(now)
expect 0 "${auditor[@]}" open d 'sessions mixed up by the identity provider'
for other in 1 2 3 4; do
	sign session.grant "other-$other" patient:anna list,play
	as session.grant
	expect 0 "${viewer[@]}" list --json
	said "\"id\": \"${ids[other - 1]}\""
done
watched=$(($(stat -c %s "$audio") * 5 / call_seconds))
expect 0 "${viewer[@]}" play "${ids[3]}" --range "0-$((watched - 1))" -o "$place/watched"
cmp -s -n "$watched" "$place/watched" "$audio" || fail "what was watched is not the call"
expect 0 "${viewer[@]}" shown "${ids[3]}" --from 0 --to 5
proved "the store served whom it was told to: four recordings were shown, and $watched bytes of one were played"
expect 0 "${auditor[@]}" note d wrong 'sessions were mixed up' --actor anna --except-patient "${prefix}anna"
report d
figures recordings 4 1 1 0 0
figures people 4 1 1 0 0
figures recipients 1 1 1 0 0
grep -q "\"bytes_at_least\": $watched,\$" "$place/reports/d-1.json" || fail "the bytes are not those"
grep -q '"media_ms": 5000,$' "$place/reports/d-1.json" || fail "the seconds are not those"
sed -n '/opened 1,/,/stated by player/p' "$place/reports/d-1.txt" | show
proved "the report: presented 4, opened 1, delivered 1, its bytes proved by the store, its seconds stated by player"

begin "The same report again, and who is in it"
stop_daemon
start_daemon
expect 0 "${auditor[@]}" report d --again 1 -o "$place/again"
for ending in txt json contacts; do
	cmp -s "$place/reports/d-1.$ending" "$place/again/d-1.$ending" || fail "d-1.$ending differs"
done
proved "after a restart report 1 is made again to the byte: it is a function of the audit log up to its checkpoint"
! grep -qE 'anna|other-[0-9]|urn:example|calls' "$place/reports/d-1.txt" "$place/reports/d-1.json" ||
	fail "the regulator's copy names somebody"
! grep -q -- "${ids[3]}" "$place/reports/d-1.txt" "$place/reports/d-1.json" || fail "the regulator's copy has an id"
proved "the regulator's copy has no identity, actor or recording's id"
expect 0 "${auditor[@]}" contacts "$place/reports/d-1.contacts" --auditor-key "$store/auditor.key"
said '^recipient 1  anna$'
said "^person 4  ${prefix//|/\\|}other-4\$"
show <"$place/out"
{
	printf 'sealreel-auditor-key 1\nsecret '
	head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
	echo
} >"$place/other.key"
expect 1 "${auditor[@]}" contacts "$place/reports/d-1.contacts" --auditor-key "$place/other.key"
proved "the contact list opens with the auditor's key, and with no other"
stop_daemon

printf '\n%sProved, in %d steps and %d checks:%s\n' "$bold" "$steps" "$proofs" "$plain"
cat <<'WORDS'
   A wrong list, in the index or above it, and a call about to be filed wrongly show nobody anything.
   Each raised its alarm within a second, and one command stopped it.
   Where the issuer vouched wrongly, the report says who was shown what, how much of it was played, and how that is known.
WORDS
