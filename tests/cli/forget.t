#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# MACs that run out, and forget, which ends those that nobody has used for long.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pools-p-q.sh

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

run_tests
