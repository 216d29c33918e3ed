#!/bin/bash
# vfpool in the lab: one host over two boots, one guest. The tests are in suite/.
set -uo pipefail
. "$(dirname "$(realpath "$0")")/../tap.sh"
tap_boots 2 vfpool-1 vfpool-2
