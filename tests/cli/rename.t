#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# rename gives an owner another name, with its VFs and MACs, and history tells of that and of all else, by owner, VF and
# date. The new name of a pool is in rename-pool.t.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-a.sh

# two_owners: one has VF 1 of pf0, two has VF 0 of pf1.
two_owners() {
	pool_a
	v alloc a --owner one --pf pf0 --vf 1 >/dev/null
	v alloc a --owner two --pf pf1 --vf 0 >/dev/null
}

# proves: mac-stays
test_rename_of_an_owner() {
	two_owners
	t 'rename of an owner says how many MACs go with it' says '1 MAC of one, with its leases, is now uno' v rename one uno
	t 'rename of an owner: its VF is that of the new name' says 'vf 1 .*leased *uno nic 0' v list
	t 'rename onto one who has a MAC for that nic: refused' fails_with 4 'two has a MAC for the same nic' v rename uno two
	t 'rename of one who has nothing: not found' fails_with 5 'nobody has no lease' v rename nobody x
}

test_history() {
	two_owners
	v rename one uno >/dev/null
	t 'history --owner says who, what and how' \
		says '20.* alloc .* a .* two nic 0 .* 52:54:00:01:00:02/0 .*vfpool .*alloc a --owner two' v history --owner two
	t 'history --vf has whose the VF was' says 'alloc .*uno|alloc .*one' v history --vf 0000:01:01.1
	t 'history --since a day to come has nothing' same '0 ' "$(v history --since 2099-01-01 >out; echo "$? $(cat out)")"
	t 'history --json has each event' says '"event": *"rename"' v history --owner uno --json
	t 'history --since what is no date: usage' fails_with 2 'takes a date' v history --since yesterday-ish
}

run_tests
