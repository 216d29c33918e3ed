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

# ---- libvirt never waits ----

test_the_kernel_sleeps() {
	host
	local from=$SECONDS
	export PEER_SLEEP=60
	t 'the kernel sleeps, and no signal ends it: the guest may start, and nobody waits for the process that hangs' \
		same '' "$(hook prepare "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")" 2>/dev/null || echo failed)"
	t 'libvirt has its answer long before the kernel wakes' test $((SECONDS - from)) -lt 30
	t 'the same when the guest has started' hook started "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")"
	unset PEER_SLEEP
}

journal() { # COMMAND…: what the journal is told by it
	mkdir -p root/dev
	perl -MIO::Socket::UNIX -e 'use Socket; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => shift) or die $!;
		open(my $ready, ">", "listening"); $SIG{ALRM} = sub { exit }; alarm(shift); $s->recv(my $text, 4096); print "$text\n"' \
		root/dev/log "${patience:-30}" >told &
	until [ -e listening ]; do sleep 0.02; done
	"$@" >/dev/null 2>&1
	wait
	rm root/dev/log listening
	cat told
}

test_what_lets_a_guest_go_is_told() {
	host
	local mine
	mine=$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")
	export TZ=UTC
	mkdir -p root/usr/sbin && touch root/usr/sbin/libvirtd
	hook_check() {
		anyhow v doctor --json | sed -n '/"hooks"/,/}/p'
	}
	t 'a hook that has done its work tells the journal nothing' same '' "$(patience=1 journal hook prepare "$mine")"
	t 'the doctor has nothing to tell of it' same '' "$(hook_check | grep 'let libvirt go on' || true)"
	cp state/ledger.db good
	head -c 4096 /dev/urandom >state/ledger.db
	t 'a damaged ledger lets the guest start' hook prepare "$mine"
	t 'the journal is told that the ledger is damaged, and that the guest started all the same' \
		says '^<28>.* vfpool\[[0-9]*\]: hook: qemu name prepare: .*damaged.*; libvirt goes on all the same$' journal hook prepare "$mine"
	t 'the doctor tells of it, and when it was' says 'at 20[0-9-]* [0-9:]* the hook let libvirt go on without having done its work: qemu name prepare: .*damaged' hook_check
	t 'nobody listens where the journal should: the guest may start all the same' hook prepare "$mine"
	cp good state/ledger.db
	sqlite3 state/ledger.db 'PRAGMA user_version = 99'
	t 'a ledger of a newer vfpool: told' says 'newer vfpool' journal hook prepare "$mine"
	cp good state/ledger.db
	big() {
		head -c 17000000 /dev/zero | v hook qemu big prepare begin -
	}
	t "XML that is too large: told" says "qemu big prepare: libvirt's XML is larger than 16 MiB" journal big
	t 'the doctor tells of the last one' says 'qemu big prepare' hook_check
	export PEER_SLEEP=60
	t 'a kernel that sleeps: told' says "hasn't come to an end within 2 s" journal hook prepare "$mine"
	unset PEER_SLEEP
	t 'a refusal is no failure' fails_with 4 'leased to web' hook prepare "$(guest thief 3 "$(plain 0 "$vf")")"
	t 'the doctor still tells of the last failure, not of the refusal' says 'within 2 s' hook_check
	rm run/hook.failed
	t 'what the doctor says ends its warning' same '' "$(hook_check | grep 'let libvirt go on' || true)"
}

test_many_devices() {
	host
	many() {
		echo '<domain><name>thief</name><uuid>33333333-2222-3333-4444-555555555555</uuid><devices>'
		seq 1 10000 | sed "s|.*|<hostdev><source><address domain='&' bus='1' slot='1' function='0'/></source></hostdev>|"
		plain 0 "$vf"
		echo '</devices></domain>'
	}
	t 'the last one of 10001 devices is looked at too' fails_with 4 'is leased to web nic 0' hook prepare "$(many)"
}

run_tests
