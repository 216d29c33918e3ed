#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# rename --pool: a pool's new name, with its leases and MACs; killed anywhere it is done or undone as a whole.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/pools-p-q.sh

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
	for ((n = 1; n < 60; n += sweep)); do
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
	t "rename --pool was killed before its journal was there, and after that wherever it changes a file" eval "[ $((undone * sweep)) -ge 2 ] && [ $((done * sweep)) -ge 8 ]"
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

run_tests
