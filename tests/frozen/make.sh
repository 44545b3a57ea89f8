#!/usr/bin/env bash
# Makes the frozen stores of this version with the real programs: v2-keyfile.tar.gz, v2-passphrase.tar.gz, and v2.json,
# which says what is in them. Each is made once, when a format is born, and then kept: a later sealreel must serve it as
# it is (tests/scenario/frozen.test.mjs). Frozen messages and credentials stand in hex and text where they are tested:
# tests/unit/test_message.c, test_protocol_md.c, test_rows.c, test_credential.c.
#
#   v1   the first release's formats
#   v2   as v1, and format 2 of the extents' rows (store/FORMAT.md, section 4)
#
#   SEALREEL_BIN=BUILD-DIRECTORY/bin tests/frozen/make.sh DIRECTORY     DIRECTORY: where to put the three files
#
# An archive holds the store as `store/`, the credentials of its services, and its passphrase if it has one. Their
# addresses name a place that is gone: reach the store with --server. Left out are the socket and LMDB's lock.mdb, which
# are made anew.
set -euo pipefail

bin=$(cd "${SEALREEL_BIN:?names the directory of sealreeld and sealreel}" && pwd)
out=$(cd "${1:?names the directory for the files}" && pwd)
version=2 # one more whenever a format is
alice='https://clinic.example/mrn|alice'
bob='urn:example:ward|bob'
consultation='visit-2026-11-20'
place=$(mktemp -d "${TMPDIR:-/tmp}/sealreel-frozen.XXXXXX")
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true; rm -rf "$place"' EXIT

fail() {
	echo "make.sh: $1" >&2
	exit 1
}

# media SEED SIZE: the same bytes every time: AES-128-CTR over zeros, the key being 16 times the byte SEED.
media() {
	head -c "$2" /dev/zero |
		openssl enc -aes-128-ctr -nopad -K "$(printf '%02x' "$1"{,,,,,,,,,,,,,,,})" -iv "$(printf '%032d' 0)"
}

# start STORE: sealreeld, until it is ready.
start() {
	local deadline=$((SECONDS + 30))
	: >"$place/log"
	"$bin/sealreeld" "$1" 2>"$place/log" &
	daemon=$!
	until grep -q ' event=ready ' "$place/log"; do
		kill -0 "$daemon" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ] || fail "no daemon: $(cat "$place/log")"
		sleep 0.05
	done
}

stop() {
	kill -TERM "$daemon"
	wait "$daemon" || fail "the daemon ended badly: $(tail -n 3 "$place/log")"
	daemon=
}

# use DIRECTORY: the commands below talk to its store, and its services' credentials are made.
use() {
	store=$1/store
	export SEALREEL_SERVER=unix:$store/sealreel.sock
	for service in "ingest studio" "playback portal"; do
		read -r role name <<<"$service"
		"$bin/sealreel" --credential "$store/operator.cred" service add "$name" --role "$role" -o "$1/$name.cred"
	done
	export SEALREEL_CREDENTIAL=$1/studio.cred
}

# grant PATIENT [OPTION…]: a token to record for that patient.
grant() {
	local patient=$1
	shift
	"$bin/sealreel" --credential "$store/operator.cred" grant --issuer-key "$store/dev-issuer.jwk" \
		--patient "$patient" --scope record --act clinician:dr-frozen "$@"
}

# segments SEED SIZE…: the bytes of media, one SIZE after another, with a pause that ends a segment in between.
segments() {
	local seed=$1 size at=0
	shift
	for size in "$@"; do
		[ "$at" -eq 0 ] || sleep 1.5
		at=$((at + size))
		media "$seed" "$at" | tail -c "$size"
	done
}

# track NUMBER TYPE LABEL START-MS SEGMENTS SEED SIZE: the track as the .json has it.
track() {
	printf '{"track": %d, "type": "%s", "label": "%s", "start_ms": %d, "segments": %d, "seed": %d, "length": %d,\n' \
		"$1" "$2" "$3" "$4" "$5" "$6" "$7"
	printf '         "sha256": "%s"}' "$(media "$6" "$7" | sha256sum | cut -d ' ' -f 1)"
}

# pack NAME: the directory $place/NAME as an archive.
pack() {
	tar -C "$place/$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00:00Z' \
		--exclude=lock.mdb --exclude=sealreel.sock -cf - . | gzip -9n >"$out/v$version-$1.tar.gz"
}

store_id() {
	sed -n 's/^store //p' "$place/$1/studio.cred"
}

# A finished recording of two tracks and several segments, bound to a consultation; another patient's unfinished one.
mkdir "$place/keyfile"
"$bin/sealreel" init --key-source file:keyring.key "$place/keyfile/store" >/dev/null
start "$place/keyfile/store"
use "$place/keyfile"
grant "$alice" --consultation "$consultation" >"$place/alice"
finished=$(segments 1 5000 66000 1 | SEALREEL_GRANT=@$place/alice \
	"$bin/sealreel" ingest --type audio/webm --label 'a call of sound' --no-finish -)
media 2 16384 >"$place/video"
SEALREEL_GRANT=@$place/alice "$bin/sealreel" ingest --recording "$finished" --start-at 12.5 --type video/webm \
	--label 'Kamera, füße' "$place/video" >/dev/null
grant "$bob" >"$place/bob"
unfinished=$(segments 3 20000 300 | SEALREEL_GRANT=@$place/bob \
	"$bin/sealreel" ingest --type audio/ogg --no-finish -)
stop
pack keyfile

mkdir "$place/passphrase"
printf 'correct horse battery staple\n' >"$place/passphrase/passphrase"
chmod 600 "$place/passphrase/passphrase"
"$bin/sealreel" init --key-source passphrase:../passphrase "$place/passphrase/store" >/dev/null
start "$place/passphrase/store"
use "$place/passphrase"
grant "$alice" >"$place/alice"
media 4 100 >"$place/short"
short=$(SEALREEL_GRANT=@$place/alice "$bin/sealreel" ingest --type audio/webm --label 'a short one' "$place/short")
stop
pack passphrase

cat >"$out/v$version.json" <<END
{
  "v$version-keyfile": {
    "store": "$(store_id keyfile)",
    "extents": 2,
    "recordings": [
      {"id": "$finished", "identity": "$alice", "consultation": "$consultation",
       "state": "finished", "label": "a call of sound", "tracks": [
        $(track 1 audio/webm '' 0 3 1 71001),
        $(track 2 video/webm 'Kamera, füße' 12500 1 2 16384)]},
      {"id": "$unfinished", "identity": "$bob", "consultation": null,
       "state": "unfinished", "label": "", "tracks": [
        $(track 1 audio/ogg '' 0 2 3 20300)]}
    ]
  },
  "v$version-passphrase": {
    "store": "$(store_id passphrase)",
    "extents": 2,
    "recordings": [
      {"id": "$short", "identity": "$alice", "consultation": null,
       "state": "finished", "label": "a short one", "tracks": [
        $(track 1 audio/webm '' 0 1 4 100)]}
    ]
  }
}
END
ls -l "$out/v$version"*
