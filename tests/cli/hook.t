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

# proves: one-holder
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

# proves: one-holder
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

# proves: one-holder
test_odd_names() {
	host
	t 'a guest whose name no owner can have takes no VF of another' fails_with 4 'is leased to web nic 0' \
		hook prepare "$(guest ' thief' 3 "$(nic 52:54:00:00:00:07 0 "$vf")")"
	t 'a guest with two VFs, of which the first one is none of a pool: the second is looked at' fails_with 4 'is leased to web nic 0' \
		hook prepare "$(guest thief 3 "$(plain 7 0)" "$(plain 0 "$vf")")"
	t 'a refusal that suggests a command with a hostile name: a shell that it is pasted into runs nothing of it' fails_with 4 \
		"'vfpool rename web x.;reboot. ..id' says so" hook prepare "$(guest 'x;reboot $id' 3 "$(plain 0 "$vf")")"
}

# ---- VLANs that have changed ----

# vlan N: the definition's, which isn't applied.
vlan() {
	sed "s|'42'|'$1'|" a.xml >changed.xml && v define changed.xml >/dev/null
}
programmed() {
	"$fake/links" kernel 2 4 | grep "$mac" | grep -o 'vlan [0-9]*' || echo none
}
# in_time NAME COMMAND…: in the background; what it says and its exit code are in the file NAME.
in_time() {
	local code=0
	"${@:2}" >"$1" 2>&1 || code=$?
	echo "exit code $code" >>"$1"
}

test_a_guest_starts_after_its_vlan_has_changed() {
	host
	local mine
	mine=$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")
	vlan 44
	t 'hook prepare: a guest with the VLAN of old in its definition may be prepared' hook prepare "$mine"
	t 'hook prepare changes no VLAN, as libvirt is still to program the VF' same 'vlan 42' "$(programmed)"
	t 'hook start: a guest with the VLAN of old in its definition may start' hook start "$mine"
	t "hook start: before a guest runs it is on its lease's VLAN" same 'vlan 44' "$(programmed)"
	vlan 45
	t 'a VLAN that changes while the guest runs is for apply --live' hook started "$mine"
	hook reconnect "$mine"
	t "the running guest's VLAN is as it was" same 'vlan 44' "$(programmed)"
	t 'hook release: a guest whose VLAN has changed has stopped' hook release "$mine"
	t "hook release: the VF is on the lease's VLAN of now" same 'vlan 45' "$(programmed)"
	t 'a plain <hostdev>, of which libvirt programs nothing, starts on it as well' eval 'vlan 46 && hook start "$(guest web 1 "$(plain 0 "$vf")")"'
	t "hook start of a plain <hostdev>: its VF is on the lease's VLAN" same 'vlan 46' "$(programmed)"
}

test_a_vlan_that_cannot_be_programmed() {
	host
	local old new operation
	old=$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")
	new=$(guest web 1 "$(nic "$mac" 0 "$vf" 44)")
	vlan 44
	(exec 9<run/0000:01:00.0.lock; flock 9; touch locked; exec sleep 60) &
	local holder=$!
	until [ -e locked ]; do sleep 0.02; done
	in_time locked-old hook start "$old" &
	in_time locked-new hook start "$new" &
	for operation in start started reconnect; do PEER_SLEEP=60 in_time "asleep-$operation" hook "$operation" "$old" & done
	PEER_SLEEP=60 in_time asleep-new hook start "$new" &
	until [ "$(grep -l '^exit code' locked-* asleep-* | wc -l)" = 6 ]; do sleep 0.1; done
	kill "$holder"
	refused="says VLAN 42, and its lease VLAN 44, of pool a, which couldn't be programmed \(not in time\): 'vfpool attach --refresh web' mends"
	t "the PF is locked: a guest on another VLAN than its lease's doesn't start" says 'exit code 4' cat locked-old
	t "the PF is locked: why a guest doesn't start is said, with what mends it" says "$refused" cat locked-old
	t 'the PF is locked: a guest whose definition is right starts' says 'exit code 0' cat locked-new
	t "the kernel sleeps: a guest on another VLAN than its lease's doesn't start" says 'exit code 4' cat asleep-start
	t "the kernel sleeps: why a guest doesn't start is said, with what mends it" says "$refused" cat asleep-start
	t 'the kernel sleeps: a guest whose definition is right starts' says 'exit code 0' cat asleep-new
	t 'a guest that has started is never refused' says 'exit code 0' cat asleep-started
	t 'a guest that runs is never refused at reconnect, which would kill it' says 'exit code 0' cat asleep-reconnect
}

test_a_card_that_cannot_be_asked() {
	host
	vlan 44
	guest web 1 "$(nic "$mac" 0 "$vf" 42)" >mine
	t "a card that doesn't answer: a guest on another VLAN than its lease's doesn't start" fails_with 4 \
		"says VLAN 42, and its lease VLAN 44, of pool a, which couldn't be programmed" env PEER_VFS=0 \
		bash -c 'exec "$@" <mine' - "$fake/vfpool" "${at[@]}" hook qemu web start begin -
	guest web 1 "$(nic "$mac" 0 "$vf" 44)" >mine
	t 'a guest whose definition is right starts' env PEER_VFS=0 bash -c 'exec "$@" <mine' - "$fake/vfpool" "${at[@]}" hook qemu web start begin -
}

test_what_libvirt_puts_back() {
	host
	local mine
	mine=$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")
	sed "s|<vlan>|<vlan qos='5'>|" a.xml >qos.xml && v define qos.xml >/dev/null
	t 'a qos that libvirt has left out when it put the VLAN back' hook release "$mine"
	t 'a qos that libvirt has left out is there again when the guest has stopped' says 'vlan 42, qos 5' "$fake/links" kernel 2 4
	vlan 44
	mkdir -p libvirt/hostdevmgr && touch libvirt/hostdevmgr/pf0_vf"$vf"
	hook release "$mine" 2>told
	t 'a VF that something has by then is left alone' same 'vlan 42' "$(programmed)"
	t 'the hook says of which VF it left the VLAN alone' says 'VF [0-9] of pf0' cat told
}

test_who_finds_a_vlan_of_old() {
	host
	guest web 1 "$(nic "$mac" 0 "$vf" 42)" >web.xml
	guests "$(cat web.xml)"
	t 'a guest with the VLAN of its lease: apply has nothing to say' same '' "$(with_stderr v apply a | grep attach || true)"
	t 'a guest with the VLAN of its lease: attach --refresh has nothing to do' says '^nothing to do' v attach --refresh
	vlan 44
	with_stderr v apply a >said
	t "apply names the guest whose definition says another VLAN than its lease, and what mends it" \
		says "pool a: the definition of guest web says VLAN 42, and its lease VLAN 44: 'vfpool attach --refresh web' mends that" cat said
	t 'the next apply names it too' says 'guest web says VLAN 42' with_stderr v apply a
	t 'an apply of another pool does not' same '' "$(pool b "dev='pf1' numvfs='4'" >b.xml; v define b.xml >/dev/null; with_stderr v apply b | grep 'guest web' || true)"
	finding="web nic 0 in pool a .*would: the definition of guest web says VLAN 42, and its lease VLAN 44"
	t "attach --refresh finds a guest's VLAN that differs" says "$finding" v attach --refresh --dry-run
	t 'attach --refresh --json has the VLAN that differs' says '"kind": *"vlan"' v attach --refresh --json --dry-run
	t "attach --refresh mends a guest's VLAN, as far as libvirt says" says '^web nic 0 in pool a \(lease [0-9]*\): the definition of guest web says VLAN 42' v attach --refresh web
	t 'attach of a guest whose VLAN differs mends it, too' says "the guest's definition said VLAN 42, and its lease VLAN 44: that is mended" with_stderr v attach a web
	t "doctor --guest finds a guest's VLAN that differs" says "its definition says VLAN 42, and its lease VLAN 44, of pool a" anyhow v doctor --guest web
	t "doctor --guest has the remedy of a VLAN that differs" says "remedy: 'vfpool attach --refresh web'" anyhow v doctor --guest web
	guests "$(guest web 1 "$(nic "$mac" 9 "$vf" 42)")"
	t 'an address and a VLAN of old are one finding' says \
		"names its VF as 0009:01:01.$vf, which is 0000:01:01.$vf now; it says VLAN 42, and its lease VLAN 44" v attach --refresh --dry-run
	guests "$(guest web 1 "$(nic "$mac" 0 "$vf" 44)")"
	t 'a definition with the new VLAN: nothing to do' says '^nothing to do' v attach --refresh
	sed "s|<vlan><tag id='42'/></vlan>||" a.xml >changed.xml && v define changed.xml >/dev/null
	t 'a pool without a VLAN by now: the definition is found' says 'says VLAN 44, and its lease no VLAN' v attach --refresh --dry-run
	lease own --vlan 7
	guests "$(guest own 2 "$(nic "$mac" 0 "$vf" 7)")"
	t "a lease with a VLAN of its own has that one" says '^nothing to do' v attach --refresh
}

# ---- libvirt never waits ----

test_the_kernel_sleeps() {
	host
	local from=$SECONDS
	export PEER_SLEEP=60
	t 'the kernel sleeps, and no signal ends it: the guest may start, and nobody waits for the process that hangs' \
		same '' "$(hook prepare "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")" 2>/dev/null || echo failed)"
	t 'libvirt has its answer long before the kernel wakes' test $((SECONDS - from)) -lt 30
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
	t 'no journal listens: the guest may start all the same' hook prepare "$mine"
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

test_a_ledger_that_another_writes() {
	host
	mkfifo go
	sqlite3 state/ledger.db >ready <<<"BEGIN IMMEDIATE; SELECT 'begun';
.system cat go" &
	until grep -q begun ready; do sleep 0.02; done
	t 'a ledger that another process writes: the guest has started all the same, and who writes is told' \
		says 'kept the ledger from being written for 1 s' with_stderr hook started "$(guest web 1 "$(nic "$mac" 0 "$vf" 42)")"
	echo >go
	wait
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
