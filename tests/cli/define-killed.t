#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Definitions that are stored together are stored all or none, when define is killed, refused by the disk, or killed again
# by who finishes it.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
. tests/cli/definitions.sh

# all_or_none: killed at each of its changes of files, the next command finds one form, whole.
all_or_none() {
	local n is seen=''
	for ((n = 1; n < 40; n += sweep)); do
		rm -rf etc state run kernel
		v define a.xml b.xml >/dev/null
		killed_at "$n" define a2.xml b2.xml || break
		v apply >out 2>err || { echo "killed at $n: apply says $?"; cat out err; return 1; }
		is=$(which)
		case $is in
		old | new) seen+=" $is" ;;
		*) echo "killed at $n: a mixture"; ls -A etc/pools; return 1 ;;
		esac
		[ ! -e etc/pools/.changes ] || { echo "killed at $n: the journal is left"; return 1; }
	done
	echo "$seen"
	[ "$(which)" = new ] && swept old new "$seen"
}
# The journal in its place isn't to be understood: that is told, none of it is done, and nothing is done over it.
refused_journal() {
	v list 2>&1 >/dev/null | grep -q "pools/.changes can't be understood; remove it" || { echo 'list tells nothing'; return 1; }
	! v define a2.xml b2.xml 2>/dev/null && ! v rename --pool a blue 2>/dev/null && ! v undefine b 2>/dev/null &&
		[ -e etc/pools/.changes ] && [ "$(which)" = old ] && [ "$(ls etc/pools | paste -sd ' ')" = 'a.xml b.xml' ] && [ ! -e x.xml ]
}
together() { # COMMAND…: it isn't killed, and both are new then
	"$@" && [ "$(which)" = new ]
}

# proves: killed
test_a_define_that_is_killed() {
	definitions
	t "killed at each of its changes of files: all or none, and the next command finds all" all_or_none
	rm -rf etc state run kernel
	v define a.xml b.xml >/dev/null
	t "a define that isn't killed: both are new" together v define a2.xml b2.xml
	t "a define that isn't killed: no file is left beside the definitions" same 'a.xml b.xml' "$(ls -A etc/pools | paste -sd ' ')"
}

# proves: killed
test_a_journal_is_finished_by_whoever_comes() {
	definitions
	local verb
	for verb in 'list' 'show a' 'dumpxml a' 'alloc a --owner x' 'undefine b' 'define a2.xml'; do
		rm -rf etc state run kernel
		v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
		journal_of a2.xml b2.xml >etc/pools/.changes
		# shellcheck disable=SC2086 # several words
		v $verb >/dev/null 2>&1
		t "$verb: what was begun is done" eval '[ ! -e etc/pools/.changes ] && cmp etc/pools/a.xml a2.xml'
	done
}

test_odd_journals() {
	definitions
	v define a.xml b.xml >/dev/null
	local name odd
	cp a2.xml etc/pools/.a.xml.vfpool-abcdef
	t "what a write that was killed left isn't heard of" eval 'v dumpxml a | cmp - a.xml'
	for name in ../../x . /etc/passwd '' $'a\tb' "$(printf '%080d' 0)"; do
		printf 'store a 644 %d\n%s\nstore %s 644 3\nabc' $(($(wc -c <a2.xml))) "$(cat a2.xml)" "$name" >etc/pools/.changes
		t "a journal with the name '$name' is said not to be understood, and none of it is done" refused_journal
	done
	for odd in 'store a 644 9999' 'store a 644 -1' 'store a 7777 0' 'store a 644' 'rename a' 'rename a ../b' 'rename ../a b' \
		'rename a b c' 'what a 644 0' 'store a 644 0 x' ' '; do
		echo "$odd" >etc/pools/.changes
		t "a journal with the line '$odd' is said not to be understood, and none of it is done" refused_journal
	done
	rm etc/pools/.changes
	t "a journal that isn't understood is removed, as it says: define goes on" v define a2.xml b2.xml
	v define a.xml b.xml >/dev/null
	mkfifo etc/pools/.changes
	t "a pipe in its place isn't waited for" timeout 20 "$fake/vfpool" "${at[@]}" dumpxml a
	rm etc/pools/.changes
	ln -s "$work/elsewhere" etc/pools/.changes
	t "a link in its place isn't followed" eval 'v dumpxml a >/dev/null && [ -L etc/pools/.changes ]'
}

# ---- two faults ----

# pools: their names and forms, as the files say: "a:0-1 b:2-3"
pools() {
	local file
	for file in etc/pools/*.xml; do
		echo "$(sed -n 's|.*<name>\(.*\)</name>.*|\1|p' "$file"):$(sed -n "s|.* vfs='\([^']*\)'.*|\1|p" "$file")"
	done | paste -sd ' '
}
# A lease of web's in pool a, on VF 1, which both forms of a have: the new one is of 1 and 2 here.
leased_definitions() {
	definitions
	pool a2 "dev='pf0' numvfs='4' vfs='1-2'" | sed 's|<name>a2|<name>a|' >a2.xml
	pool b2 "dev='pf0' numvfs='4' vfs='3'" | sed 's|<name>b2|<name>b|' >b2.xml
	v define a.xml b.xml >/dev/null && v apply >/dev/null 2>&1
	v hold pf0 --vf 0 >/dev/null && v alloc a --owner web --json | field mac >mac && v unhold pf0 --vf 0 >/dev/null
	cp -r etc etc.was && cp -r state state.was && cp kernel kernel.was
}
again() {
	rm -rf etc state run && cp -r etc.was etc && cp -r state.was state && cp kernel.was kernel
}
# The journal is gone with all that a killed process wrote, and web has its lease in pool $1.
all_is_well() {
	same a.xml:b.xml "$(ls -A etc/pools | sed 's/^blue/a/' | sort | paste -sd :)" &&
		same "$(cat mac)" "$(v alloc "$1" --owner web --json | field mac)" &&
		same 1 "$(sql "SELECT count(DISTINCT pool) FROM vf WHERE pool IN ('a', 'blue')")"
}

test_a_killed_define_before_a_rename() {
	leased_definitions
	local n seen='' is
	for ((n = 1; n < 40; n += sweep)); do
		again
		killed_at "$n" define a2.xml b2.xml || break
		v rename --pool a blue >said 2>&1 || { cat said; break; }
		is=$(pools)
		case $is in
		'b:2-3 blue:0-1' | 'b:3 blue:1-2') seen+=" ${is: -3:1}" ;;
		*) break ;;
		esac
		all_is_well blue || break
	done
	t "a define that is killed anywhere, then rename --pool: old or new as a whole, under the new name, with its lease" \
		same 'b:3 a:1-2' "$(pools | sed 's/^\(a:.*\) \(b:.*\)/\2 \1/')"
	t "killed before the journal and after it" eval 'swept 0 1 "$seen" && [ ! -s killed.out -o "$n" -gt 8 ]'
}

test_a_killed_rename_before_a_define() {
	leased_definitions
	local n seen='' is
	sed 's|<name>a|<name>blue|' a2.xml >blue2.xml
	for ((n = 1; n < 40; n += sweep)); do
		again
		killed_at "$n" rename --pool a blue || break
		if v define a2.xml b2.xml >said 2>&1; then
			seen+=' undone'
			same 'a:1-2 b:3' "$(pools)" && all_is_well a || break
		else # it was finished, so that a new pool a takes VFs of blue's
			seen+=' done'
			same 'b:2-3 blue:0-1' "$(pools)" && v define blue2.xml b2.xml >/dev/null &&
				same 'b:3 blue:1-2' "$(pools)" && all_is_well blue || break
		fi
	done
	t "a rename --pool that is killed anywhere, then define: the pool has one name, its new definition and its lease" \
		same 'b:2-3 blue:0-1' "$(pools)"
	t "killed before the journal and after it" eval 'swept " undone" " done" "$seen" && [ "$n" -gt 8 ]'
}

# proves: killed
test_a_killed_change_is_finished_by_one_that_is_killed() {
	leased_definitions
	local n
	for ((n = 1; n < 40; n += sweep)); do
		again
		killed_at 6 rename --pool a blue && [ -e etc/pools/.changes ] || break
		killed_at "$n" list || break
		v list >/dev/null 2>said && [ ! -s said ] && same 'b:2-3 blue:0-1' "$(pools)" && v define b.xml >/dev/null &&
			all_is_well blue || break
	done
	t "who finishes a rename and is killed anywhere leaves it to the next" same 'b:2-3 blue:0-1' "$(pools)"
	t "who finishes a rename was killed at more than five points" [ "$n" -gt 6 ]
}

test_a_killed_rename_is_finished_after_a_reboot() {
	leased_definitions
	again
	killed_at 6 rename --pool a blue
	rm -rf run
	v list >/dev/null 2>said
	t "a rename --pool that is killed, then a reboot: the next command finishes it without a word" \
		same 'b:2-3 blue:0-1 ' "$(pools) $(cat said)"
	t "the pool has its lease under its new name" all_is_well blue
}

test_what_a_killed_define_left() {
	definitions
	v define a.xml b.xml >/dev/null
	touch etc/pools/.a.xml.vfpool-x1Y2z3 etc/pools/..changes.vfpool-x1Y2z3 etc/pools/a.xml.backup etc/pools/.b.xml.swp
	killed_at 1 define a2.xml b2.xml
	t "a define that is killed while it writes leaves a file" same 2 "$(ls -A etc/pools | grep -c '^\.\.changes.vfpool-......$')"
	v define a2.xml b2.xml >/dev/null
	t "the next define removes it, and no file of a person" same '.b.xml.swp a.xml a.xml.backup b.xml' \
		"$(ls -A etc/pools | LC_ALL=C sort | paste -sd ' ')"
}

test_a_definition_for_root_alone_stays_so() {
	definitions
	v define a.xml b.xml >/dev/null
	chmod 600 etc/pools/a.xml
	v rename --pool a blue >/dev/null
	t "a file that is for root alone is so when its pool has a new name" same '644 600' \
		"$(stat -c %a etc/pools/*.xml | paste -sd ' ')"
}

# proves: says-so
test_definitions_that_cannot_be_stored() {
	definitions
	local n r
	v define a.xml b.xml >/dev/null
	no_room() { # N: at the Nth rename of a define
		r=0
		ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=rename -e inject=rename:error=ENOSPC:when="$1" \
			"$fake/vfpool" "${at[@]}" define a2.xml b2.xml >said 2>&1 || r=$?
		[ "$r" = 1 ]
	}
	for n in 1 2; do
		t "no room at rename $n, with nothing stored yet: said, and all is as before" eval \
			'no_room $n && ! grep -q finishes said && same "old a.xml b.xml" "$(which) $(ls -A etc/pools | paste -sd " ")"'
	done
	t "no room when one is stored: said, with what comes next" eval 'no_room 3 && grep -q "No space left.*next command of vfpool finishes it" said'
	t "no room when one is stored: the next command finishes it" eval 'v list >/dev/null && [ "$(which)" = new ]'
}

run_tests
