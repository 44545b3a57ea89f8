# What the scripts of bench/ share: the build, a directory to work in, a throwaway store with its daemon. Sourced.
# shellcheck shell=bash

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bench_build=${SEALREEL_BUILD:-$repo/.build}/bench
bin=
work=
daemon_pid=

# ---- how a script begins and ends ----

# Print the comment at the script's head as its usage, and end.
usage() {
	sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
}

# options "$@": which there are is said by that comment, in a line `#   --NAME …` for each. The value of `--NAME VALUE`
# is $NAME from now on, or what the script's function take_NAME makes of it; `--NAME` alone is its function flag_NAME.
options() {
	local name
	while [ $# -gt 0 ]; do
		name=${1#--}
		[[ $1 =~ ^--[a-z]+$ ]] && grep -q "^#   $1 " "$0" || usage
		if declare -F "flag_$name" >/dev/null; then
			"flag_$name"
			shift
			continue
		fi
		[ $# -ge 2 ] || usage
		if declare -F "take_$name" >/dev/null; then
			"take_$name" "$2"
		else
			printf -v "$name" %s "$2"
		fi
		shift 2
	done
}

# end PID…: these processes; one that is empty is none.
end() {
	local pid
	for pid in "$@"; do
		[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	done
}

# end_others: what else a script has started. Those that have started something say here how it ends.
end_others() { :; }

# Whichever way a script ends, nothing of it is left.
finish() {
	end_others
	store_stop
	[ -z "$work" ] || rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# ---- programs, and a store for them ----

# build_programs: sealreeld, sealreel and the programs of bench/ as released. Sets $bin, unless it is set.
build_programs() {
	[ -z "$bin" ] || return 0
	bash "$repo/tests/install.sh" bench
	bash "$repo/tests/install.sh" build
	mkdir -p "$bench_build"
	if ! { cmake -S "$repo" -B "$bench_build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSR_TESTS=OFF &&
		ninja -C "$bench_build" all bench; } >"$bench_build/build.log" 2>&1; then
		tail -n 30 "$bench_build/build.log" >&2
		return 1
	fi
	bin=$bench_build/bin
}

# make_work: an empty directory for all that is measured, in SEALREEL_BENCH_DIR or beside the build. Sets $work.
make_work() {
	local parent=${SEALREEL_BENCH_DIR:-$bench_build}
	mkdir -p "$parent"
	work=$(mktemp -d "$(cd "$parent" && pwd)/work.XXXXXX")
}

# A port of this machine that nothing listens on now.
free_port() {
	local port
	for _ in {1..100}; do
		port=$((20000 + RANDOM % 12000))
		if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	echo "no free port was found" >&2
	return 1
}

# store_make TRANSPORT: a new store in $work/store that listens on a Unix socket and on TCP. TRANSPORT (tcp or unix) is
# what clients use from now on.
store_make() {
	local port
	port=$(free_port)
	"$bin/sealreel" init "$work/store" >"$work/init.log"
	sed -i "s/^# tcp = none\$/tcp = 127.0.0.1:$port/" "$work/store/sealreel.ini"
	export SEALREEL_SERVER=tcp:127.0.0.1:$port
	[ "$1" = tcp ] || SEALREEL_SERVER=unix:$work/store/sealreel.sock
}

# store_start: start the daemon, with its log in $work/daemon.log, and wait until it is ready.
store_start() {
	"$bin/sealreeld" "$work/store" 2>>"$work/daemon.log" &
	daemon_pid=$!
	until "$bin/sealreel" --credential "$work/store/operator.cred" health >/dev/null 2>&1; do
		if ! kill -0 "$daemon_pid" 2>/dev/null; then
			echo "the daemon did not start:" >&2
			tail -n 5 "$work/daemon.log" >&2
			return 1
		fi
	done
}

# store_stop: end the daemon, if it runs, and wait for it.
store_stop() {
	[ -n "$daemon_pid" ] || return 0
	kill "$daemon_pid" 2>/dev/null || true
	wait "$daemon_pid" || true
	daemon_pid=
}

# store_service: the one service of the benchmarks. Its credential is everybody's from now on.
store_service() {
	"$bin/sealreel" --credential "$work/store/operator.cred" service add bench --role ingest,playback \
		-o "$work/bench.cred" >/dev/null
	export SEALREEL_CREDENTIAL=$work/bench.cred
}

# store_grant PATIENT: requests are for this patient from now on.
store_grant() {
	SEALREEL_GRANT=$("$bin/sealreel" grant --issuer-key "$work/store/dev-issuer.jwk" --patient "$1" \
		--scope record,list,play --act system:bench --ttl 1h)
	export SEALREEL_GRANT
}

# ---- what the daemon uses ----

# ticks FILE: user and system time in a stat file of /proc, in clock ticks.
ticks() {
	local line fields
	line=$(<"$1")
	read -r -a fields <<<"${line##*) }"
	echo $((fields[11] + fields[12]))
}

# snapshot NAME: what the daemon has used and done so far, as NAME=VALUE words in the file $work/NAME; and for how long the
# machine's processors had nothing to do, or were not there because its host used them for others.
snapshot() {
	{
		echo "at=$(date +%s%N) cpu=$(ticks "/proc/$daemon_pid/stat")" \
			"loop=$(ticks "/proc/$daemon_pid/task/$daemon_pid/stat")"
		awk '$1 == "cpu" { printf "idle=%.0f stolen=%.0f\n", $5 + $6, $9 }' /proc/stat
		"$bin/sealreel" --credential "$work/store/operator.cred" stats | sed 's/ /=/'
	} | tr '\n' ' ' >"$work/$1"
}

# grown NAME: by how much it grew from the snapshot in $before to that in $after.
grown() {
	echo $(($(value "$after" "$1") - $(value "$before" "$1")))
}

# used_between: words for what the daemon used and did between the snapshots in $before and $after: cores, its own and the
# machine's, and some of its counters for each second.
used_between() {
	local name
	for name in daemon_cpu daemon_loop machine_idle machine_stolen; do
		awk -v name="$name" -v t="$(grown "${name#*_}")" -v hz="$(getconf CLK_TCK)" -v ns="$(grown at)" \
			'BEGIN { printf "%s=%.3f\n", name, t / hz / (ns / 1e9) }'
	done
	for name in flushes segments index_commits index_operations; do
		awk -v name="$name" -v n="$(grown "$name")" -v ns="$(grown at)" \
			'BEGIN { printf "%s_per_s=%.1f\n", name, n / (ns / 1e9) }'
	done
}

# watch_memory: twice a second as long as the daemon runs, a line in $work/memory: the time in seconds, RssAnon in KiB.
watch_memory() {
	local name kib rest
	while kill -0 "$daemon_pid" 2>/dev/null; do
		while read -r name kib rest; do
			[ "$name" != RssAnon: ] || echo "$EPOCHSECONDS $kib"
		done <"/proc/$daemon_pid/status"
		sleep 0.5
	done >"$work/memory" 2>/dev/null
}

# make_source FILE BYTES: bytes that nothing can compress, the same in every run.
make_source() {
	head -c "$2" /dev/zero | openssl enc -aes-256-ctr -K "$(printf '%064d' 1)" -iv "$(printf '%032d' 0)" >"$1"
}

# value LINE NAME: what NAME is in a line of NAME=VALUE words.
value() {
	local word
	for word in $1; do
		if [ "${word%%=*}" = "$2" ]; then
			echo "${word#*=}"
			return
		fi
	done
	echo "no $2 in: $1" >&2
	return 1
}

# same_bytes FILE COMMAND…: the command's output has the file's SHA-256.
same_bytes() {
	local wanted got
	wanted=$(openssl dgst -sha256 -r <"$1")
	shift
	got=$("$@" 2>/dev/null | openssl dgst -sha256 -r)
	if [ "$wanted" != "$got" ]; then
		echo "not the same bytes: $*" >&2
		return 1
	fi
}
