#!/bin/bash
# apply in the lab, on eight cards. The tests are in suite/apply.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../tap.sh"
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
tap_in_lab "$tap" "$here/run" --cards 8 --share "$here/../.." --timeout 600 "$here/suite/apply"
tap_plan "$tap"
