#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What define takes, what it refuses with a file and a line, and what a definition that is broken or gone does to other
# verbs. That definitions are stored all or none is in define-killed.t.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh

# card: with 7 VFs, and definitions of pools a and b of them.
card() {
	"$fake/tree" sys 1 7 --netdev
	export PEER_VFS=7 PEER_STATE=$work/kernel
	address="address='0000:01:00.0' numvfs='7'"
	pool a "$address vfs='0-3'" >a.xml
	pool b "$address vfs='4-6'" "<allocate by='libvirt'/>" >b.xml
}
none_but() { # FILE…: in the folder of definitions, hidden ones too
	same "$*" "$(ls -A etc/pools | paste -sd ' ')"
}

# proves: outside says-so
test_define_refuses_what_it_cannot_read() {
	card
	printf '<pool>\n<name>x</name>\n<pf dev="e" numvfs="1">\n</pool>\n' >broken.xml
	printf '<pool>\n<name>x</name>\n<pf dev="e" numvfs="1"/>\n<colour/>\n</pool>\n' >unknown.xml
	head -c 300000 /dev/zero | tr '\0' ' ' >large.xml
	t 'define of broken XML: its file and line' fails_with 1 'broken.xml:5: ' v define broken.xml
	t 'define of an unknown element: its file and line' fails_with 1 'unknown.xml:4: .*colour' v define unknown.xml
	t 'define of a file that is not there: an error' fails_with 1 'opening nope.xml: No such file' v define nope.xml
	t 'define of a file that is too large: an error' fails_with 1 'large.xml is larger' v define large.xml
}

test_define_refuses_what_the_card_has_not() {
	card
	pool more "address='0000:01:00.0' numvfs='8'" >more.xml
	pool range "$address vfs='5-7'" >range.xml
	pool twice "$address vfs='0'" "<pf address='0000:01:00.0' numvfs='7' vfs='0'/>" >twice.xml
	t 'define, a VF outside of numvfs: its line' fails_with 1 'range.xml:3: vfs has VF 7, but' v define range.xml
	t 'define, numvfs above what the card has: its line' fails_with 1 'more.xml:3: .*pf0 has 7 VFs at most' v define more.xml
	t 'define, a PF twice in a pool: both lines' fails_with 1 'twice.xml:4: the PF is in the pool already \(line 3\)' v define twice.xml
	echo 0x010802 >sys/bus/pci/devices/0000:01:00.0/class # an NVMe disk with SR-IOV
	t 'define of a pool of what is no network card: its line' fails_with 1 'a.xml:3: 0000:01:00.0 is no network card' v define a.xml
}

test_validate_and_dry_runs_store_nothing() {
	card
	t 'validate says that a definition is valid' says 'valid definition of pool a' v validate a.xml
	t 'define --dry-run says what would be defined' says 'would be defined' v define a.xml --dry-run
	t 'validate and define --dry-run make no file' test ! -e etc -a ! -e state
}

test_define_and_dumpxml() {
	card
	t 'define of a pool says so' says 'pool a defined' v define a.xml
	t 'define of the same again: unchanged' says 'unchanged' v define a.xml
	pool over "$address vfs='3,5'" >over.xml
	t 'define of a pool that overlaps another: both places' \
		fails_with 1 'over.xml:3: VF 3 is already in pool a \(etc/pools/a.xml:3\)' v define over.xml
	t 'define of a second pool on a card' v define b.xml
	t 'dumpxml gives back what was given' same "$(cat a.xml)" "$(v dumpxml a)"
	t 'dumpxml of a pool that is not there: not found' fails_with 5 "no pool 'nope'" v dumpxml nope
	t 'dumpxml of a name that leads elsewhere: not found' fails_with 5 'no pool' v dumpxml ../../etc/passwd
	t 'define leaves no temporary file' none_but a.xml b.xml
}

test_define_of_several_files() {
	card
	v define a.xml b.xml >/dev/null
	pool a "address='0000:01:00.0' numvfs='6' vfs='0-3'" >a6.xml
	pool b "address='0000:01:00.0' numvfs='6' vfs='4-5'" "<allocate by='libvirt'/>" >b6.xml
	t 'define, numvfs of a shared PF is changed in one pool alone: an error' \
		fails_with 1 "numvfs='6', but .*numvfs='7'.*several files" v define a6.xml
	t 'define, numvfs of a shared PF is changed in both pools at once' says '^pool b defined' v define a6.xml b6.xml
	t 'define of both pools at once: both are stored' same "$(cat a6.xml b6.xml)" "$(v dumpxml a; v dumpxml b)"
	t 'define of both pools at once, back to what they were' says '^pool a defined' v define b.xml a.xml
	t 'define of one pool in two files: an error' fails_with 1 'a.xml and a6.xml both define pool a' v define a.xml a6.xml
}

test_a_file_that_is_no_definition() {
	card
	v define a.xml b.xml >/dev/null
	cp a.xml etc/pools/other.xml
	t 'list, a file has another name than its pool: a note names it' says 'note: .*file must be a.xml' with_stderr v list
	t 'list, a file has another name than its pool: the pools are listed' says '^a ' v list
	rm etc/pools/other.xml
	touch 'etc/pools/.#a.xml'
	t "list, an editor's file is there: not a word of it" same '' "$(v list 2>&1 >/dev/null)"
	t "list, an editor's file is there: the pools are listed" says '^a ' v list
}

test_a_definition_that_is_broken_or_gone() {
	card
	v define a.xml >/dev/null && v apply >/dev/null 2>&1 && v alloc a --owner web >/dev/null
	echo '<pool>' >etc/pools/a.xml
	t 'show, the definition is broken: an error with its file and line' fails_with 1 'etc/pools/a.xml:[0-9]' v show a
	t 'list, a definition is broken: the rest is shown' says '^pf0 ' v list
	t 'list, a definition is broken: a note has its file and line' says 'note: etc/pools/a.xml:[0-9]' with_stderr v list
	t 'define of a good definition over a broken one' says 'pool a defined' v define a.xml
	rm etc/pools/a.xml
	t 'release of a lease whose definition is gone' says 'released the VF of web' v release a --owner web
}

run_tests
