#!/usr/bin/env bash
# Installs, on Debian 12, the packages that a use of this repository needs and that are missing.
#
#   tests/install.sh run      what sealreeld, sealreel and client/demo.sh need to be built and run
#   tests/install.sh build    the same: from a clone, running starts with building
#   tests/install.sh test     and for tests/run.sh: the second compiler, Criterion, the fuzzers' run time, Node
#   tests/install.sh bench    and for bench/: the peers that sealreel is measured against
set -euo pipefail

usage() {
	echo "usage: tests/install.sh run|build|test|bench" >&2
	exit 2
}

packages=(gcc libc6-dev cmake ninja-build pkg-config libsodium-dev libssl-dev liblmdb-dev libuv1-dev libinih-dev
	libjansson-dev)
[ $# -eq 1 ] || usage
case $1 in
run | build) ;;
test)
	# llvm brings the symbolizer that clang's sanitizers name functions with.
	packages+=(clang clang-format-14 libclang-rt-14-dev llvm libcriterion-dev openssl iproute2)
	# A Node from elsewhere will do: the tests need 18 or newer.
	command -v node >/dev/null || packages+=(nodejs)
	;;
bench) packages+=(nginx-light gocryptfs fuse3 rclone openssl curl python3-swift) ;;
*) usage ;;
esac

# pkg-config is a name that pkgconf provides from Debian 12 on; others may have a provider too.
installed() {
	dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Provides}\n' 2>/dev/null |
		awk '$1 == "ii" { for (i = 2; i <= NF; i++) { sub(/,$/, "", $i); print $i } }'
}
have=$(installed)
missing=()
for package in "${packages[@]}"; do
	grep -qxF -- "$package" <<<"$have" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "install.sh: no apt-get here; install what these Debian packages hold: ${missing[*]}" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "install.sh: must be root to install packages; run: sudo apt-get install ${missing[*]}" >&2
	exit 1
fi

echo "install.sh: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "install.sh: apt-get failed; its last lines are above" >&2
	exit 1
fi
