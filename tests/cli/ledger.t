#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What can happen to a ledger: a backup of it and from it, damage, a version that is newer or older. No lease is made on
# what can't be trusted, and no VF is touched then.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-a.sh

test_backup() {
	pool_a
	v alloc a --owner keep >/dev/null
	t 'backup says that it is whole and checked' says 'whole and checked' v backup saved.db
	t 'backup makes a ledger with all leases' same keep "$(sqlite3 saved.db 'SELECT owner FROM held')"
	t 'backup into a folder that is not there: an error' fails_with 1 'backing up the ledger to nowhere/x' v backup nowhere/x
	t 'backup leaves no temporary file' same '' "$(ls -d saved.db.* nowhere* 2>/dev/null)"
	rm -r state && mkdir state && cp saved.db state/ledger.db
	t "list, a backup in the ledger's place: its leases" says 'vf . .*leased *keep nic 0' v list
}

# proves: says-so
test_a_damaged_ledger() {
	pool_a
	local before
	v alloc a --owner keep >/dev/null
	before=$(links)
	dd if=/dev/zero of=state/ledger.db bs=1024 seek=8 count=24 conv=notrunc status=none
	t 'gc, the ledger is damaged: an error says so' fails_with 1 'the ledger is damaged' v gc
	t 'alloc, the ledger is damaged: an error says so' fails_with 1 damaged v alloc a --owner lost
	t 'alloc, the ledger is damaged: no VF is touched' same "$before" "$(links)"
}

# proves: says-so
test_a_ledger_of_another_version() {
	pool_a
	sql 'PRAGMA user_version = 99'
	t "alloc, the ledger is a newer vfpool's: an error has its version" \
		fails_with 1 'written by a newer vfpool \(version 99' v alloc a --owner x
	rm state/ledger.db*
	sqlite3 state/old.db <"$top/tests/data/ledger-1.sql" && mv state/old.db state/ledger.db
	t "show, the ledger is an older vfpool's: brought up to date, with its leases" says '"owner": *"gone"' v show a --json
}

# proves: says-so
test_a_ledger_that_was_meddled_with() {
	pool_a
	v alloc a --owner odd --count 2 >/dev/null
	sql "PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0;
		UPDATE reservation SET mac = 'xx:xx:xx:xx:xx:xx' WHERE owner = 'odd' AND nic = 1"
	t "alloc, a row of the ledger makes no sense: an error names the lease" \
		fails_with 1 "lease [0-9]* can't be understood" v alloc a --owner odd --count 2
}

run_tests
