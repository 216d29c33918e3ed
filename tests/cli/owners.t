#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who has what: names of owners, the MACs that are theirs, and what ends that.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# two_pools: p and q, of four VFs each, applied.
two_pools() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool p "dev='pf0' numvfs='4'" >p.xml
	pool q "dev='pf1' numvfs='4'" >q.xml
	v define p.xml q.xml >/dev/null && v apply >/dev/null 2>&1
}
mac() { # ARGUMENT… of alloc
	v alloc "$@" --json | field mac
}
leases() {
	sql 'SELECT owner FROM held ORDER BY owner' | paste -sd ' '
}

# ---- names ----

test_an_owner_may_be_called_as_a_lease_is_numbered() {
	two_pools
	local of_one
	v alloc p --owner one >/dev/null # lease 1
	of_one=$(mac p --owner one)
	t "interface of an owner called 1 who has nothing: not found, though there is a lease 1" \
		fails_with 5 'no such lease' v interface 1
	t "release of an owner called 1 who has nothing: not found, lease 1 stays" \
		fails_with 5 'no such lease' v release --owner 1
	t "forgetting an owner called 1: not found, lease 1 stays" fails_with 5 'no such lease' v release --owner 1 --forget
	t "interface --lease 1 is lease 1's" says "$of_one" v interface --lease 1
	v alloc p --owner 1 >/dev/null
	t "interface of an owner called 1: its own MAC" says "$(mac p --owner 1)" v interface 1
	t "interface of an owner and of a lease at once: usage" usage 'an owner or --lease' interface one --lease 1
	t "interface of nobody: usage" usage 'an owner or --lease' interface
	t "release of an owner called 1: its own lease ends" says 'released the VF of 1 nic 0' v release --owner 1
	t "release of an owner called 1: nobody else's lease has ended" same one "$(leases)"
	t "a lease's number is given whole: no sign, no zero, no letters" eval '
		for n in 0 -1 +1 " 1" 1x 99999999999999999999; do usage "takes a lease" release --lease "$n" || exit; done'
	t "release --lease 1: that lease ends" says 'released the VF of one nic 0' v release --lease 1
}

test_an_empty_variable_is_never_all() {
	two_pools
	local empty='' verb
	v alloc p --owner web >/dev/null && v alloc q --owner web >/dev/null
	# shellcheck disable=SC2086 # none, or several words
	t "alloc --owner \$EMPTY --json: usage, nobody is called --json" usage "no value before '--json'" alloc p --owner $empty --json
	t "alloc --owner='--json', a name like an option: usage" usage "can't be an owner's name" alloc p --owner=--json
	t "alloc --owner -x, a name like an option: usage" usage "can't be an owner's name" alloc p --owner -x
	t "alloc with an option as its owner: no lease was made" same 'web web' "$(leases)"
	# shellcheck disable=SC2086
	for verb in 'alloc p --owner' 'release --owner' 'release --lease' 'release --vf' 'alloc p --owner x --pf' \
		'alloc p --owner x --mac' 'interface web --pool' 'interface --lease' 'history --owner' 'doctor --pool'; do
		t "$verb '', an empty value: usage" usage . $verb ''
		t "$verb --json, an option as its value: usage" usage . $verb --json
	done
	# shellcheck disable=SC2086
	for verb in alloc\ --owner\ x release\ --owner\ web apply show undefine interface attach\ p detach adopt rename\ web rename\ web; do
		t "$verb '', an empty argument: usage" usage 'an argument is empty' $verb ''
	done
	t "rename '' web, an empty argument: usage" usage 'an argument is empty' rename '' web
	t "an owner after -- that begins with '-': usage, whichever verb" eval '
		for verb in interface "rename web" "attach p" detach adopt; do usage "can.t be an owner" $verb -- -x || exit; done'
	t "a folder's empty name: usage" usage 'state-dir has an empty value' --state-dir '' list
	t "a folder's name that is the next option: usage" usage "no value before '--run-dir'" --state-dir --run-dir x list
	t "a reason is free text: one that begins with '-'" says 'is held' v hold pf0 --reason '-x'
	t "a reason that begins with '--' is given with =" says 'is held' v hold pf1 --reason=--later
	t "list has the reason that was given so" says 'held: --later' v list
	t "web has its two leases still" same 'web web' "$(leases)"
}

test_an_owner_of_old_whose_name_is_an_option() {
	two_pools
	v alloc p --owner web >/dev/null
	sql "UPDATE reservation SET owner = '--json'"
	t "list shows an owner of old whose name is an option" says 'leased *--json nic 0' v list
	t "an owner's name of old is an option: interface by the lease's number" says '<interface' v interface --lease 1
	t "an owner's name of old is an option: release by the lease's number, and forgotten" says 'released the VF of --json' v release --lease 1 --forget
	t "an owner's name of old is an option: then nothing is left of it" same 0 "$(sql 'SELECT count(*) FROM reservation')"
}

# ---- a MAC stays its owner's ----

all_busy() { # 0|1: as if guests had all VFs of p open through vfio
	local vf
	for vf in sys/bus/pci/devices/0000:01:01.*; do echo "$1" >"$vf/enable"; done
}
# Asks for a VF of p while none can be had.
fails_to_alloc() { # OWNER
	local code=0
	all_busy 1
	fails_with 3 'no VF of pool p can be had' v alloc p --owner "$1" || code=1
	all_busy 0
	return "$code"
}

# proves: mac-stays
test_a_mac_that_its_owner_was_told_of() {
	two_pools
	local mac
	mac=$(mac p --owner web) && v release --owner web >/dev/null && v rename web www >/dev/null
	t "an alloc of a renamed owner fails" fails_to_alloc www
	t "the next alloc of a renamed owner has the MAC that it had under its old name" same "$mac" "$(mac p --owner www)"
	v release --owner www >/dev/null
	sql 'DELETE FROM history'
	t "an alloc fails when the history is empty" fails_to_alloc www
	t "the next one has the owner's MAC nevertheless" same "$mac" "$(mac p --owner www)"
	t "an alloc of a new owner fails" fails_to_alloc new
	t "an alloc of a new owner fails: no MAC is kept, since it wasn't told of one" same 0 "$(sql "SELECT count(*) FROM reservation WHERE owner = 'new'")"
}

# ---- another card in a slot ----

# proves: looked-up
test_what_was_on_a_card_that_is_gone() {
	two_pools
	local mac old=52:54:00:99:99:99 row='SELECT count(*) FROM vf JOIN pf ON pf.id = vf.pf WHERE pf.mac ='
	mac=$(mac p --owner web) && v hold pf0 --vf 2 --reason 'bad port' >/dev/null
	sql "UPDATE pf SET mac = '$old' WHERE address = '0000:01:00.0'" # the card of now is another
	t "list names the lease whose card is gone, and what gives it up" \
		says "leased to web nic 0 in pool p: $mac, on VF 0 of a PF that isn't there \(MAC $old, last seen at 0000:01:00.0\): 'vfpool release --lease 1'" v list
	t "show names the lease whose card is gone, too" says "leased to web nic 0 .*vfpool release --lease 1" v show p
	t "gc leaves a lease whose card is gone to a person, and says how" says "left: the PF with the MAC $old, .*vfpool release --lease 1" v gc
	t "gc names a hold of the card that is gone, and what ends it" says "VF 2 of pool p is held, .*vfpool unhold $old --vf 2" v gc
	t "alloc of what is leased there: not found, and what to do" fails_with 5 "vfpool release --lease 1' gives its VF up" v alloc p --owner web
	t "apply gives the pool the VFs of the card of now" code_is 0 v apply
	t "of the card that is gone only what is leased or held stays in the ledger" same 2 "$(sql "$row '$old'")"
	t "the next owner gets a VF of the card of now" says 'slot="0x01" function="0x0"' v alloc p --owner next
	t "the hold of a VF of the card of now is another one" says 'nothing to do' v unhold pf0 --vf 2
	t "the hold of the card that is gone ends by its MAC" says 'is free to get' v unhold "$old" --vf 2
	t "a MAC that neither host nor ledger knows: not found" fails_with 5 'neither this host nor its ledger' v unhold 52:54:00:88:88:88
	t "a VF of a card that isn't there can't be held" fails_with 5 'this host has no PF' v hold "$old" --vf 2
	t "release --lease gives up a lease whose card is gone" says "released the VF of web nic 0; $mac stays reserved" v release --lease 1
	t "a lease whose card is gone was given up: its owner gets the same MAC on the card of now" same "$mac" "$(mac p --owner web)"
	v apply >/dev/null 2>&1
	t "a lease whose card is gone was given up: apply forgets that card" same 0 "$(sql "$row '$old'")"
}

# ---- MACs that run out ----

# fill_macs EXCEPT: all MACs of the owners' half of 02:56:46:00:00 but that one are kept for owners without a lease,
# whose last one ended one day apart, filler-0's first.
fill_macs() {
	sql "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 127)
		INSERT INTO mac SELECT printf('02:56:46:00:00:%02x', i), 'lease' FROM n WHERE i <> $1;
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 127)
		INSERT INTO reservation (pool, owner, nic, mac, told, used)
		SELECT 'p', 'filler-' || i, 0, printf('02:56:46:00:00:%02x', i), 1,
		strftime('%s', 'now') - (500 - i) * 86400 + 3600 FROM n WHERE i <> $1"
}
small_range() {
	two_pools
	pool p "dev='pf0' numvfs='4'" "<mac prefix='02:56:46:00:00'/>" >p.xml
	v define p.xml >/dev/null && v apply >/dev/null 2>&1
}

test_the_last_mac_of_a_range() {
	small_range
	fill_macs 77
	t "the one MAC that is left is found" same 02:56:46:00:00:4d "$(mac p --owner last)"
	t "alloc when no MAC is left names who keeps them without a lease, the one that was idle longest first" \
		fails_with 1 "no address left for more; 127 are kept without a lease, for filler-0 nic 0 in pool p \(last used 20[0-9-]*\), filler-1 nic 0.* and others: 'vfpool forget --idle 90d'" \
		v alloc p --owner more
	t "alloc when no MAC is left: no MAC and no lease is left of it" same 0 "$(sql "SELECT count(*) FROM reservation WHERE owner = 'more'")"
	t "alloc when no MAC is left: the owner of the last one has it still" same 02:56:46:00:00:4d "$(mac p --owner last)"
}

test_forgetting_who_was_idle() {
	small_range
	fill_macs 77
	v alloc p --owner last >/dev/null
	v alloc q --owner other >/dev/null && v release --owner other >/dev/null
	t "forget --dry-run names who was idle" same 'would forget 02:56:46:00:00:00 of filler-0 nic 0 in pool p' \
		"$(v forget --idle 400d --dry-run | head -1 | cut -d, -f1)"
	t "forget --dry-run forgets none of them" same 129 "$(sql 'SELECT count(*) FROM reservation')"
	t "forget --pool of another pool: nothing to do" says 'nothing to do' v forget --idle 400d --pool q
	t "forget ends those that were last used before then: 99 of 127" same 99 "$(v forget --idle 400d --pool p --json | grep -c '"used"')"
	t "forget of who was idle, again: nothing to do" says 'nothing to do' v forget --idle 400d
	t "the history says so" says ' forget .*filler-0' v history --owner filler-0
	t "the MACs are anybody's" says '<interface' v alloc p --owner new
	t "0s means all without a lease, but none that has one" same 'last new' "$(v forget --idle 0s >/dev/null; sleep 1.1
		v forget --idle 0s >/dev/null; sql 'SELECT owner FROM reservation ORDER BY id' | paste -sd ' ')"
	t "forget without an age, or with one that is none: usage" eval '
		usage "says for how long" forget && for age in 90 -1d d 90dd 1e3d " 90d"; do usage "says for how long|no value" forget --idle "$age" || exit; done'
	t "forget --pool of a pool that can't be: not found" fails_with 5 'there is no pool' v forget --idle 1d --pool a/b
}

# proves: one-holder
test_a_mac_in_quarantine_is_taken_though_it_is_forgotten() {
	two_pools
	local mac
	mac=$(mac p --owner web)
	all_busy 1
	v release --owner web --force >/dev/null 2>&1
	sql 'UPDATE reservation SET used = 0'
	t "forget of an owner who was forced out of its VF" says "forgot $mac of web nic 0 in pool p, last used 1970" v forget --idle 1d
	t "a MAC in quarantine that was forgotten: nobody gets it while it is live there" fails_with 4 'still live on a VF in quarantine' v alloc q --owner x --mac "$mac"
}

# ---- the history's age ----

# proves: mac-stays
test_an_old_history_is_removed() {
	two_pools
	local mac kept='SELECT count(*) FROM history'
	mac=$(mac p --owner web) && v alloc p --owner gone >/dev/null && v release --owner gone >/dev/null && v rename gone went >/dev/null
	sql "UPDATE history SET at = at - 401 * 86400"
	v alloc p --owner new >/dev/null
	t "gc --dry-run says how many entries are too old" says 'would: 3 entries of the history, older than 400 days' v gc --dry-run
	t "gc --dry-run removes no entry of the history" same 5 "$(sql "$kept")"
	t "gc removes old entries of the history, as JSON says" eval 'v gc --json | grep -q "\"kind\": \"history\""'
	t "what is young and that a lease of now was made is kept" same 'alloc web alloc new' \
		"$(sql 'SELECT event, owner FROM history ORDER BY id' | tr '|\n' '  ' | sed 's/ $//')"
	t "gc again: nothing of the history" eval '! v gc | grep history'
	t "an alloc of one whose entries are gone fails" fails_to_alloc went
	t "an owner whose entries of the history are gone has its MAC still" same 1 "$(sql "SELECT count(*) FROM reservation WHERE owner = 'went'")"
	t "a lease whose making was long ago ends" says "$mac stays reserved" v release --owner web
	t "a lease whose making was long ago: its end is in the history" says 'release .*web' v history --owner web
	v gc --history-rows 1 >/dev/null
	t "gc --history-rows 1 keeps the newest, and that the lease of now was made" same 'alloc new release web' \
		"$(sql 'SELECT event, owner FROM history ORDER BY id' | tr '|\n' '  ' | sed 's/ $//')"
	sql "UPDATE history SET at = at - 86400 * 2"
	t "gc --history-days 1 removes what is older than a day" says '1 entry of the history, older than 1 days' v gc --history-days 1
}

test_a_long_history_is_removed_in_parts() {
	two_pools
	sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) INSERT INTO history
		(at, event, lease, pool, owner, nic, mac) SELECT i, 'alloc', 0, 'p', 'o', 0, '' FROM n"
	t "gc removes more than goes into one transaction" says '^12000 entries of the history' v gc
	t "gc of a long history: none of it is left" same 0 "$(sql 'SELECT count(*) FROM history')"
}

# ---- a pool's new name ----

# proves: mac-stays
test_a_renamed_pool_keeps_its_owners_macs() {
	two_pools
	local web gone
	{ echo '<!-- <name>not this</name> -->'; cat p.xml; } >commented.xml && v define commented.xml >/dev/null
	web=$(mac p --owner web) && gone=$(mac p --owner gone) && v release --owner gone >/dev/null
	t "a dry run changes nothing" eval 'v rename --pool p blue --dry-run && v show p && ! v show blue 2>/dev/null'
	t "a pool has a new name" says 'pool p, with its leases and MACs, is now blue' v rename --pool p blue
	t "a pool's new name in the history: of no owner, no nic" says 'rename +- +blue +- +- ' v history
	t "rename --pool: the old name is nobody's" fails_with 5 "no pool 'p'" v show p
	t "a renamed pool's definition has the new name, and all else as it was given" same "$(sed 's|<name>p</name>|<name>blue</name>|' commented.xml)" "$(v dumpxml blue)"
	t "rename --pool: its lease is where it was" same "$web" "$(mac blue --owner web)"
	t "rename --pool: an owner without a lease has its MAC" same "$gone" "$(mac blue --owner gone)"
	t "rename --pool: then apply finds nothing to do" says 'nothing to do' v apply
	t "the ledger's counters agree with its rows" eval '"$top/tests/check-ledger" state/ledger.db <("$fake/links" kernel 2 4) \
		<(printf "0000:01:00.0 pf0\n0001:01:00.0 pf1\n")'
	t "release in a pool that was renamed: its lease ends" says "$web stays reserved" v release blue --owner web
	t "history tells of a pool's new name" says ' rename .*blue' v history
	t "a name that is another pool's: refused" fails_with 4 'there is a pool q already' v rename --pool blue q
	v undefine q >/dev/null
	t "the name of a pool of old, whose VFs the ledger has: refused" fails_with 4 'earlier pool q are in the ledger' v rename --pool blue q
	t "a name that can't be a pool's" fails_with 1 "can't be a pool's name" v rename --pool blue a/b
	t "a pool that isn't there: not found" fails_with 5 "no pool 'none'" v rename --pool none x
	pool net "dev='pf0' numvfs='4'" "<allocate by='libvirt'/>" >net.xml
	v release --owner gone >/dev/null && v undefine blue >/dev/null && v define net.xml >/dev/null
	t "rename --pool that would rename a libvirt network: refused, with what to write" fails_with 4 "<network name='net'/> into the definition" v rename --pool net x
}

# The rename is killed at its Nth change of a file, for every N; the next command finds all of it, or nothing.
# proves: killed
test_a_rename_of_a_pool_is_killed() {
	two_pools
	local n code=0 web killed=0 done=0 undone=0 name
	web=$(mac p --owner web)
	cp -r etc etc.was && cp -r state state.was
	for ((n = 1; n < 60; n++)); do
		rm -rf etc state run && cp -r etc.was etc && cp -r state.was state
		killed_at "$n" rename --pool p blue || break
		killed=$((killed + 1))
		v apply >out 2>/dev/null || { echo "apply fails at $n"; break; }
		name=$(ls etc/pools | grep -v '^q.xml$' | paste -sd ' ')
		case $name in
		blue.xml) done=$((done + 1)) ;;
		p.xml) undone=$((undone + 1)) ;;
		*) echo "left at $n: $name"; break ;;
		esac
		name=${name%.xml}
		[ ! -e etc/pools/.changes ] || { echo "the journal is left at $n"; break; }
		grep -q 'nothing to do' out && same "$web" "$(mac "$name" --owner web)" &&
			same "$name" "$(sql "SELECT DISTINCT pool FROM vf WHERE pool IN ('p', 'blue')")" || { echo "left at $n"; break; }
	done
	[ -e etc/pools/blue.xml ] && same "$web" "$(mac blue --owner web)" || code=1 # the last one came to its end
	t "killed wherever it writes, the pool has one name, with its lease, and apply finds nothing to do" same "$killed 0" "$((done + undone)) $code"
	t "rename --pool was killed before its journal was there, and after that wherever it changes a file" eval "[ $undone -ge 2 ] && [ $done -ge 8 ]"
}

test_a_rename_of_a_pool_meets_a_full_disk() {
	two_pools
	local web
	export ASAN_OPTIONS=detect_leaks=0
	web=$(mac p --owner web)
	t "the new definition can't be written: said, and nothing is renamed" fails_with 1 'renaming pool p: .*No space left' \
		strace -f -o /dev/null -e trace=rename -e inject=rename:error=ENOSPC:when=2 "$fake/vfpool" "${at[@]}" rename --pool p blue
	t "the lease is in the pool of that name still" same "$web" "$(mac p --owner web)"
	t "the old one can't be removed: said, with what comes next" fails_with 1 'the next command of vfpool finishes it' \
		strace -f -o /dev/null -e trace=unlink -e inject=unlink:error=EIO:when=1 "$fake/vfpool" "${at[@]}" rename --pool p blue
	t "rename --pool, the old definition stayed: the next command finishes it" same "$web" "$(mac blue --owner web)"
	t "rename --pool, the old definition stayed: then one is left" same 'blue.xml q.xml' "$(ls -A etc/pools | paste -sd ' ')"
}

# ---- a neighbour that is stuck ----

# A neighbour takes the ledger's write lock; what it does then is written to ${writer[1]}.
begin_writing() {
	coproc writer { sqlite3 state/ledger.db; }
	echo "BEGIN IMMEDIATE; SELECT 'begun';" >&"${writer[1]}"
	read -r _ <&"${writer[0]}"
}

test_release_beside_an_alloc_of_the_same_owner() {
	two_pools
	local forget code=0
	v alloc p --owner web >/dev/null && v release --owner web >/dev/null
	begin_writing
	v release --owner web --forget >out 2>&1 &
	forget=$!
	sleep 0.5 # it waits for the neighbour
	echo "INSERT INTO lease (reservation, state, since) SELECT id, 'active', 0 FROM reservation; COMMIT;
		SELECT 'done';" >&"${writer[1]}"
	read -r _ <&"${writer[0]}"
	wait "$forget" || code=$?
	kill "$writer_PID"
	wait "$writer_PID" 2>/dev/null
	t "a lease that came while release --forget waited for the ledger is released" same '0 released the VF of web nic 0' \
		"$code $(sed 's/;.*//' out)"
	t "a lease that came while release --forget waited: its MAC is forgotten with it" same 0 "$(sql 'SELECT count(*) FROM reservation')"
}

# proves: mac-stays
test_a_late_release_of_one_lease_forgets_nothing_else() {
	two_pools
	v alloc p --owner web >/dev/null && v release --owner web >/dev/null
	t "release --lease of one that has ended, with --forget: not found" fails_with 5 'lease 1, of web nic 0' \
		v release --owner web --lease 1 --forget
	t "the owner's MAC stays" same 1 "$(sql 'SELECT count(*) FROM reservation')"
	t "release --forget of the owner alone: its MAC is nobody's" says 'forgot the MACs of web' v release --owner web --forget
}

test_what_is_held_is_told_while_a_writer_is_stuck() {
	two_pools
	local mac
	mac=$(mac p --owner web)
	begin_writing
	vf() { timeout 20 "$fake/vfpool" "${at[@]}" "$@"; }
	t "alloc of what is held and intact: the same MAC, without waiting" says "$mac" vf alloc p --owner web
	t "asked for something else than what is held: refused without waiting" \
		fails_with 4 'release it first' vf alloc p --owner web --vlan 9
	t "a dry run of it" says "$mac" vf alloc p --owner web --dry-run
	t "list, show and interface read on" eval 'vf list && vf show p && vf interface web'
	t "a release of what nobody has: not found, without waiting" fails_with 5 'no such lease' vf release --owner nobody
	kill "$writer_PID"
	wait "$writer_PID" 2>/dev/null
	t "a stuck neighbour has gone: the next owner gets a VF" says '<interface' vf alloc p --owner db
}

run_tests
