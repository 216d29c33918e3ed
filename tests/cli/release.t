#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which lease release ends, and what it does with a VF that is in use: refuses, or by force puts it into quarantine, where
# its MAC is live and nobody gets either.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-a.sh

# proves: scrubbed
test_release_of_which_lease() {
	pool_a
	local lease
	v alloc a --owner many --count 5 >/dev/null
	t 'release of an owner with several leases: an error has each' \
		fails_with 1 'several leases: many nic 0 in pool a \(lease [0-9]+\), many nic 1' v release --owner many
	t 'release by the nic' says 'released the VF of many nic 4' v release --owner many --nic 4
	t "release by the VF's address" says 'released the VF of many nic 3' \
		v release --vf "$(v alloc a --owner many --nic 3 --json | field address)"
	lease=$(v alloc a --owner many --nic 2 --json | field lease)
	t "release by the lease's number" says 'many nic 2' v release --lease "$lease"
	t 'release of a lease that has ended: says when and by what' \
		fails_with 5 "nothing was changed: lease $lease, of many nic 2 in pool a, ended on 20.* by 'vfpool .*release --lease $lease'" \
		v release --lease "$lease"
	t "release of a VF and of a lease that isn't its one: nothing is released" \
		fails_with 5 'that VF has another lease now' v release --vf 0000:01:01.0 --lease "$lease"
	t 'release of a device that is no VF: not found' fails_with 5 'is no VF' v release --vf 0000:01:00.0
	t 'release --all --json has each lease that ended' same 2 "$(v release --owner many --all --json | grep -c '"state": *"released"')"
	t 'after many releases the ledger agrees with the kernel' agrees
}

# ---- force and quarantine ----

# forced OPTION…: web's VF, which is held, was released by force. Its MAC is in $first.
forced() {
	pool_a
	first=$(mac a --owner web)
	hold 0 0 1
	v release --owner web --force "$@" >out 2>err
}

# proves: in-use
test_release_of_a_vf_in_use() {
	pool_a
	v alloc a --owner web >/dev/null
	hold 0 0 1
	t 'release of a VF that is held through vfio: refused' fails_with 4 'held through vfio' v release --owner web
	t 'release of a VF that is held through vfio: its lease stays' says 'vf 0 .*leased.* web nic 0' v list
}

# proves: scrubbed mac-stays one-holder
test_release_by_force() {
	forced
	t 'release --force of a VF in use: its lease ends, its MAC stays reserved' grep "$first stays reserved" out
	t 'release --force of a VF in use: says that it is in quarantine' grep 'in quarantine' err
	t 'show says that a VF is in quarantine' says 'quarantine' v show a
	t 'release --force of a VF in use: its MAC is live there' same "$first" "$(kernel_mac 0 0)"
	t 'alloc of an owner whose MAC is live in quarantine: refused' \
		fails_with 4 "$first of web is still live on VF 0" v alloc a --owner web
	t 'alloc of another: not the VF in quarantine' same '0 1' "$(place a --owner db)"
	t 'apply leaves a VF in quarantine alone while it is in use' says 'nothing to do' v apply
	t 'gc leaves a VF in quarantine alone, and says by what it is in use' \
		says 'left: VF 0 of pf0 is in use still: held through vfio' v gc
	hold 0 0 0
	t 'gc --dry-run says that a VF is in use no more' says 'would: VF 0 of pf0 is free again' v gc --dry-run
	t 'gc ends the quarantine of a VF that is in use no more' says '^VF 0 of pf0 is free again' v gc
	t 'gc ends the quarantine: the MAC is live there no more' differ "$first" "$(kernel_mac 0 0)"
	t 'alloc after the quarantine: the owner has its VF and MAC again' same "0 0 $first" "$(place a --owner web) $(kernel_mac 0 0)"
}

# proves: scrubbed one-holder
test_apply_ends_a_quarantine() {
	forced --forget
	t 'release --force --forget: the MAC stays taken while it is live' \
		fails_with 4 'still live on a VF in quarantine' v alloc a --owner web2 --mac "$first"
	hold 0 0 0
	t 'apply ends the quarantine of a VF that is in use no more' code_is 0 v apply
	t 'apply ends the quarantine: anyone may have the MAC' same "$first" "$(mac a --owner web2 --mac "$first")"
}

test_a_quarantine_on_a_pf_that_is_gone() {
	forced
	mv sys/bus/pci/devices/0000:01:00.0 away
	t "gc, the PF of a VF in quarantine is gone: the quarantine ends" says "VF 0 isn't there any more, and in quarantine no more" v gc
}

# ---- where libvirt picks the VFs ----

# libvirts: VF 0 has g's MAC, and a guest has VF 0; the pool is one for libvirt, with a new ledger.
libvirts() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool x "dev='pf0' numvfs='4'" >x.xml
	v define x.xml >/dev/null && v apply >/dev/null 2>&1 && v alloc x --owner g --mac d2:00:00:00:00:05 >/dev/null
	rm -r state etc run
	hold 0 0 1
	pool l "dev='pf0' numvfs='4'" "<vlan><tag id='42'/></vlan><allocate by='libvirt'/><network name='l'/>" >l.xml
	v define l.xml >/dev/null && v --accept-new-ledger apply >/dev/null 2>&1
	cat >node.xml <<-XML
		<node><domain type='test'><name>g</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory>1024</memory>
		<os><type>hvm</type></os><devices><interface type='network'><mac address='d2:00:00:00:00:05'/><source network='default'/></interface>
		</devices></domain></node>
	XML
}

test_leases_where_libvirt_picks_the_vf() {
	libvirts
	t 'alloc --vlan where libvirt gives the VLAN: an error' \
		fails_with 1 'libvirt gives every interface of this pool VLAN 42' v alloc l --owner g --vlan 0
	t 'hold of a VF of a libvirt network: a note says until what' \
		says "until 'vfpool network l --define'" with_stderr v hold pf0 --vf 1
	t 'alloc --mac of what a VF of a libvirt network has: refused' \
		fails_with 4 'the MAC d2:00:00:00:00:05 is that of VF 0 of pf0' v alloc l --owner g --mac d2:00:00:00:00:05
	t 'alloc --mac of what a VF has for the guest that is the owner: given' \
		says d2:00:00:00:00:05 v --connect "test://$work/node.xml" alloc l --owner g --mac d2:00:00:00:00:05
	t "release --force --forget, a VF has the MAC and is in use: it can't be forgotten" \
		fails_with 4 'VF 0 of pf0 has its MAC and is in use' v release l --owner g --force --forget
	t 'release --force of it: the MAC stays reserved' says 'released .*stays reserved' v release l --owner g --force
}

run_tests
