#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# alloc and release where the lab can't easily go: on a tree of files in the place of /sys and the
# scripted netlink peer, whose VFs are as new in each process.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
new_host lease 1 4

hold() { # VF 0|1: as if a guest had it open through vfio
	echo "$2" >"sys/bus/pci/devices/0000:01:01.$1/enable"
}
vf_of() { # OWNER
	v alloc a --owner "$1" --json | field vf
}
pool a "dev='pf0' numvfs='4'" >a.xml
v define a.xml >/dev/null
v apply >/dev/null 2>&1

# ---- the definition says what is the pool's, also before the next apply ----
pool a "dev='pf0' numvfs='4' vfs='1-3'" >a.xml
pool b "dev='pf0' numvfs='4' vfs='0'" "<allocate by='libvirt'/>" >b.xml
v define a.xml >/dev/null
v define b.xml >/dev/null
t 'a VF that left the pool is not handed out' same 1 "$(vf_of one)"
t 'it is in the network of its new pool' says 'slot="0x01" function="0x0"' v network b
t 'a leased one never is' sh -c '! echo "$1" | grep "function=\"0x1\""' sh "$(v network b)"
v apply >/dev/null 2>&1

# ---- busy VFs ----
hold 2 1
t 'a VF that something holds is passed over' same 3 "$(vf_of two)"
t 'no other is free: 3, and why' fails_with 3 'no VF of pool a is free' v alloc a --owner three
hold 2 0
t 'let go of, it is handed out without an apply' same 2 "$(vf_of three)"
t 'release gives it back' v release a --owner three
hold 2 1
t 'it is held again: nothing is free, and alloc says who it was' fails_with 3 'VF 2 of pf0 is in use: held through vfio' v alloc a --owner three
hold 2 0
mkdir -p proc/4711/fd && ln -s /dev/vfio/2 proc/4711/fd/9 && printf 'evil\033]0;owned\007\n' >proc/4711/comm
hold 2 1
t 'a process name is shown without its control characters' says 'evil\?\]0;owned\?, process 4711' v show a
mkdir -p proc/4712/fd && ln -s /dev/vfio/2 proc/4712/fd/9 && mkfifo proc/4712/cmdline
hanging() { # reading it never ends, as with a process that hangs in the kernel
	local from=$SECONDS
	says 'busy: held through vfio' v show a && [ $((SECONDS - from)) -lt 20 ]
}
t 'a process that hangs is passed over after a while' hanging
hold 2 0

# ---- what is left when files are removed or damaged ----
mv etc/pools/a.xml saved
t 'a lease of a pool whose definition is gone can be given back' v release a --owner two
mv saved etc/pools/a.xml
echo '<pool>' >etc/pools/a.xml
t 'show of a broken definition: refused with its file and line' fails_with 1 'etc/pools/a.xml:[0-9]' v show a
t 'list with a broken definition: it is named, the rest is shown' says '^pf0 ' v list
t 'list with a broken definition: its file and line on stderr' says 'note: etc/pools/a.xml:[0-9]' with_stderr v list
t 'and can be replaced by a good one' says 'pool a defined' v define a.xml
touch 'etc/pools/.#a.xml'
t "an editor's file is no pool" says '^a ' v list
pool twice "dev='pf0' numvfs='4' vfs='0'" >twice.xml
sed -i "s|</pool>|<pf dev='pf0' numvfs='4' vfs='0'/></pool>|" twice.xml
v undefine b >/dev/null
t 'a PF twice in a pool: both lines' fails_with 1 'twice.xml:4: the PF is in the pool already \(line 3\)' v define twice.xml

# ---- taken after the plan was made, and let go of before the VF is bound ----
"$fake/tree" taken 1 1 --netdev
pool one "dev='pf0' numvfs='1'" "<driver name='none'/>" >one.xml
echo 0 >taken/bus/pci/devices/0000:01:00.0/sriov_drivers_autoprobe
later() {
	PEER_VFS=1 v --config-dir taken-etc --state-dir taken-state --run-dir taken-run --sysfs taken "$@"
}
later define one.xml >/dev/null
enable=taken/bus/pci/devices/0000:01:01.0/enable
rm $enable && mkfifo $enable
looks() { # VALUE…: what each look sees. It opens a pipe, and the next look gets the next one.
	for look; do
		exec 7>"$enable"
		mkfifo next && mv next "$enable"
		echo "$look" >&7
	done
}
taken() { # a look at all VFs, since this ledger is new; then the second one finds it taken
	looks 0 0 1 0 >/dev/null 2>&1 &
	code_is 6 later apply >out 2>&1 && grep -q 'taken meanwhile' out && grep -q "not bound: its MAC isn't set" out || { cat out; return 1; }
}
t 'a VF that was taken and let go of meanwhile is not bound without its MAC' taken

# ---- a ledger that was just being made ----
rm -r state && mkdir state && : >state/ledger.db
t 'an empty ledger is none yet' says 'pf0' v list
rm etc/pools/a.xml
t 'and is made' says 'defined' v --accept-new-ledger define a.xml
tap_end
