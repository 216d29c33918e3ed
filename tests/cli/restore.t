#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# restore: which leases come back from a backup, which VFs are held since another may have them, what is no backup, and
# that a restore that is killed or stuck leaves a whole ledger.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-of-four.sh

test_a_backup_is_restored() {
	a_pool
	local old
	v alloc a --owner web >/dev/null
	v alloc a --owner gone >/dev/null
	v backup saved.db >/dev/null
	v release --owner web >/dev/null
	v alloc a --owner web >/dev/null
	v alloc a --owner late >/dev/null
	old=$(lease_of late)
	rm -rf state/ledger.db-* && cp saved.db state/ledger.db
	t 'a dry run says that the backup is sound' says 'whole and checked' v restore saved.db --dry-run
	t 'a dry run restores nothing' fails_with 1 'is older' v alloc a --owner new
	t 'restore: a VF that was given out since is held, with its MAC' says 'VF 2 of pf0 is held: it has d2:56:46' v restore saved.db
	t 'restore: the backup is left as it was' same 'gone web' "$(sqlite3 saved.db 'SELECT owner FROM held ORDER BY owner' | paste -sd ' ')"
	t 'restore: its leases are there' same 'gone web' "$(leases)"
	t 'restore: nothing of SQLite is left beside it but its own' same '' "$(ls state | grep -v '^ledger.db\(-wal\|-shm\)\?$')"
	t 'restore: alloc works at once, on a VF that nobody has' same '3' "$(v alloc a --owner new --json | field vf)"
	t 'restore: no VF that was given out since goes to another' fails_with 3 'no VF of pool a is free' v alloc a --owner more
	t 'restore: lease numbers are beyond those of before' test "$(lease_of new)" -gt 1000000
	t 'restore: a late release by an old number ends nothing' fails_with 5 'no such lease' v release --lease "$old"
	t 'restore: the same again works' code_is 0 v restore saved.db
	t 'restore: the modes are closed' same '700 600' "$(mode state state/ledger.db)"
}

# proves: mac-stays
test_an_owner_whose_mac_is_on_a_vf_has_its_lease_again() {
	a_pool
	local mac
	mac=$(v alloc a --owner web --json | field mac)
	v release --owner web >/dev/null
	v backup saved.db >/dev/null
	v alloc a --owner web >/dev/null
	rm -rf state
	t 'restore of a ledger that is gone: said what came back' says "web nic 0 .*has its MAC: it has a lease again" v restore saved.db
	t 'after a restore the owner asks again: the same VF and MAC' same "0 $mac" "$(v alloc a --owner web --json >got; echo "$(field vf <got) $(field mac <got)")"
}

test_a_mac_of_its_own_that_was_given_out_since_is_kept() {
	a_pool
	v alloc a --owner web >/dev/null
	v backup saved.db >/dev/null
	v alloc a --owner late --mac 52:54:00:aa:bb:cc >/dev/null
	rm -rf state
	t "restore: a VF with an owner's own MAC, of no pool's prefix, is held" says 'VF 1 of pf0 is held: it has 52:54:00:aa:bb:cc' v restore saved.db
	t 'restore: no VF with an own MAC goes to another' same 2 "$(v alloc a --owner new --json | field vf)"
}

# proves: one-holder
test_a_vf_that_the_backup_gives_to_another_is_held() {
	a_pool
	v alloc a --owner web >/dev/null
	v backup saved.db >/dev/null
	v release --owner web >/dev/null
	v alloc a --owner late --vf 0 --pf pf0 >/dev/null
	rm -rf state
	t "restore: a VF that has its next owner's MAC is told with the lease of before" says \
		'web nic 0 in pool a .*: left: VF 0 of pf0 is held: it has d2:56:46' v restore saved.db
	v release --owner web >/dev/null
	t "restore: a VF with its next owner's MAC goes to nobody when the lease of before has ended" same 1 "$(v alloc a --owner new --json | field vf)"
}

# Definitions are no part of a ledger's backup.
test_a_vf_that_came_into_the_pool_since_is_held() {
	a_pool
	pool a "dev='pf0' numvfs='4' vfs='0-1'" >small.xml
	v define small.xml >/dev/null && v apply >/dev/null 2>&1
	v backup saved.db >/dev/null
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
	v alloc a --owner late --pf pf0 --vf 2 >/dev/null
	rm -rf state
	t "restore: a VF that the backup doesn't know, with an owner's MAC, is held" says 'VF 2 of pf0 is held' v restore saved.db
	v apply >/dev/null 2>&1
	t "restore: a VF that the backup doesn't know goes to nobody when it is the pool's again" same '0 1 3' "$(v alloc a --owner new --count 3 --json | field vf | paste -sd ' ')"
}

test_a_restore_that_cant_look_at_the_vfs() {
	a_pool
	v backup saved.db >/dev/null
	v alloc a --owner late >/dev/null
	mv sys away
	t 'restore where the VFs can.t be looked at: fails' fails_with 1 "isn't recorded.*sys" v restore saved.db
	mv away sys
	t 'alloc after a restore that failed: nothing is given out' fails_with 1 "isn't the ledger by which.*restore" v alloc a --owner new
	t 'restore again, when the VFs can be looked at: done' says 'VF 0 of pf0 is held' v restore saved.db
	t 'alloc after a restore: VFs are given out, but the one that is held' same 1 "$(v alloc a --owner new --json | field vf)"
}

# The disk was lost: the host has booted, and made a ledger of its own, before the backup comes.
test_what_another_ledger_has_parked_is_free_after_a_restore() {
	a_pool
	v alloc a --owner web >/dev/null
	v backup saved.db >/dev/null
	rm -rf state run kernel
	v apply >/dev/null 2>&1
	t 'restore where a new ledger has parked all VFs: none is held' same 'saved.db is the ledger now' "$(v restore saved.db | cut -d ';' -f 1)"
	t 'restore where a new ledger has parked all VFs: they are free at once' code_is 0 v alloc a --owner new --count 3
}

test_what_isnt_a_backup_is_not_restored() {
	a_pool
	v alloc a --owner keep >/dev/null
	head -c 9000 /dev/urandom >junk && : >empty && mkdir folder && mkfifo fifo && sqlite3 theirs 'CREATE TABLE x (a)'
	v backup newer >/dev/null && sqlite3 newer 'PRAGMA user_version = 99'
	v backup torn >/dev/null && truncate -s 8192 torn
	v backup wal >/dev/null && echo x >wal-wal
	ln state/ledger.db hard
	local file
	for file in junk empty folder fifo theirs newer torn wal none; do
		t "restore of $file: refused" fails_with 1 "restoring the ledger from $file" v restore "$file"
	done
	for file in state/ledger.db hard; do
		t "restore of $file, the ledger itself: refused" fails_with 4 'is the ledger itself' v restore "$file"
	done
	t 'restores were refused: the ledger is as it was' same keep "$(leases)"
	t 'restores were refused: the ledger may be changed' code_is 0 v alloc a --owner next
}

test_restore_over_what_cant_be_opened() {
	a_pool
	v alloc a --owner keep >/dev/null
	v backup saved.db >/dev/null
	head -c 9000 /dev/urandom >state/ledger.db && head -c 9000 /dev/urandom >state/ledger.db-wal
	t 'restore over a damaged ledger and its -wal' code_is 0 v restore saved.db
	t 'restored over a damaged one: its lease' same keep "$(leases)"
	t 'restored over a damaged one: whole' same ok "$(sql 'PRAGMA integrity_check')"
}

# Its rests are none, so that the minute that it waits is none either.
restore_without_rests() {
	ASAN_OPTIONS=detect_leaks=0 timeout 50 strace -qq -f -o /dev/null -e trace=clock_nanosleep -e inject=clock_nanosleep:retval=0 \
		"$fake/vfpool" "${at[@]}" restore saved.db
}
test_restore_beside_a_writer_that_is_stuck() {
	a_pool
	local locker
	v alloc a --owner keep >/dev/null
	v backup saved.db >/dev/null
	coproc LOCK { exec sqlite3 state/ledger.db 2>&1; }
	locker=$LOCK_PID
	echo 'BEGIN IMMEDIATE; SELECT 1;' >&"${LOCK[1]}"
	read -r _ <&"${LOCK[0]}"
	t 'restore beside a stuck writer: who it is' fails_with 1 "process $locker \(sqlite3 state/ledger.db" restore_without_rests
	t 'restore beside a stuck writer: the ledger is as it was' same keep "$(leases)"
	kill "$locker" && wait "$locker" 2>/dev/null
	t 'restore when the stuck writer is gone' code_is 0 v restore saved.db
}

test_restore_over_one_whose_pages_are_damaged() {
	a_pool
	v alloc a --owner keep >/dev/null
	v backup saved.db >/dev/null
	dd if=/dev/urandom of=state/ledger.db bs=4096 seek=2 count=20 conv=notrunc status=none
	t 'doctor of a damaged ledger: the command that mends it' says "vfpool restore FILE" anyhow v doctor
	t 'restore over a ledger whose pages are damaged' code_is 0 v restore saved.db
	t 'restored over damaged pages: its lease' same keep "$(leases)"
}

# Killed at its Nth call that writes, for every N.
# proves: killed
test_restore_is_killed() {
	a_pool
	local n code killed=0 whole=0 calls=pwrite64,write,fsync,fdatasync,rename,unlink,ftruncate
	export ASAN_OPTIONS=detect_leaks=0
	v alloc a --owner keep >/dev/null
	v backup saved.db >/dev/null
	v alloc a --owner late >/dev/null
	for ((n = 1; n < 200; n += sweep)); do
		code=$({
			strace -f -o /dev/null -e trace="$calls" -e inject="$calls":signal=SIGKILL:when="$n" \
				"$fake/vfpool" "${at[@]}" restore saved.db >/dev/null 2>&1
			echo $?
		} 2>/dev/null)
		[ "$code" != 0 ] || break
		killed=$((killed + 1))
		[ "$(sql 'PRAGMA integrity_check')" != ok ] || [[ " $(leases) " != *' keep '* ]] || whole=$((whole + 1))
	done
	t 'restore that is killed wherever it writes: there is a whole ledger, with the lease that both have' same "$whole 0" "$killed $code"
	t 'restore was killed at more than five points' test $((killed * sweep)) -gt 5
	t 'restore after many that were killed: the ledger is restored' code_is 0 v alloc a --owner next
}

run_tests
