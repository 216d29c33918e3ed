#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# alloc hands out no VF that somebody else has: one that left the pool, one that a process holds, one that is taken between
# a look and the work. The VFs of this scripted kernel are as new in each process.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# pool_of VFS: pool a of some of the card's four VFs, applied.
pool_of() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4
	pool a "dev='pf0' numvfs='4' vfs='$1'" >a.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
}
hold() { # VF 0|1: as if a guest had it open through vfio
	echo "$2" >"sys/bus/pci/devices/0000:01:01.$1/enable"
}
vf_of() { # OWNER
	v alloc a --owner "$1" --json | field vf
}
not_in_network() { # VF
	v network b >network.xml && ! grep "function=\"0x$1\"" network.xml
}

# The definition says what is the pool's, also before the next apply.
test_a_vf_that_left_the_pool() {
	pool_of 0-3
	pool a "dev='pf0' numvfs='4' vfs='1-3'" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='0'" "<allocate by='libvirt'/>" >b.xml
	v define a.xml >/dev/null && v define b.xml >/dev/null
	t 'alloc before the next apply: a VF that left the pool is not handed out' same 1 "$(vf_of one)"
	t 'network before the next apply: a VF is in its new pool' says 'slot="0x01" function="0x0"' v network b
	t 'network never has a VF that is leased' not_in_network 1
}

# proves: in-use
test_alloc_passes_over_a_busy_vf() {
	pool_of 1-3
	v alloc a --owner one --vf 1 --pf pf0 >/dev/null
	hold 2 1
	t 'alloc passes over a VF that something holds' same 3 "$(vf_of two)"
	t 'alloc, none but a held VF is free: says that none is' fails_with 3 'no VF of pool a is free' v alloc a --owner three
	hold 2 0
	t 'alloc hands out a VF that was let go of, without an apply' same 2 "$(vf_of three)"
	t 'release of that VF gives it back' v release a --owner three
	hold 2 1
	t 'alloc, a VF is held again: says who it is' fails_with 3 'VF 2 of pf0 is in use: held through vfio' v alloc a --owner three
}

hanging() { # reading it never ends, as with a process that hangs in the kernel
	local from=$SECONDS
	says 'busy: held through vfio' v show a && [ $((SECONDS - from)) -lt 20 ]
}

# proves: outside
test_show_names_who_holds_a_vf() {
	pool_of 1-3
	hold 2 1
	mkdir -p proc/4711/fd && ln -s /dev/vfio/2 proc/4711/fd/9 && printf 'evil\033]0;owned\007\n' >proc/4711/comm
	t 'show has the name of a process without its control characters' says 'evil\?\]0;owned\?, process 4711' v show a
	mkdir -p proc/4712/fd && ln -s /dev/vfio/2 proc/4712/fd/9 && mkfifo proc/4712/cmdline
	t 'show passes over a process that hangs after a while' hanging
}

# ---- taken after the plan was made, and let go of before the VF is bound ----

looks() { # VALUE…: what each look sees. It opens a pipe, and the next look gets the next one.
	for look; do
		exec 7>"$enable"
		mkfifo next && mv next "$enable"
		echo "$look" >&7
	done
}
taken() { # a look at all VFs, since this ledger is new; then the second one finds it taken
	looks 0 0 1 0 >/dev/null 2>&1 &
	code_is 6 v apply >out 2>&1 && grep -q 'taken meanwhile' out && grep -q "not bound: its MAC isn't set" out || { cat out; return 1; }
}

# proves: in-use scrubbed
test_a_vf_that_is_taken_meanwhile() {
	"$fake/tree" sys 1 1 --netdev
	export PEER_VFS=1
	pool one "dev='pf0' numvfs='1'" "<driver name='none'/>" >one.xml
	echo 0 >sys/bus/pci/devices/0000:01:00.0/sriov_drivers_autoprobe
	v define one.xml >/dev/null
	enable=sys/bus/pci/devices/0000:01:01.0/enable
	rm $enable && mkfifo $enable
	t 'apply: a VF that was taken and let go of meanwhile is not bound without its MAC' taken
}

# ---- a ledger that was just being made ----

test_a_ledger_that_is_empty() {
	"$fake/tree" sys 1 4 --netdev
	pool a "dev='pf0' numvfs='4'" >a.xml
	mkdir state && : >state/ledger.db
	t 'list beside an empty file of a ledger: that is none yet' says 'pf0' v list
	t 'define makes a ledger of an empty file' says 'defined' v --accept-new-ledger define a.xml
}

run_tests
