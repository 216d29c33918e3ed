#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whose VFs guests name in plain <hostdev>s, and how long libvirt may take to tell of its guests: with libvirt's
# own test driver. What takes a bus shift is in tests/lab.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# Pool a on pf0, pool b on pf1, pool l for libvirt on pf2; node.xml is what libvirt has.
refresh_host() {
	"$fake/tree" sys 4 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	at+=(--connect "test://$work/node.xml")
	libvirt_has
	pool a "dev='pf0' numvfs='4'" >a.xml
	pool b "dev='pf1' numvfs='4'" >b.xml
	pool l "dev='pf2' numvfs='4'" "<allocate by='libvirt'/>" "<network name='tenant'/>" >l.xml
	v define a.xml b.xml l.xml >/dev/null
	v apply >/dev/null 2>&1
}

libvirt_has() { # XML…
	echo "<node>$*</node>" >node.xml
}

guest() { # NAME NUMBER DOMAIN VF: with a plain <hostdev>
	echo "<domain type='test'><name>$1</name><uuid>$2$2$2$2$2$2$2$2-2222-3333-4444-555555555555</uuid>
		<memory>1024</memory><os><type>hvm</type></os><devices>
		<hostdev mode='subsystem' type='pci'><source><address domain='$3' bus='1' slot='1' function='$4'/></source></hostdev>
		</devices></domain>"
}

# proves: looked-up
test_plain_hostdevs() {
	refresh_host
	vf=$(v alloc a --owner web --json | field vf)
	libvirt_has "$(guest web 1 0 "$vf")"
	t "a plain <hostdev> with its guest's own VF: nothing to do" says '^nothing to do' v attach --refresh --dry-run
	v alloc b --owner db --vf 2 --pf pf1 >/dev/null
	libvirt_has "$(guest thief 2 1 2)"
	t "a plain <hostdev> with another pool's VF, of a guest without a lease: named with the owner" \
		says 'guest thief has VF 0001:01:01.2 of pool b in a plain <hostdev>, which is leased to db nic 0' v attach --refresh --dry-run
	t "a plain <hostdev> with another's VF: no failure, nothing is changed" says '^left: ' v attach --refresh
	libvirt_has "$(guest web 1 1 2)"
	t "a guest with a lease whose address is another pool's VF now: that is named" says 'guest web has VF 0001:01:01.2 of pool b .*leased to db nic 0' v attach --refresh
	t 'a guest with a lease: so is the VF that it lost' says "none of which is its VF 0000:01:01.$vf of pool a" v attach --refresh
	libvirt_has "$(guest late 3 1 3)"
	t 'a plain <hostdev> with a VF that nobody leases: named, with the way to keep it' \
		says "guest late has VF 0001:01:01.3 of pool b .*leased to nobody: 'vfpool adopt late' records it" v attach --refresh
	libvirt_has "$(guest late 3 2 0)"
	t 'a plain <hostdev> with a VF that libvirt gives away: named, with the network' \
		says 'of pool l in a plain <hostdev>, which libvirt gives to guests on its network tenant' v attach --refresh
	libvirt_has "$(guest other 4 3 0)"
	t "a plain <hostdev> with a VF of no pool: none of vfpool's business" says '^nothing to do' v attach --refresh
	libvirt_has "$(guest other 4 9 0)"
	t "a plain <hostdev> with what isn't there: none of vfpool's business" says '^nothing to do' v attach --refresh
}

test_waiting_for_libvirt() {
	refresh_host
	v alloc a --owner web >/dev/null
	rm node.xml
	mkfifo node.xml
	t 'a libvirt that does not tell its guests: given up after the seconds of --wait' \
		fails_with 1 "libvirt hasn't told all of its guests within 1 s" v attach --refresh --dry-run --wait 1
	(sleep 1; echo '<node/>' >node.xml) &
	t 'a libvirt that tells them within --wait' says '^nothing to do' v attach --refresh --dry-run --wait 60
	wait
	t '--wait without --refresh: 2' usage 'and --wait with --refresh' attach a web --wait 3
}

run_tests
