#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What brings the VFs back at boot, as far as it shows without a boot: the service, PFs that come late, udev's rules, and
# what udev is told of a VF's network device. Who else makes VFs is in boot-others.t.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# defined: pool a of some of pf0's VFs, not applied yet.
defined() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	mkdir root
	pool a "dev='pf0' numvfs='4' vfs='0-2'" >a.xml
	v define a.xml >/dev/null
}
enable() { # the service is enabled
	mkdir -p root/etc/systemd/system/multi-user.target.wants
	ln -s /etc/systemd/system/vfpool.service root/etc/systemd/system/multi-user.target.wants/
}
noted() { # PATTERN: apply has a note that matches
	v apply 2>&1 >/dev/null | grep -E -- "$1"
}
silent() { # likewise: it has none
	! noted "$1"
}

test_apply_says_when_nothing_makes_the_vfs_at_boot() {
	defined
	t 'apply, nothing makes the VFs at boot: a note says what does' \
		noted "pool a: nothing makes its VFs at boot; 'systemctl enable vfpool.service' does"
	t 'apply again makes no VFs' says 'nothing to do' v apply
	enable
	t 'apply, the service is enabled: no note of boot' silent 'at boot'
}

# ---- waiting for PFs ----

test_apply_waits_for_pfs() {
	defined
	enable
	t 'apply --wait, all PFs are there: no waiting' timeout 5 "$fake/vfpool" "${at[@]}" apply --wait 60
	pool gone "dev='pf7' numvfs='4'" >gone.xml
	v define gone.xml >/dev/null 2>&1
	local from=$SECONDS
	t 'apply --wait, a PF is missing: exit code 6' code_is 6 v apply --wait 2
	t 'apply --wait, a PF is missing: it waits for as long' test $((SECONDS - from)) -ge 2
	t 'apply, a PF is missing: the rest is done' says 'nothing to do' v apply a
	t 'apply, a PF is missing: a note has its line' noted 'gone.xml:[0-9]*: this host has no network device pf7'
	t 'list, a PF is missing: a note has its line' says 'gone.xml:3: this host has no PF dev=.pf7. now' with_stderr v list
}

# ---- a definition that is broken ----

# proves: says-so
test_apply_beside_a_broken_definition() {
	defined
	pool b "dev='pf1' numvfs='4'" "<vlan><tag id='7'/></vlan>" >b.xml
	v define b.xml >/dev/null
	echo '<pool>' >etc/pools/bad.xml
	t 'apply beside a broken definition: exit code 6' code_is 6 v apply
	t 'apply beside a broken definition: a note has its line' noted 'etc/pools/bad.xml:[0-9]*:'
	t 'apply --wait beside a broken definition names it once' same 1 "$(v apply --wait 1 2>&1 | grep -c bad.xml)"
	t 'apply beside a broken definition: the VFs of the others have what they should' same 4 \
		"$("$fake/links" kernel 2 4 | grep -c 'vlan 7')"
	t 'apply of one pool cares for no other definition' code_is 0 eval 'v apply b >out 2>&1 && ! grep bad.xml out'
	t 'apply of a pool whose definition is broken: an error with its place' fails_with 1 'etc/pools/bad.xml:' v apply bad
}

# ---- what is not as it should be ----

test_list_tells_what_is_not_applied_yet() {
	defined
	pool b "dev='pf1' numvfs='4'" "<vlan><tag id='7'/></vlan>" >b.xml
	pool b "dev='pf1' numvfs='4'" "<vlan><tag id='8'/></vlan>" >b8.xml
	v define b.xml >/dev/null && v apply >/dev/null 2>&1
	t 'list shows a VF as it was applied' says 'vf 3 .* b +free +-' v list
	v define b8.xml >/dev/null
	t 'list says of a VF that its definition is not applied yet' says 'vf 3 .* b +free, not as defined' v list
	t 'list --json says so too' says '"as_defined": *false' v list --json
	v apply >/dev/null 2>&1
	t 'list after an apply: all is as defined' same 0 "$(v list | grep -c 'not as defined')"
}

# ---- the rules ----

# udev_here: udevadm's place has one that writes down what it is told, and refuses all while there is a file `broken`.
udev_here() {
	mkdir bin
	cat >bin/udevadm <<-'END'
		#!/bin/sh
		echo "$*" >>udevadm-said
		case $1 in
		verify) [ "$2" = --help ] || { [ ! -e broken ] && grep -q "sriov_numvfs}=.4" "$2"; } ;;
		esac
	END
	chmod +x bin/udevadm
}

test_udev_install_asks_udev_first() {
	defined
	udev_here
	t 'udev --install writes rules that udev takes' says 'written' v udev a --install
	t 'udev --install asks udev before' grep '^verify .*rules/\.vfpool-a\.rules' udevadm-said
	t 'udev --install tells udev afterwards' grep '^control --reload' udevadm-said
	t 'udev --install leaves no temporary file' same 90-vfpool-a.rules "$(ls -A rules)"
	pool a "dev='pf0' numvfs='3' vfs='0-2'" >fewer.xml
	cp rules/90-vfpool-a.rules installed
	v define fewer.xml >/dev/null
	touch broken
	t 'udev --install, udev refuses the rules: an error, nothing is changed' \
		fails_with 1 "udev doesn't take these rules, so nothing was changed" v udev a --install
	t 'udev --install, udev refuses the rules: the old ones stay' diff installed rules/90-vfpool-a.rules
}

test_apply_notes_rules_without_a_use() {
	defined
	udev_here
	enable
	v udev a --install >/dev/null
	t 'apply, the service is enabled: a note says that the rule has no use' \
		noted "vfpool.service makes its VFs at boot, so its udev rule has no use"
	v udev a --remove >/dev/null
	echo x | tee rules/90-vfpool-old.rules rules/90-vfpool-bare rules/90-vfpool-.rules >/dev/null
	t 'apply notes rules of a pool that is gone' \
		noted "rules/90-vfpool-old.rules: these rules make VFs for a pool that isn't defined any more"
}

test_a_rule_turns_autoprobe_off_first() {
	defined
	local rules
	rules=$(v udev a | grep -v '^#')
	t 'udev: the rule first turns autoprobe off' says sriov_drivers_autoprobe head -1 <<<"$rules"
	t 'udev: the rule makes VFs in its last line' says 'sriov_numvfs}="4"$' tail -1 <<<"$rules"
}

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

test_apply_while_the_kernel_tries_a_driver() {
	defined
	v apply >/dev/null 2>&1
	t 'apply: a VF with which a driver is only tried is not in use' tried
}

# ---- network devices of VFs ----

vf_netdev() { # VF: it has a network device
	mkdir -p "sys/bus/pci/devices/0000:01:01.$1/net/vf$1" "sys/class/net/vf$1"
	ln -s "../../../bus/pci/devices/0000:01:01.$1" "sys/class/net/vf$1/device"
}

test_udev_properties() {
	defined
	v apply >/dev/null 2>&1
	vf_netdev 1
	vf_netdev 3
	t "udev --properties of a VF's network device: its pool, and managers keep off" same 'VFPOOL_POOL=a NM_UNMANAGED=1' \
		"$(v udev --properties vf1 | paste -s -d ' ')"
	t "udev --properties of a VF of no pool: none" same '0 ' "$(v udev --properties vf3 >out; echo "$? $(cat out)")"
	t 'udev --properties of what is not there: not found' \
		fails_with 5 'no PCI network device nothing' v udev --properties nothing
	t 'udev --properties of a path: not found' fails_with 5 'no PCI network device' v udev --properties ../../bus
	t 'udev --properties of a pool and a device: usage' usage 'a POOL' udev a --properties vf1
}

run_tests
