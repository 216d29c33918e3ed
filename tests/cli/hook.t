#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What libvirt's hook lets start, what it programs, and that libvirt never waits for it.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/libvirt.sh
own_at=("${at[@]}")

# Pool a of pf0, with VLAN 42, and web's lease in it: $vf, $mac.
host() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$PWD/kernel
	at=("${own_at[@]}" --hooks-dir hooks --libvirt-state-dir libvirt-state --connect "test://$PWD/node.xml")
	guests
	pool a "dev='pf0' numvfs='4'" "<vlan><tag id='42'/></vlan>" >a.xml
	v define a.xml >/dev/null
	v apply >/dev/null 2>&1
	lease web
}
lease() { # OWNER [OPTION…]
	v alloc a --owner "$@" --json >lease
	vf=$(field vf <lease) mac=$(field mac <lease)
}

# ---- whose it is ----

test_leases_without_their_definition() {
	host
	local thief mine
	thief=$(guest thief 3 "$(nic 52:54:00:00:00:07 0 "$vf")")
	mine=$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")
	echo '<pool' >etc/pools/a.xml
	t 'a leased VF whose pool has a broken definition: no other guest may start with it' fails_with 4 \
		"is leased to web nic 0 with the MAC $mac, and guest thief names it" hook prepare "$thief"
	t "the lease's own guest may start though the definition is broken" hook prepare "$mine"
	rm etc/pools/a.xml
	t 'a leased VF whose pool has no definition any more: no other guest may start with it' fails_with 4 \
		'is leased to web nic 0' hook prepare "$thief"
	t "the lease's own guest may start though the definition is gone" hook prepare "$mine"
}

test_a_plain_hostdev_has_no_mac() {
	host
	t "a plain <hostdev> of a VF that is leased to another: refused though the lease's guest was never seen" \
		fails_with 4 "leased to web nic 0 .*guest thief names it in a plain <hostdev>: if that is the guest of this lease, 'vfpool rename web thief' says so" \
		hook prepare "$(guest thief 3 "$(plain 0 "$vf")")"
	t 'a guest whose name is the owner has its VF as a plain <hostdev>' hook prepare "$(guest web 1 "$(plain 0 "$vf")")"
	hook started "$(guest web 1 "$(plain 0 "$vf")")"
	t 'a guest that was seen with the lease and has another name now may start' hook prepare "$(guest renamed 1 "$(plain 0 "$vf")")"
	lease vm-1234
	t "a lease whose tool has a name of its own for the guest: an <interface> with the lease's MAC is proof" \
		hook prepare "$(guest shop 4 "$(nic "$mac" 0 "$vf" 42)")"
	t 'the same guest with a plain <hostdev>: refused until the lease has its name' fails_with 4 "'vfpool rename vm-1234 shop'" \
		hook prepare "$(guest shop 4 "$(plain 0 "$vf")")"
	v rename vm-1234 shop >/dev/null
	t 'what the refusal says helps: renamed, it may start' hook prepare "$(guest shop 4 "$(plain 0 "$vf")")"
}

test_odd_names() {
	host
	t 'a guest whose name no owner can have takes no VF of another' fails_with 4 'is leased to web nic 0' \
		hook prepare "$(guest ' thief' 3 "$(nic 52:54:00:00:00:07 0 "$vf")")"
	t 'a guest with two VFs, of which the first one is none of a pool: the second is looked at' fails_with 4 'is leased to web nic 0' \
		hook prepare "$(guest thief 3 "$(plain 7 0)" "$(plain 0 "$vf")")"
}

run_tests
