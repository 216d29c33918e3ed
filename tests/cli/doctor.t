#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The doctor, on captured hosts: each fault is put in by a file, found, and gone with it. The lab puts in
# those that take a real kernel and libvirt.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
export PEER_VFS=4
data=$PWD/tests/data
new_folder doctor

# new_captured HOST: the captured host in a folder of its own, which is the current one then.
new_captured() {
	cd "$work" && "$data/restore" "$data/hosts/$1.txt" "$1" && cd "$1" || exit
	number_netdevs sys
	mkdir -p root sys/bus/pci/drivers/vfio-pci
	mv etc usr dev root/ # what vfpool looks for below --root
	v define /dev/stdin <<<"<pool><name>a</name><pf dev='enp1s0' numvfs='4'/></pool>" >/dev/null
}
v() {
	"$fake/vfpool" "${at[@]}" --hooks-dir hooks "$@"
}
at[3]=pools # --config-dir: etc has gone to the root
verdicts() { # CHECK [OPTION…]: each verdict of the check
	local check=$1
	shift
	anyhow v doctor --json "$@" | tr -d '\n' | grep -o "\"check\": \"$check\"[^}]*" |
		sed 's/.*"verdict": "\([a-z]*\)".*/\1/' | tr '\n' ' '
}
is() { # VERDICTS CHECK [OPTION…]
	local verdict=$1
	shift
	same "$verdict " "$(verdicts "$@")"
}
remedy() { # CHECK PATTERN
	anyhow v doctor | grep -A 2 "^[a-zA-Z]* *$1:" | grep -qE -- "remedy: .*$2" || { anyhow v doctor; return 1; }
}

# ---- a host whose IOMMU is on: some cards share groups ----
new_captured crowded
for driver in qemu network; do mkdir -p hooks/$driver.d; install /bin/true hooks/$driver.d/vfpool; done
mkdir -p root/etc/systemd/system/multi-user.target.wants networks proc/77
ln -s /dev/null root/etc/systemd/system/multi-user.target.wants/vfpool.service
export PEER_STATE=$PWD/peer
v apply >/dev/null 2>&1
touch root/dev/vfio/{15,16,17,18} # vfio makes one for each group
# Its daemon doesn't run here, and one PF of the peer is down.
sound() {
	v doctor --json | tr -d '\n' | grep -o '"check": "[^}]*"verdict": "[wf][^}]*' | sed 's/.*"check": "\([^"]*\).*"found": "\([^"]*\).*/\1: \2/'
}
t 'a sound host: only its daemon is missing' same 'libvirt: libvirt isn'"'"'t running here' "$(sound)"
t 'the exit code is 1 for a fault' code_is 1 v doctor
t 'JSON has what was looked at' says '"looked_at": "/proc/cmdline"' anyhow v doctor --json
rm root/usr/sbin/libvirtd
t 'without libvirt nothing is looked for there' is ok libvirt
t 'all sound: 0' v doctor
touch root/usr/sbin/libvirtd
t 'no such pool: 5' fails_with 5 "no pool 'nope'" v doctor --pool nope
t 'a guest, and no libvirt: said' is failed guest --guest web

# ---- faults, each by a file ----
with() { # FILE TEXT COMMAND…: while the file has that text
	local file=$1 text=$2 r
	shift 2
	mkdir -p "$(dirname "$file")"
	[ ! -e "$file" ] || mv "$file" "$file.was"
	printf '%s\n' "$text" >"$file"
	"$@"
	r=$?
	rm "$file"
	[ ! -e "$file.was" ] || mv "$file.was" "$file"
	return "$r"
}
without() { # PATH COMMAND…: while it isn't there
	local path=$1 r
	shift
	mv "$path" "$work/away"
	"$@"
	r=$?
	mv "$work/away" "$path"
	return "$r"
}
t 'interrupts without remapping' with proc/interrupts '0: IO-APIC timer' is failed interrupts
many() { # a large host's table
	{ cat proc/interrupts; head -c 5000000 /dev/zero | tr '\0' '\n'; } >"$work/many"
	mv "$work/many" proc/interrupts
	is ok interrupts
}
cp proc/interrupts "$work/interrupts"
t 'a large table of interrupts' many
t 'one that can not be read: not known' without proc/interrupts is warning interrupts
cp "$work/interrupts" proc/interrupts
t 'nointremap on the command line is named' with proc/interrupts '0: IO-APIC timer' with proc/cmdline 'nointremap quiet' remedy interrupts 'nointremap: take it out of GRUB_CMDLINE_LINUX'
t 'allowed: a warning' with proc/interrupts '0: IO-APIC timer' \
	with sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts Y is warning interrupts
t 'no vfio-pci' without sys/bus/pci/drivers/vfio-pci is failed vfio
t 'no file of a group' without root/dev/vfio/16 is failed device-nodes
t 'no control file of vfio' without root/dev/vfio/vfio is failed device-nodes
chmod 600 root/dev/vfio/vfio
t 'one for root alone' is warning device-nodes
chmod 666 root/dev/vfio/vfio
t 'SELinux' with sys/fs/selinux/enforce 1 with sys/fs/selinux/booleans/virt_use_sysfs '0 0' is warning selinux
t 'SELinux that allows it' with sys/fs/selinux/enforce 1 with sys/fs/selinux/booleans/virt_use_sysfs '1 1' is ok selinux
t "libvirt's profile is gone" without root/etc/apparmor.d/libvirt/TEMPLATE.qemu is warning apparmor
conf=root/etc/libvirt/qemu.conf
t 'qemu.conf: a list of devices without vfio' with $conf 'cgroup_device_acl = [
    "/dev/null", "/dev/kvm"
]' is warning qemu.conf
t 'a list that has it' with $conf 'cgroup_device_acl = [ "/dev/null",
"/dev/vfio/vfio" ]' is ok qemu.conf
t 'one that is a comment' with $conf '#cgroup_device_acl = [ "/dev/null" ]' is ok qemu.conf
t 'owners that stay' with $conf 'user = "qemu"
dynamic_ownership = 0' is failed qemu.conf
t 'of the default user too' with $conf 'dynamic_ownership = 0' is failed qemu.conf
t 'not of root' with $conf "user = '+0'
dynamic_ownership = 0" is ok qemu.conf
t 'a list that has it in a comment' with $conf 'cgroup_device_acl = [
	"/dev/null",
#	"/dev/vfio/vfio",
]' is warning qemu.conf
t 'relaxed_acs_check: no effect' with $conf 'relaxed_acs_check = 1' is ok qemu.conf
t 'no hook' without hooks/qemu.d/vfpool is warning hooks
daemon() { # CAPABILITIES LIMIT STARTED COMMAND…: libvirt's daemon runs so
	echo libvirtd >proc/77/comm
	printf 'Uid:\t%d\t0\t0\t0\nCapEff: %s\n' "${uid:-0}" "$1" >proc/77/status
	echo "Max locked memory         $2             $2             bytes" >proc/77/limits
	echo "77 (libvirtd) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 $(($3 * $(getconf CLK_TCK))) 1 2" >proc/77/stat
	echo "btime $(($(date +%s) - 1000))" >proc/stat
	"${@:4}"
}
t 'a daemon that may lock little' daemon 0 65536 2000 is failed memory-lock
t 'one without a limit' daemon 0 unlimited 2000 is ok memory-lock
t 'one that raises it' daemon 000001ffffffffff 65536 2000 is ok memory-lock
t 'a hook that came after the daemon' daemon 0 unlimited 500 is 'warning warning' hooks
t 'one that was there' daemon 0 unlimited 2000 is ok hooks
t "a user's own daemon isn't the host's" eval 'uid=1000 daemon 0 65536 500 is "ok ok" "\(memory-lock\|hooks\)"'
rm -r proc/77
t 'nothing makes the VFs at boot' without root/etc/systemd/system/multi-user.target.wants/vfpool.service is warning boot
t 'another who makes VFs' with root/etc/udev/rules.d/90-x.rules \
	'SUBSYSTEM=="net", ACTION=="add", ENV{ID_NET_DRIVER}=="igb", ATTR{device/sriov_numvfs}="2"' is warning other-managers
t 'a network on a PF without VFs' with networks/x.xml \
	"<network><name>x</name><forward mode='hostdev'><pf dev='enp9s0'/></forward></network>" is failed networks
t 'a broken definition' with pools/pools/b.xml '<pool><name>b</name>' is failed definitions
t 'other checks go on' with pools/pools/b.xml '<pool><name>b</name>' is ok acs
v define /dev/stdin <<<"<pool><name>c</name><pf mac='02:00:00:00:99:99' numvfs='1'/></pool>" >/dev/null
t 'a PF that is missing' is 'failed ok' limits
t 'not of the pool that is asked for' is ok limits --pool a
v undefine c >/dev/null

# ---- the card ----
pf=sys/bus/pci/devices/0000:01:00.0
resources=$(cat $pf/resource)
t 'VFs without a memory window' with $pf/resource "$(sed '8s/.*/0x0000000000000000 0x0000000000003fff 0x0000000020140204/' <<<"$resources")" is failed room
t 'or the kernel has taken it away' with $pf/resource "$(sed '8,13s/.*/0x0000000000000000 0x0000000000000000 0x0000000000000000/' <<<"$resources")" is failed room
t 'its remedy' with $pf/resource "$(sed '8s/.*/0x0000000000000000 0x0000000000003fff 0x0000000020140204/' <<<"$resources")" remedy room 'pci=realloc'
t 'VFs without bus numbers' with $pf/sriov_stride 200 is failed room
t 'fewer VFs than defined' without $pf/virtfn3 is failed vfs
t 'a PF without a driver' without $pf/driver is failed limits
t 'more than the card makes' with $pf/sriov_totalvfs 3 is failed limits
v alloc a --owner web --vf 3 --pf enp1s0 >/dev/null 2>&1
t "a lease whose VF isn't there" without $pf/virtfn3 is failed leases
t 'as it is there' is ok leases

mkdir -p libvirt/hostdevmgr
touch libvirt/hostdevmgr/enp1s0_vf1
t "libvirt's file of a VF that a guest has" is ok leftovers
rm $pf/virtfn1/driver
ln -s ../../../../../bus/pci/drivers/igbvf $pf/virtfn1/driver
t 'of one on its own driver' is warning leftovers
rm -r libvirt/hostdevmgr $pf/virtfn1/driver
ln -s ../../../../../bus/pci/drivers/vfio-pci $pf/virtfn1/driver

# ---- shared groups ----
v define /dev/stdin <<<"<pool><name>b</name><pf dev='enp5s0' numvfs='4'/></pool>" >/dev/null
t 'a card below ports without ACS' is failed acs
ports() {
	anyhow v doctor | grep -q 'FAILED *acs: VF 0 of enp5s0: .*its PF.* behind 0000:00:1c.0, 0000:00:1c.1'
}
t 'the ports are named' ports
t 'not for the other pool' is ok acs --pool a
v undefine b >/dev/null
v define /dev/stdin <<<"<pool><name>h</name><pf dev='enp5s0' numvfs='4' vfs='0-1'/><driver name='host'/></pool>" >/dev/null
v define /dev/stdin <<<"<pool><name>z</name><pf dev='enp5s0' numvfs='4' vfs='2-3'/></pool>" >/dev/null
shared() { # each VF by its own pool
	anyhow v doctor --pool z | grep 'FAILED *acs' | grep -q 'VF 2 of' && is ok acs --pool h
}
t 'two pools on one card: each by its own VFs' shared
v undefine h >/dev/null; v undefine z >/dev/null
printf '0x00000000fee00000 0x00000000feefffff msi\n0x000000007f000000 0x000000007fffffff direct\n' >sys/kernel/iommu_groups/15/reserved_regions
t 'memory that the firmware reserves' is failed acs
rm sys/kernel/iommu_groups/15/reserved_regions

# ---- the ledger ----
cp state/ledger.db "$work/kept.db"
damaged() {
	rm -f state/ledger.db-*
	head -c 8192 /dev/urandom >state/ledger.db
	is failed ledger && is ok firmware && is warning leases
}
t 'a damaged ledger: the other checks go on' damaged
rm -f state/ledger.db-*
cp "$work/kept.db" state/ledger.db

# ---- hosts without ----
unset PEER_STATE
new_captured iommu-off
t 'the IOMMU is off: the command line is at fault' is failed kernel-line
t 'the firmware is not' is ok firmware
t 'its remedy on Debian' remedy kernel-line "intel_iommu=off: take it out of GRUB_CMDLINE_LINUX in /etc/default/grub, then 'update-grub'"
t 'without the word, another one' with proc/cmdline quiet remedy kernel-line 'intel_iommu=on: put it into GRUB_CMDLINE_LINUX'
t 'it has the word, and it does not help' with proc/cmdline 'quiet intel_iommu=on' remedy kernel-line 'dmesg'
t 'off among other values' with proc/cmdline 'intel_iommu=sm_on,off' remedy kernel-line 'intel_iommu=sm_on,off: take it out'
t "an AMD processor with Intel's table" with proc/cpuinfo 'vendor_id : AuthenticAMD' with proc/cmdline quiet remedy kernel-line 'intel_iommu=on: put it'
t 'on Fedora' with proc/cmdline quiet with root/etc/os-release 'ID=fedora' remedy kernel-line "grubby --update-kernel=ALL --args=intel_iommu=on"
t 'on one like SUSE' with proc/cmdline quiet with root/etc/os-release 'ID="x"
ID_LIKE="opensuse suse"' remedy kernel-line 'grub2-mkconfig'
t 'on an unknown one' with proc/cmdline quiet with root/etc/os-release 'ID=mine' remedy kernel-line "boot loader's settings"
t 'no groups' is failed groups
t 'then groups are not looked at' is ok acs
rm sys/firmware/acpi/tables/DMAR
t 'without the table the firmware is at fault' remedy firmware 'VT-d'
new_captured no-intremap
t 'no interrupt remapping' is failed interrupts
t 'all before that is sound' same 'ok ok ok ' "$(verdicts firmware)$(verdicts kernel-line)$(verdicts groups)"

# ---- error messages ----
explains() { # every text of the file by the check that it names
	local check text out
	while IFS=$'\t' read -r check text; do
		out=$(v doctor --explain "$text" --json) || { echo "not known: $text"; return 1; }
		tr -d '\n' <<<"$out" | grep -q "\"checks\": \[[^]]*\"$check\"" || { echo "$text: not by $check: $out"; return 1; }
		sed -n '/"checks"/,/]/s/^ *"\([a-z.-]*\)",\{0,1\}$/\1/p' <<<"$out" >>"$work/named"
	done <"$data/errors"
}
t 'every known error message is explained by its check' explains
# The check guest is there when one is asked for.
t 'and those are checks of the doctor' same '' "$(sort -u "$work/named" | grep -vxF -f <(anyhow v doctor --json | field check; echo guest))"
t 'with what it finds here' says 'FAILED   interrupts: they aren' v doctor --explain 'Failed to set iommu for container: Operation not permitted'
t 'one on standard input' says 'two guests|one guest|IOMMU group has a driver' sh -c 'echo "vfio 0000:01:10.0: group 5 is not viable" | "$@"' sh "$fake/vfpool" "${at[@]}" doctor --explain -
t "the group of the device that it names" says '^.-0000:01:10.0 ' v doctor --explain 'vfio 0000:01:10.0: group 13 is not viable.'
t 'an errno of something else is not known' fails_with 5 "isn't known" v doctor --explain "Cannot access storage file '/x': Permission denied"
t 'an unknown message: 5' fails_with 5 "isn't known" v doctor --explain 'the moon is full'
tap_end
