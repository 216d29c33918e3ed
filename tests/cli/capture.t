#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A capture is a stranger's file: whatever stands in it, 'restore' writes nothing outside of its folder.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
. tests/lab/suite/lib.sh
. tests/cli/host.sh
restore=$top/tests/data/restore

# The capture on stdin is refused, and what lies beside its folder stays as it is.
refused() {
	local before after
	rm -rf in outside && mkdir -p outside/folder in
	echo mine >outside/file && chmod 644 outside/file && ln -s "$work/outside/file" in/there-already
	before=$(stat -c '%n %a %s %Y %i' outside outside/* && cat outside/file)
	if "$restore" /dev/stdin in >said 2>&1; then
		echo 'it was taken'
		return 1
	fi
	after=$(stat -c '%n %a %s %Y %i' outside outside/* && cat outside/file)
	grep -q '^line [0-9]*: ' said && same "$before" "$after"
}
capture() { # LINE…
	printf '%s\n' "$@" | refused
}

test_restore_writes_nothing_outside_its_folder() {
	local out=$work/outside
	t 'a file through a link that it has made' capture "l sys/x $out/file" 'f sys/x' $'\tevil'
	t 'a file through a relative link' capture 'l x ../outside/file' 'f x' $'\tevil'
	t 'a file through a link inside the folder' capture 'f sys/y' $'\tgood' 'l sys/x y' 'f sys/x' $'\tevil'
	t 'a file through a link that was there before' capture 'f there-already' $'\tevil'
	t "a node, whose mode is set" capture 'n there-already 777'
	t 'a binary file onto one that was there' capture 'x there-already 3' $'\t0 41 42 43'
	t 'a folder in place of a link' capture 'd there-already'
	t 'a file below a link to a folder' capture "l a $out/folder" 'f a/b'
	t 'a file far below a link to a folder' capture 'd b/c' 'l a b' 'f a/c/d'
	t 'a folder below a link' capture 'd b' 'l a b' 'd a/d'
	t 'a link below a link' capture 'd b' 'l a b' 'l a/l file'
	t 'a file by an absolute path' capture "f $out/new"
	t 'a path that goes up' capture 'f ../outside/file' $'\tevil'
	t 'a path that goes up in the midst' capture 'f a/../../outside/file' $'\tevil'
	t 'a path of nothing' capture 'f '
	t 'a path with an empty part' capture 'f a//b'
	t 'a path with a dot in it' capture 'f a/./b'
	t 'a path that ends with a slash and two dots' capture 'd a/..'
	t 'an absolute link, by which vfpool would write' capture "l sys/driver_override $out/file"
	t 'a link that goes up too far' capture 'l a/b/c ../../../outside/file'
	t 'a link that goes down and up, by another link' capture 'd a/b' 'l a/c ..' 'l a/d c/../../outside/file'
	t 'a link that ends above the folder' capture 'l a ..'
	t 'a link to nothing' capture 'l a '
	t 'the same file twice' capture 'f a' $'\tone' 'f a' $'\ttwo'
	t 'the same link twice' capture 'l a b' 'l a c'
	t 'lines of no file' capture $'\tevil'
	t 'lines of a link' capture 'l a b' $'\tevil'
	t 'bytes beyond the file' capture 'x a 4' $'\t4 41'
	t 'bytes at no number' capture 'x a 4' $'\t-1 41'
	t 'a file of a terabyte' capture 'x a 1000000000000'
	t 'a kind that there is not' capture 'p a'
}

test_restore_makes_what_it_is_told() {
	printf '%s\n' 'f sys/a/b' $'\tone' $'\ttwo' 'l sys/c/d ../a/b' 'l sys/e .' 'd sys/f' 'x sys/g 4' $'\t1 41' 'n dev/x 4777' >capture
	t 'a capture is restored' "$restore" capture in
	t 'a file has its lines' same $'one\ntwo' "$(cat in/sys/a/b)"
	t 'a link leads where it did' same $'one\ntwo' "$(cat in/sys/c/d)"
	t 'a binary file has its bytes, and 0' same 00410000 "$(perl -0777 -ne 'print unpack "H*"' in/sys/g)"
	t 'a node is a plain file of its mode, never one that runs as its owner' same 777 "$(stat -c %a in/dev/x)"
	t "this host's own capture is restored" eval "'$top/tests/data/capture' >own && '$restore' own own-host"
}

# proves: outside
test_sysfs_is_written_without_links_or_making_files() {
	local override=sys/bus/pci/devices/0000:01:01.0/driver_override
	"$fake/tree" sys 1 2 --netdev
	export PEER_VFS=2 PEER_STATE=$work/kernel
	pool p "dev='pf0' numvfs='2'" >p.xml
	v define p.xml >/dev/null
	echo mine >file
	rm -f "$override" "${override%/*}/driver" && ln -s "$work/file" "$override"
	t "apply, where a VF's driver_override is a link: not written" code_is 6 v apply
	t 'the file behind it is as it was' same mine "$(cat file)"
	rm "$override"
	t 'apply, where it is not there: not done' code_is 6 v apply
	t 'sysfs is written without making a file' test ! -e "$override"
}

run_tests
