#!/bin/bash
# The README's demo, for make check-long alone: what it shows, the cases look at more closely.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../tap.sh"
if [ -z "${VFPOOL_LONG:-}" ]; then
	echo '1..0 # SKIP make check-long runs it'
	exit
fi
t 'make demo comes to its end, with the same MAC everywhere' "$here/demo"
tap_end
