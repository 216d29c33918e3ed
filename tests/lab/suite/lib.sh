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
