# The peer that is an object store with server-side encryption: OpenStack Swift (Debian's python3-swift) with its
# keymaster and encryption middleware, one copy of each object, four servers on loopback. Sourced; needs common.sh, $work.
# shellcheck shell=bash

swift_pids=()
swift_url=

# A server of Swift with the configuration file $1 as the section $2, without /etc/swift.
swift_server='
import sys, swift.common.utils as utils
utils.SWIFT_CONF_FILE = sys.argv[1] + "/swift.conf"
from swift.common.wsgi import run_wsgi
from swift.obj import server
more = {"global_conf_callback": server.global_conf_callback} if sys.argv[2] == "object" else {}
sys.exit(run_wsgi(f"{sys.argv[1]}/{sys.argv[2]}.conf", f"{sys.argv[2]}-server", **more))
'

swift_ring_builder='
import sys
from swift.cli.ringbuilder import main
main(["swift-ring-builder"] + sys.argv[1:])
'

# swift_configuration SERVER PORT: no log, no check for mounts, one process, as the user that we are.
swift_configuration() {
	local pipeline=$1-server
	[ "$1" != proxy ] || pipeline='catch_errors gatekeeper keymaster encryption proxy-server'
	cat <<-EOS
		[DEFAULT]
		bind_ip = 127.0.0.1
		bind_port = $2
		user = $(id -un)
		swift_dir = $work/swift
		devices = $work/swift/devices
		mount_check = false
		workers = 1
		log_address = $work/swift/log
		log_level = CRITICAL
		[pipeline:main]
		pipeline = $pipeline
		[app:$1-server]
		use = egg:swift#$1
		account_autocreate = true
		log_requests = false
		set log_level = CRITICAL
		[filter:catch_errors]
		use = egg:swift#catch_errors
		[filter:gatekeeper]
		use = egg:swift#gatekeeper
		[filter:keymaster]
		use = egg:swift#keymaster
		encryption_root_secret = $(printf '%032d' 1 | base64)
		[filter:encryption]
		use = egg:swift#encryption
	EOS
}

# swift_ring SERVER PORT: everything of it is on the one device.
swift_ring() {
	local builder=$work/swift/$1.builder
	for step in "create 4 1 1" "add r1z1-127.0.0.1:$2/device 1" rebalance; do
		# shellcheck disable=SC2086
		/usr/bin/python3 -W ignore -c "$swift_ring_builder" "$builder" $step >>"$work/swift/ring.log" 2>&1 ||
			[ $? -eq 1 ] # a warning
	done
	[ -s "$work/swift/$1.ring.gz" ]
}

# swift_start: in $work/swift. Sets $swift_url, of a container, and $swift_pids. Fails, saying why, where it does not work.
swift_start() {
	local server port
	mkdir -p "$work/swift/devices/device"
	printf '[swift-hash]\nswift_hash_path_prefix = bench\nswift_hash_path_suffix = bench\n' >"$work/swift/swift.conf"
	for server in account container object proxy; do
		port=$(free_port)
		swift_configuration "$server" "$port" >"$work/swift/$server.conf"
		[ "$server" = proxy ] || swift_ring "$server" "$port" || {
			tail -n 3 "$work/swift/ring.log" >&2
			return 1
		}
		/usr/bin/python3 -W ignore -c "$swift_server" "$work/swift" "$server" >>"$work/swift/out" 2>&1 &
		swift_pids+=($!)
	done
	swift_url=http://127.0.0.1:$port/v1/AUTH_bench/recordings
	for _ in {1..100}; do
		! { curl -sf -o "$work/swift/answer" -X PUT "$swift_url" &&
			echo ready | curl -sf -o "$work/swift/answer" -T - "$swift_url/ready"; } || return 0
		kill -0 "${swift_pids[@]}" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 5 "$work/swift/out" >&2
	swift_stop
	return 1
}

# swift_processes: the servers and their workers, whose CPU is the store's.
swift_processes() {
	local pid
	for pid in "${swift_pids[@]}"; do
		# shellcheck disable=SC2046
		echo "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
	done
}

swift_stop() {
	[ ${#swift_pids[@]} -eq 0 ] || kill "${swift_pids[@]}" 2>/dev/null || true
	[ ${#swift_pids[@]} -eq 0 ] || wait "${swift_pids[@]}" || true
	swift_pids=()
	swift_url=
}
