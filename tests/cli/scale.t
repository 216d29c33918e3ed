#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How the cost of list and apply grows with the VFs, up to 64 PFs with 64 VFs each, as files in the place of /sys and a
# scripted netlink peer: memory by VF, system calls, and how often each attribute is read.
cd "$(dirname "$0")/../.." || exit
. tests/tap.sh
fake=$PWD/build/tests/fake
. tests/cli/host.sh
exec 3>&1

host() { # NAME PFS VFS: a host in that folder, all of its VFs in one pool
	mkdir "$1"
	"$fake/tree" "$1/sys" "$2" "$3" --netdev
	whole_pool all "$2" "$3" '<vlan><tag id="42"/></vlan>' >"$1/all.xml"
	v "$1" "$3" -- define all.xml >/dev/null
}
v() { # NAME VFS WRAPPER… -- ARGUMENT…
	local host=$1 vfs=$2 wrapper=()
	shift 2
	while [ "$1" != -- ]; do wrapper+=("$1"); shift; done
	shift
	(cd "$host" && PEER_VFS=$vfs "${wrapper[@]}" "$fake/vfpool" "${at[@]}" "$@")
}

# ---- memory ----

peak() { # NAME VFS ARGUMENT…: KiB
	v "$1" "$2" "$fake/peak" -- "${@:3}" 2>&1 >/dev/null | sed -n 's/^peak //p'
}
at_most() { # LIMIT ARGUMENT…: KiB a VF above the memory of a host with one VF
	local small full
	small=$(peak small 1 "${@:2}") full=$(peak full 64 "${@:2}")
	echo "# ${*:2}: $small KiB with 1 VF, $full KiB with 4096: $(((full - small) * 100 / 4096))/100 KiB a VF" >&3
	[ $((full - small)) -le $(($1 * 4096)) ]
}

test_memory_by_vf() {
	host small 1 1
	host full 64 64
	v full 64 -- list --json >list
	t 'list --json has all of 4096 VFs' same 4096 "$(grep -c '"index"' list)"
	t 'apply programs all of 4096 VFs' says 'pf63 vf 63: mac' v full 64 -- apply
	t 'list takes at most 4 KiB a VF' at_most 4 list
	t 'list --json takes at most 8 KiB a VF' at_most 8 list --json
	t 'apply takes at most 4 KiB a VF' at_most 4 apply
}

# ---- system calls; strace is slow, so they are counted on fewer PFs ----

applied() { # NAME PFS: the ledger knows its VFs
	host "$1" "$2" 64
	v "$1" 64 -- apply >/dev/null 2>&1
}
calls() { # NAME ARGUMENT…: system calls
	v "$1" 64 strace -f -qq -o "$work/trace" -- "${@:2}" >/dev/null 2>&1
	wc -l <"$work/trace"
}
linear() { # ARGUMENT…: twice the VFs, at most twice the calls
	local half whole
	half=$(calls half "$@") whole=$(calls whole "$@")
	echo "# $*: $half system calls with 512 VFs, $whole with 1024" >&3
	[ "$half" -gt 512 ] && [ "$whole" -le $((half * 2 + half / 20)) ]
}

test_system_calls_by_vf() {
	applied half 8
	applied whole 16
	t 'the system calls of list grow with the VFs, no faster' linear list
	t 'the system calls of apply grow with the VFs, no faster' linear apply
}

reads() { # ARGUMENT…: each attribute of the tree that is opened, with how often
	v half 64 strace -f -qq -y -e trace=openat,readlinkat -o "$work/trace" -- "$@" >/dev/null 2>&1
	sed -nE 's/^[0-9]+ +(openat|readlinkat)\([0-9]+<([^>]*\/sys[^>]*)>, "([^"]*)".*O_RDONLY.*/\2\/\3/p' "$work/trace" |
		grep -vE '/(\.|net)$|bus/pci/devices/[^/]*$' | sort | uniq -c
}
reads_once() { # ARGUMENT…
	reads "$@" >attributes
	[ -s attributes ] && ! grep -vE '^ +1 ' attributes | head -5 | grep .
}
# It finds the PFs, and looks at each again when it has its lock.
reads_vfs_once() { # ARGUMENT…: and a PF's own attributes twice at most
	reads "$@" >attributes
	[ -s attributes ] && ! grep -vE '^ +1 |^ +2 .*/devices/[0-9a-f:]+:00\.0/' attributes | head -5 | grep .
}

test_how_often_an_attribute_is_read() {
	applied half 8
	t 'list reads each attribute once' reads_once list
	t "apply reads each attribute of a VF once, a PF's own twice at most" reads_vfs_once apply --dry-run
}

run_tests
