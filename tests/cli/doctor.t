#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The doctor's checks, on captured hosts: each fault is put in by a file, found, and gone with it. The lab puts in
# those that take a real kernel and libvirt; error messages are explained in doctor-explain.t.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/cli/host.sh
. tests/cli/captured.sh

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
# What isn't well: each check with what it found.
unsound() {
	v doctor --json | tr -d '\n' | grep -o '"check": "[^}]*"verdict": "[wf][^}]*' | sed 's/.*"check": "\([^"]*\).*"found": "\([^"]*\).*/\1: \2/'
}
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
	mv "$path" away
	"$@"
	r=$?
	mv away "$path"
	return "$r"
}

# ---- a sound host ----

test_a_sound_host() {
	sound_host
	t 'doctor of a sound host: only that its daemon is not running' same 'libvirt: libvirt isn'"'"'t running here' "$(unsound)"
	t 'doctor, a fault: exit code 1' code_is 1 v doctor
	t 'doctor --json has what was looked at' says '"looked_at": "/proc/cmdline"' anyhow v doctor --json
	rm root/usr/sbin/libvirtd
	t 'doctor, no libvirt is installed: none is looked for' is ok libvirt
	t 'doctor, all is sound: exit code 0' v doctor
	touch root/usr/sbin/libvirtd
	t 'doctor --pool that is not there: not found' fails_with 5 "no pool 'nope'" v doctor --pool nope
	t 'doctor --guest without libvirt: a fault' is failed guest --guest web
}

# ---- the host's own faults ----

test_interrupts() {
	sound_host
	t 'doctor, interrupts without remapping: a fault' with proc/interrupts '0: IO-APIC timer' is failed interrupts
	t 'doctor, a table of interrupts that can not be read: a warning' without proc/interrupts is warning interrupts
	t 'doctor, nointremap on the command line is named in the remedy' with proc/interrupts '0: IO-APIC timer' \
		with proc/cmdline 'nointremap quiet' remedy interrupts 'nointremap: take it out of GRUB_CMDLINE_LINUX'
	t 'doctor, interrupts without remapping are allowed: a warning' with proc/interrupts '0: IO-APIC timer' \
		with sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts Y is warning interrupts
	{ cat proc/interrupts; head -c 5000000 /dev/zero | tr '\0' '\n'; } >many
	mv many proc/interrupts
	t "doctor, a large host's table of interrupts is read whole" is ok interrupts
}

test_vfio_and_who_may_use_it() {
	sound_host
	t 'doctor, the kernel has no vfio-pci: a fault' without sys/bus/pci/drivers/vfio-pci is failed vfio
	t 'doctor, a group has no file in /dev/vfio: a fault' without root/dev/vfio/16 is failed device-nodes
	t 'doctor, vfio has no control file: a fault' without root/dev/vfio/vfio is failed device-nodes
	chmod 600 root/dev/vfio/vfio
	t "doctor, vfio's control file is for root alone: a warning" is warning device-nodes
	chmod 666 root/dev/vfio/vfio
	t 'doctor, SELinux forbids sysfs: a warning' with sys/fs/selinux/enforce 1 \
		with sys/fs/selinux/booleans/virt_use_sysfs '0 0' is warning selinux
	t 'doctor, SELinux allows sysfs: no fault' with sys/fs/selinux/enforce 1 \
		with sys/fs/selinux/booleans/virt_use_sysfs '1 1' is ok selinux
	t "doctor, libvirt's AppArmor profile is gone: a warning" without root/etc/apparmor.d/libvirt/TEMPLATE.qemu is warning apparmor
}

test_qemu_conf() {
	sound_host
	local conf=root/etc/libvirt/qemu.conf
	t 'doctor, a list of devices in qemu.conf without vfio: a warning' with $conf 'cgroup_device_acl = [
    "/dev/null", "/dev/kvm"
]' is warning qemu.conf
	t 'doctor, a list of devices in qemu.conf with vfio: no fault' with $conf 'cgroup_device_acl = [ "/dev/null",
"/dev/vfio/vfio" ]' is ok qemu.conf
	t 'doctor, a list of devices in qemu.conf that is a comment: no fault' with $conf '#cgroup_device_acl = [ "/dev/null" ]' is ok qemu.conf
	t 'doctor, a list of devices in qemu.conf with vfio in a comment: a warning' with $conf 'cgroup_device_acl = [
	"/dev/null",
#	"/dev/vfio/vfio",
]' is warning qemu.conf
	t 'doctor, qemu.conf leaves owners as they are: a fault' with $conf 'user = "qemu"
dynamic_ownership = 0' is failed qemu.conf
	t 'doctor, qemu.conf leaves owners as they are for the default user: a fault' with $conf 'dynamic_ownership = 0' is failed qemu.conf
	t 'doctor, qemu.conf leaves owners as they are for root: no fault' with $conf "user = '+0'
dynamic_ownership = 0" is ok qemu.conf
	t 'doctor, relaxed_acs_check in qemu.conf has no effect' with $conf 'relaxed_acs_check = 1' is ok qemu.conf
}

daemon() { # CAPABILITIES LIMIT STARTED COMMAND…: libvirt's daemon runs so
	mkdir -p proc/77
	echo libvirtd >proc/77/comm
	printf 'Uid:\t%d\t0\t0\t0\nCapEff: %s\n' "${uid:-0}" "$1" >proc/77/status
	echo "Max locked memory         $2             $2             bytes" >proc/77/limits
	echo "77 (libvirtd) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 $(($3 * $(getconf CLK_TCK))) 1 2" >proc/77/stat
	echo "btime $(($(date +%s) - 1000))" >proc/stat
	"${@:4}"
}

test_libvirts_daemon_and_hooks() {
	sound_host
	t 'doctor, a hook is not there: a warning' without hooks/qemu.d/vfpool is warning hooks
	t 'doctor, the daemon may lock little memory: a fault' daemon 0 65536 2000 is failed memory-lock
	t 'doctor, the daemon has no limit of locked memory: no fault' daemon 0 unlimited 2000 is ok memory-lock
	t 'doctor, the daemon can raise its limit: no fault' daemon 000001ffffffffff 65536 2000 is ok memory-lock
	t 'doctor, hooks that came after the daemon had started: warnings' daemon 0 unlimited 500 is 'warning warning' hooks
	t 'doctor, hooks that were there before the daemon: no fault' daemon 0 unlimited 2000 is ok hooks
	t "doctor, a user's own daemon isn't the host's" eval 'uid=1000 daemon 0 65536 500 is "ok ok" "\(memory-lock\|hooks\)"'
}

test_who_makes_the_vfs() {
	sound_host
	t 'doctor, nothing makes the VFs at boot: a warning' \
		without root/etc/systemd/system/multi-user.target.wants/vfpool.service is warning boot
	t 'doctor, another makes VFs too: a warning' with root/etc/udev/rules.d/90-x.rules \
		'SUBSYSTEM=="net", ACTION=="add", ENV{ID_NET_DRIVER}=="igb", ATTR{device/sriov_numvfs}="2"' is warning other-managers
	t "doctor, a network of libvirt's is on a PF without VFs: a fault" with networks/x.xml \
		"<network><name>x</name><forward mode='hostdev'><pf dev='enp9s0'/></forward></network>" is failed networks
}

test_definitions() {
	sound_host
	t 'doctor, a definition is broken: a fault' with pools/pools/b.xml '<pool><name>b</name>' is failed definitions
	t 'doctor, a definition is broken: other checks go on' with pools/pools/b.xml '<pool><name>b</name>' is ok acs
	v define /dev/stdin <<<"<pool><name>c</name><pf mac='02:00:00:00:99:99' numvfs='1'/></pool>" >/dev/null
	t 'doctor, the PF of one of two pools is missing: a fault' is 'failed ok' limits
	t 'doctor --pool of another than the one whose PF is missing: no fault' is ok limits --pool a
}

# ---- the card ----

test_room_for_vfs() {
	sound_host
	local pf=sys/bus/pci/devices/0000:01:00.0 resources none
	resources=$(cat $pf/resource)
	none=$(sed '8s/.*/0x0000000000000000 0x0000000000003fff 0x0000000020140204/' <<<"$resources")
	t 'doctor, VFs have no memory window: a fault' with $pf/resource "$none" is failed room
	t 'doctor, VFs have no memory window: its remedy' with $pf/resource "$none" remedy room 'pci=realloc'
	t 'doctor, the kernel has taken the window of VFs away: a fault' with $pf/resource \
		"$(sed '8,13s/.*/0x0000000000000000 0x0000000000000000 0x0000000000000000/' <<<"$resources")" is failed room
	t 'doctor, VFs have no bus numbers: a fault' with $pf/sriov_stride 200 is failed room
}

test_vfs_leases_and_leftovers() {
	sound_host
	local pf=sys/bus/pci/devices/0000:01:00.0
	t 'doctor, fewer VFs than defined: a fault' without $pf/virtfn3 is failed vfs
	t 'doctor, a PF has no driver: a fault' without $pf/driver is failed limits
	t 'doctor, more VFs are defined than the card makes: a fault' with $pf/sriov_totalvfs 3 is failed limits
	v alloc a --owner web --vf 3 --pf enp1s0 >/dev/null 2>&1
	t "doctor, the VF of a lease isn't there: a fault" without $pf/virtfn3 is failed leases
	t 'doctor, the VF of a lease is there: no fault' is ok leases
	mkdir -p libvirt/hostdevmgr
	touch libvirt/hostdevmgr/enp1s0_vf1
	t "doctor, libvirt has a file of a VF that a guest has: no fault" is ok leftovers
	rm $pf/virtfn1/driver
	ln -s ../../../../../bus/pci/drivers/igbvf $pf/virtfn1/driver
	t 'doctor, libvirt has a file of a VF on its own driver: a warning' is warning leftovers
}

# ---- shared groups ----

ports() {
	anyhow v doctor | grep -q 'FAILED *acs: VF 0 of enp5s0: .*its PF.* behind 0000:00:1c.0, 0000:00:1c.1'
}
shared() { # each VF by its own pool
	anyhow v doctor --pool z | grep 'FAILED *acs' | grep -q 'VF 2 of' && is ok acs --pool h
}

test_groups_that_cards_share() {
	sound_host
	v define /dev/stdin <<<"<pool><name>b</name><pf dev='enp5s0' numvfs='4'/></pool>" >/dev/null
	t 'doctor, a card is below ports without ACS: a fault' is failed acs
	t 'doctor, a card is below ports without ACS: the ports are named' ports
	t 'doctor --pool of another than the one below ports without ACS: no fault' is ok acs --pool a
	v undefine b >/dev/null
	v define /dev/stdin <<<"<pool><name>h</name><pf dev='enp5s0' numvfs='4' vfs='0-1'/><driver name='host'/></pool>" >/dev/null
	v define /dev/stdin <<<"<pool><name>z</name><pf dev='enp5s0' numvfs='4' vfs='2-3'/></pool>" >/dev/null
	t 'doctor, two pools on one card: each is judged by its own VFs' shared
	v undefine h >/dev/null; v undefine z >/dev/null
	printf '0x00000000fee00000 0x00000000feefffff msi\n0x000000007f000000 0x000000007fffffff direct\n' >sys/kernel/iommu_groups/15/reserved_regions
	t "doctor, the firmware reserves memory of a VF's group: a fault" is failed acs
}

# ---- the ledger ----

test_a_damaged_ledger() {
	sound_host
	rm -f state/ledger.db-*
	head -c 8192 /dev/urandom >state/ledger.db
	t 'doctor, the ledger is damaged: a fault' is failed ledger
	t 'doctor, the ledger is damaged: other checks go on' is ok firmware
	t 'doctor, the ledger is damaged: of leases nothing is known' is warning leases
}

# ---- hosts without ----

test_a_host_whose_iommu_is_off() {
	captured iommu-off
	t 'doctor, the IOMMU is off: the command line is at fault' is failed kernel-line
	t 'doctor, the IOMMU is off on the command line: the firmware is not at fault' is ok firmware
	t 'doctor, the IOMMU is off: its remedy on Debian' \
		remedy kernel-line "intel_iommu=off: take it out of GRUB_CMDLINE_LINUX in /etc/default/grub, then 'update-grub'"
	t 'doctor, the command line has no word of the IOMMU: its remedy' \
		with proc/cmdline quiet remedy kernel-line 'intel_iommu=on: put it into GRUB_CMDLINE_LINUX'
	t 'doctor, the command line has the word, and it does not help: its remedy' \
		with proc/cmdline 'quiet intel_iommu=on' remedy kernel-line 'dmesg'
	t 'doctor, the IOMMU is off among other values: its remedy' \
		with proc/cmdline 'intel_iommu=sm_on,off' remedy kernel-line 'intel_iommu=sm_on,off: take it out'
	t "doctor, an AMD processor with Intel's table: its remedy" with proc/cpuinfo 'vendor_id : AuthenticAMD' \
		with proc/cmdline quiet remedy kernel-line 'intel_iommu=on: put it'
	t 'doctor, the IOMMU is off: its remedy on Fedora' with proc/cmdline quiet \
		with root/etc/os-release 'ID=fedora' remedy kernel-line "grubby --update-kernel=ALL --args=intel_iommu=on"
	t 'doctor, the IOMMU is off: its remedy on one like SUSE' with proc/cmdline quiet with root/etc/os-release 'ID="x"
ID_LIKE="opensuse suse"' remedy kernel-line 'grub2-mkconfig'
	t 'doctor, the IOMMU is off: its remedy on an unknown system' with proc/cmdline quiet \
		with root/etc/os-release 'ID=mine' remedy kernel-line "boot loader's settings"
	t 'doctor, the IOMMU is off: there are no groups' is failed groups
	t 'doctor, there are no groups: they are not looked at' is ok acs
	rm sys/firmware/acpi/tables/DMAR
	t "doctor, the firmware has no table of an IOMMU: its remedy" remedy firmware 'VT-d'
}

test_a_host_without_interrupt_remapping() {
	captured no-intremap
	t 'doctor of a host without interrupt remapping: a fault' is failed interrupts
	t 'doctor of a host without interrupt remapping: all before that is sound' same 'ok ok ok ' \
		"$(verdicts firmware)$(verdicts kernel-line)$(verdicts groups)"
}

run_tests
