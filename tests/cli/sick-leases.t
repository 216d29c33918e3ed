#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Leases on a PF that is there and can't be looked at: none is left behind, none can't be given up.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh

# pools PFS VFS [ELEMENT]: a host with PFs of VFS VFs and one pool of all of them, p, applied.
pools() {
	"$fake/tree" sys "$1" "$2" --netdev
	export PEER_VFS=$2 PEER_STATE=$PWD/peer
	whole_pool p "$1" "$2" "${3:-}" >p.xml
	v define p.xml >/dev/null
	v apply >/dev/null 2>&1
}
sicken() { # what is wrong with pf0: its sriov_totalvfs makes no sense
	echo zz >sys/bus/pci/devices/0000:01:00.0/sriov_totalvfs
}
heal() {
	echo 4 >sys/bus/pci/devices/0000:01:00.0/sriov_totalvfs
}
refused() { # CODE ARGUMENT…: what vfpool says when it exits with that
	local code=0
	v "${@:2}" 2>&1 || code=$?
	[ $code = "$1" ] || { echo "exit code $code"; return 1; }
}
leases() {
	sql 'SELECT owner, nic, state FROM held ORDER BY 1, 2' | xargs
}

# ---- a failed alloc leaves no lease ----
test_several_on_a_sick_pf_and_too_few_elsewhere() {
	pools 2 4
	for i in 0 1 2; do v alloc p --owner a$i --pf pf1 >/dev/null; done
	sicken
	t 'one free VF elsewhere, three asked for: 3, with what is wrong with the sick PF' \
		fails_with 3 "too few VFs of pool p are free for 3 nics.*sriov_totalvfs" v alloc p --owner d --count 3
	t 'no lease is left of it, on neither PF' same 'a0|0|active a1|0|active a2|0|active' "$(leases)"
	t 'no MAC is kept for it' same 0 "$(sql "SELECT count(*) FROM reservation WHERE owner = 'd'")"
	t 'gc has nothing to do with it: 0' v gc
	t 'one alone gets that VF' says 0001:01 v alloc p --owner d --json
}
test_several_on_a_pool_whose_only_pf_is_sick() {
	pools 1 4
	sicken
	t 'several of a pool whose only PF is sick: 1, and why' fails_with 1 'sriov_totalvfs' v alloc p --owner d --count 3
	t 'several of a pool whose only PF is sick: no lease is left' same '' "$(leases)"
}

# ---- giving up ----

# ---- where it is ----

# ---- definitions ----
test_define_while_a_pf_with_leases_is_sick() {
	local by
	pools 2 4
	v alloc p --owner web --vf 1 --pf pf0 >/dev/null
	sicken
	sed 's/numvfs=.4./numvfs="4" vfs="1-3"/' p.xml >fewer.xml
	t 'define that keeps the VF of a PF that is sick' says defined v define fewer.xml
	for by in "address='0000:01:00.0'" "mac='$(sql "SELECT mac FROM pf WHERE address = '0000:01:00.0'")'"; do
		sed "s/dev=.pf0./$by/" fewer.xml >by.xml
		t "define that keeps it, by ${by%%=*}" says defined v define by.xml
	done
	sed 's/vfs="1-3"/vfs="2-3"/' fewer.xml >none.xml
	t 'define without that VF is refused' says 'would take VF 1 from web nic 0' refused 4 define none.xml
	sed '/pf0/d' p.xml >other.xml
	t 'define without that PF is refused' says 'would take VF 1 from web nic 0' refused 4 define other.xml
	sed "s/dev='pf0'/address='0005:01:00.0'/" fewer.xml >elsewhere.xml
	t 'define with another PF that is not there is refused' says 'would take VF 1 from web nic 0' refused 4 define elsewhere.xml
}
test_define_while_a_pf_with_leases_is_gone() {
	pools 2 4
	v alloc p --owner web --vf 1 --pf pf0 >/dev/null
	mv sys/bus/pci/devices/0000:01:00.0 kept
	t 'define that keeps the VF of a PF that is gone' says defined v define p.xml
	sed '/pf0/d' p.xml >other.xml
	t 'define without the PF that is gone is refused' says 'would take VF 1 from web nic 0' refused 4 define other.xml
}
run_tests
