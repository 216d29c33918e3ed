#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A ledger that takes no change: by its own rules, on a file system that is full or read-only. What is asked is
# answered, what failed says why, and the VFs come back at boot.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# PFs pf0 and pf1, pool a on both.
full_host() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	whole_pool a 2 4 >a.xml
	v define a.xml >/dev/null
}

test_what_the_schema_forbids_has_words() {
	full_host
	v apply >/dev/null 2>&1
	vf=$(v alloc a --owner web --json | field address)
	sqlite3 state/ledger.db "PRAGMA foreign_keys = 0; DELETE FROM mac WHERE half = 'lease'"
	echo 1 >"sys/bus/pci/devices/$vf/enable"
	t "a change that an entry of the ledger stands against: words, and no phrase of SQLite's" \
		fails_with 1 'contradicts what else is in it \(an entry that another one needs\)' v release --owner web --force
}

test_twins_have_words() {
	full_host
	cp sys/bus/pci/devices/0000:01:00.0/net/pf0/ifindex sys/bus/pci/devices/0001:01:00.0/net/pf1/ifindex
	t 'a pool with two PFs of one permanent MAC fails alone: 6' code_is 6 eval 'v apply >out 2>err'
	t 'it is said, with the line' grep -E 'pools/a.xml:[0-9]*: this PF has the permanent MAC of another one of the pool' err
}

run_tests
