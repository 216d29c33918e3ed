#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What brings the VFs back at boot, and who else is at the PFs, as far as it shows without a boot.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
new_host boot 2 4
export PEER_STATE=$work/kernel
mkdir root

pool a "dev='pf0' numvfs='4' vfs='0-2'" >a.xml
pool gone "dev='pf7' numvfs='4'" >gone.xml
v define a.xml >/dev/null
noted() { # PATTERN: apply has a note that matches
	v apply 2>&1 >/dev/null | grep -E -- "$1"
}
silent() { # likewise: it has none
	! noted "$1"
}
t 'nothing makes the VFs at boot: said' noted "pool a: nothing makes its VFs at boot; 'systemctl enable vfpool.service' does"
t 'a second apply makes none' says 'nothing to do' v apply
enable() {
	mkdir -p root/etc/systemd/system/multi-user.target.wants
	ln -s /etc/systemd/system/vfpool.service root/etc/systemd/system/multi-user.target.wants/
}
enable
t 'the service is enabled: nothing is said' silent 'at boot'

# ---- waiting for PFs ----
t 'all are there: no waiting' timeout 5 "$fake/vfpool" "${at[@]}" apply --wait 60
v define gone.xml >/dev/null 2>&1
waits() {
	local from=$SECONDS
	code_is 6 v apply --wait 2 && [ $((SECONDS - from)) -ge 2 ]
}
t 'one is missing: that long, then the rest is done and it is named' waits
t 'with its line' noted 'gone.xml:[0-9]*: this host has no network device pf7'
t 'list names it too' says 'gone.xml:3: this host has no PF dev=.pf7. now' with_stderr v list
v undefine gone >/dev/null


# ---- a definition that is broken ----
pool b "dev='pf1' numvfs='4'" "<vlan><tag id='7'/></vlan>" >b.xml
v define b.xml >/dev/null
echo '<pool>' >etc/pools/bad.xml
t 'the others are applied all the same: 6' code_is 6 v apply
t 'it is named' noted 'etc/pools/bad.xml:[0-9]*:'
t 'once' same 1 "$(v apply --wait 1 2>&1 | grep -c bad.xml)"
t 'their VFs have what they should' same 4 "$("$fake/links" kernel 2 4 | grep -c 'vlan 7')"
t 'one pool alone cares for no other definition' code_is 0 eval 'v apply b >out 2>&1 && ! grep bad.xml out'
t 'a broken definition, asked for by name, is an error with its place' fails_with 1 'etc/pools/bad.xml:' v apply bad
rm etc/pools/bad.xml

# ---- what is not as it should be ----
pool b "dev='pf1' numvfs='4'" "<vlan><tag id='8'/></vlan>" >b8.xml
t 'list shows a VF as it was applied' says 'vf 3 .* b +free +-' v list
v define b8.xml >/dev/null
t 'not applied yet: it says so' says 'vf 3 .* b +free, not as defined' v list
t 'in JSON too' says '"as_defined": *false' v list --json
v apply >/dev/null 2>&1
t 'then it is' same 0 "$(v list | grep -c 'not as defined')"
v undefine b >/dev/null

# ---- the rules ----
mkdir bin
cat >bin/udevadm <<'END'
#!/bin/sh
echo "$*" >>udevadm-said
case $1 in
verify) [ "$2" = --help ] || { [ ! -e broken ] && grep -q "sriov_numvfs}=.4" "$2"; } ;;
esac
END
chmod +x bin/udevadm
t 'rules that udev takes are installed' says 'written' v udev a --install
t 'after it was asked' grep -q '^verify .*rules/\.vfpool-a\.rules' udevadm-said
t 'and then it is told' grep -q '^control --reload' udevadm-said
t 'no temporary file is left' same 90-vfpool-a.rules "$(ls -A rules)"
pool a "dev='pf0' numvfs='3' vfs='0-2'" >fewer.xml
cp rules/90-vfpool-a.rules installed
v define fewer.xml >/dev/null
touch broken
t 'those that it refuses are not' fails_with 1 "udev doesn't take these rules, so nothing was changed" v udev a --install
t 'and the old ones stay' diff installed rules/90-vfpool-a.rules
rm broken
v define a.xml >/dev/null
t 'where the service is enabled, apply says that the rule has no use' noted "vfpool.service makes its VFs at boot, so its udev rule has no use"
v udev a --remove >/dev/null
echo x | tee rules/90-vfpool-old.rules rules/90-vfpool-bare rules/90-vfpool-.rules >/dev/null
t 'rules of a pool that is gone: said' noted "rules/90-vfpool-old.rules: these rules make VFs for a pool that isn't defined any more"
rm rules/90-vfpool-*
autoprobe_first() {
	local rules
	rules=$(v udev a | grep -v '^#')
	[[ $(head -1 <<<"$rules") = *sriov_drivers_autoprobe* && $(tail -1 <<<"$rules") = *'sriov_numvfs}="4"' ]]
}
t 'autoprobe goes off before VFs are made' autoprobe_first

# ---- a driver that is only tried ----
# When a VF driver's module comes, the kernel tries it with each VF, which names it for a moment also where autoprobe
# is off, so that it isn't taken.
tried() {
	local vf=sys/bus/pci/devices/0000:01:01.1
	echo 0 >sys/bus/pci/devices/0000:01:00.0/sriov_drivers_autoprobe
	rm "$vf/driver" && ln -s ../../drivers/igbvf "$vf/driver"
	(sleep 0.2; rm "$vf/driver"; ln -s ../../drivers/vfio-pci "$vf/driver") &
	v apply a
	local code=$?
	wait
	return "$code"
}
t 'a VF with which a driver is only tried is not in use' tried

# ---- network devices of VFs ----
vf_netdev() { # VF: it has a network device
	mkdir -p "sys/bus/pci/devices/0000:01:01.$1/net/vf$1" "sys/class/net/vf$1"
	ln -s "../../../bus/pci/devices/0000:01:01.$1" "sys/class/net/vf$1/device"
}
vf_netdev 1
vf_netdev 3
t "a VF's network device has its pool, and managers keep off" same 'VFPOOL_POOL=a NM_UNMANAGED=1' "$(v udev --properties vf1 | paste -s -d ' ')"
t 'one that is no pool'"'"'s has none' same '' "$(v udev --properties vf3)"
t 'nor what there is not' fails_with 5 'no PCI network device nothing' v udev --properties nothing
t 'nor a path' fails_with 5 'no PCI network device' v udev --properties ../../bus
t 'a pool or a device: 2' usage 'a POOL' udev a --properties vf1

# ---- who else makes VFs ----
other() { # FILE TEXT
	mkdir -p "root/$(dirname "$1")"
	printf '%b' "$2" >"root/$1"
}
t_names() { # WHAT FILE:LINE TEXT: the note names that line
	other "${2%:*}" "$3"
	t "$1" noted "root/$2: .* makes or sets VFs of pf0 too"
	rm "root/${2%:*}"
}
t_silent() { # WHAT FILE TEXT
	other "$2" "$3"
	t "$1" silent "root/$2"
	rm "root/$2"
}
rules=etc/udev/rules.d/20-x.rules
t_names 'a udev rule, by driver' $rules:2 '# x\nACTION=="add", SUBSYSTEM=="net", ENV{ID_NET_DRIVER}=="igb", ATTR{device/sriov_numvfs}="2"\n'
t_names 'by address' $rules:1 'KERNELS=="0000:01:00.0", ATTR{device/sriov_numvfs}="2"\n'
t_names 'by a pattern' $rules:1 'NAME=="pf*", ATTR{device/sriov_numvfs}="2"\n'
t_names 'by MAC, in capitals' $rules:1 'ATTR{address}=="52:54:00:01:00:01|52:54:00:AA:AA:AA", ATTR{device/sriov_numvfs}="2"\n'
t_names 'for any card' $rules:1 'SUBSYSTEM=="net", ATTR{device/sriov_numvfs}="2"\n'
t_names 'by a program' $rules:1 'SUBSYSTEM=="net", KERNEL=="*", RUN+="/bin/sh -c '"'"'echo 4 > /sys/class/net/pf0/device/sriov_numvfs'"'"'"\n'
t_silent 'not one for another driver' $rules 'ENV{ID_NET_DRIVER}=="ixgbe", ATTR{device/sriov_numvfs}="2"\n'
t_silent 'nor for another card' $rules 'KERNELS=="0000:81:00.0", ATTR{device/sriov_numvfs}="2"\n'
t_silent 'nor where one of two agrees' $rules 'DRIVERS=="?*", ATTR{address}=="52:54:00:99:99:99", ATTR{device/sriov_numvfs}="2"\n'
t_silent 'nor for all but this' $rules 'KERNELS!="0000:01:00.0", ATTR{device/sriov_numvfs}="2"\n'
t_names 'over two lines' $rules:3 '\nENV{ID_NET_DRIVER}=="igb", \\\\\nATTR{device/sriov_numvfs}="2"\n'
t_silent 'the same for another driver' $rules 'ENV{ID_NET_DRIVER}=="ice", \\\\\nATTR{device/sriov_numvfs}="2"\n'
other usr/lib/udev/rules.d/20-x.rules 'SUBSYSTEM=="net", ATTR{device/sriov_numvfs}="2"\n'
mkdir -p root/etc/udev/rules.d && ln -s /dev/null root/$rules
t 'nor one that is masked' silent 20-x.rules
rm root/$rules root/usr/lib/udev/rules.d/20-x.rules
mkfifo root/$rules
t 'nor what is no file' silent 20-x.rules
rm root/$rules
t_silent 'nor what is a comment' $rules '# KERNELS=="0000:01:00.0", ATTR{device/sriov_numvfs}="2"\n'
t_silent 'nor a rule about something else' $rules 'KERNELS=="0000:01:00.0", NAME="wan"\n'
t_names 'a .link file' etc/systemd/network/10-x.link:4 '[Match]\nPath=pci-0000:01:00.*\n[Link]\nSR-IOVVirtualFunctions=4\n'
t_names 'one with sections for VFs alone' etc/systemd/network/10-x.link:5 '[Match]\nOriginalName=*\nPermanentMACAddress=52-54-00-01-00-01\n\n[SR-IOV]\nVirtualFunction=3\nMACAddress=02:00:00:00:00:01\n'
t_silent 'not one that picks any, of another MAC' etc/systemd/network/10-x.link '[Match]\nOriginalName=*\nMACAddress=52:54:00:99:99:99\n[SR-IOV]\nVirtualFunction=3\n'
t_silent 'nor any but this' etc/systemd/network/10-x.link '[Match]\nOriginalName=!pf0\n[Link]\nSR-IOVVirtualFunctions=4\n'
t_silent 'not that of another' etc/systemd/network/10-x.link '[Match]\nOriginalName=en*\n[Link]\nSR-IOVVirtualFunctions=4\n'
t_names 'systemd-networkd' usr/lib/systemd/network/10-x.network:3 '[Match]\nName=pf0\n[SR-IOV]\nVirtualFunction=1\n'
t_names 'NetworkManager' etc/NetworkManager/system-connections/x.nmconnection:3 '[connection]\ninterface-name=pf0\n[sriov]\ntotal-vfs=2\n'
t_silent 'not for another device' etc/NetworkManager/system-connections/x.nmconnection '[connection]\ninterface-name=eth9\n[sriov]\ntotal-vfs=2\n'
t_names 'without a number it ends them all' etc/NetworkManager/system-connections/x.nmconnection:2 'interface-name=pf0\n[sriov]\nautoprobe-drivers=0\n'
t_names 'netplan' etc/netplan/1.yaml:6 'network:\n  ethernets:\n    eth9:\n      dhcp4: true\n    pf0:\n      virtual-function-count: 8\n'
t_names 'by a match' etc/netplan/1.yaml:6 'network:\n  ethernets:\n    lan:\n      match:\n        macaddress: 52:54:00:01:00:01\n      virtual-function-count: 8\n'
t_names 'with comments in it' etc/netplan/1.yaml:6 'network:\n  ethernets:\n    pf0:\n      dhcp4: true\n# x\n      virtual-function-count: 8\n'
t_silent 'not for another, though it knows this one' etc/netplan/1.yaml 'network:\n  ethernets:\n    pf0:\n      dhcp4: true\n    eth9:\n      virtual-function-count: 8\n'
t_names 'a unit' etc/systemd/system/sriov.service:2 '[Service]\nExecStart=/bin/bash -c "echo 8 > /sys/class/net/pf0/device/sriov_numvfs"\n'
t_names "a module's parameter" etc/modprobe.d/x.conf:1 'options igb max_vfs=7\n'
t_names 'of the other name' etc/modprobe.d/x.conf:1 'options igb num_vfs=7\n'
t_silent 'not that of another module' etc/modprobe.d/x.conf 'options ixgbe max_vfs=7\n'
t_names "the kernel's command line" proc/cmdline:1 'BOOT_IMAGE=/vmlinuz root=/dev/sda1 igb.max_vfs=7 quiet\n'
tap_end
