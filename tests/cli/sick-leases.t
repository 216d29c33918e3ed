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
	[ "$code" = "$1" ] || { echo "exit code $code"; return 1; }
}
leases() {
	sql 'SELECT owner, nic, state FROM held ORDER BY 1, 2' | xargs
}

# ---- a failed alloc leaves no lease ----
test_several_on_a_sick_pf_and_too_few_elsewhere() {
	pools 2 4
	for i in 0 1 2; do v alloc p --owner a"$i" --pf pf1 >/dev/null; done
	sicken
	t 'alloc, one free VF beside a sick PF, three asked for: 3, with what is wrong with the sick PF' \
		fails_with 3 "too few VFs of pool p are free for 3 nics.*sriov_totalvfs" v alloc p --owner d --count 3
	t 'alloc, one free VF beside a sick PF, three asked for: no lease is left on either' same 'a0|0|active a1|0|active a2|0|active' "$(leases)"
	t 'alloc, one free VF beside a sick PF, three asked for: no MAC is kept' same 0 "$(sql "SELECT count(*) FROM reservation WHERE owner = 'd'")"
	t 'gc has nothing to do with it: 0' v gc
	t 'alloc of one nic beside a sick PF gets the free VF' says 0001:01 v alloc p --owner d --json
}
test_several_on_a_pool_whose_only_pf_is_sick() {
	pools 1 4
	sicken
	t 'several of a pool whose only PF is sick: 1, and why' fails_with 1 'sriov_totalvfs' v alloc p --owner d --count 3
	t 'several of a pool whose only PF is sick: no lease is left' same '' "$(leases)"
}
test_a_pf_that_falls_sick_meanwhile() {
	pools 2 4
	v alloc p --owner d --count 2 >/dev/null
	sql "UPDATE lease SET state = 'pending' WHERE id = 2"
	sicken
	t 'asked again for what an interrupted alloc left on a PF that is sick now: 1' code_is 1 v alloc p --owner d --count 2
	t 'what that may have programmed is kept, for gc' same 'd|0|active d|1|pending' "$(leases)"
	t 'gc leaves it to a person: 0' v gc
	t 'gc names the command that gives it up' says "left: an interrupted alloc is undone; but .*vfpool release --lease 2 --force" v gc
	heal
	t 'gc undoes an interrupted alloc when its PF answers again' says 'done|an interrupted alloc is undone' v gc
	t 'gc has undone an interrupted alloc when its PF answers: its lease is gone' same 'd|0|active' "$(leases)"
}

# ---- giving up ----
test_release_of_a_lease_on_a_sick_pf() {
	pools 1 4
	v alloc p --owner web >/dev/null
	sicken
	t 'release: refused, with what is wrong and what gives it up' \
		fails_with 1 "sriov_totalvfs.*'vfpool release --lease 1 --force'" v release --owner web
	t 'release refused: the lease is there' same 'web|0|active' "$(leases)"
	t 'gc lists it for a person: 0' v gc
	t 'gc: with the command' says "left: .*sriov_totalvfs.*vfpool release --lease 1 --force" v gc
	t 'undefine is refused while it has the lease' code_is 4 v undefine p
	t 'alloc of the same says the command too' fails_with 1 "vfpool release --lease 1 --force" v alloc p --owner web
	t 'a dry run of release --force says quarantine' says 'would be in quarantine' with_stderr v release --owner web --force --dry-run
	t 'the dry run changed nothing' same 'web|0|active' "$(leases)"
	t 'release --force gives it up, its VF to quarantine' says 'in quarantine' with_stderr v release --owner web --force
	t 'given up: no lease' same '' "$(leases)"
	t 'given up: its VF is nobody else'"'"'s' same '1|1' "$(sql 'SELECT count(*), min(quarantine IS NOT NULL) FROM vf WHERE idx = 0')"
	t 'given up: its MAC stays its owner'"'"'s' same web "$(sql 'SELECT owner FROM reservation')"
	t 'gc leaves the VF in quarantine while its PF is sick: 0' v gc
	t 'gc says that a VF stays in quarantine, and why' says "left: VF 0.*stays in quarantine.*sriov_totalvfs" v gc
	heal
	echo 1 >sys/bus/pci/devices/0000:01:01.0/enable
	t 'the PF answers and the VF is in use: in quarantine still' says 'left: VF 0 of pf0 is in use still' v gc
	echo 0 >sys/bus/pci/devices/0000:01:01.0/enable
	t 'gc, a VF in quarantine is idle on a sound PF: free again' says 'VF 0 of pf0 is free again' v gc
	t 'gc, a VF in quarantine is free again: its MAC is no longer on it' same 0 "$("$fake/links" peer 1 4 | grep -c "$(sql 'SELECT mac FROM reservation')")"
}
test_undefine_after_giving_up() {
	pools 2 4
	v alloc p --owner web >/dev/null
	sicken
	v release --owner web --force --forget >/dev/null 2>&1
	t 'a pool whose lease on a sick PF is given up can be undefined' v undefine p
}
test_a_release_that_was_interrupted_on_a_sick_pf() {
	pools 1 4
	v alloc p --owner web >/dev/null
	sql "UPDATE lease SET state = 'releasing'"
	sicken
	t 'an unfinished release on a sick PF: gc leaves it to a person, 0' v gc
	t 'release --force of an unfinished one on a sick PF gives it up' says 'in quarantine' with_stderr v release --owner web --force
	t 'release --force of an unfinished one on a sick PF: no lease is left' same '' "$(leases)"
}
test_the_kernel_says_nothing_of_a_pf() {
	pools 1 4
	v alloc p --owner web >/dev/null
	export PEER_FAILS=7:16
	t 'a PF of which netlink fails: release names the way' fails_with 1 'release --lease 1 --force' v release --owner web
	t 'a PF of which netlink fails: release --force' v release --owner web --force
}
test_a_lease_of_libvirts_pool_on_a_sick_pf() {
	pools 2 4 "<allocate by='libvirt'/>"
	v alloc p --owner web >/dev/null
	sicken
	t "libvirt's pool: its guest may run on a VF of the sick PF, so release is refused" \
		says "sriov_totalvfs.*'vfpool release --lease 1 --force'" refused 1 release --owner web
	t "libvirt's pool: --force gives it up" v release --owner web --force
}

# ---- where it is ----
test_interface_of_a_lease_on_a_sick_pf() {
	pools 1 4
	v alloc p --owner web >/dev/null
	local sound
	sound=$(v interface web)
	sicken
	t 'interface is what it was' same "$sound" "$(v interface web)"
	mv sys/bus/pci/devices/0000:01:00.0/virtfn0 kept
	t "interface of a lease whose VF isn't there: what is wrong with its PF" fails_with 1 "reading the PF 0000:01:00.0.*sriov_totalvfs" v interface web
	mv kept sys/bus/pci/devices/0000:01:00.0/virtfn0
	sql "UPDATE pf SET mac = '52:54:00:99:99:99'"
	t 'another card stands at its address: not its VF' code_is 1 v interface web
}
test_interface_while_netlink_fails() {
	pools 1 4
	v alloc p --owner web >/dev/null
	local sound
	sound=$(v interface web)
	export PEER_FAILS=7:16
	t 'netlink fails, the card isn'"'"'t known for sure: 1, and why' fails_with 1 'reading the PF 0000:01:00.0.*busy' v interface web
	sql 'SELECT mac FROM pf' >sys/bus/pci/devices/0000:01:00.0/net/pf0/address
	t 'netlink fails, the card has its MAC: what it was' same "$sound" "$(v interface web)"
}

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
