#!/usr/bin/env bash
# Installs a build into an empty place and uses it from there alone: the programs start, and a program of somebody else
# finds the library through pkg-config, compiles against its header and runs.
#
#   tests/installed.sh BUILD-DIRECTORY
set -euo pipefail
build=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

DESTDIR=$place/root cmake --install "$build" --prefix /usr >/dev/null
root=$place/root/usr
pc=$(find "$root" -name sealreel.pc)
[ -n "$pc" ] || { echo "installed.sh: no sealreel.pc"; exit 1; }

PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
version=$(pkg-config --modversion sealreel)
lib=$(dirname "$(dirname "$pc")")
[ -e "$lib/libsealreel.so.$version" ] || { echo "installed.sh: no libsealreel.so.$version"; exit 1; }
[ -L "$lib/libsealreel.so.${version%%.*}" ] || { echo "installed.sh: no libsealreel.so.${version%%.*}"; exit 1; }

# The installed command must find the installed library, not the one of the build.
loaded=$(ldd "$root/bin/sealreel" | awk '$1 ~ /^libsealreel/ { print $3 }')
[ "$(realpath "$loaded")" = "$(realpath "$lib/libsealreel.so.$version")" ] ||
	{ echo "installed.sh: sealreel loads '$loaded'"; exit 1; }
"$root/bin/sealreel" --help >"$place/help" || { echo "installed.sh: sealreel --help fails"; exit 1; }
"$root/bin/sealreeld" --help >"$place/help" || { echo "installed.sh: sealreeld --help fails"; exit 1; }

cat >"$place/user.c" <<'C'
#include <sealreel.h>
#include <sealreel/audit.h>
#include <sealreel/code.h>
#include <sealreel/operate.h>
int main(void)
{
	return SR_OK;
}
C
flags=$(pkg-config --cflags --libs sealreel)
# shellcheck disable=SC2086
gcc -std=gnu11 -Wall -Wextra -Werror -o "$place/user" "$place/user.c" -Wl,--no-as-needed $flags
LD_LIBRARY_PATH=$lib "$place/user"
