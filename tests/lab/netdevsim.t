#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Programming hundreds of VFs on the real kernel, beside other ways to do it. The tests are in
# suite/netdevsim. For check-long, or with any argument.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../tap.sh"
cd "$here/../.." || exit
bench=${BUILD:-build}/tests/bench
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT

if [ $# = 0 ] && [ -z "${VFPOOL_LONG:-}" ]; then
	echo '1..0 # SKIP in make check-long'
	exit
fi
if ! env -u MAKEFLAGS make BUILD="${BUILD:-build}" "$bench/program" >"$tap" 2>&1 ||
	! module=$("$here/netdevsim-build") 2>"$tap" || ! cp "$module" "$bench/netdevsim.ko" 2>"$tap"; then
	sed 's/^/# /' "$tap"
	echo 'Bail out! the program or the module cannot be built'
	exit 1
fi
: >"$tap"
sizes=(64 256 1024)
tap_in_lab "$tap" "$here/run" --cards 0 --share . --timeout 300 "$here/suite/netdevsim" "/share/$bench" "${sizes[@]}"
tap_plan "$tap"
