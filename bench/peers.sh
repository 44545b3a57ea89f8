# The peers that sealreel is measured against: nginx with TLS 1.3, and gocryptfs. Sourced; needs common.sh and $work.
# shellcheck shell=bash

nginx_pid=
gocryptfs_pid=
# Debian has nginx where only root's PATH looks.
nginx=$(command -v nginx || echo /usr/sbin/nginx)

# nginx_start DIRECTORY TRANSPORT: serve the directory's files with TLS 1.3, one worker, on a port and a Unix socket.
# Sets $nginx_certificate and, for clients that come by TRANSPORT (tcp or unix), $nginx_server.
nginx_start() {
	local port
	port=$(free_port)
	nginx_certificate=$work/certificate
	nginx_server=tcp:127.0.0.1:$port
	[ "$2" = tcp ] || nginx_server=unix:$work/nginx.sock
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-keyout "$work/certificate.key" -out "$nginx_certificate" 2>"$work/openssl.log"
	nginx_configuration "$1" "$port" >"$work/nginx.conf"
	"$nginx" -p "$work" -e "$work/nginx.log" -c "$work/nginx.conf" &
	nginx_pid=$!
	until [ -s "$work/nginx.pid" ] && [ -n "$(nginx_workers)" ]; do
		if ! kill -0 "$nginx_pid" 2>/dev/null; then
			echo "nginx did not start:" >&2
			tail -n 5 "$work/nginx.log" >&2
			return 1
		fi
	done
}

# nginx is not to lose by small reads (512 KiB instead of 32) nor by a log of requests.
nginx_configuration() {
	cat <<-EOF
		daemon off;
		$([ "$(id -u)" -ne 0 ] || echo 'user root;')
		worker_processes 1;
		pid $work/nginx.pid;
		error_log $work/nginx.log;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $work/nginx-body;
			proxy_temp_path $work/nginx-proxy;
			fastcgi_temp_path $work/nginx-fastcgi;
			uwsgi_temp_path $work/nginx-uwsgi;
			scgi_temp_path $work/nginx-scgi;
			sendfile on;
			output_buffers 2 512k;
			server {
				listen 127.0.0.1:$2 ssl;
				listen unix:$work/nginx.sock ssl;
				ssl_certificate $nginx_certificate;
				ssl_certificate_key $work/certificate.key;
				ssl_protocols TLSv1.3;
				ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;
				root $1;
			}
		}
	EOF
}

nginx_workers() {
	cat "/proc/$nginx_pid/task/$nginx_pid/children" 2>/dev/null
}

nginx_stop() {
	[ -n "$nginx_pid" ] || return 0
	kill "$nginx_pid" 2>/dev/null || true
	wait "$nginx_pid" || true
	nginx_pid=
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
