# What a round of run.sh measures: sealreel and its peers in turn, each doing the same. Sourced; needs common.sh,
# peers.sh, object_store.sh, and of run.sh $work, $round, $length, $ticks, $recording and how much of each there is.
# shellcheck shell=bash

# ---- samples ----

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

# of FORMAT EXPRESSION [NAME=VALUE…]: what awk makes of it.
of() {
	local format=$1 expression=$2 word words=()
	shift 2
	for word in "$@"; do
		words+=(-v "$word")
	done
	awk "${words[@]}" "BEGIN { printf \"$format\", $expression }"
}

# client SERVER-PIDS COMMAND…: run a client. Sets $line, the last that it prints, and $served, its servers' ticks.
client() {
	local servers=$1 before
	shift
	# shellcheck disable=SC2086
	before=$(cpu $servers)
	line=$("$@" | tail -n 1)
	# shellcheck disable=SC2086
	served=$(($(cpu $servers) - before))
}

# transfer KIND SUBJECT SERVER-PIDS COMMAND…: a client that moves bytes; its rate, its CPU and its server's are samples.
transfer() {
	local kind=$1 subject=$2 servers=$3 bytes
	shift 3
	client "$servers" "$@"
	bytes=$(value "$line" bytes)
	sample "${kind}_rate" "$subject" "$(of %.1f 'n / s / 1048576' n="$bytes" s="$(value "$line" seconds)")"
	sample "${kind}_client_cpu" "$subject" "$(of %.4f '(u + s) / (n / 1073741824)' n="$bytes" \
		u="$(value "$line" user)" s="$(value "$line" system)")"
	[ -z "$servers" ] || sample "${kind}_server_cpu" "$subject" "$(of %.4f 't / hz / (n / 1073741824)' n="$bytes" \
		t="$served" hz="$ticks")"
}

# times KIND SUBJECT: of the turns that the last client of a crowd took.
times() {
	sample "$1_p50" "$2" "$(value "$line" p50)"
	sample "$1_p99" "$2" "$(value "$line" p99)"
}

# ---- one client reads all of it ----

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
read_swift() {
	[ -z "$swift_url" ] || transfer read swift "$(swift_processes)" swift_read
}

# timed COMMAND…: a line as the clients of sealreel print, for one that has none.
timed() {
	local TIMEFORMAT='seconds=%R user=%U system=%S' used
	if ! used=$({ time "$@" >/dev/null; } 2>&1); then
		echo "$*: $used" >&2
		return 1
	fi
	echo "bytes=$length $used"
}
rclone_read() { timed rclone_run cat sealed:source; }
swift_read() { timed curl -sSf "$swift_url/source"; }

# ---- one client writes all of it ----

# file_write FILE FLAG: the source written by dd, and flushed by the flag; a line as the clients of sealreel print.
file_write() {
	local TIMEFORMAT='user=%U system=%S' used
	used=$({ time LC_ALL=C dd if="$work/source" of="$1" bs=1M "conv=$2" 2>"$work/dd"; } 2>&1)
	echo "bytes=$length seconds=$(sed -nE 's/.* ([0-9.e-]+) s, .*/\1/p' "$work/dd") $used"
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
write_swift() {
	[ -z "$swift_url" ] || transfer write swift "$(swift_processes)" timed curl -sSf -T "$work/source" "$swift_url/raw"
}

# ---- ten streams write a tenth each ----

# all_at_once COMMAND…: run it for each part of the source, with the part's name at its end, all at once.
all_at_once() {
	local part pid pids=() failed=0
	for part in "$work"/parts/*; do
		"$@" "$part" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	return "$failed"
}
part_write() { LC_ALL=C dd if="$1" of="$work/plain/raw.${1##*/}" bs=1M conv=fsync 2>"$work/dd.${1##*/}"; }

write_10_sealreel() { transfer write_10 sealreel "$daemon_pid" timed all_at_once "$bin/bench-write"; }
write_10_gocryptfs() {
	[ -n "$gocryptfs_pid" ] || return 0
	transfer write_10 gocryptfs "$gocryptfs_pid" timed all_at_once part_write
	rm "$work"/plain/raw.*
}

# ---- a crowd of clients ----

# crowd OPTION… WHAT: by bench-crowd, of the subject whose server's words $crowd_server has.
crowd() { "$bin/bench-crowd" "${@:1:$#-1}" "${@: -1}" "$work/source" "${crowd_server[@]}"; }

# crowd_of SUBJECT: who is asked from now on. Sets $crowd_server and $crowd_pids.
crowd_of() {
	local instance=nginx
	if [ "$1" = sealreel ]; then
		crowd_server=(sealreel "$recording")
		crowd_pids=$daemon_pid
	else
		[ "$1" = nginx ] || instance=nginx-2
		crowd_server=(tls "$nginx_certificate" "${nginx_servers[$instance]}" /source)
		crowd_pids=$(nginx_workers "$instance")
	fi
}

# crowd_parts SUBJECT: the source in as many parts as there are clients.
crowd_parts() {
	local clients
	crowd_of "$1"
	for clients in $crowds; do
		transfer "read_$clients" "$1" "$crowd_pids" crowd --clients "$clients" part
	done
}
parts_sealreel() { crowd_parts sealreel; }
parts_nginx() { crowd_parts nginx; }
parts_nginx_2() { crowd_parts nginx-2-workers; }

# crowd_ranges SUBJECT: 64 KiB from anywhere, by one client and by ten.
crowd_ranges() {
	crowd_of "$1"
	transfer range "$1" "$crowd_pids" crowd --turns "$ranges" range
	times range "$1"
	transfer range_10 "$1" "$crowd_pids" crowd --clients 10 --turns "$ranges" range
	times range_10 "$1"
}
ranges_sealreel() { crowd_ranges sealreel; }
ranges_nginx() { crowd_ranges nginx; }

# crowd_first SUBJECT: the first byte at a random place of what is not open yet.
crowd_first() {
	crowd_of "$1"
	client "$crowd_pids" crowd --turns "$firsts" first
	times first "$1"
}
first_sealreel() { crowd_first sealreel; }
first_nginx() { crowd_first nginx; }

# The same of a call of an hour, whose table is fifteen pages long.
first_of_hour() {
	client "$daemon_pid" "$bin/bench-crowd" --turns "$hours" --range "$hour_piece" first "$work/hour" sealreel "$hour"
	times first_hour sealreel
}

# crowd_connect SUBJECT: handshakes, four clients at a time.
crowd_connect() {
	crowd_of "$1"
	client "$crowd_pids" crowd --clients 4 --turns "$handshakes" connect
	sample connect_rate "$1" "$(of %.0f 'n / s' n="$handshakes" s="$(value "$line" seconds)")"
	sample connect_server_cpu "$1" "$(of %.4f 't / hz * 1000 / n' t="$served" hz="$ticks" n="$handshakes")"
}
connect_sealreel() { crowd_connect sealreel; }
connect_nginx() { crowd_connect nginx; }

# ---- a reader behind a writer ----

tail_sealreel() {
	client "$daemon_pid" "$bin/bench-tail" 10 "$tail_seconds"
	times tail sealreel
	sample tail_durable sealreel "$(value "$line" durable_p50)"
}

# ---- throughput and latency against size ----

# one_size BYTES SUBJECT: opened and read whole by one client as often as makes 64 MiB, three times at least.
one_size() {
	local turns=$((67108864 / $1))
	crowd_of "$2"
	[ "$2" = sealreel ] && crowd_server=(sealreel "$3") || crowd_server[3]=/sizes/$1
	line=$("$bin/bench-crowd" --turns $((turns < 3 ? 3 : turns)) whole "$work/web/sizes/$1" "${crowd_server[@]}")
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$(of %.1f 'n / s / 1048576' n="$(value "$line" bytes)" \
		s="$(value "$line" seconds)")" "$(value "$line" p50)" "$(value "$line" p99)" >>"$work/size_samples"
}

# measure_sizes: sealreel and nginx in turn, three times; the medians are the lines of $work/sizes.
measure_sizes() {
	local bytes known turn
	mkdir "$work/web/sizes"
	for bytes in 65536 262144 1048576 4194304 16777216 67108864 268435456 1073741824; do
		[ "$bytes" -le "$length" ] || continue
		head -c "$bytes" "$work/source" >"$work/web/sizes/$bytes"
		known=$("$bin/bench-write" "$work/web/sizes/$bytes" | head -n 1)
		for turn in 0 1 2; do
			one_size "$bytes" sealreel "$known"
			one_size "$bytes" nginx
		done
		rm "$work/web/sizes/$bytes"
	done
	sort -t $'\t' -k 1,1n -k 2,2 -k 3,3n "$work/size_samples" | awk -F '\t' -v OFS='\t' '
		{ rate[NR] = $3; p50[NR] = $4; p99[NR] = $5 }
		NR % 3 == 0 { print "size", $1, $2, rate[NR - 1], middle(p50), middle(p99) }
		function middle(of, a, b, c) {
			a = of[NR - 2]; b = of[NR - 1]; c = of[NR]
			return a > b ? (b > c ? b : a > c ? c : a) : (a > c ? a : b > c ? c : b)
		}' >"$work/sizes"
}

# ---- all of it ----

turns=(read_sealreel read_nginx read_nginx_2 read_gocryptfs read_rclone read_swift
	write_sealreel write_gocryptfs write_disk write_swift write_10_sealreel write_10_gocryptfs
	parts_sealreel parts_nginx parts_nginx_2 ranges_sealreel ranges_nginx first_sealreel first_nginx first_of_hour
	connect_sealreel connect_nginx tail_sealreel)

# Each turn begins with nothing left to flush; every other round goes backwards, so that no one always comes first.
measure_round() {
	local at turn
	store_grant 'bench|speed'
	for ((at = 0; at < ${#turns[@]}; at++)); do
		turn=$at
		[ $((round % 2)) -eq 0 ] || turn=$((${#turns[@]} - 1 - at))
		sync
		"${turns[turn]}"
	done
}

# check_turns: before the rounds, that those who read get the right bytes.
check_turns() {
	local path subject
	same_bytes "$work/source" "$bin/bench-read" "$recording" -
	for path in /source ${gocryptfs_pid:+/gocryptfs/source}; do
		same_bytes "$work/source" "$bin/bench-tls" "$nginx_certificate" "${nginx_servers[nginx]}" "$path" -
	done
	[ -z "$has_rclone" ] || same_bytes "$work/source" rclone_run cat sealed:source
	[ -z "$swift_url" ] || same_bytes "$work/source" curl -sSf "$swift_url/source"
	for subject in sealreel nginx; do
		crowd_of "$subject"
		for what in part range first; do
			crowd --check --clients 10 --turns 100 "$what" >/dev/null
		done
	done
}
