# What the lab's tests and the demo know of vfpool and the kernel.
# shellcheck shell=bash

# shellcheck disable=SC2034 # who reads this file uses it
vfpool=/share/build/vfpool
LIBVIRT_DEFAULT_URI=qemu:///system
export LIBVIRT_DEFAULT_URI

# The kernel's own view, by ip: kernel_mac PF VF
kernel_mac() {
	ip link show "$1" | sed -n "s/^ *vf $2 .*link\/ether \([0-9a-f:]*\) .*/\1/p"
}

kernel_vf() {
	ip link show "$1" | grep "^ *vf $2 "
}

# vf_address PF VF
vf_address() {
	basename "$(readlink "/sys/class/net/$1/device/virtfn$2")"
}

driver_of() {
	basename "$(readlink "/sys/bus/pci/devices/$1/driver" || echo none)"
}

count_vfs() {
	find "/sys/class/net/$1/device/" -maxdepth 1 -name 'virtfn*' | wc -l
}

# From an <interface>: its MAC, and its VF's address.
xml_mac() {
	sed -n 's/.*<mac address="\([0-9a-f:]*\)".*/\1/p'
}

xml_address() {
	sed -n 's/.*domain="0x\([0-9a-f]*\)" bus="0x\([0-9a-f]*\)" slot="0x\([0-9a-f]*\)" function="0x\([0-9a-f]*\)".*/\1:\2:\3.\4/p'
}

# A pool definition on stdout: pool NAME PF-ATTRIBUTES [ELEMENT…]
pool() {
	printf '<pool>\n  <name>%s</name>\n  <pf %s/>\n' "$1" "$2"
	shift 2
	[ $# -eq 0 ] || printf '  %s\n' "$@"
	echo '</pool>'
}

# Makes the host what it was when it was installed: no networks and no guests but ready, nothing of vfpool's, no VFs.
reset_host() {
	local name path
	{
		for name in $(virsh list --all --name); do
			[ "$name" != ready ] || ! guest_is_ready || continue
			virsh --quiet destroy "$name"
			virsh --quiet undefine "$name" --managed-save
		done
		virsh save-image-dumpxml /lab/guest/ready.save | virsh --quiet define /dev/stdin
		for name in $(virsh net-list --all --name); do
			virsh --quiet net-destroy "$name"
			virsh --quiet net-undefine "$name"
		done
		systemctl disable vfpool.service vfpool-late.service
		rm -rf /etc/vfpool /var/lib/vfpool /run/vfpool /etc/libvirt/hooks/*.d/vfpool
		rm -f /etc/udev/rules.d/90-vfpool-* /etc/systemd/system/multi-user.target.wants/vfpool*
		udevadm control --reload
		for path in /sys/class/net/*; do
			[ -e "$path/device" ] || [ "$path" = /sys/class/net/lo ] || ip link delete "${path##*/}"
		done
		for path in /sys/class/net/*/device/sriov_numvfs; do
			[ "$(cat "$path")" = 0 ] || echo 0 >"$path"
			echo 1 >"${path%/*}/sriov_drivers_autoprobe"
			ip link set "$(basename "${path%/device/*}")" down
		done
		udevadm settle
	} >/dev/null 2>&1
}
