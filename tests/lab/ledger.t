#!/bin/bash
# Leases in the lab: a guest's MAC over VFs, PFs, a driver's reload and a reboot; kill -9 against the
# real driver. The tests are in suite/.
set -uo pipefail
. "$(dirname "$(realpath "$0")")/../tap.sh"
tap_boots 2 ledger-1 ledger-2
