#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# define beside others: who reads sees one form whole, and what others define meanwhile isn't undone.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/definitions.sh

# As somebody who isn't root, or may as little.
as_other() { # ARGUMENT…
	chmod 711 . .. && chmod -R a+rX sys run && chmod a+rX etc etc/pools && chmod a+rw kernel
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$fake/vfpool" "${at[@]}" "$@"
	else
		"$fake/vfpool" "${at[@]}" "$@"
	fi
}

test_a_reader_without_rights() {
	definitions
	v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
	journal_of a2.xml b2.xml >etc/pools/.changes
	chmod 000 etc/pools/.changes
	export FAKE_RESTS=/dev/null
	if [ "$(id -u)" = 0 ]; then
		cp a2.xml etc/pools/a.xml # half of it is done
		t "a pending change, to who may not finish it: told once, that it may be of before" same 1 \
			"$(as_other dumpxml a 2>&1 >/dev/null | grep -c 'definitions change at this moment, or that was broken off')"
		as_other list >/dev/null 2>said
		t "list of a pending change, to who may not finish it: told once" same 1 "$(grep -c 'may be of before' said)"
		t "a pending change, to who may not finish it: the journal stays" [ -e etc/pools/.changes ]
		t "a pending change: the next command of root finishes it" eval 'v list >/dev/null && [ "$(which)" = new ] && [ ! -e etc/pools/.changes ]'
		as_other list >/dev/null 2>said
		t "a change that is finished: nobody is told of it any more" eval '! grep "may be of before" said'
	fi
}

# The pools of the VFs, as `list --json` on stdin says.
vf_pools() {
	perl -MJSON::PP -0777 -ne 'print join " ", map { $_->{pool} // "none" } @{decode_json($_)->{pfs}[0]{vfs}}'
}

test_readers_while_others_define() {
	definitions
	local i
	v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
	touch going defined
	(export FAKE_RENAME_MS=15; while [ -e going ]; do v define a2.xml b2.xml && v define b.xml a.xml; done 2>defines | cat >defined) &
	for ((i = 0; i < 8 || $(wc -l <defined) < 8; i++)); do
		{ v list --json 2>>said | vf_pools; echo; } >>lists
		{ as_other list --json 2>>said | vf_pools; echo; } >>lists
	done
	rm going
	wait
	t "defines that go on beside readers: none fails" same '' "$(cat defines)"
	t "no reader is told a mixture: each has one form whole" same 'a a b b,b b a a' "$(sort -u lists | paste -sd ,)"
	t "no reader beside defines is told that it may be a mixture" eval '! grep "of before" said'
}

# meanwhile NAME COMMAND: vfpool's, while another one is about to read NAME and has read those that sort before it
meanwhile() {
	FAKE_MEANWHILE="$1 $fake/vfpool ${at[*]} $2 >/dev/null 2>said" "$fake/vfpool" "${at[@]}" "${@:3}"
}

test_a_define_in_the_middle_of_a_look() {
	definitions
	v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
	t "a define between two files that apply reads: it sees the new form whole, and leaves no pool out" \
		code_is 0 meanwhile b.xml 'define a2.xml b2.xml' apply
	t "a define between two files that apply reads: the new form is applied" eval 'same "b b a a" "$(v list --json | vf_pools)" && says "nothing to do" v apply'
	t "a rename as list reads the file that goes: the new name alone, and nothing is said to be missing" \
		same 'b b blue blue' "$(with_stderr meanwhile a.xml 'rename --pool a blue' list --json | vf_pools)"
	t "a rename as apply does so: nothing is left out" code_is 0 meanwhile blue.xml 'rename --pool blue a' apply
	t "a list in the middle of a define finishes it, and the define is content" eval '
		meanwhile .changes list define a2.xml b2.xml && [ "$(which) $(ls -A etc/pools | paste -sd " ")" = "new a.xml b.xml" ]'
}

# proves: killed
test_an_undefine_is_durable() {
	definitions
	v define a.xml b.xml >/dev/null
	(ASAN_OPTIONS=detect_leaks=0 strace -f -qq -y -o trace -e trace=/unlink.*,fsync "$fake/vfpool" "${at[@]}" undefine b) >/dev/null
	t "undefine: the definition is gone" eval '[ ! -e etc/pools/b.xml ]'
	t "undefine syncs the folder: a power cut doesn't bring the definition back" \
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
	t "define, one network for two pools: refused" fails_with 1 "libvirt's network lan is that of pool c" v define c.xml d.xml
	(echo 'BEGIN IMMEDIATE;'; sleep 1; echo 'ROLLBACK;') | sqlite3 state/ledger.db &
	v define c.xml >out.c 2>&1 &
	v define d.xml >out.d 2>&1 &
	wait
	t "one network for two pools, by two defines at once: one is refused" same 1 "$(cat out.c out.d | grep -c "libvirt's network lan is that of pool")"
	t "one network for two pools, by two defines at once: one pool has it" same 1 "$(ls etc/pools/c.xml etc/pools/d.xml 2>/dev/null | wc -l)"
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
	t "a define of what another one changes: both are as they were checked together" eval 'cmp etc/pools/a.xml a2.xml && cmp etc/pools/b.xml b.xml'
}

run_tests
