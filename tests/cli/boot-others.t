#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# apply notes who else on the host makes VFs of a pool's PFs, with the file and the line, and nobody who doesn't.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# applied: pool a of pf0, which is an igb with the MAC 52:54:00:01:00:01.
applied() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	mkdir root
	pool a "dev='pf0' numvfs='4' vfs='0-2'" >a.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
}
noted() { # PATTERN: apply has a note that matches
	v apply 2>&1 >/dev/null | grep -E -- "$1"
}
silent() { # likewise: it has none, and succeeds
	v apply >out 2>err || return
	! grep -E -- "$1" err
}
other() { # FILE TEXT
	mkdir -p "root/$(dirname "$1")"
	printf '%b' "$2" >"root/$1"
}
t_names() { # WHAT FILE:LINE TEXT: the note names that line
	other "${2%:*}" "$3"
	t "apply notes who makes VFs too: $1" noted "root/$2: .* makes or sets VFs of pf0 too"
	rm "root/${2%:*}"
}
t_silent() { # WHAT FILE TEXT
	other "$2" "$3"
	t "apply notes nobody: $1" silent "root/$2"
	rm "root/$2"
}

rules=etc/udev/rules.d/20-x.rules

test_a_udev_rule_for_this_card() {
	applied
	t_names 'a udev rule, by driver' $rules:2 '# x\nACTION=="add", SUBSYSTEM=="net", ENV{ID_NET_DRIVER}=="igb", ATTR{device/sriov_numvfs}="2"\n'
	t_names 'a udev rule, by address' $rules:1 'KERNELS=="0000:01:00.0", ATTR{device/sriov_numvfs}="2"\n'
	t_names 'a udev rule, by a pattern' $rules:1 'NAME=="pf*", ATTR{device/sriov_numvfs}="2"\n'
	t_names 'a udev rule, by MAC in capitals' $rules:1 'ATTR{address}=="52:54:00:01:00:01|52:54:00:AA:AA:AA", ATTR{device/sriov_numvfs}="2"\n'
	t_names 'a udev rule, for any card' $rules:1 'SUBSYSTEM=="net", ATTR{device/sriov_numvfs}="2"\n'
	t_names 'a udev rule, by a program' $rules:1 'SUBSYSTEM=="net", KERNEL=="*", RUN+="/bin/sh -c '"'"'echo 4 > /sys/class/net/pf0/device/sriov_numvfs'"'"'"\n'
	t_names 'a udev rule over two lines' $rules:3 '\nENV{ID_NET_DRIVER}=="igb", \\\\\nATTR{device/sriov_numvfs}="2"\n'
}

test_a_udev_rule_for_others() {
	applied
	t_silent 'a udev rule for another driver' $rules 'ENV{ID_NET_DRIVER}=="ixgbe", ATTR{device/sriov_numvfs}="2"\n'
	t_silent 'a udev rule for another card' $rules 'KERNELS=="0000:81:00.0", ATTR{device/sriov_numvfs}="2"\n'
	t_silent 'a udev rule of which one of two matches agrees' $rules 'DRIVERS=="?*", ATTR{address}=="52:54:00:99:99:99", ATTR{device/sriov_numvfs}="2"\n'
	t_silent 'a udev rule for all but this card' $rules 'KERNELS!="0000:01:00.0", ATTR{device/sriov_numvfs}="2"\n'
	t_silent 'a udev rule over two lines for another driver' $rules 'ENV{ID_NET_DRIVER}=="ice", \\\\\nATTR{device/sriov_numvfs}="2"\n'
	t_silent 'a udev rule that is a comment' $rules '# KERNELS=="0000:01:00.0", ATTR{device/sriov_numvfs}="2"\n'
	t_silent 'a udev rule about something else' $rules 'KERNELS=="0000:01:00.0", NAME="wan"\n'
}

test_a_udev_rule_that_is_not_read() {
	applied
	other usr/lib/udev/rules.d/20-x.rules 'SUBSYSTEM=="net", ATTR{device/sriov_numvfs}="2"\n'
	t "apply notes who makes VFs too: a udev rule of the distribution's" noted 'lib/udev/rules.d/20-x.rules:1: .* VFs of pf0 too'
	mkdir -p root/etc/udev/rules.d && ln -s /dev/null root/$rules
	t 'apply notes nobody: a udev rule that is masked' silent 20-x.rules
	rm root/$rules root/usr/lib/udev/rules.d/20-x.rules
	mkfifo root/$rules
	t 'apply notes nobody: udev rules that are a pipe' silent 20-x.rules
}

test_a_link_file() {
	applied
	local link=etc/systemd/network/10-x.link
	t_names 'a .link file by path' $link:4 '[Match]\nPath=pci-0000:01:00.*\n[Link]\nSR-IOVVirtualFunctions=4\n'
	t_names 'a .link file with sections for VFs alone' $link:5 '[Match]\nOriginalName=*\nPermanentMACAddress=52-54-00-01-00-01\n\n[SR-IOV]\nVirtualFunction=3\nMACAddress=02:00:00:00:00:01\n'
	t_silent 'a .link file for any name, of another MAC' $link '[Match]\nOriginalName=*\nMACAddress=52:54:00:99:99:99\n[SR-IOV]\nVirtualFunction=3\n'
	t_silent 'a .link file for any card but this' $link '[Match]\nOriginalName=!pf0\n[Link]\nSR-IOVVirtualFunctions=4\n'
	t_silent 'a .link file for another card' $link '[Match]\nOriginalName=en*\n[Link]\nSR-IOVVirtualFunctions=4\n'
}

test_a_network_manager() {
	applied
	local connection=etc/NetworkManager/system-connections/x.nmconnection
	t_names 'systemd-networkd, by the name of the PF' usr/lib/systemd/network/10-x.network:3 '[Match]\nName=pf0\n[SR-IOV]\nVirtualFunction=1\n'
	t_names 'NetworkManager, by the name of the PF' $connection:3 '[connection]\ninterface-name=pf0\n[sriov]\ntotal-vfs=2\n'
	t_silent 'NetworkManager, for another device' $connection '[connection]\ninterface-name=eth9\n[sriov]\ntotal-vfs=2\n'
	t_names 'NetworkManager, which ends all VFs when it has no number' $connection:2 'interface-name=pf0\n[sriov]\nautoprobe-drivers=0\n'
}

test_netplan() {
	applied
	local plan=etc/netplan/1.yaml
	t_names 'netplan, by the name of the PF' $plan:6 'network:\n  ethernets:\n    eth9:\n      dhcp4: true\n    pf0:\n      virtual-function-count: 8\n'
	t_names 'netplan, by a match of its MAC' $plan:6 'network:\n  ethernets:\n    lan:\n      match:\n        macaddress: 52:54:00:01:00:01\n      virtual-function-count: 8\n'
	t_names 'netplan, with a comment in it' $plan:6 'network:\n  ethernets:\n    pf0:\n      dhcp4: true\n# x\n      virtual-function-count: 8\n'
	t_silent 'netplan, VFs of another, though it knows this one' $plan 'network:\n  ethernets:\n    pf0:\n      dhcp4: true\n    eth9:\n      virtual-function-count: 8\n'
}

test_units_modules_and_the_command_line() {
	applied
	t_names 'a unit that writes sriov_numvfs' etc/systemd/system/sriov.service:2 '[Service]\nExecStart=/bin/bash -c "echo 8 > /sys/class/net/pf0/device/sriov_numvfs"\n'
	t_names "a module's parameter max_vfs" etc/modprobe.d/x.conf:1 'options igb max_vfs=7\n'
	t_names "a module's parameter num_vfs" etc/modprobe.d/x.conf:1 'options igb num_vfs=7\n'
	t_silent "another module's parameter max_vfs" etc/modprobe.d/x.conf 'options ixgbe max_vfs=7\n'
	t_names "a parameter on the kernel's command line" proc/cmdline:1 'BOOT_IMAGE=/vmlinuz root=/dev/sda1 igb.max_vfs=7 quiet\n'
}

run_tests
