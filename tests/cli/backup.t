#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# backup: what it makes, and that it never goes onto the ledger itself or, but by force, onto another file.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-of-four.sh

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

run_tests
