#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is said is what is so: drivers, groups, hooks, rates, VFs that something else is taking away.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh

# pool_of_four [ELEMENT]: a host with a PF of 4 VFs and a pool of them, p, applied.
pool_of_four() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4 PEER_STATE=$PWD/peer
	whole_pool p 1 4 "${1:-}" >p.xml
	v define p.xml >/dev/null
	v apply >/dev/null 2>&1
}
vf() { # INDEX: its folder
	echo "sys/bus/pci/devices/0000:01:01.$1"
}
move() { # ADDRESS GROUP: into another IOMMU group
	rm -f sys/kernel/iommu_groups/*/devices/"$1" "sys/bus/pci/devices/$1/iommu_group"
	ln -s "../../../../bus/pci/devices/$1" "sys/kernel/iommu_groups/$2/devices/$1"
	ln -s "../../../../kernel/iommu_groups/$2" "sys/bus/pci/devices/$1/iommu_group"
}
both() {
	anyhow "$@" 2>&1
}

test_drivers() {
	pool_of_four
	t 'list, all VFs are bound: as defined' same 4 "$(v list --json | grep -c '"as_defined": *true')"
	rm "$(vf 0)/driver"
	ln -sfn ../../drivers/igb "$(vf 1)/driver"
	t 'list: a VF without a driver is not as defined' says 'vf 0 .*not as defined' v list
	t 'list: a VF with another driver is not as defined' says 'vf 1 .*not as defined' v list
	t 'list: VFs with their driver are as defined' same 2 "$(v list --json | grep -c '"as_defined": *true')"
	t 'the doctor counts them, and says that it is the driver' says "2 of pf0's VFs aren't as defined: 2 of them haven't the driver" both v doctor
}
test_a_pool_without_driver() {
	pool_of_four "<driver name='none'/>"
	t 'a VF without a driver is as defined where the pool wants none' same 4 "$(v list --json | grep -c '"as_defined": *true')"
	ln -sfn ../../drivers/vfio-pci "$(vf 0)/driver"
	t 'a VF with a driver is not as defined where the pool wants none' says 'vf 0 .*not as defined' v list
}
test_a_group_member_that_a_guest_has() {
	pool_of_four
	mkdir -p libvirt/hostdevmgr
	touch libvirt/hostdevmgr/pf0_vf1
	echo 1 >"$(vf 1)/enable"
	echo 1 >"$(vf 2)/enable"
	t 'iommu: the VF of a guest of libvirt is told as that' says '0000:01:01.1 .*a guest of libvirt has it' v iommu 0000:01:01.1
	t 'iommu: one of another program is told as that' says '0000:01:01.2 .*held through vfio, not by libvirt' v iommu 0000:01:01.2
}
test_a_hook_that_is_not_executable() {
	pool_of_four
	mkdir -p hooks/qemu.d root/usr/sbin
	touch root/usr/sbin/libvirtd hooks/qemu.d/vfpool
	chmod 644 hooks/qemu.d/vfpool
	t 'the doctor says that it is not executable, not that it is not there' \
		says "hooks/qemu.d/vfpool isn't executable" both "$fake/vfpool" "${at[@]}" --hooks-dir hooks doctor
	t 'the doctor says what mends a hook that is not executable' says "remedy: 'chmod 755 hooks/qemu.d/vfpool'" both "$fake/vfpool" "${at[@]}" --hooks-dir hooks doctor
}
test_bind_of_one_of_two() {
	pool_of_four "<driver name='none'/>"
	move 0000:01:01.1 0
	ln -sfn ../../drivers/igb "$(vf 0)/driver"
	ln -sfn ../../drivers/igb "$(vf 1)/driver"
	mkdir -p proc/sys/kernel/random
	echo 8a1f6c1e-0000-4000-8000-000000000001 >proc/sys/kernel/random/boot_id
	v undefine p >/dev/null
	for i in 0 1; do
		mkdir -p "$(vf "$i")/net/eth$i" "sys/class/net/eth$i"
		echo 0x1002 >"sys/class/net/eth$i/flags"
		echo 4"$i" >"sys/class/net/eth$i/ifindex"
	done
	t 'bind of one: the group still has the other, and how to take both' \
		says "no guest can have IOMMU group 0 yet: it also has 0000:01:01.1 \\(igb\\); 'vfpool bind 0000:01:01.0 --group'" both v bind 0000:01:01.0
	t 'bind of the other: nothing is in the way any more' same 0 "$(both v bind 0000:01:01.1 | grep -c 'no guest')"
}
test_a_rate_above_the_link_speed() {
	pool_of_four
	echo 1000 >sys/bus/pci/devices/0000:01:00.0/net/pf0/speed
	export PEER_CARD=sick-rate
	whole_pool p 1 4 "<rate max='20000'/>" >p.xml
	v define p.xml >/dev/null
	t 'a rate above the speed of the link: that is said' says "rate max 20000: Invalid argument; that is more than the link's speed, 1000 Mbit/s" both v apply
	rm sys/bus/pci/devices/0000:01:00.0/net/pf0/speed
	t 'where the speed is not known: where to look' says "most likely it is more than the link's speed" both v apply
	whole_pool p 1 4 "<rate max='100' min='50'/>" >p.xml
	v define p.xml >/dev/null
	t 'a min rate: that the driver may have none' says 'most likely its driver has no min rate' both v apply
}
# proves: says-so
test_vfs_that_something_else_takes_away() {
	pool_of_four
	v alloc p --owner web >/dev/null
	# As the kernel does, which waits for the guest that has VF 0.
	rm sys/bus/pci/devices/0000:01:00.0/virtfn0 "$(vf 0)/physfn"
	t 'alloc: not given, though some are there, and why' fails_with 5 \
		"VF 1 of pf0 can't be given: something else than vfpool is taking the VFs of pf0 away by its sriov_numvfs" v alloc p --owner db
	t 'alloc while something takes the VFs away: no lease is left' same web "$(sql 'SELECT owner FROM held')"
	mkdir -p proc/4712/fd
	ln -s /sys/devices/pci0000:00/0000:01:00.0/sriov_numvfs proc/4712/fd/1
	echo bash >proc/4712/comm
	t 'alloc: the process is named' fails_with 5 'process 4712 \(bash\) is taking the VFs of pf0 away' v alloc p --owner db
	t 'release of the VF that is going: refused, with the process' fails_with 4 'VF 0 of pf0 may be in use still: process 4712 \(bash\)' v release --owner web
	t 'the lease is still there' same web "$(sql 'SELECT owner FROM held')"
	rm sys/bus/pci/devices/0000:01:00.0/virtfn*
	t 'the last one is going: known by the process' fails_with 4 'process 4712' v release --owner web
	rm -r proc/4712
	t 'release when all VFs are gone: the lease ends' v release --owner web
	t 'alloc then: apply makes them' fails_with 5 "isn't there; 'vfpool apply' makes it" v alloc p --owner db
}
test_what_apply_notes() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4 PEER_STATE=$PWD/peer PEER_CARD=mute-trust
	whole_pool p 1 4 "<trust state='on'/>" >p.xml
	v define p.xml >/dev/null
	t 'what a driver does not report: noted once, though the PF is looked at before and after its own steps' \
		same 1 "$(both v apply | grep -c "doesn't report trust")"
	t 'what a driver does not report, asked again with no step of the PF left: noted once' same 1 "$(both v apply | grep -c "doesn't report trust")"
}
test_a_journal_that_nobody_can_follow() {
	local one
	pool_of_four
	mkdir etc/pools/.changes
	one=$(both v apply | grep -c "a change of definitions isn't finished")
	t 'definitions that are not in their places: told by apply' test "$one" -gt 0
	for pf in 5 6 7; do echo "<pool><name>q$pf</name><pf dev='pf$pf' numvfs='4'/></pool>" >etc/pools/q"$pf".xml; done
	t 'definitions that are not in their places, with four pools: told as often as with one' same "$one" "$(both v apply | grep -c "a change of definitions isn't finished")"
}
test_a_pf_that_can_not_be_looked_at() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$PWD/peer
	echo "<pool><name>p</name><pf dev='pf1' numvfs='4'/></pool>" >p.xml
	echo zz >sys/bus/pci/devices/0000:01:00.0/sriov_totalvfs
	t 'define, which looks at the PFs twice, tells of it once' same 1 "$(both v define p.xml | grep -c "can't be looked at")"
}

run_tests
