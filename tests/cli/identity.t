#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which ledger is it? Copies of it, other files in its place, and older ones.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# a_pool: a, of four VFs, applied.
a_pool() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4'" >a.xml
	v define a.xml >/dev/null && v apply >/dev/null 2>&1
}
leases() {
	sql 'SELECT owner FROM held ORDER BY owner' | paste -sd ' '
}
inode() {
	stat -c %i state/ledger.db
}
mode() {
	stat -c %a "$@" | paste -sd ' '
}

# ---- backups ----

test_a_backup_never_goes_onto_the_live_ledger() {
	a_pool
	v alloc a --owner keep >/dev/null
	local before file
	before=$(inode)
	ln state/ledger.db hard && ln -s state/ledger.db soft && ln -s state other
	for file in state/ledger.db ./state/../state/ledger.db "$PWD/state/ledger.db" other/ledger.db hard soft \
		state/ledger.db-wal other/ledger.db-shm state/ledger.db-journal; do
		t "backup onto ${file#"$PWD/"}: refused, also by force" fails_with 4 'that is the ledger itself' v backup "$file" --force
	done
	t 'backups onto the ledger were refused: it is the same file' same "$before" "$(inode)"
	t 'backups onto the ledger were refused: its lease is there' same keep "$(leases)"
	t 'backups onto the ledger were refused: no file is left beside it' same '' "$(ls state | grep -v '^ledger.db\(-wal\|-shm\)\?$')"
	mv state/ledger.db real.db && ln -s "$PWD/real.db" state/ledger.db
	t 'backup onto what ledger.db is a link to: refused' fails_with 4 'that is the ledger itself' v backup real.db --force
}

test_a_backup_replaces_a_file_by_force_only() {
	a_pool
	v alloc a --owner one >/dev/null
	v backup saved.db >/dev/null
	t "a backup is root's alone, whatever the umask" same 600 "$(mode saved.db)"
	t "a backup's form is that of a file without a WAL" same 'delete' "$(sqlite3 saved.db 'PRAGMA journal_mode')"
	v alloc a --owner two >/dev/null
	t 'backup onto a file that is there: not replaced' fails_with 1 "there already; '--force' replaces it" v backup saved.db
	t 'the old backup is as it was' same one "$(sqlite3 saved.db 'SELECT group_concat(owner) FROM held')"
	t 'backup --force onto a file that is there: replaced' says 'whole and checked' v backup saved.db --force
	t 'the new backup has all' same one,two "$(sqlite3 saved.db 'SELECT group_concat(owner) FROM held')"
	mkdir folder && mkfifo fifo && ln -s saved.db link
	for file in folder fifo link /dev/null; do
		t "a backup onto $file: refused by force, too" fails_with 1 'no regular file' v backup "$file" --force
	done
	t 'a file name that is empty: refused' code_is 2 v backup ''
}

# On a file system of its own that is full.
test_a_backup_to_a_full_disk_leaves_nothing() {
	a_pool
	v alloc a --owner one >/dev/null
	mkdir disk
	mount -t tmpfs -o size=64k none disk 2>/dev/null || { t 'a backup to a full disk (no mount here) # SKIP' true; return; }
	t 'a backup to a full disk: said' fails_with 1 'No space left on device' v backup disk/saved.db
	t 'a backup to a full disk: nothing is left' same '' "$(ls -A disk)"
	umount disk
}

test_a_backups_temporary_file_is_opened_once() {
	a_pool
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=openat,open,creat -o trace "$fake/vfpool" "${at[@]}" backup saved.db >/dev/null
	t 'a temporary file of a backup is made, and never opened by its name again' same 1 "$(grep -c 'saved\.db' trace)"
}

# ---- a ledger that is replaced under a process ----

# wait_for COMMAND…: 20 s at most.
wait_for() {
	local i
	for ((i = 0; i < 1000; i++)); do "$@" && return; sleep 0.02; done
	return 1
}
has_open() { # PID FILE
	ls -l "/proc/$1/fd" 2>/dev/null | grep -q "$2\$"
}
# while_waiting COMMAND…: what alloc says when the command ran while it waited for the ledger's lock.
while_waiting() {
	local locker alloc
	coproc LOCK { sqlite3 state/ledger.db 2>&1; }
	locker=$LOCK_PID
	echo 'BEGIN IMMEDIATE; SELECT 1;' >&"${LOCK[1]}"
	read -r _ <&"${LOCK[0]}"
	"$fake/vfpool" "${at[@]}" alloc a --owner late >said 2>&1 &
	alloc=$!
	wait_for has_open "$alloc" state/ledger.db && "$@"
	echo 'ROLLBACK;
.quit' >&"${LOCK[1]}"
	wait "$alloc"
	echo $? >code
	wait "$locker" 2>/dev/null
	true
}
replace() {
	v backup saved.db >/dev/null && mv saved.db state/ledger.db
}
test_a_replaced_ledger_is_noticed_by_who_has_it_open() {
	a_pool
	v alloc a --owner keep >/dev/null
	while_waiting replace
	t 'alloc on a ledger that was replaced meanwhile: fails' same 1 "$(cat code)"
	t 'alloc on a ledger that was replaced meanwhile: says so' grep -q 'ledger.db was replaced while this vfpool had it open' said
	t 'alloc on a ledger that was replaced meanwhile: no lease in the new one' same keep "$(leases)"
	t 'the next alloc works on the new one' code_is 0 v alloc a --owner next
}
test_a_deleted_ledger_is_noticed_by_who_has_it_open() {
	a_pool
	while_waiting rm state/ledger.db
	t 'alloc on a ledger that was deleted meanwhile: fails' same 1 "$(cat code)"
	t 'alloc on a ledger that was deleted meanwhile: says so' grep -q 'ledger.db was deleted while this vfpool had it open' said
	t 'alloc on a ledger that was deleted meanwhile: makes none' test ! -e state/ledger.db
}

# ---- new ones, and older ones, in its place ----

lease_of() { # OWNER
	v alloc a --owner "$1" --json | field lease
}
links() {
	"$fake/links" kernel 1 4
}
doctor_doubts() { # PATTERN
	v doctor 2>&1 | grep -A2 -E "FAILED *ledger: .*$1" | grep -q 'remedy: .*vfpool restore FILE.*--accept-new-ledger'
}
refused() { # PATTERN: each verb that changes something refuses it, and each that reads says it
	local before
	before=$(links)
	t "$1: alloc is refused" fails_with 1 "$1.*nothing was changed.*restore.*--accept-new-ledger" v alloc a --owner new
	t "$1: apply is refused" fails_with 1 "$1" v apply
	t "$1: gc is refused" fails_with 1 "$1" v gc
	t "$1: release is refused" fails_with 1 "$1" v release --owner web
	t "$1: hold is refused" fails_with 1 "$1" v hold pf0
	t "$1: rename is refused" fails_with 1 "$1" v rename web www
	t "$1: list says so" says "note: .*$1" with_stderr v list
	t "$1: history says so" says "note: .*$1" with_stderr v history
	t "$1: a dry run says so" says "note: .*$1" with_stderr v gc --dry-run
	t "$1: doctor says so, with the remedy" doctor_doubts "$1"
	t "$1: doctor says it once" same 1 "$(v doctor 2>&1 | grep -cE "$1")"
	t "$1: doctor doesn't call it whole" same 0 "$(v doctor 2>&1 | grep -c 'it is whole\|there is none yet')"
	sed "s|</pool>|<vlan><tag id='7'/></vlan></pool>|" a.xml >changed.xml
	t "$1: a changed definition is refused, in one line" fails_with 1 "$1" v define changed.xml
	t "$1: a changed definition isn't stored" cmp -s a.xml etc/pools/a.xml
	t "$1: one that is defined already is said to be so" says 'unchanged' v define a.xml
	t "$1: defining what is defined says so, too" same 1 "$(v define a.xml 2>&1 | grep -cE "note: .*$1")"
	t "$1: a dry run of define says so, once" same 1 "$(v define changed.xml --dry-run 2>&1 | grep -cE "note: .*$1")"
	t "$1: undefine is refused" fails_with 1 "$1" v undefine a
	t "$1: unhold is refused" fails_with 1 "$1" v unhold pf0
	t "$1: no VF was touched" same "$before" "$(links)"
}

test_a_ledger_that_is_gone_isnt_made_anew_in_silence() {
	a_pool
	v alloc a --owner web >/dev/null
	rm -rf state
	refused 'is gone'
	t 'a ledger that is gone: none was made in its place' test ! -e state/ledger.db
	t 'accepted: a new one is made, and the pool applied' code_is 0 v --accept-new-ledger apply
	t 'accepted: the new ledger works from then on' code_is 0 v alloc a --owner new
	t 'accepted: its lease numbers are beyond those of before' test "$(lease_of new)" -gt 1000000
	t 'late release of an old number: nothing ends' fails_with 5 'no such lease' v release --lease 1
}

test_an_empty_ledger_in_its_place() {
	a_pool
	v alloc a --owner web >/dev/null
	rm -f state/ledger.db-* && : >state/ledger.db
	refused 'is gone'
}

# proves: one-holder
test_another_ledger_in_its_place() {
	a_pool
	v alloc a --owner web >/dev/null
	v --state-dir other --run-dir other/run --config-dir other/etc define a.xml >/dev/null
	rm -f state/ledger.db* && cp other/ledger.db* state
	refused "isn't the ledger by which"
}

test_an_older_one_in_its_place() {
	a_pool
	v alloc a --owner web >/dev/null
	v backup saved.db >/dev/null
	v alloc a --owner late >/dev/null
	rm -f state/ledger.db-* && cp saved.db state/ledger.db
	refused 'is older than what was given out'
	t 'accepted: goes on with it' code_is 0 v --accept-new-ledger apply
	t 'accepted: the lease that it has' says 'leased *web nic 0' v list
	t 'accepted: once is enough' code_is 0 v alloc a --owner next
	t 'accepted: its lease numbers are beyond those of before' test "$(lease_of next)" -gt 1000000
}

test_without_a_stamp_the_vfs_tell() {
	a_pool
	v alloc a --owner web >/dev/null
	rm -rf state run
	refused 'has the MAC .*, which vfpool gave it by a ledger that isn.t there any more'
}

test_what_is_no_other_ledger() {
	a_pool
	t 'a fresh host begins with lease 1' same 1 "$(lease_of web)"
	rm -rf run kernel
	t 'apply after a reboot, without VFs, by the same ledger' code_is 0 v apply
	t 'after a reboot the numbers go on' same 2 "$(lease_of db)"
	rm -rf run
	t 'the run directory was lost: the VFs are known to the ledger' same 3 "$(lease_of more)"
	rm -rf state run kernel etc
	sed -i "s|</name>|</name><mac prefix='02:11:22' seed='s'/>|" a.xml
	v define a.xml >/dev/null
	t 'a pool with a seed from another host' code_is 0 v apply
	rm -rf state run
	t 'a pool with a seed: its parked VFs tell nothing of which ledger' code_is 0 v apply
}

test_a_host_whose_vfs_were_never_vfpools() {
	a_pool
	rm -rf state run etc
	PEER_STATE=$work/kernel
	sed "s|</name>|</name><mac prefix='02:aa:bb'/>|" a.xml >b.xml
	v define b.xml >/dev/null
	t "VFs with others' MACs prove nothing" code_is 0 v apply
	t 'such a host begins with lease 1' same 1 "$(lease_of web)"
}

# ---- restore ----

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
	for ((n = 1; n < 200; n++)); do
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
	t 'restore was killed at more than five points' test "$killed" -gt 5
	t 'restore after many that were killed: the ledger is restored' code_is 0 v alloc a --owner next
}

# ---- what isn't a ledger ----

test_other_files_in_its_place_are_refused() {
	a_pool
	rm -rf state run
	mkdir -p state/ledger.db
	t 'a folder in its place: said at once, reading' fails_with 1 'no regular file' v list
	t 'a folder in its place: said at once, changing' fails_with 1 'no regular file' v alloc a --owner x
	rmdir state/ledger.db && mkfifo state/ledger.db
	t 'a FIFO in its place: said at once, reading' fails_with 1 'no regular file' v list
	t 'a FIFO in its place: said at once, changing' fails_with 1 'no regular file' v alloc a --owner x
	rm state/ledger.db && ln -s /dev/zero state/ledger.db
	t 'a device in its place: said' fails_with 1 'no regular file' v alloc a --owner x
	rm state/ledger.db && sqlite3 state/ledger.db 'CREATE TABLE theirs (a)'
	t "another program's database: refused, reading" fails_with 1 'is not a ledger of vfpool' v list
	t "another program's database: refused, changing" fails_with 1 'is not a ledger of vfpool' v alloc a --owner x
	t "another program's database: as it was" same theirs "$(sql .tables | tr -d ' ')"
	sql 'PRAGMA user_version = 7'
	t "another program's database with a version: refused" fails_with 1 'is not a ledger of vfpool' v alloc a --owner x
}

# ---- modes ----

test_the_ledger_is_roots_alone_whoever_made_it() {
	a_pool
	t 'made: the folder 0700, the ledger 0600' same '700 600' "$(mode state state/ledger.db)"
	chmod 755 state && chmod 644 state/ledger.db
	v list >/dev/null
	t 'who reads leaves the modes' same '755 644' "$(mode state state/ledger.db)"
	v alloc a --owner x >/dev/null
	t 'who writes mends the modes' same '700 600' "$(mode state state/ledger.db)"
	chmod 644 state/ledger.db && (umask 0; sql 'PRAGMA journal_mode = WAL' >/dev/null)
	v alloc a --owner y >/dev/null
	t "the ledger's -wal is no more open than the ledger" same '600' "$(mode state/* | tr ' ' '\n' | sort -u)"
	chmod 755 state && touch state/others
	v alloc a --owner z >/dev/null
	t "a folder with other things in it keeps its mode" same '755 600' "$(mode state state/ledger.db)"
}

test_a_definition_with_a_seed_is_roots_alone() {
	a_pool
	t 'a definition without a seed: for all to read' same 644 "$(mode etc/pools/a.xml)"
	sed -i "s|</name>|</name><mac prefix='02:11:22' seed='secret'/>|" a.xml
	v define a.xml >/dev/null
	t "a definition with a seed: root's alone" same 600 "$(mode etc/pools/a.xml)"
	chmod 644 etc/pools/a.xml
	v define a.xml >/dev/null
	t 'made open by hand, and defined again: closed' same 600 "$(mode etc/pools/a.xml)"
	pool b "dev='pf0' numvfs='4' vfs='2-3'" >b.xml
	sed -i "s|numvfs='4'|numvfs='4' vfs='0-1'|" a.xml
	v define a.xml b.xml >/dev/null
	t 'stored with one that has none: each has its own mode' same '600 644' "$(mode etc/pools/a.xml etc/pools/b.xml)"
}

# ---- older ones ----

test_who_reads_never_changes_an_older_ledger() {
	a_pool
	local version before
	for version in 1 2 3; do
		rm -rf state run && mkdir state
		sqlite3 state/ledger.db <"$top/tests/data/ledger-$version.sql"
		before=$(md5sum <state/ledger.db)
		t "version $version: show reads it" says '"owner": *"gone"' v show a --json
		t "version $version: list, history and doctor read it" eval 'v list && v history && anyhow v doctor ledger'
		t "version $version: a dry run of gc reads it" code_is 0 v gc --dry-run
		t "version $version: nothing of it was changed" same "$before" "$(md5sum <state/ledger.db)"
		v backup "saved-$version.db" >/dev/null
		t "version $version: a backup has its leases" same 2 "$(sqlite3 "saved-$version.db" 'SELECT count(*) FROM held')"
		v --accept-new-ledger hold pf0 >/dev/null
		t "version $version: who changes it brings it up to date" same 4 "$(sql 'PRAGMA user_version')"
	done
}

run_tests
