#!/bin/bash
# vfpool in the lab: one host over two boots, one guest. The tests are in suite/.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../tap.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/vfpool-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

for part in vfpool-1 vfpool-2; do
	tap_in_lab "$work/tap" "$here/run" --cards 2 --disk "$work/disk" --share "$here/../.." --timeout 900 "$here/suite/$part"
done
tap_plan "$work/tap"
