#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each promise of DESIGN.md has tests, and tests/PROOFS.md says which.
cd "$(dirname "$0")/.." || exit
. tests/tap.sh

is_new() {
	tests/proofs 2>/dev/null | diff tests/PROOFS.md -
}

t 'each promise of DESIGN.md has a test in make check, and no test shows what is not promised' tests/proofs
t "tests/PROOFS.md is what 'make proofs' writes now" is_new
tap_end
