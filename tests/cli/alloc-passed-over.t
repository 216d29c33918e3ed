#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What alloc passes over: VFs that no guest can get, PFs that another process has, or that have gone away.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh

# pools PFS [ELEMENT]: a host with PFs of 4 VFs and one pool of all of them, p, applied.
pools() {
	"$fake/tree" sys "$1" 4 --netdev
	export PEER_VFS=4 PEER_STATE=$PWD/peer
	whole_pool p "$1" 4 "${2:-}" >p.xml
	v define p.xml >/dev/null
	v apply >/dev/null 2>&1
}
move() { # ADDRESS GROUP: into another IOMMU group
	rm -f sys/kernel/iommu_groups/*/devices/"$1" "sys/bus/pci/devices/$1/iommu_group"
	mkdir -p "sys/kernel/iommu_groups/$2/devices"
	ln -s "../../../../bus/pci/devices/$1" "sys/kernel/iommu_groups/$2/devices/$1"
	ln -s "../../../../kernel/iommu_groups/$2" "sys/bus/pci/devices/$1/iommu_group"
}
stranger() { # GROUP [DRIVER]: a card of the host's in that group, igb has it
	mkdir -p sys/bus/pci/devices/0009:00:00.0
	ln -sfn "../../drivers/${2:-igb}" sys/bus/pci/devices/0009:00:00.0/driver
	echo 0 >sys/bus/pci/devices/0009:00:00.0/enable
	move 0009:00:00.0 "$1"
}
address() { # OWNER [OPTION…]: of the VF that it gets
	local owner=$1
	shift
	v alloc p --owner "$owner" --json "$@" | field address
}
leases() {
	sql 'SELECT owner, state FROM held ORDER BY 1' | xargs
}
both() {
	anyhow "$@" 2>&1
}

# ---- IOMMU groups ----
# proves: in-use
test_a_group_that_the_host_uses() {
	pools 1
	stranger 0
	t "a VF whose group has a card of the host's: passed over" same 0000:01:01.1 "$(address a)"
	t "a VF whose group has a card of the host's, by its number: refused with what is in the way, and the command that shows it" \
		fails_with 3 "VF 0 of pf0 can't go into a guest: IOMMU group 0 also has 0009:00:00.0 \\(igb\\).*'vfpool iommu 0000:01:01.0'" \
		v alloc p --owner b --vf 0
	t "a VF whose group has a card of the host's, by its number, again: the same" fails_with 3 "VF 0 of pf0 can't go into a guest" v alloc p --owner b --vf 0
	address b >/dev/null
	address c >/dev/null
	t 'only VFs are left whose group the host uses: 3, and why' fails_with 3 "no VF of pool p can be had; the last one: VF 0.*IOMMU group 0 also has.*vfpool iommu" \
		v alloc p --owner d
	t 'only VFs are left whose group the host uses: no lease is made' same 'a|active b|active c|active' "$(leases)"
	t 'gc doesn'"'"'t call it free' same '' "$(v gc | grep -o 'VF 0.*free again')"
	ln -sfn ../../drivers/vfio-pci sys/bus/pci/devices/0009:00:00.0/driver
	t 'a VF whose group has a card on vfio-pci can be had' same 0000:01:01.0 "$(address d)"
}
test_a_card_without_acs() {
	pools 2
	for vf in 0 1 2 3; do move 0000:01:01."$vf" 9; done
	move 0000:01:00.0 9
	t 'the PF in the group: the other PF gives its VFs' same 0001:01:01.0 "$(address a)"
	for i in b c d; do address "$i" >/dev/null; done
	t 'only VFs are left whose group has their PF: 3' fails_with 3 'also has its PF' v alloc p --owner e
	t 'apply says of VFs whose group has their PF that they may not go into guests' says 'may not go into guests' both v apply
	t 'a second apply changes nothing in the ledger' same "$(sql 'SELECT id, avoid FROM vf')" "$(v apply >/dev/null 2>&1; sql 'SELECT id, avoid FROM vf')"
}
test_no_iommu() {
	pools 1
	rm -r sys/kernel/iommu_groups/*
	find sys/ -name iommu_group -delete
	t 'no IOMMU: no VF for guests, 3' fails_with 3 'it is in no IOMMU group' v alloc p --owner a
}
test_pools_that_are_not_for_guests() {
	pools 1 "<driver name='none'/>"
	stranger 0
	t "a pool without a driver: its VFs aren't for guests, all are given" same 0000:01:01.0 "$(address a)"
}
# proves: one-holder
test_a_group_goes_to_one_owner() {
	pools 1
	move 0000:01:01.1 0
	t 'the first VF of a group' same 0000:01:01.0 "$(address a)"
	t "another owner doesn't get the second" same 0000:01:01.2 "$(address b)"
	t "another owner doesn't get the second by its number: the owner is named" fails_with 3 "VF 1 of pf0 can't go into a guest: its IOMMU group also has 0000:01:01.0, leased to a" \
		v alloc p --owner c --vf 1
	t 'the same owner gets the other VF of its group' same 0000:01:01.1 "$(address a --nic 1 --vf 1)"
	v release --owner a --all >/dev/null
	t 'a group that is given back whole: anyone may have it' same 0000:01:01.1 "$(address d --vf 1)"
	t 'a group that was given back: its other VF is for the one who has it now' fails_with 3 'leased to d' v alloc p --owner e --vf 0
}
test_a_group_across_two_pfs() {
	pools 2
	move 0001:01:01.0 0
	address a --pf pf0 --vf 0 >/dev/null
	t "a group with a VF of another PF: the other owner doesn't get that" fails_with 3 'leased to a' v alloc p --owner b --pf pf1 --vf 0
	t 'the same owner gets the other VF of its group' same 0001:01:01.0 "$(address a --nic 1 --pf pf1 --vf 0)"
}
# proves: in-use
test_a_group_member_that_is_in_use() {
	pools 1
	stranger 0 vfio-pci
	echo 1 >sys/bus/pci/devices/0009:00:00.0/enable
	t 'a member that something has through vfio: passed over' same 0000:01:01.1 "$(address a)"
}
# proves: one-holder
test_two_that_take_a_group_at_once() {
	local i
	pools 2
	move 0001:01:01.0 0
	for i in 1 2 3 4 5 6 7 8 9 10; do
		v alloc p --owner a --pf pf0 --vf 0 >/dev/null 2>&1 &
		v alloc p --owner b --pf pf1 --vf 0 >/dev/null 2>&1 &
		wait
		sql "SELECT count(*) FROM held"
		v release --owner a --all >/dev/null 2>&1
		v release --owner b --all >/dev/null 2>&1
	done >counts
	t 'two owners that ask for a VF of one group at once: one gets it' same 1 "$(sort -u counts)"
}
test_a_pool_that_libvirt_allocates() {
	pools 1 "<allocate by='libvirt'/><network name='p'/>"
	stranger 0
	move 0000:01:01.2 1
	v apply >/dev/null 2>&1
	for i in a b; do v alloc p --owner "$i" >/dev/null; done
	t 'capacity counts what guests can get: one of a shared group, none that the host keeps' code_is 3 v alloc p --owner c
	t "network leaves out VFs that no guest can get" same '0000:01:01.1 0000:01:01.3' \
		"$(v network p 2>/dev/null | grep -o 'function="0x.' | sed 's/.*x/0000:01:01./' | xargs)"
	t 'network says why a VF is left out' says "VF 0 of pf0 is left out: IOMMU group 0 also has" with_stderr v network p
	rm sys/kernel/iommu_groups/0/devices/0009:00:00.0
	v apply >/dev/null 2>&1
	t 'apply counts a VF again when nothing is in the way any more' v alloc p --owner c
}

# ---- PFs that can't be had ----
hold_lock() { # PF: another process has its lock
	exec 8>>run/"$1".lock
	flock 8
	echo 4711 >run/"$1".lock
}
test_a_lock_that_is_not_let_go() {
	pools 2
	hold_lock 0000:01:00.0
	export FAKE_RESTS=$PWD/rests
	t 'a PF whose lock times out: the next PF gives a VF' same 0001:01:01.0 "$(address a)"
	t 'a PF whose lock times out: no lease is left of it' same 'a|active' "$(leases)"
	t 'alloc --count, the lock of a PF times out: the next PF gives VFs' v alloc p --owner b --count 2
	t 'alloc, no other PF than one whose lock times out: names the holder' fails_with 1 'process 4711' v alloc p --owner c --pf pf0
	t 'no other PF than one whose lock times out: no lease is left' same 'a|active b|active b|active' "$(leases)"
	address d >/dev/null
	t 'none is free on other PFs than one whose lock times out: names the holder' fails_with 1 'process 4711' v alloc p --owner e
	t 'none is free on other PFs than one whose lock times out: no MAC is kept' same 0 "$(sql "SELECT count(*) FROM reservation WHERE owner = 'e'")"
	flock -u 8
	t 'a PF whose lock is let go of gives its VFs' same 0000:01:01.0 "$(address e)"
}

# In seconds: what vfpool has rested.
rested() { # COMMAND…
	: >rests
	"$@" >/dev/null || return
	awk '{ ms += $1 } END { print int(ms / 1000) }' rests
}
test_others_are_tried_before_a_lock_is_waited_for() {
	pools 3
	export FAKE_RESTS=$PWD/rests
	: >rests
	hold_lock 0000:01:00.0
	t 'a PF that another process has: the next one gives its VF within two seconds' eval '[ "$(rested v alloc p --owner a)" -le 2 ]'
	t 'a PF that another process has: no lease is left on it' same 'a|active' "$(leases)"
	t 'several: it is looked at once, not once a nic' eval '[ "$(rested v alloc p --owner b --count 4)" -le 2 ]'
	address c >/dev/null
	address d >/dev/null
	address e >/dev/null
	t 'the others are full: it is waited for, its holder named' fails_with 1 'process 4711' v alloc p --owner f
	t 'the others are full: waited for as long as ever, once' eval '[ "$(awk "{ ms += \$1 } END { print int(ms / 1000) }" rests)" -ge 120 ]'
	t 'the others are full: no lease is left' same 8 "$(sql 'SELECT count(*) FROM held')"
	t 'a PF that another process has, asked for by name, is waited for' fails_with 1 'process 4711' v alloc p --owner f --pf pf0
	t 'three, of which one is free elsewhere: 3, none is left' code_is 3 eval 'v release --owner e >/dev/null; v alloc p --owner f --count 3 2>/dev/null'
	t 'three, of which one is free elsewhere: none is left' same 7 "$(sql 'SELECT count(*) FROM held')"
}

# ---- a PF in another network namespace ----
test_a_release_that_can_not_be_finished() {
	pools 1
	v alloc p --owner a >/dev/null
	sql "UPDATE lease SET state = 'releasing'"
	rm -r sys/bus/pci/devices/0000:01:00.0/net
	t "a release that can't be finished, its PF has no netdev here: one clear error" fails_with 5 "VF isn't scrubbed.*no netdev in this network namespace" \
		timeout 10 "$fake/vfpool" "${at[@]}" alloc p --owner a
	t "a release that can't be finished: the lease is still being released" same 'a|releasing' "$(leases)"
	t "another owner gets none of its VFs: why" fails_with 5 'no netdev in this network namespace' \
		timeout 10 "$fake/vfpool" "${at[@]}" alloc p --owner b
	t 'another owner gets none of its VFs: no lease is left' same 'a|releasing' "$(leases)"
	mkdir -p sys/bus/pci/devices/0000:01:00.0/net/pf0
	echo 7 >sys/bus/pci/devices/0000:01:00.0/net/pf0/ifindex
	t "the PF's netdev is back: the release is finished and a VF given" same 0000:01:01.0 "$(address a)"
}
test_a_pf_without_netdev_beside_a_sound_one() {
	pools 2
	rm -r sys/bus/pci/devices/0000:01:00.0/net
	t 'the other PF gives its VFs' same 0001:01:01.0 "$(address a)"
	t 'no VF of the one without netdev is marked for long' same 0 "$(sql 'SELECT count(*) FROM vf WHERE avoid')"
}
test_a_pf_whose_vfs_are_not_there() {
	pools 2
	rm sys/bus/pci/devices/0000:01:00.0/virtfn*
	t 'the other PF gives its VFs' same 0001:01:01.0 "$(address a)"
	t 'a PF whose VFs are not there: one of them was tried, not each' same 1 "$(sql 'SELECT count(*) FROM vf WHERE avoid')"
	t 'a PF whose VFs are not there, alone: 5, and that apply makes them' fails_with 5 'apply.* makes it' v alloc p --owner b --pf pf0
}
run_tests
