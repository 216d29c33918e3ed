#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which ledger is it? Another one in its place, an older one or none is noticed by each verb; and whose file it is.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pool-of-four.sh

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
	t "$1: forget --idle is refused" fails_with 1 "$1" v forget --idle 0s
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
	export PEER_STATE=$work/kernel
	sed "s|</name>|</name><mac prefix='02:aa:bb'/>|" a.xml >b.xml
	v define b.xml >/dev/null
	t "VFs with others' MACs prove nothing" code_is 0 v apply
	t 'such a host begins with lease 1' same 1 "$(lease_of web)"
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
