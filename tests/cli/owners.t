#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who has what: names of owners, the MACs that are theirs, and what ends that.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pools-p-q.sh

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
