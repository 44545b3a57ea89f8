#!/usr/bin/env bash
# The benchmark suite: sealreel beside its peers, in one run, as one table.
#
#   bench/run.sh [--quick] [--size SIZE] [--rounds N] [--stores "N …"] [--transport tcp|unix] [--out FILE]
#                [--plots DIRECTORY] [--bin DIRECTORY]
#
#   --quick       256M, 3 rounds, less of each thing, stores of 10,000 recordings, no object store, no plots, no calls:
#                 under three minutes
#   --size        how long the recording is that is read and written (default: 1G)
#   --rounds      how often everything is measured, after one round that is not counted (default: 5)
#   --stores      how many recordings the stores have whose lists are measured (default: "10000 100000 1000000"); 10
#                 million take 20 GB
#   --transport   how the clients of both sealreel and nginx connect (default: tcp)
#   --out         where the results go as JSON (default: results.json beside the build)
#   --plots       where the drawings go: throughput.svg, latency.svg, lists.svg (default: beside the results)
#   --bin         where the programs are (default: they are built)
#
# What is measured, and how far it is fair, is in bench/README.md. SEALREEL_BENCH_DIR names a directory on the disk to
# measure (default: beside the build).
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=bench/peers.sh
. "$repo/bench/peers.sh"
# shellcheck source=bench/object_store.sh
. "$repo/bench/object_store.sh"
# shellcheck source=bench/turns.sh
. "$repo/bench/turns.sh"

size=1G
rounds=5
refusals=2000
rotated=100000
stores="10000 100000 1000000"
lists=1000
crowds="10 100"
ranges=2000
firsts=1000
hours=300
handshakes=1000
tail_seconds=10
sessions=1000
swift=yes
sizes=yes
calls=yes
transport=tcp
out=$bench_build/results.json
plots=
flag_quick() {
	size=256M rounds=3 refusals=500 rotated=20000 stores=10000 lists=200 crowds=10 ranges=500 firsts=300 hours=100
	handshakes=300 tail_seconds=3 swift='' sizes='' calls=''
}
options "$@"
[[ $transport == tcp || $transport == unix ]] || usage
length=$(numfmt --from=iec "$size")
ticks=$(getconf CLK_TCK)

end_others() {
	nginx_stop
	gocryptfs_stop
	swift_stop
}

# ---- what it was measured with ----

# fact SECTION NAME VALUE
fact() {
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/facts"
}

# Since when, and what the machine's host had used of its processors for others until then, in ticks.
stolen() { awk -v at="$EPOCHSECONDS" '$1 == "cpu" { printf "%d %.0f\n", at, $9 }' /proc/stat; }

facts() {
	local commit dirty=
	stolen >"$work/stolen"
	commit=$(git -C "$repo" rev-parse HEAD 2>/dev/null || echo unknown)
	[ -z "$(git -C "$repo" status --porcelain 2>/dev/null)" ] || dirty=", and what was not committed"
	fact run date "$(date -u +%Y-%m-%dT%H:%MZ)"
	fact run commit "$commit$dirty"
	fact run size "$size"
	fact run rounds "$rounds"
	fact run transport "$transport"
	fact machine processor "$(sed -nE 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	fact machine cores "$(nproc)"
	fact machine memory "$(awk '$1 == "MemTotal:" { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
	fact machine kernel "$(uname -sr)"
	fact machine filesystem "$(df --output=fstype "$work" | tail -n 1)"
	fact machine congestion_control "$(</proc/sys/net/ipv4/tcp_congestion_control)"
	fact machine load_before "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	fact versions sealreel "$("$bin/sealreel" --version | cut -d ' ' -f 2)"
	fact versions nginx "$("$nginx" -v 2>&1 | sed 's#.*/##')"
	fact versions gocryptfs "$(gocryptfs -version | sed 's/;.*//; s/^gocryptfs //')"
	fact versions rclone "$(rclone version | sed -n '1s/^rclone v//p')"
	[ -z "$swift" ] || fact versions swift "$(dpkg-query -W -f '${Version}' python3-swift)"
	fact versions openssl "$(openssl version | cut -d ' ' -f 2)"
	fact versions compiler "$(cc --version | head -n 1)"
}

# ---- the run ----

build_programs
mkdir -p "$(dirname "$out")"
make_work
touch "$work/samples" "$work/sizes"
needed=$((length * (2 * rounds + 12) / 1048576 + 4096))
[ -z "$calls" ] || needed=$((needed + 20000)) # what they record in a minute
if [ "$(df --output=avail -BM "$work" | tail -n 1 | tr -dc 0-9)" -lt "$needed" ]; then
	echo "the disk of $work needs $needed MiB free; see --size and --rounds" >&2
	exit 1
fi
facts
mkdir "$work/web"
make_source "$work/web/source" "$length"
ln "$work/web/source" "$work/source"
store_make "$transport"
store_start
store_service
nginx_certificate_make
nginx_start nginx-2 2 "$transport"
nginx_start nginx 1 "$transport"
if gocryptfs_start; then
	cp "$work/source" "$work/plain/source"
else
	fact missing gocryptfs "there is no FUSE here"
	fact missing nginx-gocryptfs "there is no FUSE here"
fi
has_rclone=yes
if ! rclone_start "$work/source"; then
	has_rclone=
	fact missing rclone-crypt "rclone does not work here"
fi

if [ -z "$swift" ]; then
	fact missing swift "left out of a quick run"
elif ! swift_start || ! curl -sSf -o "$work/swift/answer" -T "$work/source" "$swift_url/source"; then
	fact missing swift "it does not work here"
	swift_stop
fi
store_grant 'bench|speed'
mkdir "$work/parts"
split -n 10 -d "$work/source" "$work/parts/part"

recording=$("$bin/bench-write" "$work/source" | head -n 1)
# As many segments as a call of an hour has; they are small, because making them is not measured.
hour_piece=2000
make_source "$work/hour" $((7200 * hour_piece))
hour=$("$bin/bench-write" "$work/hour" "$hour_piece" | head -n 1)
check_turns
for ((round = 0; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	measure_round
done
if [ -n "$sizes" ]; then
	echo "sizes" >&2
	measure_sizes
fi
store_stop
end_others

echo "memory" >&2
bash "$repo/bench/memory.sh" --bin "$bin" >"$work/memory" || fact missing memory "the daemon had more than its bound"
echo "sessions" >&2
bash "$repo/bench/sessions.sh" --sessions "$sessions" --bin "$bin" >>"$work/samples" || true # above its bound
echo "grants" >&2
bash "$repo/bench/grants.sh" --bin "$bin" >>"$work/samples"
echo "refusals" >&2
bash "$repo/bench/refusals.sh" --count "$refusals" --bin "$bin" >"$work/refusals"
: >"$work/calls"
if [ -n "$calls" ]; then
	echo "calls" >&2
	# Before anything large is removed, which keeps a disk busy for minutes.
	sync
	bash "$repo/bench/calls.sh" --seconds 60 --bin "$bin" >"$work/calls" || [ -s "$work/calls" ]
fi
echo "rotation" >&2
bash "$repo/bench/rotate.sh" --recordings "$rotated" --runs "$rounds" --bin "$bin" >"$work/rotation" ||
	[ -s "$work/rotation" ] # below its bound, as the table says
echo "lists" >&2
bash "$repo/bench/scale.sh" --recordings "$stores" --starts 3 --lists "$lists" --rounds "$rounds" --bin "$bin" >"$work/scale" ||
	[ -s "$work/scale" ]
fact machine load_after "$(cut -d ' ' -f 1-3 /proc/loadavg)"
fact machine used_by_host "$(stolen | cat "$work/stolen" - | awk -v hz="$ticks" '
	NR == 1 { at = $1; ticks = $2 }
	NR == 2 { printf "%.2f", ($2 - ticks) / hz / ($1 - at) }')"

awk -f "$repo/bench/report.awk" -f "$repo/bench/rows.awk" -v json="$out" "$work/facts" "$work/memory" \
	"$work/refusals" "$work/rotation" "$work/scale" "$work/sizes" "$work/calls" "$work/samples"
if [ -n "$sizes" ]; then
	mkdir -p "${plots:=$(dirname "$out")}"
	for what in throughput latency lists; do
		awk -f "$repo/bench/plot.awk" -v what="$what" "$work/sizes" "$work/scale" >"$plots/$what.svg"
	done
fi
