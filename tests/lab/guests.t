#!/bin/bash
# Guests in the lab: what libvirt and QEMU take, hot plug, VLANs with real traffic, networks, the hook,
# what can go wrong. The tests are in suite/.
set -uo pipefail
. "$(dirname "$(realpath "$0")")/../tap.sh"
tap_boots 2 guests-1
