#!/usr/bin/env bash
# How many grants one core checks in a second.
#
#   bench/grants.sh [--count N] [--runs N] [--bin DIRECTORY]
#
#   --count   how many are checked in a run (default: 20000)
#   --runs    how many runs there are (default: 5)
#   --bin     where the programs are (default: they are built)
#
# The store is one that `sealreel init` makes, its issuer signs with Ed25519. It prints a line for each run: `grants`,
# `sealreel`, and the number in a second, tab-separated. See bench/README.md.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

count=20000
runs=5
options "$@"

build_programs
make_work
store_make unix
store_grant 'bench|grants'
# The store's id is who its grants are for: the middle of the token is JSON in base64url.
claims=$(cut -d . -f 2 <<<"$SEALREEL_GRANT" | tr -- -_ +/ | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d)
audience=$(sed -E 's/.*"aud":"([0-9a-f]+)".*/\1/' <<<"$claims")
for ((run = 0; run < runs; run++)); do
	line=$("$bin/bench-grants" "$work/store" "$audience" "$count")
	printf 'grants\tsealreel\t%s\n' "$(value "$line" per_second)"
done
