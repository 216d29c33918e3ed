#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Nothing that was promised is lost: kill -9 at any moment, on a scripted kernel that outlives its
# callers, and the order of what is written.
# shellcheck disable=SC2034 # killed.sh reads them
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/killed.sh
fake=${VFPOOL_FAKE:-$PWD/build/tests/fake}
. tests/cli/host.sh
exec 4>&1
pfs=2 vfs=8
storm_rounds=300
[ -z "${VFPOOL_LONG:-}" ] || storm_rounds=10000
storm_seed=${VFPOOL_SEED:-$RANDOM}

storm_tool=("$fake/vfpool" "${at[@]}")
storm_killer=$fake/killer
storm_check=$top/tests/check-ledger
storm_ledger=state/ledger.db
storm_pool=a
storm_definitions=(42.xml 43.xml)
storm_owners=(vm-{1..20})
storm_pfs=
storm_links() {
	"$fake/links" peer $pfs $vfs
}

pool() { # VLAN
	whole_pool a $pfs $vfs "<vlan><tag id='$1'/></vlan>"
}
# applied: pool a over two PFs, in the test's folder.
applied() {
	export PEER_VFS=$vfs PEER_STATE=$work/peer
	storm_work=$work/storm
	"$fake/tree" sys $pfs $vfs --netdev
	mkdir storm
	pool 42 >42.xml
	pool 43 >43.xml
	v define 42.xml >/dev/null && v apply >/dev/null 2>&1
}

# ---- the checker finds what it is for ----

check() {
	"$storm_check" state/ledger.db links "$@"
}
damaged() { # PATTERN SQL: the checker says so of a ledger on which that was run
	rm -rf bad
	cp -r state bad
	sqlite3 bad/ledger.db "$2" || return
	! "$storm_check" bad/ledger.db links >said || { echo 'it passed'; return 1; }
	grep -E "$1" said || { cat said; return 1; }
}
moved() { # PATTERN SED-SCRIPT: likewise of a kernel
	sed "$2" links >moved
	! "$storm_check" state/ledger.db moved >said || { echo 'it passed'; return 1; }
	grep -E "$1" said || { cat said; return 1; }
}

test_the_checker_finds_what_it_is_for() {
	local mac
	applied
	t 'define and apply of a pool over two PFs, and then there is nothing to do' says 'nothing to do' v apply
	v alloc a --owner web >web.xml
	mac=$(sed -n 's/.*<mac address="\(.*\)".*/\1/p' web.xml)
	storm_links >links
	t 'check-ledger: the ledger agrees with the kernel' says '^16 VFs, 1 leases: 1 active' check
	printf '%s\n' '0000:01:00.0 pf0' '0001:01:00.0 pf1' >pfs
	echo "a 0 $mac web" >promises
	t 'check-ledger: also with PFs by address, and with what was promised' check pfs promises
	echo "a 1 $mac web" >promises
	t 'check-ledger finds a lease that was promised and is gone' code_is 1 check pfs promises
	t 'check-ledger finds a leased VF with another MAC' moved 'VF 0 of pf0 has 02:.*its lease' "s/$mac/02:00:00:00:00:01/"
	t 'check-ledger finds a free VF without its parking MAC' moved 'VF 3 of pf1 is free' \
		'/ pf1:/,$s/vf 3  .*brd/vf 3 link\/ether 02:00:00:00:00:01 brd/'
	t 'check-ledger finds a MAC on two VFs' moved "$mac is on VF 7 of pf1 and on VF 0 of pf0" \
		"/ pf1:/,\$s/vf 7  .*brd/vf 7 link\/ether $mac brd/"
	t 'check-ledger finds a counter that is off' damaged 'counters say 7 and 1' \
		'UPDATE pool_pf SET free = 7 WHERE free = 8; UPDATE pool_pf SET leased = 1 WHERE free = 7'
	t 'check-ledger finds a pool whose leases are miscounted' damaged 'pool a has 1 leases, the counter says 2' 'UPDATE pool SET leases = 2'
	t 'check-ledger finds a MAC of two kinds' damaged 'is there 2 times' \
		"PRAGMA foreign_keys = off; UPDATE vf SET parking = '$mac' WHERE id = 9"
	t 'check-ledger finds a row that refers to nothing' damaged 'row of vf refers to a missing row of lease' \
		'PRAGMA foreign_keys = off; DROP TRIGGER lease_ends; DELETE FROM lease'
	t 'check-ledger finds a lease that is no more, but that the kernel has' damaged 'is free and has' \
		'PRAGMA foreign_keys = off; UPDATE vf SET lease = NULL; DELETE FROM lease'
}

# ---- the order of what is written ----

traced() { # VERB ARGUMENT…
	strace -f -y -s 0 -e trace=write,pwrite64,pwritev,writev,fsync,fdatasync,ftruncate -o trace "${storm_tool[@]}" "$@" >/dev/null
}
# on_disk_before PATTERN: what was written to the ledger is on the disk before the first line of the trace
# that matches; something was written.
on_disk_before() {
	awk -v pattern="$1" '
	{ name = $0; sub(/^[^<]*</, "", name); sub(/>.*/, "", name); sub(/.*\//, "", name); what = $2; sub(/\(.*/, "", what) }
	$0 ~ pattern { seen = 1; exit }
	name != "ledger.db" && name != "ledger.db-wal" { next }
	what ~ /write/ { written = 1; dirty[name] = NR }
	what ~ /sync/ { delete dirty[name] }
	END {
		for (name in dirty) { print name " is written at line " dirty[name] " and not synced"; bad = 1 }
		if (!seen) print "nothing matches " pattern
		if (!written) print "the ledger was not written before"
		exit bad || !seen || !written
	}' trace
}

# proves: killed
test_the_order_of_what_is_written() {
	applied
	# Somebody else has the ledger open: so it is the commit that syncs, not the last one's goodbye.
	coproc sqlite3 -batch -readonly state/ledger.db
	local reader=$COPROC_PID
	echo 'SELECT count(*) FROM lease;' >&"${COPROC[1]}"
	read -r _ <&"${COPROC[0]}"
	traced alloc a --owner db
	t 'alloc: the lease is on the disk before the kernel gets the MAC' on_disk_before '<[^>]*/peer>'
	t 'alloc: all of it is on the disk before a word is printed' on_disk_before 'write[v]?\(1<'
	traced release a --owner db
	t 'release: its begin is on the disk before the VF is scrubbed' on_disk_before '<[^>]*/peer>'
	t 'release: its end is on the disk before a word is printed' on_disk_before 'write[v]?\(1<'
	eval "exec ${COPROC[1]}>&-"
	wait "$reader"
}

# ---- a ledger of an older vfpool ----

old_or_new() { # the ledger is whole, and of version 1 or 2
	local is
	rm -rf copy # what is half done is for vfpool to undo
	cp -r old copy
	is=$(sqlite3 copy/ledger.db 'PRAGMA integrity_check; PRAGMA user_version;
		SELECT count(*) FROM held; SELECT name FROM sqlite_schema WHERE name = "new_vf"' | tr '\n' ' ')
	case $is in
	'ok 1 2 ' | 'ok 4 2 ') version=${is:3:1} ;;
	*) echo "$is"; return 1 ;;
	esac
}
old_storm() { # ROUNDS
	local round fate version new=0
	RANDOM=$storm_seed
	for ((round = 0; round < $1; round++)); do
		rm -rf old
		mkdir old
		sqlite3 old/ledger.db <"$top/tests/data/ledger-1.sql" || return
		storm_random 20000
		"$fake/killer" "$REPLY" "${storm_tool[@]}" --state-dir old --run-dir old/run --config-dir old/etc gc >/dev/null 2>&1 3>fate || return
		read -r fate _ <fate
		old_or_new || return
		[ "$fate" != killed ] || [ "$version" = 1 ] || new=$((new + 1))
		v --state-dir old --run-dir old/run --config-dir old/etc gc >/dev/null && old_or_new || return
		[ "$version" = 4 ] || { echo 'it stays old'; return 1; }
	done
	echo "# $new of $1 were killed after the change" >&4
}

# proves: killed
test_a_kill_while_an_old_ledger_is_changed() {
	applied
	t 'vfpool is killed while it changes an old ledger: it is the old one or the new one' old_storm $((storm_rounds / 10))
}

# ---- the storm ----

# proves in check-long: killed
# proves: killed one-holder
test_alloc_and_release_are_killed() {
	applied
	echo "# seed $storm_seed (VFPOOL_SEED), $storm_rounds rounds"
	t "$storm_rounds kills: the ledger agrees with the kernel after each, nothing promised is lost, the next one works" storm_run
	[ ! -f storm/summary ] || sed 's/^/# /' storm/summary
	t 'gc finishes or undoes all that the storm interrupted' storm_settle
	t 'after the storm everyone can give back what he has' storm_give_back
}

run_tests
