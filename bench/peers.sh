# The peers that sealreel is measured against: nginx with TLS 1.3 and one worker or two, gocryptfs, nginx over gocryptfs,
# and rclone's crypt over nginx. Sourced; needs common.sh and $work.
# shellcheck shell=bash

declare -A nginx_pids nginx_servers # by the instance's name
gocryptfs_pid=
# Debian has nginx where only root's PATH looks.
nginx=$(command -v nginx || echo /usr/sbin/nginx)

# nginx_certificate_make: what all instances show, in $nginx_certificate.
nginx_certificate_make() {
	nginx_certificate=$work/certificate
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
		-keyout "$work/certificate.key" -out "$nginx_certificate" 2>"$work/openssl.log"
}

# nginx_start NAME WORKERS TRANSPORT: serve $work/web with TLS 1.3, as /gocryptfs/ what is mounted, and as /rclone/ what
# rclone has sealed, on a port and a Unix socket. Sets ${nginx_servers[NAME]}, for clients that come by TRANSPORT (tcp or
# unix), and $nginx_port.
nginx_start() {
	local name=$1 workers=$2
	nginx_port=$(free_port)
	nginx_servers[$name]=tcp:127.0.0.1:$nginx_port
	[ "$3" = tcp ] || nginx_servers[$name]=unix:$work/$name.sock
	nginx_configuration "$name" "$workers" "$nginx_port" >"$work/$name.conf"
	"$nginx" -p "$work" -e "$work/$name.log" -c "$work/$name.conf" &
	nginx_pids[$name]=$!
	until [ -s "$work/$name.pid" ] && [ "$(nginx_workers "$name" | wc -w)" -eq "$workers" ]; do
		if ! kill -0 "${nginx_pids[$name]}" 2>/dev/null; then
			echo "nginx did not start:" >&2
			tail -n 5 "$work/$name.log" >&2
			return 1
		fi
	done
}

# nginx is not to lose by small reads (512 KiB instead of 32) nor by a log of requests.
nginx_configuration() {
	cat <<-EOF
		daemon off;
		$([ "$(id -u)" -ne 0 ] || echo 'user root;')
		worker_processes $2;
		pid $work/$1.pid;
		error_log $work/$1.log;
		events { worker_connections 512; }
		http {
			access_log off;
			client_body_temp_path $work/$1-body;
			proxy_temp_path $work/$1-proxy;
			fastcgi_temp_path $work/$1-fastcgi;
			uwsgi_temp_path $work/$1-uwsgi;
			scgi_temp_path $work/$1-scgi;
			sendfile on;
			output_buffers 2 512k;
			keepalive_requests 1000000;
			server {
				listen 127.0.0.1:$3 ssl;
				listen unix:$work/$1.sock ssl;
				ssl_certificate $nginx_certificate;
				ssl_certificate_key $work/certificate.key;
				ssl_protocols TLSv1.3;
				ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;
				root $work/web;
				location /gocryptfs/ { alias $work/plain/; }
				location /rclone/ { alias $work/crypt/; autoindex on; }
			}
		}
	EOF
}

nginx_workers() {
	cat "/proc/${nginx_pids[$1]}/task/${nginx_pids[$1]}/children" 2>/dev/null
}

nginx_stop() {
	local name
	for name in "${!nginx_pids[@]}"; do
		kill "${nginx_pids[$name]}" 2>/dev/null || true
		wait "${nginx_pids[$name]}" || true
	done
	nginx_pids=()
}

# rclone_start FILE: seal the file with rclone's crypt into $work/crypt, and make a configuration by which rclone reads
# it as sealed:NAME from the nginx that was started last. Fails, saying why, where rclone does not work.
rclone_start() {
	local password
	password=$(rclone obscure sealreel) || return 1
	mkdir -p "$work/crypt"
	cat >"$work/rclone.conf" <<-EOF
		[web]
		type = http
		url = https://127.0.0.1:$nginx_port/rclone/
		[sealed]
		type = crypt
		remote = web:
		filename_encryption = off
		directory_name_encryption = false
		password = $password
		[sealing]
		type = crypt
		remote = $work/crypt
		filename_encryption = off
		directory_name_encryption = false
		password = $password
	EOF
	rclone_run copy "$1" sealing:
}

# rclone_run COMMAND…: with that configuration, without asking anybody else.
rclone_run() {
	rclone --config "$work/rclone.conf" --ca-cert "$nginx_certificate" --quiet --retries 1 "$@"
}

# gocryptfs_start: an encrypted file system at $work/plain, on $work/cipher. Fails, saying why, where there is no FUSE.
gocryptfs_start() {
	mkdir "$work/cipher" "$work/plain"
	echo sealreel >"$work/gocryptfs.password"
	gocryptfs -init -q -nosyslog -scryptn 12 -passfile "$work/gocryptfs.password" "$work/cipher" || return 1
	gocryptfs -fg -q -nosyslog -passfile "$work/gocryptfs.password" "$work/cipher" "$work/plain" \
		>"$work/gocryptfs.log" 2>&1 &
	gocryptfs_pid=$!
	until mountpoint -q "$work/plain"; do
		if ! kill -0 "$gocryptfs_pid" 2>/dev/null; then
			tail -n 2 "$work/gocryptfs.log" >&2
			gocryptfs_pid=
			return 1
		fi
	done
}

gocryptfs_stop() {
	[ -n "$gocryptfs_pid" ] || return 0
	fusermount3 -u "$work/plain" || kill "$gocryptfs_pid" 2>/dev/null || true
	wait "$gocryptfs_pid" || true
	gocryptfs_pid=
}
