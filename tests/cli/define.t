#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Definitions that are stored together are stored all or none.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# a and b, which share a PF, in two forms that contradict each other when they are mixed.
definitions() {
	"$fake/tree" sys 2 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4' vfs='0-1'" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='2-3'" >b.xml
	pool a "dev='pf0' numvfs='4' vfs='2-3'" >a2.xml
	pool b "dev='pf0' numvfs='4' vfs='0-1'" >b2.xml
}
# which: "old" or "new" when both files are of one form, with no journal and no draft left
which() {
	cmp -s etc/pools/a.xml a.xml && cmp -s etc/pools/b.xml b.xml && echo old
	cmp -s etc/pools/a.xml a2.xml && cmp -s etc/pools/b.xml b2.xml && echo new
}
# killed_at CALL N: a define of the new form that is killed as it makes that system call for the nth time;
# false when it doesn't make it so often.
killed_at() {
	local code=0
	(ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -e trace="$1" -e inject="$1:signal=KILL:when=$2" \
		"$fake/vfpool" "${at[@]}" define a2.xml b2.xml) >/dev/null 2>&1 || code=$?
	[ $code = 137 ]
}
# all_or_none CALL: killed at each of these calls, the next command finds one form, whole.
all_or_none() {
	local n is seen=''
	for ((n = 1; n < 30; n++)); do
		rm -rf etc state run kernel
		v define a.xml b.xml >/dev/null
		killed_at "$1" $n || break
		v apply >out 2>err || { echo "killed at $1 $n: apply says $?"; cat out err; return 1; }
		is=$(which)
		case $is in
		old | new) seen+=" $is" ;;
		*) echo "killed at $1 $n: a mixture"; ls -A etc/pools; return 1 ;;
		esac
		[ ! -e etc/pools/.define ] || { echo "killed at $1 $n: the journal is left"; return 1; }
	done
	echo "$seen"
	[[ $seen = *old*new* ]]
}
together() { # COMMAND…: it isn't killed, and both are new then
	"$@" && [ "$(which)" = new ]
}

test_a_define_that_is_killed() {
	definitions
	t "killed at each of its renames: all or none, and the next command finds all" all_or_none rename
	t "killed at each of its fsyncs: all or none" all_or_none fsync
	rm -rf etc state run kernel
	v define a.xml b.xml >/dev/null
	t "not killed: both are new" together v define a2.xml b2.xml
	t "nothing is left beside them" same 'a.xml b.xml' "$(ls -A etc/pools | paste -sd ' ')"
}

test_a_journal_is_finished_by_whoever_comes() {
	definitions
	local verb
	for verb in 'list' 'show a' 'dumpxml a' 'alloc a --owner x' 'undefine b' 'define a2.xml'; do
		rm -rf etc state run kernel
		v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
		cp a2.xml etc/pools/.a.xml.new
		cp b2.xml etc/pools/.b.xml.new
		printf 'a\nb\n' >etc/pools/.define
		v $verb >/dev/null 2>&1
		t "$verb: what was begun is done" eval '[ ! -e etc/pools/.define ] && cmp etc/pools/a.xml a2.xml'
	done
}

test_odd_journals() {
	definitions
	v define a.xml b.xml >/dev/null
	cp a2.xml etc/pools/.a.xml.new
	t "a draft without a journal isn't heard of" eval 'v dumpxml a | cmp - a.xml'
	printf '../../x\n\n.\n/etc/passwd\n' >etc/pools/.define
	t "a journal's names are checked" eval 'v list >/dev/null && [ ! -e etc/pools/.define ] && [ "$(which)" = old ]'
	mkfifo etc/pools/.define
	t "a pipe in its place isn't waited for" timeout 20 "$fake/vfpool" "${at[@]}" dumpxml a
	rm etc/pools/.define
	ln -s "$work/elsewhere" etc/pools/.define
	t "a link in its place isn't followed" eval 'v dumpxml a >/dev/null && [ -L etc/pools/.define ]'
}

test_an_undefine_is_durable() {
	definitions
	v define a.xml b.xml >/dev/null
	(ASAN_OPTIONS=detect_leaks=0 strace -f -qq -y -o trace -e trace=/unlink.*,fsync "$fake/vfpool" "${at[@]}" undefine b) >/dev/null
	t "the definition is gone" eval '[ ! -e etc/pools/b.xml ]'
	t "its folder is synced then: a power cut doesn't bring it back" \
		eval 'sed -n "/unlink.*b.xml/,\$p" trace | grep -q "fsync(.*etc/pools>"'
}

# Both have been looked at before either is stored: others have the ledger as long.
test_two_defines_at_once() {
	definitions
	v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
	v alloc a --owner x >/dev/null && v release --owner x >/dev/null
	local network="<allocate by='libvirt'/><network name='lan'/>"
	echo "<pool><name>c</name><pf dev='pf1' numvfs='4' vfs='0-1'/>$network</pool>" >c.xml
	echo "<pool><name>d</name><pf dev='pf1' numvfs='4' vfs='2-3'/>$network</pool>" >d.xml
	t "one network for two pools: refused" fails_with 1 "libvirt's network lan is that of pool c" v define c.xml d.xml
	(echo 'BEGIN IMMEDIATE;'; sleep 1; echo 'ROLLBACK;') | sqlite3 state/ledger.db &
	v define c.xml >out.c 2>&1 &
	v define d.xml >out.d 2>&1 &
	wait
	t "by two defines at once: one of them is refused" same 1 "$(cat out.c out.d | grep -c "libvirt's network lan is that of pool")"
	t "and one pool has the network" same 1 "$(ls etc/pools/c.xml etc/pools/d.xml 2>/dev/null | wc -l)"
}

# It has a new a, and b as it is stored; another one stores a b that contradicts this a, before it holds the ledger.
test_a_define_of_what_another_one_changes() {
	"$fake/tree" sys 1 4 --netdev
	export PEER_VFS=4 PEER_STATE=$work/kernel
	pool a "dev='pf0' numvfs='4' vfs='0'" >a.xml
	pool b "dev='pf0' numvfs='4' vfs='2-3'" >b.xml
	pool a "dev='pf0' numvfs='4' vfs='0-1'" >a2.xml
	pool b "dev='pf0' numvfs='4' vfs='1-3'" >b2.xml
	v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
	coproc others { stdbuf -oL sqlite3 state/ledger.db; }
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&"${others[1]}"
	read -r <&"${others[0]}"
	v define a2.xml b.xml >out 2>&1 &
	sleep 0.5
	cp b2.xml etc/pools/b.xml
	printf 'ROLLBACK;\n.quit\n' >&"${others[1]}"
	wait
	t "both are as they were checked together" eval 'cmp etc/pools/a.xml a2.xml && cmp etc/pools/b.xml b.xml'
}

run_tests
