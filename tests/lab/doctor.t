#!/bin/bash
# IOMMU groups, vfio and the doctor in the lab: a host with cards that share groups, one whose IOMMU is off,
# one that remaps no interrupts. The tests are in suite/.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../tap.sh"
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
in_lab() { # PART OPTION…
	tap_in_lab "$tap" "$here/run" "${@:2}" --share "$here/../.." --timeout 900 "$here/suite/$1"
}
in_lab doctor-1 --cards 2 --crowded
in_lab doctor-2 --cards 1 --iommu-off
in_lab doctor-3 --cards 1 --no-intremap
tap_plan "$tap"
