#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# hold keeps a VF or a whole PF from new owners, unhold ends that; list says so and why.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-a.sh

test_hold_of_a_vf() {
	pool_a
	t 'hold of a VF says that nobody gets it' says 'is held: nobody gets it' v hold 0000:01:01.0 --reason 'bad port'
	t 'hold of a VF again: nothing to do' says 'nothing to do' v hold 0000:01:01.0 --reason 'bad port'
	t 'list says why a VF is held' says 'vf 0 .*held: bad port' v list
	t 'alloc passes over a VF that is held' same '0 1' "$(place a --owner one)"
	t 'alloc of a VF that is held, by its name: says why not' \
		fails_with 3 'VF 0 is held: bad port' v alloc a --owner two --pf pf0 --vf 0
	t 'unhold of a VF by PF and index' says 'VF 0 of pf0 is free to get' v unhold pf0 --vf 0
	t 'alloc after unhold: the VF is given' same '0 0' "$(place a --owner two)"
}

test_hold_of_a_whole_pf() {
	pool_a
	v alloc a --owner one --pf pf0 --vf 1 >/dev/null
	v hold pf0 --vf 0 --reason 'bad port' >/dev/null
	t 'hold of a whole PF says so' says 'is held' v hold pf0
	t 'list says of each VF that its whole PF is held' says 'vf 2 .*held: no reason given \(the whole PF\)' v list
	t 'list has the lease on a PF that is held, which stays' says 'vf 1 .*leased; held: no reason given' v list
	t 'alloc passes over a whole PF that is held' same '1 0' "$(place a --owner two)"
	t 'unhold of a whole PF says so' says 'is free to get' v unhold pf0
	t 'unhold of a whole PF leaves the hold of one of its VFs' says 'vf 0 .*held: bad port' v list
}

test_hold_of_what_is_not_there() {
	pool_a
	t 'hold of a VF that is in no pool: not found' fails_with 5 "isn't one of a pool" v hold pf0 --vf 9
	t 'hold of a PF that is not there: not found' fails_with 5 'no PF pf9' v hold pf9
}

run_tests
