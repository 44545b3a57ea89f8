#!/usr/bin/env bash
# The benchmark suite: sealreel beside its peers, in one run, as one table.
#
#   bench/run.sh [--quick] [--size SIZE] [--rounds N] [--transport tcp|unix] [--out FILE] [--bin DIRECTORY]
#
#   --quick       256M, 3 rounds, 500 refusals of each kind, stores of 10,000 recordings, no calls: under three minutes
#   --size        how long the recording is that is read and written (default: 1G)
#   --rounds      how often everything is measured, after one round that is not counted (default: 5)
#   --transport   how the clients of both sealreel and nginx connect (default: tcp)
#   --out         where the results go as JSON (default: results.json beside the build)
#   --bin         where the programs are (default: they are built)
#
# What is measured, and how far it is fair, is in bench/README.md. SEALREEL_BENCH_DIR names a directory on the disk to
# measure (default: beside the build).
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=bench/peers.sh
. "$repo/bench/peers.sh"

size=1G
rounds=5
refusals=2000
rotated=100000
stores="10000 1000000"
lists=2000
calls=yes
transport=tcp
out=$bench_build/results.json
bin=
while [ $# -gt 0 ]; do
	case $1 in
	--quick)
		size=256M rounds=3 refusals=500 rotated=20000 stores=10000 lists=500 calls=
		shift
		continue
		;;
	esac
	[ $# -ge 2 ] || usage "${BASH_SOURCE[0]}"
	case $1 in
	--size) size=$2 ;;
	--rounds) rounds=$2 ;;
	--transport) transport=$2 ;;
	--out) out=$2 ;;
	--bin) bin=$2 ;;
	*) usage "${BASH_SOURCE[0]}" ;;
	esac
	shift 2
done
[[ $transport == tcp || $transport == unix ]] || usage "${BASH_SOURCE[0]}"
length=$(numfmt --from=iec "$size")
ticks=$(getconf CLK_TCK)

work=
finish() {
	store_stop
	nginx_stop
	gocryptfs_stop
	[ -z "$work" ] || rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# ---- what is measured ----

# cpu PID…: the CPU that these processes have used so far, in ticks.
cpu() {
	local pid line total=0
	for pid in "$@"; do
		line=$(<"/proc/$pid/stat")
		# The name, in parentheses, may hold anything; user and system time are the 12th and 13th after it.
		read -r -a fields <<<"${line##*) }"
		total=$((total + fields[11] + fields[12]))
	done
	echo "$total"
}

# sample MEASURE SUBJECT VALUE: one value of this round; the round 0 is the warm-up.
sample() {
	[ "$round" -eq 0 ] || printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/samples"
}

# transfer KIND SUBJECT SERVER-PIDS COMMAND…: run a client; its rate, its CPU and its server's are samples.
transfer() {
	local kind=$1 subject=$2 servers=$3 line before after
	shift 3
	# shellcheck disable=SC2086
	before=$(cpu $servers)
	line=$("$@" | tail -n 1)
	# shellcheck disable=SC2086
	after=$(cpu $servers)
	sample "${kind}_rate" "$subject" "$(awk -v n="$length" -v s="$(value "$line" seconds)" \
		'BEGIN { printf "%.1f", n / s / 1048576 }')"
	sample "${kind}_client_cpu" "$subject" "$(awk -v n="$length" -v u="$(value "$line" user)" \
		-v s="$(value "$line" system)" 'BEGIN { printf "%.4f", (u + s) / (n / 1073741824) }')"
	[ -z "$servers" ] || sample "${kind}_server_cpu" "$subject" "$(awk -v n="$length" -v t=$((after - before)) \
		-v hz="$ticks" 'BEGIN { printf "%.4f", t / hz / (n / 1073741824) }')"
}

# file_write FILE FLAG: the source written by dd, and flushed by the flag; a line as the clients of sealreel print.
file_write() {
	local TIMEFORMAT='user=%U system=%S' used
	used=$({ time LC_ALL=C dd if="$work/source" of="$1" bs=1M "conv=$2" 2>"$work/dd"; } 2>&1)
	echo "bytes=$length seconds=$(sed -nE 's/.* ([0-9.e-]+) s, .*/\1/p' "$work/dd") $used"
}

read_sealreel() { transfer read sealreel "$daemon_pid" "$bin/bench-read" "$recording"; }
# read_tls SUBJECT INSTANCE PATH SERVER-PID…: by an instance of nginx; whoever else serves is named.
read_tls() {
	local subject=$1 instance=$2 path=$3
	shift 3
	transfer read "$subject" "$(nginx_workers "$instance") $*" "$bin/bench-tls" "$nginx_certificate" \
		"${nginx_servers[$instance]}" "$path"
}
read_nginx() { read_tls nginx nginx /source; }
read_nginx_2() { read_tls nginx-2-workers nginx-2 /source; }
read_gocryptfs() {
	[ -z "$gocryptfs_pid" ] || read_tls nginx-gocryptfs nginx /gocryptfs/source "$gocryptfs_pid"
}
read_rclone() {
	[ -z "$has_rclone" ] || transfer read rclone-crypt "$(nginx_workers nginx)" rclone_read
}

# rclone_read: the source as rclone opens it; a line as the clients of sealreel print.
rclone_read() {
	local TIMEFORMAT='seconds=%R user=%U system=%S' used
	used=$({ time rclone_run cat sealed:source >/dev/null; } 2>&1)
	echo "bytes=$length $used"
}

write_sealreel() { transfer write sealreel "$daemon_pid" "$bin/bench-write" "$work/source"; }
write_disk() {
	transfer write disk "" file_write "$work/raw" fdatasync
	rm "$work/raw"
}
write_gocryptfs() {
	[ -n "$gocryptfs_pid" ] || return 0
	transfer write gocryptfs "$gocryptfs_pid" file_write "$work/plain/raw" fsync
	rm "$work/plain/raw"
}

# Each turn begins with nothing left to flush; every other round goes backwards, so that no one always comes first.
measure_round() {
	local order=(read_sealreel read_nginx read_nginx_2 read_gocryptfs read_rclone
		write_sealreel write_gocryptfs write_disk) at turn
	store_grant 'bench|speed'
	for ((at = 0; at < ${#order[@]}; at++)); do
		turn=$at
		[ $((round % 2)) -eq 0 ] || turn=$((${#order[@]} - 1 - at))
		sync
		"${order[turn]}"
	done
}

# ---- what it was measured with ----

# fact SECTION NAME VALUE
fact() {
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/facts"
}

facts() {
	local commit dirty=
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
	fact machine load_before "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	fact versions sealreel "$("$bin/sealreel" --version | cut -d ' ' -f 2)"
	fact versions nginx "$("$nginx" -v 2>&1 | sed 's#.*/##')"
	fact versions gocryptfs "$(gocryptfs -version | sed 's/;.*//; s/^gocryptfs //')"
	fact versions rclone "$(rclone version | sed -n '1s/^rclone v//p')"
	fact versions openssl "$(openssl version | cut -d ' ' -f 2)"
	fact versions compiler "$(cc --version | head -n 1)"
}

# ---- the run ----

build_programs
mkdir -p "$(dirname "$out")"
make_work
touch "$work/samples"
needed=$((length * (rounds + 7) / 1048576 + 4096))
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

store_grant 'bench|speed'
recording=$("$bin/bench-write" "$work/source" | head -n 1)
same_bytes "$work/source" "$bin/bench-read" "$recording" -
for path in /source ${gocryptfs_pid:+/gocryptfs/source}; do
	same_bytes "$work/source" "$bin/bench-tls" "$nginx_certificate" "${nginx_servers[nginx]}" "$path" -
done
[ -z "$has_rclone" ] || same_bytes "$work/source" rclone_run cat sealed:source
for ((round = 0; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	measure_round
done
finish_peers() {
	store_stop
	nginx_stop
	gocryptfs_stop
}
finish_peers

echo "memory" >&2
bash "$repo/bench/memory.sh" --bin "$bin" >"$work/memory" || fact missing memory "the daemon had more than its bound"
echo "refusals" >&2
bash "$repo/bench/refusals.sh" --count "$refusals" --bin "$bin" >"$work/refusals"
echo "rotation" >&2
bash "$repo/bench/rotate.sh" --recordings "$rotated" --runs 3 --bin "$bin" >"$work/rotation" ||
	[ -s "$work/rotation" ] # below its bound, as the table says
echo "lists" >&2
bash "$repo/bench/scale.sh" --recordings "$stores" --starts 3 --lists "$lists" --bin "$bin" >"$work/scale" ||
	[ -s "$work/scale" ]
: >"$work/calls"
if [ -n "$calls" ]; then
	echo "calls" >&2
	bash "$repo/bench/calls.sh" --bin "$bin" >"$work/calls" || [ -s "$work/calls" ]
fi
fact machine load_after "$(cut -d ' ' -f 1-3 /proc/loadavg)"

awk -f "$repo/bench/report.awk" -v json="$out" "$work/facts" "$work/memory" "$work/refusals" "$work/rotation" \
	"$work/scale" "$work/calls" "$work/samples"
