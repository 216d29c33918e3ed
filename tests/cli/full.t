#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A ledger that takes no change: by its own rules, on a file system that is full or read-only. What is asked is
# answered, what failed says why, and the VFs come back at boot.
cd "$(dirname "$0")/../.." || exit
# Where nobody may mount, as in some containers, what needs that is left out.
if [ -z "${FULL_MOUNTS:-}" ]; then
	for how in -m -rm; do
		! unshare $how mount -t tmpfs none /mnt 2>/dev/null || FULL_MOUNTS=yes exec unshare $how bash "$0"
	done
	FULL_MOUNTS=no
fi
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# PFs pf0 and pf1, pool a on both; web has a lease, pair two.
full_host() {
	"$fake/tree" sys 2 4 --netdev
	mkdir -p sys/bus/pci/drivers/vfio-pci
	export PEER_VFS=4 PEER_STATE=$work/kernel
	whole_pool a 2 4 >a.xml
	v define a.xml >/dev/null
	v apply >/dev/null 2>&1
	vf=$(v alloc a --owner web --json | field address)
	v alloc a --owner pair --count 2 >/dev/null
}

# The same with the state on a small file system of its own.
small_host() {
	mkdir state
	mount -t tmpfs -o size=400k,mode=700 none state
	trap 'umount -l "$work/state"; rm -rf "$work"' EXIT
	full_host
}

fill() {
	dd if=/dev/zero of=state/other bs=1k 2>/dev/null
}

# As after a boot: no VF has a MAC or a driver.
reboot() {
	rm -rf run
	rm "$PEER_STATE" sys/bus/pci/devices/*/driver
	echo '(null)' | tee sys/bus/pci/devices/*/driver_override >/dev/null
}

links() {
	"$fake/links" kernel 2 4
}

bound() {
	ls -d sys/bus/pci/devices/*/driver | wc -l
}

# proves: says-so
test_what_the_schema_forbids_has_words() {
	full_host
	sqlite3 state/ledger.db "PRAGMA foreign_keys = 0; DELETE FROM mac WHERE half = 'lease'"
	echo 1 >"sys/bus/pci/devices/$vf/enable"
	t "a change that an entry of the ledger stands against: words, and no phrase of SQLite's" \
		fails_with 1 'contradicts what else is in it \(an entry that another one needs\)' v release --owner web --force
}

test_twins_have_words() {
	full_host
	cp sys/bus/pci/devices/0000:01:00.0/net/pf0/ifindex sys/bus/pci/devices/0001:01:00.0/net/pf1/ifindex
	t 'a pool with two PFs of one permanent MAC fails alone: 6' code_is 6 eval 'v apply >out 2>err'
	t 'a pool with two PFs of one permanent MAC: said, with the line' grep -E 'pools/a.xml:[0-9]*: this PF has the permanent MAC of another one of the pool' err
}

# Whatever is wrong with the file system.
check_verbs() { # WHAT MESSAGE
	t "$1: list tells free from leased" says 'leased *web nic 0' v list
	t "$1: show has the lease still" says 'web' v show a
	t "$1: interface tells the MAC still" says '<mac address=' v interface web
	t "$1: history has the alloc still" says ' alloc ' v history
	t "$1: validate says that a definition is valid" says 'is a valid definition' v validate a.xml
	t "$1: a dry run of apply finds nothing to do" says '^nothing to do' v apply --dry-run
	t "$1: a backup to elsewhere is whole" says 'whole and checked' v backup "copy-$2"
	t "$1: alloc of what is held and intact answers as interface does" same "$(v interface web)" "$(v alloc a --owner web)"
	t "$1: alloc of several that are held answers, too" eval "v alloc a --owner pair --count 2 >/dev/null"
	t "$1: alloc of several of which not all are held says what to do" fails_with 1 "$3.*what the ledger has is safe" v alloc a --owner pair --count 3
	t "$1: alloc of something else than what is held is refused, 4" fails_with 4 'asked for was VLAN 7' v alloc a --owner web --vlan 7
	t "$1: alloc says what to do, and that nothing is lost" fails_with 1 "$3.*what the ledger has is safe" v alloc a --owner db
	t "$1: release says what to do, and that nothing is lost" fails_with 1 "$3.*what the ledger has is safe" v release --owner web
	t "$1: hold, undefine and gc fail" eval "! v hold pf0 2>/dev/null && ! v undefine a 2>/dev/null && ! v gc 2>/dev/null"
	t "$1: the doctor's check of the ledger" says 'its file system is full or read-only' anyhow v doctor
	t "$1: the hook keeps a thief off" fails_with 4 'leased to web nic 0' v hook qemu thief prepare begin - <<<"<domain type='kvm'>
		<name>thief</name><uuid>33333333-2222-3333-4444-555555555555</uuid><devices><hostdev mode='subsystem' type='pci'><source>
		<address domain='0x${vf:0:4}' bus='0x${vf:5:2}' slot='0x${vf:8:2}' function='0x${vf:11:1}'/></source></hostdev></devices></domain>"
}

check_boot() { # WHAT
	local before
	before=$(links)
	reboot
	t "$1: apply at boot says why not all is done, 6" code_is 6 v apply
	t "$1: all VFs have their MACs all the same" same "$before" "$(links)"
	t "$1: all are bound" same 8 "$(bound)"
	rm sys/bus/pci/devices/0001:01:00.0/virtfn*
	: >sys/bus/pci/devices/0001:01:00.0/sriov_numvfs
	anyhow v apply >said 2>&1
	t "$1: VFs are asked of a PF that has none" same 4 "$(cat sys/bus/pci/devices/0001:01:00.0/sriov_numvfs)"
}

test_read_only() {
	[ "$FULL_MOUNTS" = yes ] || return 0
	small_host
	mount -o remount,ro state
	check_verbs 'read-only' ro 'is read-only: mount it to be written'
	check_boot 'read-only'
	mount -o remount,rw state
	t 'read-only no more: alloc' v alloc a --owner db
}

test_full() {
	[ "$FULL_MOUNTS" = yes ] || return 0
	small_host
	fill
	check_verbs 'full' full 'no room is left'
	check_boot 'full'
	t 'full: a new owner of what is held changes nothing' same '3' "$(rm state/other; sql 'SELECT count(*) FROM lease')"
	t 'full no more: alloc' v alloc a --owner db
}

# What was written last is in the -wal yet.
# proves: killed
test_killed() {
	[ "$FULL_MOUNTS" = yes ] || return 0
	small_host
	mkfifo pipe
	sqlite3 state/ledger.db <pipe >/dev/null &
	exec 7>pipe
	echo "UPDATE reservation SET owner = 'late' WHERE owner = 'web';" >&7
	until v list | grep -q late; do :; done
	kill -KILL %1
	wait 2>/dev/null
	exec 7>&-
	t 'killed with a -wal' test -s state/ledger.db-wal
	mount -o remount,ro state
	t 'read-only with a -wal: what is in that is told' says 'late' v list
	t 'read-only with a -wal: apply knows it' code_is 6 v apply
	rm -f copy
	t 'read-only with a -wal: a backup has it' says 'late' eval "v backup copy >/dev/null && sqlite3 copy 'SELECT owner FROM reservation'"
	mount -o remount,rw state
	fill
	t 'full with a -wal: what is in that is told' says 'late' v list
}

test_no_row_no_driver() {
	[ "$FULL_MOUNTS" = yes ] || return 0
	small_host
	whole_pool a 1 4 >a.xml
	v undefine a >/dev/null 2>&1
	v release --owner web --forget >/dev/null
	v define a.xml >/dev/null
	v apply >/dev/null 2>&1
	pool b "dev='pf1' numvfs='4'" >b.xml
	v define b.xml >/dev/null
	reboot
	fill
	t 'VFs that the ledger does not know: 6' code_is 6 v apply
	t 'VFs that it does not know: how many' says "4 VFs that the ledger doesn't know are left alone" with_stderr anyhow v apply
	t 'VFs that it does not know get no driver, the others do' same 4 "$(bound)"
}

test_no_ledger_yet() {
	[ "$FULL_MOUNTS" = yes ] || return 0
	small_host
	rm state/ledger.db*
	reboot
	mount -o remount,ro state
	t 'read-only without a ledger: 6' code_is 6 v apply
	t 'read-only without a ledger: no VF gets a driver' same 0 "$(bound 2>/dev/null)"
	rm sys/bus/pci/devices/0000:01:00.0/virtfn*
	: >sys/bus/pci/devices/0000:01:00.0/sriov_numvfs
	anyhow v apply >/dev/null 2>&1
	t 'read-only without a ledger: VFs are made' same 4 "$(cat sys/bus/pci/devices/0000:01:00.0/sriov_numvfs)"
	mount -o remount,rw state
	fill
	: >state/ledger.db
	t 'full with an empty ledger, as it was about to be made: list' says 'vf 3' v list
}

run_tests
