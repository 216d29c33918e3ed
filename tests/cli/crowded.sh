# A captured host of the lab with a fake kernel behind its files: cards of their own, cards below ports without ACS,
# cards behind a PCIe-to-PCI bridge, an NVMe disk with VFs. Read after host.sh.
# shellcheck shell=bash disable=SC2034 # who reads it uses what it sets

# crowded: that host, in the test's folder.
crowded() {
	"$top/tests/data/restore" "$top/tests/data/hosts/crowded.txt" .
	number_netdevs sys
	export PEER_VFS=4
	mkdir -p sys/bus/pci/drivers/vfio-pci sys/bus/pci/drivers/pci-stub proc/sys/kernel/random
	echo boot-1 >proc/sys/kernel/random/boot_id
}

dev() { # ADDRESS
	echo "sys/bus/pci/devices/$1"
}
move() { # ADDRESS GROUP
	rm -f sys/kernel/iommu_groups/*/devices/"$1" "$(dev "$1")/iommu_group"
	ln -s "../../../../bus/pci/devices/$1" "sys/kernel/iommu_groups/$2/devices/$1"
	ln -s "../../../kernel/iommu_groups/$2" "$(dev "$1")/iommu_group"
}

# ---- what bind is about: a VF that has a group of its own, and two plain cards beside each other ----

vf=0000:01:10.0
card=0000:03:01.0
other=0000:03:02.0

# one_group: the three are in one IOMMU group.
one_group() {
	move $card 15
	move $other 15
	echo 0 >"$(dev $card)/enable" # as e1000 leaves it; the fake kernel doesn't count
	echo 0 >"$(dev $other)/enable"
}
driver_is() { # ADDRESS: its driver and override
	local driver override
	driver=$(readlink "$(dev "$1")/driver")
	override=$(<"$(dev "$1")/driver_override")
	echo "${driver##*/} ${override#(null)}"
}
drivers_are() { # of the three
	echo "$(driver_is $vf), $(driver_is $card), $(driver_is $other)"
}
# What drivers_are says before, and when all are bound.
untouched=' , e1000 , e1000 '
bound='vfio-pci vfio-pci, vfio-pci vfio-pci, vfio-pci vfio-pci'

set_driver() { # ADDRESS DRIVER
	rm -f "$(dev "$1")/driver"
	[ -z "$2" ] || ln -s "../../drivers/$2" "$(dev "$1")/driver"
}
refused() { # CODE PATTERN VERB ARGUMENT…: and nothing is changed
	local before
	before=$(drivers_are)$(sql 'SELECT * FROM binding' 2>/dev/null)
	fails_with "$1" "$2" v "${@:3}" && same "$before" "$(drivers_are)$(sql 'SELECT * FROM binding' 2>/dev/null)"
}
