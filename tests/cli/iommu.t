#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# IOMMU groups, on the captured tree of a lab host: cards of their own, cards below ports without ACS,
# cards behind a PCIe-to-PCI bridge, an NVMe disk with VFs.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
new_folder iommu
"$top/tests/data/restore" "$top/tests/data/hosts/crowded.txt" .
number_netdevs sys
export PEER_VFS=4

groups() { # ADDRESS…: the fields of the group's JSON that matter, a line each
	v iommu --json "$@" | sed -n 's/^ *"\(group\|viable\|address\|in_the_way\)": *"*\([^",]*\).*/\1 \2/p'
}
blockers() { # ADDRESS: what is in its group's way
	v iommu --json "$1" | tr -d '\n' | grep -o '"address": "[^}]*"in_the_way": true' | cut -d '"' -f 4 | tr '\n' ' '
}
t 'a VF of a card with a port of its own: a guest can have it' same 'group 15
viable true
address 0000:01:10.0
in_the_way false' "$(groups 0000:01:10.0)"
t "libvirt's name is as good as the address" same "$(groups 0000:01:10.2)" "$(groups pci_0000_01_10_2)"
t 'below ports without ACS: the PFs are in the way' same '0000:05:00.0 0000:06:00.0 ' "$(blockers 0000:05:10.2)"
t 'the ports keep their driver' says '0000:00:1c.1 root port pcieport' v iommu 0000:05:10.2
t 'each group once, however often it is meant' same 1 "$(groups 0000:05:10.2 0000:06:10.2 0000:05:00.0 | grep -c group)"
t 'behind a bridge: both cards, not the bridge' same '0000:03:01.0 0000:03:02.0 ' "$(blockers 0000:03:01.0)"
t 'it is called so' says '0000:02:00.0 bridge' v iommu 0000:03:02.0
t 'for people' says 'group 13 .*before these go to vfio-pci or lose their driver: 0000:03:01.0 0000:03:02.0' v iommu
t 'whose VF it is' says '0000:06:10.4 .* VF 2 of 0000:06:00.0' v iommu
t "an NVMe disk's VF" says '^group 19 .*a guest can have it' v iommu 0000:04:00.1
t 'its PF: has VFs' says '0000:04:00.0 .*nvme .*it has VFs' v iommu 0000:04:00.0
t 'what has a block device says so' says '0000:00:09.0 .*block device' v iommu
t 'all groups of the host' same 21 "$(groups | grep -c group)"
t 'no such device: 5' fails_with 5 'no PCI device 0000:07:00.0' v iommu 0000:07:00.0
t 'no address at all: 1' fails_with 1 "'enp1s0' is no PCI address" v iommu enp1s0

# ---- what list, apply and alloc say of it ----
t 'list: no obstacle' says '"obstacle": null' v list --json
t 'list: the PF in the group' says '"obstacle": "IOMMU group 10 also has its PF' v list --json
t "list with libvirt's names" says 'vf 1 *pci_0000_01_10_2' v list --nodedev
t 'and in JSON' says '"nodedev": "pci_0000_06_00_0"' v list --json
pool() { # NAME PF-ATTRIBUTES [ELEMENT]
	echo "<pool><name>$1</name><pf $2/>${3:-}</pool>"
}
pool good "address='0000:01:00.0' numvfs='4'" >good.xml
pool bad "address='pci_0000_05_00_0' numvfs='4'" >bad.xml
pool host "address='0000:06:00.0' numvfs='4'" "<driver name='host'/>" >host.xml
v define good.xml bad.xml host.xml >/dev/null
apply_says() { # PATTERN POOL
	anyhow v apply --dry-run "$2" 2>&1 | grep -q -- "$1"
}
t 'a definition may name a PF so' says pci_0000_05_00_0 v dumpxml bad
t 'apply warns, once a group' same 1 "$(anyhow v apply --dry-run bad 2>&1 | grep -c 'VF 0 and 3 more of enp5s0 may not go into guests: IOMMU group 10 also has its PF')"
t 'not of a sound pool' code_is 1 apply_says 'may not go' good
t 'nor of one for the host' code_is 1 apply_says 'may not go' host

# Another function in a VF's group, on its driver; then on vfio-pci.
mkdir -p sys/bus/pci/drivers/vfio-pci
move() { # ADDRESS GROUP
	rm -f sys/kernel/iommu_groups/*/devices/"$1" "sys/bus/pci/devices/$1/iommu_group"
	ln -s "../../../../bus/pci/devices/$1" "sys/kernel/iommu_groups/$2/devices/$1"
	ln -s "../../../kernel/iommu_groups/$2" "sys/bus/pci/devices/$1/iommu_group"
}
move 0000:03:01.0 15
t 'a stranger in the group' apply_says 'VF 0 of enp1s0 may not go into guests: IOMMU group 15 also has 0000:03:01.0 (e1000), which' good
ln -sfn ../../../../../bus/pci/drivers/vfio-pci sys/bus/pci/devices/0000:03:01.0/driver
t 'on vfio-pci: for one guest' apply_says 'IOMMU group 15 also has 0000:03:01.0: one guest gets them all' good
t 'iommu says so too' says '^group 15 .*one guest can have all of it' v iommu 0000:01:10.0
rm -r sys/kernel/iommu_groups/*
find sys/ -name iommu_group -delete
t 'no IOMMU at all' apply_says 'VF 0 and 3 more of enp1s0 may not go into guests: it is in no IOMMU group' good
t 'iommu says that' says 'no group .*no guest can have it' v iommu 0000:01:10.0
no_groups() {
	[ -z "$(v iommu 2>err)" ] && grep -q 'no IOMMU groups' err
}
t 'and without an address' no_groups
tap_end
