#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# IOMMU groups, on the captured tree of a lab host: what iommu says of them, and what list, apply and definitions say of a
# VF that its group keeps from guests.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
. tests/cli/crowded.sh

groups() { # ADDRESS…: the fields of the group's JSON that matter, a line each
	v iommu --json "$@" | sed -n 's/^ *"\(group\|viable\|address\|in_the_way\)": *"*\([^",]*\).*/\1 \2/p'
}
blockers() { # ADDRESS: what is in its group's way
	v iommu --json "$1" | tr -d '\n' | grep -o '"address": "[^}]*"in_the_way": true' | cut -d '"' -f 4 | tr '\n' ' '
}

test_iommu_tells_who_is_in_the_way() {
	crowded
	t 'iommu of a VF whose card has a port of its own: a guest can have it' same 'group 15
viable true
address 0000:01:10.0
in_the_way false' "$(groups 0000:01:10.0)"
	t "iommu takes libvirt's name as well as the address" same "$(groups 0000:01:10.2)" "$(groups pci_0000_01_10_2)"
	t 'iommu of a VF below ports without ACS: the PFs are in the way' same '0000:05:00.0 0000:06:00.0 ' "$(blockers 0000:05:10.2)"
	t 'iommu says that ports keep their driver' says '0000:00:1c.1 root port pcieport' v iommu 0000:05:10.2
	t 'iommu tells of a group once, however often it is meant' same 1 \
		"$(groups 0000:05:10.2 0000:06:10.2 0000:05:00.0 | grep -c group)"
	t 'iommu of a card behind a bridge: both cards are in the way, not the bridge' same '0000:03:01.0 0000:03:02.0 ' \
		"$(blockers 0000:03:01.0)"
	t 'iommu calls a bridge a bridge' says '0000:02:00.0 bridge' v iommu 0000:03:02.0
	t 'iommu says for people which are in the way' \
		says 'group 13 .*before these go to vfio-pci or lose their driver: 0000:03:01.0 0000:03:02.0' v iommu
	t 'iommu says whose VF one is' says '0000:06:10.4 .* VF 2 of 0000:06:00.0' v iommu
	t "iommu of an NVMe disk's VF: a guest can have it" says '^group 19 .*a guest can have it' v iommu 0000:04:00.1
	t "iommu of an NVMe disk's PF: it has VFs" says '0000:04:00.0 .*nvme .*it has VFs' v iommu 0000:04:00.0
	t 'iommu says of a controller that it has a block device' says '0000:00:09.0 .*block device' v iommu
	t 'iommu without an address tells of all groups of the host' same 21 "$(groups | grep -c group)"
	t 'iommu of a device that is not there: not found' fails_with 5 'no PCI device 0000:07:00.0' v iommu 0000:07:00.0
	t 'iommu of what is no address: an error' fails_with 1 "'enp1s0' is no PCI address" v iommu enp1s0
}

# ---- what list, apply and alloc say of it ----

pool() { # NAME PF-ATTRIBUTES [ELEMENT]
	echo "<pool><name>$1</name><pf $2/>${3:-}</pool>"
}
# pools: one whose VFs guests can have, one whose VFs they can't, and one of VFs for the host.
pools() {
	pool good "address='0000:01:00.0' numvfs='4'" >good.xml
	pool bad "address='pci_0000_05_00_0' numvfs='4'" >bad.xml
	pool host "address='0000:06:00.0' numvfs='4'" "<driver name='host'/>" >host.xml
	v define good.xml bad.xml host.xml >/dev/null
}
apply_says() { # PATTERN POOL
	anyhow v apply --dry-run "$2" 2>&1 | grep -q -- "$1"
}

test_list_tells_of_obstacles() {
	crowded
	t 'list --json of a VF without an obstacle: null' says '"obstacle": null' v list --json
	t 'list --json of a VF whose PF is in its group: that is the obstacle' says '"obstacle": "IOMMU group 10 also has its PF' v list --json
	t "list --nodedev has libvirt's names" says 'vf 1 *pci_0000_01_10_2' v list --nodedev
	t "list --json has libvirt's names too" says '"nodedev": "pci_0000_06_00_0"' v list --json
}

test_apply_tells_of_obstacles() {
	crowded
	pools
	t "a definition may name a PF as libvirt does" says pci_0000_05_00_0 v dumpxml bad
	anyhow v apply --dry-run bad >said 2>&1
	t 'apply says which VFs may not go into guests, and why' \
		grep 'VF 0 and 3 more of enp5s0 may not go into guests: IOMMU group 10 also has its PF' said
	t 'apply says once a group that its VFs may not go into guests' same 1 "$(grep -c 'may not go into guests' said)"
	t 'apply says nothing of VFs that guests can have' code_is 1 apply_says 'may not go' good
	t 'apply says nothing of VFs for the host' code_is 1 apply_says 'may not go' host
	# Another function in a VF's group, on its driver; then on vfio-pci.
	move "$card" 15
	t 'apply tells of a stranger in the group of a VF' \
		apply_says 'VF 0 of enp1s0 may not go into guests: IOMMU group 15 also has 0000:03:01.0 (e1000), which' good
	ln -sfn ../../../../../bus/pci/drivers/vfio-pci "$(dev "$card")/driver"
	t 'apply, the stranger is on vfio-pci: the group is for one guest' \
		apply_says 'IOMMU group 15 also has 0000:03:01.0: one guest gets them all' good
	t 'iommu, the stranger is on vfio-pci: one guest can have all' says '^group 15 .*one guest can have all of it' v iommu 0000:01:10.0
}

test_a_host_without_an_iommu() {
	crowded
	pools
	rm -r sys/kernel/iommu_groups/*
	find sys/ -name iommu_group -delete
	t 'apply without an IOMMU says that the VFs are in no group' \
		apply_says 'VF 0 and 3 more of enp1s0 may not go into guests: it is in no IOMMU group' good
	t 'iommu of a VF without an IOMMU: no guest can have it' says 'no group .*no guest can have it' v iommu 0000:01:10.0
	v iommu >out 2>err
	t 'iommu without an IOMMU and an address says that there are no groups' grep 'no IOMMU groups' err
	t 'iommu without an IOMMU and an address prints nothing on stdout' test ! -s out
}

run_tests
